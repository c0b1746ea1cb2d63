"""Spark, in local mode with two workers: the same as the library, other columns as they were; the README's snippet and the example job run."""

from __future__ import annotations

import datetime
import decimal
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from restore import ConfigError
from tests.integrations import ROWS, check_example, expected, need, run_snippet

spark = need("spark", "pyspark")

from pyspark.sql import SparkSession  # noqa: E402

OTHERS = {
    "when": ("timestamp", datetime.datetime(2020, 2, 29, 12, 30)),
    "price": ("decimal(10,2)", decimal.Decimal("1.50")),
    "place": ("struct<x:double,names:map<string,int>>", (0.5, {"a": 1})),
    "raw": ("binary", bytearray(b"\xff\x00")),
}


@pytest.fixture(scope="module")
def session() -> Iterator[SparkSession]:
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").config("spark.driver.memory", "1g")
    session = builder.config("spark.sql.shuffle.partitions", 2).config("spark.sql.execution.arrow.maxRecordsPerBatch", 3).getOrCreate()
    yield session
    session.stop()


def frame_of(session: SparkSession) -> Any:
    schema = "id long, text string, tags array<string>, " + ", ".join(f"`{name}` {kind}" for name, (kind, _) in OTHERS.items())
    others = [value for _, value in OTHERS.values()]
    return session.createDataFrame([(*row.values(), *others) for row in ROWS], schema).repartition(3)


def test_as_the_library(session: SparkSession) -> None:
    frame = frame_of(session)
    found = spark.restore_column(frame, verdict=True, edits=True)
    assert found.schema.fields[: len(frame.schema)] == frame.schema.fields
    rows = [row.asDict(recursive=True) for row in found.sort("id").collect()]
    for row in rows:
        assert {name: row.pop(name) for name in OTHERS} == {
            **{name: value for name, (_, value) in OTHERS.items()}, "place": {"x": 0.5, "names": {"a": 1}}
        }  # fmt: skip
    assert rows == expected()


def test_settings_and_choice_of_columns(session: SparkSession) -> None:
    found = spark.restore_column(frame_of(session).select("id", "text"), restored="restored", assume_spun=True).sort("id").collect()
    assert [row.restored for row in found] == [row["text"] for row in expected(assume_spun=True)]
    assert [row.text for row in found] == [row["text"] for row in ROWS]


def test_wrong_use_is_told_at_once(session: SparkSession) -> None:
    frame = frame_of(session)
    for column, message in (("body", "no column 'body'"), ("id", "'id' is of type bigint; cast it to string")):
        with pytest.raises(ConfigError, match=message):
            spark.restore_column(frame, column)


def test_readme(session: SparkSession) -> None:
    found = run_snippet("Spark", spark, df=frame_of(session)).sort("id").collect()
    assert [row.text for row in found] == [row["text"] for row in expected()]


def test_example(tmp_path: Path) -> None:
    check_example("spark_job.py", tmp_path / "out", {name: value for name, value in os.environ.items() if name != "PYSPARK_PYTHON"})
