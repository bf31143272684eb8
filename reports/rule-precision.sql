-- title: How often each rule was right, by the verdicts on its findings
-- why: A rule that people keep calling wrong has to be mended; one that is always right can stop a build
-- param rule=*: id of a rule, as a glob
-- param least=1: only rules with so many verdicts
SELECT v.rule_id AS rule, r.severity, r.confidence, v.judged, v.right, v.wrong, v.precision,
       (SELECT count(*) FROM finding f WHERE f.rule_id = v.rule_id AND f.state = 'open') AS open
FROM rule_precision v LEFT JOIN rule r ON r.id = v.rule_id
WHERE v.rule_id GLOB :rule AND v.judged >= :least
ORDER BY v.precision, v.judged DESC, v.rule_id
