"""Precision, recall and calibration of a `Restorer` on annotated texts.

An annotated text marks every span that a spinner changed::

    has left him in a [[struggle=>war|fight]]        must change: "struggle" is not accepted
    [[largely=>largely|mostly]] slowed               may stay: the observed wording is accepted

Edits and sites that overlap form a group; a group is right when, with its edits made, it reads as one of the accepted readings of its sites.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING, Any

from restore import edits as edit_list
from restore.records import Edit
from restore.tokenizer import encode, normalise, tokenize

if TYPE_CHECKING:
    from restore.engine import Restorer

MARK = re.compile(r"\[\[(.*?)=>(.*?)\]\]")
#: Bins of the calibration table, at most; a bin of fewer edits than SMALLEST says nothing.
BINS, SMALLEST = 10, 10


@dataclass(frozen=True)
class Site:
    """A marked span of the observed text, and the readings that are accepted there."""

    start: int
    end: int
    accepted: tuple[str, ...]


@dataclass
class Score:
    """Counts over one or more texts.

    Attributes:
        must: sites whose observed wording is not accepted.
        right, wrong, missed: of the sites: restored to an accepted reading; changed to another; left as they were though they must change.
        extra: edits outside all sites.
        words: tokens of the texts.
        confusions: (observed, output, accepted) of everything that is not right, counted.
        edits: (probability, right) of each edit.
    """

    must: int = 0
    right: int = 0
    wrong: int = 0
    missed: int = 0
    extra: int = 0
    words: int = 0
    confusions: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    edits: list[tuple[float, bool]] = field(default_factory=list)

    @property
    def recall(self) -> float:
        """Must-change sites restored, of all."""
        return self.right / self.must if self.must else 1.0

    @property
    def precision(self) -> float:
        """Right changes, of all changes."""
        made = self.right + self.wrong + self.extra
        return self.right / made if made else 1.0

    @property
    def f05(self) -> float:
        """Precision weighted over recall (van Rijsbergen's F with β = 0.5)."""
        p, r = self.precision, self.recall
        return 1.25 * p * r / (0.25 * p + r) if p + r else 0.0

    def add(self, other: Score) -> None:
        """Add another text's counts."""
        for name in ("must", "right", "wrong", "missed", "extra", "words"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.confusions += other.confusions
        self.edits += other.edits

    def calibration(self) -> list[tuple[float, float, int]]:
        """Bins of equal counts, least probable first: mean probability of the edits, share of them that is right, and their number."""
        ordered = sorted(self.edits)
        bins = []
        n = max(1, min(BINS, len(ordered) // SMALLEST))
        for k in range(n):
            part = ordered[len(ordered) * k // n : len(ordered) * (k + 1) // n]
            if part:
                bins.append((sum(p for p, _ in part) / len(part), sum(good for _, good in part) / len(part), len(part)))
        return bins

    def costs(self) -> list[tuple[tuple[str, str, str], int, float]]:
        """What is not right, dearest first: (observed, output, accepted), times, and by how much F0.5 would rise if all of these were right."""
        rows = []
        for key, times in self.confusions.items():
            _, output, accepted = key
            gain = times if accepted else 0
            mended = Score(must=self.must, right=self.right + gain, wrong=self.wrong, missed=self.missed, extra=self.extra)
            if not accepted:
                mended.extra -= min(times, mended.extra)
            elif output:
                mended.wrong -= min(times, mended.wrong)
            rows.append((key, times, mended.f05 - self.f05))
        return sorted(rows, key=lambda row: (-row[2], -row[1], row[0]))

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able dictionary."""
        return {
            **{name: getattr(self, name) for name in ("must", "right", "wrong", "missed", "extra", "words")},
            **{name: round(getattr(self, name), 4) for name in ("recall", "precision", "f05")},
            "confusions": [[*key, times, round(cost, 6)] for key, times, cost in self.costs()],
            "calibration": [list(row) for row in self.calibration()],
        }


def within(probability: float, right: float, count: int) -> bool:
    """Whether a bin of the calibration table keeps its word: off by 5 points at most, or by two standard errors.

    >>> within(0.9, 0.86, 1000), within(0.9, 0.8, 1000), within(0.9, 0.8, 20)
    (True, False, True)
    """
    return abs(probability - right) <= max(0.05, 2 * math.sqrt(probability * (1 - probability) / count))


def sign_test(mended: int, broken: int) -> float:
    """Probability that chance alone makes so uneven a split of changes for the better and for the worse (two-sided sign test).

    >>> round(sign_test(9, 1), 4), sign_test(3, 3)
    (0.0215, 1.0)
    """
    n = mended + broken
    tail = sum(math.comb(n, k) for k in range(min(mended, broken) + 1))
    return float(min(Fraction(1), Fraction(2 * tail, 2**n)))


def parse(annotated: str) -> tuple[str, list[Site]]:
    """The observed text of an annotated one, and its sites.

    >>> parse("in a [[struggle=>war|fight]].")
    ('in a struggle.', [Site(start=5, end=13, accepted=('war', 'fight'))])
    """
    pieces: list[str] = []
    sites = []
    length = last = 0
    for found in MARK.finditer(annotated):
        plain = annotated[last : found.start()]
        start = length + len(plain)
        length = start + len(found.group(1))
        pieces += [plain, found.group(1)]
        sites.append(Site(start, length, tuple(found.group(2).split("|"))))
        last = found.end()
    return "".join([*pieces, annotated[last:]]), sites


def score_text(restorer: Restorer, annotated: str) -> Score:
    """Restore the observed wording of an annotated text and compare.

    >>> import restore
    >>> score_text(restore.load(assume_spun=True), "They [[despatched=>sent]] a letter to the minister.").right
    1
    """
    text, sites = parse(annotated)
    return compare(text, sites, restorer.restore(text).edits)


def compare(text: str, sites: Sequence[Site], edits: Sequence[Edit]) -> Score:
    """Score edits of a text against its sites."""
    score = Score(words=len(tokenize(encode(text))))
    for group_sites, group_edits in _groups(sites, edits):
        must = [site for site in group_sites if _forms(text[site.start : site.end]) not in map(_forms, site.accepted)]
        score.must += len(must)
        spans = [(site.start, site.end) for site in group_sites] + [(edit.start, edit.end) for edit in group_edits]
        start, end = min(spans)[0], max(last for _, last in spans)
        moved = [Edit(e.start - start, e.end - start, e.observed, e.original, e.channel, e.probability) for e in group_edits]
        output = edit_list.apply(text[start:end], moved)
        good = not group_sites or any(_forms(output) == _forms(reading) for reading in _readings(text, group_sites, start, end))
        good = good and bool(group_sites)
        score.edits += [(edit.probability, good) for edit in group_edits]
        accepted = " ".join("|".join(site.accepted) for site in group_sites)
        if not group_edits:
            score.missed += len(must)
            if must:
                score.confusions[text[start:end], "", accepted] += 1
        elif good:
            score.right += len(must)
        else:
            if group_sites:
                score.wrong += len(group_sites)
            else:
                score.extra += len(group_edits)
            score.confusions[text[start:end], output, accepted] += 1
    return score


def _groups(sites: Sequence[Site], edits: Sequence[Edit]) -> Iterable[tuple[list[Site], list[Edit]]]:
    items: list[Site | Edit] = [*sites, *edits]
    items.sort(key=lambda item: (item.start, item.end))
    group: list[Site | Edit] = []
    end = -1
    for item in items:
        if group and item.start >= end:
            yield [x for x in group if isinstance(x, Site)], [x for x in group if isinstance(x, Edit)]
            group = []
        end = max(end, item.end) if group else item.end
        group.append(item)
    if group:
        yield [x for x in group if isinstance(x, Site)], [x for x in group if isinstance(x, Edit)]


def _readings(text: str, sites: Sequence[Site], start: int, end: int) -> Iterable[str]:
    for choice in product(*(site.accepted for site in sites[:6])):
        pieces, last = [], start
        for site, accepted in zip(sites, choice, strict=False):
            pieces += [text[last : site.start], accepted]
            last = site.end
        yield "".join([*pieces, text[last:end]])


def _forms(text: str) -> list[str]:
    tokens = tokenize(encode(text), ())
    return [normalise(tokens.surface(i)) for i in range(len(tokens))]
