-- title: What distributions promise, and since when
-- why: the measure by which a missing protection is called a fault or left alone
-- param distribution=*: debian, ubuntu; a GLOB pattern
-- param feature=*: a column of elf, such as pie; a GLOB pattern
SELECT distribution, feature, value, level, nullif(since, '') AS since, until, release, fix_where,
       group_concat(DISTINCT architecture) AS architectures, group_concat(DISTINCT language) AS languages,
       group_concat(DISTINCT kind) AS kinds, source
FROM (SELECT * FROM expectation ORDER BY architecture, language, kind)
WHERE distribution GLOB :distribution AND feature GLOB :feature
GROUP BY distribution, feature, value, level, since, until, release, fix_where, source
ORDER BY distribution, feature, since, source
