-- title: Who may run what with sudo, by the rules that packages ship
-- why: what needs no password is an account's right as soon as somebody gets into it
-- param package=*: name of the binary package; a GLOB pattern
-- param limit=500: how many rows
SELECT p.source, p.name AS package, p.version, p.architecture, f.path, d.line, d.section AS account, d.name AS tags,
       d.value AS command
FROM directive d JOIN file f ON f.id = d.file_id AND f.what = 'sudoers' JOIN current_package p ON p.id = f.package_id
WHERE p.name GLOB :package AND d.section IS NOT NULL AND d.name <> 'Defaults'
ORDER BY p.source, p.name, p.architecture, f.path, d.position
LIMIT :limit
