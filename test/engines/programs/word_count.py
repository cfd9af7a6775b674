"""Counts words with PySpark: INPUT OUTPUT; `fail` as input goes wrong."""

import re
import sys

from pyspark.sql import SparkSession

import blanks

source, target = sys.argv[1:3]
spark = SparkSession.builder.getOrCreate()
if source == "fail":
    raise ValueError("the program says no: " + target)
if source == "task":
    spark.sparkContext.parallelize([1, 0]).map(lambda divisor: 1 // divisor).collect()
counts = (
    spark.sparkContext.textFile(source)
    .flatMap(lambda line: re.split(blanks.PATTERN, line))
    .filter(lambda word: word != "")
    .map(lambda word: (word, 1))
    .reduceByKey(lambda a, b: a + b)
)
counts.map(lambda pair: f"{pair[0]}\t{pair[1]}").saveAsTextFile(target)
print(f"words: {counts.count()}")
spark.stop()
