"""Restore the text column of Arrow record batches: the one function that Spark, Ray Data, datasets, Polars and pandas run.

Nothing is copied that need not be: columns that are not concerned, and the texts themselves when no document of the batch is changed, are the buffers that came
in. Rows and their order stay; null stays null; bytes that are no UTF-8 (some writers let them through) come out as they were.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Any, TypeVar

from restore import ConfigError, MissingExtraError, Restorer, Result, Verdict
from restore.batch import Batch
from restore.integrations.settings import Settings

try:
    import pyarrow as pa
except ModuleNotFoundError as problem:
    raise MissingExtraError("restore.integrations.arrow", "arrow") from problem
from restore.schemas import EDITS, VERDICT, arrow_value

Data = TypeVar("Data", pa.RecordBatch, pa.Table)


class ArrowRestorer:
    """A function from record batches (or tables) to the same with the text column restored; pickles by its settings and opens its models once a process.

    Args:
        column: holds the texts: `string` or `large_string` (`string_view` is copied).
        restored: where the restored texts go: True, in the place of the texts; a name, into a new column; False, nowhere (judging alone is faster).
        verdict: add a column with `VERDICT`: True, with the name "verdict"; or its name.
        edits: add a column with `EDITS`: True, with the name "edits"; or its name.
        settings: as for `restore.load`.

    Raises:
        RestoreError: a setting is wrong.

    >>> restorer = ArrowRestorer("body", verdict=True, assume_spun=True)
    >>> batch = pa.record_batch({"id": [7], "body": ["The minister despatched a letter to the president of the group."]})
    >>> restorer(batch).to_pylist()[0]["body"]
    'The minister sent a letter to the president of the group.'
    """

    def __init__(self, column: str = "text", *, restored: bool | str = True, verdict: bool | str = False, edits: bool | str = False, **settings: Any) -> None:
        self.column = column
        self.restored = column if restored is True else restored
        self.verdict = "verdict" if verdict is True else verdict
        self.edits = "edits" if edits is True else edits
        if not (self.restored or self.verdict or self.edits):
            raise ConfigError("restored, verdict and edits are all False, which leaves nothing to do; ask for one of them")
        self.settings = Settings(settings)

    def __call__(self, batch: Data) -> Data:
        """One batch, or table, restored.

        Raises:
            ConfigError: the column is missing or holds no text, or a new column has the name of one that is there.
        """
        schema = self.schema(batch.schema)
        if isinstance(batch, pa.Table):
            # Not by calling itself: Ray Data has calls of an actor's object wait for each other, and the inner one would wait for the outer.
            return pa.Table.from_batches([self._restore(part, schema) for part in batch.to_batches()], schema=schema)
        return self._restore(batch, schema)

    def _restore(self, batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
        columns = {name: batch.column(k) for k, name in enumerate(batch.schema.names)}
        columns.update(self.arrays(columns[self.column]))
        return pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)

    def stream(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Batches restored one after the other, as `mapInArrow` asks for."""
        return map(self, batches)

    def schema(self, schema: pa.Schema) -> pa.Schema:
        """What comes out of batches with this schema.

        Raises:
            ConfigError: as for a batch.
        """
        self.check(schema.names)
        for name, kind in self.added(schema.field(self.column).type).items():
            schema = schema.append(pa.field(name, kind))
        return schema

    def added(self, kind: pa.DataType) -> dict[str, pa.DataType]:
        """Names and types of the columns that are added to a column of texts of this type."""
        if not _is_text(kind) and not pa.types.is_null(kind):
            raise ConfigError(f"column {self.column!r} is of type {kind}; cast it to string, or name the column with the texts")
        new: dict[Any, pa.DataType] = {self.restored: kind, self.verdict: VERDICT, self.edits: EDITS}
        return {name: kind for name, kind in new.items() if name and name != self.column}

    def check(self, names: Sequence[str]) -> None:
        """That columns with these names can be served.

        Raises:
            ConfigError: they cannot.
        """
        if names.count(self.column) != 1:
            raise ConfigError(f"there {'are several columns' if self.column in names else 'is no column'} {self.column!r}; the columns are {', '.join(names)}")
        new = [name for name in (self.restored, self.verdict, self.edits) if name]
        if self.column in (self.verdict, self.edits) or len(set(new)) < len(new):
            raise ConfigError(f"two of the columns {', '.join([self.column, *new])} would have one name; choose others")
        for option in ("restored", "verdict", "edits"):
            name = getattr(self, option)
            if name and name != self.column and name in names:
                raise ConfigError(f"there is a column {name!r} already; give another name: {option}='...'")

    def arrays(self, texts: pa.Array) -> dict[str, pa.Array]:
        """The columns that come from an array of texts, by name.

        Raises:
            ConfigError: these are no texts, or the restored ones exceed what the type can hold (2 GiB for string).
        """
        types = self.added(texts.type)
        if pa.types.is_null(texts.type):
            return {name: pa.nulls(len(texts), kind) for name, kind in types.items()}
        plain = texts.cast(pa.large_string()) if texts.type == pa.string_view() else texts
        batch = restore_texts(self.settings.restorer, plain, rewrite=bool(self.restored or self.edits))
        columns: dict[str, pa.Array] = {}
        if self.restored:
            restored = _texts(plain, batch)
            columns[str(self.restored)] = restored if restored.type == texts.type else restored.cast(texts.type)
        if self.verdict:
            columns[str(self.verdict)] = _verdicts(plain, batch)
        if self.edits:
            columns[str(self.edits)] = _edits(plain, batch)
        return columns


def restore_texts(restorer: Restorer, texts: pa.Array, rewrite: bool = True) -> Batch:
    """Restore an array of texts, nulls as if they were empty. The only place where texts of a batch meet the `Restorer`.

    Args:
        restorer: does the work.
        texts: of type string or large_string.
        rewrite: False to judge only.
    """
    if not len(texts):
        return restorer.batch(b"", array("q", [0]), rewrite)
    _, places, data = texts.buffers()
    large = pa.types.is_large_string(texts.type)
    offsets = array("q", memoryview(places).cast("q" if large else "i")[texts.offset : texts.offset + len(texts) + 1])
    view = memoryview(data if data is not None else b"").cast("B")
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:
        return _restore_bytes(restorer, view, offsets, rewrite)
    return restorer.batch(view, offsets, rewrite)


def _restore_bytes(restorer: Restorer, data: memoryview, offsets: array[int], rewrite: bool) -> Batch:
    """The same for texts of which some are no UTF-8: one by one, with lone surrogates for what cannot be decoded."""
    results = {}
    for number, (start, end) in enumerate(pairwise(offsets)):
        text = str(data[start:end], "utf-8", "surrogateescape")
        results[number] = restorer.restore(text) if rewrite else Result(text, (), restorer.detect(text))
    pieces = [result.text.encode("utf-8", "surrogateescape") for result in results.values()]
    verdicts = [result.verdict for result in results.values()]
    spun, log_bayes_factor, rate = (array("d", (getattr(verdict, name) for verdict in verdicts)) for name in ("spun", "log_bayes_factor", "rate"))
    words = array("q", (verdict.words for verdict in verdicts))
    return Batch(b"".join(pieces), array("q", accumulate(map(len, pieces), initial=0)), spun, log_bayes_factor, rate, words, results)


def _texts(texts: pa.Array, batch: Batch) -> pa.Array:
    """The restored texts, as an array of the texts' type; the array that came in where none was changed."""
    if not any(result.changed for result in batch.results.values()):
        return texts
    try:
        places = batch.offsets if pa.types.is_large_string(texts.type) else array("i", batch.offsets)
    except OverflowError:
        raise ConfigError("the restored texts of a batch exceed the 2 GiB of type string; use smaller batches, or cast the column to large_string") from None
    valid = texts.is_valid().buffers()[1] if texts.null_count else None
    return pa.Array.from_buffers(texts.type, len(texts), [valid, pa.py_buffer(places), pa.py_buffer(batch.data)], texts.null_count)


def _verdicts(texts: pa.Array, batch: Batch) -> pa.Array:
    """The verdicts, as `VERDICT`: numbers from the batch's own arrays; what only the decoder tells, from its results."""
    clean = Verdict(0.0, 0.0, 0.0, 0, 0)
    verdicts = [batch.results[d].verdict if d in batch.results else clean for d in range(len(batch))]
    columns = []
    for field in VERDICT:
        numbers = getattr(batch, field.name, None)
        if numbers is None:
            columns.append(pa.array([arrow_value(getattr(verdict, field.name)) for verdict in verdicts], field.type))
        else:
            columns.append(pa.Array.from_buffers(field.type, len(batch), [None, pa.py_buffer(numbers)]))
    return pa.StructArray.from_arrays(columns, fields=list(VERDICT), mask=texts.is_null() if texts.null_count else None)


def _edits(texts: pa.Array, batch: Batch) -> pa.Array:
    """The edits, as `EDITS`."""
    valid = texts.is_valid().to_pylist() if texts.null_count else [True] * len(texts)
    rows = [list(map(arrow_value, batch.results[d].edits)) if d in batch.results else [] for d in range(len(batch))]
    return pa.array([row if there else None for row, there in zip(rows, valid, strict=True)], EDITS)


def _is_text(kind: pa.DataType) -> bool:
    return kind in (pa.string(), pa.large_string(), pa.string_view())
