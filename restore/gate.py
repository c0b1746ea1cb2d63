"""The gate: a cheap score that keeps clean documents out of the decoder.

A linear classifier over hashed words and pairs of neighbouring words (Weinberger et al. 2009, "Feature hashing for large scale multitask learning"), trained by
tools/train_gate.py on clean text against the same text spun by the dictionaries' channel. One pass over the bytes, one table of a byte a weight.
"""

from __future__ import annotations

import math
import os
from array import array
from collections.abc import Iterable, Sequence
from typing import Any

from restore import kernels_gate
from restore.arrays import zeros
from restore.container import open_container, write_container
from restore.errors import ArtefactError
from restore.tokenizer import encode

KIND, VERSION = "gate", 1
#: Weights are kept in steps of 1 / SCALE (nats).
SCALE = 16
#: Texts whose peak (nats) exceeds LOW + (HIGH − LOW) · min(1, words / FULL), and RISE · ln(words / FULL) more from FULL words on, are decoded: 3 % of dev_clean
#: (150–900 words each) and all of d01–d24; of pieces of 200, 100 and 50 words 2, 6 and 12 % of the clean ones, and all, all and 97 % of the spun ones. The best
#: run of a longer text is better by chance, hence RISE: of news of 1,300, 5,000 and 160,000 words 1, 0 and 4 % are decoded, of encyclopedia articles put
#: together 3, 7 and 40 %.
LOW, HIGH, FULL, RISE = 0.5, 8.0, 250, 3.3
#: Log Bayes factor of texts that are not decoded, on the scale of the verdict: (excess − MARGIN) · words / (words + FEW) − LENGTH · ln(1 + words / 4).
#: Of pieces of dev texts of 50 words 3 of 118 spun and 1,166 of 1,321 clean ones are not decoded (log ratio −3.5), of 100 words none of 50 and 94 %.
MARGIN, FEW, LENGTH = 0.5, 16, 0.8
#: Weight of the last word pair (or the only word) of an observed phrase of the user's own: two of them in a text and it is decoded.
WATCHED = 48


class Gate:
    """A trained gate, opened by mmap.

    Args:
        path: a file written by `write_gate`.
        watched: features that speak for "spun" beside those it was trained for (`watch_table`).
    """

    def __init__(self, path: str | os.PathLike[str], watched: memoryview | None = None) -> None:
        container = open_container(path, KIND, VERSION)
        self.container = container
        self.meta: dict[str, Any] = container.meta
        bits = int(container.meta["bits"])
        self._weights = container.section("weights", "b")
        self._shift = 64 - bits
        if not 1 <= bits <= 32 or len(self._weights) != 1 << bits:
            raise ArtefactError(path, f"has {len(self._weights)} weights, which does not fit its {bits} bits; install it again")
        self._watched = _NONE if watched is None else watched
        size = len(self._watched)
        if size & (size - 1) or (size and 0 not in self._watched):
            raise ValueError(f"a table of {size} features is none of `watch_table`")

    def screen(self, data: Any, offsets: array[int]) -> tuple[array[int], array[float]]:
        """Judge documents cheaply.

        Args:
            data: UTF-8 bytes of all documents.
            offsets: document d is data[offsets[d] : offsets[d + 1]] (64-bit).

        Returns:
            (words, excess): of each document; those with an excess above 0 are for the decoder.
        """
        n = len(offsets) - 1
        peaks, words = zeros("q", n), zeros("q", n)
        if n:
            kernels_gate.screen(data, offsets, n, _FOLD, self._weights, self._shift, self._watched, WATCHED, peaks, words, _NONE)
        slope = (HIGH - LOW) / FULL
        return words, array(
            "d",
            (
                peak / SCALE - LOW - (slope * count if count <= FULL else HIGH - LOW + RISE * math.log(count / FULL))
                for peak, count in zip(peaks, words, strict=True)
            ),
        )


def log_bayes_factor(excess: float, words: int) -> float:
    """Log Bayes factor of "spun" of a text that is not decoded.

    Args:
        excess, words: from `Gate.screen`.

    >>> log_bayes_factor(-5.0, 300) < log_bayes_factor(-1.0, 300) < 0 == log_bayes_factor(-0.5, 0)
    True
    """
    return (excess - MARGIN) * words / (words + FEW) - LENGTH * math.log1p(words / 4)


def write_gate(path: str | os.PathLike[str], weights: Sequence[float], meta: dict[str, Any]) -> None:
    """Write a gate.

    Args:
        path: the file, written atomically.
        weights: log odds (nats) of the features; a power of two of them.
        meta: what to say about it.
    """
    bits = len(weights).bit_length() - 1
    quantised = array("b", (max(-127, min(127, round(SCALE * weight))) for weight in weights))
    write_container(path, KIND, VERSION, {**meta, "bits": bits, "scale": SCALE}, {"weights": quantised})


def count_features(data: bytes) -> array[int]:
    """The 32-bit feature numbers of a text, two a word; the upper bits number the weight."""
    features = zeros("I", 2 * len(data) + 2)
    result = zeros("q", 1)
    count = kernels_gate.screen(data, memoryview(array("q", [0, len(data)])), 1, _FOLD, memoryview(bytes(2)).cast("b"), 63, _NONE, 0, result, result, features)
    del features[count:]
    return features


def watch(phrase: str) -> int:
    """The feature that tells a phrase: its last pair of words, or its only word."""
    features = count_features(encode(phrase))
    return features[0] if len(features) < 4 else features[-1]


def watch_table(phrases: Iterable[str]) -> array[int]:
    """The features that tell phrases, as a hash table: a power of two of slots, half of them empty (0), or none at all.

    In a table of their own, since so many marks among the trained weights would meet other words: 5,000 of them had 88 % of clean documents decoded.

    >>> len(watch_table([])), len(watch_table(["new gizmo", "gizmo"]))
    (0, 4)
    """
    features = sorted({watch(phrase) for phrase in phrases} - {0})
    if not features:
        return array("I")
    mask = (1 << (2 * len(features) - 1).bit_length()) - 1
    table = array("I", bytes(4 * (mask + 1)))
    for feature in features:
        slot = feature & mask
        while table[slot]:
            slot = slot + 1 & mask
        table[slot] = feature
    return table


def _fold() -> bytes:
    """Classes of bytes (see `restore.kernels_gate`): blanks, marks, apostrophe, lead bytes of spaces and quotes; letters lower-cased, digits as 0."""
    table = bytearray([1]) * 256
    for byte in range(256):
        character = chr(byte)
        if byte <= 32 and character in "\0\t\n\v\f\r ":
            table[byte] = 0
        elif byte >= 128 or character.isalpha():
            table[byte] = 3 if byte in (0xC2, 0xE2) else ord(character.lower()) if byte < 128 else byte
        elif character.isdigit():
            table[byte] = ord("0")
        elif character == "'":
            table[byte] = 2
    return bytes(table)


_FOLD = _fold()
_NONE = memoryview(array("I"))
