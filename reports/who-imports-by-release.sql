-- title: Who imports a symbol of a library, release by release
-- why: shows whether the users of a function go away from one release to the next, and which versions still have it
-- param symbol: exact name, or a GLOB pattern such as MD5_*
-- param library=*: libcrypto.so.3 …; a GLOB pattern; - where the import does not say which
-- param suite=*: bookworm, sid …; a GLOB pattern; packages of no suite are of the release that they were built for
-- param limit=1000: how many rows
SELECT coalesce(b.suite, r.release, '-') AS suite, p.source, p.name AS package, p.version, p.architecture,
       coalesce(i.library, '-') AS library, s.name AS symbol, i.version AS node,
       count(DISTINCT e.path) AS objects, min(e.path) AS example
FROM symbol s
CROSS JOIN import i ON i.symbol_id = s.id
CROSS JOIN elf e ON e.id = i.elf_id
CROSS JOIN current_package p ON p.id = e.package_id
LEFT JOIN publication b ON b.package_id = p.id AND b.standing = 'current'
LEFT JOIN package_release r ON r.package_id = p.id
WHERE s.name GLOB :symbol AND coalesce(i.library, '-') GLOB :library AND coalesce(b.suite, r.release, '-') GLOB :suite
GROUP BY 1, p.id, i.library, s.name, i.version
ORDER BY suite, p.source, p.name, p.architecture, library, symbol, node
LIMIT :limit
