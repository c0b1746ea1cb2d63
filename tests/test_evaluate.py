"""Scoring: annotated texts, hand-made edits against their sites, counts by an obvious count, sums, calibration."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import restore
from restore.cli.evaluate import _changes
from restore.evaluate import BINS, Score, Site, compare, parse, score_text
from restore.records import Edit

PARSED = [
    ("", "", []),
    ("No marks.", "No marks.", []),
    ("in a [[struggle=>war|fight]].", "in a struggle.", [Site(5, 13, ("war", "fight"))]),
    ("[[a=>b]][[c=>d]]", "ac", [Site(0, 1, ("b",)), Site(1, 2, ("d",))]),
    ("“[[Ok.G.B.=>K.G.B.]]”\n[[x=>]]y", "“Ok.G.B.”\nxy", [Site(1, 8, ("K.G.B.",)), Site(10, 11, ("",))]),
    ("[[{hardware}=>hardware]] [link] [[wiki]] a => b", "{hardware} [link] [[wiki]] a => b", [Site(0, 10, ("hardware",))]),
    ("[[in line with=>according to|per|as per]] it", "in line with it", [Site(0, 12, ("according to", "per", "as per"))]),
    ("[[one\ntwo=>three]]", "[[one\ntwo=>three]]", []),
]

#: Annotated text; edits (observed, original) in the order of the text; must, right, wrong, missed, extra; confusions.
COMPARED = {
    "right": ("They [[despatched=>sent]] it.", [("despatched", "sent")], (1, 1, 0, 0, 0), {}),
    "another accepted reading": ("a [[struggle=>war|fight]] on", [("struggle", "fight")], (1, 1, 0, 0, 0), {}),
    "wrong": ("a [[struggle=>war|fight]] on", [("struggle", "effort")], (1, 0, 1, 0, 0), {("struggle", "effort", "war|fight"): 1}),
    "missed": ("a [[struggle=>war]] on", [], (1, 0, 0, 1, 0), {("struggle", "", "war"): 1}),
    "extra": ("a struggle on", [("struggle", "war")], (0, 0, 0, 0, 1), {("struggle", "war", ""): 1}),
    "optional, left": ("[[largely=>largely|mostly]] so", [], (0, 0, 0, 0, 0), {}),
    "optional, changed as accepted": ("[[largely=>largely|mostly]] so", [("largely", "mostly")], (0, 0, 0, 0, 0), {}),
    "optional, changed otherwise": (
        "[[largely=>largely|mostly]] so", [("largely", "hugely")], (0, 0, 1, 0, 0), {("largely", "hugely", "largely|mostly"): 1}
    ),
    "optional but for case and quotes": ("[[It’s=>it's|it is]] so", [], (0, 0, 0, 0, 0), {}),
    "right but for case": ("[[Despatched=>sent]] home", [("Despatched", "Sent")], (1, 1, 0, 0, 0), {}),
    "edit over two sites": ("[[despatched=>sent]] [[extra=>more]] men", [("despatched extra", "sent more")], (2, 2, 0, 0, 0), {}),
    "edit over two sites, half right": (
        "[[despatched=>sent]] [[extra=>more]] men", [("despatched extra", "sent extra")], (2, 0, 2, 0, 0),
        {("despatched extra", "sent extra", "sent more"): 1},
    ),
    "edit over a site and an optional one": (
        "[[despatched=>sent]] [[quite=>quite|rather]] few", [("despatched quite", "sent rather")], (1, 1, 0, 0, 0), {}
    ),
    "edit over more than the site": ("two years [[in the past=>ago]] today", [("years in the past", "years ago")], (1, 1, 0, 0, 0), {}),
    "edit over more than the site, also changed": (
        "two years [[in the past=>ago]] today", [("years in the past", "winters ago")], (1, 0, 1, 0, 0),
        {("years in the past", "winters ago", "ago"): 1},
    ),
    "edit over a part of the site": ("two [[years in the past=>years ago]]", [("in the past", "ago")], (1, 1, 0, 0, 0), {}),
    "two edits in one site": ("the [[chief govt=>leader in charge]] of", [("chief", "leader"), ("govt", "in charge")], (1, 1, 0, 0, 0), {}),
    "two edits in one site, one wrong": (
        "the [[chief govt=>chief executive]] of", [("chief", "main"), ("govt", "executive")], (1, 0, 1, 0, 0),
        {("chief govt", "main executive", "chief executive"): 1},
    ),
    "neighbours do not count as one": (
        "[[one=>a]][[two=>b]]three", [("two", "b"), ("three", "c")], (2, 1, 0, 1, 1), {("one", "", "a"): 1, ("three", "c", ""): 1}
    ),
    "the same fault twice": ("a b a b", [("a", "x"), ("a", "x")], (0, 0, 0, 0, 2), {("a", "x", ""): 2}),
}  # fmt: skip


def edits_of(text: str, pairs: list[tuple[str, str]], probability: float = 0.9) -> list[Edit]:
    edits, at = [], 0
    for observed, original in pairs:
        start = text.index(observed, at)
        at = start + len(observed)
        edits.append(Edit(start, at, observed, original, "substitution", probability))
    return edits


def counts(score: Score) -> tuple[int, ...]:
    return score.must, score.right, score.wrong, score.missed, score.extra


@pytest.mark.parametrize(("annotated", "text", "sites"), PARSED)
def test_parse(annotated: str, text: str, sites: list[Site]) -> None:
    assert parse(annotated) == (text, sites)


@pytest.mark.parametrize("name", COMPARED)
def test_compare(name: str) -> None:
    annotated, pairs, expected, confusions = COMPARED[name]
    text, sites = parse(annotated)
    score = compare(text, sites, edits_of(text, pairs))
    assert counts(score) == expected
    assert score.confusions == confusions
    good = score.wrong == score.extra == 0
    assert [right for _, right in score.edits if right != good] == ([True] if "neighbours" in name else [])


@given(st.lists(st.tuples(st.sampled_from(["must", "may", "plain"]), st.sampled_from(["left", "good", "bad"])), max_size=12), st.booleans())
def test_compare_counts_what_an_obvious_count_counts(kinds: list[tuple[str, str]], touching: bool) -> None:
    glue = "," if touching else " and "
    annotated, pairs = [], []
    for k, (kind, change) in enumerate(kinds):
        word = f"word{k}x"
        annotated.append({"must": f"[[{word}=>good|fine]]", "may": f"[[{word}=>{word}|good]]", "plain": word}[kind])
        if change != "left":
            pairs.append((word, change))
    text, sites = parse(glue.join(annotated))
    score = compare(text, sites, edits_of(text, pairs))
    assert counts(score) == (
        sum(kind == "must" for kind, _ in kinds),
        kinds.count(("must", "good")),
        kinds.count(("must", "bad")) + kinds.count(("may", "bad")),
        kinds.count(("must", "left")),
        kinds.count(("plain", "good")) + kinds.count(("plain", "bad")),
    )
    assert [good for _, good in score.edits] == [change == "good" and kind != "plain" for kind, change in kinds if change != "left"]


def test_rates() -> None:
    score = Score(must=10, right=6, wrong=2, missed=2, extra=1, words=100)
    assert (score.recall, score.precision) == (0.6, pytest.approx(6 / 9))
    assert score.f05 == pytest.approx(1.25 * 0.6 * (6 / 9) / (0.25 * 6 / 9 + 0.6))
    nothing = Score()
    assert (nothing.recall, nothing.precision, nothing.f05, nothing.calibration()) == (1.0, 1.0, 1.0, [])
    assert Score(must=3, missed=3).f05 == pytest.approx(0.0)
    assert Score(must=3, wrong=3).f05 == 0.0


def test_scores_add_up() -> None:
    total = Score()
    for annotated, pairs, _, _ in COMPARED.values():
        text, sites = parse(annotated)
        total.add(compare(text, sites, edits_of(text, pairs)))
    assert counts(total) == tuple(sum(column) for column in zip(*(row[2] for row in COMPARED.values()), strict=True))
    assert total.confusions["struggle", "effort", "war|fight"] == 1
    assert total.confusions["a", "x", ""] == 2
    assert len(total.edits) == sum(len(row[1]) for row in COMPARED.values())
    data = total.to_dict()
    costs = [row[4] for row in data["confusions"]]
    assert costs == sorted(costs, reverse=True)
    assert min(costs) > 0
    (row,) = (row for row in data["confusions"] if row[:3] == ["a", "x", ""])
    # Without these two edits outside all sites.
    assert row[3:] == [2, pytest.approx(Score(total.must, total.right, total.wrong, total.missed, total.extra - 2).f05 - total.f05, abs=1e-6)]
    assert (data["recall"], data["precision"]) == (round(total.recall, 4), round(total.precision, 4))


def test_calibration_bins_hold_equal_numbers_in_order() -> None:
    chance = random.Random(3)
    edits = [(chance.random(), chance.random() < 0.5) for _ in range(107)]
    bins = Score(edits=edits).calibration()
    assert len(bins) == BINS
    assert sum(count for _, _, count in bins) == 107
    assert {count for _, _, count in bins} == {10, 11}
    assert bins == sorted(bins)
    ordered, first = sorted(edits), 0
    for mean, share, count in bins:
        part = ordered[first : first + count]
        first += count
        assert mean == pytest.approx(sum(p for p, _ in part) / count)
        assert share == pytest.approx(sum(good for _, good in part) / count)


def test_calibration_of_few_edits() -> None:
    assert Score(edits=[(0.9, True), (0.6, False)]).calibration() == [(0.75, 0.5, 2)]
    assert [count for _, _, count in Score(edits=[(0.9, True)] * 35).calibration()] == [11, 12, 12]


def test_score_of_a_text(spun_restorer: restore.Restorer) -> None:
    annotated = "[[He=>He|The man]] fought in the Vietnam [[Struggle=>War]] and pleaded [[responsible=>guilty]] to murder.\nShe lives in "
    annotated += "New York Metropolis."
    score = score_text(spun_restorer, annotated)
    assert counts(score) == (2, 2, 0, 0, 1)
    assert score.words == 19  # tokens: the full stops, too
    assert score.confusions == {("Metropolis", "City", ""): 1}
    assert [good for _, good in score.edits] == [True, True, False]
    assert all(0.5 <= probability <= 1 for probability, _ in score.edits)


def test_an_edit_over_five_sites_can_be_right() -> None:
    text, sites = parse("[[a=>1]] [[b=>2]] [[c=>3]] [[d=>4]] [[e=>5]]")
    assert compare(text, sites, edits_of(text, [("a b c d e", "1 2 3 4 5")])).right == 5


LEFT, WRONG, OTHER = ["a", "", "b"], ["a", "x", "b"], ["a", "y", "b"]


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ([[*LEFT, 2, 0.1]], [[*LEFT, 1, 0.1]], {"mended": [("a", "", "b")]}),
        ([[*WRONG, 1, 0.1]], [], {"mended": [("a", "x", "b")]}),
        ([], [[*WRONG, 1, 0.1]], {"broken": [("a", "x", "b")]}),
        ([[*WRONG, 1, 0.1]], [[*LEFT, 1, 0.1]], {"spared": [("a", "x", "b")]}),
        ([[*LEFT, 1, 0.1]], [[*WRONG, 1, 0.1]], {"spoilt": [("a", "x", "b")]}),
        ([[*WRONG, 1, 0.1]], [[*OTHER, 1, 0.1]], {}),
        ([[*WRONG, 2, 0.1], [*LEFT, 1, 0.1]], [[*LEFT, 2, 0.1]], {"spared": [("a", "x", "b")], "mended": [("a", "x", "b")]}),
    ],
)
def test_what_changed_between_two_runs(before: list[list[Any]], after: list[list[Any]], changes: dict[str, list[tuple[str, str, str]]]) -> None:
    assert {title: sorted(rows.elements()) for title, rows in _changes(before, after).items() if rows} == changes
