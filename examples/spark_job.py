"""Restore the texts of a corpus on Spark.

    python examples/spark_job.py examples/documents.jsonl /tmp/restored                 # on this machine, all cores
    spark-submit --master yarn ... examples/spark_job.py s3a://in/*.parquet s3a://out    # on a cluster

Parquet or JSON lines in, Parquet out, with a column "verdict" beside the restored text. Needs Java and `pip install 'restore-text[spark]'` on every worker.
"""

import argparse
import os
import sys

os.environ.setdefault("PYSPARK_PYTHON", sys.executable)

from pyspark.sql import SparkSession
from pyspark.sql.functions import col, count, count_if

from restore.integrations.spark import restore_column


def main() -> None:
    parser = argparse.ArgumentParser(description="Restore the texts of a corpus on Spark.")
    parser.add_argument("input", help="a folder, file or glob of .parquet, or of JSON lines (.jsonl, .jsonl.gz, …)")
    parser.add_argument("output", help="a folder that does not exist yet")
    parser.add_argument("--column", default="text", help="holds the texts (default: text)")
    parser.add_argument("--edits", action="store_true", help="keep the edits, in a column of that name")
    args = parser.parse_args()

    # Rows of one Arrow batch: at 3 kB a document some 6 MB, which keeps a Python worker small (Spark's default is 10,000).
    spark = SparkSession.builder.appName("restore").config("spark.sql.execution.arrow.maxRecordsPerBatch", 2000).getOrCreate()
    documents = spark.read.parquet(args.input) if "parquet" in args.input else spark.read.json(args.input)
    restored = restore_column(documents, args.column, verdict=True, edits=args.edits)
    restored.write.option("compression", "zstd").parquet(args.output)

    spun = col("verdict.spun") > 0.5
    counts = spark.read.parquet(args.output).agg(count("*").alias("documents"), count_if(spun).alias("spun")).first()
    print(f"{counts.documents} documents, {counts.spun} spun: {args.output}")
    spark.stop()


if __name__ == "__main__":
    main()
