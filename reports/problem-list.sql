-- title: Every problem with its package, place and message
-- why: the list to work through after a batch
-- param stage=*: source, deb, control, data, elf, crypto, child or store; a GLOB pattern
-- param kind=*: missing, corrupt, timeout, crash …; a GLOB pattern
-- param limit=200: how many problems
SELECT b.scan_id AS scan, coalesce(p.name || ' ' || p.version, b.target) AS package, p.architecture,
       b.stage, b.kind, b.path, b.message
FROM problem b LEFT JOIN package p ON p.id = b.package_id
WHERE b.stage GLOB :stage AND b.kind GLOB :kind
ORDER BY b.scan_id DESC, b.id
LIMIT :limit
