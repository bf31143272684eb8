-- title: Profiles of AppArmor and modules of SELinux, with their modes
-- why: a profile that only complains, or lets programs run unconfined, confines nothing
-- param package=*: name of the binary package; a GLOB pattern
-- param mode=*: enforce, complain, unconfined, kill, prompt, unknown; a GLOB pattern
-- param limit=500: how many rows
SELECT p.source, p.name AS package, p.version, p.architecture, r.kind, r.name AS profile, r.attachment, r.mode,
       (SELECT count(*) FROM directive d WHERE d.file_id = r.file_id AND d.section = r.name AND d.name = 'weak') AS weak_rules,
       f.path, r.line
FROM profile r JOIN file f ON f.id = r.file_id JOIN current_package p ON p.id = f.package_id
WHERE p.name GLOB :package AND r.mode GLOB :mode
ORDER BY p.source, p.name, p.architecture, f.path, r.position
LIMIT :limit
