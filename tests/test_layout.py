"""The layout channel: words divided at line ends, and what stands at the edges of pages."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import restore
from restore.channels.layout import Layout, find_page_marks, join_divided, layout
from restore.edits import apply, invert
from restore.errors import ConfigError
from restore.language_model.model import LanguageModel
from restore.lexicon import data_path


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return LanguageModel(data_path() / "en.model")


JOINED = [
    ("The inter-\nnational press was there.", "The international press was there."),
    ("He joined the govern-\r\n   ment in May.", "He joined the government in May."),
    ("A well-\nknown singer came.", "A well-known singer came."),
    ("They were asked to co-\noperate with us.", "They were asked to co-operate with us."),
    ("We cooperate. They were asked to co-\noperate too.", "We cooperate. They were asked to cooperate too."),
    ("It was to-day. It is to-\nday.", "It was to-day. It is to-day."),
    ("It will be done to-\nday.", "It will be done today."),
    ("The Anglo-\nSaxon kings and Mr. Mac-\nDonald of Wash-\nington", "The Anglo-Saxon kings and Mr. MacDonald of Washington"),
    ("an AN-\nNOUNCEMENT", "an ANNOUNCEMENT"),
    ("soft\xad\nware, gov¬\nernment, well\u2010\nknown", "software, government, well\u2010known"),
    ("his brother-\nin-\nlaw came", "his brother-in-law came"),
    ("Mr. Przy-\nbylski came", "Mr. Przybylski came"),
]


@pytest.mark.parametrize(("text", "expected"), JOINED)
def test_joined(model: LanguageModel, text: str, expected: str) -> None:
    edits = list(join_divided(text, model))
    assert apply(text, edits) == expected
    assert all(edit.channel == "layout" and 0.5 <= edit.probability <= 1 and edit.reason for edit in edits)


LEFT = [
    "pages 10-\n20, the 19th-\ncentury and 1914-\nEnd",
    "We co-operate with a well-known man - he said -\nand that is all.",
    "two-\nand three-fold, long-\nor short-lived",
    "He said no-\nThen he went.",
    "Wait--\nwhat?",
    "A list:\n- one\n- two",
    "the govern-\n\nment of it",
    "the govern-\n\x0cment of it",
    "the govern-      the other col-\nment of it       umn of it",
    "restore: off the govern-\nment restore: on",
    "the appreciat-\nsept limit is",
]


@pytest.mark.parametrize("text", LEFT)
def test_left(model: LanguageModel, text: str) -> None:
    assert layout(text, model) == []


PLACES = ("Vienna", "Trieste", "Venice", "Padua", "Milan", "Turin", "Genoa", "Nice")


def book(top: str, bottom: str = "", catchwords: bool = False) -> str:
    """Eight pages with prose of their own, a head and a foot with {n} for the page number."""
    pages = []
    for k, place in enumerate(PLACES):
        body = f"{place} was the next town on our way, and\nwe stayed in {place} for {k + 2} days. It rained\n"
        body += f"on {k + 1} of them. We saw the {place} bridge\nand wrote home of it, as one does.\nSo much for {place}."
        lines = [top.format(n=k + 11, r=["xi", "xii", "xiii", "xiv", "xv", "xvi", "xvii", "xviii"][k])] if top else []
        lines += [body, *([bottom.format(n=k + 11)] if bottom else [])]
        lines += [PLACES[k + 1]] if catchwords and k + 1 < len(PLACES) else []
        pages.append("\n".join(lines) + "\n")
    return "\x0c".join(pages)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        (book("OUR TRAVELS"), {"running head": 8}),
        (book("{n}  OUR TRAVELS"), {"running head": 8}),
        (book("OUR TRAVELS", "- {n} -"), {"running head": 8, "page number": 8}),
        (book("", "{n}"), {"page number": 8}),
        (book("{r}"), {"page number": 8}),
        (book("Page {n} of 90"), {"page number": 8}),
        (book("", catchwords=True), {"catchword": 7}),
        (book("OUR TRAVELS", "{n}").replace("OUR TRAVELS", "OUB TRAVEIS", 1), {"running head": 8, "page number": 8}),
        (book(""), {}),
        (book("OUR TRAVELS", "{n}").replace("\x0c", ""), {}),
        ("\x0c".join(["A page.\n"] * 2), {}),
        ("\x0c".join(f"{n}\n" for n in (3, 8, 1, 2, 9)), {}),
        ("", {}),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_page_marks(text: str, kinds: dict[str, int]) -> None:
    marks = find_page_marks(text)
    assert {kind: sum(mark.kind == kind for mark in marks) for kind in {mark.kind for mark in marks}} == kinds
    assert all(text[mark.start : mark.end].strip() == mark.text and "\n" not in mark.text and mark.pages >= 3 for mark in marks)
    assert all(one.end <= other.start for one, other in pairwise(marks))


def test_lines_that_also_stand_elsewhere_are_no_heads() -> None:
    chorus = "Sing on, sing on."
    text = "\x0c".join(f"{chorus}\nverse {place}\nof {place}\n{chorus}\nnext {place}\n{chorus}\nthen {place}\nlast {place}\n" for place in PLACES)
    assert find_page_marks(text) == []


def test_heads_are_removed_on_request(model: LanguageModel) -> None:
    text, plain = book("{n}  OUR TRAVELS", "* {n} *", catchwords=True), book("")
    assert layout(text, model) == []
    edits = layout(text, model, Layout(remove_heads=True))
    assert apply(text, edits) == plain
    assert apply(plain, invert(edits)) == text


def test_pages_told_apart_by_another_mark(model: LanguageModel) -> None:
    text = book("OUR TRAVELS").replace("\x0c", "=== page ===\n")
    assert len(find_page_marks(text, "^=== page ===$")) == 8
    assert find_page_marks(text) == []
    with pytest.raises(ConfigError, match="no regular expression"):
        find_page_marks(text, "(")


def test_the_engine_has_it_too() -> None:
    text = "The\u200b govern-\nment came."
    result = restore.load(layout=True, clean=["hidden"]).restore(text)
    assert result.text == "The government came."
    assert apply(text, result.edits) == result.text
    assert [edit.channel for edit in result.edits] == ["cleanup", "layout"]
    assert restore.load(clean=["hidden"]).restore(text).text == "The govern-\nment came."


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.lists(st.sampled_from([*"aBé-'.\n\r\x0c 1\xad¬", "well", "known", "co", "IV", "-\n", "\x0c7\n", "HEAD\n"]), max_size=40).map("".join), st.booleans())
def test_any_text(text: str, remove: bool) -> None:
    edits = layout(text, LanguageModel(data_path() / "en.model"), Layout(remove_heads=remove))
    result = apply(text, edits)
    assert apply(result, invert(edits)) == text
    assert all(edit.channel == "layout" for edit in edits)
    letters = "".join(character for character in result if character.isalpha())
    assert remove or letters == "".join(character for character in text if character.isalpha())
