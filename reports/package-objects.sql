-- title: The ELF objects of one package with every verdict
-- why: the first page of an audit for main inclusion
-- param package: name of a binary package
SELECT p.version, p.architecture, e.path, e.kind, e.language, e.pie, e.relro, e.bind_now, e.stack_protector,
       e.fortify, e.nx, e.stack_clash, e.ibt_marked, e.shstk_marked, e.bti_marked, e.pac_marked,
       e.textrel, e.wx_segments, e.rpath, e.runpath, e.stripped
FROM elf e JOIN package p ON p.id = e.package_id
WHERE p.name = :package
ORDER BY p.version_key DESC, p.architecture, e.path
