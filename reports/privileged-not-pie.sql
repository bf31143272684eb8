-- title: Programs with a privilege that are not position independent, by suite
-- why: a setuid program at a fixed address spares an attacker the first half of the work
-- param suite=*: bookworm, noble-updates …; a GLOB pattern; packages of no suite are of the suite -
-- param limit=500: how many rows
SELECT coalesce(b.suite, '-') AS suite, p.source, p.name AS package, p.version, p.architecture, e.path, o.privilege,
       o.privileged_path, e.kind, e.language, json_extract(e.reasons, '$.pie.text') AS reason
FROM privileged_object o
JOIN elf e ON e.id = o.elf_id
JOIN current_package p ON p.id = e.package_id
LEFT JOIN publication b ON b.package_id = p.id AND b.standing = 'current'
WHERE e.pie = 'no' AND coalesce(b.suite, '-') GLOB :suite
ORDER BY suite, p.source, p.name, p.architecture, e.path
LIMIT :limit
