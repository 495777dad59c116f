-- The top viewers.
--
-- The 50 viewer addresses with the most requests, and the bytes sent to each.
-- Runs unchanged on Athena, Spark and DuckDB. On a big table, also restrict `year`, `month` and `day`:
-- they are partition columns, so the engine skips the other partitions.
SELECT
    requestip,
    COUNT(*) AS requests,
    CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS bytes_sent
FROM cf_logs
GROUP BY requestip
ORDER BY requests DESC, bytes_sent DESC, requestip NULLS LAST
LIMIT 50
