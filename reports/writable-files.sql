-- title: Files that everybody may write, or that are not root's
-- why: who owns a file that root runs or reads is root
-- param package=*: name of the binary package; a GLOB pattern
-- param limit=500: how many rows
SELECT p.source, p.name AS package, p.version, p.architecture, f.path, f.kind, printf('%04o', f.mode & 4095) AS mode,
       f.owner, f.grp, f.privilege
FROM file f JOIN current_package p ON p.id = f.package_id
WHERE f.kind <> 'symlink' AND f.path NOT GLOB 'DEBIAN/*' AND p.name GLOB :package
  AND (f.mode & 2 OR f.owner NOT IN ('root', '0') OR f.mode & 16 AND f.grp NOT IN ('root', '0'))
ORDER BY p.source, p.name, p.architecture, f.path
LIMIT :limit
