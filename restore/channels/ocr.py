"""The OCR channel: which words a damaged form may have been.

P(observed | word) is a product of confusions of characters, each with a weight of its own times the error rate at that place
(Brill & Moore 2000, section 3). The weights are in dictionaries/ocr/confusions.tsv, learnt by `restore.learn.ocr`. Candidates of a form are the words with the
cheapest derivations, found by the kernel in a trie of the language model's vocabulary.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, compress, pairwise
from math import log
from pathlib import Path
from typing import Any

from restore import kernels_ocr
from restore.arrays import views, zeros
from restore.container import Container, open_container, write_container
from restore.errors import ArtefactError, DictionaryError
from restore.language_model.model import LanguageModel
from restore.lexicon import cache_path

#: Confusions by (observed, intended) characters, with the probability that `intended` becomes `observed`.
Rates = Mapping[tuple[str, str], float]

#: The share of damaged characters that the weights of a file are for.
BASE_RATE = 0.01
#: What a confusion that is not in the file has, as a share of what happens to its character where something happens.
RARE = 0.0006
#: Log factor of a letter in the wrong case, and of a confusion that is known for the other case only.
CASE_COST, OTHER_CASE_COST = 3.0, 2.0
#: The letters of words that can be candidates.
LETTERS = "abcdefghijklmnopqrstuvwxyz'àáâäæçèéêëíîïñóôöøùúûü"
#: Words of one letter that can be, and those that can be one of two words without a space.
SINGLE, SINGLE_PARTS = frozenset("aio"), frozenset("ai")
#: Candidates kept for a form, room of the search's stack, longest form in characters.
KEEP, ROOM, LONGEST = 8, 1 << 15, 30
#: Exponent of the words' probabilities and −log of the error rate in the choice of candidates.
PRIOR_SCALE, EDIT = 0.9, 3.0
#: Candidates so far (log) behind the best one are left out: 6 would cost a tenth of the search more, and remove .002 more of the errors of the dev newspapers.
MARGIN = 5.0
#: A derivation is followed where one half of the form has at most its whole cost divided by this. With 2 all are found; with 2.4 a third less is visited, and
#: the dev newspapers lose .002 of the errors removed; with 2.6 another tenth and .002, with 3 a third and .009.
PART = 2.6
#: What a form costs as it stands, as a name or a word that the model does not know, and what the context can make of it: nothing dearer is a candidate.
FLOOR, FLOOR_LETTER = 16.0, 2.2
#: Candidates for a known word that are so far (log) behind it are left out: on the dev newspapers 8 finds what 99 finds, 6 loses .0002 of the errors removed.
KNOWN_FLOOR = 6.0
#: The same for words that are read as one, behind the readings of each of them: 8 finds .0004 more, 0 loses .005.
RIVAL_FLOOR = 3.0
#: A form whose best candidate costs more than this (with its probability) may be two words; cost of the lost space.
PARTED_GATE, SPACE_COST = 12.0, 5.0
#: Costs by which letters are listed, so that few of them are looked at: below 1, 2, … and all.
RUNGS = 12
#: Cost of what never happens: a letter is no confusion for itself.
NEVER = 1000.0
OTHER = 255
LOWER, CAPITALISED, UPPER = range(3)
KIND, VERSION = "vocabulary-trie", 6
_COLUMNS = ("intended", "observed", "weight")


class Confusions:
    """Weights of confusions, as the tables that the kernel reads.

    Args:
        rates: probabilities at the error rate `BASE_RATE`.

    Attributes:
        rules: how many have several characters.
        forward, backward: what `kernels_ocr.search` wants, for words read from the left and from the right.
    """

    def __init__(self, rates: Rates) -> None:
        characters = sorted({c for observed, _ in rates for c in observed} | {chr(c) for c in range(32, 127)} | set(LETTERS) | set(LETTERS.upper()))
        self._symbols = _Symbols({ord(c): k for k, c in enumerate(characters[:OTHER])})
        self._latin = bytes(self._symbols[code] for code in range(256))
        self._labels = {c: k for k, c in enumerate(LETTERS, 1)}
        costs = {pair: -log(rate / BASE_RATE) for pair, rate in rates.items()}
        n = len(LETTERS) + 1
        rare = -log(RARE)
        # Rows of `substitute`: two for each symbol, small letters and capitals, and two for letters that are left out.
        exact, substitute, insert = zeros("B", 512), array("f", [rare] * (514 * n)), array("f", [rare + 1] * 256)
        for letter, label in self._labels.items():
            for upper, intended in enumerate((letter, letter.upper())):
                substitute[(512 + upper) * n + label] = min(rare, costs.get(("", intended), rare))
                for code, symbol in self._symbols.items():
                    observed = chr(code)
                    if observed == intended:
                        exact[2 * symbol + upper] = label
                        cost = NEVER
                    elif (observed, intended) in costs:
                        cost = min(rare, costs[observed, intended])
                    elif observed.lower() == letter:
                        cost = CASE_COST
                    else:
                        cost = min(rare, costs.get((observed.lower(), letter), rare) + OTHER_CASE_COST)
                    substitute[(symbol * 2 + upper) * n + label] = cost
        for code, symbol in self._symbols.items():
            insert[symbol] = costs.get((chr(code), ""), rare + 1)
        cheapest = array("f", (min(substitute[at + 1 : at + n]) for at in range(0, len(substitute), n)))
        tables = (n, *views(exact, _rungs(substitute, n), substitute, cheapest, insert))
        several = [
            (observed, intended, cost)
            for (observed, intended), cost in sorted(costs.items())
            if 1 <= len(observed) <= 3
            and 1 <= len(intended) <= 3
            and len(observed) + len(intended) > 2
            and set(intended.lower()) <= self._labels.keys()
            and all(ord(c) in self._symbols for c in observed)
        ]
        self.rules = len(several)
        self.forward = (*tables, *self._rules(several))
        self.backward = (*tables, *self._rules([(observed[::-1], intended[::-1], cost) for observed, intended, cost in several]))

    def encode(self, form: str) -> bytes:
        """A form, or several, as symbols."""
        try:
            return form.encode("latin-1").translate(self._latin)
        except UnicodeEncodeError:
            return form.translate(self._symbols).encode("latin-1", "replace")

    def labels(self, form: str) -> bytes:
        """The labels of a form's letters in the tries; 0 for what is none."""
        return bytes([self._labels.get(c, 0) for c in form])

    def _rules(self, several: list[tuple[str, str, float]]) -> tuple[memoryview, memoryview, memoryview]:
        by_symbol: dict[int, list[tuple[bytes, float]]] = {}
        for observed, intended, cost in several:
            folded = intended.lower()
            symbols = [self._symbols[ord(c)] for c in observed]
            sides = bytes([len(symbols), *symbols]).ljust(4, b"\0") + bytes(
                [len(folded) | (folded != intended) << 7, *(self._labels[c] for c in folded)]
            ).ljust(4, b"\0")
            by_symbol.setdefault(symbols[0], []).append((sides, cost))
        first, rules, costs = array("i", [0]), bytearray(), array("f")
        for symbol in range(256):
            for rule, cost in by_symbol.get(symbol, ()):
                rules += rule
                costs.append(cost)
            first.append(len(costs))
        return memoryview(first), memoryview(bytes(rules) or b"\0"), memoryview(costs or array("f", [0]))


def _rungs(costs: array[float], n: int) -> array[int]:
    """For each row of `n` costs by label, the labels that cost less than 1, 2, … as bits."""
    rungs = array("Q")
    for at in range(0, len(costs), n):
        row = [(cost, 1 << label) for label, cost in enumerate(costs[at : at + n]) if label]
        rungs.extend(sum(bit for cost, bit in row if cost < top) for top in range(1, RUNGS + 1))
    return rungs


class _Symbols(dict[int, int]):
    """Symbols by code point, for `str.translate`."""

    def __missing__(self, code: int) -> int:
        return OTHER


@dataclass(frozen=True)
class Candidates:
    """Candidates of several forms, one after the other.

    Attributes:
        counts: how many each form has.
        words, costs, edits: word number, cost at error rate 1 and number of confusions of each.
        tops: what the best one of each form costs, with its own probability and at the error rate e^-EDIT; 99 where there is none.
    """

    counts: array[int]
    words: array[int]
    costs: array[float]
    edits: array[int]
    tops: array[float]


@dataclass(frozen=True)
class Parts:
    """The ways in which several forms are two words, one after the other.

    Attributes:
        counts: how many ways each form has.
        cuts: the length of the first word. words: numbers of both words.
    """

    counts: array[int]
    cuts: array[int]
    words: array[int]

    def such_that(self, may: Callable[[int, int], bool]) -> Parts:
        """Those whose two words (numbers) pass a test."""
        kept = [may(left, right) for left, right in zip(self.words[::2], self.words[1::2], strict=True)]
        ends = list(accumulate(self.counts, initial=0))
        words = compress(self.words, (keep for keep in kept for _ in range(2)))
        return Parts(array("i", [sum(kept[i:j]) for i, j in pairwise(ends)]), array("B", compress(self.cuts, kept)), array("i", words))


@dataclass(frozen=True)
class FewWords:
    """Words beside those of the model, by number from 1 on, with their log probabilities (at 2 · number) and tries (`Finder.few`)."""

    words: list[str]
    scores: memoryview
    tries: list[memoryview]


class Finder:
    """Finds the candidates of forms among the words of a language model; not to be shared between threads.

    Args:
        model: the language model.
        rates: confusions.

    Attributes:
        vocabulary: the words by number.
        numbers: their numbers; without the special ones.
        margin, part: see MARGIN and PART.
    """

    margin, part = MARGIN, PART

    def __init__(self, model: LanguageModel, rates: Rates) -> None:
        self.vocabulary = model.words()
        self.numbers = {word: k for k, word in enumerate(self.vocabulary) if k > 2}
        self._unigrams = model.unigrams
        self._confusions = Confusions(rates)
        container = _vocabulary_trie(model, self.numbers)
        stack = zeros("i", ROOM), zeros("B", ROOM), zeros("B", ROOM), zeros("f", ROOM)
        self._scratch = views(*stack, zeros("B", 64), zeros("f", 64), zeros("Q", 128), zeros("i", 64), zeros("i", 64 * (1 + self._confusions.rules)))
        self._tries = [container.section(direction, "Q") for direction in ("forward", "backward")]

    def few(self, words: Mapping[str, float]) -> FewWords:
        """Words among which `find` can look, with their log probabilities; what has other letters than the trie is left out."""
        words = {word: score for word, score in words.items() if 1 < len(word) <= LONGEST and 0 not in self._confusions.labels(word)}
        scores = memoryview(array("f", [0.0, 0.0, *(x for score in words.values() for x in (score, 0.0))]))
        rows = [(self._confusions.labels(word), number) for number, word in enumerate(words, 1)]
        tries = [_build(sorted((text[::step], number) for text, number in rows), scores) for step in (1, -1)]
        return FewWords(["", *words], scores, [memoryview(trie) for trie in tries])

    def find(
        self, forms: Sequence[str], budgets: array[float], own: array[int], rivals: array[float] | None = None, among: FewWords | None = None
    ) -> Candidates:
        """The best candidates of each form.

        Args:
            forms: as they stand in the text, at most `LONGEST` characters each.
            budgets: what their derivations may cost at most.
            own: for each form the number of a word that is no candidate of it, 0 for none.
            rivals: log probability of another reading of each form, times `PRIOR_SCALE`; by default, that of the word that it is.
            among: look among these words, and give their numbers.
        """
        n = len(forms)
        unigrams, tries = (among.scores, among.tries) if among else (self._unigrams, self._tries)
        together = self._confusions.encode("".join(forms))
        first = array("i", accumulate(map(len, forms), initial=0))
        shapes = bytes([LOWER if form.islower() else shape(form) for form in forms])
        floors = array("f", [-FLOOR - FLOOR_LETTER * len(form) for form in forms])
        if rivals:
            floors = array("f", [max(floor, score - RIVAL_FLOOR) for floor, score in zip(floors, rivals, strict=True)])
        else:
            for k in compress(range(n), own):
                floors[k] = max(floors[k], PRIOR_SCALE * self._unigrams[2 * own[k]] - KNOWN_FLOOR)
        counts, scores, words, costs, edits = zeros("i", n), zeros("f", n * KEEP), zeros("i", n * KEEP), zeros("f", n * KEEP), zeros("B", n * KEEP)
        for reverse, tables in enumerate((self._confusions.forward, self._confusions.backward)):
            symbols = together[::-1] if reverse else together
            kernels_ocr.search(
                memoryview(symbols), *views(first), n, memoryview(shapes), unigrams, *views(budgets, floors),
                KEEP, PRIOR_SCALE, EDIT, self.margin, self.part, reverse,
                tries[reverse], *tables, *self._scratch, ROOM, *views(scores, counts, words, costs, edits),
            )  # fmt: skip
        found = Candidates(zeros("i", n), zeros("i", n * KEEP), zeros("f", n * KEEP), zeros("B", n * KEEP), zeros("f", n))
        total = kernels_ocr.collect(
            *views(counts, words, costs, edits), n, KEEP, *views(own), unigrams, PRIOR_SCALE, EDIT,
            *views(found.counts, found.words, found.costs, found.edits, found.tops),
        )  # fmt: skip
        for column in (found.words, found.costs, found.edits):
            del column[total:]
        return found

    def space_costs(self, forms: Sequence[str], own: array[int], tops: array[float]) -> dict[int, float]:
        """The forms that may be two words without a space between them, and what that costs.

        Args:
            forms, own: see `find`. tops: see `Candidates`, 0 for known words.
        """
        return {k: SPACE_COST for k, top in enumerate(tops) if top > PARTED_GATE}

    def parts(self, forms: Sequence[str]) -> Parts:
        """The ways in which each form is two words of the model, without a space between them.

        Args:
            forms: in small letters, at most `LONGEST` characters each.
        """
        n, together = len(forms), "".join(forms)
        first = array("i", accumulate(map(len, forms), initial=0))
        found = Parts(zeros("i", n), zeros("B", len(together)), zeros("i", 2 * len(together)))
        single = sum(1 << self._confusions.labels(letter)[0] for letter in SINGLE_PARTS)
        total = kernels_ocr.find_parts(
            memoryview(self._confusions.labels(together)), *views(first), n, single, *self._tries, *views(zeros("i", 64), found.counts, found.cuts, found.words)
        )
        del found.cuts[total:], found.words[2 * total :]
        return found


def shape(form: str) -> int:
    """Case of the word behind a damaged form: capitals when most letters are.

    >>> shape("MemphiH"), shape("COUNTnY"), shape("precincta")
    (1, 2, 0)
    """
    if form.islower():
        return LOWER
    if form[1:].islower() and form[0].isupper():
        return CAPITALISED
    upper = sum(map(str.isupper, form))
    if upper == 0:
        return LOWER
    letters = sum(map(str.isalpha, form))
    if upper > 1 and upper * 2 > letters:
        return UPPER
    return CAPITALISED if form.lstrip("'\"")[:1].isupper() else LOWER


def read_confusions(path: str | Path) -> dict[tuple[str, str], float]:
    """Confusions from a file: rows of intended and observed characters and a weight, the times that happens in 10,000 places at the error rate `BASE_RATE`.

    "␣" stands for a space, an empty cell for nothing.

    Raises:
        DictionaryError: rows are wrong; all are listed.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as problem:
        raise DictionaryError([f"{path}: cannot be read ({problem}); give a file of confusions in UTF-8"]) from None
    rates: dict[tuple[str, str], float] = {}
    problems = []
    rows = [(number, line.split("\t")) for number, line in enumerate(lines, 1) if line and not line.startswith("#")]
    if not rows or tuple(rows[0][1][:3]) != _COLUMNS:
        raise DictionaryError([f"{path}:{rows[0][0] if rows else 1}: the first row must be: {' '.join(_COLUMNS)}, with tabs"])
    for number, row in rows[1:]:
        intended, observed, weight = [*(cell.replace("␣", " ") for cell in row), "", "", ""][:3]
        try:
            value = float(weight)
        except ValueError:
            value = -1.0
        if len(row) < 3 or not 0 < value < 1e7:
            problems.append(f"{path}:{number}: {weight!r} is no weight; write a number above 0")
        elif intended == observed or max(len(intended), len(observed)) > 3:
            problems.append(f"{path}:{number}: {intended!r} → {observed!r} is no confusion; write different strings of at most 3 characters")
        elif (observed, intended) in rates:
            problems.append(f"{path}:{number}: {intended!r} → {observed!r} again; keep one row")
        else:
            rates[observed, intended] = value / 10_000
    if problems:
        raise DictionaryError(problems)
    return rates


def _vocabulary_trie(model: LanguageModel, numbers: Mapping[str, int]) -> Container:
    """The trie of a model's words, from the cache, where it is put when it is first needed (half a second)."""
    checksum = zlib.crc32(LETTERS.encode(), zlib.crc32(model.unigrams, zlib.crc32(model.container.section("vocabulary"))))
    path = cache_path() / f"{checksum:08x}-{len(model)}-{VERSION}.trie"
    try:
        return open_container(path, KIND, VERSION)
    except ArtefactError:
        pass
    sections: dict[str, Any] = {}
    labels = {c: k for k, c in enumerate(LETTERS, 1)}
    for direction, step in (("forward", 1), ("backward", -1)):
        rows = []
        for word, number in numbers.items():
            if len(word) <= LONGEST and (len(word) > 1 or word in SINGLE) and labels.keys() >= set(word):
                rows.append((bytes([labels[c] for c in word[::step]]), number))
        rows.sort()
        sections[direction] = _build(rows, model.unigrams)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_container(path, KIND, VERSION, {"words": len(numbers)}, sections)
        return open_container(path, KIND, VERSION)
    except (OSError, ArtefactError):
        import tempfile

        # No writable cache: for this process only.
        with tempfile.TemporaryDirectory() as folder:
            write_container(Path(folder) / "x.trie", KIND, VERSION, {"words": len(numbers)}, sections)
            return open_container(Path(folder) / "x.trie", KIND, VERSION)


def _build(rows: Iterable[tuple[bytes, int]], scores: memoryview) -> array[int]:
    texts, first, numbers, own = bytearray(), array("i", [0]), array("i"), array("f")
    for text, number in rows:
        texts += text
        first.append(len(texts))
        numbers.append(number)
        own.append(scores[2 * number])
    size = len(texts) + 1
    nodes = zeros("Q", 4 * size)
    words = memoryview(bytes(texts) or b"\0")
    count = kernels_ocr.build_trie(words, *views(first), len(numbers), *views(numbers, own, nodes, zeros("B", size), zeros("i", 3 * size)))
    del nodes[4 * count :]
    return nodes
