"""`Restorer` as its users see it: any text survives, edits replay exactly, what is out of bounds stays, settings are checked."""

from __future__ import annotations

import json
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import restore
from restore import ConfigError, ModelError, Restorer, Result, Verdict
from restore.edits import apply, invert

PROPERTY = settings(max_examples=200, derandomize=True, deadline=None)
SENTENCE = "The minister despatched a letter to the president of the group."
RESTORED = "The minister sent a letter to the president of the group."
SPUN = """The financial institution despatched a letter to the chief of the healing facility. He utilised the cash to buy new {hardware}.
Scientists on the college have been utilizing a deep neural organization to foretell coronary heart illness, and the outcomes had been promising.
The president stated that his nation would proceed to assist the individuals of the area, regardless of the struggle.
"""
FOREIGN = [
    "Le ministre a envoyé une lettre au président du groupe, mais personne n’a répondu avant la fin de la semaine.",
    "Der Minister schickte dem Vorsitzenden der Gruppe einen langen Brief, doch niemand antwortete vor dem Ende der Woche.",
    "El ministro envió una carta larga al presidente del grupo, pero nadie contestó antes del final de la semana.",
    "Il ministro spedì una lunga lettera al capo del gruppo, ma nessuno rispose prima della fine della settimana.",
    "De minister stuurde een lange brief naar de voorzitter van de groep.",
    "Ministern skickade ett långt brev till gruppens ordförande, men ingen svarade.",
    "Minister wysłał długi list do przewodniczącego grupy.",
    "Министр отправил длинное письмо главе группы, но никто не ответил.",
    "Ο υπουργός έστειλε ένα μακρύ γράμμα στον αρχηγό της ομάδας.",
    "部长给小组的负责人写了一封长信，但没有人回复。",
    "大臣はグループの代表に長い手紙を送りましたが、誰も返事をしませんでした。",
    "장관은 모임의 대표에게 긴 편지를 보냈지만 아무도 답하지 않았다.",
    "أرسل الوزير رسالة طويلة إلى رئيس المجموعة لكن أحدا لم يجب.",
    "मंत्री ने समूह के प्रमुख को एक लंबा पत्र भेजा।",
    "รัฐมนตรีส่งจดหมายยาวถึงหัวหน้ากลุ่ม",
    "Bộ trưởng đã gửi một bức thư dài.",
]


def check(text: str, result: Result) -> None:
    """What holds for every text."""
    assert result.text == apply(text, result.edits)
    assert apply(result.text, invert(result.edits)) == text
    last = 0
    for edit in result.edits:
        assert last <= edit.start < edit.end
        last = edit.end
        assert text[edit.start : edit.end] == edit.observed != edit.original
        assert "\n" not in edit.observed + edit.original
        assert 0 <= edit.probability <= 1
        assert all(0 <= p <= 1 for _, p in edit.alternatives)
    assert result.text.count("\n") == text.count("\n")
    check_verdict(result.verdict)
    json.dumps(result.to_dict())


def check_verdict(verdict: Verdict) -> None:
    assert 0 <= verdict.spun <= 1
    assert math.isfinite(verdict.log_bayes_factor)
    assert 0 <= verdict.rate <= 1 + 1e-9
    # A text that the gate finds clean has none.
    assert sum(p for _, p in verdict.families) == pytest.approx(1) or (verdict.families, verdict.rate, verdict.sites) == ((), 0, 0)
    assert [p for _, p in verdict.families] == sorted((p for _, p in verdict.families), reverse=True)
    assert verdict.sites >= 0 <= verdict.words
    assert all(0 <= part.start < part.end and 0 <= part.rate <= 1 and 0 <= part.probability <= 1 for part in verdict.segments)
    assert [part.end for part in verdict.segments[:-1]] == [part.start for part in verdict.segments[1:]]


def originals(result: Result) -> list[tuple[str, str]]:
    return [(edit.observed, edit.original) for edit in result.edits]


@pytest.fixture(params=[None, True], ids=["default", "assume_spun"])
def either(request: pytest.FixtureRequest, restorer: Restorer, spun_restorer: Restorer) -> Restorer:
    return spun_restorer if request.param else restorer


UNTOUCHED = [
    "", " ", "\n", " \t\r\n\n\u2028\u00a0", "a", "\n\n\nword", "\ufeff", "\x00", "\x00\x01\x1b[0m\x7f", "\ud800", "word\udfff", "😀", "...",
    "{", "{}", "{{}}", "}", "Nothing is wrong with this sentence.", "abcdefghij" * 20_000, "漢" * 70_000,
]  # fmt: skip


@pytest.mark.parametrize("text", UNTOUCHED, ids=lambda text: ascii(text[:12]))
def test_odd_texts_come_back(either: Restorer, text: str) -> None:
    result = either.restore(text)
    check(text, result)
    assert result.edits == ()


SHAPES = {
    "no line end": "{}",
    "line end": "{}\n",
    "crlf": "{}\r\n{}\r\n",
    "crlf, no last line end": "{}\r\n\r\n{}",
    "bom": "\ufeff{}\n",
    "blank lines and trailing spaces": "\n\n  {}  \n\t\n{}\n\n\n",
    "nul and controls": "\x00{}\x00\x01 \x1b[1m{}\x1b[0m\x7f\n",
    "lone surrogates": "\ud800 {} \udfff\n",
    "beyond the basic plane": "😀👨\u200d👩\u200d👧 𝒜 {}\n漢字 {} 😀",
    "accents in two ways": "é e\u0301 {} naïve\n",
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_everything_else_stays_byte_for_byte(spun_restorer: Restorer, shape: str) -> None:
    text = shape.replace("{}", SENTENCE)
    result = spun_restorer.restore(text)
    check(text, result)
    assert result.text == shape.replace("{}", RESTORED)


PIECES = [
    SENTENCE, "despatched", "Despatched", "DESPATCHED", "two years in the past", "Ok.G.B.", "the financial institution", "Coronary Heart Illness",
    "chief", "struggle", "{hardware}", "don’t", "don't", " ", "  ", "\n", "\n\n", "\r\n", "\t", "“", "”", '"', "'", "😀", "𝒜", "é", "漢字",
    "\u200b", "\ufeff", "\x00", "\ud800", "-", "/", "https://example.org/a", "`code`", "<b>", "@name", "#tag", ".", ",", "!", "K.G.B.", "1,500", "a",
    "an", "The", "in the", "past", "}", "$", "restore: off", "restore: on",
]  # fmt: skip
MIXTURES = st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from(["", " "])), max_size=14).map(lambda parts: "".join(map("".join, parts)))


@PROPERTY
@given(text=MIXTURES)
def test_edits_replay_exactly(spun_restorer: Restorer, text: str) -> None:
    check(text, spun_restorer.restore(text))


def test_no_edit_spans_a_newline_in_braces(spun_restorer: Restorer) -> None:
    text = "They bought new {\nhardware} for the office."
    check(text, spun_restorer.restore(text))


@pytest.mark.parametrize("end", ["\r", "\x0c", "\x85", "\u2028", "\u2029"])
def test_no_edit_spans_other_line_ends(spun_restorer: Restorer, end: str) -> None:
    text = f"The financial{end}institution lent the money."
    assert len(spun_restorer.restore(text).text.splitlines()) == 2


@pytest.mark.parametrize("text", [*FOREIGN, "\n".join(FOREIGN)], ids=[*map(str, range(len(FOREIGN))), "all"])
def test_other_languages_are_left_alone(restorer: Restorer, text: str) -> None:
    result = restorer.restore(text)
    assert result.text == text
    assert result.verdict.spun < 0.05


def test_other_languages_in_a_spun_document_are_left_alone(restorer: Restorer) -> None:
    foreign = "\n\n".join(FOREIGN)
    assert restorer.restore(f"{SPUN}\n{foreign}\n").text.endswith(f"\n{foreign}\n")


@pytest.mark.parametrize("between", ["\n\n", " "])
def test_a_document_of_100_kb(spun_restorer: Restorer, between: str) -> None:
    paragraph = f"{SENTENCE} Nobody at the office knew who had written it, né 😀, and it was soon forgotten.{between}"
    text = paragraph * (100_000 // len(paragraph.encode()) + 1)
    result = spun_restorer.restore(text)
    check(text, result)
    assert result.text == text.replace(SENTENCE, RESTORED)


def test_offsets_are_characters(spun_restorer: Restorer) -> None:
    for before in ("", "é ", "漢字 ", "😀😀 𝒜 ", "\ud800\u200b "):
        assert [(edit.start, edit.end) for edit in spun_restorer.restore(before + SENTENCE).edits] == [(len(before) + 13, len(before) + 23)]


def test_a_spun_document(restorer: Restorer) -> None:
    text = f"Nobody knew it. 😀\n{SPUN}"
    result = restorer.restore(text)
    check(text, result)
    verdict = result.verdict
    assert verdict.spun > 0.9
    assert verdict.log_bayes_factor > 0
    assert verdict.rate > 0.2
    assert len(result.edits) <= verdict.sites
    assert 60 < verdict.words < 80
    assert (verdict.segments[0].start, verdict.segments[-1].end) == (0, len(text))
    assert len(verdict.evidence) == min(10, len(result.edits))
    assert restorer.detect(text).spun == verdict.spun
    assert {("despatched", "sent"), ("{hardware}", "hardware"), ("individuals", "people")} <= set(originals(result))


def test_a_clean_document(restorer: Restorer) -> None:
    result = restorer.restore(f"{RESTORED} It arrived on Monday, but nobody at the office knew who had written it or why.\n")
    assert result.edits == result.verdict.segments == result.verdict.evidence == ()
    assert result.verdict.spun < 0.05


def test_without_evidence_the_prior_stays(either: Restorer) -> None:
    verdict = either.detect("")
    assert verdict.log_bayes_factor == pytest.approx(0, abs=1e-9)
    assert verdict.spun == pytest.approx(1 if either.config.assume_spun else 0.01, abs=1e-9)


def test_the_rate_is_at_most_one() -> None:
    assert restore.load(assume_spun=1.0).detect(SPUN).rate <= 1


OUT_OF_BOUNDS = [
    f"restore: off\n{SENTENCE}", f"<!-- restore: off -->\n{SENTENCE}\n{SENTENCE}\n<!-- restore: on -->",
    f"<!-- restore:off --> {SENTENCE} <!-- restore:on -->", "https://example.org/despatched", "me@despatched.org", "/despatched/letters",
    "`despatched a letter`", "```\nhe despatched\n```", "<a title='despatched a letter'>", "<!-- he despatched a letter -->", r"\cmd{despatched}",
    r"$despatched_x$", "@despatched", "#despatched",
    "restore: off\nnew {hardware}",
    "The {#tag} was big.",
]  # fmt: skip


@pytest.mark.parametrize("text", OUT_OF_BOUNDS)
def test_what_is_out_of_bounds_is_not_edited(spun_restorer: Restorer, text: str) -> None:
    whole = f"{SENTENCE}\n\n{text}"
    assert spun_restorer.restore(whole).text == f"{RESTORED}\n\n{text}"


def test_regions_end(spun_restorer: Restorer) -> None:
    text = f"{SENTENCE}\nrestore: off\n{SENTENCE}\nrestore: on\n{SENTENCE}\n"
    assert spun_restorer.restore(text).text == text.replace(SENTENCE, RESTORED, 1)[::-1].replace(SENTENCE[::-1], RESTORED[::-1], 1)[::-1]


LONG = SENTENCE.rstrip(".") + " of friends of the old port of the city"
PROTECT = [
    "despatched", "Despatched", "DESPATCHED A", "minister despatched a letter",
]  # fmt: skip


@pytest.mark.parametrize("phrase", PROTECT)
def test_protected_words(phrase: str) -> None:
    assert restore.load(protect=["nothing", phrase], assume_spun=True).restore(f"{LONG}.").edits == ()


def test_long_phrases_cannot_be_protected() -> None:
    with pytest.raises(restore.ConfigError, match="more than 15 words"):
        restore.load(protect=[LONG])


def test_other_words_are_not_protected() -> None:
    protecting = restore.load(protect=["minister", "despatched troops", "patched", "a\u200bn", ""], assume_spun=True)
    assert protecting.restore(SENTENCE).text == RESTORED


def test_pipe_keeps_order(spun_restorer: Restorer) -> None:
    texts = [f"{number}. {SENTENCE}" for number in range(20)]
    assert [result.text for result in spun_restorer.pipe(texts)] == [f"{number}. {RESTORED}" for number in range(20)]


def test_threads_share_a_restorer(restorer: Restorer) -> None:
    lines = SPUN.splitlines(keepends=True)
    texts = [f"{number}. " + SPUN * (number % 4) + lines[number % 3] * (number % 7) for number in range(32)]
    alone = [restore.load().restore(text) for text in texts]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(restorer.restore, texts)) == alone
    assert len({result.text for result in alone}) > 20


@pytest.mark.parametrize("name", ["prior", "min_probability", "assume_spun"])
@pytest.mark.parametrize("value", [-0.5, 0.0, 1.5, math.inf, math.nan])
def test_settings_out_of_range_are_refused(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"{name} is {value}; give"):
        restore.load(**{name: value})


@pytest.mark.parametrize("settings", [{"prior": 1}, {"min_probability": 1.0}])
def test_certainty_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        restore.load(**settings)


def test_settings_do_what_they_say() -> None:
    assert restore.load(assume_spun=False).detect(SENTENCE) == restore.load().detect(SENTENCE)
    assert restore.load(prior=0.5).detect(SPUN).spun > restore.load().detect(SPUN).spun > restore.load(prior=1e-6).detect(SPUN).spun
    counts = [len(restore.load(assume_spun=True, min_probability=p).restore(SPUN).edits) for p in (0.05, 0.5, 0.9, 0.999)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]
    assert restore.load(assume_spun=0.3).restore(SPUN).verdict.rate == pytest.approx(0.3)


def test_a_missing_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such file"):
        restore.load(model=tmp_path / "nowhere.model")


TEMPLATES = [
    "Dear {firstname}, thank you for your order {ordernumber} which we have received on {orderdate}. Your contact is {agentname}.",
    "Dear {name}, thank you for your order of {date}. Your contact is {person} in {city}, phone {number}.",
    "We saw {" + "qxzj" * 50 + "} here.",
]


@pytest.mark.parametrize("text", TEMPLATES, ids=range(len(TEMPLATES)))
def test_braces_of_templates_prove_nothing(restorer: Restorer, text: str) -> None:
    result = restorer.restore(text)
    assert result.text == text
    assert result.verdict.spun < 0.3


def test_capitals_among_short_words(spun_restorer: Restorer) -> None:
    assert spun_restorer.restore(SENTENCE.upper()).text == RESTORED.upper()
