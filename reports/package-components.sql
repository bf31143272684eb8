-- title: Modules and crates that are compiled into the programs of one package
-- why: code that is built in gets no security update through a shared library
-- param package: name of a binary package
SELECT p.version, p.architecture, e.path, c.ecosystem, c.name, c.version AS component_version, c.evidence
FROM component c JOIN elf e ON e.id = c.elf_id JOIN package p ON p.id = e.package_id
WHERE p.name = :package
ORDER BY p.version_key DESC, p.architecture, e.path, c.ecosystem, c.name, c.version
