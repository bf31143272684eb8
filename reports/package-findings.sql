-- title: The open findings of one package
-- why: what an audit has to settle before the package goes into main
-- param package: name of a binary package
SELECT o.severity, o.confidence, o.rule_id AS rule, o.version, o.architecture, o.path, o.subject, o.message
FROM open_finding o
WHERE o.package = :package
ORDER BY CASE o.severity WHEN 'critical' THEN 4 WHEN 'high' THEN 3 WHEN 'medium' THEN 2 WHEN 'low' THEN 1 ELSE 0 END DESC,
         o.rule_id, o.architecture, o.path, o.subject
