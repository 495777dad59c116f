"""One Spark session with Hive support for all tests, and the tables that they read."""

import os
import sys
from pathlib import Path

import pytest

# The reader of logs, the makers of tables and the query answers are in tests/integration, the servers in tests/servers.
sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "integration"), str(Path(__file__).resolve().parents[1])]

import harness

# Everything runs on this machine, and workers use the Python of this environment.
os.environ.update(SPARK_LOCAL_IP="127.0.0.1", SPARK_LOCAL_HOSTNAME="localhost", PYSPARK_PYTHON=sys.executable)


@pytest.fixture(scope="session")
def spark(tmp_path_factory):
    """Returns Spark with two threads and a separate Hive metastore, which is empty at first."""
    from pyspark.sql import SparkSession

    folder = tmp_path_factory.mktemp("spark")
    settings = {
        "spark.ui.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
        "spark.sql.warehouse.dir": folder / "warehouse",
        "spark.hadoop.javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={folder}/metastore;create=true",
        "spark.driver.extraJavaOptions": f"-Dderby.system.home={folder}",
    }
    builder = SparkSession.builder.master("local[2]").appName("tests").enableHiveSupport()
    for name, value in settings.items():
        builder = builder.config(name, str(value))
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


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


@pytest.fixture(scope="session")
def hive_table(spark, each):
    """Returns the name of a table that the generated DDL created in the metastore; the DDL is run twice."""
    name = f"of_{each.name}"
    sql = harness.lakefront("ddl", each.table, "--database", "default", "--table", name).stdout
    for statement in harness.statements(sql) * 2:
        spark.sql(statement)
    return name
