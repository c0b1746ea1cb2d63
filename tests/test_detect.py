"""The verdict against direct sums of probabilities, and documents cut into chunks against whole ones."""

from __future__ import annotations

import math
import random
from array import array
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import pytest

import restore
from restore import engine
from restore.decode import Lanes
from restore.detect import (
    CLEAN_RATES,
    FAMILY_PRIOR,
    LINE_PRIOR,
    SHARES,
    THETAS,
    Belief,
    believe,
    calibrate,
    line_evidence,
    line_probabilities,
    log_sum,
    logistic,
    make_lanes,
    pool_lines,
    repeat_weights,
)

FAMILIES = ("spinbot", "thesaurus", "homemade")
PRIORS = (1e-9, 0.01, 0.3, 0.5, 0.9, 1 - 1e-9)


def random_evidence(seed: int, size: int) -> list[float]:
    chance = random.Random(seed)
    spread = chance.choice((0.1, 3.0, 30.0))
    return [chance.gauss(0, spread) for _ in range(size)]


def close(expected: float | Sequence[float]) -> object:
    return pytest.approx(expected, rel=1e-9, abs=1e-12)


# --- the belief ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("families", [FAMILIES, ("thesaurus",), ("x", "y")])
@pytest.mark.parametrize("seed", range(12))
def test_believe_sums_probabilities(families: tuple[str, ...], seed: int) -> None:
    lanes, log_spun, log_clean = make_lanes(families)
    log_z = random_evidence(seed, len(lanes))
    prior = PRIORS[seed % len(PRIORS)]
    belief = believe(lanes, log_spun, log_clean, log_z, prior)

    # From the definitions: P(text | family, rate) / P(text | nobody changed anything) is exp(log_z).
    shares = {name: FAMILY_PRIOR.get(name, 1.0) for name in families}
    pairs = [(name, theta) for name in families for theta in THETAS]
    beta = math.fsum(theta**3 * (1 - theta) ** 2 for theta in THETAS)
    looks = dict(zip(THETAS, CLEAN_RATES[1:], strict=True))
    spun, clean = [], []
    for (name, theta), z in zip(pairs, log_z, strict=True):
        here = shares[name] / sum(shares.values()) * math.exp(z)
        spun.append(here * theta**3 * (1 - theta) ** 2 / beta)
        clean.append(here * looks[theta])
    p_spun, p_clean = math.fsum(spun), CLEAN_RATES[0] + math.fsum(clean)

    assert belief.log_bayes_factor == close(math.log(p_spun / p_clean))
    assert belief.spun == close(prior * p_spun / (prior * p_spun + (1 - prior) * p_clean))
    assert belief.weights == close([p / p_spun for p in spun])
    assert belief.rate == close(math.fsum(p * theta for p, (_, theta) in zip(spun, pairs, strict=True)) / p_spun)
    by_family = dict(belief.families(families))
    assert by_family == close({name: math.fsum(p for p, pair in zip(spun, pairs, strict=True) if pair[0] == name) / p_spun for name in families})
    assert list(by_family.values()) == sorted(by_family.values(), reverse=True)


@pytest.mark.parametrize("seed", range(10))
def test_the_prior_moves_the_posterior_and_nothing_else(seed: int) -> None:
    lanes, log_spun, log_clean = make_lanes(FAMILIES)
    log_z = random_evidence(seed, len(lanes))
    beliefs = [believe(lanes, log_spun, log_clean, log_z, prior) for prior in PRIORS]
    assert all(low.spun < high.spun for low, high in pairwise(beliefs) if high.spun < 1)
    assert len({(belief.log_bayes_factor, belief.weights) for belief in beliefs}) == 1
    assert beliefs[PRIORS.index(0.5)].spun == close(logistic(beliefs[0].log_bayes_factor))


@pytest.mark.parametrize("shift", [-1e4, -800.0, 800.0, 1e6])
def test_overwhelming_evidence_is_no_overflow(shift: float) -> None:
    lanes, log_spun, log_clean = make_lanes(FAMILIES)
    # For shift > 0 at rates that hardly any clean document looks like; for shift < 0 nothing speaks for any rate.
    log_z = [shift if theta >= 0.7 else -abs(shift) for theta in lanes.thetas]
    belief = believe(lanes, log_spun, log_clean, log_z, 0.01)
    assert belief.spun == pytest.approx(1.0 if shift > 0 else 0.0, abs=1e-3)
    assert math.isfinite(belief.log_bayes_factor)
    assert math.fsum(belief.weights) == close(1.0)


@pytest.mark.parametrize("assume", [True, 0.3, 0.5, 1.0])
def test_assuming_spun_is_certain(assume: float | bool) -> None:
    lanes, log_spun, log_clean = make_lanes(FAMILIES, assume)
    belief = believe(lanes, log_spun, log_clean, random_evidence(3, len(lanes)), 0.01, assume)
    assert belief.spun == 1.0
    assert math.fsum(belief.weights) == close(1.0)
    if assume is not True:
        assert belief.rate == close(assume)


@pytest.mark.parametrize("assume", [None, False])
def test_assuming_nothing(assume: bool | None) -> None:
    lanes, log_spun, log_clean = make_lanes(FAMILIES, assume)
    assert believe(lanes, log_spun, log_clean, [-1.0] * len(lanes), 0.01, assume).spun < 0.01


# --- the grid --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("assume", "thetas"),
    [(None, THETAS), (False, THETAS), (True, (0.2, 0.35, 0.5, 0.7, 0.9)), (0.4, (0.4,)), (1.0, (1.0,))],
)
def test_lanes_are_every_rate_of_every_family(assume: float | bool | None, thetas: tuple[float, ...]) -> None:
    lanes, log_spun, log_clean = make_lanes(FAMILIES, assume)
    expected = [(theta, family) for family in range(len(FAMILIES)) for theta in thetas]
    assert list(zip(lanes.thetas, lanes.families, strict=True)) == expected
    assert len(log_spun) == len(log_clean) == len(lanes) == len(expected)
    assert math.fsum(map(math.exp, log_spun)) == close(1.0)
    by_family = [math.fsum(math.exp(p) for p, (_, f) in zip(log_spun, expected, strict=True) if f == family) for family in range(3)]
    total = 1.0 + sum(FAMILY_PRIOR[name] for name in FAMILIES[:2])
    assert by_family == close([FAMILY_PRIOR.get(name, 1.0) / total for name in FAMILIES])


def test_clean_documents_are_a_mixture() -> None:
    _, _, log_clean = make_lanes(FAMILIES)
    assert CLEAN_RATES[0] + math.fsum(map(math.exp, log_clean)) == close(1.0)


@pytest.mark.parametrize("assume", [None, True, 0.35, 0.4, 1.0])
def test_no_evidence_is_no_evidence(assume: float | bool | None) -> None:
    lanes, log_spun, log_clean = make_lanes(FAMILIES, assume)
    belief = believe(lanes, log_spun, log_clean, [0.0] * len(lanes), 0.01, assume)
    assert belief.log_bayes_factor == close(0.0)
    assert belief.weights == close([math.exp(p) for p in log_spun])


# --- small parts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "expected"),
    [(0, 0.5), (1e4, 1.0), (-1e4, 0.0), (745, 1.0), (-745, 5e-324), (math.log(3), 0.75), (-math.log(3), 0.25), (-40, math.exp(-40))],
)
def test_logistic(x: float, expected: float) -> None:
    assert logistic(x) == pytest.approx(expected, rel=1e-12)
    assert logistic(x) + logistic(-x) == close(1.0)


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ([0.0], 0.0),
        ([1e4, 1e4], 1e4 + math.log(2)),
        ([-1e4] * 4, -1e4 + math.log(4)),
        ([1e300, 0.0, -1e300], 1e300),
        ([math.log(k) for k in range(1, 11)], math.log(55)),
        ([-math.inf, 2.0], 2.0),
    ],
)
def test_log_sum(terms: list[float], expected: float) -> None:
    assert log_sum(terms) == close(expected)


def test_line_evidence_is_the_weighted_sum_over_the_tokens_of_a_line() -> None:
    token_z = array("d", range(12))  # four tokens, three lanes
    weights = array("d", [1, 0.5, 0.25, 1])
    assert line_evidence(token_z, 3, weights, array("i", [0, 1, 3, 3, 4])) == [[0, 1, 2], [3, 3.75, 4.5], [0, 0, 0], [9, 10, 11]]


def test_repeats_weigh_less_and_less_over_the_whole_document() -> None:
    seen: Counter[int] = Counter()
    assert list(repeat_weights([7, 8, 7], seen)) == [1, 1, 0.5]
    assert list(repeat_weights([7, 9], seen)) == [1 / 3, 1]


@pytest.mark.parametrize("seed", range(10))
def test_pool_lines_sums_probabilities(seed: int) -> None:
    lines = [random_evidence(10 * seed + k, 2) for k in range(3)]
    for lane, pooled in enumerate(pool_lines(lines)):
        expected = math.fsum(weight * math.prod(share * math.exp(row[lane]) + 1 - share for row in lines) for share, weight in SHARES)
        assert pooled == close(math.log(expected))


def test_a_clean_frame_does_not_hide_a_spun_line() -> None:
    assert pool_lines([[9.0], [-20.0], [-20.0]])[0] > 5


def test_calibrated_evidence_needs_words() -> None:
    belief = Belief(Lanes.grid((0.5,), 1), 3.0, 0.9, (1.0,))
    odds = [calibrate(belief, words, 0.01).log_bayes_factor for words in (0, 50, 500)]
    assert odds == sorted(odds, reverse=True)
    assert calibrate(Belief(belief.lanes, 0.0, 0.5, (1.0,)), 0, 0.01).spun == close(0.01)
    assert calibrate(belief, 500, 0.01, True).spun == 1.0


@pytest.mark.parametrize("seed", range(10))
def test_line_probabilities_sum_probabilities(seed: int) -> None:
    lanes = Lanes.grid((0.2, 0.8), 2)
    raw = [random.Random(seed + k).random() for k in range(4)]
    weights = tuple(w / sum(raw) for w in raw)
    lines = [random_evidence(100 * seed + k, 4) for k in range(3)]
    for (spun, rate), log_z in zip(line_probabilities(Belief(lanes, 0.0, 0.5, weights), lines), lines, strict=True):
        joint = [w * math.exp(z) for w, z in zip(weights, log_z, strict=True)]
        total = math.fsum(joint)
        assert spun == close(LINE_PRIOR * total / (LINE_PRIOR * total + 1 - LINE_PRIOR))
        assert rate == close(math.fsum(p * theta for p, theta in zip(joint, (0.2, 0.8, 0.2, 0.8), strict=True)) / total)


# --- cutting ---------------------------------------------------------------------------------------------------------

PARAGRAPHS = [
    "See https://example.org/struggle/chief and restore: off the chief of an extremely colossal struggle restore: on for additional cash.",
    "The minister despatched a letter to the chief of the group. He requested additional cash for the undertaking.",
    "It was an extremely colossal struggle, and nobody on the hill had any thought how it would finish.",
    "Our neighbours keep bees; in summer we get a jar of honey from them every other week.",
    "Two years in the past the firm bought a new constructing close to the harbour – a few workers left.\nOthers remained.",
    "Rain fell on the tents all night, and in the morning the path along the river was under water.",
]


def pieces(data: bytes) -> list[bytes]:
    spans = list(engine.cut(data))
    assert spans[0][0] == 0
    assert spans[-1][1] == len(data)
    assert all(end == start for (_, end), (start, _) in pairwise(spans))
    assert not data or all(start < end for start, end in spans)
    return [data[start:end] for start, end in spans]


@pytest.mark.parametrize("chunk", [16, 37, 100, 1 << 15])
@pytest.mark.parametrize("alphabet", ["ab. \n", "aé漢\U0001f600\ud800", "é \n\n", "x"])
def test_pieces_cover_the_data(monkeypatch: pytest.MonkeyPatch, chunk: int, alphabet: str) -> None:
    monkeypatch.setattr(engine, "CHUNK", chunk)
    chance = random.Random(chunk)
    for size in (0, 1, chunk - 1, chunk, chunk + 1, 300):
        text = "".join(chance.choices(alphabet, k=size))
        parts = pieces(text.encode("utf-8", "surrogatepass"))
        assert all(len(part) <= chunk for part in parts)
        assert "".join(part.decode("utf-8", "surrogatepass") for part in parts) == text, "no character is cut in two"


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("aaaaaaaaaa aaa.\n\na b\nc. d ee ff", "aaaaaaaaaa aaa.\n\n"),
        ("aaaaaaaaaa aaa\naa. cc dd ee ff", "aaaaaaaaaa aaa\n"),
        ("aaaaaaaaaa aaa. aa aa b, c dd ee", "aaaaaaaaaa aaa. "),
        ("aaaaaaaaaa aaa, aa aa b, c dd ee", "aaaaaaaaaa aaa, aa aa b, "),
        ("a b. c\n\na bbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "a b. c\n\na bbbbbbbbbbbbbb"),
    ],
)
def test_where_pieces_are_cut(monkeypatch: pytest.MonkeyPatch, text: str, first: str) -> None:
    """At the last blank line of the second half, or else a line end, a sentence, a space, or anywhere."""
    monkeypatch.setattr(engine, "CHUNK", 25 if "bbbb" not in text else 24)
    assert pieces(text.encode())[0].decode() == first


@pytest.fixture(scope="module")
def suspicious() -> restore.Restorer:
    """With a prior that makes edits and segments of a text that is spun in part, whatever the shipped dictionaries hold today."""
    return restore.load(prior=0.9)


def evidence(restorer: restore.Restorer, text: str) -> list[float]:
    belief = restorer.analyse(text).belief
    return [belief.log_bayes_factor, *belief.weights]


@pytest.mark.parametrize("chunk", [150, 250, 400])
@pytest.mark.parametrize("gap", ["\n\n", "\n\n\n\n"])
def test_chunks_do_not_change_the_evidence(suspicious: restore.Restorer, monkeypatch: pytest.MonkeyPatch, chunk: int, gap: str) -> None:
    text = gap.join(PARAGRAPHS * 2) + "\n"
    whole, result = evidence(suspicious, text), suspicious.restore(text)
    assert result.verdict.sites > 20
    assert result.edits
    assert result.verdict.segments
    monkeypatch.setattr(engine, "CHUNK", chunk)
    parts = pieces(text.encode())
    assert len(parts) > 2
    assert all(part.endswith(b"\n\n") for part in parts[:-1])
    for keep in (1 << 20, 0):  # the lattices kept between the passes, or built again
        monkeypatch.setattr(engine, "KEEP_LATTICES", keep)
        assert evidence(suspicious, text) == pytest.approx(whole, rel=1e-9, abs=1e-9)
        again = suspicious.restore(text)
        assert again.text == result.text
        assert [edit.to_dict() for edit in again.edits] == [edit.to_dict() for edit in result.edits]
        assert again.verdict.segments == result.verdict.segments
        assert (again.verdict.words, again.verdict.sites) == (result.verdict.words, result.verdict.sites)


def test_chunks_do_not_change_the_evidence_of_a_quotation(restorer: restore.Restorer, monkeypatch: pytest.MonkeyPatch) -> None:
    text = 'Letters from home\n\n"Chief of the group," he said.'
    whole = evidence(restorer, text)
    monkeypatch.setattr(engine, "CHUNK", 35)
    assert pieces(text.encode())[0] == b"Letters from home\n\n"
    assert evidence(restorer, text) == pytest.approx(whole, rel=1e-9, abs=1e-9)
