-- title: Daemons of root that listen, with what takes rights from them
-- why: a fault costs most where no profile, sandbox or binding stands by; imports count too, and say not where it listens
-- param package=*: name of the binary package; a GLOB pattern
-- param limit=500: how many rows
WITH daemon AS (
    SELECT s.id, s.package_id, s.file_id, s.name, s.kind, p.path,
           (SELECT min(e.id) FROM elf e WHERE e.package_id = s.package_id AND e.path IN (substr(p.path, 2),
               (SELECT rtrim(y.path, replace(y.path, '/', '')) || y.link FROM file y
                WHERE y.package_id = s.package_id AND y.path = substr(p.path, 2) AND y.kind = 'symlink'))) AS elf_id
    FROM service s JOIN service_program p ON p.service_id = s.id AND p.directive IN ('ExecStart', 'start-stop-daemon',
        'start_daemon', 'DAEMON', 'server')
    WHERE s.scope = 'system' AND s.kind IN ('service', 'init', 'inetd') AND NOT s.dynamic
      AND (s.user IS NULL OR s.user IN ('root', '0'))
    GROUP BY s.id, p.path
)
SELECT p.source, p.name AS package, p.version, p.architecture, d.name AS service, d.kind, d.path AS program,
       (SELECT group_concat(DISTINCT k.name) FROM service k WHERE k.package_id = d.package_id AND k.activates = d.name
           AND k.kind = 'socket') AS sockets,
       (SELECT group_concat(a.mode || ' ' || a.name, ', ') FROM profile a JOIN file f ON f.id = a.file_id
        WHERE f.package_id = d.package_id AND a.attachment IS NOT NULL AND instr(a.attachment,
            replace(d.path, rtrim(d.path, replace(d.path, '/', '')), ''))) AS profiles,
       (SELECT count(*) FROM directive t WHERE t.file_id = d.file_id AND t.section = 'Service' AND t.value <> ''
           AND (t.name GLOB 'Protect*' OR t.name GLOB 'Private*' OR t.name GLOB 'Restrict*' OR t.name GLOB 'SystemCall*'
             OR t.name IN ('CapabilityBoundingSet', 'NoNewPrivileges', 'MemoryDenyWriteExecute', 'AppArmorProfile')))
           AS sandbox_directives,
       (SELECT count(*) > 0 FROM import i JOIN symbol y ON y.id = i.symbol_id
        WHERE i.elf_id = d.elf_id AND y.name IN ('setuid', 'setresuid', 'setreuid', 'setgroups', 'initgroups', 'capset',
            'cap_set_proc', 'chroot')) AS gives_up_rights,
       e.bind_now, e.pie
FROM daemon d JOIN current_package p ON p.id = d.package_id LEFT JOIN elf e ON e.id = d.elf_id
WHERE p.name GLOB :package
  AND (EXISTS (SELECT 1 FROM listener l JOIN service k ON k.id = l.service_id
       WHERE k.package_id = d.package_id AND (k.id = d.id OR k.activates = d.name))
    OR EXISTS (SELECT 1 FROM import i JOIN symbol y ON y.id = i.symbol_id WHERE i.elf_id = d.elf_id AND y.name = 'listen'))
ORDER BY p.source, p.name, p.architecture, d.name, d.path
LIMIT :limit
