-- title: What could not be read, by stage and kind
-- why: shows whether a batch failed in one way a hundred times or in a hundred ways
SELECT stage, kind, count(*) AS problems, count(DISTINCT target) AS targets,
       min(message) AS example, min(target) AS example_target
FROM problem
GROUP BY stage, kind
ORDER BY problems DESC, stage, kind
