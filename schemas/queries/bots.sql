-- Bots with the most requests, by edge location.
--
-- Requests of user agents that are known bots, by viewer address and edge location, most requests first.
-- Runs unchanged on Athena, Spark and DuckDB. On a big table, also restrict `year`, `month` and `day`:
-- they are partition columns, so the engine skips the other partitions.
SELECT
    requestip,
    location,
    COUNT(*) AS requests
FROM cf_logs
WHERE isbot = 'True'
GROUP BY requestip, location
ORDER BY requests DESC, requestip NULLS LAST, location NULLS LAST
LIMIT 50
