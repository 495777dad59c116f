"""Parses the generated DDL with Hive's own parser; Athena's DDL is Hive's language."""

import pytest
from py4j.protocol import Py4JJavaError

from harness import lakefront, statements, table_of_years

LOCATION = "s3://amzn-s3-demo-bucket/lake/cf_logs"


@pytest.fixture(scope="module")
def parse(spark):
    """Parses one statement, and returns its tree as text."""
    driver = spark.sparkContext._jvm.org.apache.hadoop.hive.ql.parse.ParseDriver()
    return lambda statement: driver.parse(statement).toStringTree()


@pytest.mark.parametrize("wrong", ["CREATE EXTERNAL TABLE cf-logs (a string)", "ALTER TABLE t ADD PARTITION (a='1');"])
def test_the_parser_refuses_invalid_statements(parse, wrong):
    with pytest.raises(Py4JJavaError):
        parse(wrong)


@pytest.mark.parametrize("location", [LOCATION, LOCATION + "/it's"])
@pytest.mark.parametrize("flags", [[], ["--projection"], ["--database", "logs"], ["--database", "web-logs", "--table", "cf-logs"]])
def test_the_ddl_parses(parse, each, flags, location):
    create, *adds = statements(lakefront("ddl", each.table, "--location", location, *flags).stdout)
    tree = parse(create)
    assert tree.startswith("(tok_createtable ") and tree.count("(tok_tabcol ") == len(each.logs.rows[0])
    assert bool(adds) == (flags != ["--projection"])
    trees = [parse(add) for add in adds]
    assert sum(tree.count("(tok_partspec ") for tree in trees) == (len({f.parent for f in each.files}) if adds else 0)


def test_the_ddl_of_thousands_of_partitions_parses(parse, tmp_path):
    _, *adds = statements(lakefront("ddl", table_of_years(tmp_path), "--location", LOCATION).stdout)
    assert sum(parse(add).count("(tok_partspec ") for add in adds) == 3 * 12 * 28 * 24
