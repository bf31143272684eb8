-- title: Findings that somebody decided about and that need a look again, the most severe first
-- why: A deferral that is over, evidence that changed, a fix that fixed nothing: with the decision and the reason
-- param source=*: name of a source package, as a glob
-- param because=*: asked, expired, privileged, changed, deferred, not-fixed; a glob
-- param limit=500: how many rows
SELECT f.id AS finding, substr(f.fingerprint, 1, 12) AS fingerprint, s.severity, f.rule_id AS rule, f.source, p.name AS package,
       p.version, p.architecture, o.path, f.subject, s.because,
       s.state || coalesce(' ' || s.version, '') AS decided, s.made, s.until, s.authority, s.reason
FROM finding_standing s
JOIN finding f ON f.id = s.finding_id
JOIN occurrence o ON o.id = s.occurrence_id
JOIN package p ON p.id = s.package_id
WHERE s.because IS NOT NULL AND f.source GLOB :source AND s.because GLOB :because
ORDER BY CASE s.severity WHEN 'critical' THEN 4 WHEN 'high' THEN 3 WHEN 'medium' THEN 2 WHEN 'low' THEN 1 ELSE 0 END DESC,
         f.rule_id, f.source, p.name, p.architecture, p.version, o.path
LIMIT :limit
