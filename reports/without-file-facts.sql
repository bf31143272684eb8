-- title: Packages of which only ELF objects were read, or nothing
-- why: rules and questions on services, scripts and configuration say nothing of them; scan them again with --facts elf,files
-- param limit=500: how many rows
SELECT source, name AS package, version, architecture, status, facts, extractor
FROM current_package
WHERE instr(',' || facts || ',', ',files,') = 0
ORDER BY source, name, architecture, version
LIMIT :limit
