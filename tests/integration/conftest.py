"""The tables that the tests look at, made once for all of them."""

import sys
from pathlib import Path

import duckdb
import pytest

# The servers and the proxy are those of tests/servers.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import harness
import lakes
from servers.moto import moto
from servers.proxy import Proxy


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


@pytest.fixture(scope="session")
def moto_store(tmp_path_factory):
    """The S3 of all tests."""
    with moto(tmp_path_factory.mktemp("moto")) as store:
        yield store


@pytest.fixture(scope="session")
def reference(tmp_path_factory):
    """A few logs, and their table as it is on disk."""
    return lakes.reference(tmp_path_factory.mktemp("reference"))


@pytest.fixture
def proxy(moto_store):
    """A proxy before the S3, without faults as yet."""
    with Proxy(moto_store.endpoint) as proxy:
        yield proxy


@pytest.fixture
def lake(moto_store, proxy, reference):
    """Two buckets that are reached by way of the proxy: the logs of `reference`, and no table."""
    return lakes.Lake(moto_store.through(proxy.endpoint), reference.folder)
