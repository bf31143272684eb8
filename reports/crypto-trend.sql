-- title: The number of objects that use a weak algorithm, scan by scan and suite by suite
-- why: tells whether an algorithm is on its way out of an archive, and for which purpose it is left
-- param use=md5: an algorithm, or an algorithm with a context, such as md5 signature
-- param scope=suites: a GLOB pattern such as bookworm/main/*; suites stands for all, and for each suite as a whole
-- param scans=30: of how many scans, the newest ones
WITH latest AS (SELECT id, started FROM scan WHERE state = 'finished' ORDER BY id DESC LIMIT :scans),
     place AS (
         SELECT DISTINCT m.scope FROM metric m
         WHERE m.scan_id = (
                 SELECT s.id FROM scan s
                 WHERE EXISTS (SELECT 1 FROM metric WHERE scan_id = s.id AND scope = 'all' AND name = 'objects')
                 ORDER BY s.id DESC LIMIT 1)
           AND m.name = 'objects' AND CASE :scope WHEN 'suites' THEN instr(m.scope, '/') = 0 ELSE m.scope GLOB :scope END)
SELECT o.scope, l.id AS scan, l.started, CAST(coalesce(w.value, 0) AS INTEGER) AS weak,
       CAST(coalesce(k.value, 0) AS INTEGER) AS ok, CAST(o.value AS INTEGER) AS objects,
       round(100.0 * coalesce(w.value, 0) / o.value, 3) AS percent
FROM latest l
CROSS JOIN place p
JOIN metric o ON o.scan_id = l.id AND o.scope = p.scope AND o.name = 'objects'
LEFT JOIN metric w ON w.scan_id = l.id AND w.scope = p.scope AND w.name = 'weak ' || :use
LEFT JOIN metric k ON k.scan_id = l.id AND k.scope = p.scope AND k.name = 'ok ' || :use
ORDER BY o.scope <> 'all', o.scope, l.id DESC
