-- title: Hardening statistics by feature and architecture
-- why: the figures of a release: how many objects have each protection, and how many nobody could judge
-- param architecture=*: amd64, arm64 …; a GLOB pattern
SELECT feature, coalesce(architecture, '(unknown)') AS architecture,
       sum(CASE WHEN verdict IN ('yes', 'full') THEN objects ELSE 0 END) AS protected,
       sum(CASE WHEN verdict = 'partial' THEN objects ELSE 0 END) AS partial,
       sum(CASE WHEN verdict IN ('no', 'none') THEN objects ELSE 0 END) AS unprotected,
       sum(CASE WHEN verdict = 'n/a' THEN objects ELSE 0 END) AS not_applicable,
       sum(CASE WHEN verdict = 'unknown' THEN objects ELSE 0 END) AS unknown,
       round(100.0 * sum(CASE WHEN verdict IN ('yes', 'full') THEN objects ELSE 0 END)
             / nullif(sum(CASE WHEN verdict IN ('yes', 'full', 'partial', 'no', 'none') THEN objects ELSE 0 END), 0), 1)
           AS percent_of_judged
FROM hardening_summary
WHERE coalesce(architecture, '(unknown)') GLOB :architecture
GROUP BY feature, architecture
ORDER BY feature, architecture
