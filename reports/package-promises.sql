-- title: What was promised to the objects of one package, and what they have
-- why: shows why a missing protection is a fault, a matter of a rebuild, or nobody's promise
-- param package: name of a binary package
SELECT p.version, p.architecture, substr(p.built, 1, 10) AS built, r.distribution, r.release, e.path, m.feature,
       CASE m.feature
       WHEN 'pie' THEN e.pie
       WHEN 'relro' THEN e.relro
       WHEN 'bind_now' THEN e.bind_now
       WHEN 'stack_protector' THEN e.stack_protector
       WHEN 'fortify' THEN e.fortify
       WHEN 'nx' THEN e.nx
       WHEN 'stack_clash' THEN e.stack_clash
       WHEN 'ibt_marked' THEN e.ibt_marked
       WHEN 'ibt_compiled' THEN e.ibt_compiled
       WHEN 'shstk_marked' THEN e.shstk_marked
       WHEN 'bti_marked' THEN e.bti_marked
       WHEN 'bti_compiled' THEN e.bti_compiled
       WHEN 'pac_marked' THEN e.pac_marked
       WHEN 'pac_compiled' THEN e.pac_compiled
       END AS has,
       CASE WHEN m.in_force THEN m.value WHEN m.rebuild THEN m.value || ' after a rebuild' END AS promised,
       m.since, m.release AS promised_in, m.fix_where, m.source
FROM package p
JOIN elf e ON e.package_id = p.id
JOIN promised m ON m.elf_id = e.id
LEFT JOIN package_release r ON r.package_id = p.id
WHERE p.name = :package AND m.source IS NOT NULL
ORDER BY p.version_key DESC, p.architecture, e.path, m.feature
