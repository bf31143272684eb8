-- title: Source packages that a rebuild alone would improve
-- why: one list for binNMUs or no-change uploads instead of a bug in each package
-- param architecture=*: amd64, arm64 …; a GLOB pattern
SELECT r.distribution, coalesce(r.release, '(newest)') AS release, o.source, p.source_version, o.architecture,
       max(substr(p.built, 1, 10)) AS built, group_concat(DISTINCT o.subject) AS lacks,
       max(json_extract(o.evidence, '$.sites[0].promised_since')) AS promised_since,
       count(DISTINCT o.package || ' ' || o.path) AS objects
FROM open_finding o
JOIN package p ON p.id = o.package_id
LEFT JOIN package_release r ON r.package_id = o.package_id
WHERE o.fix_where = 'rebuild' AND coalesce(o.architecture, '') GLOB :architecture
GROUP BY r.distribution, r.release, o.source, p.source_version, o.architecture
ORDER BY r.distribution, release, o.source, p.source_version, o.architecture
