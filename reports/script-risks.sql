-- title: Maintainer scripts with parts of their own, and what those do that is risky
-- why: they run as root on every machine; the parts that no tool wrote are the ones that nobody else reviews
-- param package=*: name of the binary package; a GLOB pattern
-- param what=*: world-writable, download, temporary-name …; a GLOB pattern
-- param limit=500: how many rows
SELECT p.source, p.name AS package, p.version, m.name AS script, m.own_lines, c.what, c.line, c.text
FROM maintainer_script m
JOIN current_package p ON p.id = m.package_id
JOIN script_call c ON c.file_id = m.file_id
WHERE m.own_lines > 0 AND p.name GLOB :package AND c.what GLOB :what
ORDER BY p.source, p.name, p.architecture, m.name, c.line, c.position
LIMIT :limit
