-- title: The cryptography that one package uses, weak first, with function, address, source line, value and context
-- why: an audit has to name each weak algorithm and say what it protects
-- param package: name of a binary package
SELECT p.version, p.architecture, coalesce(e.path, f.path) AS path, u.strength, u.algorithm, u.role, u.direction,
       u.library, u.symbol, u.evidence, w.function, u.address, w.line, coalesce(u.argument, c.value) AS value, c.outcome,
       c.reason, coalesce(x.context, 'unknown') AS context, coalesce(x.confidence, u.confidence) AS confidence
FROM crypto_use u
JOIN use_place w ON w.use_id = u.id
LEFT JOIN elf e ON e.id = u.elf_id
LEFT JOIN file f ON f.id = u.file_id
LEFT JOIN call_site c ON c.id = u.call_site_id
LEFT JOIN crypto_context x ON x.use_id = u.id
JOIN package p ON p.id = coalesce(e.package_id, f.package_id)
WHERE p.name = :package
ORDER BY p.version_key DESC, p.architecture, CASE u.strength WHEN 'weak' THEN 0 WHEN 'none' THEN 1 ELSE 2 END,
         u.algorithm, path, u.symbol, length(u.address), u.address, u.id, context
