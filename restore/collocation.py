"""Signs of an unknown spinner: what needs no dictionary row.

Broken collocations: a word that is less probable where it stands than anywhere, while a word that usually stands in the same places (a near-synonym by
distribution, `en.near`) is far more probable there; a fixed expression with one part swapped is the plainest case. Debris: an article that does not fit the
next word ("a extra"), since spinners swap the word and leave the article; "Ok." for the initial K. These signs raise the verdict (`detect.unknown_odds`) and
are listed; nothing is rewritten on their account.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from restore import kernels_near
from restore.arrays import views, zeros
from restore.channels.substitution import LM_SCALE
from restore.container import open_container, write_container
from restore.errors import ArtefactError
from restore.language_model.model import BEGIN, UNKNOWN, LanguageModel
from restore.lattice import Lattice
from restore.tokenizer import ABBREVIATION, CAPITALISED, CASE_MASK, KIND_MASK, LOCKED, WORD, hash_word

KIND, VERSION = "near", 1
#: Words of a higher log probability (the 60 or so most frequent) are not judged: no spinner swaps them, and they stand everywhere.
EVERYDAY = -6.2
#: Gains up to SOLID (nats, at the scale of the model's ratios) come often in clean text; beyond STRONG they say no more.
SOLID, STRONG = 5.0, 10.0
#: An article clashes when the other one is e² times as probable before the next word: "a hour" does, "a historic", "an historic" and "a one" do not.
CLASH = 2.0

#: What follows initials is a name when it is no word as frequent as this: "vitamin C. Ok. Then" has none.
NAME = -9.0

_A, _AN, _OK = (hash_word(word) for word in ("a", "an", "ok"))


@dataclass(frozen=True)
class Oddities:
    """What is odd in a text.

    Attributes:
        judged: for each token whether its collocation was looked at.
        sites: the tokens that sit badly.
        gains: for each of them how much better its best neighbour does there (nats, at the scale of the model's ratios).
        best: the ids of these neighbours.
        debris: (first token, token behind the last) of clashing articles with their words, and of "Ok." for K.
    """

    judged: array[int] = field(default_factory=lambda: array("B"))
    sites: array[int] = field(default_factory=lambda: array("i"))
    gains: array[float] = field(default_factory=lambda: array("d"))
    best: array[int] = field(default_factory=lambda: array("i"))
    debris: list[tuple[int, int]] = field(default_factory=list)

    def tally(self, weights: array[float], bounds: Sequence[int]) -> list[tuple[float, float, float, float]]:
        """For each sentence: (collocations that are sound, broken ones, how much the worst are beyond `SOLID`, debris).

        Args:
            weights: of the tokens (`detect.Repeats`).
            bounds: sentence k holds the tokens bounds[k] … bounds[k + 1].
        """
        rows = []
        at = piece = 0
        for first, last in pairwise(bounds):
            total = sum(weight for weight, judged in zip(weights[first:last], self.judged[first:last], strict=True) if judged)
            broken = strong = debris = 0.0
            while at < len(self.sites) and self.sites[at] < last:
                if self.gains[at] > 0:
                    weight = weights[self.sites[at]]
                    broken += weight
                    strong += weight * min(max(self.gains[at] - SOLID, 0.0), STRONG - SOLID)
                at += 1
            while piece < len(self.debris) and self.debris[piece][0] < last:
                debris += 1
                piece += 1
            rows.append((total - broken, broken, strong, debris))
        return rows


class Neighbours:
    """A table of near-synonyms, opened by mmap and read with the vocabulary of a model.

    Args:
        path: a file written by `write_near`.
        model: the language model that judges the contexts.
    """

    def __init__(self, path: str | os.PathLike[str], model: LanguageModel) -> None:
        container = open_container(path, KIND, VERSION)
        words, near = container.section("words", "Q"), container.section("near", "I")
        if not len(words) or len(near) % len(words) or max(near) > len(words):
            raise ArtefactError(path, f"has {len(near)} neighbours of {len(words)} words, which do not fit; install it again")
        self.model = model
        #: Neighbours a word.
        self.k = len(near) // len(words)
        ids = model.ids(words, len(words))
        self._rows = array("i", [-1]) * (len(model.unigrams) // 2)
        for row, number in enumerate(ids):
            if number != UNKNOWN:
                self._rows[number] = row
        self._near = array("i", (ids[number - 1] if number else UNKNOWN for number in near))
        self._articles = model.ids(memoryview(array("Q", [_A, _AN])), 2)

    def look(self, lattice: Lattice) -> Oddities:
        """What is odd in a piece of text."""
        tokens, ids, breaks = lattice.tokens, lattice.ids, lattice.lines.breaks
        n = len(tokens)
        if not n:
            return Oddities()
        model, reach = self.model, self.model.order - 1
        starts = [*(i for i, begins in enumerate(breaks) if begins and i), n]
        scores, begin = array("d"), 0
        for end in starts:
            scores += model.score_ids(ids[begin:end])
            begin = end
        judged, sites = zeros("B", n), zeros("i", n)
        rows = memoryview(self._rows)
        count = kernels_near.find_broken(*views(ids, tokens.flags, breaks), n, *views(scores), model.unigrams, rows, EVERYDAY, *views(judged, sites))
        del sites[count:]
        gains, best = zeros("d", count), zeros("i", count)
        if count:
            words, bounds = zeros("i", count * (self.k + 1) * (2 * reach + 1)), zeros("i", 2 * count)
            size = kernels_near.write_windows(*views(ids, breaks), n, *views(sites), count, rows, memoryview(self._near), self.k, reach, *views(words, bounds))
            kernels_near.compare(*views(model.score_ids(words[:size]), bounds), count, self.k, *views(gains, best))
            for s in range(count):
                gains[s] *= LM_SCALE
                best[s] = self._near[self._rows[ids[sites[s]]] * self.k + best[s]]
        return Oddities(judged, sites, gains, best, self._debris(lattice))

    def _debris(self, lattice: Lattice) -> list[tuple[int, int]]:
        tokens, flags = lattice.tokens, lattice.tokens.flags
        found = []
        for i, word in enumerate(tokens.hashes):
            if word in (_A, _AN):
                if i + 1 < len(tokens) and self._clashes(lattice, i):
                    found.append((i, i + 2))
            elif flags[i] & LOCKED:
                continue
            elif word == _OK and self._is_initial(lattice, i):
                found.append((i, i + 2))
            elif flags[i] & KIND_MASK == ABBREVIATION and tokens.surface(i).startswith("Ok."):
                found.append((i, i + 1))
        return found

    def _is_initial(self, lattice: Lattice, i: int) -> bool:
        """Whether an "Ok" stands between initials and a name: J. Ok. Rowling."""
        tokens, ids = lattice.tokens, lattice.ids
        if i < 2 or i + 2 >= len(tokens) or tokens.surface(i) != "Ok" or tokens.surface(i - 1) != "." or tokens.surface(i + 1) != ".":
            return False
        initial = tokens.flags[i - 2] & KIND_MASK == WORD and tokens.ends[i - 2] - tokens.starts[i - 2] == 1 and tokens.flags[i - 2] & CASE_MASK == CAPITALISED
        name = tokens.flags[i + 2] & CASE_MASK == CAPITALISED and (ids[i + 2] == UNKNOWN or self.model.unigrams[2 * ids[i + 2]] < NAME)
        return initial and name

    def _clashes(self, lattice: Lattice, i: int) -> bool:
        tokens, ids = lattice.tokens, lattice.ids
        after = tokens.flags[i + 1]
        if after & KIND_MASK != WORD or (after | tokens.flags[i]) & LOCKED or ids[i + 1] == UNKNOWN or lattice.lines.breaks[i + 1]:
            return False
        first = chr(tokens.text[tokens.starts[i + 1]]).lower()
        is_a = tokens.hashes[i] == _A
        if first == "h" or is_a != (first in "aeiou"):
            return False
        before = BEGIN if i == 0 or lattice.lines.breaks[i] else ids[i - 1]
        scores = [self.model.score_ids([before, article, ids[i + 1]])[2] for article in self._articles]
        return (scores[1] - scores[0] if is_a else scores[0] - scores[1]) > CLASH


def write_near(path: str | os.PathLike[str], near: Mapping[str, Sequence[str]], meta: dict[str, Any]) -> None:
    """Write a table of near-synonyms.

    Args:
        path: the file, written atomically.
        near: for each word (normal form) its neighbours, as many for each; neighbours that have no row of their own get an empty one.
        meta: what to say about it.
    """
    k = max(map(len, near.values()))
    words = list(dict.fromkeys([*near, *(other for others in near.values() for other in others)]))
    numbers = {word: number for number, word in enumerate(words, 1)}
    rows = array("I")
    for word in words:
        others = [numbers[other] for other in near.get(word, ())]
        rows.extend(others + [0] * (k - len(others)))
    write_container(path, KIND, VERSION, meta, {"words": array("Q", map(hash_word, words)), "near": rows})
