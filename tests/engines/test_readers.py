"""Every reader in docs/engines.md reads every column of every set: exactly the cells of the logs.

A reader here is a function from a data file to its columns, with cells as Python values. Spark 4 is in test_spark.py.
"""

import datetime
import json
import math
import os
import subprocess
from collections import Counter

import pytest

from harness import PARTITION_COLUMNS, REPOSITORY

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
OLD_SPARK = REPOSITORY / ".venv" / "old-spark" / "bin" / "python"


def of_arrow(table):
    """Returns the columns of an Arrow table; timestamps as microseconds, because Python's depend on the machine's time zones."""
    from pyarrow import int64, timestamp

    columns = dict(zip(table.column_names, table.columns))
    if "requesttime" in columns:
        columns["requesttime"] = columns["requesttime"].cast(timestamp("us", "UTC")).cast(int64())
    return {name: column.to_pylist() for name, column in columns.items()}


def pyarrow(path):
    import pyarrow.parquet

    return of_arrow(pyarrow.parquet.ParquetFile(path).read())


def duckdb(path):
    import duckdb

    relation = duckdb.sql(f"SELECT * FROM read_parquet('{path}', hive_partitioning = false)")
    special = {"requesttime": "epoch_us(requesttime)"}
    names = relation.columns
    rows = relation.project(", ".join(special.get(name, f'"{name}"') for name in names)).fetchall()
    return dict(zip(names, zip(*rows)))


def polars(path):
    import polars

    frame = polars.read_parquet(path, hive_partitioning=False)
    if "requesttime" in frame.columns:
        frame = frame.with_columns(polars.col("requesttime").dt.epoch("us"))
    return frame.to_dict(as_series=False)


def clickhouse(path):
    import chdb

    return of_arrow(chdb.query(f"SELECT * FROM file('{path}', Parquet) SETTINGS use_hive_partitioning = 0", "ArrowTable"))


def fastparquet(path):
    """Reads with explicit types, as docs/engines.md advises."""
    import fastparquet
    import pandas

    file = fastparquet.ParquetFile(str(path))
    frame = file.to_pandas(dtypes=file.dtypes)
    if "requesttime" in frame.columns:
        moments = pandas.to_datetime(frame["requesttime"], utc=True)
        frame["requesttime"] = (moments - pandas.Timestamp(EPOCH)) // pandas.Timedelta(microseconds=1)
    frame["logdate"] = pandas.to_datetime(frame["logdate"]).dt.date
    return {name: frame[name].tolist() for name in frame.columns}


def cell(value):
    """Returns a cell in the form of the log reader, for any form of maps and NULLs of a reader."""
    import pandas

    if value is None or value is pandas.NA or isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, dict):
        return tuple(sorted(value.items()))
    if isinstance(value, list):
        return tuple(tuple(entry.values()) if isinstance(entry, dict) else tuple(entry) for entry in value)
    return value


def columns_of(each):
    return [name for name in each.logs.rows[0] if name not in PARTITION_COLUMNS]


def wanted(each, names):
    return Counter(tuple(row[name] for name in names) for row in each.logs.rows)


def assert_equal(found, wanted, names):
    """Shows only the first difference, which is easier to read than all rows."""
    missing, unexpected = sorted((wanted - found).items(), key=str), sorted((found - wanted).items(), key=str)
    for wanted_row, found_row in zip(missing, unexpected):
        assert dict(zip(names, found_row[0])) == dict(zip(names, wanted_row[0]))
    assert (missing, unexpected) == ([], [])


@pytest.mark.parametrize("read", [pyarrow, duckdb, polars, clickhouse, fastparquet])
def test_every_column_has_exactly_the_cells_of_the_logs(each, read):
    names = columns_of(each)
    found = Counter()
    for path in each.files:
        columns = read(path)
        assert sorted(columns) == sorted(names)
        partition = tuple(part.split("=")[1] for part in path.parts[-5:-1])
        found.update((*map(cell, row), *partition) for row in zip(*(columns[name] for name in names)))
    assert_equal(found, wanted(each, names + PARTITION_COLUMNS), names + PARTITION_COLUMNS)


def test_spark_3_3_reads_every_column_of_the_folder(each, tmp_path):
    env = {**os.environ, "PYSPARK_PYTHON": str(OLD_SPARK)}
    command = [OLD_SPARK, REPOSITORY / "tests" / "engines" / "old_spark.py", each.table, tmp_path / "rows"]
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    with open(tmp_path / "rows") as lines:
        head, *rows = map(json.loads, lines)
    assert head["version"] == "3.3.0"
    names = head["columns"]
    assert sorted(names) == sorted(each.logs.rows[0])
    date = names.index("logdate")
    for row in rows:
        row[date] = datetime.date.fromisoformat(row[date])
    assert_equal(Counter(tuple(map(cell, row)) for row in rows), wanted(each, names), names)


def test_fastparquet_loses_text_after_a_full_dictionary_in_files_of_any_writer(tmp_path):
    """If this test fails, correct docs/engines.md."""
    import fastparquet
    import pyarrow
    import pyarrow.parquet

    # Of 2,048 cells, pyarrow looks up 1,024 before it checks if the dictionary is full.
    cells = [f"/{number}" for number in range(2048)]
    path = tmp_path / "full-dictionary.parquet"
    table = pyarrow.table({"uri": cells, "bytes": range(2048)})
    pyarrow.parquet.write_table(table, path, dictionary_pagesize_limit=1024, write_batch_size=1024, data_page_size=1024)
    footer = pyarrow.parquet.ParquetFile(path).metadata.row_group(0)
    assert all({"PLAIN", "RLE_DICTIONARY"} <= set(footer.column(place).encodings) for place in range(2))
    file = fastparquet.ParquetFile(str(path))
    lost = file.to_pandas()
    assert [cell(value) for value in lost["uri"]] == cells[:1024] + [None] * 1024
    assert lost["bytes"].tolist() == table["bytes"].to_pylist(), "numbers are read correctly"
    assert file.to_pandas(dtypes=file.dtypes)["uri"].tolist() == cells
