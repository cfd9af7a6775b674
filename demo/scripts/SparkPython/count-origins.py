"""Flights by the airport that they left from: one Parquet file in, one folder of Parquet out."""
import sys

from pyspark.sql import SparkSession

source, target = sys.argv[1:]
spark = SparkSession.builder.appName("count-origins").getOrCreate()
counts = spark.read.parquet(source).groupBy("origin").count()
counts.write.mode("overwrite").parquet(target)
print(spark.read.parquet(target).count(), "airports")
