-- title: Weak cryptography in scripts and class files, by language
-- why: no import table shows what an interpreter computes
-- param language=*: python, perl, shell, java …; a GLOB pattern
-- param algorithm=*: md5, sha1 …; a GLOB pattern
-- param limit=500: how many rows
SELECT f.what AS language, u.algorithm, u.context, p.source, p.name AS package, p.version, f.path, u.line, u.symbol,
       u.sure AS confidence
FROM weak_use u JOIN file f ON f.id = u.file_id JOIN current_package p ON p.id = f.package_id
WHERE u.evidence = 'script' AND coalesce(f.what, '') GLOB :language AND u.algorithm GLOB :algorithm
ORDER BY language, u.algorithm, p.source, p.name, f.path, u.line
LIMIT :limit
