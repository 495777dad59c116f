"""pyarrow: a dataset of CSV, columns added batch by batch, a dataset of Parquet."""

import glob

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.dataset as ds

from task import FIELDS, HEADER_LINES, PARTITION, arguments, types

# Minimum rows of a row group. A small value makes many small row groups; a large one takes more memory.
LEAST_GROUP_ROWS = 100_000


def with_names(batches, schema):
    """Yields the batches of one log each, with the columns derived from its name and from date and time."""
    for batch in batches:
        if batch.num_rows == 0:
            continue
        base = batch.column("__filename")[0].as_py().rsplit("/", 1)[-1]
        texts = [pa.repeat(pa.scalar(text), batch.num_rows) for text in (base, base.split(".")[0])]
        days = [pc.strftime(batch.column("date"), format=letter) for letter in ("%Y", "%m", "%d")]
        hours = pc.utf8_slice_codeunits(batch.column("time"), 0, 2)
        cells = [batch.column(field) for field in FIELDS]
        yield pa.record_batch([*cells, *texts, *days, hours], schema=schema)


def main():
    options = arguments()
    pa.set_cpu_count(options.threads)
    pa.set_io_thread_count(options.threads)
    of_logs = pa.schema(types(pa.date32(), pa.int64(), pa.string()))
    of_rows = pa.schema([*of_logs, *((name, pa.string()) for name in ["filename", "distribution", *PARTITION])])
    csv = ds.CsvFileFormat(
        pa.csv.ParseOptions(delimiter="\t", quote_char=False, double_quote=False, escape_char=False),
        convert_options=pa.csv.ConvertOptions(null_values=["-"], strings_can_be_null=True, column_types=of_logs),
        read_options=pa.csv.ReadOptions(skip_rows=HEADER_LINES, column_names=FIELDS),
    )
    logs = ds.dataset(sorted(glob.glob(f"{options.logs}/*.gz")), format=csv, schema=of_logs)
    batches = with_names(logs.scanner(columns=[*FIELDS, "__filename"]).to_batches(), of_rows)
    ds.write_dataset(
        pa.RecordBatchReader.from_batches(of_rows, batches),
        options.out,
        format="parquet",
        file_options=ds.ParquetFileFormat().make_write_options(compression="zstd"),
        partitioning=ds.partitioning(pa.schema([of_rows.field(name) for name in PARTITION]), flavor="hive"),
        min_rows_per_group=LEAST_GROUP_ROWS,
        max_partitions=2048,
    )


main()
