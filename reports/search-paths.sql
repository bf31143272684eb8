-- title: Objects that bring their own library search path
-- why: RPATH and RUNPATH decide whose library is loaded; build paths and empty parts are a way in
-- param limit=500: how many rows
SELECT p.source, p.name AS package, p.version, p.architecture, e.path, e.kind, e.rpath, e.runpath
FROM elf e JOIN current_package p ON p.id = e.package_id
WHERE e.rpath IS NOT NULL OR e.runpath IS NOT NULL
ORDER BY coalesce(e.rpath, e.runpath), p.source, p.name, p.architecture, e.path
LIMIT :limit
