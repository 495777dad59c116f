"""DuckDB: one COPY. Row groups are written early; otherwise memory grows with the number of partitions."""

import duckdb

from task import PARTITION, arguments, types

# The default, 524,288 rows per partition and thread, takes gigabytes; a small value makes small row groups.
FLUSH_ROWS = 20_000


def main():
    options = arguments()
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in types("DATE", "BIGINT", "VARCHAR").items())
    with duckdb.connect() as connection:
        connection.execute(f"SET threads = {options.threads}")
        connection.execute("SET preserve_insertion_order = false")
        connection.execute(f"SET partitioned_write_flush_threshold = {FLUSH_ROWS}")
        connection.execute(f"""
            COPY (
                SELECT * REPLACE (parse_filename(filename) AS filename),
                    split_part(parse_filename(filename), '.', 1) AS distribution,
                    strftime(date, '%Y') AS year, strftime(date, '%m') AS month, strftime(date, '%d') AS day,
                    time[1:2] AS hour
                FROM read_csv('{options.logs}/*.gz', columns = {{{columns}}}, auto_detect = false, filename = true,
                    delim = '\t', header = false, comment = '#', quote = '', escape = '', nullstr = '-')
            ) TO '{options.out}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY ({', '.join(PARTITION)}))
        """)


main()
