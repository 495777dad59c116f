"""Reads the table with pyarrow."""

from collections import Counter

import pyarrow
import pyarrow.dataset

from harness import PARTITION_COLUMNS


def dataset(table):
    """Returns the table, with partition values as strings."""
    partition = pyarrow.schema([(name, pyarrow.string()) for name in PARTITION_COLUMNS])
    return pyarrow.dataset.dataset(table, partitioning=pyarrow.dataset.partitioning(partition, flavor="hive"))


def assert_rows(folder, logs):
    """Checks that the table in a folder has exactly the rows that `logs` read."""
    table = dataset(folder).to_table()
    if logs.schema == "cf_logs_wide":
        where = table.schema.get_field_index("requesttime")
        table = table.set_column(where, "requesttime", table.column("requesttime").cast("int64"))
    names = table.column_names
    assert sorted(names) == sorted(logs.rows[0])
    columns = [
        [tuple(cell) for cell in column.to_pylist()] if name == "extra" else column.to_pylist()
        for name, column in zip(names, table.columns)
    ]
    found = Counter(zip(*columns))
    wanted = Counter(tuple(row[name] for name in names) for row in logs.rows)
    missing, unexpected = sorted((wanted - found).items(), key=str), sorted((found - wanted).items(), key=str)
    for wanted_row, found_row in zip(missing, unexpected):  # the first pair, cell by cell
        assert dict(zip(names, found_row[0])) == dict(zip(names, wanted_row[0]))
    assert (missing, unexpected) == ([], [])
