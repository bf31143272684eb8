-- title: How privileges come about: in the archive's modes, by capabilities, by maintainer scripts
-- why: what a script grants stands in no list of files, so it is the privilege that reviews miss
SELECT f.privilege_source AS granted_by, f.privilege, count(*) AS files, count(DISTINCT p.source) AS sources,
       min(p.name || ': ' || f.path) AS example
FROM file f JOIN current_package p ON p.id = f.package_id
WHERE f.privilege IS NOT NULL
GROUP BY f.privilege_source, f.privilege
ORDER BY granted_by, files DESC, f.privilege
