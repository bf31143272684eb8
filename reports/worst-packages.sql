-- title: The packages with the most severe open findings
-- why: where work pays first
-- param limit=20: how many packages
SELECT package, version, architecture, source,
       sum(severity = 'critical') AS critical, sum(severity = 'high') AS high, sum(severity = 'medium') AS medium,
       sum(severity = 'low') AS low, sum(severity = 'negligible') AS negligible
FROM open_finding
GROUP BY package_id
ORDER BY critical DESC, high DESC, medium DESC, low DESC, negligible DESC, package, architecture
LIMIT :limit
