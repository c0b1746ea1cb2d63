"""WARC and WET files and plain texts: their documents as rows of JSON, or a text as it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from restore.corpus.codecs import open_stream
from restore.corpus.inputs import Shard
from restore.corpus.restoring import Judgement
from restore.corpus.rows import BLOCK, Failure, Rendered, Rows
from restore.corpus.settings import Settings
from restore.errors import InputError, MissingExtraError


class ArchiveReader:
    """Documents of a WARC or WET file as JSON rows with the members id, url, date and the text.

    Records of type `conversion` (WET) and `resource` are taken where they are plain text, `response` records also where they are HTML, of which the main
    content is extracted. Split k holds the records that begin in the k-th stretch of `split_size` decompressed bytes; it is reached by skipping.
    """

    parts = None

    def __init__(self, shard: Shard, settings: Settings) -> None:
        try:
            from fastwarc import warc
        except ImportError:
            raise MissingExtraError("reading WARC files", "corpus") from None
        self._shard, self._settings = shard, settings
        kinds = warc.WarcRecordType
        self._kinds = kinds.conversion | kinds.resource | kinds.response
        self._iterate: Any = warc.ArchiveIterator
        self.at_end = False
        self._open()

    def _open(self) -> None:
        self._next = 0
        self._stream: Any = open_stream(self._shard.path, self._shard.codec, self._settings.max_ratio)
        self._records = iter(self._iterate(self._stream, record_types=self._kinds))
        self._waiting: Any = None
        self._ended = False

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def blocks(self, k: int) -> Iterator[Rows]:
        """Blocks of a split."""
        if k < self._next:
            self.close()
            self._open()
        self._next = k + 1
        begin, limit = k * self._settings.split_size, (k + 1) * self._settings.split_size
        lines: list[bytes] = []
        texts: list[str] = []
        size = 0
        while (record := self._peek()) is not None and record.stream_pos < limit:
            self._waiting = None
            if record.stream_pos < begin:
                continue
            text = self._text(record)
            if text is None:
                continue
            row = {
                "id": record.record_id,
                "url": record.headers.get("WARC-Target-URI"),
                "date": record.headers.get("WARC-Date"),
                self._settings.text_field: text,
            }
            lines.append(msgspec.json.encode(row))
            texts.append(text)
            size += len(lines[-1]) + 1
            if size >= BLOCK:
                yield _rows(lines, texts)
                lines, texts, size = [], [], 0
        if lines:
            yield _rows(lines, texts)
        self.at_end = self._peek() is None

    def _peek(self) -> Any:
        """The next record, which stays next; None at the end."""
        if self._waiting is None and not self._ended:
            try:
                self._waiting = next(self._records, None)
                self._ended = self._waiting is None
            except InputError:
                raise
            except Exception as problem:  # fastwarc raises OSError, ValueError and others of its own
                raise InputError(self._shard.path, f"is no WARC file, or damaged ({problem})") from None
        return self._waiting

    def _text(self, record: Any) -> str | None:
        if record.content_length > self._settings.max_document:
            raise InputError(
                self._shard.path, f"record {record.record_id} is longer than {self._settings.max_document:,} bytes; raise --max-document if it is meant"
            )
        length = record.content_length
        content: bytes = record.reader.read()
        if len(content) < length:
            raise InputError(self._shard.path, f"is cut short in record {record.record_id}; copy or download it again")
        kind = (record.http_content_type if record.is_http else record.headers.get("Content-Type", "text/plain").split(";")[0]) or ""
        if kind == "text/plain":
            return content.decode("utf-8", "replace") if not record.is_http else _decode(content, record.http_charset)
        return _extract(content, record.http_charset) if kind in ("text/html", "application/xhtml+xml") else None


def _rows(lines: list[bytes], texts: list[str]) -> Rows:
    return Rows(b"\n".join([*lines, b""]), len(lines), range(len(lines)), texts, [])


def _decode(content: bytes, charset: str | None) -> str:
    from resiliparse.parse.encoding import bytes_to_str, detect_encoding

    text: str = bytes_to_str(content, charset or detect_encoding(content) or "utf-8")
    return text


def _extract(content: bytes, charset: str | None) -> str:
    try:
        from resiliparse.extract.html2text import extract_plain_text
    except ImportError:
        raise MissingExtraError("extracting text from HTML", "corpus") from None
    text: str = extract_plain_text(_decode(content, charset), main_content=True)
    return text


class PlainText:
    """A text file as a block of one document, written as it is."""

    def __init__(self, name: str, data: bytes, failures: list[Failure], texts: list[str]) -> None:
        self._name, self._data = name, data
        self.texts, self.failures = texts, failures
        self.size, self.bytes = 1, len(data)

    def head(self, documents: int) -> PlainText:
        """The block: it has one document."""
        return self

    def document(self, number: int) -> tuple[int, Any]:
        """(row, document) for the errors file."""
        return 0, {"id": self._name}

    def render(self, judgement: Judgement, settings: Settings) -> Rendered:
        """The output of the block."""
        if self.failures or judgement.failures:
            return Rendered(b"", b"", 0, 0)
        if settings.mode == "filter" and judgement.spun[0] >= settings.threshold:
            return Rendered(b"", self._data, 0, 1)
        result = judgement.results.get(0) if settings.mode == "fix" else None
        return Rendered(result.text.encode() if result else self._data, b"", 1, 0)


class TextReader:
    """A text file as one document: as it is where texts are written, else as a JSON row with the members id (its name) and the text."""

    parts = 1
    at_end = True

    def __init__(self, shard: Shard, settings: Settings) -> None:
        self._shard, self._settings = shard, settings

    def close(self) -> None:
        """Nothing is open between splits."""

    def blocks(self, k: int) -> Iterator[PlainText | Rows]:
        """The one block of the one split."""
        stream = open_stream(self._shard.path, self._shard.codec, self._settings.max_ratio)
        try:
            pieces = []
            size = 0
            while data := stream.read(BLOCK):
                pieces.append(data)
                size += len(data)
                if size > self._settings.max_document:
                    raise InputError(self._shard.path, f"is longer than {self._settings.max_document:,} bytes; raise --max-document if it is meant")
        finally:
            stream.close()
        content = b"".join(pieces)
        name = self._shard.name.rpartition(".txt" if self._shard.format == "txt" else ".jsonl")[0]
        try:
            texts, failures = [content.decode("utf-8")], []
        except UnicodeDecodeError as problem:
            wrong = f"is not UTF-8 (byte 0x{content[problem.start]:02x} at offset {problem.start}); convert it first, for example with iconv"
            texts, failures = [], [Failure(0, wrong, {"id": name})]
        if self._shard.format == "txt":
            yield PlainText(name, content, failures, texts)
            return
        lines = [msgspec.json.encode({"id": name, self._settings.text_field: text}) for text in texts]
        yield Rows(name.encode(), 1, (), texts, failures) if failures else _rows(lines, texts)
