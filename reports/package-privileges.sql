-- title: The files of one package that carry a privilege
-- why: setuid, setgid and capabilities are what an audit looks at first
-- param package: name of a binary package
SELECT p.version, p.architecture, f.path, f.privilege, f.privilege_source AS granted_by,
       iif(f.mode IS NULL, NULL, printf('%04o', f.mode & 4095)) AS mode, f.owner, f.grp,
       e.pie, e.relro, e.bind_now, e.stack_protector, e.fortify, e.nx
FROM file f JOIN package p ON p.id = f.package_id
LEFT JOIN elf e ON e.file_id = f.id
WHERE p.name = :package AND f.privilege IS NOT NULL
ORDER BY p.version_key DESC, p.architecture, f.path, e.path
