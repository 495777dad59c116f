"""DuckDB reads the table: values, types, partitions, and the queries of schemas/queries unchanged."""

import re
from collections import Counter

import pytest

from answers import ANSWERS
from harness import PARTITION_COLUMNS, REPOSITORY, query

DUCKDB_TYPES = {"logdate": "DATE", "bytes": "BIGINT", "status": "BIGINT", "timetaken": "BIGINT"}
DUCKDB_TYPES_WIDE = {
    **DUCKDB_TYPES,
    "requesttime": "TIMESTAMP WITH TIME ZONE",
    "extra": "MAP(VARCHAR, VARCHAR)",
    "cport": "INTEGER",
    **dict.fromkeys(["timetakenseconds", "timetofirstbyte", "originfbl", "originlbl"], "DOUBLE"),
    **dict.fromkeys(
        ["csbytescount", "fleencryptedfields", "contentlength", "rangestart", "rangeend", "asn"], "BIGINT"
    ),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_the_query_result_matches_the_logs(duck, each, answer):
    wanted = answer(each.logs.rows)
    assert wanted, "the logs have no rows for this query"
    assert duck(each.table).execute(query(answer.__name__)).fetchall() == wanted


def test_every_query_is_tested():
    names = {path.stem for path in (REPOSITORY / "schemas" / "queries").glob("*.sql")}
    assert names == {answer.__name__ for answer in ANSWERS}


def test_columns_have_the_types_of_the_table_schema(duck, each):
    special = DUCKDB_TYPES_WIDE if each.schema == "cf_logs_wide" else DUCKDB_TYPES
    types = {row[0]: row[1] for row in duck(each.table).execute("DESCRIBE cf_logs").fetchall()}
    assert set(types) == set(each.logs.rows[0])
    assert types == {name: special.get(name, "VARCHAR") for name in types}


def test_partition_values_keep_their_leading_zero(duck, each):
    select = f"SELECT {', '.join(PARTITION_COLUMNS)}, count(*) FROM cf_logs GROUP BY ALL"
    found = {row[:4]: row[4] for row in duck(each.table).execute(select).fetchall()}
    assert found == Counter(tuple(row[name] for name in PARTITION_COLUMNS) for row in each.logs.rows)
    assert any(value.startswith("0") for key in found for value in key)


@pytest.mark.parametrize("condition", ["hour = '23'", "year = '2025' AND month = '01' AND day = '03' AND hour = '01'"])
def test_only_the_files_of_the_selected_partitions_are_opened(duck, converted, condition):
    current = converted("current")
    values = dict(re.findall(r"(\w+) = '(\d+)'", condition))
    wanted = [path for path in current.files if {f"{k}={v}" for k, v in values.items()} <= set(path.parts)]
    connection = duck(current.table)
    plan = connection.execute(f"EXPLAIN SELECT sum(bytes) FROM cf_logs WHERE {condition}").fetchall()[0][1]
    assert 0 < len(wanted) < len(current.files)
    assert f"{len(wanted)}/{len(current.files)}" in plan, plan
    rows = connection.execute(f"SELECT count(*) FROM cf_logs WHERE {condition}").fetchall()[0][0]
    assert rows == sum(all(row[k] == v for k, v in values.items()) for row in current.logs.rows)


def test_fields_that_no_column_uses_are_in_the_map(duck, converted):
    select = "SELECT extra['x-new-field'] FROM cf_logs WHERE requestip = '192.0.2.1' AND filename LIKE 'plain/%'"
    connection = duck(converted("wide").table)
    assert connection.execute(select).fetchall() == [("a%20value",)]
    assert connection.execute("SELECT count(*) FROM cf_logs WHERE extra IS NULL").fetchall() == [(0,)]
