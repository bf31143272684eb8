-- title: Programs with a privilege that lack a protection
-- why: a setuid program without PIE or a canary turns a small bug into root
-- param limit=500: how many rows
SELECT p.source, p.name AS package, p.version, p.architecture, e.path, o.privilege, o.privileged_path,
       e.pie, e.relro, e.bind_now, e.stack_protector, e.stack_clash, e.fortify, e.nx, e.textrel, e.wx_segments
FROM privileged_object o
JOIN elf e ON e.id = o.elf_id
JOIN current_package p ON p.id = e.package_id
WHERE ('no' IN (e.pie, e.bind_now, e.stack_protector, e.stack_clash, e.fortify, e.nx)
       OR 'partial' IN (e.stack_protector, e.stack_clash) OR e.relro IN ('none', 'partial')
       OR e.textrel > 0 OR e.wx_segments > 0)
ORDER BY p.source, p.name, p.architecture, e.path
LIMIT :limit
