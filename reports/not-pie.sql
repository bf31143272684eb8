-- title: Programs that are not position independent, by language
-- why: address randomisation needs PIE; where a compiler leaves it out by default, a whole language is affected
-- param language=*: c, c++, rust, go, haskell …; a GLOB pattern
-- param limit=500: how many rows
SELECT e.language, p.source, p.name AS package, p.version, p.architecture, e.path, e.kind,
       json_extract(e.reasons, '$.pie.text') AS reason
FROM elf e JOIN current_package p ON p.id = e.package_id
WHERE e.pie = 'no' AND e.language GLOB :language
ORDER BY e.language, p.source, p.name, p.architecture, e.path
LIMIT :limit
