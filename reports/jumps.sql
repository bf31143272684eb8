-- title: Figures of the newest scan that moved much since the one before
-- why: where few packages changed, a share that jumps is more often a measurement that broke than a better archive
-- param points=2: percentage points from which on a share of objects is shown; a tenth of all packages or objects always is
WITH counted AS (
         SELECT id FROM scan s
         WHERE EXISTS (SELECT 1 FROM metric WHERE scan_id = s.id AND scope = 'all' AND name = 'packages')
         ORDER BY id DESC LIMIT 2),
     pair AS (SELECT max(id) AS later, min(id) AS earlier FROM counted HAVING count(*) = 2),
     figure AS (
         SELECT m.scope, m.name, m.scan_id = p.later AS is_later, m.value, m.value / o.value AS share
         FROM pair p
         JOIN metric m ON m.scan_id IN (p.later, p.earlier) AND instr(m.scope, '/') = 0
         JOIN metric o ON o.scan_id = m.scan_id AND o.scope = m.scope AND o.name = 'objects'
         WHERE EXISTS (SELECT 1 FROM metric WHERE scan_id = p.later AND scope = m.scope AND name = 'objects')
           AND EXISTS (SELECT 1 FROM metric WHERE scan_id = p.earlier AND scope = m.scope AND name = 'objects')),
     change AS (
         SELECT scope, name, total(value) FILTER (WHERE NOT is_later) AS before,
                total(value) FILTER (WHERE is_later) AS now,
                iif(name LIKE 'packages%', 0, 100 * (total(share) FILTER (WHERE is_later)
                                                    - total(share) FILTER (WHERE NOT is_later))) AS points
         FROM figure GROUP BY scope, name)
SELECT scope, name, CAST(before AS INTEGER) AS before, CAST(now AS INTEGER) AS now, round(points, 2) AS points,
       p.earlier AS since_scan,
       (SELECT CAST(value AS INTEGER) FROM metric
        WHERE scan_id = p.later AND scope = 'scan' AND name = 'packages read') AS packages_read
FROM change CROSS JOIN pair p
WHERE abs(points) >= :points OR (name IN ('objects', 'packages') AND abs(now - before) >= 0.1 * before)
ORDER BY scope <> 'all', scope, abs(points) DESC, name
