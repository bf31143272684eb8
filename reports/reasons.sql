-- title: Why one protection was judged as it was, by reason
-- why: a statistic is believed once one knows what stands behind each verdict
-- param feature: pie, relro, stack_protector, fortify, nx …: a column of the table elf
SELECT v.verdict, v.reason, count(*) AS objects, min(v.text) AS example, min(e.path) AS example_path
FROM verdict v JOIN elf e ON e.id = v.elf_id
WHERE v.feature = :feature AND v.reason IS NOT NULL
GROUP BY v.verdict, v.reason
ORDER BY v.verdict, objects DESC, v.reason
