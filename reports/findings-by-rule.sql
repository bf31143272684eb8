-- title: Findings by rule: how many are open, new, fixed
-- why: shows which rule speaks most and how badly, and whether the archive gets better
SELECT f.rule_id AS rule, r.title,
       sum(f.state = 'open' AND f.severity = 'critical') AS critical,
       sum(f.state = 'open' AND f.severity = 'high') AS high,
       sum(f.state = 'open' AND f.severity = 'medium') AS medium,
       sum(f.state = 'open' AND f.severity = 'low') AS low,
       sum(f.state = 'open' AND f.severity = 'negligible') AS negligible,
       sum(f.state = 'open') AS open,
       sum(f.state = 'open' AND f.first_scan = (SELECT max(id) FROM scan)) AS new,
       sum(f.state = 'fixed') AS fixed,
       sum(f.state = 'unchecked') AS unchecked,
       count(DISTINCT CASE WHEN f.state = 'open' THEN f.source END) AS sources
FROM finding f LEFT JOIN rule r ON r.id = f.rule_id
GROUP BY f.rule_id
ORDER BY open DESC, f.rule_id
