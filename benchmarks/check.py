"""Fail when a stage has become slower than recorded, against a reference loop of the same run.

    python benchmarks/check.py            compare with recorded.json in this folder; exit 1 where a ratio is 15 % or more below
    python benchmarks/check.py --record   write it (after a change that is meant to be slower, or on a new machine)

A ratio is MB/s of the stage times the CPU seconds of a fixed loop (arithmetic and a dictionary in Python, zlib, CRC-32) that runs right before it: the
median of interleaved rounds. What falls short is measured again with twice the rounds, so that one bad moment of a busy machine fails nothing. The texts are
the built-in ones.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

os.environ.pop("RESTORE_BENCH_TEXT", None)

import workload

import restore
from restore.batch import join
from restore.detect import make_lanes
from restore.tokenizer import tokenize

RECORDED = Path(__file__).parent / "recorded.json"
TOLERANCE = 0.15
_BLOCK = bytes(range(256)) * 512


def reference() -> None:
    """The fixed loop, some 20 ms."""
    seen: dict[int, int] = {}
    value = 1
    for k in range(60_000):
        value = (value * 48271 + k) % 0x7FFFFFFF
        seen[value & 4095] = k
    zlib.compress(_BLOCK, 6)
    for _ in range(20):
        value = zlib.crc32(_BLOCK, value)


def cases() -> dict[str, tuple[int, Callable[[], object]]]:
    """By name: bytes, and what is timed on them (some 20 ms or more each)."""
    restorer, ungated = restore.load(), restore.load(gate=False)
    gate = restorer.gate
    assert gate is not None
    documents = workload.cut_documents(workload.clean_text(), total=2_000_000)
    data, offsets = join(documents)
    # What the gate keeps out: the built-in sentences are full of words that spinners write, and a good part of them is decoded.
    clean = [document for document, excess in zip(documents, gate.screen(data, offsets)[1], strict=True) if excess <= 0]
    assert len(clean) > len(documents) / 5
    chunk = data[:200_000]
    spun = workload.cut_documents(workload.spun_text(20_000))
    lattice = ungated.lattice("".join(spun).encode())
    lanes, *_ = make_lanes(ungated.lexicon.families)
    spun_bytes = workload.n_bytes(spun)
    assert sum(bool(result.edits) for result in ungated.pipe(spun)) > len(spun) / 2
    return {
        "tokenise": (4 * len(chunk), lambda: [tokenize(chunk) for _ in range(4)]),
        "gate": (2 * len(data), lambda: [gate.screen(data, offsets) for _ in range(2)]),
        "lattice": (len(chunk), lambda: ungated.lattice(chunk)),
        "forward": (spun_bytes, lambda: ungated.decoder().forward(lattice, lanes)),
        "pipe, clean": (workload.n_bytes(clean), lambda: list(restorer.pipe(clean))),
        "pipe, spun, no gate": (spun_bytes, lambda: list(ungated.pipe(spun))),
    }


def measure(chosen: dict[str, tuple[int, Callable[[], object]]], rounds: int) -> dict[str, float]:
    """The median ratio of each case."""
    ratios: dict[str, list[float]] = {name: [] for name in chosen}
    for _ in range(rounds):
        for name, (size, function) in chosen.items():
            start = time.process_time()
            reference()
            middle = time.process_time()
            function()
            ratios[name].append(size / 1e6 * (middle - start) / (time.process_time() - middle))
    return {name: statistics.median(values) for name, values in ratios.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help="write the ratios of this run")
    parser.add_argument("--rounds", type=int, default=9, help="interleaved rounds (default: 9)")
    args = parser.parse_args()
    chosen = cases()
    measure(chosen, 1)
    ratios = measure(chosen, (3 if args.record else 1) * args.rounds)
    if args.record:
        RECORDED.write_text(json.dumps({name: round(ratio, 4) for name, ratio in ratios.items()}, indent=1) + "\n", encoding="utf-8")
        print(f"recorded in {RECORDED}")
        return 0
    recorded: dict[str, float] = json.loads(RECORDED.read_text(encoding="utf-8"))
    if set(recorded) != set(ratios):
        print(f"{RECORDED.name} has other cases than these; record anew: python benchmarks/check.py --record", file=sys.stderr)
        return 1
    for _ in range(2):
        slow = [name for name in ratios if ratios[name] <= (1 - TOLERANCE) * recorded[name]]
        if not slow:
            break
        ratios |= measure({name: chosen[name] for name in slow}, 2 * args.rounds)
    failed = 0
    for name, ratio in ratios.items():
        change = ratio / recorded[name] - 1
        bad = change <= -TOLERANCE
        failed += bad
        print(f"{name:24} {ratio:9.4f} recorded {recorded[name]:9.4f} {100 * change:+6.1f} %{'  too slow' if bad else ''}")
    if failed:
        print(f"{failed} slower by {100 * TOLERANCE:.0f} % or more; if that is meant: python benchmarks/check.py --record", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
