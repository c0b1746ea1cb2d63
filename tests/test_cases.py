"""Cases as data (tests/cases): sentences that must be restored, clean paragraphs that must not be touched, and what fails today."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import restore
from restore import edits as edit_list

CASES = Path(__file__).parent / "cases"
EXAMPLE = Path(__file__).parents[1] / "examples" / "spun_news.txt"


class Case(NamedTuple):
    """A row of spun.tsv or known_failures.tsv."""

    observed: str
    expected: str
    settings: tuple[tuple[str, Any], ...]
    place: str


def read_cases(name: str) -> list[Case]:
    """Rows of a file; [key=value] at the end of a note is a setting."""
    cases = []
    for number, line in enumerate((CASES / name).read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("#"):
            continue
        observed, expected, note = line.split("\t")
        settings: dict[str, Any] = {"assume_spun": True}
        if note.endswith("]"):
            key, value = note[note.rindex("[") + 1 : -1].split("=")
            settings[key] = (value,) if key == "protect" else None if value == "no" else float(value)
        cases.append(Case(observed, expected, tuple(settings.items()), f"{name}:{number}"))
    return cases


def paragraphs() -> list[tuple[int, str]]:
    """The paragraphs of clean.txt with their line numbers."""
    lines = (CASES / "clean.txt").read_text(encoding="utf-8").splitlines()
    return [(number, line) for number, line in enumerate(lines, 1) if line and not line.startswith("#")]


@lru_cache
def load(settings: tuple[tuple[str, Any], ...]) -> restore.Restorer:
    return restore.load(**dict(settings))


SPUN, FAILING, CLEAN = read_cases("spun.tsv"), read_cases("known_failures.tsv"), paragraphs()


@pytest.mark.parametrize("case", SPUN, ids=lambda case: case.place)
def test_spun_sentence_is_restored(case: Case) -> None:
    result = load(case.settings).restore(case.observed)
    assert result.text == case.expected
    assert edit_list.apply(result.text, edit_list.invert(result.edits)) == case.observed


@pytest.mark.xfail(strict=True, reason="fails today; once it passes, move the row to spun.tsv")
@pytest.mark.parametrize("case", FAILING, ids=lambda case: case.place)
def test_known_failure(case: Case) -> None:
    text = load(case.settings).restore(case.observed).text
    if text != case.expected:
        pytest.fail(f"{text!r} instead of {case.expected!r}")


@pytest.mark.parametrize(("number", "text"), CLEAN, ids=[f"clean.txt:{number}" for number, _ in CLEAN])
def test_clean_paragraph_is_left_alone(restorer: restore.Restorer, number: int, text: str) -> None:
    result = restorer.restore(text)
    assert result.text == text, [(edit.observed, edit.original, edit.probability) for edit in result.edits]
    assert result.edits == ()


@pytest.mark.parametrize("separator", ["\n\n", "\n", "\r\n\r\n", " "], ids=["paragraphs", "lines", "CRLF", "one line"])
def test_clean_paragraphs_in_one_document_are_left_alone(restorer: restore.Restorer, separator: str) -> None:
    text = separator.join(line for _, line in CLEAN)
    result = restorer.restore(text)
    assert result.edits == ()
    assert result.text == text
    assert result.verdict.spun < 0.1


def test_a_spun_text_between_clean_paragraphs_is_restored_and_they_are_left_alone(restorer: restore.Restorer) -> None:
    clean, spun = "\n\n".join(text for _, text in CLEAN[:2]), EXAMPLE.read_text(encoding="utf-8")
    result = restorer.restore(f"{clean}\n\n{spun}\n{clean}\n")
    assert [edit for edit in result.edits if not len(clean) <= edit.start <= len(clean) + len(spun)] == []
    assert len(result.edits) > 20
    assert result.verdict.spun > 0.5


def test_a_spun_text_between_many_clean_paragraphs_is_found(restorer: restore.Restorer) -> None:
    clean, spun = "\n\n".join(text for _, text in CLEAN[:6]), EXAMPLE.read_text(encoding="utf-8")
    assert restorer.detect(f"{clean}\n\n{spun}\n{clean}\n").spun > 0.5


def test_example_of_the_readme_is_restored(restorer: restore.Restorer) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    result = restorer.restore(text)
    pairs = {(edit.observed, edit.original) for edit in result.edits}
    sure = "despatched=sent,metropolis=city,mentioned=said,in the past=ago,struggle=war,mortgage=loan,the place=where,as a result of=because"
    sure += ",{hardware}=hardware,Ok.G.B.=K.G.B.,invoice=bill"
    assert {tuple(pair.split("=")) for pair in sure.split(",")} <= pairs
    assert result.verdict.spun > 0.9
    assert result.verdict.families[0][0] == "thesaurus"


def test_tables_are_large_enough_and_hold_no_row_twice() -> None:
    keys = [case[:3] for case in SPUN + FAILING]
    assert len(SPUN) >= 120
    assert len(CLEAN) >= 150
    assert len(set(keys)) == len(keys)
    assert len({text for _, text in CLEAN}) == len(CLEAN)
