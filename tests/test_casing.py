"""The case of an edit follows the observed text; capitals of the dictionary win; apostrophes follow the text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from restore import Restorer
from restore.casing import fit_case, mend_article

TABLE = [
    # the observed word's case
    ("chief", "leader", "leader"),
    ("Chief", "leader", "Leader"),
    ("CHIEF", "leader", "LEADER"),
    ("iChief", "leader", "leader"),
    ("McChief", "leader", "Leader"),
    ("A", "one", "One"),
    ("Élan", "être", "Être"),
    ("ВЛАСТИ", "вождь", "ВОЖДЬ"),
    ("9", "nine", "nine"),
    ("Nine", "9", "9"),
    ("", "x", "x"),
    # capitals of the dictionary
    ("america", "US", "US"),
    ("America", "US", "US"),
    ("AMERICA", "US", "US"),
    ("ok.g.b.", "K.G.B.", "K.G.B."),
    ("Ok.G.B.", "K.G.B.", "K.G.B."),
    ("OK.G.B.", "K.G.B.", "K.G.B."),
    ("web", "Internet", "Internet"),
    ("treasury of america", "US Treasury", "US Treasury"),
    ("Treasury Of America", "US Treasury", "US Treasury"),
    # several words
    ("financial institution", "bank", "bank"),
    ("Financial institution", "bank", "Bank"),
    ("Financial Institution", "bank", "Bank"),
    ("FINANCIAL INSTITUTION", "bank", "BANK"),
    ("coronary heart illness", "heart disease", "heart disease"),
    ("Coronary heart illness", "heart disease", "Heart disease"),
    ("Coronary Heart Illness", "heart disease", "Heart Disease"),
    ("Heart Assault", "attack of the heart", "Attack of the Heart"),
    ("The place", "where", "Where"),
    ("the Place", "where", "where"),
    ("Place", "the position", "The position"),
    # marks around the words
    ("“Chief”", "leader", "Leader"),
    ("{hardware}", "hardware", "hardware"),
    ("{Hardware}", "hardware", "Hardware"),
    ("Well-Known", "famous", "Famous"),
    # apostrophes
    ("don't", "can't", "can't"),
    ("don’t", "can't", "can’t"),
    ("Don’t", "can't", "Can’t"),
    ("chief's", "leader's", "leader's"),
    ("Chief’s", "leader's", "Leader’s"),
    ("CHIEF’S", "leader's", "LEADER’S"),
]


@pytest.mark.parametrize(("observed", "original", "expected"), TABLE)
def test_fit_case(observed: str, original: str, expected: str) -> None:
    assert fit_case(observed, original) == expected


@pytest.mark.parametrize(("observed", "original", "expected"), [("UK", "United Kingdom", "United Kingdom"), ("Phone", "iPhone", "iPhone")])
def test_capitals_of_the_dictionary_win(observed: str, original: str, expected: str) -> None:
    assert fit_case(observed, original) == expected


@pytest.mark.parametrize(("observed", "curly", "expected"), [("cannot", True, "can’t"), ("cannot", False, "can't"), ("CANNOT", True, "CAN’T")])
def test_apostrophes_follow_the_document(observed: str, curly: bool, expected: str) -> None:
    assert fit_case(observed, "can't", curly=curly) == expected


DOCUMENTS = [
    ("The minister despatched a letter to the president of the group.", ("despatched", "sent")),
    ("Despatched a letter to the president of the group.", ("Despatched", "Sent")),
    ("THE MINISTER DESPATCHED A LETTER TO THE PRESIDENT OF THE GROUP.", ("DESPATCHED", "SENT")),
    ("The man had worked for the Ok.G.B. as a spy.", ("Ok.G.B.", "K.G.B.")),
]


@pytest.mark.parametrize(("text", "pair"), DOCUMENTS)
def test_edits_have_the_case_of_the_text(spun_restorer: Restorer, text: str, pair: tuple[str, str]) -> None:
    assert pair in [(edit.observed, edit.original) for edit in spun_restorer.restore(text).edits]


@pytest.mark.parametrize(
    ("article", "observed", "original", "expected"),
    [
        ("a", "canine", "animal", "an"),
        ("A", "Canine", "Animal", "An"),
        ("an", "idea", "thought", "a"),
        ("AN", "IDEA", "THOUGHT", "AN"),  # a word in capitals may be an abbreviation
        ("an", "hour", "university", "a"),
        ("a", "union", "honest man", "an"),
        # it fits already; or it never did, and is what stood there
        ("a", "canine", "dog", "a"),
        ("a", "extra radical flip", "more radical flip", "a"),
        ("a", "extra", "other", "a"),
        # nobody can see how these sound
        ("a", "TV", "FBI", "a"),
        ("a", "9", "eight", "a"),
    ],
)
def test_articles(article: str, observed: str, original: str, expected: str) -> None:
    assert mend_article(article, observed, original) == expected


def test_an_edit_takes_the_article_along(spun_restorer: Restorer) -> None:
    text = "We need an irregular woodland and a counterfeit consciousness for the data."
    result = spun_restorer.restore(text)
    assert result.text == "We need a random forest and an artificial intelligence for the data."
    assert [edit.observed for edit in result.edits] == ["an irregular woodland", "a counterfeit consciousness"]
    kept = Restorer(spun_restorer.lexicon, spun_restorer.model, replace(spun_restorer.config, protect=("an",)))
    assert kept.restore(text).text.startswith("We need an random forest and an artificial")
