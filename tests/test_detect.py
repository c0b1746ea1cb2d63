"""The verdict against direct sums of probabilities, and documents cut into chunks against whole ones."""

from __future__ import annotations

import math
import random
from array import array
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate, chain, groupby, pairwise, product
from typing import NamedTuple

import pytest

import restore
from restore import detect, engine
from restore.decode import Lanes
from restore.detect import (
    FAMILY_PRIOR,
    FIRST,
    LIMIT,
    PART,
    SHARES,
    STRONG,
    THETAS,
    TURN,
    UNIT_SLOPE,
    UNIT_WORDS,
    UNKNOWN,
    UNKNOWN_SHARE,
    WEAK,
    WEIGHTS,
    Belief,
    Hypotheses,
    Repeats,
    Units,
    believe,
    known_odds,
    log_bayes_factor,
    log_odds,
    log_sum,
    logistic,
    make_lanes,
    make_shares,
    unit_probabilities,
    unknown_odds,
)
from tests.oracles import IMPLEMENTATIONS, load_kernels

Signs = tuple[float, float, float]


class Unit(NamedTuple):
    """A sentence."""

    words: int
    evidence: Sequence[float]
    signs: Sequence[Signs]
    odd: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)


def guess(n_lanes: int, n_families: int) -> Hypotheses:
    """Some hypotheses of so many lanes."""
    lanes = Lanes.grid([0.5] * (n_lanes // n_families), n_families)
    return Hypotheses(lanes, array("d", [-math.log(n_lanes)] * n_lanes), [1 / n_families] * n_families, array("i", [0] * n_families), make_shares(SHARES))


def pack(units: Sequence[Unit], hypotheses: Hypotheses, step: int = 3, light: bool = False) -> Units:
    """Sentences as `detect` wants them, `step` at a time."""
    packed = Units(hypotheses, light=light)
    for k in range(0, len(units), step):
        some = units[k : k + step]
        evidence, odd = (array("d", chain.from_iterable(column)) for column in ([unit.evidence for unit in some], [unit.odd for unit in some]))
        packed.add(array("i", [unit.words for unit in some]), evidence, array("d", (x for unit in some for signs in unit.signs for x in signs)), odd)
    return packed


FAMILIES = ("spinbot", "thesaurus", "homemade")
PRIORS = (1e-9, 0.01, 0.3, 0.5, 0.9, 1 - 1e-9)


def random_evidence(seed: int, size: int) -> list[float]:
    chance = random.Random(seed)
    spread = chance.choice((0.1, 3.0, 30.0))
    return [chance.gauss(0, spread) for _ in range(size)]


def close(expected: float | Sequence[float]) -> object:
    return pytest.approx(expected, rel=1e-9, abs=1e-12)


def random_units(seed: int, n_lanes: int, n_families: int, n: int) -> list[Unit]:
    chance = random.Random(1000 + seed)
    signs = [[(-3 * chance.random(), 3 * chance.random(), 6 * chance.random()) for _ in range(n_families)] for _ in range(n)]
    return [Unit(chance.randrange(1, 40), random_evidence(99 * seed + k, n_lanes), signs[k]) for k in range(n)]


def believe_it(units: list[Unit], families: Sequence[str], prior: float = 0.01, assume: float | bool | None = None) -> Belief:
    return believe(pack(units, Hypotheses.make(families, assume)), prior, assume)


# --- the belief ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("families", [FAMILIES, ("thesaurus",), ("x", "y")])
@pytest.mark.parametrize("seed", range(12))
def test_believe_sums_probabilities(families: tuple[str, ...], seed: int) -> None:
    pairs = [(name, theta) for name in families for theta in THETAS]
    units = random_units(seed, len(pairs), len(families), 1 + seed % 4)
    prior = PRIORS[seed % len(PRIORS)]
    belief = believe_it(units, families, prior)

    # From the definitions: P(unit | family, rate) / P(unit | nobody changed anything) is exp(evidence); a share of the units is spun.
    shares = {name: FAMILY_PRIOR.get(name, 1.0) for name in families}
    beta = math.fsum(theta**3 * (1 - theta) ** 2 for theta in THETAS)
    spun = []
    for lane, (name, theta) in enumerate(pairs):
        pooled = math.fsum(weight * math.prod(share * math.exp(unit.evidence[lane]) + 1 - share for unit in units) for share, weight in SHARES)
        spun.append(shares[name] / sum(shares.values()) * pooled * theta**3 * (1 - theta) ** 2 / beta)
    p_spun = math.fsum(spun)
    assert belief.weights == close([p / p_spun for p in spun])
    assert belief.rate == close(math.fsum(p * theta for p, (_, theta) in zip(spun, pairs, strict=True)) / p_spun)
    assert belief.log_bayes_factor == close(log_bayes_factor(pack(units, Hypotheses.make(families))))
    odds = math.exp(belief.log_bayes_factor) * prior / (1 - prior)
    assert belief.spun == close(odds / (1 + odds))
    by_family = dict(belief.families(families))
    assert 0 < belief.unknown < 1
    known = {name: math.fsum(p for p, pair in zip(spun, pairs, strict=True) if pair[0] == name) / p_spun * (1 - belief.unknown) for name in families}
    assert by_family == close({**known, UNKNOWN: belief.unknown})
    assert list(by_family.values()) == sorted(by_family.values(), reverse=True)


@pytest.mark.parametrize("seed", range(10))
def test_the_prior_moves_the_posterior_and_nothing_else(seed: int) -> None:
    beliefs = [believe_it(random_units(seed, 21, 3, 3), FAMILIES, prior) for prior in PRIORS]
    assert all(low.spun < high.spun for low, high in pairwise(beliefs) if high.spun < 1)
    assert len({(belief.log_bayes_factor, belief.weights) for belief in beliefs}) == 1
    assert beliefs[PRIORS.index(0.5)].spun == close(logistic(beliefs[0].log_bayes_factor))


@pytest.mark.parametrize("shift", [-1e4, -800.0, 800.0, 1e6])
def test_overwhelming_evidence_is_no_overflow(shift: float) -> None:
    signs = (min(shift, 0.0), 0.0, max(shift, 0.0))
    belief = believe_it([Unit(20, [shift] * 21, [signs] * 3)] * 3, FAMILIES)
    assert belief.spun == pytest.approx(1.0 if shift > 0 else 0.0, abs=1e-3)
    assert math.isfinite(belief.log_bayes_factor)
    assert math.fsum(belief.weights) == close(1.0)


@pytest.mark.parametrize("assume", [True, 0.3, 0.5, 1.0])
def test_assuming_spun_is_certain(assume: float | bool) -> None:
    lanes, _ = make_lanes(FAMILIES, assume)
    belief = believe_it(random_units(3, len(lanes), 3, 4), FAMILIES, 0.01, assume)
    assert belief.spun == 1.0
    assert math.fsum(belief.weights) == close(1.0)
    if assume is not True:
        assert belief.rate == close(assume)


@pytest.mark.parametrize("assume", [None, False])
def test_no_words_are_no_evidence(assume: bool | None) -> None:
    for units in ([], [Unit(0, [0.0] * 21, [(0.0, 0.0, 0.0)] * 3)]):
        belief = believe_it(units, FAMILIES, 0.01, assume)
        assert belief.log_bayes_factor == close(0.0)
        assert belief.spun == close(0.01)
        assert belief.weights == close([math.exp(p) for p in make_lanes(FAMILIES)[1]])


# --- the grid --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("assume", "thetas"),
    [(None, THETAS), (False, THETAS), (True, (0.2, 0.35, 0.5, 0.7, 0.9)), (0.4, (0.4,)), (1.0, (1.0,))],
)
def test_lanes_are_every_rate_of_every_family(assume: float | bool | None, thetas: tuple[float, ...]) -> None:
    lanes, log_spun = make_lanes(FAMILIES, assume)
    expected = [(theta, family) for family in range(len(FAMILIES)) for theta in thetas]
    assert list(zip(lanes.thetas, lanes.families, strict=True)) == expected
    assert len(log_spun) == len(lanes) == len(expected)
    assert math.fsum(map(math.exp, log_spun)) == close(1.0)
    by_family = [math.fsum(math.exp(p) for p, (_, f) in zip(log_spun, expected, strict=True) if f == family) for family in range(3)]
    total = 1.0 + sum(FAMILY_PRIOR[name] for name in FAMILIES[:2])
    assert by_family == close([FAMILY_PRIOR.get(name, 1.0) / total for name in FAMILIES])


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


@pytest.mark.parametrize("kernels", IMPLEMENTATIONS)
def test_evidence_of_sentences_is_the_weighted_sum_over_their_tokens(monkeypatch: pytest.MonkeyPatch, kernels: str) -> None:
    monkeypatch.setattr(detect, "kernels", load_kernels(kernels))
    units = Units(Hypotheses.make(["thesaurus"], True)._replace(lanes=Lanes.grid((0.1, 0.5, 0.9), 1), typical=array("i", [1])))
    # Four tokens, three lanes; two calls.
    for k, (weights, flags, bounds) in enumerate([([1, 0.5, 0.25], [0, 24, 8], [0, 1, 3, 3]), ([1], [128], [0, 1])]):
        token_z = array("d", range(9 * k, 9 + 3 * k))
        units.measure(token_z, array("d", weights), array("H", flags), array("i", bounds), array("d", range(4 * len(bounds) - 4)) if k else None)
    assert list(units.evidence) == [0, 1, 2, 3, 3.75, 4.5, 0, 0, 0, 9, 10, 11]
    assert list(units.words) == [1, 2, 0, 1]
    # In the lane of the typical rate the tokens have 1, 4, 7 and 10.
    strong = [0, 0.5 * (4 - WEAK) + 0.25 * (STRONG - WEAK), 0, STRONG - WEAK]
    assert list(units.signs) == [0, 1, strong[0], 0, WEAK * 0.75, strong[1], 0, 0, 0, 0, WEAK, strong[3]]
    assert list(units.odd) == [0] * 12 + [0, 1, 2, 3]
    against = Units(guess(2, 2)._replace(typical=array("i", [0, 1])))
    against.measure(array("d", [-2.0] * 6), array("d", [1, 0.5, 1]), array("H", [1, 2, 0]), array("i", [0, 3]), None)
    assert (list(against.signs), list(against.words)) == ([-5, 0, 0] * 2, [1])


@pytest.mark.parametrize("kernels", IMPLEMENTATIONS)
@pytest.mark.parametrize("seed", range(20))
def test_sums_over_the_document_and_its_best_part(monkeypatch: pytest.MonkeyPatch, seed: int, kernels: str) -> None:
    monkeypatch.setattr(detect, "kernels", load_kernels(kernels))
    chance = random.Random(seed)
    n, families = chance.randrange(10), 1 + seed % 3

    def signs() -> Signs:
        return -chance.expovariate(0.5), chance.random(), chance.choice((0, 0, 3))

    def odd() -> tuple[float, float, float, float]:
        return chance.random(), chance.random(), chance.random(), chance.randrange(3)

    units = [Unit(chance.randrange(30), [0.0] * families, [signs() for _ in range(families)], odd()) for _ in range(n)]
    packed = pack(units, guess(families, families), light=True)
    assert not packed.signs
    sums = packed.sums
    assert pack(units, guess(families, families)).summed(WEIGHTS) == sums
    assert sums.words == sum(unit.words for unit in units)
    assert list(sums.totals) == close([*(math.fsum(unit.odd[k] for unit in units) for k in range(4)), sums.words, n])
    for family in range(families):
        rows = [unit.signs[family] for unit in units]
        assert list(sums.wholes[3 * family : 3 * family + 3]) == close([math.fsum(row[k] for row in rows) for k in range(3)])

        def total(first: int, last: int) -> float:
            return math.fsum(
                WEIGHTS.against * against + 0.8 * weak + WEIGHTS.strong * strong - 0.02 * unit.words
                for (against, weak, strong), unit in zip(rows[first:last], units[first:last], strict=True)  # noqa: B023
            )

        best, first, last, *part = sums.parts[8 * family : 8 * family + 8]
        assert total(int(first), int(last)) == close(best) == close(max(total(i, j) for i in range(n + 1) for j in range(i, n + 1)))
        inside = units[int(first) : int(last)]
        expected = [math.fsum(unit.signs[family][k] for unit in inside) for k in range(3)]
        assert part == close([*expected, sum(unit.words for unit in inside), sum(unit.odd[3] for unit in inside)])


def test_repeats_weigh_less_and_less_over_the_whole_document() -> None:
    repeats = Repeats()
    assert list(repeats.weigh(array("Q", [7, 8, 7]))) == [1, 1, 0.5]
    assert list(repeats.weigh(array("Q", [7, 9]))) == [1 / 3, 1]
    assert list(repeats.weigh(array("Q"))) == []


def test_repeats_are_counted_on_when_the_table_grows() -> None:
    chance, repeats, seen = random.Random(3), Repeats(), Counter[int]()
    for size in (10, 400, 900, 5000):
        hashes = [chance.choice((1, 2, chance.getrandbits(64), 1024 * chance.randrange(50))) for _ in range(size)]
        expected = []
        for word in hashes:
            seen[word] += 1
            expected.append(1 / seen[word])
        assert list(repeats.weigh(array("Q", hashes))) == expected


def test_a_clean_frame_does_not_hide_the_rate_of_a_spun_sentence() -> None:
    units = pack([Unit(9, [z], [(0, 0, 0)]) for z in (9.0, -20.0, -20.0)], guess(1, 1))
    assert units.pooled()[0][0] > 5


@pytest.mark.parametrize("kernels", IMPLEMENTATIONS)
@pytest.mark.parametrize("spread", [0.1, 3.0, 300.0, 1e5])
def test_pooled_sentences(monkeypatch: pytest.MonkeyPatch, spread: float, kernels: str) -> None:
    monkeypatch.setattr(detect, "kernels", load_kernels(kernels))
    chance, hypotheses = random.Random(7), Hypotheses.make(FAMILIES)
    rows = [[chance.gauss(0, spread) for _ in hypotheses.lanes.thetas] for _ in range(700)]

    def log_factor(share: float, z: float) -> float:
        return z if share == 1 else max(z, 0) + math.log(share * math.exp(min(z, 0)) + (1 - share) * math.exp(-max(z, 0)))

    for shares in (SHARES, ((1.0, 1.0),), ((1e-7, 0.5), (0.999, 0.5))):
        units = pack([Unit(1, row, [(0, 0, 0)] * 3) for row in rows], hypotheses._replace(parts=make_shares(shares)), step=300)
        sums, posterior = units.pooled()
        expected = [log_sum([math.log(p) + math.fsum(log_factor(share, row[lane]) for row in rows) for share, p in shares]) for lane in range(21)]
        assert list(sums) == pytest.approx(expected, rel=1e-9)
        joint = [z + p for z, p in zip(expected, hypotheses.log_prior, strict=True)]
        assert list(posterior) == pytest.approx([math.exp(x - log_sum(joint)) for x in joint], rel=1e-6, abs=1e-9)


def test_log_odds() -> None:
    w = WEIGHTS
    assert log_odds(0, 0, 0, 0, 0, w) == 0
    weighed = -3 * w.against + w.style * math.log(2) + 3 * w.strong + w.debris - w.length * math.log(11)
    assert log_odds(-3, 6, 3, 40, 1, w) == close(weighed * 40 / 44)
    assert 0 < log_odds(0, 6, 12, 10, 0, w) < 0.75 * (w.style * math.log(2) + 12 * w.strong), "a sentence is no document"
    assert log_odds(0, 0, 1e6, 500, 0, w) == -log_odds(-1e6, 0, 0, 500, 0, w) == LIMIT
    row = -1, 6, 0.5, 300, 0.1
    assert log_odds(*(10 * x for x in row), w) == pytest.approx(log_odds(*(1000 * x for x in row), w), rel=0.01), "of a long text the average counts"


def odd_odds(*rows: tuple[int, tuple[float, float, float, float]]) -> float:
    return unknown_odds(pack([Unit(words, [0.0], [(0, 0, 0)], odd) for words, odd in rows], guess(1, 1)).sums)


def test_unknown_odds() -> None:
    w = WEIGHTS
    assert odd_odds() == odd_odds((0, (0, 0, 0, 0))) == 0
    rows = (30, (6, 1, 2.5, 1)), (10, (4, 2, 0, 0))
    weighed = w.odd_debris + 2.5 * w.odd_strong + w.odd_broken * math.log(4) - w.odd_sound * math.log(11) + w.odd_offset
    assert odd_odds(*rows) == close(weighed * 40 / 44)
    assert odd_odds((500, (0, 0, 1e6, 0))) == LIMIT
    assert odd_odds(*rows * 100) == pytest.approx(odd_odds(*rows * 1000), rel=0.01), "of a long text the average counts"


@pytest.mark.parametrize("debris", [0, 2, 5, 9])
def test_what_needs_no_dictionary_raises_the_verdict_and_is_trusted_with_no_edit(debris: int) -> None:
    plain = [Unit(30, [-1.0] * 7, [(-3.0, 0.1, 0.0)], (8, 1, 0, 0))] * 8
    odd = [Unit(30, [-1.0] * 7, [(-3.0, 0.1, 0.0)], (8, 1, 0, debris / 8))] * 8
    clean, raised = believe_it(plain, ["thesaurus"]), believe_it(odd, ["thesaurus"])
    sums = pack(odd, guess(7, 1)).sums
    assert raised.log_bayes_factor == close(log_sum([known_odds(sums, [1.0]) + math.log(1 - UNKNOWN_SHARE), unknown_odds(sums) + math.log(UNKNOWN_SHARE)]))
    assert (raised.spun > clean.spun) == (debris > 0)
    assert (raised.spun > 0.5) == (debris >= 5)
    assert raised.known <= clean.known * (1 + 1e-9)


def test_a_family_that_explains_little_is_an_unknown_one() -> None:
    fits = [Unit(30, [9.0, 5.0], [(-0.5, 6.0, 20.0)], (8, 2, 1, 0))] * 8
    does_not = [Unit(30, [0.5, -5.0], [(-3.0, 2.0, 0.5)], (6, 4, 9, 0.5))] * 8
    hypotheses = guess(2, 1)._replace(lanes=Lanes.grid((0.9, 0.1), 1))
    assert believe(pack(fits, hypotheses), 0.01).unknown < 0.3
    unknown = believe(pack([unit._replace(evidence=unit.evidence[::-1]) for unit in does_not], hypotheses), 0.01)
    assert unknown.unknown > 0.8
    assert unknown.families(["thesaurus"])[0][0] == UNKNOWN


def test_a_clean_frame_does_not_hide_a_spun_part() -> None:
    spun, clean = Unit(20, [0.0], [(-1, 3, 8)]), Unit(20, [0.0], [(-3, 0.1, 0)])
    alone, framed = (known_odds(pack(units, guess(1, 1)).sums, [1.0]) for units in ([spun] * 4, [clean] * 40 + [spun] * 4 + [clean] * 40))
    assert alone > 15
    assert framed > 5
    assert framed == close(math.log(PART) + alone - math.log(84 * 85 / 2)), "a part costs the choice of it"
    assert known_odds(pack([clean] * 40, guess(1, 1)).sums, [1.0]) < -5


@pytest.mark.parametrize("seed", range(10))
def test_unit_probabilities_sum_over_all_paths(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    lanes = Lanes.grid((0.2, 0.8), 2)
    raw = [random.Random(seed + k).random() for k in range(4)]
    weights = tuple(w / sum(raw) for w in raw)
    monkeypatch.setattr(detect, "STEP", 3)
    units = [Unit(7 * k, random_evidence(100 * seed + k, 4), [(0, 0, 0)] * 2) for k in range(4)]
    paths = {}
    for states in product((0, 1), repeat=4):
        p = FIRST if states[0] else 1 - FIRST
        for before, after in pairwise(states):
            p *= TURN if before != after else 1 - TURN
        for state, unit in zip(states, units, strict=True):
            if state:
                odds = math.fsum(w * math.exp(z) for w, z in zip(weights, unit.evidence, strict=True))
                p *= odds**UNIT_SLOPE * math.exp(-UNIT_WORDS * unit.words)
        paths[states] = p
    packed = pack(units, guess(4, 2)._replace(lanes=lanes))
    for k, (spun, rate) in enumerate(zip(*unit_probabilities(Belief(lanes, 0.0, 0.5, weights, 0.5), packed), strict=True)):
        assert spun == close(math.fsum(p for states, p in paths.items() if states[k]) / math.fsum(paths.values()))
        joint = [w * math.exp(z) for w, z in zip(weights, units[k].evidence, strict=True)]
        assert rate == close(math.fsum(p * theta for p, theta in zip(joint, (0.2, 0.8, 0.2, 0.8), strict=True)) / math.fsum(joint))


@pytest.mark.parametrize("kernels", IMPLEMENTATIONS)
@pytest.mark.parametrize("seed", range(20))
def test_runs_of_sentences(seed: int, kernels: str) -> None:
    chance = random.Random(seed)
    n = chance.randrange(12)
    spun, rates = ([chance.random() for _ in range(n)] for _ in range(2))
    starts = list(accumulate((chance.randrange(3) for _ in range(n)), initial=5))
    ends = [end - chance.randrange(2) if end > start else end for start, end in pairwise(starts)]
    expected = []
    at = 0
    for _, group in groupby(spun, key=lambda p: p >= 0.5):
        run = range(at, at + len(list(group)))
        at = run.stop
        sizes = [ends[k] - starts[k] for k in run]
        means = [math.fsum(size * column[k] for size, k in zip(sizes, run, strict=True)) / (sum(sizes) or 1) for column in (rates, spun)]
        expected.append([starts[run[0]], ends[run[-1]], *means])
    spans, means = array("q", [0] * 2 * n), array("d", [0] * 2 * n)
    count = load_kernels(kernels).find_runs(array("d", spun), array("d", rates), array("q", starts[:n]), array("q", ends), n, spans, means)
    found = [[*spans[2 * k : 2 * k + 2], *means[2 * k : 2 * k + 2]] for k in range(count)]
    assert found == [close(row) for row in expected]


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
        monkeypatch.setattr(engine, "KEEP_GRAPHS", keep)
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
