"""Spark, local: rows are shuffled by hour before they are written; otherwise each task writes its own files."""

import tempfile

from pyspark.sql import SparkSession
from pyspark.sql import functions as f
from pyspark.sql.types import DateType, LongType, StringType, StructField, StructType

from task import PARTITION, arguments, types


def main():
    options = arguments()
    with tempfile.TemporaryDirectory() as scratch:
        settings = {
            "spark.driver.memory": "6g",
            "spark.local.dir": scratch,
            "spark.sql.parquet.compression.codec": "zstd",
            "spark.sql.shuffle.partitions": "24",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.ui.enabled": "false",
            "spark.log.level": "ERROR",
        }
        spark = SparkSession.builder.master(f"local[{options.threads}]").config(map=settings).getOrCreate()
        schema = StructType([StructField(*of) for of in types(DateType(), LongType(), StringType()).items()])
        logs = spark.read.csv(f"{options.logs}/*.gz", schema=schema, sep="\t", comment="#", quote="", nullValue="-")
        rows = logs.withColumns({
            "filename": f.col("_metadata.file_name"),
            "distribution": f.substring_index("_metadata.file_name", ".", 1),
            "year": f.date_format("date", "yyyy"),
            "month": f.date_format("date", "MM"),
            "day": f.date_format("date", "dd"),
            "hour": f.substring("time", 1, 2),
        })
        rows.repartition(*PARTITION).write.partitionBy(*PARTITION).parquet(options.out)
        spark.stop()


main()
