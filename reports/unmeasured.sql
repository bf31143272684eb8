-- title: Verdicts that stayed unknown, with the reason
-- why: separates what archscan cannot measure yet from objects that resist being measured
SELECT v.feature, e.language, v.reason, count(*) AS objects, min(v.text) AS example
FROM verdict v JOIN elf e ON e.id = v.elf_id
WHERE v.verdict = 'unknown'
GROUP BY v.feature, e.language, v.reason
ORDER BY objects DESC, v.feature, e.language, v.reason
