"""Edits are applied, inverted and composed exactly, and refused where they do not fit."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from restore.edits import apply, compose, invert
from restore.errors import EditError
from restore.records import Edit

PROPERTY = settings(max_examples=250, derandomize=True, deadline=None)
# Short texts over few characters, so that edits meet; characters of one, two, three and four bytes, a lone surrogate.
TEXT = st.text(st.sampled_from("ab é’\n漢😀\ud800"), max_size=12)
PROBABILITY = st.floats(0, 1)


@st.composite
def edits_of(draw: Any, text: str) -> list[Edit]:
    """Sorted, disjoint edits of a text: replacements, deletions, insertions, neighbours and edits that change nothing."""
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8)))
    spans = list(zip(cuts[::2], cuts[1::2], strict=False))
    return [Edit(a, b, text[a:b], draw(st.text(st.sampled_from("xy é😀"), max_size=4)), "substitution", draw(PROBABILITY)) for a, b in spans]


@st.composite
def text_and_edits(draw: Any) -> tuple[str, list[Edit]]:
    text = draw(TEXT)
    return text, draw(edits_of(text))


@st.composite
def two_rounds(draw: Any) -> tuple[str, list[Edit], list[Edit]]:
    text, first = draw(text_and_edits())
    return text, first, draw(edits_of(apply(text, first)))


def replace_backwards(text: str, edits: list[Edit]) -> str:
    """Oracle: one edit after the other, the last first, so that no offset moves."""
    for edit in reversed(edits):
        text = text[: edit.start] + edit.original + text[edit.end :]
    return text


@PROPERTY
@given(text_and_edits())
def test_apply_is_replacing_one_after_the_other(case: tuple[str, list[Edit]]) -> None:
    text, edits = case
    assert apply(text, edits) == replace_backwards(text, edits)
    assert apply(text, iter(edits)) == apply(text, edits)


@PROPERTY
@given(text_and_edits())
def test_invert_goes_back(case: tuple[str, list[Edit]]) -> None:
    text, edits = case
    changed = apply(text, edits)
    assert apply(changed, invert(edits)) == text
    assert invert(invert(edits)) == edits


@PROPERTY
@given(two_rounds())
def test_compose_does_both(case: tuple[str, list[Edit], list[Edit]]) -> None:
    text, first, second = case
    both = compose(text, first, second)
    changed = apply(apply(text, first), second)
    assert apply(text, both) == changed
    assert apply(changed, invert(both)) == text
    assert all(edit.observed != edit.original for edit in both)
    assert {edit.probability for edit in both} <= {edit.probability for edit in first + second}


@PROPERTY
@given(text_and_edits())
def test_composing_with_nothing_or_the_inverse(case: tuple[str, list[Edit]]) -> None:
    text, edits = case
    assert apply(text, compose(text, edits, [])) == apply(text, compose(text, [], edits)) == apply(text, edits)
    assert apply(text, compose(text, edits, invert(edits))) == text


def test_nothing_to_do() -> None:
    assert apply("", []) == ""
    assert apply("a", []) == "a"
    assert invert([]) == []
    assert compose("a", [], []) == []


def edit(start: int, end: int, observed: str, original: str, probability: float = 0.9, **more: Any) -> Edit:
    return Edit(start, end, observed, original, "substitution", probability, **more)


def test_offsets_are_characters_beyond_the_basic_plane() -> None:
    assert apply("😀 chief 𝒜", [edit(2, 7, "chief", "𝓁eader"), edit(8, 9, "𝒜", "A")]) == "😀 𝓁eader A"
    assert [(e.start, e.end) for e in invert([edit(2, 7, "chief", "𝓁eader"), edit(8, 9, "𝒜", "A")])] == [(2, 8), (9, 10)]


def test_what_compose_keeps() -> None:
    first = [edit(0, 5, "chief", "leader", 0.9, alternatives=(("head", 0.05),), reason="r"), edit(6, 10, "fell", "ran", 0.8)]
    alone = compose("chief fell away", first, [])
    assert alone == first
    joined = compose("chief fell away", first, [edit(6, 9, " ra", "-", 0.7), edit(11, 15, "away", "off", 0.6)])
    assert [(e.observed, e.original, e.probability) for e in joined] == [("chief", "leader", 0.9), (" fell", "-n", 0.7), ("away", "off", 0.6)]
    assert joined[0].alternatives == (("head", 0.05),)
    assert joined[1].alternatives == ()


WRONG = [
    ("overlap", "abcdef", [edit(0, 3, "abc", "x"), edit(2, 4, "cd", "y")]),
    ("out of order", "abcdef", [edit(3, 4, "d", "x"), edit(0, 1, "a", "y")]),
    ("beyond the end", "abc", [edit(2, 4, "c", "x")]),
    ("an insertion beyond the end", "abc", [edit(4, 4, "", "x")]),
    ("negative start", "abc", [edit(-1, 3, "c", "x")]),
    ("end before start", "abc", [edit(2, 1, "", "x")]),
    ("another text", "abc", [edit(0, 2, "aa", "x")]),
    ("another case", "Chief", [edit(0, 5, "chief", "leader")]),
    ("shorter than its span", "abc", [edit(0, 2, "a", "x")]),
]


@pytest.mark.parametrize(("text", "edits"), [pytest.param(text, edits, id=name) for name, text, edits in WRONG])
def test_edits_that_do_not_fit_are_refused(text: str, edits: list[Edit]) -> None:
    with pytest.raises(EditError, match=r"edit at -?\d+--?\d+ "):
        apply(text, edits)
    with pytest.raises(EditError):
        compose(text, edits, [])


@pytest.mark.parametrize(("text", "edits"), [pytest.param(text, edits, id=name) for name, text, edits in WRONG if name != "out of order"])
def test_compose_refuses_them_as_second_edits_too(text: str, edits: list[Edit]) -> None:
    with pytest.raises(EditError):
        compose(text, [], edits)


def test_the_second_edits_must_fit_the_text_after_the_first() -> None:
    with pytest.raises(EditError):
        compose("the chief fell", [edit(4, 9, "chief", "leader")], [edit(4, 9, "chief", "head")])


def test_the_message_says_what_was_found() -> None:
    with pytest.raises(EditError, match="expects 'chief' and finds 'thief'"):
        apply("thief", [edit(0, 5, "chief", "leader")])


@PROPERTY
@given(text_and_edits())
def test_edits_survive_json(case: tuple[str, list[Edit]]) -> None:
    _, edits = case
    for one in edits:
        full = replace(one, alternatives=(("a", 0.25), ("b", 0.125)), reason="why")
        data = json.loads(json.dumps(full.to_dict()))
        assert set(data) == {"start", "end", "observed", "original", "channel", "probability", "alternatives", "reason"}
        assert Edit.from_dict({**data, "unknown": 1}) == full
