"""The tables that the tests look at, made once for all of them."""

import duckdb
import pytest

import harness


@pytest.fixture(scope="session")
def converted(tmp_path_factory):
    """Makes and converts a set when it is first asked for."""
    made = {}

    def get(name):
        if name not in made:
            made[name] = harness.convert(name, tmp_path_factory.mktemp(name))
        return made[name]

    return get


@pytest.fixture(scope="session", params=list(harness.SETS))
def each(request, converted):
    """Every set, one after the other."""
    return converted(request.param)


@pytest.fixture
def duck():
    """DuckDB with a view `cf_logs` on a table, partition values as strings."""

    def connect(table):
        connection = duckdb.connect()
        connection.execute(
            f"CREATE VIEW cf_logs AS SELECT * FROM read_parquet('{table}/**/*.parquet',"
            " hive_partitioning = true, hive_types_autocast = false)"
        )
        return connection

    return connect
