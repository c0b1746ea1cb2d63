"""Texts to a language model file: read, count, estimate, prune, quantise, write."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from restore.container import write_container
from restore.errors import ConfigError
from restore.language_model import write
from restore.language_model.corpus import BEGIN, UNKNOWN, Ids, Progress, TokenSource, Vocabulary, build_vocabulary, read_stream, token_source
from restore.language_model.count import NgramTable, count_ngrams
from restore.language_model.estimate import Discounts, Model, adjusted_counts, estimate, estimate_discounts, raw_counts
from restore.language_model.perplexity import Matches, logs, match_tables, perplexity
from restore.language_model.prune import prune_by_count, prune_to_size

Inputs = Sequence[str | os.PathLike[str]]

MEGABYTE = 1_000_000


def train(
    inputs: Inputs,
    output: str | os.PathLike[str],
    *,
    order: int,
    vocabulary_min_count: int,
    min_counts: Sequence[int],
    size_limit_mb: float | None,
    max_ngrams: int | None,
    tokens: str,
    test: Inputs,
    progress: Progress | None,
) -> dict[str, Any]:
    """See `restore.language_model.train_model`, which checks the arguments."""
    report = _Report(progress)
    source = token_source(tokens)
    stream = read_stream(inputs, source, progress, "read")
    if not len(stream):
        raise ConfigError("the texts hold no words: nothing to train on")
    vocabulary = build_vocabulary(stream, source.types(), vocabulary_min_count)
    stream = vocabulary.map(stream)
    limit = _limit(size_limit_mb, max_ngrams, vocabulary, order)
    lines = int(np.count_nonzero(stream == BEGIN))
    report.facts.update(
        tokens=len(stream) - 2 * lines,
        lines=lines,
        types=len(source.types()),
        unknown_tokens=int(np.count_nonzero(stream == UNKNOWN)),
    )
    report.done("read")
    held_out = _held_out(test, source, vocabulary)
    tables = count_ngrams(stream, len(vocabulary.words), order, progress)
    del stream
    report.counts("unpruned", tables)
    report.done("count")

    adjusted = adjusted_counts(tables)
    discounts = estimate_discounts(adjusted)
    report.facts["discounts"] = [[round(value, 6) for value in triple] for triple in discounts]
    raw_discounts = estimate_discounts(raw_counts(tables))
    if held_out:
        report.perplexity("unpruned", held_out, exact(estimate(tables, adjusted, discounts)))
    del adjusted
    report.done("estimate")

    if max(min_counts[1:]) > 1:
        tables = prune_by_count(tables, min_counts)
        report.counts("min_counts", tables)
        if held_out:
            report.perplexity("min_counts", held_out, exact(_estimate(tables, discounts)))
    if limit is not None and sum(map(len, tables[1:])) > limit:
        tables = prune_to_size(tables, raw_discounts, limit)
        report.counts("pruned", tables)
    model = _estimate(tables, discounts)
    if held_out:
        report.perplexity("pruned", held_out, exact(model))
    report.done("prune")

    written = write.build(model, vocabulary)
    if held_out:
        report.perplexity("quantised", held_out, quantised(model, written))
        report.perplexity("written", held_out, lambda ids: write.match_sections(written.sections, written.meta, ids))
    meta = {
        **written.meta,
        **report.facts,
        "texts": [{"name": Path(path).name, "bytes": os.path.getsize(path)} for path in inputs],
        "options": {
            "order": order,
            "vocabulary_min_count": vocabulary_min_count,
            "min_counts": list(min_counts),
            "size_limit_mb": size_limit_mb,
            "max_ngrams": max_ngrams,
            "tokens": tokens,
        },
    }
    write_container(output, write.KIND, write.VERSION, meta, written.sections)
    report.done("write")
    return {
        **meta,
        "bytes": os.path.getsize(output),
        "section_bytes": {name: memoryview(data).nbytes for name, data in written.sections.items()},
        "seconds": report.seconds,
    }


def exact(model: Model) -> Callable[[Ids], Iterable[Matches]]:
    """Look-up in a model as estimated."""
    log_probs, log_backoffs = [logs(p) for p in model.probabilities], [logs(b) for b in model.backoffs]
    return lambda ids: match_tables(model.tables, log_probs, log_backoffs, ids)


def quantised(model: Model, written: write.Written) -> Callable[[Ids], Iterable[Matches]]:
    """Look-up in the same n-grams with quantised values."""
    log_probs = [logs(model.probabilities[0]), *(probs.levels[probs.codes].astype(float) for probs, _ in written.codes)]
    log_backoffs = [
        logs(model.backoffs[0]),
        *(backoffs.levels[backoffs.codes].astype(float) for _, backoffs in written.codes[:-1]),
    ]
    return lambda ids: match_tables(model.tables, log_probs, log_backoffs, ids)


class _Report:
    """Facts for the file (`facts`, always the same for the same input) and times for the caller."""

    def __init__(self, progress: Progress | None) -> None:
        self.facts: dict[str, Any] = {"ngrams": {}, "perplexity": {}}
        self.seconds: dict[str, float] = {}
        self._progress = progress
        self._start = time.perf_counter()

    def done(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] = round(now - self._start, 2)
        self._start = now
        if self._progress:
            self._progress(stage, 1, 1)

    def counts(self, stage: str, tables: list[NgramTable]) -> None:
        self.facts["ngrams"][stage] = [len(table) for table in tables]

    def perplexity(self, stage: str, held_out: dict[str, Ids], look_up: Callable[[Ids], Iterable[Matches]]) -> None:
        self.facts["perplexity"][stage] = {
            name: {key: round(value, 3) for key, value in perplexity(look_up(ids), ids).items()} for name, ids in held_out.items()
        }


def _estimate(tables: list[NgramTable], discounts: Sequence[Discounts]) -> Model:
    return estimate(tables, adjusted_counts(tables), discounts)


def _held_out(test: Inputs, source: TokenSource, vocabulary: Vocabulary) -> dict[str, Ids]:
    streams = {Path(path).name: vocabulary.map(read_stream([path], source, None, "")) for path in test}
    return {name: ids for name, ids in streams.items() if len(ids)}


def _limit(size_limit_mb: float | None, max_ngrams: int | None, vocabulary: Vocabulary, order: int) -> int | None:
    limits = [] if max_ngrams is None else [max_ngrams]
    if size_limit_mb is not None:
        limits.append(write.max_ngrams(int(size_limit_mb * MEGABYTE), vocabulary, order))
        if limits[-1] <= 0:
            fixed = write.fixed_bytes(vocabulary, order) / MEGABYTE
            raise ConfigError(
                f"the vocabulary of {len(vocabulary.words):,} words alone takes {fixed:.1f} MB; raise size_limit_mb ({size_limit_mb}) or vocabulary_min_count"
            )
    return min(limits, default=None)
