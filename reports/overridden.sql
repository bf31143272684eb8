-- title: Open findings on which the maintainer has a word, with the comment
-- why: an override is a reason to read, and none where the program is privileged
-- param limit=500: how many rows
SELECT iif(o.counts, 'overridden', 'ignored: ' || o.ignored) AS effect, o.severity_without AS severity, o.rule_id AS rule,
       o.source, o.package, o.version, o.architecture, o.path, o.tag, o.context, o.comment
FROM overridden_finding o
ORDER BY o.counts, o.source, o.package, o.architecture, o.path, o.rule_id
LIMIT :limit
