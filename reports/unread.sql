-- title: Packages that were not unpacked, or not to their end, by reason
-- why: they were taken at their word; `archscan scan --thorough` reads them whole
SELECT unread AS reason, status, count(*) AS packages,
       round(sum(size) / 1048576.0, 1) AS mebibytes,
       round(100.0 * count(*) / (SELECT count(*) FROM package), 1) AS percent
FROM package
WHERE unread IS NOT NULL
GROUP BY unread, status
ORDER BY packages DESC, reason, status
