-- title: Who uses an algorithm, through which library and function
-- why: the list behind a deprecation: which packages have to change
-- param algorithm: md5, sha1, rc4 …; a GLOB pattern
-- param limit=500: how many rows
SELECT p.source, p.name AS package, p.version, p.architecture, coalesce(e.path, f.path) AS path, u.algorithm, u.role,
       u.direction, u.library, u.symbol, u.evidence, u.confidence,
       (SELECT group_concat(c.context, ', ') FROM crypto_context c WHERE c.use_id = u.id) AS contexts
FROM crypto_use u
LEFT JOIN elf e ON e.id = u.elf_id
LEFT JOIN file f ON f.id = u.file_id
JOIN current_package p ON p.id = coalesce(e.package_id, f.package_id)
WHERE u.algorithm GLOB :algorithm
ORDER BY p.source, p.name, p.architecture, path, u.algorithm, u.symbol, u.address, u.id
LIMIT :limit
