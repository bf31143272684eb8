-- title: Open findings that were first seen in the last scan
-- why: what got worse since yesterday
-- param limit=500: how many rows
SELECT o.severity, o.confidence, o.rule_id AS rule, o.source, o.package, o.version, o.architecture, o.path, o.message
FROM open_finding o JOIN finding f ON f.id = o.finding_id
WHERE f.first_scan = (SELECT max(id) FROM scan)
ORDER BY CASE o.severity WHEN 'critical' THEN 4 WHEN 'high' THEN 3 WHEN 'medium' THEN 2 WHEN 'low' THEN 1 ELSE 0 END DESC,
         o.rule_id, o.source, o.package, o.architecture, o.path
LIMIT :limit
