-- title: What starts programs: units, init scripts, crontabs, inetd, the buses, sessions
-- why: who runs what as whom and where it listens is the first page of a review
-- param package=*: name of the binary package; a GLOB pattern
-- param kind=*: service, socket, timer, init, cron, inetd, dbus, autostart …; a GLOB pattern
-- param limit=500: how many rows
SELECT p.source, p.name AS package, p.version, p.architecture, s.kind, s.scope, s.name AS service,
       iif(s.dynamic, 'dynamic', s.user) AS user, s.grp, s.schedule, s.activates,
       (SELECT group_concat(r.path, ' ') FROM (SELECT DISTINCT path FROM service_program
           WHERE service_id = s.id ORDER BY position) r) AS programs,
       (SELECT group_concat(l.kind || ' ' || CASE WHEN l.family <> 'inet' THEN l.address
               ELSE coalesce(l.address, '*') || ':' || coalesce(l.port, '?') END, ', ')
        FROM listener l WHERE l.service_id = s.id) AS listens,
       f.path, s.line
FROM service s JOIN file f ON f.id = s.file_id JOIN current_package p ON p.id = s.package_id
WHERE p.name GLOB :package AND s.kind GLOB :kind
ORDER BY p.source, p.name, p.architecture, f.path, s.line, s.name
LIMIT :limit
