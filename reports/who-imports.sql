-- title: Who imports a symbol
-- why: finds every user of a function before it is deprecated, patched or banned
-- param symbol: exact name, or a GLOB pattern such as MD5_*
-- param limit=500: how many rows
SELECT p.source, p.name AS package, p.version, p.architecture, e.path, s.name AS symbol, i.version AS node, i.library
FROM symbol s
CROSS JOIN import i ON i.symbol_id = s.id
CROSS JOIN elf e ON e.id = i.elf_id
CROSS JOIN current_package p ON p.id = e.package_id
WHERE s.name GLOB :symbol
ORDER BY p.source, p.name, p.architecture, e.path, s.name
LIMIT :limit
