-- title: The scans that filled this database, newest first
-- why: tells which version looked, when, and whether it got to its end
-- param limit=20: how many scans
SELECT s.id AS scan, s.state, s.started, s.finished,
       round((julianday(s.finished) - julianday(s.started)) * 86400, 1) AS seconds,
       s.version, count(b.id) AS problems, s.command
FROM scan s LEFT JOIN problem b ON b.scan_id = s.id
GROUP BY s.id
ORDER BY s.id DESC
LIMIT :limit
