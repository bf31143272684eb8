-- title: SHA-1 against SHA-256 by source package: call sites and objects, and MD5 beside them
-- why: how far a source has come; one that calls SHA-256 already has the code for what replaces SHA-1
-- param source=*: name of a source package, as a glob
-- param limit=1000: how many rows
WITH used AS (
    SELECT p.source, u.algorithm, iif(u.elf_id IS NULL, NULL, p.id || char(0) || e.path) AS object,
           iif(u.evidence = 'call', p.id || char(0) || e.path || char(0) || u.address, NULL) AS site,
           iif(u.evidence = 'script', p.id || char(0) || f.path || char(0) || coalesce(u.line, 0), NULL) AS line
    FROM crypto_use u
    LEFT JOIN elf e ON e.id = u.elf_id
    LEFT JOIN file f ON f.id = u.file_id
    JOIN current_package p ON p.id = coalesce(e.package_id, f.package_id)
    WHERE u.algorithm IN ('md5', 'sha1', 'sha256') AND coalesce(p.source, '') GLOB :source
)
SELECT source,
       count(DISTINCT iif(algorithm = 'sha1', site, NULL)) AS sha1_sites,
       count(DISTINCT iif(algorithm = 'sha256', site, NULL)) AS sha256_sites,
       count(DISTINCT iif(algorithm = 'md5', site, NULL)) AS md5_sites,
       count(DISTINCT iif(algorithm = 'sha1', object, NULL)) AS sha1_objects,
       count(DISTINCT iif(algorithm = 'sha256', object, NULL)) AS sha256_objects,
       count(DISTINCT iif(algorithm = 'md5', object, NULL)) AS md5_objects,
       count(DISTINCT iif(algorithm = 'sha1', line, NULL)) AS sha1_script_lines,
       count(DISTINCT iif(algorithm = 'sha256', line, NULL)) AS sha256_script_lines,
       count(DISTINCT iif(algorithm = 'md5', line, NULL)) AS md5_script_lines
FROM used
GROUP BY source
ORDER BY sha1_sites DESC, sha1_objects DESC, md5_sites DESC, source
LIMIT :limit
