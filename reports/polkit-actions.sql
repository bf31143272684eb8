-- title: Actions of polkit, and what answers them by default
-- why: what is answered with yes is done without a password, with the rights of the service
-- param package=*: name of the binary package; a GLOB pattern
-- param limit=500: how many rows
SELECT p.source, p.name AS package, p.version, p.architecture, f.path, d.section AS action,
       max(iif(d.name = 'allow_any', d.value, NULL)) AS allow_any,
       max(iif(d.name = 'allow_inactive', d.value, NULL)) AS allow_inactive,
       max(iif(d.name = 'allow_active', d.value, NULL)) AS allow_active,
       max(iif(d.name = 'org.freedesktop.policykit.exec.path', d.value, NULL)) AS runs
FROM directive d JOIN file f ON f.id = d.file_id AND f.what = 'polkit-action' JOIN current_package p ON p.id = f.package_id
WHERE p.name GLOB :package AND d.section IS NOT NULL
GROUP BY p.id, f.id, d.section
ORDER BY p.source, p.name, p.architecture, f.path, min(d.position)
LIMIT :limit
