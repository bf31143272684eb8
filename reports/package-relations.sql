-- title: What one package depends on, recommends and was built using
-- why: main inclusion pulls in everything that the package needs
-- param package: name of a binary package
SELECT p.version AS package_version, p.architecture, r.kind, r.name, r.op, r.version,
       EXISTS (SELECT 1 FROM package q WHERE q.name = r.name) AS scanned
FROM relation r JOIN package p ON p.id = r.package_id
WHERE p.name = :package
ORDER BY p.version_key DESC, p.architecture, r.kind, r.name, r.op, r.version
