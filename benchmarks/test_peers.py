"""Plain whole-word replacers on the same documents: no context, no language model (`workload.PEERS`; extra `bench`)."""

from __future__ import annotations

from typing import Any

import pytest
import workload

#: Bytes each is timed on, and share of the words that must come out as the oracle writes them (each has rules of its own for what a word is, and the
#: automata lose what overlaps with a match that the word check throws out).
SIZE, AGREEMENT = 100_000, 0.97


pytestmark = pytest.mark.benchmark(timer=workload.cpu_clock)


@pytest.mark.parametrize("kind", ["clean", "spun"])
@pytest.mark.parametrize("name", workload.PEERS)
def test_peer(benchmark: Any, name: str, kind: str) -> None:
    pytest.importorskip(workload.PEERS[name][0], reason=f"{name} is not installed: pip install 'restore-text[bench]'")
    text = workload.clean_text() if kind == "clean" else workload.spun_text(2 * SIZE)
    documents = workload.cut_documents(text, total=SIZE)
    replace = workload.make_peer(name)
    assert workload.agreement(name, documents[:20]) >= AGREEMENT
    benchmark.pedantic(lambda: [replace(document) for document in documents], rounds=3, warmup_rounds=1)
    benchmark.extra_info["MB/s"] = round(workload.n_bytes(documents) / 1e6 / benchmark.stats.stats.median, 3)
