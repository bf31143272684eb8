-- title: What debug symbols say of each object, beside what the object shows
-- why: tells a finding that can be filed with the unit and the missing flag from one that needs a second look
-- param package=*: name of the package, as a glob
-- param standing=*: confirmed, contradicted or open
SELECT p.name AS package, p.version, p.architecture, c.path, c.feature, c.found, c.built, c.standing, c.units_with,
       c.units_without, c.units_unknown, c.flag, c.unit, c.debug_file
FROM confirmed c JOIN package p ON p.id = c.package_id
WHERE c.built <> 'n/a' AND coalesce(p.name, '') GLOB :package AND c.standing GLOB :standing
ORDER BY c.standing = 'open', c.standing, package, p.version_key, p.architecture, c.path, c.feature
