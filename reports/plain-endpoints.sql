-- title: Addresses on the network that files name without encryption
-- why: what is fetched from there can be read and changed on its way
-- param url=*: a GLOB pattern such as ftp:*
-- param package=*: name of the binary package; a GLOB pattern
-- param limit=500: how many rows
SELECT p.source, p.name AS package, p.version, p.architecture, f.path, f.what, n.line, n.url
FROM endpoint n JOIN file f ON f.id = n.file_id JOIN current_package p ON p.id = f.package_id
WHERE n.url GLOB :url AND p.name GLOB :package
ORDER BY p.source, p.name, p.architecture, f.path, n.line, n.url
LIMIT :limit
