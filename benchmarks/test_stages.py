"""Speed of the stages and of the whole, on clean and on spun text; each answer is checked before it is timed.

Run `make bench`. The unit of `ops` is runs a second; `extra_info` holds megabytes a second (10^6 bytes of UTF-8 input) by the median.
Peers (extra `bench`) do plain whole-word replacing of the same observed phrases, without looking at context; one that is not installed is skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import restore
from restore.detect import make_lanes
from restore.lexicon import data_path, find_files, read_files
from restore.tokenizer import tokenize

ROOT = Path(__file__).parents[1]
CLEAN = " ".join((ROOT / "tests/cases/clean.txt").read_text(encoding="utf-8").split("\n"))
SPUN = (ROOT / "examples/spun_news.txt").read_text(encoding="utf-8")
TEXTS = {"clean": (CLEAN * 3)[:100_000], "spun": (SPUN * 60)[:100_000]}


@pytest.fixture(scope="module")
def restorer() -> restore.Restorer:
    return restore.load()


def measure(benchmark: Any, text: str, function: Callable[[], object]) -> None:
    benchmark(function)
    benchmark.extra_info["MB/s"] = round(len(text.encode()) / 1e6 / benchmark.stats.stats.median, 3)


@pytest.mark.parametrize("kind", TEXTS)
def test_tokenize(benchmark: Any, kind: str) -> None:
    data = TEXTS[kind].encode()
    tokens = tokenize(data)
    assert 0.1 < len(tokens) / len(data) < 0.4
    measure(benchmark, TEXTS[kind], lambda: tokenize(data))


@pytest.mark.parametrize("kind", TEXTS)
def test_lattice(benchmark: Any, restorer: restore.Restorer, kind: str) -> None:
    data = TEXTS[kind].encode()
    assert 0.1 < restorer.lattice(data).sites / len(tokenize(data)) < 0.9
    measure(benchmark, TEXTS[kind], lambda: restorer.lattice(data))


@pytest.mark.parametrize("kind", TEXTS)
def test_forward(benchmark: Any, restorer: restore.Restorer, kind: str) -> None:
    lattice = restorer.lattice(TEXTS[kind].encode())
    lanes, _, _ = make_lanes(restorer.lexicon.families)
    log_z, _ = restorer.decoder().forward(lattice, lanes)
    # The rates from .5 on explain a spun text and nothing else.
    assert (min(log_z) > 1000) == (kind == "spun")
    measure(benchmark, TEXTS[kind], lambda: restorer.decoder().forward(lattice, lanes))


@pytest.mark.parametrize("kind", TEXTS)
def test_restore(benchmark: Any, restorer: restore.Restorer, kind: str) -> None:
    text = TEXTS[kind]
    assert (len(restorer.restore(text).edits) > 100) == (kind == "spun")
    measure(benchmark, text, lambda: restorer.restore(text))


@pytest.fixture(scope="module")
def phrases() -> dict[str, str]:
    files = read_files(find_files([data_path()]), shipped=True)
    return {row.observed: row.original for file in files for row in file.rows if row.observed != row.original}


@pytest.mark.parametrize("kind", TEXTS)
def test_peer_flashtext(benchmark: Any, phrases: dict[str, str], kind: str) -> None:
    flashtext = pytest.importorskip("flashtext")
    processor = flashtext.KeywordProcessor()
    for observed, original in phrases.items():
        processor.add_keyword(observed, original)
    assert "despatched" not in processor.replace_keywords("They despatched it.")
    measure(benchmark, TEXTS[kind], lambda: processor.replace_keywords(TEXTS[kind]))


@pytest.mark.parametrize("kind", TEXTS)
def test_peer_ahocorasick_rs(benchmark: Any, phrases: dict[str, str], kind: str) -> None:
    ahocorasick_rs = pytest.importorskip("ahocorasick_rs")
    originals = list(phrases.values())
    automaton = ahocorasick_rs.AhoCorasick(list(phrases), matchkind=ahocorasick_rs.MatchKind.LeftmostLongest)

    def replace(text: str) -> str:
        pieces, last = [], 0
        for number, start, end in automaton.find_matches_as_indexes(text):
            if (start and text[start - 1].isalnum()) or (end < len(text) and text[end].isalnum()):
                continue
            pieces += [text[last:start], originals[number]]
            last = end
        return "".join([*pieces, text[last:]])

    assert "despatched" not in replace("They despatched it.")
    measure(benchmark, TEXTS[kind], lambda: replace(TEXTS[kind]))
