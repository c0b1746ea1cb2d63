"""The spelling channel: which words a mistyped form may have been.

Candidates are the words of the language model within two edits, from symspellpy's index of deletions; each is weighed by the cheapest way to mistype it:
keys that lie side by side, letters that change places or are doubled, and letters that sound alike are cheaper than other slips.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

from restore.channels.ocr import EDIT, KEEP, LONGEST, PRIOR_SCALE, Candidates
from restore.language_model.model import LanguageModel

#: Words that are less probable than this (log) are left out of the index, which takes a second for every 40,000 words.
RAREST = -15.5
#: Words that are less probable than this may be slips themselves: texts from the web have "untill" often enough to make it a word.
RARE = -12.5
#: Shorter forms are left alone: half of the words of three letters are one slip from another.
SHORTEST = 4
#: Costs (−log of a share of all slips) of letters that change places, of a doubled letter, of keys side by side, of sounds, of other slips.
SWAP, DOUBLE, NEIGHBOUR, SOUND, ANY = 1.5, 1.5, 2.5, 2.5, 5.0

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_NEIGHBOURS = frozenset(
    (a, b)
    for r, row in enumerate(_ROWS)
    for i, a in enumerate(row)
    for s, other in enumerate(_ROWS)
    for j, b in enumerate(other)
    if a != b and abs(r - s) <= 1 and (abs(i - j) <= 1 if r == s else j - i in ((-1, 0) if s > r else (0, 1)))
)
#: Spellings of one sound, either way.
_SOUNDS = frozenset(
    pair
    for a, b in (
        ("a", "e"), ("a", "i"), ("e", "i"), ("a", "o"), ("o", "u"), ("i", "y"), ("ie", "ei"), ("ea", "ee"), ("ai", "ei"), ("c", "s"), ("c", "k"), ("s", "z"),
        ("f", "ph"), ("k", "ck"), ("g", "j"), ("oo", "u"), ("w", "wh"), ("n", "kn"), ("r", "wr"), ("gh", "f"), ("t", "ght"), ("au", "o"), ("or", "our"),
    )
    for pair in ((a, b), (b, a))
)  # fmt: skip


class SpellingFinder:
    """Finds the words that a form may be a slip of. Stands where `restore.channels.ocr.Finder` stands.

    Args:
        model: the language model; its index of deletions takes some seconds.
    """

    def __init__(self, model: LanguageModel) -> None:
        from symspellpy import SymSpell

        self.vocabulary = model.words()
        self.numbers = {word: k for k, word in enumerate(self.vocabulary) if k > 2}
        self._unigrams = model.unigrams
        self._index: Any = SymSpell(max_dictionary_edit_distance=2, prefix_length=7)
        for word, number in self.numbers.items():
            if len(word) >= SHORTEST - 1 and model.unigrams[2 * number] > RAREST and word.replace("'", "").isalpha():
                self._index.create_dictionary_entry(word, 1)

    def find(self, forms: Sequence[str], budgets: array[float], own: array[int]) -> Candidates:
        """See `restore.channels.ocr.Finder.find`; words that are not rare have no candidates."""
        from symspellpy import Verbosity

        found = Candidates(array("i"), array("i"), array("f"), array("B"), array("f"))
        for form in forms:
            low = form.lower().replace("’", "'")
            rows = []
            itself = self.numbers.get(low, 0)
            rare = not itself or self._unigrams[2 * itself] < RARE
            if rare and SHORTEST <= len(low) <= LONGEST and low.replace("'", "").isalpha():
                for hint in self._index.lookup(low, Verbosity.ALL, max_edit_distance=2):
                    number = self.numbers[hint.term]
                    if number == itself:
                        continue
                    cost, edits = slip_cost(low, hint.term)
                    rows.append((cost + EDIT * edits - PRIOR_SCALE * self._unigrams[2 * number], number, cost, edits))
            rows.sort()
            found.counts.append(min(KEEP, len(rows)))
            found.tops.append(rows[0][0] if rows else 99.0)
            for _, number, cost, edits in rows[:KEEP]:
                found.words.append(number)
                found.costs.append(cost)
                found.edits.append(edits)
        return found


def slip_cost(observed: str, intended: str) -> tuple[float, int]:
    """The cheapest way to mistype a word.

    Returns:
        (cost, slips): the sum of the slips' costs, each a −log of its share of all slips, and their number.

    >>> slip_cost("recieve", "receive"), slip_cost("hapoy", "happy"), slip_cost("fone", "phone")
    ((1.5, 1), (2.5, 1), (2.5, 1))
    """
    n, m = len(observed), len(intended)
    # By total cost with EDIT for each slip, as in the choice of candidates.
    table: list[list[tuple[float, float, int]]] = [[(1e9, 1e9, 0)] * (m + 1) for _ in range(n + 1)]
    table[0][0] = (0.0, 0.0, 0)
    for i in range(n + 1):
        for j in range(m + 1):
            total, cost, slips = table[i][j]
            for o, w, price in _steps(observed, intended, i, j):
                step = (total + price + EDIT * (price > 0), cost + price, slips + (price > 0))
                if step < table[i + o][j + w]:
                    table[i + o][j + w] = step
    return table[n][m][1], table[n][m][2]


def _steps(observed: str, intended: str, i: int, j: int) -> list[tuple[int, int, float]]:
    """What may come next: characters of the one and of the other, and the cost."""
    a, b = observed[i : i + 1], intended[j : j + 1]
    steps = []
    if a and b:
        steps.append((1, 1, 0.0 if a == b else NEIGHBOUR if (a, b) in _NEIGHBOURS else SOUND if (a, b) in _SOUNDS else ANY))
    if a:
        steps.append((1, 0, DOUBLE if i and observed[i - 1] == a else ANY))
    if b:
        steps.append((0, 1, DOUBLE if j and intended[j - 1] == b else ANY))
    if len(observed) > i + 1 and observed[i : i + 2] == intended[j : j + 2][::-1] and a != b:
        steps.append((2, 2, SWAP))
    for o, w in ((1, 2), (2, 1), (2, 2), (1, 3), (3, 1), (2, 3), (3, 2)):
        if i + o <= len(observed) and j + w <= len(intended) and (observed[i : i + o], intended[j : j + w]) in _SOUNDS:
            steps.append((o, w, SOUND))
    return steps
