-- title: Weak algorithms by library, with how many packages use them
-- why: shows how much work it is to drop an algorithm from the archive
SELECT u.algorithm, u.role, coalesce(u.library, '(none)') AS library, u.evidence,
       count(DISTINCT coalesce(e.package_id, f.package_id)) AS packages, count(*) AS uses
FROM crypto_use u NOT INDEXED  -- nearly all of them are weak
LEFT JOIN elf e ON e.id = u.elf_id
LEFT JOIN file f ON f.id = u.file_id
WHERE u.strength = 'weak' AND coalesce(e.package_id, f.package_id) IN (SELECT id FROM current_package)
GROUP BY u.algorithm, u.role, u.library, u.evidence
ORDER BY u.algorithm, packages DESC, u.role, library, u.evidence
