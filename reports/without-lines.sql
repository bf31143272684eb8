-- title: Objects with debug symbols of which calls have no source line
-- why: what a newer archscan found of them was not asked for yet: archscan confirm with the same files asks again
-- param package=*: name of a binary package, as a glob
-- param limit=500: how many rows
SELECT p.name AS package, p.version, p.architecture, o.path, o.debug_file, count(*) AS calls,
       sum(w.line IS NULL) AS without_line
FROM built_object o
JOIN package p ON p.id = o.package_id
JOIN call_site c ON c.elf_id = o.elf_id
JOIN call_place w ON w.call_site_id = c.id
WHERE coalesce(p.name, '') GLOB :package
GROUP BY o.elf_id
HAVING without_line > 0
ORDER BY p.name, p.version_key, p.architecture, o.path
LIMIT :limit
