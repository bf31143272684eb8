-- title: Who needs a shared library
-- why: the objects that a library transition or an ABI change touches
-- param soname: exact soname, or a GLOB pattern such as libcrypto.so.*
-- param limit=500: how many rows
SELECT p.source, p.name AS package, p.version, p.architecture, e.path, e.kind, n.soname
FROM needed n
CROSS JOIN elf e ON e.id = n.elf_id
CROSS JOIN current_package p ON p.id = e.package_id
WHERE n.soname GLOB :soname
ORDER BY n.soname, p.source, p.name, p.architecture, e.path
LIMIT :limit
