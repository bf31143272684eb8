-- title: Who has a module, a crate or a library built in, below a version
-- why: a fault in it is mended by rebuilding these packages, not by an update of a shared library
-- param name: golang.org/x/crypto, ring, zlib …; a GLOB pattern
-- param below=: the version that mends it, such as 0.17.0 or v0.17.0; empty for every version
-- param ecosystem=*: go, cargo, toolchain or embedded; a GLOB pattern
-- param limit=1000: how many rows
SELECT c.ecosystem, c.name, c.version AS component_version, p.source, p.name AS package, p.version, p.architecture,
       e.path, c.evidence
FROM component c
CROSS JOIN elf e ON e.id = c.elf_id
CROSS JOIN current_package p ON p.id = e.package_id
WHERE c.name GLOB :name AND c.ecosystem GLOB :ecosystem AND c.evidence <> 'go-buildinfo-replaced'
  AND (:below = '' OR c.version IS NULL OR c.version = '(devel)' OR module_key(c.version) < module_key(:below))
ORDER BY c.ecosystem, c.name, module_key(c.version), p.source, p.name, p.architecture, e.path
LIMIT :limit
