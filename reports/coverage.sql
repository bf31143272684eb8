-- title: How much of what was given has been read, by architecture
-- why: a finding that is missing means something only where the package was read whole
SELECT coalesce(architecture, '(unknown)') AS architecture,
       count(*) AS packages,
       sum(status = 'complete') AS complete,
       sum(status = 'partial') AS partial,
       sum(status = 'unreadable') AS unreadable,
       sum(status = 'skipped') AS skipped,
       sum(status = 'complete' AND unread IS NOT NULL) AS complete_but_ended_early,
       sum(elf_count) AS elf_objects,
       round(sum(size) / 1048576.0, 1) AS mebibytes
FROM package
GROUP BY architecture
ORDER BY packages DESC, architecture
