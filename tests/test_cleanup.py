"""Cleanup: what every rule repairs, what it leaves, and what holds for all strings."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import ftfy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import restore
from restore.batch import join
from restore.cleanup import PROFILES, RULES, clean, find_disguises, permitted, select_rules
from restore.cleanup.encoding import guess_encoding
from restore.cleanup.mojibake import differences
from restore.cleanup.rule import characters_of
from restore.edits import apply, input_offset, invert
from restore.errors import ConfigError

PROPERTY = settings(deadline=None, derandomize=True, max_examples=30)


def unescape(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode("unicode_escape")


def cases() -> list[Any]:
    """tests/cases/cleanup.tsv: rule, before, after ("=" for what must stay); escapes as in Python."""
    found = []
    for number, line in enumerate((Path(__file__).parent / "cases" / "cleanup.tsv").read_text(encoding="utf-8").splitlines(), 1):
        if line and not line.startswith("#"):
            rule, before, after = map(unescape, line.split("\t"))
            found.append(pytest.param(rule, before, before if after == "=" else after, id=f"{number}-{rule}"))
    return found


#: Sentences that are as they should be, one a line.
NOT_MOJIBAKE = (Path(__file__).parent / "cases" / "not_mojibake.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize(("rule", "before", "after"), cases())
def test_case(rule: str, before: str, after: str) -> None:
    edits = clean(before, [rule])
    assert apply(before, edits) == after
    assert all(edit.channel == "cleanup" and edit.reason.startswith(f"{rule}: ") and edit.probability == 1 for edit in edits)


def test_every_rule_has_cases_and_is_in_a_profile() -> None:
    tried = {case.values[0] for case in cases() if case.values[1] != case.values[2]}
    left = {case.values[0] for case in cases() if case.values[1] == case.values[2]}
    assert tried == left == set(RULES)
    assert set().union(*PROFILES.values()) == set(RULES) - {"straight-quotes"}
    assert all(set(names) <= set(RULES) for names in PROFILES.values())


# Text that rules have something to say about, among anything else.
ESCAPED = r"""\t \r \f \v \n \r\n \x20 \x20\x20 Ã\x20 Â\xa0 \x85 \x97 e\u0301 \u200b \u200d \ufeff \u202e \xad \ufe0f \U000e0041 \x1b[0m \x1a
\u05d0 \xa0 \u3000 \ud800 \udc80 \u1100 \u1161 `x\x20\x20y` restore:\x20off restore:\x20on"""
PLAIN = "a e o l s x - & ; < > ` ´ ' , . # | amp; &lt; &#97; &#10; &nbsp; Ã© â€œ ﬁ 👨 а о Е ο α я ｆ 𝐚 日 `` '' <b> http://a.b/c"
PIECES = st.sampled_from([*map(unescape, ESCAPED.split()), *PLAIN.split()])
TEXTS = st.one_of(st.text(alphabet=st.characters(), max_size=40), st.lists(PIECES, max_size=30).map("".join))


@PROPERTY
@given(TEXTS)
@pytest.mark.parametrize("rule", RULES)
def test_rules_hold_their_promises(rule: str, text: str) -> None:
    edits = clean(text, [rule])
    result = apply(text, edits)
    assert apply(result, invert(edits)) == text
    assert all(a.end <= b.start for a, b in pairwise(edits))
    assert result.count("\n") == text.count("\n")
    assert clean(result, [rule]) == []


@PROPERTY
@given(TEXTS)
@pytest.mark.parametrize("profile", PROFILES)
def test_profiles_hold_them_too(profile: str, text: str) -> None:
    edits = clean(text, PROFILES[profile])
    result = apply(text, edits)
    assert apply(result, invert(edits)) == text
    assert result.count("\n") == text.count("\n")
    assert clean(result, PROFILES[profile]) == []


@PROPERTY
@given(TEXTS)
def test_nothing_is_found_where_no_sign_is(text: str) -> None:
    for rule in RULES.values():
        assert rule.may_find(characters_of(text)) or not list(rule.edits(text))


MOJIBAKE = st.lists(
    st.sampled_from(["plain words", "café", "naïve “quote”", "it’s — fine…", "Zażółć", "élan ", "100 €", "übergrößen", "à la carte"]), max_size=6
)
ENCODINGS = st.sampled_from(["latin-1", "sloppy-windows-1252", "sloppy-windows-1250", "macroman", "cp437"])


@PROPERTY
@given(MOJIBAKE, ENCODINGS, st.integers(0, 2))
def test_mojibake_is_what_ftfy_makes_of_it(words: list[str], encoding: str, rounds: int) -> None:
    text = "\n".join(words)
    for _ in range(rounds):
        text = text.encode("utf-8").decode(encoding)
    assert apply(text, clean(text, ["mojibake"])) == "\n".join(map(ftfy.fix_encoding, text.split("\n")))


# Letters that mojibake is made of and that languages use as well, with what stands around them.
DOUBTFUL = "ÃÂÅÐÑÎÏâäåàáçèéêëìíîïòóôöùúûüýÿßñøØÇÉ€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ¡¢£¤¥¦§¨©ª«¬®¯°±²³´µ¶·¸¹º»¼½¾¿ЉЋћ║├Ł˙ąęśşğı\u0080\u0085\u0093\u00a0 aeI1.\n"


@PROPERTY
@given(st.text(DOUBTFUL, max_size=30))
def test_doubtful_text_is_left_or_mended_as_ftfy_does(text: str) -> None:
    expected = "\n".join(map(ftfy.fix_encoding, text.split("\n")))
    edits = clean(text, ["mojibake"])
    assert apply(text, edits) == expected
    assert bool(edits) == (text != expected)


@pytest.mark.parametrize("words", NOT_MOJIBAKE)
@pytest.mark.parametrize("change", [str, str.upper, str.title], ids=["as it is", "upper", "title"])
def test_languages_and_signs_are_no_mojibake(words: str, change: Callable[[str], str]) -> None:
    text = change(words)
    assert clean(text, ["mojibake"]) == []
    assert ftfy.fix_encoding(text) == text


@pytest.mark.parametrize("words", NOT_MOJIBAKE)
@pytest.mark.parametrize("wrong", ["latin-1", "sloppy-windows-1252", "sloppy-windows-1250", "sloppy-windows-1251", "macroman", "cp437"])
def test_languages_read_wrongly_are_mended_as_ftfy_does(words: str, wrong: str) -> None:
    text = words.encode("utf-8").decode(wrong, "replace")
    assert apply(text, clean(text, ["mojibake"])) == ftfy.fix_encoding(text)


@PROPERTY
@given(st.text("ab é\u0301Ã©\u200b", max_size=60), st.text("ab é\u0301Ã©\u200b", max_size=60))
def test_differences_turn_one_line_into_the_other(before: str, after: str) -> None:
    pieces, last = [], 0
    for start, end, text in differences(before, after):
        assert last <= start <= end
        pieces += [before[last:start], text]
        last = end
    assert "".join(pieces) + before[last:] == after


def test_repairs_of_a_long_line_are_small() -> None:
    text = "It was a plain day, and he wrote a long paragraph about it. " * 400 + "Then he went to the cafÃ© with Ã  la carte meals. " + "And so on. " * 400
    edits = clean(text, ["mojibake"])
    assert [(edit.observed, edit.original) for edit in edits] == [("Ã©", "é"), ("Ã ", "à")]


def test_edits_of_several_rules_are_edits_of_the_input() -> None:
    text = "cafÃ©&nbsp; \u200bhere"
    edits = clean(text, PROFILES["web"])
    assert apply(text, edits) == "café here"
    assert [text[edit.start : edit.end] for edit in edits] == [edit.observed for edit in edits]
    assert edits[-1].reason == "entities: HTML entity &nbsp;; odd-spaces: no-break space; hidden: zero width space; space-runs: run of spaces"


def test_regions_out_of_bounds() -> None:
    text = "a  b restore: off c  d cafÃ© restore: on e  f `g  h` \u200bhttp://x.y/ﬁ"
    assert apply(text, clean(text, PROFILES["scan"])) == "a b restore: off c  d cafÃ© restore: on e f `g  h` http://x.y/ﬁ"
    assert permitted("", []) == []


def test_disguises() -> None:
    text = "The сommittee went to v\u200bote; то́ Москва, in\xadter."
    assert [(edit.observed, edit.original) for edit in find_disguises(text)] == [("сommittee", "committee"), ("\u200b", ""), ("\xad", "")]
    assert find_disguises("Nothing is hidden here, café and Москва.") == []


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ({}, PROFILES["minimal"]),
        ({"profile": "web", "drop": ["entities"]}, tuple(name for name in RULES if name in PROFILES["web"] and name != "entities")),
        ({"add": ["quotes", "nfc"]}, ("nfc", "quotes")),
        ({"profile": "minimal", "add": ["ligatures"]}, ("mojibake", "nfc", "ligatures", "hidden")),
    ],
)
def test_rules_are_chosen(arguments: dict[str, Any], names: tuple[str, ...]) -> None:
    assert select_rules(**arguments) == names


@pytest.mark.parametrize("arguments", [{"profile": "best"}, {"add": ["spelling"]}, {"profile": "web", "drop": ["white"]}])
def test_unknown_names_are_refused_with_the_known_ones(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"known: .*(minimal|mojibake)"):
        select_rules(**arguments)


@pytest.mark.parametrize(
    ("text", "encoding", "guess"),
    [
        ("caf\xe9", "latin-1", ("windows-1252", "café")),
        ("He said “it’s fine” and left the café to its owners; nobody cared.", "cp1252", ("windows-1252", "said “it’s")),
        ("Привет, как дела? Это самый обычный русский текст.", "cp1251", ("windows-1251", "Привет,")),
        ("Il était une fois, à l'orée d'une forêt, un roi et une reine.", "latin-1", ("windows-1252", "Il était")),
    ],
)
def test_guesses_at_encodings(text: str, encoding: str, guess: tuple[str, str]) -> None:
    assert guess_encoding(text.encode(encoding)) == guess


@settings(deadline=None, derandomize=True, max_examples=10)
@given(st.binary(max_size=60))
def test_a_guess_never_fails_and_can_be_read(data: bytes) -> None:
    guess = guess_encoding(data)
    if guess is not None:
        data.decode(guess[0], "replace")


def test_the_engine_sees_the_text_after_cleanup() -> None:
    restorer = restore.load(assume_spun=True, clean="web")
    text = "The min\u200bister despatch\u200bed a&nbsp;letter to the président, cafÃ©.\n\nThe minister despаtched another one to the group.\n"
    result = restorer.restore(text)
    assert result.text == "The minister sent a letter to the président, café.\n\nThe minister sent another one to the group.\n"
    assert apply(text, result.edits) == result.text
    assert apply(result.text, invert(result.edits)) == text
    assert {edit.channel for edit in result.edits} == {"cleanup", "substitution"}


def test_segments_are_of_the_input() -> None:
    text = (Path(__file__).parents[1] / "examples" / "note.txt").read_text(encoding="utf-8").replace("the", "t\u200bhe").replace(" to ", "&nbsp;to ")
    restorer = restore.load(clean="web")
    verdict = restorer.detect(text)
    assert verdict.spun > 0.5
    assert [(segment.start, segment.end) for segment in verdict.segments] == [(0, len(text))]
    assert restorer.restore(text).verdict.segments == verdict.segments


def test_without_cleanup_disguises_stay() -> None:
    assert restore.load(assume_spun=True).restore("It costs 5&nbsp;pounds, ti\u200bme.").edits == ()


@PROPERTY
@given(TEXTS)
def test_offsets_go_back_to_the_input(text: str) -> None:
    edits = clean(text, PROFILES["web"])
    result = apply(text, edits)
    back = [input_offset(edits, offset) for offset in range(len(result) + 1)]
    assert back == sorted(back)
    assert all(0 <= offset <= len(text) for offset in back)
    put = {offset for edit in invert(edits) for offset in (edit.start, *range(edit.start, edit.end))}
    assert all(result[k] == text[back[k]] for k in range(len(result)) if k not in put)


@pytest.mark.parametrize("gate", [True, False])
def test_batches_and_pipes_clean_up_too(gate: bool) -> None:
    note = (Path(__file__).parents[1] / "examples" / "note.txt").read_text(encoding="utf-8")
    texts = ["Nothing is wrong here.", "Only ti\u200bme is.", note.replace("the", "t\u200bhe"), ""]
    restorer = restore.load(clean="web", gate=gate)
    alone = [restorer.restore(text) for text in texts]
    assert [len(result.edits) > 0 for result in alone] == [False, True, True, False]
    assert list(restorer.pipe(texts)) == alone
    data, offsets = join(texts)
    batch = restorer.batch(data, offsets)
    assert bytes(batch.data).decode() == "".join(result.text for result in alone)
    assert all(batch.results[d] == alone[d] for d in (1, 2))
    judged = restorer.batch(data, offsets, rewrite=False)
    assert (judged.data, judged.offsets) == (data, offsets)
    assert [judged.results[d].verdict for d in (1, 2)] == [restorer.detect(text) for text in texts[1:3]]
