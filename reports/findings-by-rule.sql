-- title: Findings by rule: how many are open, new, fixed
-- why: shows which rule speaks most, and whether the archive gets better
SELECT f.rule_id AS rule, r.title, r.severity,
       sum(f.state = 'open') AS open,
       sum(f.state = 'open' AND f.first_scan = (SELECT max(id) FROM scan)) AS new,
       sum(f.state = 'fixed') AS fixed,
       sum(f.state = 'unchecked') AS unchecked,
       count(DISTINCT CASE WHEN f.state = 'open' THEN f.source END) AS sources
FROM finding f LEFT JOIN rule r ON r.id = f.rule_id
GROUP BY f.rule_id
ORDER BY open DESC, f.rule_id
