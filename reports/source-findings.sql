-- title: The open findings of one source package
-- why: what a maintainer gets to hear, over all binary packages and architectures
-- param source: name of a source package
SELECT f.severity, f.confidence, f.rule_id AS rule, f.path_key, f.subject, count(*) AS occurrences,
       group_concat(DISTINCT o.package) AS packages, group_concat(DISTINCT o.architecture) AS architectures,
       min(o.message) AS message, substr(f.fingerprint, 1, 12) AS fingerprint
FROM finding f JOIN open_finding o ON o.finding_id = f.id
WHERE f.source = :source
GROUP BY f.id
ORDER BY CASE f.severity WHEN 'critical' THEN 4 WHEN 'high' THEN 3 WHEN 'medium' THEN 2 WHEN 'low' THEN 1 ELSE 0 END DESC,
         f.rule_id, f.path_key, f.subject
