"""The spelling channel: which words a mistyped form may have been.

The search is that of the OCR channel with weights for slips of the hand: keys that lie side by side, letters that change places or are doubled or not, and
letters that sound alike are cheaper than others. A language model of the web knows "definately" and "teh" as words, so what counts as a word is a curated
list: the 82,765 words that symspellpy ships (those of large n-gram counts that spelling dictionaries have as well).
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from math import exp
from pathlib import Path

from restore.channels.ocr import BASE_RATE, EDIT, LOWER, Candidates, FewWords, Finder, Parts, shape
from restore.errors import ArtefactError
from restore.language_model.model import LanguageModel

#: Costs (−log of a share of all slips) of letters that change places, of a doubled letter, of keys side by side, of sounds, of a lost apostrophe, of others.
SWAP, DOUBLE, NEIGHBOUR, SOUND, APOSTROPHE, ANY = 1.5, 1.5, 2.5, 2.5, 1.5, 5.0
#: Of a lost space; and the log probability from which a word may have lost it.
SPACE, EVERYDAY = 1.5, -7.0
#: A form of three letters, or a capitalised one (a name, likely), may have letters that changed places or are doubled; others have two slips.
SHORT_BUDGET, BUDGET = EDIT + 1.6, 2 * EDIT + 7.6
#: Log probability above which a form of three letters that the list does not have is an abbreviation.
ABBREVIATION = -13.0
#: Shorter forms are left alone: half of the words of two letters are one slip from another.
SHORTEST = 3
#: Log factor for a form that the model knows and the list does not; and against a candidate that is not in the list either and is less probable than RARE.
MISSPELT, UNLISTED, RARE = 5.0, 4.0, -12.0

WORDS = "frequency_dictionary_en_82_765.txt"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
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
        ("ent", "ant"), ("nce", "nse"),
        # Vowels without stress before -ly: definatly, seperatly, completly.
        ("at", "ite"), ("it", "ate"), ("et", "ate"), ("l", "el"),
    )
    for pair in ((a, b), (b, a))
)  # fmt: skip


#: The list does not have every inflected form of its words.
_ENDINGS = (
    ("'s", ""), ("s", ""), ("es", ""), ("ies", "y"), ("ed", ""), ("ed", "e"), ("ied", "y"), ("ing", ""), ("ing", "e"), ("er", ""), ("er", "e"),
    ("est", ""), ("est", "e"),
)  # fmt: skip


class SpellingFinder(Finder):
    """Finds the words that a form may be a slip of.

    Args:
        model: the language model.
    """

    # Forms are few. A misspelling that the model knows is a candidate itself, and a good one.
    margin, part = 12.0, 1.0

    def __init__(self, model: LanguageModel) -> None:
        super().__init__(model, {pair: BASE_RATE * exp(-cost) for pair, cost in slip_costs().items()})
        self._right = right_words()

    def find(
        self, forms: Sequence[str], budgets: array[float], own: array[int], rivals: array[float] | None = None, among: FewWords | None = None
    ) -> Candidates:
        """See `restore.channels.ocr.Finder.find`; words of the list have no candidates."""
        limits = array("f", (min(budget, self._budget(form)) for form, budget in zip(forms, budgets, strict=True)))
        found = super().find(forms, limits, own, rivals, among)
        if among:
            return found
        at = 0
        for form, number, count in zip(forms, own, found.counts, strict=True):
            for k in range(at, at + count):
                if number and form.islower():
                    found.costs[k] -= MISSPELT
                if self.vocabulary[found.words[k]] not in self._right and self._unigrams[2 * found.words[k]] < RARE:
                    found.costs[k] += UNLISTED
            at += count
        return found

    def space_costs(self, forms: Sequence[str], own: array[int], tops: array[float]) -> dict[int, float]:
        """See `restore.channels.ocr.Finder.space_costs`."""
        return {
            k: SPACE - MISSPELT if number and form.islower() else SPACE
            for k, (form, number) in enumerate(zip(forms, own, strict=True))
            if self._budget(form) > 0
        }

    def parts(self, forms: Sequence[str]) -> Parts:
        """See `restore.channels.ocr.Finder.parts`; two words of which none is an everyday one are a compound ("coffeehouse")."""
        return super().parts(forms).such_that(lambda left, right: max(self._unigrams[2 * left], self._unigrams[2 * right]) > EVERYDAY)

    def _budget(self, form: str) -> float:
        low = form.lower().replace("’", "'")
        letters = low.replace("'", "")
        if len(letters) < SHORTEST or not letters.isalpha() or self._is_right(low):
            return 0.0
        number = self.numbers.get(low, 0)
        # Names that the model knows; "aren" of "aren ’ t".
        if number and (shape(form) != LOWER or (len(letters) == SHORTEST and self._unigrams[2 * number] > ABBREVIATION)):
            return 0.0
        if low + "'t" in self.numbers:
            return 0.0
        return SHORT_BUDGET if len(letters) == SHORTEST or shape(form) != LOWER else BUDGET

    def _is_right(self, low: str) -> bool:
        if low in self._right:
            return True
        for ending, new in _ENDINGS:
            stem = low[: -len(ending)]
            if low.endswith(ending) and len(stem) >= SHORTEST and stem + new in self._right:
                # "occured" is no form of occur, since the list has occurred.
                return stem + stem[-1] + ending not in self._right
        return False


def slip_costs() -> dict[tuple[str, str], float]:
    """Costs of slips by what is typed and what was meant.

    >>> costs = slip_costs()
    >>> costs["ie", "ei"], costs["o", "p"], costs["f", "ph"], costs["q", "m"]
    (1.5, 2.5, 2.5, 5.0)
    """
    costs = {(a, b): NEIGHBOUR if (a, b) in _NEIGHBOURS else ANY for a in ("", *_LETTERS) for b in ("", *_LETTERS) if a != b}
    costs |= dict.fromkeys(_SOUNDS, SOUND)
    for a in _LETTERS:
        costs |= {(a + b, b + a): SWAP for b in _LETTERS if a != b}
        costs[a + a, a] = costs[a, a + a] = DOUBLE
    costs["", "'"] = costs["'", ""] = costs["’", ""] = APOSTROPHE
    costs["’", "'"] = 0.01
    return costs


@lru_cache(maxsize=1)
def right_words() -> frozenset[str]:
    """The words of the list, in small letters.

    Raises:
        ArtefactError: symspellpy is not installed, or has no such list.
    """
    spec = find_spec("symspellpy")
    folders = spec.submodule_search_locations if spec else None
    for folder in folders or ():
        path = Path(folder) / WORDS
        if path.is_file():
            return frozenset(line.split(" ", 1)[0] for line in path.read_text(encoding="utf-8-sig").splitlines())
    raise ArtefactError(WORDS, "is not there; install it with: pip install --force-reinstall symspellpy")
