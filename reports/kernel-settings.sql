-- title: Settings of the kernel that packages bring, with who sets them
-- why: a package that loosens one does so for the whole machine, and two packages may contradict each other
-- param name=*: kernel.sysrq, fs.suid_dumpable …; a GLOB pattern
-- param limit=500: how many rows
SELECT d.name, d.value, p.source, p.name AS package, p.version, p.architecture, f.path, d.line
FROM file f JOIN directive d ON d.file_id = f.id JOIN current_package p ON p.id = f.package_id
WHERE f.what = 'sysctl' AND d.name GLOB :name
ORDER BY d.name, d.value, p.source, p.name, p.architecture, f.path, d.line
LIMIT :limit
