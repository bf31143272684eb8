-- title: Decisions in force, the newest first
-- why: What was decided, by whom, until when, and how many open findings need no look because of it
-- param state=*: DNE, needs-triage, needed, in-progress, not-affected, ignored and so on; a glob
-- param authority=*: who decided, as a glob
-- param limit=500: how many rows
SELECT d.id AS decision,
       coalesce(substr(d.fingerprint, 1, 12) || coalesce(' ' || d.about, ''), d.selector) AS target,
       d.state || coalesce(' ' || d.version, '') AS state, d.versions, d.release, d.until, d.authority, d.made, d.reason,
       coalesce(s.findings, 0) AS findings, coalesce(s.due, 0) AS due
FROM last_decision d
LEFT JOIN (SELECT decision_id, count(DISTINCT finding_id) FILTER (WHERE because IS NULL) AS findings,
                  count(DISTINCT finding_id) FILTER (WHERE because IS NOT NULL) AS due
           FROM finding_standing GROUP BY decision_id) s ON s.decision_id = d.id
WHERE (d.until IS NULL OR d.until >= date('now') OR d.state = 'deferred')
  AND d.state GLOB :state AND d.authority GLOB :authority
ORDER BY d.made DESC, d.id DESC
LIMIT :limit
