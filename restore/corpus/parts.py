"""One split of one file: read, restore, write; and the joining of a file's splits to its output.

A split is done when its files and then its report (JSON) have been renamed to their names in the shard's folder; a shard is done when its outputs and then
its mark have. Whatever is killed between leaves temporary files, which nobody reads.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, NamedTuple

import msgspec

from restore.corpus import storage
from restore.corpus.archives import ArchiveReader, TextReader
from restore.corpus.codecs import compress
from restore.corpus.inputs import Shard
from restore.corpus.restoring import judge
from restore.corpus.rows import LineReader
from restore.corpus.settings import Settings
from restore.corpus.statistics import TOP_OF_SPLIT, Tally, total
from restore.engine import Restorer

#: Bytes of rows that become one zstd frame or gzip member: at 4 MB a frame is within 1 % of a whole file's ratio.
FRAME = 4 << 20

Report = dict[str, Any]


class Step(NamedTuple):
    """Progress inside a split: what one more block came to."""

    documents: int
    bytes: int
    spun: int


class LineWriter:
    """Compresses lines in frames that depend on the lines alone."""

    def __init__(self, file: Any, format: str, level: int | None) -> None:
        self._file, self._format, self._level = file, format, level
        self._pieces: list[bytes] = []
        self._size = 0

    def write(self, lines: bytes) -> None:
        """Add lines."""
        self._pieces.append(lines)
        self._size += len(lines)
        if self._size >= FRAME:
            self._flush()

    def end_group(self) -> None:
        """Row groups are nothing to lines."""

    def close(self) -> None:
        """Write the rest."""
        self._flush()

    def drop(self) -> None:
        """Nothing is kept but lines."""

    def _flush(self) -> None:
        if self._size:
            self._file.write(compress(b"".join(self._pieces), self._format, self._level))
        self._pieces, self._size = [], 0


class ShardWorker:
    """Works on splits of one shard, keeping its file open between them.

    Args:
        shard, settings: what is to be done.
        restorer: loaded.
    """

    def __init__(self, shard: Shard, settings: Settings, restorer: Restorer) -> None:
        self.shard = shard
        self._settings, self._restorer = settings, restorer
        self._reader: Any
        if shard.kind == "parquet":
            from restore.corpus.tables import TableReader

            self._reader = TableReader(shard, settings)
        else:
            self._reader = {"jsonl": LineReader, "warc": ArchiveReader, "txt": TextReader}[shard.kind](shard, settings)

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def blocks(self) -> Iterator[Any]:
        """The blocks of the first split, for a look at them."""
        return (block for block in self._reader.blocks(0) if block is not None)

    def run(self, k: int, limit: int | None) -> Iterator[Step | Report]:
        """Do one split.

        Args:
            k: its number.
            limit: at most so many documents.

        Yields:
            a `Step` a block, and last the report. With "done" in it the split was the whole shard, whose output is in its place.
        """
        streams: dict[str, storage.Pending] = {}
        writers: dict[str, Any] = {}
        tally = Tally()

        def writer(stream: str) -> Any:
            if stream not in writers:
                streams[stream] = storage.Pending(part_path(self.shard, k, stream))
                writers[stream] = self._writer(stream, streams[stream].file)
            return writers[stream]

        try:
            if self.shard.format != "txt":
                for stream in ("kept", "spun") if self.shard.spun else ("kept",):
                    writer(stream)
            yield from self._blocks(k, limit, writer, tally)
            for each in writers.values():
                each.close()
            last = self._reader.at_end or (limit is not None and tally.documents >= limit)
            report = {"part": k, "last": last, "size": self.shard.size, "stamp": self.shard.stamp, **tally.to_dict(TOP_OF_SPLIT)}
            if k == 0 and last and (self.shard.format != "parquet" or self._reader.parts == 1):
                yield finish(self.shard, [report], {stream: [pending] for stream, pending in streams.items()})
                return
            report["streams"] = {stream: pending.commit(part_path(self.shard, k, stream)) for stream, pending in streams.items()}
            storage.write(part_path(self.shard, k, "json"), json.dumps(report).encode())
            yield report
        finally:
            for each in writers.values():
                each.drop()
            for pending in streams.values():
                pending.discard()

    def _writer(self, stream: str, file: Any) -> Any:
        if stream == "errors":
            return LineWriter(file, "jsonl", None)
        if self.shard.format != "parquet":
            return LineWriter(file, self.shard.format, self._settings.level)
        from restore.corpus.tables import BatchWriter, GroupWriter

        return (GroupWriter if self._reader.parts == 1 else BatchWriter)(file, self._reader.schema, self._reader.codec)

    def _blocks(self, k: int, limit: int | None, writer: Any, tally: Tally) -> Iterator[Step]:
        settings, clock = self._settings, _Clock(tally)
        for block in self._reader.blocks(k):
            clock.stage("read")
            if block is None:
                for stream in ("kept", "spun") if self.shard.spun else ("kept",):
                    writer(stream).end_group()
                clock.stage("write")
                continue
            if limit is not None and tally.documents + len(block.texts) > limit:
                if limit <= tally.documents:
                    break
                block = block.head(limit - tally.documents)
            judgement = judge(self._restorer, block.texts, settings.edits, settings.verdicts, settings.threshold)
            clock.stage("restore")
            before = tally.spun
            rendered = block.render(judgement, settings)
            tally.count(judgement, settings.threshold)
            failures = [(failure.row, failure.reason, failure.document) for failure in block.failures]
            for number, why in judgement.failures.items():
                row, document = block.document(number)
                failures.append((row, why, document))
            for row, why, document in sorted(failures, key=lambda failure: failure[0]):
                writer("errors").write(_error_line(self.shard, settings, tally.rows + row + 1, why, document))
            tally.failed += len(failures)
            tally.rows += block.size
            tally.documents += len(block.texts)
            tally.bytes += block.bytes
            if rendered.kept_rows:
                writer("kept").write(rendered.kept)
            if rendered.spun_rows and self.shard.spun:
                writer("spun").write(rendered.spun)
            clock.stage("write")
            yield Step(len(block.texts), block.bytes, tally.spun - before)


def part_path(shard: Shard, k: int, stream: str) -> str:
    """Where a split's output, errors or report is."""
    return storage.join(shard.state, f"{k:06d}.{stream}")


def read_reports(shard: Shard) -> dict[int, Report]:
    """Reports of the splits that are done and whose files are there."""
    if not storage.exists(shard.state):
        return {}
    sizes = {entry.path.rpartition("/")[2]: entry.size for entry in storage.walk(shard.state)}
    reports = {}
    for name in sizes:
        if name.endswith(".json"):
            report = json.loads(storage.read(storage.join(shard.state, name)))
            whole = all(sizes.get(f"{report['part']:06d}.{stream}") == size for stream, size in report["streams"].items())
            if whole and (report["size"], report["stamp"]) == (shard.size, shard.stamp):
                reports[int(report["part"])] = report
    return reports


def join(shard: Shard, reports: Sequence[Report]) -> Report:
    """Make a shard's output of its splits.

    Args:
        shard: whose splits are all done.
        reports: theirs, in order.
    """
    streams: dict[str, list[storage.Pending | str]] = {}
    for report in reports:
        for stream in report["streams"]:
            streams.setdefault(stream, []).append(part_path(shard, report["part"], stream))
    return finish(shard, reports, streams)


def finish(shard: Shard, reports: Sequence[Report], streams: dict[str, Any]) -> Report:
    """Put a shard's output in its place, then its mark, and remove what led there."""
    if "errors" in streams:
        _join_errors(shard, reports, streams["errors"])
    for stream, target in (("spun", shard.spun), ("kept", shard.target)):
        pieces = streams.get(stream, ())
        if len(pieces) == 1 and isinstance(pieces[0], storage.Pending):
            pieces[0].commit(target)
        elif pieces:
            joined = storage.Pending(part_path(shard, 0, stream))
            try:
                _copy(shard, pieces, joined.file)
                joined.commit(target)
            except BaseException:
                joined.discard()
                raise
    tally = total(Tally.from_dict(report) for report in reports)
    entry = {"done": shard.name, "input": shard.path, "size": shard.size, "stamp": shard.stamp, "output": shard.target, **tally.to_dict()}
    storage.write(shard.mark, json.dumps(entry).encode())
    storage.remove(shard.state)
    return entry


def _copy(shard: Shard, pieces: Sequence[str], file: BinaryIO) -> None:
    if shard.format == "parquet":
        from restore.corpus.tables import join_parts

        join_parts(pieces, file)
        return
    for piece in pieces:
        with storage.open_read(piece) as content:
            shutil.copyfileobj(content, file, 1 << 20)


def _join_errors(shard: Shard, reports: Sequence[Report], pieces: Sequence[Any]) -> None:
    """The errors of a shard, with rows counted from its beginning."""
    before = {}
    rows = 0
    for report in reports:
        before[report["part"]] = rows
        rows += report["rows"]
    with storage.create(shard.errors) as file:
        for piece in pieces:
            if isinstance(piece, storage.Pending):
                piece.file.close()
                path, offset = piece.temporary, 0
            else:
                path, offset = piece, before[int(piece.rpartition("/")[2].partition(".")[0])]
            with storage.open_read(path) as content:
                for line in content:
                    record = json.loads(line)
                    record["row"] += offset
                    file.write(json.dumps(record, ensure_ascii=False).encode("utf-8", "replace") + b"\n")


def _error_line(shard: Shard, settings: Settings, row: int, why: str, document: Any) -> bytes:
    fields: Any = document
    if isinstance(document, str):
        try:
            fields = json.loads(document)
        except ValueError:
            fields = None
    name = fields.get(settings.id_field) if isinstance(fields, dict) else None
    record = {"input": shard.path, "row": row, "id": name, "reason": why, "document": document}
    try:
        return msgspec.json.encode(record) + b"\n"
    except (msgspec.MsgspecError, TypeError, ValueError):
        return json.dumps(record, default=str).encode() + b"\n"


class _Clock:
    """Processor time by stage."""

    def __init__(self, tally: Tally) -> None:
        self._tally, self._at = tally, time.process_time()

    def stage(self, name: str) -> None:
        now = time.process_time()
        self._tally.seconds[name] = self._tally.seconds.get(name, 0.0) + now - self._at
        self._at = now
