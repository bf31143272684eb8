-- title: Archives inside packages that nobody looked into
-- why: what is packed twice is seen neither by this tool nor by most others
-- param package=*: name of the binary package; a GLOB pattern
-- param limit=500: how many rows
SELECT p.source, p.name AS package, p.version, p.architecture, f.path, f.size
FROM file f JOIN current_package p ON p.id = f.package_id
WHERE f.kind = 'archive' AND p.name GLOB :package
ORDER BY f.size DESC, p.source, p.name, p.architecture, f.path
LIMIT :limit
