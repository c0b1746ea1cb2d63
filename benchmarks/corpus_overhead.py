"""How fast `restore run` reads, parses and writes where restoring costs nothing: MB of rows a second of processor time, one worker.

Run: python benchmarks/corpus_overhead.py FILE... (JSONL, JSONL.zst, Parquet; some 100 MB each)
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from restore import Restorer, Verdict, load
from restore.corpus import Settings, find_shards, parts, run_corpus
from restore.corpus.inputs import find_output
from restore.corpus.restoring import Judgement

VERDICT = Verdict(0.0001, -9.2, 0.1, 20, 300, (("thesaurus", 0.5), ("spinbot", 0.3), ("tortured", 0.2)))


def nothing(restorer: Restorer, texts: Sequence[str], edits: bool, verdicts: bool, threshold: float) -> Judgement:
    """In the place of `judge`: every document is clean."""
    return Judgement([0.0] * len(texts), [VERDICT] * len(texts) if verdicts else [])


def main() -> None:
    setattr(parts, "judge", nothing)  # noqa: B010 - says that this is meant
    restorer: Any = load()
    for name in sys.argv[1:]:
        for mode in ("fix", "detect"):
            best, stages = 0.0, {}
            for _ in range(3):
                folder = tempfile.mkdtemp()
                settings = Settings(mode=mode)
                output = find_output(folder + "/out")
                started = time.process_time()
                outcome = run_corpus(find_shards([name], output, settings)[0], output, settings, restorer)
                rate = outcome.tally.bytes / 1e6 / (time.process_time() - started)
                if rate > best:
                    best, stages = rate, {stage: round(outcome.tally.bytes / 1e6 / seconds) for stage, seconds in outcome.tally.seconds.items() if seconds}
                shutil.rmtree(folder)
            print(f"{best:6.0f} MB/s  {mode:6}  {Path(name).name}  by stage: {stages}", flush=True)


if __name__ == "__main__":
    main()
