-- title: Who filters system calls: by the library, or by the unit
-- why: a filter limits what a taken-over program can do; this is who has one, and by exclusion who has not
-- param limit=500: how many rows
SELECT source, package, version, architecture, how, path, detail FROM (
    SELECT p.source, p.name AS package, p.version, p.architecture, 'import' AS how, e.path, s.name AS detail
    FROM symbol s CROSS JOIN import i ON i.symbol_id = s.id CROSS JOIN elf e ON e.id = i.elf_id
    CROSS JOIN current_package p ON p.id = e.package_id
    WHERE s.name IN ('seccomp_load', 'seccomp_init', 'seccomp_export_bpf')
    UNION ALL
    SELECT p.source, p.name, p.version, p.architecture, 'unit', f.path, d.value
    FROM directive d CROSS JOIN file f ON f.id = d.file_id CROSS JOIN current_package p ON p.id = f.package_id
    WHERE d.name = 'SystemCallFilter' AND d.value <> '' AND f.what = 'unit'
)
ORDER BY source, package, architecture, how, path, detail
LIMIT :limit
