-- Which distribution sends how much, and from where?
--
-- Bytes sent to viewers and requests answered, by distribution and edge location, the most bytes first.
-- A request whose byte count was not logged adds nothing to the bytes but counts as a request.
-- Runs unchanged on Athena, Spark and DuckDB. On a big table, restrict `year`, `month` and `day` as well:
-- they are partition columns, so whatever they leave out is never read.
SELECT
    distribution,
    location,
    CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS bytes_sent,
    COUNT(*) AS requests
FROM cf_logs
GROUP BY distribution, location
ORDER BY bytes_sent DESC, distribution NULLS LAST, location NULLS LAST
LIMIT 50
