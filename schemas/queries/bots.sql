-- Which bots ask most, and where do they enter?
--
-- Requests of user agents that are known bots, by viewer address and edge location, the busiest first.
-- Runs unchanged on Athena, Spark and DuckDB. On a big table, restrict `year`, `month` and `day` as well:
-- they are partition columns, so whatever they leave out is never read.
SELECT
    requestip,
    location,
    COUNT(*) AS requests
FROM cf_logs
WHERE isbot = 'True'
GROUP BY requestip, location
ORDER BY requests DESC, requestip NULLS LAST, location NULLS LAST
LIMIT 50
