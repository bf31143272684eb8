-- title: Findings that are open in two suites at once
-- why: what is open in unstable and in stable needs an update as well as an upload
-- param newer=sid: name of a suite, as the index has it
-- param older=bookworm: name of another one
-- param limit=500: how many rows
SELECT f.rule_id, f.severity, f.source, n.name AS package, o.path, f.subject, b.suite AS newer, n.version AS newer_version,
       d.suite AS older, m.version AS older_version, n.architecture
FROM publication b
CROSS JOIN package n ON n.id = b.package_id
CROSS JOIN publication d ON d.name = b.name AND d.architecture = b.architecture AND d.suite = :older
    AND d.standing = 'current'
CROSS JOIN package m ON m.id = d.package_id
CROSS JOIN occurrence o ON o.package_id = n.id AND o.unchecked = 0
CROSS JOIN finding f ON f.id = o.finding_id AND f.state = 'open'
WHERE b.suite = :newer AND b.standing = 'current'
  AND EXISTS (SELECT 1 FROM occurrence t WHERE t.package_id = m.id AND t.finding_id = f.id AND t.unchecked = 0)
GROUP BY f.id, n.id, m.id
ORDER BY f.source, n.name, n.architecture, f.rule_id, o.path, f.subject
LIMIT :limit
