-- title: The share of objects with a protection, scan by scan and suite by suite
-- why: shows whether an archive gets better, and a measurement that broke and that nobody noticed
-- param feature=stack_protector: a column of elf with a verdict, such as pie or fortify
-- param scope=suites: a GLOB pattern such as bookworm/main/*; suites stands for all, and for each suite as a whole
-- param scans=30: of how many scans, the newest ones
WITH latest AS (SELECT id, started FROM scan WHERE state = 'finished' ORDER BY id DESC LIMIT :scans),
     place AS (
         SELECT DISTINCT m.scope FROM metric m
         WHERE m.scan_id = (
                 SELECT s.id FROM scan s
                 WHERE EXISTS (SELECT 1 FROM metric WHERE scan_id = s.id AND scope = 'all' AND name = 'objects')
                 ORDER BY s.id DESC LIMIT 1)
           AND m.name = 'objects' AND CASE :scope WHEN 'suites' THEN instr(m.scope, '/') = 0 ELSE m.scope GLOB :scope END),
     figure AS (
         SELECT l.id, l.started, p.scope, f.value AS word,
                (SELECT value FROM metric
                 WHERE scan_id = l.id AND scope = p.scope AND name = :feature || ' ' || f.value) AS objects
         FROM latest l CROSS JOIN place p
         CROSS JOIN json_each('["yes", "full", "partial", "no", "none", "unknown"]') f)
SELECT scope, id AS scan, started,
       CAST(total(objects) FILTER (WHERE word IN ('yes', 'full')) AS INTEGER) AS protected,
       CAST(total(objects) FILTER (WHERE word = 'partial') AS INTEGER) AS partial,
       CAST(total(objects) FILTER (WHERE word IN ('no', 'none')) AS INTEGER) AS unprotected,
       CAST(total(objects) FILTER (WHERE word = 'unknown') AS INTEGER) AS unknown,
       round(100.0 * total(objects) FILTER (WHERE word IN ('yes', 'full'))
             / sum(objects) FILTER (WHERE word <> 'unknown'), 2) AS percent
FROM figure
GROUP BY scope, id
HAVING sum(objects) IS NOT NULL
ORDER BY scope <> 'all', scope, id DESC
