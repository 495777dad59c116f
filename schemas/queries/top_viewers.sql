-- Who are the top viewers?
--
-- The 50 viewer addresses with the most requests, and the bytes sent to each.
-- Runs unchanged on Athena, Spark and DuckDB. On a big table, restrict `year`, `month` and `day` as well:
-- they are partition columns, so whatever they leave out is never read.
SELECT
    requestip,
    COUNT(*) AS requests,
    CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS bytes_sent
FROM cf_logs
GROUP BY requestip
ORDER BY requests DESC, bytes_sent DESC, requestip NULLS LAST
LIMIT 50
