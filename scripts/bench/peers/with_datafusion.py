"""DataFusion: an external table of CSV, and one COPY. Its partitioned writer keeps one file open per partition."""

from datafusion import SessionConfig, SessionContext

from task import PARTITION, arguments, types

# A character that no log contains, as quoting cannot be turned off in DataFusion.
NO_QUOTE = r"\x01"


def main():
    options = arguments()
    config = {
        "datafusion.execution.target_partitions": str(options.threads),
        "datafusion.execution.parquet.compression": "zstd(3)",
        "datafusion.execution.keep_partition_by_columns": "false",
    }
    context = SessionContext(SessionConfig(config))
    fields = types("DATE", "BIGINT", "VARCHAR")
    columns = ", ".join(f"{name} {kind}" for name, kind in fields.items())
    context.sql(f"""
        CREATE EXTERNAL TABLE logs ({columns}) STORED AS CSV LOCATION '{options.logs}/' OPTIONS (
            'format.compression' 'gzip', 'format.delimiter' E'\\t', 'format.comment' '#', 'format.has_header' 'false',
            'format.null_regex' '^-$', 'format.quote' E'{NO_QUOTE}')
    """)
    # The reader applies `null_regex` only to numbers and dates.
    cells = [f"nullif({name}, '-') AS {name}" if kind == "VARCHAR" else name for name, kind in fields.items()]
    context.sql(f"""
        COPY (
            SELECT {', '.join(cells)}, filename, split_part(filename, '.', 1) AS distribution,
                to_char(date, '%Y') AS year, to_char(date, '%m') AS month, to_char(date, '%d') AS day,
                left(time, 2) AS hour
            FROM (SELECT *, split_part(input_file_name(), '/', -1) AS filename FROM logs)
        ) TO '{options.out}/' STORED AS PARQUET PARTITIONED BY ({', '.join(PARTITION)})
    """).collect()


main()
