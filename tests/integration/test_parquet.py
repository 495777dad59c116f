"""The data files are plain Parquet: types, statistics and indexes that every engine can use."""

import duckdb
import pyarrow as pa
import pyarrow.parquet
import pytest

from arrow import dataset
from harness import PARTITION_COLUMNS, lakefront
from logs import COLUMNS, bigint, double, integer, string
from pages import pages

STRING = ("BYTE_ARRAY", "String")
BIGINT = ("INT64", "None")
TYPES = {string: STRING, bigint: BIGINT, integer: ("INT32", "None"), double: ("DOUBLE", "None")}
# Columns with `dictionary = false`: minimum and maximum of unique values are useless, so none are kept.
UNIQUE = {"requestid", "connectionid"}
ARROW_TYPES = {string: pa.string(), bigint: pa.int64(), integer: pa.int32(), double: pa.float64()}


def expected(schema, types, date, timestamp):
    """Returns (column, type) of a table schema, in its order."""
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


def chunks(each):
    """Yields each column chunk of each data file with its cells; the chunks of maps without cells."""
    for path in each.files:
        file = pa.parquet.ParquetFile(path)
        for group in range(file.num_row_groups):
            rows = file.read_row_group(group)
            for index in range(file.metadata.num_columns):
                chunk = file.metadata.row_group(group).column(index)
                is_flat = "." not in chunk.path_in_schema
                yield chunk, rows.column(chunk.path_in_schema).to_pylist() if is_flat else None


def test_every_column_chunk_has_zstd_statistics_and_a_page_index(each):
    for chunk, cells in chunks(each):
        assert cells is None or len(cells) <= 1 << 20
        assert chunk.compression == "ZSTD", chunk.path_in_schema
        assert chunk.has_offset_index, chunk.path_in_schema
        assert chunk.has_column_index == (chunk.path_in_schema not in UNIQUE), chunk.path_in_schema
        assert chunk.is_stats_set, chunk.path_in_schema


def test_statistics_match_the_row_group(each):
    for chunk, all_cells in chunks(each):
        if all_cells is None:
            continue
        name, statistics = chunk.path_in_schema, chunk.statistics
        cells = [cell for cell in all_cells if cell is not None]
        assert statistics.null_count == len(all_cells) - len(cells), name
        assert statistics.has_min_max == (bool(cells) and name not in UNIQUE), name
        if not statistics.has_min_max:
            continue
        if isinstance(cells[0], str):  # long strings are truncated: the bounds may be wider, never narrower
            low, high = min(cell.encode() for cell in cells), max(cell.encode() for cell in cells)
            assert statistics.min.encode() <= low and statistics.max.encode() >= high, name
            if max(len(low), len(high)) <= 64:
                assert (statistics.min.encode(), statistics.max.encode()) == (low, high), name
        else:
            assert (statistics.min, statistics.max) == (min(cells), max(cells)), name


def test_columns_of_unique_cells_have_no_dictionary(converted):
    with_dictionary = {chunk.path_in_schema for chunk, _ in chunks(converted("current")) if chunk.has_dictionary_page}
    assert not with_dictionary & UNIQUE
    assert {"location", "useragent"} <= with_dictionary


def pages_of(files):
    """Yields the pages of each column chunk of each data file, with the chunk."""
    for path in files:
        data, metadata = path.read_bytes(), pa.parquet.ParquetFile(path).metadata
        for group in range(metadata.num_row_groups):
            for index in range(metadata.num_columns):
                chunk = metadata.row_group(group).column(index)
                yield chunk, pages(data, chunk)


def kinds_of_pages(files):
    """Returns (column, page type, encoding) of all pages, and the encodings of their levels."""
    read = [(chunk.path_in_schema, page) for chunk, pages in pages_of(files) for page in pages]
    kinds = {(column, page.kind, page.encoding) for column, page in read}
    return kinds, set().union(*(page.levels for _, page in read))


# Encodings that all readers support. `DELTA_...` fails in Spark before 3.4, and so in AWS Glue 4, and in others.
EVERY_READER_KNOWS = {("data", "PLAIN"), ("data", "RLE_DICTIONARY"), ("dictionary", "PLAIN")}


def test_pages_have_the_encodings_that_every_reader_supports(each):
    kinds, levels = kinds_of_pages(each.files)
    assert {kind[1:] for kind in kinds} == EVERY_READER_KNOWS, sorted(kinds)
    assert levels == {"RLE"}
    for chunk, found in pages_of(each.files):
        assert set(chunk.encodings) == {page.encoding for page in found} | {"RLE"}, chunk.path_in_schema
    assert {pa.parquet.ParquetFile(path).metadata.format_version for path in each.files} == {"1.0"}


def test_the_varied_log_has_columns_with_a_dictionary_without_one_and_with_a_full_one(converted):
    kinds, _ = kinds_of_pages(converted("varied").files)
    of = lambda column: {kind[2] for kind in kinds if kind[:2] == (column, "data")}
    assert of("requestip") == {"RLE_DICTIONARY"}
    for unique in ("bytes", "cport", "asn", "requestid", "header", "timetakenseconds"):
        assert "PLAIN" in of(unique), unique
    chunks_of_uri = [found for chunk, found in pages_of(converted("varied").files) if chunk.path_in_schema == "uri"]
    assert any({page.encoding for page in found if page.kind == "data"} == {"PLAIN", "RLE_DICTIONARY"} for found in chunks_of_uri)
    assert max(pa.parquet.ParquetFile(path).num_row_groups for path in converted("varied").files) > 1


# A column of each type that a custom table schema may have.
EVERY_TYPE = [
    ("logdate", "date", 'derive = "date"'),
    ("moment", "timestamp", 'derive = "requesttime"'),
    ("port", "int", 'field = "c-port"'),
    ("size", "bigint", 'field = "sc-bytes"'),
    ("seconds", "double", 'field = "time-taken"'),
    ("path", "string", 'field = "cs-uri-stem"'),
    ("agent", "string", 'field = "cs(User-Agent)"\ndecode = "percent"'),
    ("rest", "map<string,string>", 'derive = "extra"'),
]


@pytest.mark.parametrize("has_dictionary", [True, False])
@pytest.mark.parametrize("compression", ["zstd(9)", "snappy", "none"])
def test_pages_of_a_custom_table_schema_have_these_encodings(converted, tmp_path, has_dictionary, compression):
    columns = [
        f'[[column]]\nname = "{name}"\ntype = "{kind}"\n{source}\n' + ("" if has_dictionary else "dictionary = false\n")
        for name, kind, source in EVERY_TYPE
    ]
    (tmp_path / "own.toml").write_text('name = "own"\n' + "".join(columns))
    logs, table = converted("varied").folder / "logs", tmp_path / "own"
    lakefront("convert", logs, table, "--schema", tmp_path / "own.toml", "--compression", compression, "-q")
    kinds, levels = kinds_of_pages(sorted(table.rglob("*.parquet")))
    assert levels == {"RLE"}
    wanted = EVERY_READER_KNOWS if has_dictionary else {("data", "PLAIN")}
    assert {kind[1:] for kind in kinds} == wanted, sorted(kinds)
    assert {kind[0].split(".")[0] for kind in kinds} == {name for name, _, _ in EVERY_TYPE}


def test_both_readers_agree_on_every_column(each):
    """Compares in the order of the rows, which shows cells that a reader puts into another row."""
    for path in each.files:
        read = pa.parquet.ParquetFile(path).read()
        for name in read.column_names:
            column = f'epoch_us("{name}")' if name == "requesttime" else f'"{name}"'
            answer = duckdb.sql(f"SELECT {column} FROM read_parquet('{path}', hive_partitioning = false)").fetchall()
            cells = read.column(name)
            cells = (cells.cast("int64") if name == "requesttime" else cells).to_pylist()
            if name == "extra":
                cells = [None if cell is None else dict(cell) for cell in cells]
            assert [cell for (cell,) in answer] == cells, f"{path}: {name}"


@pytest.mark.parametrize("column, value", [("hour", "23"), ("day", "03")])
def test_a_pyarrow_dataset_opens_only_the_files_of_the_selected_partitions(converted, column, value):
    current = converted("current")
    condition = pa.dataset.field(column) == value
    files = {fragment.path for fragment in dataset(current.table).get_fragments(condition)}
    assert files == {str(path) for path in current.files if f"{column}={value}" in path.parts}
    rows = dataset(current.table).count_rows(filter=condition)
    assert rows == sum(row[column] == value for row in current.logs.rows)
