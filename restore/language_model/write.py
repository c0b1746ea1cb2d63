"""A model as a file for the kernel: vocabulary, hash tables with fingerprints, codebooks. Little-endian, natural logs.

`build` says what each section holds. An n-gram is stored as a fingerprint of its hash, not as its words; a query accepts an n-gram only where its
suffix and its context were found, which the closed set of n-grams allows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from restore.language_model.characters import SYMBOLS, character_table
from restore.language_model.corpus import BEGIN, SPECIALS, Ids, Vocabulary
from restore.language_model.count import Keys
from restore.language_model.estimate import Model
from restore.language_model.perplexity import Matches, logs
from restore.language_model.quantise import BACKOFF_LEVELS, PROBABILITY_LEVELS, Quantised, quantise
from restore.tokenizer import hash_word

KIND = "language-model"
VERSION = 1

VOCABULARY_LOAD = 0.7
NGRAM_LOAD = 0.8

# Bytes for the header, alignment, and what linear probing hangs over the ends of the tables (some tens of entries each).
_SPARE = 65_536

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)

_Table = npt.NDArray[np.uint32]


class Layout(NamedTuple):
    """How an entry of an n-gram table divides its 32 bits: fingerprint, then probability code, then back-off code.

    Attributes:
        shift: bits of the two codes.
        probability_shift: bits of the back-off code.
    """

    shift: int
    probability_shift: int

    @property
    def fingerprint_mask(self) -> int:
        return (1 << (32 - self.shift)) - 1


LOWER = Layout(14, 6)
HIGHEST = Layout(8, 0)


class Written(NamedTuple):
    """What `build` made.

    Attributes:
        sections: arrays or bytes by name.
        meta: description.
        codes: by order from 2 on: quantised log-probabilities and log back-offs.
        wrong: by order from 2 on: how many stored n-grams read back another n-gram's entry.
    """

    sections: dict[str, Any]
    meta: dict[str, Any]
    codes: list[tuple[Quantised, Quantised]]
    wrong: list[int]


def build(model: Model, vocabulary: Vocabulary) -> Written:
    """Sections of the file:

    - vocabulary: UTF-8, the words by id, joined by "\\n".
    - vocabulary_table: uint64; home of hash h is ((h & 0xFFFFFFFF) · capacity) >> 32, the entry (h >> 32) << 32 | (id + 1); none for the specials.
    - unigrams: float32, log-probability and log back-off by id.
    - ngrams2 …: uint32; home of key k is ((k >> 32) · capacity) >> 32; see `Layout` for the entry, `extend_keys` for keys.
    - codebooks: float32, for each order from 2 on 256 log-probabilities and 64 log back-offs.
    - characters: see `characters.character_table`.

    Tables are probed linearly without wrap-around; they end with an empty entry (0).

    Args:
        model: closed under suffix and context.
        vocabulary: the words of its ids.
    """
    unigrams = np.column_stack((logs(model.probabilities[0]), logs(model.backoffs[0])))
    hashes = np.array([hash_word(word) for word in vocabulary.words[len(SPECIALS) :]], dtype=np.uint64)
    capacity = _capacity(len(hashes), VOCABULARY_LOAD)
    identifiers = np.arange(len(SPECIALS) + 1, len(vocabulary.words) + 1, dtype=np.uint64)
    sections: dict[str, Any] = {
        "vocabulary": "\n".join(vocabulary.words).encode(),
        "vocabulary_table": place((hashes & _LOW) * np.uint64(capacity) >> _HALF, hashes >> _HALF << _HALF | identifiers, capacity),
        "unigrams": unigrams.astype("<f4").ravel(),
    }
    capacities, books, codes, wrong = [capacity], [], [], []
    keys = extend_keys(np.zeros(len(vocabulary.words), dtype=np.uint64), model.tables[0].first)
    for n in range(2, len(model.tables) + 1):
        table = model.tables[n - 1]
        keys = extend_keys(keys[table.suffix], table.first)
        highest = n == len(model.tables)
        log_prob = quantise(np.log(model.probabilities[n - 1]), PROBABILITY_LEVELS)
        backoff = np.zeros(len(table)) if highest else np.log(model.backoffs[n - 1])
        log_backoff = quantise(backoff, BACKOFF_LEVELS, keep_zero=True)
        layout = HIGHEST if highest else LOWER
        entries = (
            fingerprints(keys, layout) << np.uint32(layout.shift)
            | log_prob.codes.astype(np.uint32) << np.uint32(layout.probability_shift)
            | (np.uint32(0) if highest else log_backoff.codes.astype(np.uint32))
        )
        capacity = _capacity(len(table), NGRAM_LOAD)
        slots = place(homes(keys, capacity), entries, capacity)
        sections[f"ngrams{n}"] = slots
        capacities.append(capacity)
        books += [log_prob.levels, log_backoff.levels]
        codes.append((log_prob, log_backoff))
        wrong.append(int(np.count_nonzero(probe(slots, keys, capacity, layout) != entries)))
    sections["codebooks"] = np.concatenate(books).astype("<f4")
    sections["characters"] = character_table(vocabulary.rare or vocabulary.words[len(SPECIALS) :])
    meta = {
        "order": len(model.tables),
        "counts": [len(table) for table in model.tables],
        "capacities": capacities,
        "vocabulary": len(vocabulary.words),
        "character_types": len(vocabulary.rare) or len(vocabulary.words) - len(SPECIALS),
        "wrong_entries": wrong,
        "quantiser": {
            "method": "k-means",
            "rms_error": [[round(log_prob.error, 5), round(backoff.error, 5)] for log_prob, backoff in codes],
        },
    }
    return Written(sections, meta, codes, wrong)


def extend_keys(keys: Keys, words: Ids) -> Keys:
    """Keys of n-grams one word longer to the left; the key of nothing is 0."""
    keys = (keys ^ (words.astype(np.uint64) + np.uint64(1))) * _MULTIPLIER
    keys ^= keys >> _HALF
    return keys


def fingerprints(keys: Keys, layout: Layout) -> _Table:
    """Low bits of the keys; never 0, which means empty."""
    low: _Table = (keys & np.uint64(layout.fingerprint_mask)).astype(np.uint32)
    low[low == 0] = 1
    return low


def homes(keys: Keys, capacity: int) -> Keys:
    """Where the search for each key starts."""
    home: Keys = (keys >> _HALF) * np.uint64(capacity) >> _HALF
    return home


def place(home: Keys, entries: npt.NDArray[Any], capacity: int) -> npt.NDArray[Any]:
    """A linearly probed table without wrap-around: each entry in the first free slot from its home on, in the order of homes, then of rows.

    Returns:
        At least `capacity` slots and an empty one at the end.
    """
    order = np.argsort(home, kind="stable")
    steps = np.arange(len(home))
    slots = np.maximum.accumulate(home[order].astype(np.int64) - steps) + steps
    table = np.zeros(max(capacity, int(slots.max(initial=-1)) + 1) + 1, dtype=entries.dtype)
    table[slots] = entries[order]
    return table


def probe(table: _Table, keys: Keys, capacity: int, layout: Layout) -> _Table:
    """Entries that a query for each key finds: the first with its fingerprint before an empty slot; 0 for none."""
    found = np.zeros(len(keys), dtype=np.uint32)
    active = np.arange(len(keys))
    wanted = fingerprints(keys, layout)
    slots = homes(keys, capacity).astype(np.intp)
    while len(active):
        entries = table[slots]
        hit = (entries >> np.uint32(layout.shift)) == wanted
        found[active[hit]] = entries[hit]
        going = ~hit & (entries != 0)
        active, wanted, slots = active[going], wanted[going], slots[going] + 1
    return found


def match_sections(sections: Mapping[str, Any], meta: Mapping[str, Any], stream: Ids) -> Iterable[Matches]:
    """Look the n-grams of a stream up as the kernel does, false hits included; see `perplexity.match_tables`."""
    order = int(meta["order"])
    unigrams = np.asarray(sections["unigrams"], dtype=np.float64).reshape(-1, 2)[stream]
    found = np.ones(len(stream), dtype=np.bool_)
    yield Matches(found, unigrams[:, 0], unigrams[:, 1])
    levels = PROBABILITY_LEVELS + BACKOFF_LEVELS
    keys = extend_keys(np.zeros(len(stream), dtype=np.uint64), stream)
    for n in range(2, order + 1):
        layout = HIGHEST if n == order else LOWER
        book = np.asarray(sections["codebooks"])[(n - 2) * levels : (n - 1) * levels]
        keys[n - 1 :] = extend_keys(keys[n - 1 :], stream[: len(stream) - n + 1])
        asked = found.copy()
        asked[1:] &= found[:-1]
        asked[:1] = False
        if n == 2:
            asked &= stream != BEGIN
        entries = np.zeros(len(stream), dtype=np.uint32)
        entries[asked] = probe(np.asarray(sections[f"ngrams{n}"]), keys[asked], meta["capacities"][n - 1], layout)
        found = entries != 0
        code = entries >> np.uint32(layout.probability_shift) & np.uint32(PROBABILITY_LEVELS - 1)
        log_prob = np.where(found, book[code], 0).astype(np.float64)
        backoff = np.zeros(len(stream))
        if n < order:
            backoff[found] = book[PROBABILITY_LEVELS + (entries[found] & np.uint32(BACKOFF_LEVELS - 1))]
        yield Matches(found, log_prob, backoff)


def fixed_bytes(vocabulary: Vocabulary, order: int) -> int:
    """Upper bound of what a file takes besides its n-grams."""
    words = len(vocabulary.words)
    text = len("\n".join(vocabulary.words).encode())
    return text + 8 * _capacity(words, VOCABULARY_LOAD) + 8 * words + SYMBOLS**3 + 4 * (PROBABILITY_LEVELS + BACKOFF_LEVELS) * order + _SPARE


def max_ngrams(size_limit: int, vocabulary: Vocabulary, order: int) -> int:
    """How many n-grams of orders 2 and up fit in a file of `size_limit` bytes; below 0 when not even the vocabulary fits."""
    return math.floor((size_limit - fixed_bytes(vocabulary, order)) * NGRAM_LOAD / 4)


def _capacity(size: int, load: float) -> int:
    return max(1, math.ceil(size / load))
