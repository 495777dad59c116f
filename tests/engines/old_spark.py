"""Reads a table with Spark 3.3 and writes each row as a line of JSON; runs in a separate environment.

    .venv/old-spark/bin/python tests/engines/old_spark.py TABLE OUTPUT
"""

import json
import sys

from pyspark.sql import SparkSession


def main(table, output):
    settings = {
        "spark.ui.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
        "spark.driver.memory": "2g",
    }
    builder = SparkSession.builder.master("local[2]").appName("old-spark")
    for name, value in settings.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    frame = spark.read.parquet(table)
    special = {"requesttime": "unix_micros(requesttime)", "extra": "map_entries(extra)", "logdate": "cast(logdate AS string)"}
    rows = frame.selectExpr(*[special.get(name, f"`{name}`") for name in frame.columns])
    with open(output, "w") as file:
        for line in ({"version": spark.version, "columns": frame.columns}, *map(list, rows.collect())):
            print(json.dumps(line), file=file)
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
