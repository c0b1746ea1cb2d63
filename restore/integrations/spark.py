"""Restore a text column of a Spark DataFrame, by `mapInArrow`."""

from __future__ import annotations

from typing import Any

from restore import ConfigError, MissingExtraError

try:
    from pyspark.sql import DataFrame
    from pyspark.sql.pandas.types import from_arrow_type
    from pyspark.sql.types import StringType, StructField, StructType
except ModuleNotFoundError as problem:
    raise MissingExtraError("restore.integrations.spark", "spark") from problem

import pyarrow as pa

from restore.integrations.arrow import ArrowRestorer


def restore_column(
    frame: DataFrame, column: str = "text", *, restored: bool | str = True, verdict: bool | str = False, edits: bool | str = False, **settings: Any
) -> DataFrame:
    """A DataFrame with a column restored; rows, their partitions and other columns stay. Each Python worker opens the models once.

    Args:
        frame: with the texts.
        column, restored, verdict, edits, settings: as for `restore.integrations.arrow.ArrowRestorer`.

    Raises:
        RestoreError: the column is missing, a new one has the name of one that is there, or a setting is wrong; said before any work is done.
    """
    restorer = ArrowRestorer(column, restored=restored, verdict=verdict, edits=edits, **settings)
    restorer.check(frame.columns)
    kind = frame.schema[column].dataType
    if not isinstance(kind, StringType):
        raise ConfigError(f"column {column!r} is of type {kind.simpleString()}; cast it to string, or name the column with the texts")
    new = [StructField(name, from_arrow_type(kind)) for name, kind in restorer.added(pa.string()).items()]
    return frame.mapInArrow(restorer.stream, StructType([*frame.schema.fields, *new]))
