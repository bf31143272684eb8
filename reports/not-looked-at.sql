-- title: What was given but not looked inside
-- why: nothing counts as good that nobody looked at; this is the list of the blind spots
-- param limit=200: how many rows
SELECT what, package, architecture, path, size FROM (
    SELECT 1 AS place, 'nested archive' AS what, coalesce(p.name, p.filename) AS package, p.architecture, f.path, f.size
    FROM file f JOIN package p ON p.id = f.package_id
    WHERE f.kind = 'archive'
    UNION ALL
    SELECT CASE WHEN p.unread IS NULL OR p.status IN ('partial', 'unreadable') THEN 0 ELSE 2 END,
           'package ' || p.status || coalesce(': ' || p.unread, ''), coalesce(p.name, p.filename), p.architecture, NULL,
           p.size
    FROM package p
    WHERE p.status <> 'complete' OR p.unread IS NOT NULL
)
ORDER BY place, what DESC, package, architecture, path
LIMIT :limit
