"""Counting n-grams of a stream of word ids, exactly and in bounded memory.

A table of order n is sorted by (suffix row, first word), where the suffix row is the row of its last n − 1 words in the table of order n − 1. So one
64-bit key identifies an n-gram of any length, the n-grams that share a suffix are neighbours, and the links to suffix and context come for free. The
stream is worked off in buckets of suffix rows; one bucket is sorted at a time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from restore.language_model.corpus import ABSENT, BEGIN, Ids, Progress

Keys = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]

# Positions looked at in one go, and log2 of how many may be sorted in one go.
_SCAN = 1 << 22
_BUCKET_BITS = 22


@dataclass(frozen=True)
class NgramTable:
    """All n-grams of one order, one row each.

    Attributes:
        keys: uint64, ascending: row of the last n − 1 words in the next lower table << 32 | id of the first word. For unigrams the id.
        context: uint32: row of the first n − 1 words in the next lower table. For unigrams 0.
        count: uint32: occurrences in the stream.
    """

    keys: Keys
    context: Ids
    count: Ids

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def suffix(self) -> Ids:
        """uint32: row of the last n − 1 words in the next lower table."""
        suffix: Ids = (self.keys >> np.uint64(32)).astype(np.uint32)
        return suffix

    @property
    def first(self) -> Ids:
        """uint32: id of the first word."""
        return self.keys.astype(np.uint32)

    def find(self, suffix: Ids, first: Ids) -> Ids:
        """Rows of n-grams given by suffix row and first word; 0xFFFFFFFF where there is none or the suffix is itself 0xFFFFFFFF."""
        wanted = suffix.astype(np.uint64) << np.uint64(32) | first
        rows = np.searchsorted(self.keys, wanted)
        rows[rows == len(self.keys)] = 0
        hit = self.keys[rows] == wanted if len(self.keys) else np.zeros(len(rows), dtype=np.bool_)
        return np.where(hit & (suffix != ABSENT), rows, ABSENT).astype(np.uint32)


def count_ngrams(stream: Ids, vocabulary_size: int, order: int, progress: Progress | None = None) -> list[NgramTable]:
    """Count the n-grams of orders 1 to `order` inside lines (BEGIN … END).

    Args:
        stream: uint32 word ids, each line between BEGIN and END.
        vocabulary_size: one more than the largest id.
        order: length of the longest n-grams.
        progress: told how many positions of the stream are done, for each order.

    Returns:
        A table for each order.
    """
    counts = np.bincount(stream, minlength=vocabulary_size).astype(np.uint32)
    ids = np.arange(vocabulary_size, dtype=np.uint64)
    tables = [NgramTable(ids, np.zeros(vocabulary_size, dtype=np.uint32), counts)]
    rows = stream
    for n in range(2, order + 1):
        table, rows = _extend(stream, rows, tables[-1].count, n, n < order, progress)
        tables.append(table)
    return tables


def _extend(stream: Ids, rows: Ids, counts: Ids, n: int, number: bool, progress: Progress | None) -> tuple[NgramTable, Ids]:
    """The table of order n, from the rows of the (n − 1)-grams that end at each position; with `number` also the rows of order n."""
    word_bits = int(stream.max(initial=1)).bit_length()
    next_rows = np.full(len(stream) if number else 0, ABSENT, dtype=np.uint32)
    parts: list[tuple[Keys, Ids, Ids]] = []
    size = done = 0
    for low, high in _buckets(counts, 1 << min(_BUCKET_BITS, (64 - word_bits) // 2)):
        if progress:
            progress(f"count {n}-grams", done, len(stream))
        positions = _positions(rows, low, high)
        done += len(positions)
        if n == 2:
            positions = positions[stream[positions] != BEGIN]
        else:
            positions = positions[rows[positions - 1] != ABSENT]
        if not len(positions):
            continue
        keys, order = _sort(rows[positions] - np.uint32(low), stream[positions - (n - 1)], word_bits)
        positions = positions[order]
        new = np.append(True, keys[1:] != keys[:-1])
        if number:
            next_rows[positions] = (np.cumsum(new) + (size - 1)).astype(np.uint32)
        starts = np.flatnonzero(new)
        size += len(starts)
        parts.append(
            (
                keys[starts] + np.uint64(low << 32),
                rows[positions[starts] - 1],
                np.diff(np.append(starts, len(keys))).astype(np.uint32),
            )
        )
    if progress:
        progress(f"count {n}-grams", len(stream), len(stream))
    if not parts:
        empty = np.zeros(0, dtype=np.uint32)
        return NgramTable(empty.astype(np.uint64), empty, empty), next_rows
    fields = [list(field) for field in zip(*parts, strict=True)]
    del parts
    joined = []
    while fields:
        joined.append(np.concatenate(fields.pop(0)))
    return NgramTable(*joined), next_rows


def _buckets(counts: Ids, limit: int) -> list[tuple[int, int]]:
    """Ranges of rows with at most `limit` occurrences each, or a single row."""
    ends = np.cumsum(counts, dtype=np.int64)
    buckets = []
    low = 0
    while low < len(counts):
        before = int(ends[low - 1]) if low else 0
        high = max(low + 1, int(np.searchsorted(ends, before + limit, side="right")))
        buckets.append((low, high))
        low = high
    return buckets


def _positions(rows: Ids, low: int, high: int) -> npt.NDArray[np.intp]:
    """Positions whose row lies in [low, high)."""
    width = np.uint32(high - low)
    # Unsigned wrap-around: one comparison for both ends.
    found = [np.flatnonzero(rows[start : start + _SCAN] - np.uint32(low) < width) + start for start in range(0, len(rows), _SCAN)]
    return np.concatenate(found)


def _sort(rows: Ids, words: Ids, word_bits: int) -> tuple[Keys, npt.NDArray[np.intp]]:
    """Sorted keys (row << 32 | word) and the positions they came from.

    Plain sorting is vectorised in numpy and ten times as fast as `argsort`, so the position rides in the low bits where 64 bits are enough.
    """
    row_bits = int(rows.max()).bit_length()
    place_bits = len(rows).bit_length()
    wide = rows.astype(np.uint64)
    if row_bits + word_bits + place_bits > 64:
        keys = wide << np.uint64(32) | words
        order = np.argsort(keys, kind="stable")
        return keys[order], order
    packed = (wide << np.uint64(word_bits) | words) << np.uint64(place_bits)
    packed |= np.arange(len(rows), dtype=np.uint64)
    packed.sort()
    order = (packed & np.uint64((1 << place_bits) - 1)).astype(np.intp)
    packed >>= np.uint64(place_bits)
    keys = (packed >> np.uint64(word_bits)) << np.uint64(32) | packed & np.uint64((1 << word_bits) - 1)
    return keys, order
