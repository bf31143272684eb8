-- title: Weak algorithms by package, algorithm, context and confidence, with the evidence
-- why: what has to be looked at, and where to begin: the example is a place that archscan explain shows
-- param package=*: name of a binary package, as a glob
-- param source=*: name of a source package, as a glob
-- param algorithm=*: md5, sha1, rc4 …; a glob
-- param context=*: signature, password, checksum, unknown …; a glob
-- param limit=1000: how many rows
WITH weak AS (
    SELECT p.id AS package_id, p.source, p.name AS package, p.version, p.architecture, p.version_key, u.algorithm,
           u.context, iif(u.context = 'unknown', u.seen, u.sure) AS confidence, u.use_id,
           coalesce(e.path, f.path) AS path, u.evidence, u.role, u.symbol,
           coalesce(u.address, 'line ' || u.line) AS address,
           coalesce(u.argument, c.value) AS value, c.outcome,
           coalesce(e.path, f.path) || char(0) || coalesce(u.address, 'line ' || u.line, u.symbol, '') AS place
    FROM weak_use u
    LEFT JOIN elf e ON e.id = u.elf_id
    LEFT JOIN file f ON f.id = u.file_id
    JOIN current_package p ON p.id = coalesce(e.package_id, f.package_id)
    LEFT JOIN call_site c ON c.id = u.call_site_id
), grouped AS (
    -- The other columns are those of the row with the least `first` (https://sqlite.org/lang_select.html#bareagg):
    -- a call before a constant before an import, and what computes before what only looks something up.
    SELECT *, count(DISTINCT iif(address IS NOT NULL, place, NULL)) AS places,
           count(DISTINCT iif(address IS NULL, place, NULL)) AS imports, count(DISTINCT path) AS objects,
           replace(group_concat(DISTINCT role), ',', ', ') AS roles,
           replace(group_concat(DISTINCT evidence), ',', ', ') AS kinds,
           min(CASE evidence WHEN 'call' THEN 0 WHEN 'import' THEN 2 ELSE 1 END || (role = 'lookup')
               || (outcome IS NOT 'value') || path || char(1) || printf('%20s', coalesce(address, ''))) AS first
    FROM weak
    GROUP BY package_id, algorithm, context, confidence
)
SELECT source, package, version, architecture, algorithm, context, confidence, places, imports, objects, roles,
       kinds AS evidence,
       path || ': ' || iif(address IS NULL, evidence || ' of ' || coalesce(symbol, 'the algorithm'),
           coalesce(w.function || ' ', '') || 'at ' || address || coalesce(' (' || w.line || ')', '')
           || coalesce(' calls ' || symbol, '')) || coalesce(' (' || value || ')', '') AS example
FROM grouped
JOIN use_place w ON w.use_id = grouped.use_id
WHERE package GLOB :package AND coalesce(source, '') GLOB :source AND algorithm GLOB :algorithm AND context GLOB :context
ORDER BY package, version_key, architecture, algorithm, context, confidence
LIMIT :limit
