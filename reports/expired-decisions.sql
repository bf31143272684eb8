-- title: Decisions whose last day is over, or will be soon
-- why: To be renewed, or to be let go: until then the findings that nothing else decides are back in the queue
-- param days=0: also those that end within so many days
-- param limit=500: how many rows
SELECT d.id AS decision, d.until, CAST(julianday(d.until) - julianday(date('now')) AS INTEGER) AS days_left,
       coalesce(substr(d.fingerprint, 1, 12) || coalesce(' ' || d.about, ''), d.selector) AS target, d.state, d.authority,
       d.made, d.reason, coalesce(s.findings, 0) AS findings
FROM last_decision d
LEFT JOIN (SELECT decision_id, count(DISTINCT finding_id) AS findings FROM finding_standing GROUP BY decision_id) s
    ON s.decision_id = d.id
WHERE d.until < date('now', '+' || :days || ' days')
ORDER BY d.until, d.id
LIMIT :limit
