-- title: The packages that cost the most: by ELF objects and bytes of them
-- why: these decide how long a batch takes, and where limits and deadlines bite
-- param limit=20: how many packages
SELECT coalesce(p.name, p.filename) AS package, p.version, p.architecture, p.status,
       p.elf_count AS elf_objects,
       round(coalesce(sum(e.size), 0) / 1048576.0, 1) AS elf_mebibytes,
       round(p.size / 1048576.0, 1) AS packed_mebibytes,
       round(p.installed_size / 1024.0, 1) AS installed_mebibytes
FROM package p LEFT JOIN elf e ON e.package_id = p.id
GROUP BY p.id
ORDER BY coalesce(sum(e.size), 0) DESC, p.size DESC, p.id
LIMIT :limit
