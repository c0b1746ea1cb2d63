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
from typing import Any, NamedTuple

from restore import kernels_near
from restore.arrays import zeros
from restore.channels.substitution import LM_SCALE
from restore.container import open_container, write_container
from restore.errors import ArtefactError
from restore.language_model.model import LanguageModel
from restore.lattice import Lattice
from restore.tokenizer import hash_word

KIND, VERSION = "near", 1
#: Words of a higher log probability (the 60 or so most frequent) are not judged: no spinner swaps them, and they stand everywhere.
EVERYDAY = -6.2
#: Gains up to SOLID (nats, at the scale of the model's ratios) come often in clean text; beyond STRONG they say no more.
SOLID, STRONG = 5.0, 10.0
#: An article clashes when the other one is e² times as probable before the next word: "a hour" does, "a historic", "an historic" and "a one" do not.
CLASH = 2.0

#: What follows initials is a name when it is no word as frequent as this: "vitamin C. Ok. Then" has none.
NAME = -9.0

_WIDTH = 4
_A, _AN, _OK = (hash_word(word) for word in ("a", "an", "ok"))


class Oddities(NamedTuple):
    """What is odd in a text.

    Attributes:
        judged: for each token whether its collocation was looked at.
        sites: the tokens that sit badly.
        gains: for each of them how much better its best neighbour does there (nats, at the scale of the model's ratios).
        best: the ids of these neighbours.
        debris: of each clashing article with its word, and each "Ok." for K, the first token and the token behind the last.
    """

    judged: array[int]
    sites: array[int]
    gains: array[float]
    best: array[int]
    debris: array[int]

    def tally(self, weights: array[float], bounds: array[int]) -> array[float]:
        """For each sentence: collocations that are sound, broken ones, how much the worst are beyond `SOLID`, debris.

        Args:
            weights: of the tokens (`detect.Repeats`).
            bounds: sentence k holds the tokens bounds[k] … bounds[k + 1].
        """
        n = len(bounds) - 1
        rows = zeros("d", 4 * n)
        judged, sites, gains, _, debris = self
        kernels_near.tally(judged, sites, gains, len(sites), debris, len(debris) // 2, weights, bounds, n, SOLID, STRONG, rows)
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
        self.model = model
        #: Neighbours a word.
        self.k = len(near) // max(1, len(words))
        self._rows, self._near = array("i", [-1]) * len(model), zeros("i", len(near))
        fits = len(words) and len(near) == self.k * len(words)
        if not fits or kernels_near.place(model.ids(words, len(words)), len(words), near, len(near), self._rows, self._near):
            raise ArtefactError(path, f"has {len(near)} neighbours of {len(words)} words, which do not fit; install it again")
        self._articles = model.ids(memoryview(array("Q", [_A, _AN])), 2)

    def look(self, lattice: Lattice) -> Oddities:
        """What is odd in a piece of text."""
        tokens, ids, breaks, model = lattice.tokens, lattice.ids, lattice.lines.breaks, self.model
        n = len(tokens)
        judged, sites, gains, best, debris = zeros("B", n), zeros("i", n), zeros("d", n), zeros("i", n), zeros("i", 2 * n)
        if n:
            states = zeros("i", _WIDTH * (n + 4)), zeros("d", _WIDTH * (n + 4))
            scores = zeros("d", n + 2)
            columns = tokens.flags, ids, breaks
            count = kernels_near.look(
                *columns, n, self._rows, self._near, self.k, EVERYDAY, LM_SCALE, *model.arrays, *states, zeros("i", n + 2), scores, judged, sites, gains, best
            )
            del sites[count:], gains[count:], best[count:]
            count = kernels_near.find_debris(
                tokens.text, tokens.starts, tokens.ends, tokens.hashes, *columns, n, _A, _AN, _OK, *self._articles, CLASH, NAME, *model.arrays, *states, scores,
                debris,
            )  # fmt: skip
            del debris[2 * count :]
        return Oddities(judged, sites, gains, best, debris)


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
