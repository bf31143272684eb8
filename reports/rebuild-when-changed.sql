-- title: Who must be rebuilt when a source package changes
-- why: what was linked in statically, or built from another source, gets no fix before it is built again
-- param source: exact name of the source package that changes
-- param module=-: Go module or crate of that source, a GLOB pattern such as golang.org/x/crypto*; - for none
-- param limit=1000: how many rows
SELECT source, package, version, architecture, because, built_with, objects FROM (
    SELECT p.source, p.name AS package, p.version, p.architecture, r.kind AS because,
           coalesce(r.op || ' ', '') || coalesce(r.version, '') AS built_with, NULL AS objects
    FROM relation r CROSS JOIN current_package p ON p.id = r.package_id
    WHERE r.name = :source AND r.kind IN ('built-using', 'static-built-using')
    UNION ALL
    SELECT p.source, p.name, p.version, p.architecture, c.ecosystem || ' ' || c.name, c.version, count(DISTINCT e.path)
    FROM component c CROSS JOIN elf e ON e.id = c.elf_id CROSS JOIN current_package p ON p.id = e.package_id
    WHERE c.name GLOB :module AND c.evidence NOT IN ('go-buildinfo-replaced', 'go-buildinfo-main')
    GROUP BY p.id, c.ecosystem, c.name, c.version
    UNION ALL
    SELECT p.source, p.name, p.version, p.architecture, 'embedded ' || c.name, c.version, count(DISTINCT e.path)
    FROM component c CROSS JOIN elf e ON e.id = c.elf_id CROSS JOIN current_package p ON p.id = e.package_id
    WHERE c.ecosystem = 'embedded' AND c.name = :source AND p.source IS NOT :source
    GROUP BY p.id, c.name, c.version
)
ORDER BY source, package, architecture, because, built_with
LIMIT :limit
