-- title: What was given but not looked inside
-- why: nothing counts as good that nobody looked at; this is the list of the blind spots
-- param limit=200: how many rows
SELECT what, package, architecture, path, size FROM (
    SELECT 'nested archive' AS what, coalesce(p.name, p.filename) AS package, p.architecture, f.path, f.size
    FROM file f JOIN package p ON p.id = f.package_id
    WHERE f.kind = 'archive'
    UNION ALL
    SELECT 'package ' || p.status, coalesce(p.name, p.filename), p.architecture, NULL, p.size
    FROM package p
    WHERE p.status <> 'complete'
)
ORDER BY what DESC, package, architecture, path
LIMIT :limit
