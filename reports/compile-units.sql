-- title: How each unit of a package was compiled
-- why: finds the files whose flags the build system lost
-- param package: name of the package
SELECT o.path, u.position, u.name, u.language, u.origin, u.stack_protector, u.stack_clash, u.cf_protection,
       u.branch_protection, u.fortify, u.optimised, u.pic, u.lto, r.text AS producer
FROM built_object o
JOIN package p ON p.id = o.package_id
JOIN compile_unit u ON u.debug_id = o.debug_id
LEFT JOIN producer r ON r.id = u.producer_id
WHERE p.name = :package
ORDER BY p.version_key, p.architecture, o.path, p.sha256, u.position
