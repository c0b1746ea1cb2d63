"""What a run would take, from a sample."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from restore.corpus.inputs import Shard
from restore.corpus.parts import ShardWorker
from restore.corpus.restoring import judge
from restore.corpus.run import RATIOS
from restore.corpus.settings import Settings
from restore.engine import Restorer

#: Files that are looked into, evenly spread; seconds of restoring in all; documents that are restored at a time.
FILES, SECONDS, BATCH = 8, 5.0, 20


@dataclass(slots=True)
class Estimate:
    """What is known of a corpus before it is read.

    Attributes:
        kinds: (files, bytes) by kind of input.
        sampled, sampled_bytes, spun: documents that were restored, the bytes of their rows, and how many are spun.
        rate: bytes of rows a second and worker.
        documents, bytes, seconds: of the whole, for one worker.
    """

    kinds: dict[str, tuple[int, int]] = field(default_factory=dict)
    sampled: int = 0
    sampled_bytes: float = 0.0
    spun: int = 0
    rate: float = 0.0
    documents: float = 0.0
    bytes: float = 0.0
    seconds: float = 0.0


def estimate(shards: Sequence[Shard], settings: Settings, restorer: Restorer) -> Estimate:
    """Restore some documents at the beginning of some files.

    Raises:
        InputError: one of these files cannot be read.
    """
    result = Estimate()
    for shard in shards:
        kind = shard.kind + {"": "", "gzip": ".gz", "zstd": ".zst"}[shard.codec]
        files, size = result.kinds.get(kind, (0, 0))
        result.kinds[kind] = files + 1, size + shard.size
        result.bytes += shard.size * RATIOS[shard.codec]
    chosen = shards[:: max(1, len(shards) // FILES)][:FILES]
    elapsed = 0.0
    for shard in chosen:
        end = elapsed + SECONDS / len(chosen)
        for texts, size in _batches(shard, settings, restorer):
            started = time.perf_counter()
            judgement = judge(restorer, texts, settings.edits, settings.verdicts, settings.threshold)
            elapsed += time.perf_counter() - started
            result.sampled += len(texts)
            result.sampled_bytes += size
            result.spun += sum(p >= settings.threshold for p in judgement.spun)
            if elapsed > end:
                break
    if result.sampled:
        result.rate = result.sampled_bytes / max(elapsed, 1e-9)
        result.documents = result.bytes / (result.sampled_bytes / result.sampled)
        if settings.limit is not None and settings.limit < result.documents:
            result.bytes *= settings.limit / result.documents
            result.documents = settings.limit
        result.seconds = result.bytes / result.rate
    return result


def _batches(shard: Shard, settings: Settings, restorer: Restorer) -> Any:
    """Some texts of the first block of a file at a time, with the bytes of their rows."""
    worker = ShardWorker(shard, settings, restorer)
    try:
        for block in worker.blocks():
            for start in range(0, len(block.texts), BATCH):
                texts = block.texts[start : start + BATCH]
                yield texts, block.bytes * len(texts) / len(block.texts)
            return
    finally:
        worker.close()
