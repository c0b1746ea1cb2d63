"""Many documents at once: the same answers as one by one, whatever the batches, buffers and threads."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import restore
from restore.batch import group, join, ordered_map, replace_documents

SPUN = (Path(__file__).parents[1] / "examples" / "spun_news.txt").read_text(encoding="utf-8")
CLEAN = (Path(__file__).parent / "cases" / "clean.txt").read_text(encoding="utf-8").split("\n")
HIDDEN = "The c\u043empany has an \u200boff\u200bice in a town by the sea."
TEXTS = [
    CLEAN[0], SPUN, "", "Café. \ud800 “Quoted” text.", *CLEAN[5:9], SPUN.upper(), "\n\n", SPUN.replace("\n", "\r\n"), "x" * 5000, HIDDEN,
    " ".join(CLEAN[10:40]),
]  # fmt: skip


@pytest.fixture(scope="module")
def expected(restorer: restore.Restorer) -> list[restore.Result]:
    results = [restorer.restore(text) for text in TEXTS]
    assert any(result.edits for result in results)
    return results


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("size", [1, 3000, 1 << 20])
def test_pipe_gives_what_restore_gives(
    restorer: restore.Restorer, expected: list[restore.Result], monkeypatch: pytest.MonkeyPatch, threads: int, size: int
) -> None:
    monkeypatch.setattr("restore.engine.group", lambda texts: group(texts, size))
    assert list(restorer.pipe(iter(TEXTS), threads=threads)) == expected


@pytest.mark.parametrize("buffer", [bytes, bytearray, memoryview])
def test_batch_gives_what_restore_gives(restorer: restore.Restorer, expected: list[restore.Result], buffer: type) -> None:
    data, offsets = join(TEXTS)
    batch = restorer.batch(buffer(data), offsets)
    assert len(batch) == len(TEXTS)
    for d, result in enumerate(expected):
        assert bytes(batch.data[batch.offsets[d] : batch.offsets[d + 1]]) == result.text.encode("utf-8", "surrogatepass")
        assert batch.spun[d] == result.verdict.spun
        assert batch.log_bayes_factor[d] == result.verdict.log_bayes_factor
        assert batch.rate[d] == result.verdict.rate
        assert batch.words[d] == result.verdict.words
        assert d in batch.results or not result.edits
        assert batch.results.get(d, result) == result


def test_batch_of_a_part_of_a_buffer(restorer: restore.Restorer) -> None:
    data, offsets = join(TEXTS)
    batch = restorer.batch(data, offsets[1:4])
    assert [batch.offsets[0], len(batch)] == [0, 2]
    assert bytes(batch.data).decode() == restorer.restore(SPUN).text


def test_batch_only_judges(restorer: restore.Restorer) -> None:
    data, offsets = join(TEXTS)
    batch = restorer.batch(data, offsets, rewrite=False)
    assert batch.data is data
    assert batch.offsets is offsets
    assert [d for d, result in batch.results.items() if result.edits] == []
    assert list(batch.spun) == [restorer.detect(text).spun for text in TEXTS]


def test_nothing_changed_is_nothing_copied(restorer: restore.Restorer) -> None:
    data, offsets = join(CLEAN[:5])
    batch = restorer.batch(data, offsets)
    assert batch.data is data
    assert restorer.batch(b"", array("q", [0])).data == b""


def test_pipe_reads_little_ahead(restorer: restore.Restorer) -> None:
    read = 0

    def texts() -> Iterator[str]:
        nonlocal read
        while True:
            read += 1
            yield "x " * 300_000

    for threads in (1, 2):
        read = 0
        next(restorer.pipe(texts(), threads=threads))
        assert read <= 4 * threads + 6


@settings(max_examples=100, derandomize=True, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=6), st.none() | st.text(max_size=6)), max_size=8))
def test_replacing_documents(documents: list[tuple[str, str | None]]) -> None:
    data, offsets = join([old for old, _ in documents])
    after = [old if new is None else new for old, new in documents]
    replaced, moved = replace_documents(data, offsets, {d: new for d, (_, new) in enumerate(documents) if new is not None})
    assert (bytes(replaced), moved) == join(after)


def test_an_error_in_a_thread_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        list(ordered_map(lambda n: 1 // n, [1, 0, 1, 1, 1, 1], 2))
