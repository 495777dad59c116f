-- Bytes sent by each distribution and edge location.
--
-- Bytes sent to viewers and number of requests, most bytes first.
-- A request whose byte count was not logged adds nothing to the bytes but counts as a request.
-- Runs unchanged on Athena, Spark and DuckDB. On a big table, also restrict `year`, `month` and `day`:
-- they are partition columns, so the engine skips the other partitions.
SELECT
    distribution,
    location,
    CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS bytes_sent,
    COUNT(*) AS requests
FROM cf_logs
GROUP BY distribution, location
ORDER BY bytes_sent DESC, distribution NULLS LAST, location NULLS LAST
LIMIT 50
