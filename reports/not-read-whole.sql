-- title: Entries of indices that were not read whole, and why
-- why: of what nobody read there are no findings, which is not the same as no faults
-- param suite=*: a GLOB pattern
-- param limit=500: how many rows
SELECT b.suite, b.component, b.name AS package, b.version, b.architecture,
       coalesce(iif(p.status = 'complete', 'partly', p.status), 'waiting') AS state,
       coalesce(p.unread, (SELECT min(x.stage || ' ' || x.kind || ': ' || x.message) FROM problem x
           WHERE x.package_id = p.id), iif(p.id IS NULL, 'no scan came to it yet', 'not said')) AS reason
FROM publication b LEFT JOIN package p ON p.id = b.package_id
WHERE b.standing = 'current' AND b.suite GLOB :suite
  AND (p.id IS NULL OR p.status <> 'complete' OR p.unread IS NOT NULL)
ORDER BY b.suite, b.component, b.name, b.architecture, b.version
LIMIT :limit
