"""Speed of the stages, of the whole, and of the command, on clean and on spun text; each answer is checked before it is timed.

Run `make bench`. The unit of `ops` is runs a second; `extra_info` holds megabytes (10^6 bytes of UTF-8 input) a second of CPU time, by the median.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import workload

import restore
from restore import edits as edit_list
from restore.batch import join
from restore.channels.substitution import find_matches
from restore.detect import make_lanes
from restore.tokenizer import tokenize

#: Bytes of text for the stages; the whole runs over TOTAL in documents.
STAGE, TOTAL = 30_000, {"clean": 2_000_000, "spun": 40_000}
KINDS = ("clean", "spun")

pytestmark = pytest.mark.benchmark(timer=workload.cpu_clock, max_time=0.5)


@pytest.fixture(scope="module")
def restorer() -> restore.Restorer:
    return restore.load()


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def text_of(kind: str) -> str:
    return workload.clean_text() if kind == "clean" else workload.spun_text(TOTAL["spun"])


def stage_data(kind: str) -> bytes:
    return "".join(workload.cut_documents(text_of(kind), total=STAGE)).encode()


def measure(benchmark: Any, size: int, function: Callable[[], object]) -> None:
    benchmark(function)
    benchmark.extra_info["MB/s"] = round(size / 1e6 / benchmark.stats.stats.median, 3)


def test_tokenize(benchmark: Any, kind: str) -> None:
    data = stage_data(kind)
    assert 0.1 < len(tokenize(data)) / len(data) < 0.4
    measure(benchmark, len(data), lambda: tokenize(data))


def test_gate(benchmark: Any, restorer: restore.Restorer, kind: str) -> None:
    documents = workload.cut_documents(text_of(kind), total=TOTAL[kind])
    data, offsets = join(documents)
    gate = restorer.gate
    assert gate is not None
    _, excess = gate.screen(data, offsets)
    share = sum(value > 0 for value in excess) / len(excess)
    # The built-in sentences are full of words that spinners write, other clean text is not.
    assert share > 0.7 if kind == "spun" else share < (0.2 if "RESTORE_BENCH_TEXT" in os.environ else 1)
    measure(benchmark, len(data), lambda: gate.screen(data, offsets))


def test_match(benchmark: Any, restorer: restore.Restorer, kind: str) -> None:
    data, lexicon = stage_data(kind), restorer.lexicon

    def match() -> int:
        return len(find_matches(tokenize(data, ()), lexicon.phrase_keys, lexicon.phrase_values, lexicon.capacities["phrase"])[0])

    assert 0.1 < match() / len(tokenize(data)) < 1.5
    measure(benchmark, len(data), match)


def test_screening_beside_matching(benchmark: Any, restorer: restore.Restorer) -> None:
    """Verdicts on clean documents, those that pass the gate decoded, against the look-up of phrases alone: `extra_info` has the ratio, 1.3 being the most."""
    documents = workload.cut_documents(text_of("clean"), total=TOTAL["clean"])
    data, offsets = join(documents)
    lexicon = restorer.lexicon
    began = workload.cpu_clock()
    for document in documents:
        find_matches(tokenize(document.encode(), ()), lexicon.phrase_keys, lexicon.phrase_values, lexicon.capacities["phrase"])
    matching = workload.cpu_clock() - began
    spun = sum(p >= 0.5 for p in restorer.batch(data, offsets, rewrite=False).spun)
    assert spun <= 0.05 * len(documents)
    benchmark.pedantic(lambda: restorer.batch(data, offsets, rewrite=False), rounds=5)
    benchmark.extra_info["MB/s"] = round(len(data) / 1e6 / benchmark.stats.stats.median, 3)
    benchmark.extra_info["times matching alone"] = round(benchmark.stats.stats.median / matching, 3)


def test_lattice(benchmark: Any, restorer: restore.Restorer, kind: str) -> None:
    data = stage_data(kind)
    assert 0.1 < restorer.lattice(data).sites / len(tokenize(data)) < 0.9
    measure(benchmark, len(data), lambda: restorer.lattice(data))


def test_forward(benchmark: Any, restorer: restore.Restorer, kind: str) -> None:
    data = stage_data(kind)
    lattice = restorer.lattice(data)
    lanes, *_ = make_lanes(restorer.lexicon.families)
    log_z, *_ = restorer.decoder().forward(lattice, lanes)
    # The rates from .5 on explain a spun text and nothing else.
    assert (max(log_z) > 100) == (kind == "spun")
    measure(benchmark, len(data), lambda: restorer.decoder().forward(lattice, lanes))


def test_collocations(benchmark: Any, restorer: restore.Restorer, kind: str) -> None:
    data = stage_data(kind)
    lattice, neighbours = restorer.lattice(data), restorer.neighbours
    assert neighbours is not None
    assert 0 < len(neighbours.look(lattice).sites) < len(lattice.tokens) / 4
    measure(benchmark, len(data), lambda: neighbours.look(lattice))


def test_backward(benchmark: Any, restorer: restore.Restorer, kind: str) -> None:
    data = stage_data(kind)
    belief = restorer.analyse(data.decode()).belief
    decoder = restorer.decoder()
    graph = decoder.forward(restorer.lattice(data), belief.lanes).graph
    posterior, best = decoder.backward(graph, belief.lanes, belief.weights)
    assert 0 < sum(best) < len(posterior)
    measure(benchmark, len(data), lambda: decoder.backward(graph, belief.lanes, belief.weights))


def test_write(benchmark: Any, restorer: restore.Restorer) -> None:
    text = stage_data("spun").decode()
    result = restorer.restore(text)
    assert edit_list.apply(text, result.edits) == result.text != text
    measure(benchmark, STAGE, lambda: edit_list.apply(text, result.edits))


def test_pipe(benchmark: Any, restorer: restore.Restorer, kind: str) -> None:
    documents = workload.cut_documents(text_of(kind), total=TOTAL[kind])
    changed = sum(bool(result.edits) for result in restorer.pipe(documents)) / len(documents)
    assert changed < 0.05 if kind == "clean" else changed > 0.7
    measure(benchmark, workload.n_bytes(documents), lambda: list(restorer.pipe(documents)))


def test_batch(benchmark: Any, restorer: restore.Restorer, kind: str) -> None:
    data, offsets = join(workload.cut_documents(text_of(kind), total=TOTAL[kind]))
    changed = sum(bool(result.edits) for result in restorer.batch(data, offsets).results.values()) / (len(offsets) - 1)
    assert changed < 0.05 if kind == "clean" else changed > 0.7
    measure(benchmark, len(data), lambda: restorer.batch(data, offsets))


@pytest.mark.parametrize("command", [["--help"], ["fix", "-"]], ids=["help", "fix-10kB"])
def test_command(benchmark: Any, command: list[str]) -> None:
    executable = Path(sys.executable).with_name("restore")
    text = "".join(workload.cut_documents(workload.clean_text(), total=10_000)) if command[0] == "fix" else ""

    def run() -> bytes:
        return subprocess.run([executable, *command], input=text.encode(), capture_output=True, check=True).stdout

    assert run() == text.encode() if text else run().startswith(b"usage:")
    benchmark.pedantic(run, rounds=5)
