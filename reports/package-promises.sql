-- title: What was promised to the objects of one package, and what they have
-- why: shows why a missing protection is a fault, a matter of a rebuild, or nobody's promise
-- param package: name of a binary package
SELECT p.version, p.architecture, substr(p.built, 1, 10) AS built, r.distribution, r.release, e.path, m.feature,
       (SELECT v.verdict FROM verdict v WHERE v.elf_id = e.id AND v.feature = m.feature) AS has,
       CASE WHEN m.in_force THEN m.value
            WHEN m.rebuild AND (SELECT v.verdict FROM verdict v WHERE v.elf_id = e.id AND v.feature = m.feature)
                               NOT IN ('n/a', m.value) THEN m.value || ' after a rebuild' END AS promised,
       m.since, m.release AS promised_in, m.fix_where, m.source
FROM package p
JOIN elf e ON e.package_id = p.id
JOIN promised m ON m.elf_id = e.id
LEFT JOIN package_release r ON r.package_id = p.id
WHERE p.name = :package AND m.source IS NOT NULL
  AND m.feature IN (SELECT v.feature FROM verdict v WHERE v.elf_id = e.id)
ORDER BY p.version_key DESC, p.architecture, e.path, m.feature
