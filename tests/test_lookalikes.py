"""Letters of other scripts and invisible characters do not hide words, and offsets stay."""

from __future__ import annotations

from pathlib import Path

import pytest

import restore
from restore import edits as edit_list
from restore.lookalikes import see_through, without_hidden

EXAMPLE = Path(__file__).parents[1] / "examples" / "spun_news.txt"


@pytest.mark.parametrize(
    ("text", "view", "count"),
    [
        ("plain", "plain", 0),
        ("the c\u043emp\u0430ny that makes all of it", "the company that makes all of it", 2),
        ("\u041c\u043e\u0441\u043a\u0432\u0430", "\u041c\u043e\u0441\u043a\u0432\u0430", 0),
        ("na\u00efve \u03b1-decay", "na\u00efve \u03b1-decay", 0),
    ],
)
def test_see_through(text: str, view: str, count: int) -> None:
    assert see_through(text) == (view, count)


def test_invisible_characters_inside_words() -> None:
    assert without_hidden("des\u200bpatched \u200b a\u00adb") == ("despatched \u200b ab", 2)


@pytest.mark.parametrize("marks", [{"a": "\u0430", "o": "\u043e", "e": "\u0435"}, {"o": "o\u200b", "a": "a\u200d"}], ids=["look-alikes", "invisible"])
def test_hidden_text_is_judged_and_restored_as_the_plain_one(restorer: restore.Restorer, marks: dict[str, str]) -> None:
    plain = EXAMPLE.read_text(encoding="utf-8")
    text = plain.translate(str.maketrans(marks))
    assert next(restorer.pipe([text])) == restorer.restore(text)
    expected, result = restorer.restore(plain), restorer.restore(text)
    assert result.verdict.spun > 0.9
    assert any("look Latin" in sign or "invisible" in sign for sign in result.verdict.evidence)
    assert len(result.edits) >= 0.9 * len(expected.edits)
    assert all(text[edit.start : edit.end] == edit.observed for edit in result.edits)
    assert edit_list.apply(result.text, edit_list.invert(result.edits)) == text


def test_honest_words_of_other_scripts_are_no_evidence(restorer: restore.Restorer) -> None:
    verdict = restore.load(prior=0.9).detect(
        "The word \u043c\u0438\u0440 means peace and world in Russian, as every learner of the language is told in the first lesson."
    )
    assert not any("Latin" in sign for sign in verdict.evidence)
