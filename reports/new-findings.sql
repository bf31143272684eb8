-- title: Open findings that were first seen in the last scan
-- why: what got worse since yesterday
-- param limit=500: how many rows
SELECT o.severity, o.confidence, o.rule_id AS rule, f.source, p.name AS package, p.version, p.architecture, o.path,
       o.message
FROM finding f
CROSS JOIN occurrence o ON o.finding_id = f.id AND o.unchecked = 0
CROSS JOIN current_package p ON p.id = o.package_id
WHERE f.first_scan = (SELECT max(id) FROM scan) AND f.state = 'open'
ORDER BY CASE f.severity WHEN 'critical' THEN 4 WHEN 'high' THEN 3 WHEN 'medium' THEN 2 WHEN 'low' THEN 1 ELSE 0 END DESC,
         f.rule_id, f.source, package, p.architecture, o.path
LIMIT :limit
