"""Decoding against every path of small lattices, one by one; and what must hold for any lattice."""

from __future__ import annotations

import math
import random
from array import array
from collections.abc import Callable, Sequence
from types import SimpleNamespace

import pytest

pytest.importorskip("numpy")  # small models are trained here

from restore import decode
from restore.decode import Decoder, Lanes, gather
from restore.lattice import Lattice
from tests.oracles import IMPLEMENTATIONS, SmallModel, decode_exactly, gather_slowly, load_kernels, make_lattice, train_small_model, view

ORDERS = (2, 3, 4, 5)
FAMILIES = 2
#: More states than any of the lattices here has at one position.
WIDE = 400
LANES = Lanes(array("d", [0.0, 0.1, 0.6, 1.0, 0.3]), array("i", [0, 0, 1, 1, 0]))
WEIGHTS = (0.1, 0.2, 0.4, 0.05, 0.25)


@pytest.fixture(params=IMPLEMENTATIONS)
def _kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decode with the compiled kernels, then with the same file as Python."""
    monkeypatch.setattr(decode, "kernels", load_kernels(request.param))


@pytest.fixture(scope="module", params=ORDERS)
def small(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> SmallModel:
    return train_small_model(tmp_path_factory.mktemp("model"), request.param)


@pytest.fixture(scope="module")
def decoder(small: SmallModel) -> Callable[[float, int], Decoder]:
    made: dict[tuple[float, int], Decoder] = {}

    def get(scale: float, beam: int) -> Decoder:
        if (scale, beam) not in made:
            made[scale, beam] = Decoder(small.model, FAMILIES, len(LANES), scale=scale, beam=beam, floor=0)
        return made[scale, beam]

    return get


def random_lattice(chance: random.Random, sentences: Sequence[Sequence[int]], n: int, n_arcs: int, p_break: float = 0.15) -> Lattice:
    """Tokens and candidates from real n-grams of the model's text, some words unknown (0); no arc crosses a paragraph break."""

    def run(length: int) -> list[int]:
        words: list[int] = []
        while len(words) < length:
            words.extend(chance.choice(sentences))
        at = chance.randrange(len(words) - length + 1)
        return [0 if chance.random() < 0.05 else word for word in words[at : at + length]]

    ids = run(n)
    breaks = [int(i == 0 or chance.random() < p_break) for i in range(n)]
    spans = []
    while len(spans) < n_arcs:
        start = chance.randrange(n)
        end = start + chance.choice((1, 1, 1, 2, 2, 3))
        if end <= n and not any(breaks[start + 1 : end]):
            spans.append((start, end))
    return make_lattice(
        ids,
        [0.0 if word else -chance.uniform(1, 12) for word in ids],
        breaks,
        [chance.choice((0.0, chance.uniform(0, 0.9))) for _ in range(n * FAMILIES)],
        spans,
        [run(chance.choice((1, 1, 1, 2, 3))) for _ in spans],
        [chance.choice((0.0, 10 ** chance.uniform(-2, 0))) for _ in range(n_arcs * FAMILIES)],
        [chance.choice((0.0, chance.uniform(-2, 5))) for _ in spans],
    )


def small_lattice(small: SmallModel, seed: int) -> tuple[Lattice, float]:
    """At most 8 tokens and 8 arcs, and an exponent for the model."""
    chance = random.Random(1000 * small.model.order + seed)
    lattice = random_lattice(chance, small.sentences, chance.randint(1, 8), chance.randint(0, 8))
    return lattice, (1.0, 0.7)[seed % 2]


def token_sums(token_z: Sequence[float], n_lanes: int) -> list[float]:
    return [math.fsum(token_z[lane::n_lanes]) for lane in range(n_lanes)]


def close(expected: Sequence[float]) -> object:
    return pytest.approx(expected, rel=1e-9, abs=1e-9)


def posteriors(use: Decoder, lattice: Lattice, lanes: Lanes = LANES, weights: Sequence[float] = WEIGHTS) -> tuple[array[float], array[int]]:
    return use.backward(use.forward(lattice, lanes).graph, lanes, weights)


def assert_consistent(lattice: Lattice, posterior: Sequence[float], best: Sequence[int]) -> None:
    """Arcs over one token exclude each other."""
    spans = list(zip(lattice.arcs.starts, lattice.arcs.ends, strict=True))
    for i in range(len(lattice.ids)):
        here = [k for k, (start, end) in enumerate(spans) if start <= i < end]
        assert math.fsum(posterior[k] for k in here) <= 1 + 1e-9
        assert sum(best[k] for k in here) <= 1
    assert all(0 <= p <= 1 + 1e-9 for p in posterior)


# --- against every path ----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_kernels")
@pytest.mark.parametrize("seed", range(30))
def test_agrees_with_every_path(small: SmallModel, decoder: Callable[[float, int], Decoder], seed: int) -> None:
    lattice, scale = small_lattice(small, seed)
    exact = decode_exactly(lattice, small.scorer, LANES, WEIGHTS, scale)
    log_z, token_z, _ = decoder(scale, WIDE).forward(lattice, LANES)
    assert log_z.tolist() == close(exact.log_z)
    assert token_z.tolist() == close(exact.token_z)
    assert token_sums(token_z, len(LANES)) == close(exact.log_z)
    posterior, best = posteriors(decoder(scale, WIDE), lattice)
    assert posterior.tolist() == close(exact.posterior)
    if exact.gap > 1e-9:
        assert best.tolist() == exact.best


@pytest.mark.usefixtures("_kernels")
@pytest.mark.parametrize("beam", [1, 2, 3])
def test_agrees_with_every_path_in_the_beam(small: SmallModel, decoder: Callable[[float, int], Decoder], beam: int) -> None:
    for seed in range(15):
        lattice, scale = small_lattice(small, seed)
        exact = decode_exactly(lattice, small.scorer, LANES, WEIGHTS, scale, beam)
        log_z, token_z, _ = decoder(scale, beam).forward(lattice, LANES)
        posterior, best = posteriors(decoder(scale, beam), lattice)
        assert log_z.tolist() == close(exact.log_z)
        assert token_z.tolist() == close(exact.token_z)
        assert posterior.tolist() == close(exact.posterior)
        if exact.gap > 1e-9:
            assert best.tolist() == exact.best


@pytest.mark.usefixtures("_kernels")
@pytest.mark.parametrize(("floor", "entry"), [(0.01, 0.01), (0.2, 0.2), (0.001, 0.02), (0.01, 0.3)])
def test_agrees_with_every_path_above_the_floor(small: SmallModel, monkeypatch: pytest.MonkeyPatch, floor: float, entry: float) -> None:
    monkeypatch.setattr(decode, "ENTRY", entry / floor)
    use, dropped = Decoder(small.model, FAMILIES, len(LANES), scale=1.0, beam=WIDE, floor=floor), 0
    for seed in range(15):
        lattice, _ = small_lattice(small, seed)
        exact = decode_exactly(lattice, small.scorer, LANES, WEIGHTS, 1.0, WIDE, floor, entry)
        log_z, token_z, _ = use.forward(lattice, LANES)
        assert log_z.tolist() == close(exact.log_z)
        assert token_z.tolist() == close(exact.token_z)
        dropped += exact.paths < decode_exactly(lattice, small.scorer, LANES, WEIGHTS, 1.0).paths
    assert dropped > 3


@pytest.mark.usefixtures("_kernels")
@pytest.mark.parametrize("beam", [1, 2, 3])
def test_a_narrow_beam_only_loses(small: SmallModel, decoder: Callable[[float, int], Decoder], beam: int) -> None:
    lost = 0
    for seed in range(30):
        lattice, scale = small_lattice(small, seed)
        wide, *_ = decoder(scale, WIDE).forward(lattice, LANES)
        log_z, token_z, _ = decoder(scale, beam).forward(lattice, LANES)
        assert all(narrow <= exact + 1e-9 for narrow, exact in zip(log_z, wide, strict=True))
        assert token_sums(token_z, len(LANES)) == close(log_z.tolist())
        assert_consistent(lattice, *posteriors(decoder(scale, beam), lattice))
        lost += any(narrow < exact - 1e-6 for narrow, exact in zip(log_z, wide, strict=True))
    assert lost > 0 or beam > 1, "the beam never dropped anything"


def test_the_random_lattices_are_worth_it(small: SmallModel) -> None:
    lattices = [small_lattice(small, seed)[0] for seed in range(30)]
    assert any(sum(lattice.lines.breaks) > 1 for lattice in lattices)
    found = [decode_exactly(lattice, small.scorer, LANES, WEIGHTS, 1.0) for lattice in lattices]
    assert max(exact.paths for exact in found) > 30
    assert any(sum(exact.best) > 1 for exact in found)
    assert all(exact.gap > 1e-9 for exact in found)
    assert any(0.1 < p < 0.9 for exact in found for p in exact.posterior)


# --- for any lattice -------------------------------------------------------------------------------------------------


def long_lattice(small: SmallModel, seed: int, n: int = 60, n_arcs: int = 90) -> Lattice:
    return random_lattice(random.Random(seed), small.sentences, n, n_arcs, p_break=0.05)


def joined(first: Lattice, second: Lattice) -> Lattice:
    """Two texts as two paragraphs of one."""
    n, words = len(first.ids), [lattice.arcs.words[lattice.arcs.first_words[k] : lattice.arcs.first_words[k + 1]]
                                for lattice in (first, second) for k in range(len(lattice.arcs))]  # fmt: skip
    spans = [*zip(first.arcs.starts, first.arcs.ends, strict=True)]
    spans += [(n + start, n + end) for start, end in zip(second.arcs.starts, second.arcs.ends, strict=True)]
    return make_lattice(
        first.ids + second.ids, first.spelling + second.spelling, first.lines.breaks + second.lines.breaks, first.keep + second.keep,
        spans, words, first.arcs.weights + second.arcs.weights, first.arcs.bonus + second.arcs.bonus,
    )  # fmt: skip


@pytest.mark.usefixtures("_kernels")
def test_a_paragraph_break_separates_exactly(small: SmallModel, decoder: Callable[[float, int], Decoder]) -> None:
    use = decoder(0.7, 8)
    parts = [long_lattice(small, seed) for seed in range(2)]
    whole = joined(*parts)
    (z, token_z, _), (posterior, best) = use.forward(whole, LANES), posteriors(use, whole)
    separate = [(*use.forward(part, LANES)[:2], *posteriors(use, part)) for part in parts]
    assert z.tolist() == close([a + b for a, b in zip(separate[0][0], separate[1][0], strict=True)])
    assert token_z.tolist() == close([*separate[0][1], *separate[1][1]])
    assert posterior.tolist() == close([*separate[0][2], *separate[1][2]])
    assert best.tolist() == [*separate[0][3], *separate[1][3]]


@pytest.mark.usefixtures("_kernels")
def test_streams_change_nothing(small: SmallModel, decoder: Callable[[float, int], Decoder], monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut where the state is known, and followed side by side, a text gives the same bits as when it is followed from one end to the other."""
    beginnings = set[int]()
    monkeypatch.setattr(decode, "_STREAMS", 1)
    single = Decoder(small.model, FAMILIES, len(LANES), scale=0.7, beam=8, floor=0)
    monkeypatch.undo()
    for seed in range(12):
        lattice = long_lattice(small, seed, n=150 + 20 * seed, n_arcs=60)
        one, many = single.forward(lattice, LANES), decoder(0.7, 8).forward(lattice, LANES)
        assert many.token_z == one.token_z
        assert many.log_z.tolist() == close(one.log_z.tolist())
        assert [column.tolist() for column in many.graph.edges] == [column.tolist() for column in one.graph.edges]
        assert [column.tolist() for column in many.graph.levels] == [column.tolist() for column in one.graph.levels]
        streams = decoder(0.7, 8)._streams[0]
        beginnings |= {0 if lattice.lines.breaks[at] else 1 for at in streams[decode._STREAM :: decode._STREAM] if 0 < at < len(lattice.ids)}
    assert beginnings == {0, 1}, "streams begin at paragraphs and inside them"


@pytest.mark.usefixtures("_kernels")
def test_lanes_do_not_touch_each_other(small: SmallModel, decoder: Callable[[float, int], Decoder]) -> None:
    lattice, use = long_lattice(small, 3, n=12, n_arcs=14), decoder(0.7, WIDE)
    together = use.forward(lattice, LANES)[0].tolist()
    alone = [Lanes(LANES.thetas[k : k + 1], LANES.families[k : k + 1]) for k in range(len(LANES))]
    assert [use.forward(lattice, lane)[0][0] for lane in alone] == close(together)
    mixed, _ = posteriors(use, lattice)
    pure = [posteriors(use, lattice, lane, [1.0])[0] for lane in alone]
    assert mixed.tolist() == close([sum(w * p[k] for w, p in zip(WEIGHTS, pure, strict=True)) for k in range(len(mixed))])
    assert together[0] == close(0.0), "rate 0 is the clean text"
    assert not any(pure[0]) and max(pure[2]) > 0.1  # noqa: PT018


@pytest.mark.usefixtures("_kernels")
def test_the_order_of_arcs_does_not_matter(small: SmallModel, decoder: Callable[[float, int], Decoder]) -> None:
    lattice, use = long_lattice(small, 4, n=12, n_arcs=14), decoder(1.0, WIDE)
    arcs = lattice.arcs
    shuffled = random.Random(4).sample(range(len(arcs)), len(arcs))
    other = make_lattice(
        lattice.ids, lattice.spelling, lattice.lines.breaks, lattice.keep, [(arcs.starts[k], arcs.ends[k]) for k in shuffled],
        [arcs.words[arcs.first_words[k] : arcs.first_words[k + 1]] for k in shuffled],
        [arcs.weights[FAMILIES * k + family] for k in shuffled for family in range(FAMILIES)], [arcs.bonus[k] for k in shuffled],
    )  # fmt: skip
    assert use.forward(other, LANES)[0].tolist() == close(use.forward(lattice, LANES)[0].tolist())
    (posterior, best), (here, chosen) = posteriors(use, lattice), posteriors(use, other)
    assert here.tolist() == close([posterior[k] for k in shuffled])
    assert chosen.tolist() == [best[k] for k in shuffled]
    assert any(best)


@pytest.mark.usefixtures("_kernels")
@pytest.mark.parametrize("beam", [8, 60])
def test_little_scratch_is_no_disaster(small: SmallModel, monkeypatch: pytest.MonkeyPatch, beam: int) -> None:
    """A text so dense that the scratch is used up is cut: sums stay sums, posteriors posteriors."""
    lattice = long_lattice(small, 6, n=80, n_arcs=240)
    roomy = Decoder(small.model, FAMILIES, len(LANES), beam=beam, floor=0)
    monkeypatch.setattr(decode, "_NODES", 560)
    monkeypatch.setattr(decode, "_EDGES", 100)
    tight = Decoder(small.model, FAMILIES, len(LANES), beam=beam, floor=0)
    log_z, token_z, _ = tight.forward(lattice, LANES)
    assert log_z.tolist() != roomy.forward(lattice, LANES)[0].tolist()
    assert all(map(math.isfinite, log_z))
    assert token_sums(token_z, len(LANES)) == close(log_z.tolist())
    posterior, best = posteriors(tight, lattice)
    assert_consistent(lattice, posterior, best)
    assert any(best)


def test_the_same_bits_compiled_or_not(small: SmallModel, decoder: Callable[[float, int], Decoder], monkeypatch: pytest.MonkeyPatch) -> None:
    lattice, results = long_lattice(small, 7), []
    for name in IMPLEMENTATIONS:
        monkeypatch.setattr(decode, "kernels", load_kernels(name))
        use = decoder(0.7, 8)
        results.append([column.tolist() for column in (*use.forward(lattice, LANES)[:2], *posteriors(use, lattice))])
    assert results[0] == results[1]


@pytest.mark.usefixtures("_kernels")
def test_scratch_is_clean_for_the_next_text(small: SmallModel, decoder: Callable[[float, int], Decoder]) -> None:
    used, fresh = decoder(0.7, 8), Decoder(small.model, FAMILIES, len(LANES), scale=0.7, beam=8, floor=0)
    lattice = long_lattice(small, 8)
    posteriors(used, long_lattice(small, 9, n_arcs=200))
    for run in (lambda d: d.forward(lattice, LANES)[:2], lambda d: posteriors(d, lattice)):
        assert [column.tolist() for column in run(used)] == [column.tolist() for column in run(fresh)]


@pytest.mark.usefixtures("_kernels")
@pytest.mark.parametrize("words", [(3, 4, 5), (5, 4, 3)])
def test_ties_in_the_beam_go_to_the_earlier_arc(words: tuple[int, ...]) -> None:
    """Three originals, alike in everything, and room for one: a model that knows each word alone, and nothing about their order."""
    unigrams, nothing = view("f", [-3.0, 0.0] * 7), view("I", [0])
    model = SimpleNamespace(arrays=(2, unigrams, nothing, nothing, nothing, nothing, view("Q", [1] * 4), view("f", zeros=320)))
    lattice = make_lattice([6, 6], [0.0] * 2, [1, 0], [0.9] * 2, [(0, 1)] * 3, [[word] for word in words], [0.9] * 3, [5.0] * 3)
    posterior, best = posteriors(Decoder(model, 1, 1, scale=1.0, beam=1), lattice, Lanes.grid([0.5], 1), [1.0])
    assert list(zip(posterior, best, strict=True)) == [(pytest.approx(1.0), 1), (0.0, 0), (0.0, 0)]


@pytest.mark.usefixtures("_kernels")
def test_empty_text_and_too_many_lanes(small: SmallModel, decoder: Callable[[float, int], Decoder]) -> None:
    nothing = make_lattice([], [], [], [], [], [], [], [])
    assert decoder(0.7, 8).forward(nothing, LANES)[0].tolist() == [0.0] * len(LANES)
    with pytest.raises(ValueError, match="lanes"):
        decoder(0.7, 8).forward(nothing, Lanes.grid([0.5] * 4, FAMILIES))


def test_grid_of_lanes() -> None:
    lanes = Lanes.grid((0.1, 0.5), 3)
    assert list(zip(lanes.thetas, lanes.families, strict=True)) == [(0.1, 0), (0.5, 0), (0.1, 1), (0.5, 1), (0.1, 2), (0.5, 2)]


@pytest.mark.usefixtures("_kernels")
def test_changes_agree_with_going_through_all_arcs(small: SmallModel, decoder: Callable[[float, int], Decoder]) -> None:
    found = shared = 0
    for seed in range(40):
        # Few different words, so that arcs repeat what stands beside them and each other.
        chance = random.Random(seed)
        lattice = random_lattice(chance, [[0, 5, 6, 7]], chance.randint(2, 12), chance.randint(1, 30))
        posterior, best = posteriors(decoder(1.0, WIDE), lattice)
        changes = list(gather(lattice, posterior, best, 1e-3).spelt())
        assert sorted(change.reading[0] for change in changes) == [k for k in range(len(best)) if best[k]]
        for change in changes:
            core, support, others = gather_slowly(lattice, posterior, change.reading[0])
            assert (change.start, change.end, *change.reading[1:]) == core
            assert change.support == pytest.approx(support, abs=1e-12)
            assert [arc for arc, _, _ in change.others] == others
            found += 1
            shared += support > posterior[change.reading[0]] + 1e-9
    assert found > 40 and shared > 1  # noqa: PT018
