-- title: Libraries that are compiled into programs instead of linked
-- why: each is a copy that the update of the library does not reach
-- param name=*: zlib, expat …; a GLOB pattern
-- param limit=500: how many rows
SELECT c.name AS library, c.version AS library_version, p.source, p.name AS package, p.version, p.architecture, e.path
FROM component c CROSS JOIN elf e ON e.id = c.elf_id CROSS JOIN current_package p ON p.id = e.package_id
WHERE c.ecosystem = 'embedded' AND c.name GLOB :name
ORDER BY c.name, module_key(c.version), p.source, p.name, p.architecture, e.path
LIMIT :limit
