"""Parquet: row groups to batches of Arrow columns, and back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, NamedTuple

from restore.corpus import storage
from restore.corpus.inputs import Shard
from restore.corpus.restoring import Judgement
from restore.corpus.rows import BLOCK, Failure, Rendered
from restore.corpus.settings import Settings
from restore.errors import InputError, MissingExtraError

#: Bytes of Arrow columns of which a row group is made at most: what a worker must hold.
GROUP = 64 << 20


def arrow() -> Any:
    """pyarrow with its Parquet module, working in this thread only: workers are processes."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise MissingExtraError("reading and writing Parquet", "corpus") from None
    pyarrow.set_cpu_count(1)
    return pyarrow


class Columns:
    """A batch of rows, all of which are documents.

    Attributes:
        texts, size, bytes, failures: as for `restore.corpus.rows.Rows`.
    """

    def __init__(self, batch: Any, column: int) -> None:
        self._batch, self._column = batch, column
        texts = batch.column(column).to_pylist()
        self._missing = {number for number, text in enumerate(texts) if text is None} if batch.column(column).null_count else set[int]()
        self.texts: list[str] = [text or "" for text in texts] if self._missing else texts
        self.size: int = batch.num_rows
        self.bytes = int(batch.column(column).nbytes)
        self.failures: list[Failure] = []

    def head(self, documents: int) -> Columns:
        """The first rows."""
        return Columns(self._batch.slice(0, documents), self._column)

    def document(self, number: int) -> tuple[int, Any]:
        """(row, row as a dictionary) of a document, for the errors file."""
        return number, self._batch.slice(number, 1).to_pylist()[0]

    def render(self, judgement: Judgement, settings: Settings) -> Rendered:
        """The output of the batch."""
        pa = arrow()
        from restore import schemas

        batch = self._batch
        if settings.mode == "fix":
            batch = self._fixed(pa, judgement, settings)
        elif settings.verdicts:
            without = self._missing | judgement.failures.keys()
            verdicts = [None if i in without else schemas.arrow_value(verdict) for i, verdict in enumerate(judgement.verdicts)]
            batch = batch.append_column("verdict", pa.array(verdicts, schemas.VERDICT))
            if settings.mode == "annotate":
                results = judgement.results
                edits = [None if i in without else schemas.arrow_value(results[i].edits) if i in results else () for i in range(self.size)]
                batch = batch.append_column("edits", pa.array(edits, schemas.EDITS))
        spun = [settings.mode == "filter" and p >= settings.threshold and i not in judgement.failures for i, p in enumerate(judgement.spun)]
        if not any(spun) and not judgement.failures:
            return Rendered(batch, None, batch.num_rows, 0)
        kept = batch.filter(pa.array([not out and i not in judgement.failures for i, out in enumerate(spun)]))
        out = batch.filter(pa.array(spun))
        return Rendered(kept, out, kept.num_rows, out.num_rows)

    def _fixed(self, pa: Any, judgement: Judgement, settings: Settings) -> Any:
        batch, column = self._batch, self._column
        results = judgement.results
        field = batch.schema.field(column)
        if results:
            before = batch.column(column).to_pylist()
            after = [results[i].text if i in results else text for i, text in enumerate(before)]
            batch = batch.set_column(column, field, pa.array(after, field.type))
        if settings.keep_original:
            kept = [self.texts[i] if i in results else None for i in range(self.size)]
            batch = batch.append_column(settings.keep_original, pa.array(kept, field.type))
        return batch


class Piece(NamedTuple):
    """Rows start … stop of a row group; whether they are its last."""

    group: int
    start: int
    stop: int
    ends: bool


class TableReader:
    """Splits of a Parquet file, each a run of row groups, or of rows of a large one, of about `split_size` bytes, uncompressed.

    Row groups are entered anywhere; the rows of one are reached by decoding those before, at some 200 MB/s. A worker goes on where its last split ended.
    """

    def __init__(self, shard: Shard, settings: Settings) -> None:
        pa = arrow()
        self._shard = shard
        self._file = storage.open_read(shard.path)
        try:
            self._parquet: Any = pa.parquet.ParquetFile(self._file, buffer_size=1 << 20, pre_buffer=False)
        except (pa.ArrowException, OSError) as problem:
            raise InputError(shard.path, f"is no Parquet file, or damaged ({_first_line(problem)})") from None
        schema = self._parquet.schema_arrow
        self._column = _text_column(pa, shard.path, schema, settings)
        metadata = self._parquet.metadata
        size = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
        self._rows = max(64, min(1 << 16, min(BLOCK, settings.split_size) * metadata.num_rows // max(1, size)))
        self._splits = _splits(metadata, settings.split_size, self._rows)
        self._batches: Iterator[Any] = iter(())
        self._at = -1, 0
        codec = metadata.row_group(0).column(0).compression.lower() if metadata.num_row_groups else "zstd"
        self.codec = "none" if codec == "uncompressed" else codec
        self.schema = _output_schema(pa, shard.path, schema, self._column, settings)
        self.parts = len(self._splits)
        self.at_end = False

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def blocks(self, k: int) -> Iterator[Columns | None]:
        """Batches of a split; None after each row group."""
        pa = arrow()
        self.at_end = k + 1 >= self.parts
        try:
            for piece in self._splits[k] if k < self.parts else ():
                self._go_to(piece)
                while self._at[1] < piece.stop:
                    yield Columns(self._next(), self._column)
                if piece.ends:
                    yield None
        except (pa.ArrowException, OSError) as problem:
            raise InputError(self._shard.path, f"is damaged ({_first_line(problem)}); copy or download it again") from None

    def _go_to(self, piece: Piece) -> None:
        """Stand at the first row of a piece, decoding the rows of its group before it."""
        group, row = self._at
        if group != piece.group or row > piece.start:
            self._batches = self._parquet.iter_batches(self._rows, row_groups=[piece.group], use_threads=False)
            self._at = piece.group, 0
        while self._at[1] < piece.start:
            self._next()

    def _next(self) -> Any:
        batch = next(self._batches)
        self._at = self._at[0], self._at[1] + batch.num_rows
        return batch


def _splits(metadata: Any, split_size: int, batch: int) -> list[list[Piece]]:
    """Row groups by split: those that begin in one stretch of the file, uncompressed; large ones in several pieces of whole batches."""
    splits: list[list[Piece]] = []
    at = 0.0
    for group in range(metadata.num_row_groups):
        rows, size = metadata.row_group(group).num_rows, metadata.row_group(group).total_byte_size
        pieces = max(1, -(-size // split_size))
        step = max(1, -(-rows // pieces // batch) * batch)
        for start in range(0, rows, step):
            stop = min(rows, start + step)
            if len(splits) <= at // split_size:
                splits.append([])
            splits[-1].append(Piece(group, start, stop, stop == rows))
            at += size * (stop - start) / rows
    return splits or [[]]


def _text_column(pa: Any, path: str, schema: Any, settings: Settings) -> int:
    """Number of the text's column."""
    if settings.text_field not in schema.names:
        raise InputError(path, f"no column {settings.text_field!r} (its columns: {', '.join(schema.names) or 'none'}); name it with --text-field")
    column: int = schema.get_field_index(settings.text_field)
    kind = schema.field(column).type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
        raise InputError(path, f"column {settings.text_field!r} is {kind}, not text; name another with --text-field")
    return column


def _output_schema(pa: Any, path: str, schema: Any, column: int, settings: Settings) -> Any:
    from restore import schemas

    added = [("verdict", schemas.VERDICT)] if settings.verdicts else []
    added += [("edits", schemas.EDITS)] if settings.mode == "annotate" else []
    added += [(settings.keep_original, schema.field(column).type)] if settings.keep_original else []
    for name, kind in added:
        if name in schema.names:
            raise InputError(path, f"has a column {name!r} already; rename or remove it, or use the input of the run that made it")
        schema = schema.append(pa.field(name, kind))
    return schema


class GroupWriter:
    """Writes batches as a Parquet file with the row groups of its input, those over GROUP bytes in several."""

    def __init__(self, file: BinaryIO, schema: Any, codec: str) -> None:
        self._schema = schema
        self._writer: Any = arrow().parquet.ParquetWriter(file, schema, compression=codec)
        self._batches: list[Any] = []
        self._bytes = 0

    def write(self, batch: Any) -> None:
        """Add rows."""
        if batch is not None and batch.num_rows:
            self._batches.append(arrow().RecordBatch.from_arrays(batch.columns, schema=self._schema))
            self._bytes += batch.nbytes
            if self._bytes >= GROUP:
                self.end_group()

    def end_group(self) -> None:
        """End a row group."""
        if self._batches:
            self._writer.write_table(arrow().Table.from_batches(self._batches))
        self._batches, self._bytes = [], 0

    def close(self) -> None:
        """Finish the file."""
        self.end_group()
        self._writer.close()

    def drop(self) -> None:
        """Leave the file unfinished, before it is closed."""
        with suppress(Exception):
            self._writer.close()


class BatchWriter:
    """Writes batches as an Arrow stream, of which the parts of a Parquet file are made until they are joined; a batch without rows ends a row group."""

    def __init__(self, file: BinaryIO, schema: Any, codec: str) -> None:
        pa = arrow()
        self._schema = schema.with_metadata({**(schema.metadata or {}), b"restore.codec": codec.encode()})
        self._writer: Any = pa.ipc.new_stream(file, self._schema, options=pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False))

    def write(self, batch: Any) -> None:
        """Add rows."""
        if batch is not None and batch.num_rows:
            self._writer.write_batch(arrow().RecordBatch.from_arrays(batch.columns, schema=self._schema))

    def end_group(self) -> None:
        """End a row group."""
        self._writer.write_batch(arrow().RecordBatch.from_pylist([], self._schema))

    def close(self) -> None:
        """Finish the stream."""
        self._writer.close()

    def drop(self) -> None:
        """Leave the stream unfinished, before the file is closed."""
        with suppress(Exception):
            self._writer.close()


def join_parts(parts: Sequence[str], file: BinaryIO) -> None:
    """Make one Parquet file of the Arrow streams of its parts."""
    pa = arrow()
    writer: GroupWriter | None = None
    for part in parts:
        with storage.open_read(part) as source, _closing(pa.ipc.open_stream(source)) as batches:
            if writer is None:
                metadata = dict(batches.schema.metadata)
                codec = metadata.pop(b"restore.codec").decode()
                schema = batches.schema.with_metadata(metadata or None)
                writer = GroupWriter(file, schema, codec)
            for batch in batches:
                if batch.num_rows:
                    writer.write(batch)
                else:
                    writer.end_group()
    assert writer
    writer.close()


@contextmanager
def _closing(reader: Any) -> Iterator[Any]:
    try:
        yield reader
    finally:
        reader.close()


def _first_line(problem: BaseException) -> str:
    return str(problem).strip().split("\n")[0]
