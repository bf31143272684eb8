-- title: Every file with a privilege in the current packages
-- why: the attack surface for local users, on one list
-- param privilege=*: setuid, setgid, or part of a capability's name; a GLOB pattern
-- param limit=500: how many rows
SELECT p.source, p.name AS package, p.version, p.architecture, f.path, f.privilege, f.privilege_source AS granted_by,
       iif(f.mode IS NULL, NULL, printf('%04o', f.mode & 4095)) AS mode, f.owner, f.grp, f.kind
FROM file f JOIN current_package p ON p.id = f.package_id
WHERE f.privilege GLOB :privilege
ORDER BY p.source, p.name, p.architecture, f.path
LIMIT :limit
