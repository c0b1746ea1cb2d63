"""Corpora: what `restore run` writes, what it does not touch, what goes wrong, and that killing it loses nothing."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import restore
from restore import Restorer, Result, Verdict

WITHOUT = "the extra is not installed: pip install 'restore-text[corpus]'"
pa = pytest.importorskip("pyarrow", reason=WITHOUT)
pq = pytest.importorskip("pyarrow.parquet", reason=WITHOUT)
for needed in ("msgspec", "fsspec", "fastwarc", "resiliparse", "tqdm"):
    pytest.importorskip(needed, reason=WITHOUT)

from restore.cli import main
from restore.corpus import Outcome, Settings, find_shards, run_corpus, storage
from restore.corpus.codecs import compress, open_stream, zstd_module
from restore.corpus.inputs import find_output
from restore.corpus.rows import LineReader, append_fields, replace_text, split_lines
from restore.corpus.run import Progress
from restore.corpus.tables import TableReader
from restore.errors import ConfigError, InputError, RestoreError

ROOT = Path(__file__).parents[1]
SPUN = (ROOT / "examples" / "note.txt").read_text(encoding="utf-8")
PLAIN = [
    "The committee met on Thursday to discuss the budget for the coming year.",
    "Nothing in the report suggests that the figures are wrong.",
    "She walked to the station and waited for the morning train.",
    "The café's owner said “no” to the offer, and 😀 was all that he wrote.",
]


def documents(n: int, seed: int = 0) -> list[dict[str, Any]]:
    """Rows of which some are spun."""
    chance = random.Random(seed)
    return [
        {"id": f"d{i}", "text": SPUN if chance.random() < 0.15 else " ".join(chance.choices(PLAIN, k=chance.randint(1, 8))), "n": i / 4, "tags": ["a", None]}
        for i in range(n)
    ]


def jsonl(rows: Sequence[Any], **options: Any) -> bytes:
    return b"".join(json.dumps(row, **options).encode() + b"\n" for row in rows)


def unpack(path: Path) -> bytes:
    stream = open_stream(str(path), {".gz": "gzip", ".zst": "zstd"}.get(path.suffix, ""), 1000)
    return b"".join(iter(lambda: stream.read(1 << 20), b""))


def rows_of(path: Path) -> list[Any]:
    return [json.loads(line) for line in unpack(path).splitlines()]


Go = Callable[..., Outcome]


@pytest.fixture
def go(tmp_path: Path, restorer: Restorer, monkeypatch: pytest.MonkeyPatch) -> Go:
    """Runs in this process, in an empty folder: inputs, output, then settings."""
    monkeypatch.chdir(tmp_path)

    def call(*paths: str, using: Any = restorer, workers: int = 1, overwrite: bool = False, **options: Any) -> Outcome:
        settings = Settings(**{"split_size": 4096, **options})
        output = find_output(paths[-1])
        return run_corpus(find_shards(paths[:-1], output, settings)[0], output, settings, using, workers, overwrite)

    return call


def hashes(folder: Path) -> dict[str, str]:
    """Digests of all results in a folder."""
    files = [path for path in folder.rglob("*") if path.is_file() and "_restore" not in path.relative_to(folder).parts]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


# What is written


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "a.json.gz"])
@pytest.mark.parametrize("output", ["out.jsonl.zst", "out.jsonl.gz", "out.jsonl"])
def test_rows_are_those_of_the_library(go: Go, restorer: Restorer, name: str, output: str) -> None:
    rows = documents(30)
    Path(name).write_bytes(compress(jsonl(rows), name, None))
    outcome = go(name, output)
    expected = [{**row, "text": result.text} for row, result in zip(rows, restorer.pipe(row["text"] for row in rows), strict=True)]
    assert rows_of(Path(output)) == expected
    changed = sum(row != new for row, new in zip(rows, expected, strict=True))
    assert (outcome.tally.documents, outcome.tally.changed, outcome.tally.spun, outcome.tally.failed) == (30, changed, changed, 0)
    assert changed > 1


def test_parquet_is_what_the_library_returns(go: Go, restorer: Restorer) -> None:
    rows = documents(90)
    table = pa.Table.from_pylist(rows).replace_schema_metadata({"made": "here"})
    pq.write_table(table, "a.parquet", row_group_size=20, compression="gzip")
    go("a.parquet", "out", split_size=8000)
    written = pq.ParquetFile("out/a.parquet")
    assert written.schema_arrow.equals(pq.read_schema("a.parquet"), check_metadata=True)
    assert written.schema_arrow.metadata == {b"made": b"here"}
    assert [written.metadata.row_group(i).num_rows for i in range(written.num_row_groups)] == [20, 20, 20, 20, 10]
    assert written.metadata.row_group(0).column(0).compression == "GZIP"
    assert written.read().to_pylist() == [{**row, "text": restorer.restore(row["text"]).text} for row in rows]


def test_a_large_row_group_is_split_by_rows(go: Go, restorer: Restorer, tmp_path: Path) -> None:
    rows = [{"id": i, "text": f"{PLAIN[i % 4]} {i}", "noise": random.Random(i).randbytes(300)} for i in range(700)]
    pq.write_table(pa.Table.from_pylist(rows), "a.parquet", row_group_size=500)
    go("a.parquet", "one", split_size=40_000, using=Quick(restorer), mode="detect")
    read = [row["id"] for row in pq.read_table("one/a.parquet").to_pylist()]
    assert read == list(range(700))
    assert pq.ParquetFile("one/a.parquet").num_row_groups == 2
    shard = find_shards(["a.parquet"], find_output("x"), Settings())[0][0]
    reader = TableReader(shard, Settings(split_size=40_000))
    assert reader.parts >= 4
    pieces = {k: [block.texts for block in reader.blocks(k) if block] for k in reversed(range(reader.parts))}
    assert [text for k in range(reader.parts) for texts in pieces[k] for text in texts] == [row["text"] for row in rows]
    assert {k: [block.texts for block in reader.blocks(k) if block] for k in range(reader.parts)} == pieces


@pytest.mark.parametrize("kind", ["string", "large_string", "string_view"])
def test_parquet_keeps_types_and_missing_texts(go: Go, kind: str) -> None:
    texts = pa.array([None, SPUN, "", PLAIN[0]], getattr(pa, kind)())
    pq.write_table(pa.table({"text": texts, "n": pa.array([1, None, 3, 4], pa.int8())}), "a.parquet", store_schema=True)
    go("a.parquet", "out", keep_original="was")
    table = pq.read_table("out/a.parquet")
    stored = pq.read_table("a.parquet")
    assert table.schema.field("text").type == stored.schema.field("text").type
    assert table.column("n").equals(stored.column("n"))
    assert table.column("text").to_pylist()[0] is None
    assert table.column("text").to_pylist()[2:] == ["", PLAIN[0]]
    assert table.column("text").to_pylist()[1] != SPUN
    assert table.column("was").to_pylist() == [None, SPUN, None, None]


@pytest.mark.parametrize("workers", [3])
def test_bytes_do_not_depend_on_the_workers(go: Go, tmp_path: Path, workers: int) -> None:
    corpus = Path("in")
    corpus.mkdir()
    for name in ("a.jsonl", "b.jsonl.gz", "c.jsonl.zst"):
        (corpus / name).write_bytes(compress(jsonl(documents(30, len(name))), name, None))
    pq.write_table(pa.Table.from_pylist(documents(30)), corpus / "d.parquet", row_group_size=5)
    go("in", "one", split_size=6000)
    go("in", "many", split_size=6000, workers=workers)
    assert hashes(tmp_path / "one") == hashes(tmp_path / "many")
    assert set(hashes(tmp_path / "one")) == {"a.jsonl.zst", "b.jsonl.zst", "c.jsonl.zst", "d.parquet"}


def test_other_bytes_of_a_changed_row_stay(go: Go) -> None:
    text, fixed = json.dumps(SPUN), json.dumps(restore.load().restore(SPUN).text)
    lines = [
        f'{{ "n" : 1.00,"text":  {text} , "e": 1e5, "big": 123456789012345678901234567890 }}',
        f'{{"nested": {{"text": "no"}}, "text": {text}}}\r',
        f'{{"text": "twice", "x": NaN, "text": {text}, "inf": -Infinity}}',
        f'{{"\\u0074ext": {text}, "lone": "\\ud800"}}',
        "",
        '{"text": null, "a":   1}',
        '{"text": "a lone \\udc00 surrogate", "b": [ ]}',
        f'{{"a": "text", "text": {text}}}',
    ]
    Path("a.jsonl").write_bytes("\ufeff".encode() + "\n".join(lines).encode())
    outcome = go("a.jsonl", "out.jsonl")
    assert Path("out.jsonl").read_bytes().decode() == "\ufeff" + "\n".join(lines).replace(text, fixed)
    assert (outcome.tally.rows, outcome.tally.documents, outcome.tally.changed) == (8, 7, 5)


def test_text_is_escaped_as_it_was() -> None:
    assert replace_text(b'{"text":"caf\\u00e9"}', "text", "café", "thé", "") == b'{"text":"th\\u00e9"}'
    assert replace_text('{"text":"café"}'.encode(), "text", "café", "thé", "") == '{"text":"thé"}'.encode()
    assert append_fields(b'{"a":"}"}\r', b'"b":1') == b'{"a":"}","b":1}\r'
    with pytest.raises(ValueError, match="not the text"):
        replace_text(b'{"text":"other"}', "text", "this", "that", "")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=30), max_size=30), st.integers(1, 60), st.booleans(), st.randoms())
def test_splits_are_a_partition_in_any_order(lines: list[str], size: int, compressed: bool, chance: random.Random) -> None:
    """Whatever the order in which splits are read, by one reader or by fresh ones, together they are the file."""
    content = "\n".join(json.dumps({"text": line}) if line else "" for line in lines).encode()
    name = f"memory://splits/a.jsonl{'.gz' if compressed else ''}"
    storage.write(name, gzip.compress(content) if compressed else content)
    shard = find_shards([name], find_output("/nowhere"), Settings())[0][0]
    settings = Settings(split_size=size)

    def read(reader: LineReader, part: int) -> bytes:
        return b"".join(block.render(restoring_nothing(len(block.texts)), settings).kept for block in reader.blocks(part))

    reader = LineReader(shard, settings)
    pieces = {}
    part = 0
    while not reader.at_end:
        pieces[part] = read(reader, part)
        part += 1
    assert b"".join(pieces[k] for k in sorted(pieces)) == content
    order = list(pieces)
    chance.shuffle(order)
    for k in order:
        if chance.random() < 0.3:
            reader = LineReader(shard, settings)
        assert read(reader, k) == pieces[k]


def restoring_nothing(n: int) -> Any:
    from restore.corpus.restoring import Judgement

    return Judgement([0.0] * n)


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_verdicts_and_edits_are_the_records(go: Go, restorer: Restorer, kind: str) -> None:
    rows = [*documents(20), {"id": "none", "text": None, "n": 0.0, "tags": []}]
    if kind == "jsonl":
        Path("a.jsonl").write_bytes(jsonl(rows))
    else:
        pq.write_table(pa.Table.from_pylist(rows), "a.parquet")
    for mode in ("detect", "annotate"):
        go(f"a.{kind}", mode, mode=mode)
        path = Path(mode) / ("a.parquet" if kind == "parquet" else "a.jsonl.zst")
        written = pq.read_table(path).to_pylist() if kind == "parquet" else rows_of(path)
        for row, new in zip(rows, written, strict=True):
            result = restorer.restore(row["text"] or "")
            verdict = result.verdict if mode == "annotate" else restorer.detect(row["text"] or "")
            edits = json.loads(json.dumps([edit.to_dict() for edit in result.edits]))
            if kind == "parquet":
                for edit in edits:
                    edit["alternatives"] = [{"original": original, "probability": p} for original, p in edit["alternatives"]]
            expected = json.loads(json.dumps(verdict.to_dict()))
            if kind == "parquet":
                expected["families"] = [{"family": family, "probability": p} for family, p in expected["families"].items()]
            if row["text"] is None:
                expected = edits = None
            assert new == {**row, "verdict": expected, **({"edits": edits} if mode == "annotate" else {})}


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_filter_splits_in_two(go: Go, kind: str) -> None:
    rows = documents(50)
    if kind == "jsonl":
        Path("a.jsonl").write_bytes(jsonl(rows))
        name, load = "a.jsonl.zst", rows_of
    else:
        pq.write_table(pa.Table.from_pylist(rows), "a.parquet", row_group_size=9)
        name, load = "a.parquet", lambda path: pq.read_table(path).to_pylist()
    go(f"a.{kind}", "clean", mode="filter", split_off="spun")
    go(f"a.{kind}", "dropped", mode="filter")
    assert load(Path("clean") / name) == load(Path("dropped") / name) == [row for row in rows if row["text"] != SPUN]
    assert load(Path("spun") / name) == [row for row in rows if row["text"] == SPUN]


def test_keep_original_and_threshold(go: Go) -> None:
    Path("a.jsonl").write_bytes(jsonl([{"text": SPUN}, {"text": PLAIN[0]}]))
    go("a.jsonl", "one", keep_original="was")
    first, second = rows_of(Path("one/a.jsonl.zst"))
    assert (first["was"], second) == (SPUN, {"text": PLAIN[0]})
    go("a.jsonl", "two", threshold=1.0)
    assert rows_of(Path("two/a.jsonl.zst")) == [{"text": SPUN}, {"text": PLAIN[0]}]


def test_cleanup_is_for_all_documents(go: Go) -> None:
    Path("a.jsonl").write_bytes(jsonl([{"text": SPUN + " &amp; more"}, {"text": PLAIN[0] + " &amp; more"}]))
    outcome = go("a.jsonl", "one.jsonl", using=restore.load(clean="web"), restorer={"clean": "web"})
    assert [row["text"].endswith(" & more") for row in rows_of(Path("one.jsonl"))] == [True, True]
    assert outcome.tally.families["cleanup"] == 2
    outcome = go("a.jsonl", "two.jsonl", using=restore.load(clean="web"), threshold=1.0)
    assert [row["text"] for row in rows_of(Path("two.jsonl"))] == [SPUN + " & more", PLAIN[0] + " & more"]
    assert outcome.tally.families == {"cleanup": 2}


@pytest.mark.parametrize("limit", [1, 7, 25, 40, 60, 1000])
def test_limit_counts_over_files_in_order(go: Go, limit: int) -> None:
    rows = documents(30)
    Path("a.jsonl").write_bytes(jsonl(rows))
    pq.write_table(pa.Table.from_pylist(rows), "b.parquet", row_group_size=4)
    outcome = go("a.jsonl", "b.parquet", "out", mode="detect", limit=limit, split_size=2000, workers=2)
    assert outcome.tally.documents == min(limit, 60)
    assert [row["id"] for row in rows_of(Path("out/a.jsonl.zst"))] == [row["id"] for row in rows[:limit]]
    assert Path("out/b.parquet").exists() == (limit > 30)
    if limit > 30:
        assert pq.read_table("out/b.parquet").column("id").to_pylist() == [row["id"] for row in rows[: limit - 30]]


def warc(*records: tuple[str, str, bytes]) -> bytes:
    pieces = []
    for number, (kind, content_type, body) in enumerate(records):
        head = f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: http://example.org/{number}\r\nWARC-Date: 2024-01-02T03:04:05Z\r\n"
        head += f"WARC-Record-ID: <urn:uuid:{number}>\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        pieces.append(head.encode() + body + b"\r\n\r\n")
    return b"".join(pieces)


PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=iso-8859-1\r\n\r\n<html><body><nav>menu</nav><p>A caf\xe9 in a longer paragraph.</p></body></html>"


@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz", "a.wet.gz"])
@pytest.mark.parametrize("split_size", [100, 1 << 20])
def test_archives_become_rows(go: Go, name: str, split_size: int) -> None:
    records = [
        ("warcinfo", "application/warc-fields", b"software: x"),
        ("conversion", "text/plain", SPUN.encode()),
        ("response", "application/http; msgtype=response", PAGE),
        ("response", "application/http; msgtype=response", b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n\x89PNG"),
        ("conversion", "text/plain", PLAIN[0].encode()),
    ]
    content = b"".join(gzip.compress(warc(record)) for record in records) if name.endswith(".gz") else warc(*records)
    Path(name).write_bytes(content)
    go(name, "out.jsonl", split_size=split_size)
    rows = rows_of(Path("out.jsonl"))
    assert [row["text"] for row in rows] == [restore.load().restore(SPUN).text, "A café in a longer paragraph.", PLAIN[0]]
    assert rows[0].keys() == {"id", "url", "date", "text"}
    assert rows[0]["date"] == "2024-01-02T03:04:05Z"


def test_plain_texts_stay_texts(go: Go, tmp_path: Path) -> None:
    Path("in/below").mkdir(parents=True)
    Path("in/below/a.txt").write_bytes(SPUN.replace("\n", "\r\n").encode())
    Path("in/b.txt.gz").write_bytes(gzip.compress(PLAIN[3].encode()))
    Path("in/latin.txt").write_bytes(b"caf\xe9")
    Path("in/notes.doc").write_bytes(b"?")
    Path("in/_hidden.txt").write_bytes(b"?")
    outcome = go("in", "out")
    assert set(hashes(tmp_path / "out")) == {"below/a.txt", "b.txt"}
    assert Path("out/below/a.txt").read_bytes() == restore.load().restore(SPUN.replace("\n", "\r\n")).text.encode()
    assert Path("out/b.txt").read_text(encoding="utf-8") == PLAIN[3]
    assert outcome.tally.failed == 1
    assert "is not UTF-8 (byte 0xe9 at offset 3)" in Path("out/_restore/errors.jsonl").read_text()
    go("in/below/a.txt", "verdicts.jsonl", mode="detect")
    assert rows_of(Path("verdicts.jsonl"))[0].keys() == {"id", "text", "verdict"}


def test_urls_are_read_and_written(go: Go) -> None:
    rows = documents(40)
    storage.write("memory://bucket/in/a.jsonl.zst", compress(jsonl(rows), "jsonl.zst", None))
    storage.write("memory://bucket/in/deep/b.jsonl", jsonl(rows[:5]))
    Path("a.jsonl").write_bytes(jsonl(rows))
    outcome = go("memory://bucket/in", "memory://bucket/out")
    go("a.jsonl", "out")
    assert storage.read("memory://bucket/out/a.jsonl.zst") == Path("out/a.jsonl.zst").read_bytes()
    assert outcome.tally.documents == 45
    assert json.loads(storage.read("memory://bucket/out/_restore/stats.json"))["documents"] == 45
    assert go("memory://bucket/in/**/*.jsonl*", "memory://bucket/out").skipped == 2
    assert [entry.path for entry in storage.walk("memory://bucket/out") if "parts" in entry.path or entry.path.endswith(".tmp")] == []


def test_statistics(go: Go) -> None:
    rows = documents(40)
    Path("a.jsonl").write_bytes(jsonl(rows))
    Path("b.jsonl").write_bytes(jsonl([{"text": PLAIN[0]}]))
    go("a.jsonl", "b.jsonl", "out")
    stats = json.loads(Path("out/_restore/stats.json").read_text())
    spun = sum(row["text"] == SPUN for row in rows)
    edits = restore.load().restore(SPUN).edits
    assert (stats["documents"], stats["spun"], stats["edits"]) == (41, spun, spun * len(edits))
    assert stats["sources"] == {"a.jsonl": {"documents": 40, "spun": spun, "share": spun / 40}, "b.jsonl": {"documents": 1, "spun": 0, "share": 0.0}}
    assert stats["edits_by_family"] == {"thesaurus": spun * len(edits)}
    assert ["chief", "leader", spun] in stats["top_pairs"]
    assert stats["timings"]["seconds"] > 0


# What goes wrong


def test_documents_that_fail_are_set_aside(go: Go, restorer: Restorer) -> None:
    class Sometimes:
        """Fails on one text."""

        model, lexicon, gate = restorer.model, restorer.lexicon, restorer.gate

        def batch(self, data: bytes, offsets: Any, rewrite: bool = True) -> restore.Batch:
            if b"poison" in data:
                raise RuntimeError("no cure")
            return restorer.batch(data, offsets, rewrite)

        def pipe(self, texts: Sequence[str]) -> Iterator[Result]:
            for text in texts:
                if text == "poison":
                    raise RuntimeError("no cure")
                yield restorer.restore(text)

        def detect(self, text: str) -> Verdict:
            return next(self.pipe([text])).verdict

    good = [json.dumps(row) for row in documents(40)]
    bad = ['{"text": "poison", "id": 7}', '{"text": "cut', "[1, 2]", '{"id": "x"}', '{"text": 5, "id": "y"}', '{"text": "caf\xe9"}']
    lines = [*good[:10], bad[0], *good[10:30], *bad[1:], *good[30:]]
    Path("a.jsonl").write_bytes("\n".join(lines).encode("latin-1", "ignore") + b"\n")
    for mode in ("fix", "detect", "filter"):
        outcome = go("a.jsonl", mode, using=Sometimes(), mode=mode, threshold=0.999999 if mode == "filter" else 0.5)
        assert (outcome.tally.failed, outcome.tally.documents, outcome.broken) == (6, 41, {})
        assert [row["id"] for row in rows_of(Path(mode) / "a.jsonl.zst")] == [f"d{i}" for i in range(40)]
        errors = [json.loads(line) for line in Path(mode, "_restore", "errors.jsonl").read_text(encoding="utf-8").splitlines()]
        assert [error["row"] for error in errors] == [11, 32, 33, 34, 35, 36]
        assert [error["id"] for error in errors[:5]] == [7, None, None, "x", "y"]
        assert errors[0]["document"] == bad[0]
        reasons = [
            "restoring failed: RuntimeError: no cure",
            "broken JSON (Unterminated string starting at column 10)",
            "no JSON object",
            "no field 'text'",
            "'text' is no text but 5",
            "is not UTF-8 (byte 0xe9 at column 14)",
        ]
        assert [error["reason"] for error in errors] == reasons
    pq.write_table(pa.Table.from_pylist([{"id": 1, "text": "fine"}, {"id": 2, "text": "poison"}]), "b.parquet")
    assert go("b.parquet", "table", using=Sometimes(), mode="detect").tally.failed == 1
    assert pq.read_table("table/b.parquet").column("id").to_pylist() == [1]
    assert json.loads(Path("table/_restore/errors.jsonl").read_text())["document"] == {"id": 2, "text": "poison"}


def bomb(codec: str) -> bytes:
    """Lines that unpack to 80 MB, from a few kB."""
    line = jsonl([{"text": "a" * 1_000_000}])
    if codec == "zstd":
        packer = zstd_module().ZstdCompressor()
        return b"".join(packer.compress(line) for _ in range(80)) + bytes(packer.flush())
    return gzip.compress(line * 80, 1)


MANY = jsonl(documents(400))
BROKEN: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "gzip-cut": ("a.jsonl.gz", lambda: gzip.compress(MANY)[:-100], "is cut short: its compressed data end too early; copy or download it again"),
    "zstd-cut": ("a.jsonl.zst", lambda: compress(MANY, "jsonl.zst", None)[:-100], "is cut short"),
    "zstd-cut-between-blocks": ("a.jsonl.zst", lambda: compress(MANY, "jsonl.zst", 19)[:-3], "is cut short"),
    "gzip-damaged": ("a.jsonl.gz", lambda: (data := gzip.compress(MANY))[:500] + b"~~~~" + data[504:], "cannot be decompressed"),
    "no-gzip": ("a.jsonl.gz", lambda: MANY, "is damaged or of another kind than its name says"),
    "no-zstd": ("a.jsonl.zst", lambda: MANY, "is damaged or of another kind than its name says"),
    "gzip-bomb": ("a.jsonl.gz", lambda: bomb("gzip"), "unpacks to more than 200 times its size"),
    "long-line": ("a.jsonl.gz", lambda: gzip.compress(b"a" * 8_000_000, 1), "a line near byte 0 is longer than 4,000,000 bytes; raise --max-document"),
    "zstd-bomb": ("a.jsonl.zst", lambda: bomb("zstd"), "unpacks to more than 200 times its size"),
    "text-bomb": ("a.txt.zst", lambda: bomb("zstd"), "is longer than 4,000,000 bytes"),
    "missing-field": ("a.jsonl", lambda: jsonl([{"body": "x", "url": 1}]), "no field 'text' (its fields: body, url); name it with --text-field"),
    "utf-16": ("a.jsonl", lambda: '{"text": "x"}\n'.encode("utf-16"), "is UTF-16; convert it to UTF-8 first"),
    "missing-column": ("a.parquet", lambda: parquet({"body": ["x"]}), "no column 'text' (its columns: body); name it with --text-field"),
    "wrong-column": ("a.parquet", lambda: parquet({"text": [1]}), "column 'text' is int64, not text"),
    "no-parquet": ("a.parquet", lambda: b"PAR1 but not really PAR1", "is no Parquet file, or damaged"),
    "parquet-cut": ("a.parquet", lambda: parquet({"text": PLAIN * 50})[:-50], "is no Parquet file, or damaged"),
    "parquet-damaged": ("a.parquet", lambda: damaged(parquet({"text": [str(n * 7919) for n in range(5000)]})), "is damaged"),
    "warc-cut": ("a.warc.gz", lambda: gzip.compress(warc(("conversion", "text/plain", PLAIN[0].encode())))[:-20], "is cut short"),
    "warc-cut-plain": ("a.warc", lambda: warc(("conversion", "text/plain", PLAIN[0].encode()))[:-30], "is cut short in record <urn:uuid:0>"),
    "no-warc": ("a.warc", lambda: b"nothing of the kind\n" * 100, "is no WARC file, or damaged"),
}


class Quick:
    """Takes every text as clean."""

    def __init__(self, restorer: Restorer) -> None:
        self.model, self.lexicon, self.gate = restorer.model, restorer.lexicon, restorer.gate

    def batch(self, data: bytes, offsets: Any, rewrite: bool = True) -> restore.Batch:
        nothing = array("d", bytes(8 * len(offsets) - 8))
        return restore.Batch(data, offsets, nothing, nothing, nothing, array("q", nothing.tobytes()), {})


def parquet(columns: dict[str, list[Any]]) -> bytes:
    target = io.BytesIO()
    pq.write_table(pa.table(columns), target)
    return target.getvalue()


def damaged(data: bytes) -> bytes:
    return data[:200] + bytes(400) + data[600:]


@pytest.mark.parametrize("case", BROKEN)
def test_a_file_that_cannot_be_read_is_one_line(go: Go, tmp_path: Path, restorer: Restorer, case: str) -> None:
    name, content, reason = BROKEN[case]
    Path("in").mkdir()
    Path("in", name).write_bytes(content())
    Path("in/good.jsonl").write_bytes(jsonl(documents(3)))
    outcome = go("in", "out", using=Quick(restorer), mode="detect", split_size=1 << 20, max_document=4_000_000, max_ratio=200)
    assert list(outcome.broken) == [f"in/{name}"]
    message = outcome.broken[f"in/{name}"]
    assert message.startswith(f"in/{name}: ")
    assert reason in message
    assert "\n" not in message
    assert set(hashes(tmp_path / "out")) == {"good.jsonl.zst"}
    assert [path for path in Path("out").rglob("*") if path.is_file() and (path.suffix == ".tmp" or "parts" in path.parts)] == []


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_fields_that_are_there_already_are_not_written_over(go: Go, kind: str) -> None:
    rows = [{"text": "x", "verdict": 1}]
    Path("a.jsonl").write_bytes(jsonl(rows))
    pq.write_table(pa.Table.from_pylist(rows), "a.parquet")
    assert "'verdict'" in go(f"a.{kind}", "out", mode="detect").broken[f"a.{kind}"]
    assert go(f"a.{kind}", "fixed").broken == {}


Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """`restore run` in this process: (status, standard output, standard error)."""
    monkeypatch.chdir(tmp_path)

    def call(*args: str) -> tuple[int, str, str]:
        try:
            status = main(["run", *args])
        except SystemExit as leaving:
            status = int(leaving.code or 0)
        out, err = capsys.readouterr()
        return status, out, err

    return call


USAGE = [
    ("missing.jsonl out", "missing.jsonl: no such file"),
    ("a.doc out", "a.doc: is of no known kind; known by their names: .jsonl"),
    ("empty out", "empty: holds no file that can be read"),
    ("nothing/*.jsonl out", "nothing/*.jsonl: no file of this pattern can be read"),
    ("in in", "in: is inside in, so that results would be read as input"),
    ("in in/out", "in/out: is inside in"),
    ("in/a.jsonl in/a.jsonl", "in/a.jsonl: would be written over; choose another output"),
    ("in/a.jsonl in/b.jsonl out.jsonl", "out.jsonl: 2 files are read but this names one"),
    ("in/a.jsonl same/a.jsonl.gz out", "in/a.jsonl and same/a.jsonl.gz would both be written to out/a.jsonl.zst"),
    ("in/a.jsonl out.parquet", "in/a.jsonl: cannot be written as parquet; choose jsonl.zst, jsonl.gz or jsonl"),
    ("in/a.jsonl out --keep-original was --mode detect", "--keep-original goes with --mode fix"),
    ("in/a.jsonl out --split-off spun", "--split-off goes with --mode filter"),
    ("in/a.jsonl out --text-field verdict --mode detect", "--text-field verdict: a field of this name would be added"),
    ("in/a.jsonl in/b.jsonl/out", "in/b.jsonl/out/_restore: cannot be written (Not a directory)"),
    ("in/a.jsonl out --level 99", "--level is 99"),
]


@pytest.mark.parametrize(("line", "message"), USAGE, ids=[line for line, _ in USAGE])
def test_usage_errors_are_one_line(command: Command, line: str, message: str) -> None:
    for folder in ("in", "same", "empty"):
        Path(folder).mkdir()
    for name in ("in/a.jsonl", "in/b.jsonl"):
        Path(name).write_bytes(jsonl(documents(2)))
    Path("same/a.jsonl.gz").write_bytes(gzip.compress(jsonl(documents(2))))
    Path("a.doc").write_bytes(b"x")
    before = hashes(Path())
    status, out, err = command(*line.split())
    assert (status, out) == (2, "")
    assert err.startswith("restore: " + message)
    assert err.count("\n") == 1
    assert hashes(Path()) == before


@pytest.mark.parametrize("option", ["--limit 0", "--split-size 3X", "--workers two", "--threshold 2", "--mode mend"])
def test_wrong_values_are_refused(command: Command, option: str) -> None:
    status, _, err = command("a.jsonl", "out", *option.split())
    assert status == 2
    assert "error: argument --" in err


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_permission(command: Command) -> None:
    Path("in").mkdir()
    Path("in/a.jsonl").write_bytes(jsonl(documents(2)))
    Path("in/a.jsonl").chmod(0)
    assert "cannot be read (Permission denied)" in command("in", "out")[2]
    Path("in/a.jsonl").chmod(0o600)
    Path("closed").mkdir(mode=0o500)
    assert "cannot be written (Permission denied)" in command("in", "closed/out")[2]


LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))
from restore.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits")
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_full_disk_stops_the_run_and_loses_nothing(command: Command, tmp_path: Path, workers: str) -> None:
    """A limit on the size of files stands for the full disk: the same error at the same calls."""
    Path("in").mkdir()
    Path("in/a.jsonl").write_bytes(jsonl(documents(10)))
    Path("in/b.jsonl").write_bytes(b"".join(jsonl([{"text": "x", "noise": random.Random(n).getrandbits(4000)}]) for n in range(60)))
    arguments = ["run", "in", "out", "--split-size", "8K", "--workers", workers]
    done = subprocess.run([sys.executable, "-c", LIMITED, *arguments], capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 2, done.stderr
    assert "cannot be written (File too large); see to it and give the same command: it goes on where it stopped" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not Path("out/b.jsonl.zst").exists()
    assert list(Path("out").rglob("*.tmp")) == []
    assert command(*arguments[1:])[0] == 0
    assert command("in", "whole", *arguments[3:])[0] == 0
    assert hashes(tmp_path / "out") == hashes(tmp_path / "whole")


# Going on


def test_what_is_done_is_skipped_and_what_differs_is_refused(go: Go, tmp_path: Path) -> None:
    Path("in").mkdir()
    Path("in/a.jsonl").write_bytes(jsonl(documents(30)))
    go("in", "out")
    written = Path("out/a.jsonl.zst").stat()
    Path("in/b.jsonl").write_bytes(jsonl(documents(5)))
    outcome = go("in", "out")
    assert outcome.skipped == 1
    assert outcome.tally.documents == 35
    assert Path("out/a.jsonl.zst").stat().st_mtime_ns == written.st_mtime_ns
    with pytest.raises(ConfigError, match=r'out: was begun with other settings \(mode was "fix", is "detect"\); .*--overwrite'):
        go("in", "out", mode="detect")
    os.utime("in/a.jsonl", (1, 1))
    with pytest.raises(ConfigError, match=r"in/a\.jsonl: has changed since it was done"):
        go("in", "out")
    assert go("in", "out", mode="detect", overwrite=True).skipped == 0
    assert "verdict" in rows_of(Path("out/a.jsonl.zst"))[0]
    Path("out/a.jsonl.zst").unlink()
    outcome = go("in", "out", mode="detect")
    assert (outcome.skipped, Path("out/a.jsonl.zst").exists()) == (1, True)
    Path("foreign").mkdir()
    Path("foreign/b.jsonl.zst").write_bytes(b"mine")
    with pytest.raises(ConfigError, match="is there already and not of this run"):
        go("in", "foreign")
    assert Path("foreign/b.jsonl.zst").read_bytes() == b"mine"
    Path("out/_restore/manifest.json").write_text("{")
    with pytest.raises(InputError, match="no manifest"):
        go("in", "out", mode="detect")


def test_another_model_or_dictionary_is_another_run(go: Go) -> None:
    Path("a.jsonl").write_bytes(jsonl(documents(3)))
    Path("mine.tsv").write_text("observed\toriginal\tpos\tweight\tnote\nwidget spinner\tgadget\tn\t5\t\n")
    go("a.jsonl", "out")
    with pytest.raises(ConfigError, match="dictionaries was"):
        go("a.jsonl", "out", using=restore.load(dictionaries=["mine.tsv"]))


def test_two_runs_do_not_write_to_one_place(go: Go) -> None:
    Path("a.jsonl").write_bytes(jsonl(documents(3)))
    with storage.lock("out/_restore/lock"), pytest.raises(ConfigError, match=rf"another run \(process {os.getpid()}\) is writing here"):
        go("a.jsonl", "out")


class StopError(Exception):
    """Stands for whatever ends a run."""


@pytest.mark.parametrize("after", range(1, 30, 7))
def test_stopped_between_any_two_writes_it_goes_on(go: Go, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """The run ends before its n-th rename, by which files get their names; going on gives the same, and no split is done twice."""
    Path("in").mkdir()
    Path("in/a.jsonl.gz").write_bytes(gzip.compress(jsonl(documents(40))))
    pq.write_table(pa.Table.from_pylist(documents(40)), "in/b.parquet", row_group_size=8)
    go("in", "whole", mode="filter", split_off="whole/spun")
    calls = 0

    def move(source: str, target: str) -> None:
        nonlocal calls
        calls += 1
        if calls == after:
            raise StopError
        real(source, target)

    real = storage.move
    monkeypatch.setattr(storage, "move", move)
    with pytest.raises(StopError):
        go("in", "out", mode="filter", split_off="out/spun")
    monkeypatch.setattr(storage, "move", real)
    assert list(Path("out").rglob("*.tmp")) == []
    go("in", "out", mode="filter", split_off="out/spun")
    assert hashes(tmp_path / "out") == hashes(tmp_path / "whole")


def files_in(folder: Path) -> int:
    return sum(1 for path in folder.rglob("*") if path.suffix in (".json", ".zst", ".parquet"))


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_killed_at_random_moments_it_ends_with_the_same_bytes(tmp_path: Path, go: Go) -> None:
    corpus = tmp_path / "in"
    corpus.mkdir()
    (corpus / "a.jsonl.zst").write_bytes(compress(jsonl(documents(60)), "jsonl.zst", None))
    (corpus / "b.jsonl").write_bytes(jsonl(documents(20)))
    pq.write_table(pa.Table.from_pylist(documents(40)), corpus / "c.parquet", row_group_size=5)
    arguments = [sys.executable, "-m", "restore", "run", "in", "out", "--split-size", "2K", "--workers", "2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    chance = random.Random(20)
    kills = 0
    for _ in range(3):
        before = files_in(tmp_path / "out")
        process = subprocess.Popen(arguments, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        more = chance.randint(1, 3)
        while process.poll() is None and files_in(tmp_path / "out") < before + more:
            time.sleep(0.005)
        time.sleep(chance.random() * 0.05)
        process.kill()
        _, err = process.communicate()
        assert process.returncode in (0, -signal.SIGKILL), err.decode()
        kills += process.returncode != 0
    assert kills >= 2
    done = subprocess.run(arguments, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    go("in", "undisturbed", split_size=2048)
    assert hashes(tmp_path / "out") == hashes(tmp_path / "undisturbed")
    left = [path for path in (tmp_path / "out" / "_restore").rglob("*") if path.is_file()]
    assert {path.name for path in left if path.suffix != ".tmp"} == {"lock", "manifest.json", "stats.json"}


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds workers in /proc")
def test_a_worker_that_is_killed_is_replaced(tmp_path: Path, go: Go) -> None:
    (tmp_path / "a.jsonl").write_bytes(jsonl(documents(60)))
    arguments = [sys.executable, "-m", "restore", "run", "a.jsonl", "out", "--split-size", "2K", "--workers", "2"]
    process = subprocess.Popen(arguments, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while process.poll() is None and files_in(tmp_path / "out") < 3:
        time.sleep(0.005)
    for worker in workers_of(process.pid)[:1]:
        os.kill(worker, signal.SIGKILL)
    _, err = process.communicate()
    assert (process.returncode, err) == (0, b"")
    go("a.jsonl", "undisturbed", split_size=2048)
    assert hashes(tmp_path / "out") == hashes(tmp_path / "undisturbed")


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds workers in /proc")
def test_interrupted_and_orphaned_workers_leave(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(jsonl(documents(600)))
    arguments = [sys.executable, "-m", "restore", "run", "a.jsonl", "out", "--split-size", "4K", "--workers", "2"]
    for sent, status, message in ((signal.SIGINT, 130, b"restore: interrupted; the same command goes on where this one stopped\n"), (signal.SIGKILL, -9, b"")):
        process = subprocess.Popen(arguments, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        before = files_in(tmp_path / "out")
        while process.poll() is None and files_in(tmp_path / "out") < before + 3:
            time.sleep(0.005)
        workers = workers_of(process.pid)
        process.send_signal(sent)
        _, err = process.communicate()
        assert (process.returncode, err) == (status, message)
        deadline = time.monotonic() + 20
        while any(Path(f"/proc/{worker}/cmdline").exists() and Path(f"/proc/{worker}/cmdline").read_bytes() for worker in workers):
            assert time.monotonic() < deadline, "a worker outlives its parent"
            time.sleep(0.01)


def workers_of(parent: int) -> list[int]:
    """Processes that were started by a process to work, by way of /proc."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            if path.read_text().rpartition(")")[2].split()[1] == str(parent) and b"spawn_main" in (path.parent / "cmdline").read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def test_progress_reaches_the_end(tmp_path: Path, restorer: Restorer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.jsonl.gz").write_bytes(gzip.compress(jsonl(documents(40))))
    Path("b.jsonl").write_bytes(jsonl(documents(10)))
    seen: list[tuple[int, float, int]] = []

    def progress(state: Progress) -> None:
        seen.append((state.documents, state.done / state.total, state.shards))

    settings, output = Settings(mode="detect", split_size=4096), find_output("out")
    run_corpus(find_shards(["a.jsonl.gz", "b.jsonl"], output, settings)[0], output, settings, restorer, progress=progress)
    assert seen[-1] == (50, 1.0, 2)
    assert all(0 <= share <= 1 for _, share, _ in seen)
    assert [documents for documents, _, _ in seen] == sorted(documents for documents, _, _ in seen)


def test_names_of_outputs() -> None:
    settings = Settings()
    cases = {"x/a.jsonl": "a.jsonl.zst", "x/b.v2.json.gz": "b.v2.jsonl.zst", "x/c.warc.gz": "c.jsonl.zst", "x/d.PARQUET": "d.parquet", "x/e.txt": "e.txt"}
    for name in cases:
        storage.write(f"memory://{name}", b"")
    shards, others = find_shards(["memory://x"], find_output("out/"), settings)
    assert {shard.name for shard in shards} == set(cases.values())
    assert others == 0
    assert {shard.target for shard in shards} == {f"out/{name}" for name in cases.values()}
    assert split_lines(b"a\r\nb") == [b"a\r", b"b"]


def test_errors_are_ours() -> None:
    with pytest.raises(RestoreError, match="protocol"):
        storage.exists("nosuchprotocol://x")
