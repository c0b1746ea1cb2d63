"""JSON lines: blocks of lines to texts, and back. A line changes only where it must: all of its other bytes stay, whatever their formatting."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple, cast

import msgspec

from restore.corpus.codecs import open_stream
from restore.corpus.inputs import Shard
from restore.corpus.restoring import Judgement
from restore.corpus.settings import Settings
from restore.errors import InputError
from restore.records import Edit, Verdict

#: Bytes of lines that are parsed, restored and written together. Twice as much is no faster; much less costs calls.
BLOCK = 1 << 20
_BOM = b"\xef\xbb\xbf"
_SPACE = re.compile(r"[ \t\r\n]*")


class Failure(NamedTuple):
    """A document that could not be done: its row in the block (from 0), why, and the row as it stands."""

    row: int
    reason: str
    document: Any


class Rendered(NamedTuple):
    """Output of a block: what is kept, what is split off, and how many rows each has."""

    kept: Any
    spun: Any
    kept_rows: int
    spun_rows: int


class Rows:
    """A block of JSON lines.

    Attributes:
        texts: the text of each document, "" where it is null.
        size: rows, blank and broken ones included; bytes: their length.
        failures: the rows that are no documents.
    """

    def __init__(self, block: bytes, size: int, documents: Sequence[int], texts: Sequence[str | None], failures: list[Failure]) -> None:
        self._block, self._documents = block, documents
        self._missing = {number for number, text in enumerate(texts) if text is None} if None in texts else set[int]()
        self.texts, self.failures = [text or "" for text in texts] if self._missing else cast(list[str], texts), failures
        self.size, self.bytes = size, len(block)

    @cached_property
    def _lines(self) -> list[bytes]:
        return split_lines(self._block)

    def head(self, documents: int) -> Rows:
        """The rows up to the given number of documents."""
        end = self._documents[documents - 1] + 1
        lines = self._lines[:end]
        failures = [failure for failure in self.failures if failure.row < end]
        return Rows(_joined(lines), end, self._documents[:documents], self.texts[:documents], failures)

    def document(self, number: int) -> tuple[int, Any]:
        """(row, row as it stands) of a document, for the errors file."""
        row = self._documents[number]
        return row, self._lines[row].decode("utf-8", "replace")

    def render(self, judgement: Judgement, settings: Settings) -> Rendered:
        """The output of the block."""
        documents = self._documents
        gone = {failure.row for failure in self.failures} | {documents[number] for number in judgement.failures}
        if not gone and not judgement.results and settings.mode == "fix":
            return Rendered(self._block, b"", self.size, 0)
        lines = self._lines
        spun: list[int] = []
        if settings.mode == "filter":
            spun = [documents[i] for i, p in enumerate(judgement.spun) if p >= settings.threshold and documents[i] not in gone]
        elif settings.verdicts:
            lines = list(lines)
            for number, row in enumerate(documents):
                if row not in gone:
                    lines[row] = append_fields(lines[row], judgement_fields(None if number in self._missing else number, judgement, settings))
        elif judgement.results:
            lines = list(lines)
            for number, result in judgement.results.items():
                row = documents[number]
                try:
                    lines[row] = replace_text(lines[row], settings.text_field, self.texts[number], result.text, settings.keep_original)
                except ValueError as problem:
                    judgement.failures[number] = str(problem)
                    gone.add(row)
        gone.update(spun)
        kept = [line for row, line in enumerate(lines) if row not in gone]
        joined = _joined(kept)
        if kept and len(lines) - 1 not in gone and not self._block.endswith(b"\n"):
            joined = joined[:-1]
        return Rendered(joined, _joined([lines[row] for row in spun]), len(kept), len(spun))


class RowParser:
    """Parses blocks of JSON lines.

    Args:
        path: the file, for messages.
        settings: of the run.
    """

    def __init__(self, path: str, settings: Settings) -> None:
        self._path, self._settings = path, settings
        taken = (("verdict",) if settings.mode == "detect" else ("verdict", "edits")) if settings.verdicts else ()
        self._taken = taken
        optional = [(f"taken_{name}", msgspec.Raw | msgspec.UnsetType, msgspec.UNSET) for name in taken]
        names = {"text": settings.text_field, **{f"taken_{name}": name for name in taken}}
        row = msgspec.defstruct("Row", [("text", str | None), *optional], rename=names, gc=False)
        self._decoder: Any = msgspec.json.Decoder(cast(Any, row))

    def parse(self, block: bytes, first: bool) -> Rows:
        """Texts of a block of lines.

        Args:
            block: whole lines; the last may lack its end.
            first: whether it is the beginning of a file, which tells whether the field of the text is there at all.

        Raises:
            InputError: the first row has no such field, or a row already has a field that would be added.
        """
        content = block.removeprefix(_BOM) if first else block
        size = block.count(b"\n") + (not block.endswith(b"\n"))
        documents: Sequence[int] = range(size)
        failures: list[Failure] = []
        try:
            found = self._decoder.decode_lines(content)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            found = []
        if len(found) != size:
            found, documents, failures = self._one_by_one(split_lines(block), first)
        for name in self._taken:
            if any(getattr(row, f"taken_{name}", msgspec.UNSET) is not msgspec.UNSET for row in found):
                raise InputError(self._path, f"its rows already have a field {name!r}; rename or remove it, or use the input of the run that made it")
        return Rows(block, size, documents, [row.text for row in found], failures)

    def _one_by_one(self, lines: Sequence[bytes], first: bool) -> tuple[list[Any], list[int], list[Failure]]:
        found: list[Any] = []
        documents: list[int] = []
        failures: list[Failure] = []
        for row, line in enumerate(lines):
            content = line.removeprefix(_BOM) if first and row == 0 else line
            if not content.strip():
                continue
            try:
                found.append(self._decoder.decode(content))
            except (msgspec.MsgspecError, UnicodeDecodeError):
                parsed, wrong = _parse_loosely(content, self._settings.text_field)
                if wrong:
                    if first and not found and not failures and isinstance(parsed, dict) and self._settings.text_field not in parsed:
                        raise InputError(self._path, f"{wrong} (its fields: {', '.join(map(str, parsed)) or 'none'}); name it with --text-field") from None
                    failures.append(Failure(row, wrong, line.decode("utf-8", "replace").rstrip("\r\n")))
                    continue
                found.append(_Loose(parsed[self._settings.text_field], {f"taken_{name}": parsed[name] for name in self._taken if name in parsed}))
            documents.append(row)
        return found, documents, failures


class _Loose:
    """A row that only the standard library reads: with lone surrogates, NaN or infinities."""

    def __init__(self, text: str | None, taken: dict[str, Any]) -> None:
        self.text = text
        for name, value in taken.items():
            setattr(self, name, value)


def _parse_loosely(line: bytes, field: str) -> tuple[Any, str]:
    """(value, what is wrong) of a line that the fast parser refuses; nothing is wrong where the standard library's parser takes it."""
    try:
        parsed = json.loads(line)
    except UnicodeDecodeError as problem:
        return None, f"is not UTF-8 (byte 0x{line[problem.start]:02x} at column {problem.start + 1})"
    except json.JSONDecodeError as problem:
        return None, f"broken JSON ({problem.msg.removesuffix(' at')} at column {problem.colno})"
    except RecursionError:
        return None, "broken JSON (nested too deeply)"
    if not isinstance(parsed, dict):
        return parsed, "no JSON object"
    if field not in parsed:
        return parsed, f"no field {field!r}"
    if not isinstance(parsed[field], (str, type(None))):
        return parsed, f"{field!r} is no text but {json.dumps(parsed[field])[:40]}"
    return parsed, ""


def split_lines(block: bytes) -> list[bytes]:
    """Lines without their ends; only LF ends a line."""
    lines = block.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return lines


def _joined(lines: Sequence[bytes]) -> bytes:
    return b"\n".join([*lines, b""]) if lines else b""


def judgement_fields(number: int | None, judgement: Judgement, settings: Settings) -> bytes:
    """The verdict of a document, and in mode "annotate" its edits, as JSON members; null where there is no text."""
    if number is None:
        return b'"verdict":null,"edits":null' if settings.mode == "annotate" else b'"verdict":null'
    added = b'"verdict":' + to_json(verdict_fields(judgement.verdicts[number]))
    if settings.mode == "annotate":
        result = judgement.results.get(number)
        added += b',"edits":' + to_json(result.edits if result else ())
    return added


def verdict_fields(verdict: Verdict) -> dict[str, Any]:
    """What `Verdict.to_dict` gives, without copying what is inside."""
    return {**{name: getattr(verdict, name) for name in Verdict.__slots__}, "families": dict(verdict.families)}


def to_json(value: Any) -> bytes:
    """JSON of records; ASCII where a string has lone surrogates."""
    try:
        return msgspec.json.encode(value)
    except (UnicodeEncodeError, msgspec.EncodeError):
        return json.dumps(value, default=lambda record: record.to_dict() if isinstance(record, Edit) else str(record)).encode()


def append_fields(line: bytes, members: bytes) -> bytes:
    """A JSON object in a line, with members added at its end.

    >>> append_fields(b'{"text": 1.00 }', b'"a":2')
    b'{"text": 1.00 ,"a":2}'
    """
    end = line.rindex(b"}")
    return line[:end] + b"," + members + line[end:]


def replace_text(line: bytes, field: str, before: str, after: str, keep: str) -> bytes:
    """A line with another text; written in ASCII where the line's text was.

    Args:
        line: a JSON object.
        field: name of the text's field.
        before, after: the text as it stands, and the new one.
        keep: name of a field for the text as it stands, or empty.

    >>> replace_text(b'{"n": 1e3, "text": "a"}', "text", "a", "b", "was")
    b'{"n": 1e3, "text": "b","was":"a"}'
    """
    source = line.decode("utf-8")
    value, (start, end) = _find_value(source, field, keep)
    if value != before:
        raise ValueError(f"the line's {field!r} is not the text that was restored")
    ascii_only = source[start:end].isascii() and not before.isascii()
    written = (source[:start] + json.dumps(after, ensure_ascii=ascii_only) + source[end:]).encode()
    return append_fields(written, f"{json.dumps(keep)}:{source[start:end]}".encode()) if keep else written


def _find_value(source: str, field: str, refused: str) -> tuple[Any, tuple[int, int]]:
    """The value of a member of a JSON object, and its place; the last one counts where there are several, as for all parsers."""
    decoder = json.JSONDecoder()
    found: tuple[Any, tuple[int, int]] = None, (0, 0)
    at = source.index("{") + 1
    while source[at := _after_space(source, at)] != "}":
        if source[at] == ",":
            at = _after_space(source, at + 1)
        key, at = decoder.raw_decode(source, at)
        at = _after_space(source, source.index(":", at) + 1)
        value, end = decoder.raw_decode(source, at)
        if key == field:
            found = value, (at, end)
        if key == refused:
            raise ValueError(f"there is a field {refused!r} already, so the original cannot be kept there")
        at = end
    return found


def _after_space(source: str, at: int) -> int:
    match = _SPACE.match(source, at)
    assert match
    return match.end()


class LineReader:
    """Splits of a file of lines: split k holds the lines that begin in its k-th stretch of `split_size` decompressed bytes.

    An uncompressed file is entered anywhere. A compressed one is read from its beginning, so going back costs the way again and going forward costs
    decompressing.

    Attributes:
        parts: number of splits where it is known before reading, else None.
        at_end: whether the split read last was the file's last.
    """

    def __init__(self, shard: Shard, settings: Settings) -> None:
        self._shard, self._settings = shard, settings
        self._parser = RowParser(shard.path, settings)
        self._seekable = not shard.codec and shard.size >= 0
        self.parts = max(1, -(-shard.size // settings.split_size)) if self._seekable else None
        self.at_end = False
        self._open()

    def _open(self) -> None:
        self._next = 0
        self._stream = open_stream(self._shard.path, self._shard.codec, self._settings.max_ratio)
        self._buffer, self._start, self._ended = b"", 0, False

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def blocks(self, k: int) -> Iterator[Rows]:
        """Blocks of a split."""
        begin, limit = k * self._settings.split_size, (k + 1) * self._settings.split_size
        if k < self._next:
            self.close()
            self._open()
        self._next = k + 1
        self._go_to(begin)
        while self._start < limit:
            block = self._take(min(BLOCK, limit - self._start))
            if not block:
                break
            first = self._start == 0
            if first and block.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise InputError(self._shard.path, "is UTF-16; convert it to UTF-8 first (iconv -f UTF-16 -t UTF-8)")
            self._start += len(block)
            yield self._parser.parse(block, first)
        self._fill(1)
        self.at_end = not self._buffer

    def _go_to(self, begin: int) -> None:
        """Stand at the first line that begins at or after an offset."""
        if self._start >= begin:
            return
        # From the byte before the offset on: it may be the end of a line.
        at = begin - 1
        if self._seekable and at - self._start > len(self._buffer):
            self._stream.seek(at)
            self._buffer, self._start = b"", at
        while self._start + len(self._buffer) < at and not self._ended:
            self._start, self._buffer = self._start + len(self._buffer), b""
            self._fill(min(BLOCK, at - self._start))
        cut = max(0, min(len(self._buffer), at - self._start))
        self._start, self._buffer = self._start + cut, self._buffer[cut:]
        while (end := self._buffer.find(b"\n")) < 0 and not self._ended:
            self._start, self._buffer = self._start + len(self._buffer), b""
            self._fill(BLOCK)
        cut = end + 1 if end >= 0 else len(self._buffer)
        self._start, self._buffer = self._start + cut, self._buffer[cut:]

    def _take(self, least: int) -> bytes:
        """The lines of which the last begins or runs on before `least` bytes from here; nothing at the end of the file."""
        self._fill(least)
        searched = least - 1
        while (end := self._buffer.find(b"\n", searched)) < 0 and not self._ended:
            searched = len(self._buffer)
            if searched > self._settings.max_document:
                raise InputError(
                    self._shard.path,
                    f"a line near byte {self._start:,} is longer than {self._settings.max_document:,} bytes; raise --max-document if it is meant",
                )
            self._fill(searched + BLOCK)
        cut = end + 1 if end >= 0 else len(self._buffer)
        block, self._buffer = self._buffer[:cut], self._buffer[cut:]
        return block

    def _fill(self, least: int) -> None:
        pieces, size = [self._buffer], len(self._buffer)
        while size < least and not self._ended:
            data = self._stream.read(max(BLOCK, least - size))
            if not data:
                self._ended = True
            pieces.append(data)
            size += len(data)
        self._buffer = b"".join(pieces)
