"""The data files are plain Parquet: types, statistics and indexes that every engine can use."""

import pyarrow as pa
import pyarrow.parquet
import pytest

from arrow import dataset
from harness import PARTITION_COLUMNS
from logs import COLUMNS, bigint, double, integer, string

STRING = ("BYTE_ARRAY", "String")
BIGINT = ("INT64", "None")
TYPES = {string: STRING, bigint: BIGINT, integer: ("INT32", "None"), double: ("DOUBLE", "None")}
ARROW_TYPES = {string: pa.string(), bigint: pa.int64(), integer: pa.int32(), double: pa.float64()}


def expected(schema, types, date, timestamp):
    """(column, type) of a table schema, in its order."""
    before = [("logdate", date)] + [(name, types[read]) for name, read, _ in COLUMNS["cf_logs"]]
    derived = ["browserfamily", "osfamily", "isbot", "filename", "distribution"]
    columns = before + [(name, types[string]) for name in derived]
    if schema == "cf_logs_wide":
        columns.append(("requesttime", timestamp))
        columns += [(name, types[read]) for name, read, _ in COLUMNS["cf_logs_wide"][len(COLUMNS["cf_logs"]) :]]
    return columns


def test_columns_have_the_parquet_types_of_the_table_schema(each):
    date, timestamp = ("INT32", "Date"), ("INT64", "Timestamp(isAdjustedToUTC=true, timeUnit=microseconds")
    wanted = [(name, *kinds) for name, kinds in expected(each.schema, TYPES, date, timestamp)]
    if each.schema == "cf_logs_wide":
        wanted += [("extra.key_value.key", *STRING), ("extra.key_value.value", *STRING)]
    for path in each.files:
        schema = pa.parquet.ParquetFile(path).schema
        columns = [schema.column(index) for index in range(len(schema))]
        assert [(column.path, column.physical_type) for column in columns] == [part[:2] for part in wanted]
        for column, (_, _, logical) in zip(columns, wanted):
            assert str(column.logical_type).startswith(logical), column.path


def test_pyarrow_reads_plain_types(each):
    wanted = expected(each.schema, ARROW_TYPES, pa.date32(), pa.timestamp("us", "UTC"))
    if each.schema == "cf_logs_wide":
        wanted.append(("extra", pa.map_(pa.string(), pa.string())))
    wanted += [(name, pa.string()) for name in PARTITION_COLUMNS]
    assert [(field.name, field.type) for field in dataset(each.table).schema] == wanted


def test_files_carry_no_arrow_schema_and_no_partition_columns(each):
    for path in each.files:
        file = pa.parquet.ParquetFile(path)
        assert b"ARROW:schema" not in (file.metadata.metadata or {})
        assert not set(PARTITION_COLUMNS) & set(file.schema.names)


def test_every_column_chunk_has_zstd_statistics_and_a_page_index(each):
    for path in each.files:
        metadata = pa.parquet.ParquetFile(path).metadata
        for group in range(metadata.num_row_groups):
            assert metadata.row_group(group).num_rows <= 1 << 20
            for index in range(metadata.num_columns):
                chunk = metadata.row_group(group).column(index)
                assert chunk.compression == "ZSTD", chunk.path_in_schema
                assert chunk.has_column_index and chunk.has_offset_index, chunk.path_in_schema
                assert chunk.is_stats_set, chunk.path_in_schema


def test_statistics_say_what_is_in_the_row_group(each):
    for path in each.files:
        file = pa.parquet.ParquetFile(path)
        for group in range(file.num_row_groups):
            rows = file.read_row_group(group)
            for index, name in enumerate(field.name for field in file.schema_arrow if field.name != "extra"):
                statistics = file.metadata.row_group(group).column(index).statistics
                cells = [cell for cell in rows.column(name).to_pylist() if cell is not None]
                assert statistics.null_count == rows.num_rows - len(cells), name
                assert statistics.has_min_max == bool(cells), name
                if cells and isinstance(cells[0], str):  # long strings are cut: the bounds may be wider, never narrower
                    low, high = min(cell.encode() for cell in cells), max(cell.encode() for cell in cells)
                    assert statistics.min.encode() <= low and statistics.max.encode() >= high, name
                elif cells and name != "requesttime":
                    assert (statistics.min, statistics.max) == (min(cells), max(cells)), name


def test_request_ids_have_no_dictionary(converted):
    for path in converted("current").files:
        group = pa.parquet.ParquetFile(path).metadata.row_group(0)
        dictionary = {group.column(index).path_in_schema: group.column(index).has_dictionary_page for index in range(29)}
        assert not dictionary["requestid"]
        assert dictionary["location"] and dictionary["useragent"]


@pytest.mark.parametrize("column, value", [("hour", "23"), ("day", "03")])
def test_a_pyarrow_dataset_opens_only_the_files_of_the_wanted_partitions(converted, column, value):
    current = converted("current")
    condition = pa.dataset.field(column) == value
    files = {fragment.path for fragment in dataset(current.table).get_fragments(condition)}
    assert files == {str(path) for path in current.files if f"{column}={value}" in path.parts}
    rows = dataset(current.table).count_rows(filter=condition)
    assert rows == sum(row[column] == value for row in current.logs.rows)
