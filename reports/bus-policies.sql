-- title: What the policies of the buses allow and deny, and to whom
-- why: who may own a name, and call a service of root, is decided there
-- param package=*: name of the binary package; a GLOB pattern
-- param policy=*: default, mandatory, user=root, group=…; a GLOB pattern
-- param limit=500: how many rows
SELECT p.source, p.name AS package, p.version, p.architecture, f.path, d.line, d.section AS policy, d.name AS rule,
       d.value AS attributes
FROM directive d JOIN file f ON f.id = d.file_id AND f.what = 'dbus-policy' JOIN current_package p ON p.id = f.package_id
WHERE p.name GLOB :package AND d.section GLOB :policy
ORDER BY p.source, p.name, p.architecture, f.path, d.position
LIMIT :limit
