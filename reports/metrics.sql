-- title: What was measured during scans: times, counts, sizes
-- why: finds the slowest packages and shows a scan getting slower from one release to the next
-- param scope=*: what was measured, a GLOB pattern
-- param limit=50: how many values, the largest first
SELECT scan_id AS scan, scope, name, value
FROM metric
WHERE scope GLOB :scope
ORDER BY scan_id DESC, name, value DESC, scope
LIMIT :limit
