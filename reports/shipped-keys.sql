-- title: Keys and certificates that packages ship
-- why: a private key that everybody has is none, and a certificate that is shipped is trusted longer than it should be
-- param kind=*: private-key, certificate, ssh-… …; a GLOB pattern
-- param limit=500: how many rows
SELECT k.kind, p.source, p.name AS package, p.version, p.architecture, f.path, k.line, k.detail
FROM key_material k JOIN file f ON f.id = k.file_id JOIN current_package p ON p.id = f.package_id
WHERE k.kind GLOB :kind
ORDER BY k.kind NOT GLOB '*private*', k.kind, p.source, p.name, p.architecture, f.path, k.line
LIMIT :limit
