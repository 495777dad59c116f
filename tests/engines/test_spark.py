"""Spark reads the table: by its path, and as a table that the DDL created in a Hive metastore."""

import subprocess
import sys
from collections import Counter

import pytest

from answers import ANSWERS
from harness import PARTITION_COLUMNS, folders, lakefront, loggen, query, readme_blocks


def rows(frame, names):
    """Returns the rows of a frame as a multiset, in the form of the log reader."""
    special = {"requesttime": "unix_micros(requesttime)", "extra": "map_entries(extra)"}
    selected = frame.selectExpr(*[special.get(name, f"`{name}`") for name in names]).collect()
    plain = lambda cell: tuple(map(tuple, cell)) if isinstance(cell, list) else cell
    return Counter(tuple(map(plain, row)) for row in selected)


def wanted(each, names):
    return Counter(tuple(row[name] for name in names) for row in each.logs.rows)


def files_read(frame):
    """Returns the number of files that Spark opens for a query."""
    frame.collect()
    scan = frame._jdf.queryExecution().executedPlan().collectLeaves().head()
    return scan.metrics().apply("numFiles").value()


def test_the_folder_has_exactly_the_rows_of_the_logs(spark, each):
    frame = spark.read.parquet(str(each.table))
    assert sorted(frame.columns) == sorted(each.logs.rows[0])
    assert rows(frame, frame.columns) == wanted(each, frame.columns)


def test_the_table_created_by_the_ddl_has_exactly_the_rows_of_the_logs(spark, each, hive_table):
    frame = spark.table(hive_table)
    assert frame.columns[-4:] == PARTITION_COLUMNS
    assert rows(frame, frame.columns) == wanted(each, frame.columns)


def test_the_ddl_and_the_files_agree_on_names_and_types(spark, each, hive_table):
    assert spark.table(hive_table).dtypes == spark.read.parquet(str(each.table)).dtypes


def test_partitions_are_the_folders_after_running_the_ddl_twice(spark, each, hive_table):
    assert [row[0] for row in spark.sql(f"SHOW PARTITIONS {hive_table}").collect()] == folders(each.table)


@pytest.mark.parametrize("answer", ANSWERS)
def test_the_query_result_matches_the_logs(spark, each, hive_table, answer):
    spark.table(hive_table).createOrReplaceTempView("cf_logs")
    assert [tuple(row) for row in spark.sql(query(answer.__name__)).collect()] == answer(each.logs.rows)


@pytest.mark.parametrize("source", ["folder", "table"])
def test_only_the_files_of_the_selected_partition_are_opened(spark, each, hive_table, source):
    frame = spark.read.parquet(str(each.table)) if source == "folder" else spark.table(hive_table)
    path = each.files[0].parent
    condition = " AND ".join(part.replace("=", " = '") + "'" for part in path.parts[-4:])
    assert files_read(frame.select("bytes")) == len(each.files)
    assert files_read(frame.select("bytes").where(condition)) == sum(file.parent == path for file in each.files)
    assert len(each.files) > 1


def test_hives_own_reader_gives_the_same_rows(spark, converted, hive_table, each):
    if each.schema == "cf_logs_wide":
        # Hive 2 reads timestamps of Parquet only from its own files.
        names = ["requestip", "bytes", "cport", "timetakenseconds", "extra", "hour"]
    else:
        names = list(each.logs.rows[0])
    spark.conf.set("spark.sql.hive.convertMetastoreParquet", "false")
    try:
        assert rows(spark.table(hive_table), names) == wanted(each, names)
    finally:
        spark.conf.unset("spark.sql.hive.convertMetastoreParquet")


def test_the_pyspark_blocks_of_the_readme_run(tmp_path):
    loggen(tmp_path / "logs", hours=3, rows_per_file=200)
    lakefront("convert", tmp_path / "logs", tmp_path / "lake" / "cf_logs", "-q")
    for block in readme_blocks("python pyspark"):
        done = subprocess.run([sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout
