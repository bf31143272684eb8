-- title: The cryptography that one package uses, weak first
-- why: an audit has to name each weak algorithm and say what it protects
-- param package: name of a binary package
SELECT p.version, p.architecture, coalesce(e.path, f.path) AS path, u.strength, u.algorithm, u.role, u.direction,
       u.library, u.symbol, u.evidence, u.confidence, u.function, u.address
FROM crypto_use u
LEFT JOIN elf e ON e.id = u.elf_id
LEFT JOIN file f ON f.id = u.file_id
JOIN package p ON p.id = coalesce(e.package_id, f.package_id)
WHERE p.name = :package
ORDER BY p.version_key DESC, p.architecture, CASE u.strength WHEN 'weak' THEN 0 WHEN 'none' THEN 1 ELSE 2 END,
         u.algorithm, path, u.symbol, u.address
