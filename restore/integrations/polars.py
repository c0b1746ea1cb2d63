"""Restore a text column of a Polars frame, eager or lazy, by `map_batches`."""

from __future__ import annotations

from typing import Any, TypeVar

from restore import ConfigError, MissingExtraError

try:
    import polars as pl
except ModuleNotFoundError as problem:
    raise MissingExtraError("restore.integrations.polars", "polars") from problem

import pyarrow as pa

from restore.integrations.arrow import ArrowRestorer

Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)


def restore_column(
    frame: Frame, column: str = "text", *, restored: bool | str = True, verdict: bool | str = False, edits: bool | str = False, **settings: Any
) -> Frame:
    """A frame with a column restored. Rows are independent of each other, so that a lazy frame can be streamed (`sink_parquet`, `collect(engine="streaming")`).

    Args:
        frame: with the texts.
        column, restored, verdict, edits, settings: as for `restore.integrations.arrow.ArrowRestorer`.

    Raises:
        RestoreError: the column is missing or holds no text, a new one has the name of one that is there, or a setting is wrong.

    >>> frame = restore_column(pl.DataFrame({"text": ["The minister despatched a letter."]}), verdict="spun", assume_spun=True)
    >>> frame["text"][0], frame["spun"].struct.field("words")[0]
    ('The minister sent a letter.', 5)
    """
    restorer = ArrowRestorer(column, restored=restored, verdict=verdict, edits=edits, **settings)
    schema = frame.collect_schema()
    restorer.check(schema.names())
    if schema[column] not in (pl.String, pl.Null):
        raise ConfigError(f"column {column!r} is of type {schema[column]}; cast it to pl.String, or name the column with the texts")

    def run(texts: pl.Series) -> pl.Series:
        found = restorer.arrays(texts.to_arrow())
        return pl.from_arrow(pa.StructArray.from_arrays(list(found.values()), list(found)))

    return frame.with_columns(pl.col(column).map_batches(run, return_dtype=run(pl.Series([], dtype=schema[column])).dtype, is_elementwise=True).struct.unnest())
