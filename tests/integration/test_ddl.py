"""Athena accepts the DDL: it is small enough, complete, the same each time, and never has an invalid name in it."""

import re

import pytest

from harness import PARTITION_COLUMNS, folders, lakefront, statements, table_of_years

LOCATION = "s3://amzn-s3-demo-bucket/lake/cf_logs"


def ddl(table, *flags):
    return lakefront("ddl", table, "--database", "logs", "--location", LOCATION, *flags).stdout


@pytest.fixture(scope="module")
def years(tmp_path_factory):
    return table_of_years(tmp_path_factory.mktemp("years"))


def partitions(statement):
    """Returns (folder, location) of each partition that a statement adds."""
    found = re.findall(r"PARTITION \(([^)]*)\) LOCATION '([^']*)'", statement)
    return [("/".join(re.sub(r"[`' ]", "", values).split(",")), location) for values, location in found]


def test_the_table_comes_first_and_then_every_partition_once(each):
    create, *adds = statements(ddl(each.table))
    assert create.startswith("CREATE EXTERNAL TABLE IF NOT EXISTS `logs`.`cf_logs` (")
    assert create.endswith(f"STORED AS PARQUET\nLOCATION '{LOCATION}/'")
    assert "PARTITIONED BY (`year` string, `month` string, `day` string, `hour` string)" in create
    columns = re.findall(r"^  `(\w+)`", create, flags=re.MULTILINE)
    assert sorted(columns + PARTITION_COLUMNS) == sorted(each.logs.rows[0])
    assert all(add.startswith("ALTER TABLE `logs`.`cf_logs` ADD IF NOT EXISTS\nPARTITION (") for add in adds)
    added = [partition for add in adds for partition in partitions(add)]
    assert added == [(folder, f"{LOCATION}/{folder}/") for folder in folders(each.table)]


def test_a_table_of_thousands_of_partitions_takes_several_statements_of_limited_size(years):
    create, *adds = statements(ddl(years))
    assert len(adds) > 1
    assert max(len(add.encode()) for add in adds) <= 262_144
    assert [folder for add in adds for folder, _ in partitions(add)] == folders(years)


def test_projection_takes_one_statement_for_any_number_of_partitions(years):
    (create,) = statements(ddl(years, "--projection"))
    properties = dict(re.findall(r"'([\w.]+)' = '([^']*)'", create))
    assert properties["projection.enabled"] == "true"
    assert properties["projection.hour.range"] == "0,23"
    first, last = properties["projection.year.range"].split(",")
    assert int(first) == 2023 and int(last) >= 2025
    template = LOCATION + "".join(f"/{name}=${{{name}}}" for name in PARTITION_COLUMNS)
    assert properties["storage.location.template"] == template + "/"


@pytest.mark.parametrize("flags", [[], ["--projection"]])
def test_the_text_is_the_same_each_time(each, flags):
    assert ddl(each.table, *flags) == ddl(each.table, *flags)


def test_coarser_partitions_have_fewer_columns(converted, tmp_path):
    lakefront("convert", converted("current").folder / "logs", tmp_path / "cf_logs", "--partition-by", "day", "-q")
    create, add = statements(ddl(tmp_path / "cf_logs"))
    assert "PARTITIONED BY (`year` string, `month` string, `day` string)\n" in create
    assert [folder for folder, _ in partitions(add)] == folders(tmp_path / "cf_logs")


@pytest.mark.parametrize("name", ["", "1; DROP TABLE cf_logs", "CF-logs", "cf`logs", 'cf"logs', "cf logs", "a.b", "a" * 256])
@pytest.mark.parametrize("flag", ["--table", "--database"])
def test_a_name_that_is_not_an_identifier_is_refused(converted, flag, name):
    done = lakefront("ddl", converted("current").table, flag, name, status=2)
    assert done.stdout == ""
    assert "hint:" in done.stderr


def test_a_name_with_a_hyphen_is_in_backticks(converted):
    table = converted("current").table
    create, *adds = statements(lakefront("ddl", table, "--database", "web-logs", "--table", "cf-logs").stdout)
    assert create.startswith("CREATE EXTERNAL TABLE IF NOT EXISTS `web-logs`.`cf-logs` (")
    assert adds and all(add.startswith("ALTER TABLE `web-logs`.`cf-logs` ADD IF NOT EXISTS\n") for add in adds)


def test_a_quote_in_the_location_is_escaped(converted):
    sql = lakefront("ddl", converted("current").table, "--location", "s3://amzn-s3-demo-bucket/it's").stdout
    assert "\nLOCATION 's3://amzn-s3-demo-bucket/it\\'s/'" in sql


def test_a_location_that_is_not_a_url_is_refused(converted):
    done = lakefront("ddl", converted("current").table, "--location", "amzn-s3-demo-bucket/lake", status=2)
    assert done.stdout == ""
    assert "hint:" in done.stderr
