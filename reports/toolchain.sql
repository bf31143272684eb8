-- title: Findings that nothing in a package can mend
-- why: one bug in a compiler or library for each row instead of one in each package
SELECT o.rule_id AS rule, o.subject, e.language, e.machine, coalesce(r.distribution, '(unknown)') AS distribution,
       count(*) AS objects, count(DISTINCT o.source) AS sources, min(o.package || ' ' || o.path) AS example,
       min(json_extract(o.evidence, '$.sites[0].promise')) AS because
FROM open_finding o
JOIN elf e ON e.id = o.elf_id
LEFT JOIN package_release r ON r.package_id = o.package_id
WHERE o.fix_where = 'toolchain'
GROUP BY o.rule_id, o.subject, e.language, e.machine, r.distribution
ORDER BY objects DESC, o.rule_id, o.subject, e.language, e.machine, distribution
