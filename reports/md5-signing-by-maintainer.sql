-- title: Signatures with MD5 that nobody has decided about, by maintainer
-- why: one list for each maintainer or team, without what was decided already
-- param algorithm=md5: md5, sha1 …; a GLOB pattern
-- param context=signature: signature, certificate, hmac …; a GLOB pattern
-- param limit=500: how many rows
WITH decided AS MATERIALIZED (
    SELECT o.package_id, o.path, g.subject
    FROM finding_standing s JOIN occurrence o ON o.id = s.occurrence_id JOIN finding g ON g.id = o.finding_id
    WHERE s.because IS NULL
)
SELECT coalesce(p.maintainer, '-') AS maintainer, p.source, p.name AS package, p.version, p.architecture, u.algorithm,
       u.context, count(*) AS uses, min(coalesce(e.path, f.path)) AS example
FROM weak_use u
LEFT JOIN elf e ON e.id = u.elf_id
LEFT JOIN file f ON f.id = u.file_id
JOIN current_package p ON p.id = coalesce(e.package_id, f.package_id)
WHERE u.algorithm GLOB :algorithm AND u.context GLOB :context
  AND NOT EXISTS (SELECT 1 FROM decided d
      WHERE d.package_id = p.id AND d.path IS coalesce(e.path, f.path) AND instr(d.subject, u.algorithm))
GROUP BY maintainer, p.id, u.algorithm, u.context
ORDER BY maintainer, p.source, p.name, p.architecture, u.algorithm
LIMIT :limit
