-- title: Who exports a symbol
-- why: finds the library behind a name, and copies of it in other packages
-- param symbol: exact name, or a GLOB pattern
-- param limit=500: how many rows
SELECT p.name AS package, p.version, p.architecture, e.path, e.soname, s.name AS symbol, x.version AS node
FROM symbol s
CROSS JOIN export x ON x.symbol_id = s.id
CROSS JOIN elf e ON e.id = x.elf_id
CROSS JOIN current_package p ON p.id = e.package_id
WHERE s.name GLOB :symbol
ORDER BY s.name, p.name, p.architecture, e.path
LIMIT :limit
