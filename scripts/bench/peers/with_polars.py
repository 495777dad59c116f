"""Polars: a lazy scan into a partitioned sink, streamed."""

import os
import sys

from task import PARTITION, arguments, types

options = arguments()
# Polars reads the variable at import.
os.environ["POLARS_MAX_THREADS"] = str(options.threads)
import polars as pl  # noqa: E402


def main():
    logs = pl.scan_csv(
        f"{options.logs}/*.gz",
        schema=types(pl.Date, pl.Int64, pl.String),
        has_header=False,
        separator="\t",
        comment_prefix="#",
        quote_char=None,
        null_values="-",
        include_file_paths="filename",
    )
    base = pl.col("filename").str.split("/").list.last()
    rows = logs.with_columns(
        filename=base,
        distribution=base.str.split(".").list.first(),
        year=pl.col("date").dt.strftime("%Y"),
        month=pl.col("date").dt.strftime("%m"),
        day=pl.col("date").dt.strftime("%d"),
        hour=pl.col("time").str.head(2),
    )
    partitions = pl.PartitionBy(options.out, key=PARTITION, include_key=False)
    rows.sink_parquet(partitions, compression="zstd", mkdir=True, maintain_order=False)


sys.exit(main())
