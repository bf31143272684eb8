-- title: Calls of which nobody knows what they select, by reason and function
-- why: what was looked at and not understood; docs/reasons.md says what each reason means
-- param package=*: name of a binary package, as a glob
-- param symbol=*: name of the function, as a glob
-- param limit=500: how many rows
SELECT coalesce(c.reason, '') AS reason, c.symbol, c.library, count(*) AS sites, count(DISTINCT e.id) AS objects,
       count(DISTINCT p.id) AS packages, sum(c.value IS NOT NULL) AS known_in_part,
       min(p.name || ': ' || e.path || ' at ' || c.address || coalesce(' (' || w.line || ')', '')) AS example
FROM call_site c
JOIN call_place w ON w.call_site_id = c.id
JOIN elf e ON e.id = c.elf_id
JOIN current_package p ON p.id = e.package_id
WHERE c.outcome = 'unknown' AND p.name GLOB :package AND c.symbol GLOB :symbol
GROUP BY c.reason, c.symbol, c.library
ORDER BY sites DESC, reason, c.symbol, c.library
LIMIT :limit
