"""ClickHouse, in process (chdb): one INSERT into partitioned files. It has no comment lines, so it skips the header by line count."""

import os
import tempfile

from chdb import session

from task import HEADER_LINES, PARTITION, arguments, types


def main():
    options = arguments()
    logs, out = os.path.abspath(options.logs), os.path.abspath(options.out)
    fields = types("Nullable(Date32)", "Nullable(Int64)", "Nullable(String)")
    columns = ", ".join(f"{name} {kind}" for name, kind in fields.items())
    folder = ", '/', ".join(f"'{name}=', {name}" for name in PARTITION)
    settings = {
        "max_threads": options.threads,
        "max_insert_threads": options.threads,
        "max_partitions_per_insert_block": 0,
        "input_format_tsv_skip_first_lines": HEADER_LINES,
        "input_format_tsv_detect_header": 0,
        "format_tsv_null_representation": "'-'",
        "output_format_parquet_compression_method": "'zstd'",
        "output_format_parquet_write_bloom_filter": 0,
    }
    os.makedirs(out)
    with tempfile.TemporaryDirectory() as scratch:
        clickhouse = session.Session(scratch)
        clickhouse.query(f"""
            INSERT INTO FUNCTION file('{out}/{{_partition_id}}/rows.parquet', 'Parquet') PARTITION BY concat({folder})
            SELECT {', '.join(fields)}, _file AS filename, splitByChar('.', _file)[1] AS distribution,
                formatDateTime(date, '%Y') AS year, formatDateTime(date, '%m') AS month,
                formatDateTime(date, '%d') AS day, left(assumeNotNull(time), 2) AS hour
            FROM file('{logs}/*.gz', 'TSVRaw', '{columns}')
            SETTINGS {', '.join(f'{name} = {value}' for name, value in settings.items())}
        """)
        clickhouse.close()


main()
