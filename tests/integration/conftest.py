"""The tables that the tests read, made once for all of them."""

import sys
from pathlib import Path

import duckdb
import pytest

# The servers and the proxy are in tests/servers.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import harness
import lakes
from servers.moto import moto
from servers.proxy import Proxy


@pytest.fixture(scope="session")
def converted(tmp_path_factory):
    """Makes and converts a set at its first use."""
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
    """Returns DuckDB with a view `cf_logs` of a table, partition values as strings."""

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
    """Returns the S3 server of all tests."""
    with moto(tmp_path_factory.mktemp("moto")) as store:
        yield store


@pytest.fixture(scope="session")
def reference(tmp_path_factory):
    """Returns a few logs, and their table on disk."""
    return lakes.reference(tmp_path_factory.mktemp("reference"))


@pytest.fixture
def proxy(moto_store):
    """Returns a proxy in front of the S3 server, at first without faults."""
    with Proxy(moto_store.endpoint) as proxy:
        yield proxy


@pytest.fixture
def lake(moto_store, proxy, reference):
    """Returns two buckets that are reached through the proxy: one with the logs of `reference`, and an empty one."""
    return lakes.Lake(moto_store.through(proxy.endpoint), reference.folder)
