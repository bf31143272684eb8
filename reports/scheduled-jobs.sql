-- title: What runs by the clock: timers and lines of crontabs
-- why: a job of root that nobody watches reads what others may write
-- param package=*: name of the binary package; a GLOB pattern
-- param limit=500: how many rows
SELECT p.source, p.name AS package, p.version, p.architecture, s.kind, s.name AS job, s.scope, s.user, s.schedule,
       s.activates,
       (SELECT group_concat(r.path || ' ' || r.arguments, '; ') FROM service_program r WHERE r.service_id = s.id) AS runs,
       f.path, s.line
FROM service s JOIN file f ON f.id = s.file_id JOIN current_package p ON p.id = s.package_id
WHERE s.kind IN ('timer', 'cron') AND p.name GLOB :package
ORDER BY p.source, p.name, p.architecture, f.path, s.line
LIMIT :limit
