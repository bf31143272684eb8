-- title: Daemons of root that listen, with what takes rights from them
-- why: a fault costs most where no profile, sandbox or binding stands by; imports count too, and say not where it listens
-- param package=*: name of the binary package; a GLOB pattern
-- param limit=500: how many rows
WITH daemon AS MATERIALIZED (
    SELECT * FROM started_file
    WHERE scope = 'system' AND kind IN ('service', 'init', 'inetd') AND NOT dynamic
      AND (user IS NULL OR user IN ('root', '0'))
      AND directive IN ('ExecStart', 'start-stop-daemon', 'start_daemon', 'DAEMON', 'server')
), confined AS MATERIALIZED (
    SELECT file_id, group_concat(mode || ' ' || profile, ', ') AS profiles FROM confined_file GROUP BY file_id
), limited AS MATERIALIZED (SELECT service_id, directives FROM sandboxed_service)
SELECT p.source, p.name AS package, p.version, p.architecture, d.service, d.kind, d.program,
       (SELECT group_concat(DISTINCT k.name) FROM service k WHERE k.package_id = d.package_id AND k.activates = d.service
           AND k.kind = 'socket') AS sockets,
       c.profiles, b.directives AS sandbox_directives,
       (SELECT count(*) > 0 FROM import i JOIN symbol y ON y.id = i.symbol_id
        WHERE i.elf_id = d.elf_id AND y.name IN ('setuid', 'setresuid', 'setreuid', 'setgroups', 'initgroups', 'capset',
            'cap_set_proc', 'chroot')) AS gives_up_rights,
       e.bind_now, e.pie
FROM daemon d
CROSS JOIN current_package p ON p.id = d.package_id
LEFT JOIN elf e ON e.id = d.elf_id
LEFT JOIN limited b ON b.service_id = d.service_id
LEFT JOIN confined c ON c.file_id = d.file_id
WHERE p.name GLOB :package
  AND (d.kind = 'inetd'
    OR EXISTS (SELECT 1 FROM service k JOIN listener l ON l.service_id = k.id
       WHERE k.package_id = d.package_id AND (k.id = d.service_id OR k.activates = d.service))
    OR EXISTS (SELECT 1 FROM import i JOIN symbol y ON y.id = i.symbol_id WHERE i.elf_id = d.elf_id AND y.name = 'listen'))
GROUP BY d.service_id, d.program
ORDER BY p.source, p.name, p.architecture, d.service, d.program
LIMIT :limit
