-- title: The packages with the most severe open findings
-- why: where work pays first
-- param limit=20: how many packages
WITH counted AS (
    SELECT package_id, sum(severity = 'critical') AS critical, sum(severity = 'high') AS high,
           sum(severity = 'medium') AS medium, sum(severity = 'low') AS low, sum(severity = 'negligible') AS negligible
    FROM occurrence
    WHERE unchecked = 0 AND finding_id NOT IN (SELECT id FROM finding WHERE state <> 'open')
    GROUP BY package_id
)
SELECT p.name AS package, p.version, p.architecture, p.source,
       c.critical, c.high, c.medium, c.low, c.negligible
FROM counted c JOIN current_package p ON p.id = c.package_id
ORDER BY c.critical DESC, c.high DESC, c.medium DESC, c.low DESC, c.negligible DESC, package, p.architecture
LIMIT :limit
