-- title: Findings with their numbers and fingerprints, the most severe first
-- why: archscan explain takes either, and shows the evidence of one
-- param package=*: name of a binary package, as a glob
-- param rule=*: id of the rule, as a glob
-- param state=open: open, fixed, removed, withdrawn, unchecked; a glob
-- param decided=no: no leaves out what is decided, unless it is about a privileged program; yes, or * for all
-- param limit=500: how many rows
SELECT f.id AS finding, substr(f.fingerprint, 1, 12) AS fingerprint, f.severity, f.confidence, f.state,
       f.rule_id AS rule, f.source, f.path_key, f.subject,
       (SELECT count(*) FROM occurrence o WHERE o.finding_id = f.id) AS occurrences,
       d.states AS decided
FROM finding f
LEFT JOIN decided_finding d ON d.finding_id = f.id
-- +: the most severe ones are met first, and the rest need not be looked at.
WHERE +f.rule_id GLOB :rule AND +f.state GLOB :state
  AND (:decided = '*' OR :decided = iif(d.finding_id IS NULL, 'no', 'yes') OR d.privileged AND :decided = 'no')
  AND (:package = '*' OR f.id IN (SELECT o.finding_id FROM occurrence o JOIN package p ON p.id = o.package_id
                                  WHERE p.name GLOB :package))
ORDER BY CASE f.severity WHEN 'critical' THEN 4 WHEN 'high' THEN 3 WHEN 'medium' THEN 2 WHEN 'low' THEN 1 ELSE 0 END DESC,
         f.rule_id, f.source, f.path_key, f.subject
LIMIT :limit
