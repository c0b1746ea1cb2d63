"""What is odd without a dictionary, against direct look-ups in the language model."""

from __future__ import annotations

import random
from array import array
from itertools import chain, pairwise
from pathlib import Path

import pytest

import restore
from restore import collocation
from restore.channels.substitution import LM_SCALE
from restore.collocation import SOLID, STRONG, Neighbours, Oddities, write_near
from restore.errors import ArtefactError
from restore.language_model.model import LanguageModel
from restore.lattice import Lattice
from restore.records import Config
from restore.tokenizer import KIND_MASK, WORD, opaque_spans
from tests.oracles import IMPLEMENTATIONS, load_kernels, train_small_model
from tests.test_language_model_training import invented_lines

TEXTS = [
    "They applied for a extra mortgage from the monetary institution on the high road.\n\nThe opposite hand was on the gun.\nIt rained a lot.",
    "struggle",
    "The struggle between the two countries lasted four years. It cost the lives of a hundred thousand men, and no person knew the explanation for it.",
    "Élan vital, naïveté, \ud800 and the opposite side of the lane.",
]


@pytest.fixture(scope="module")
def everything() -> restore.Restorer:
    return restore.load(gate=False)


def neighbours(restorer: restore.Restorer) -> Neighbours:
    assert restorer.neighbours is not None
    return restorer.neighbours


def look(restorer: restore.Restorer, text: str) -> tuple[list[tuple[str, str]], list[str]]:
    """(word, better word) of the worst collocations, and debris."""
    data = text.encode("utf-8", "surrogatepass")
    lattice = restorer.lattice(data, opaque_spans(data))
    odd, words = neighbours(restorer).look(lattice), restorer.model.words()
    worst = [(lattice.tokens.surface(i), words[word]) for i, word, gain in zip(odd.sites, odd.best, odd.gains, strict=True) if gain >= SOLID]
    return worst, [lattice.tokens.surface(*span) for span in zip(odd.debris[::2], odd.debris[1::2], strict=True)]


def check_gains(table: Neighbours, model: LanguageModel, lattice: Lattice) -> int:
    """Compare with the scores of whole paragraphs; gives the number of words that sit badly."""
    tokens, ids, breaks = lattice.tokens, list(lattice.ids), lattice.lines.breaks
    odd = table.look(lattice)
    paragraphs = [i for i, begins in enumerate(breaks) if begins or i == 0] + [len(tokens)]
    expected: dict[int, float] = {}
    judged = 0
    for first, last in pairwise(paragraphs):
        words = ids[first:last]
        as_it_stands = list(model.score_ids(words))
        for k, word in enumerate(words):
            i, row = first + k, table._rows[word]
            if tokens.flags[i] & KIND_MASK != WORD or not tokens.surface(i).islower() or not word or row < 0 or model.unigrams[2 * word] > collocation.EVERYDAY:
                assert not odd.judged[i]
                continue
            judged += 1
            assert odd.judged[i]
            lift = sum(as_it_stands[j] - model.unigrams[2 * words[j]] for j in range(k, min(k + 2, last - first)))
            if lift < 0:
                # A neighbour that the model does not know gains nothing.
                others = [number or word for number in table._near[row * table.k : (row + 1) * table.k]]
                swapped = [model.score_ids([*words[:k], number, *words[k + 1 :]]) for number in others]
                gains = [LM_SCALE * (sum(new) - sum(as_it_stands)) for new in swapped]
                expected[i] = max(gains)
                best = odd.best[list(odd.sites).index(i)] or word
                assert gains[others.index(best)] == pytest.approx(max(gains), abs=1e-9)
    assert sum(odd.judged) == judged
    assert dict(zip(odd.sites, odd.gains, strict=True)) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    return len(expected)


@pytest.mark.parametrize("kernels", IMPLEMENTATIONS)
@pytest.mark.parametrize("text", TEXTS)
def test_gains_are_those_of_the_model(everything: restore.Restorer, monkeypatch: pytest.MonkeyPatch, text: str, kernels: str) -> None:
    monkeypatch.setattr(collocation, "kernels_near", load_kernels(kernels, "kernels_near"))
    check_gains(neighbours(everything), everything.model, everything.lattice(text.encode("utf-8", "surrogatepass")))


@pytest.mark.parametrize("order", [2, 3, 4, 5])
def test_gains_are_those_of_any_model(everything: restore.Restorer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, order: int) -> None:
    pytest.importorskip("numpy")  # small models are trained here
    monkeypatch.setattr(collocation, "EVERYDAY", 0.0)
    model, chance = train_small_model(tmp_path, order).model, random.Random(order)
    words = model.words()[3:]
    write_near(tmp_path / "near", {word: chance.choices([*words, "unheard"], k=3) for word in words}, {})
    table = Neighbours(tmp_path / "near", model)
    lines = invented_lines(150, seed=order, words=30)
    text = "".join(line.lower() + chance.choice((" ", "\n", "\n\n")) for line in lines)
    for name in IMPLEMENTATIONS:
        monkeypatch.setattr(collocation, "kernels_near", load_kernels(name, "kernels_near"))
        assert check_gains(table, model, restore.Restorer(everything.lexicon, model, Config(gate=False)).lattice(text.encode())) > 50


@pytest.mark.parametrize("kernels", IMPLEMENTATIONS)
@pytest.mark.parametrize(
    ("text", "debris"),
    [
        ("It was a extra hour, an hour, a historic one, an historic one, a one-off and a university.", ["a extra"]),
        ("He saw an car. A amazing thing, this.", ["an car", "A amazing"]),
        ("The Ok.G.B. met J. Ok. Rowling.", ["Ok.G.B.", "Ok."]),
        ("Take vitamin C. Ok. Then take it again. Ok. Fine.", []),
        ("A b c, an MP, an FBI agent, a U.S. senator, an.", []),
        ("Grade A\n\nevery time.", []),
        ("Fui a una casa con mi hermano y a otra ciudad, a ella.", []),
        ("Call `a apple` by a name.", []),
        ("Ok. Rowling met . Ok. Rowling and K. Ok. rowling. The same is said of J. Ok", []),
    ],
)
def test_debris(everything: restore.Restorer, monkeypatch: pytest.MonkeyPatch, text: str, debris: list[str], kernels: str) -> None:
    monkeypatch.setattr(collocation, "kernels_near", load_kernels(kernels, "kernels_near"))
    assert look(everything, text)[1] == debris


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("It was the finish of the day and the start of the night.", ("finish", "start")),
        ("It is too late to make up your thoughts about the end of the day.", None),
        ("The two of them were sitting on the other side of the road.", None),
    ],
)
def test_broken_collocations(everything: restore.Restorer, text: str, pair: tuple[str, str] | None) -> None:
    worst, _ = look(everything, text)
    assert worst == [] if pair is None else pair in worst


@pytest.mark.parametrize("kernels", IMPLEMENTATIONS)
@pytest.mark.parametrize("seed", range(20))
def test_sums_of_sentences(monkeypatch: pytest.MonkeyPatch, seed: int, kernels: str) -> None:
    monkeypatch.setattr(collocation, "kernels_near", load_kernels(kernels, "kernels_near"))
    chance = random.Random(seed)
    n = chance.randrange(30)
    judged = [chance.randrange(2) for _ in range(n)]
    gains = {i: chance.uniform(-5, STRONG + 5) for i in range(n) if judged[i] and chance.random() < 0.6}
    debris = [(i, i + chance.randint(1, 2)) for i in range(n) if chance.random() < 0.2]
    weights = [1 / chance.randint(1, 4) for _ in range(n)]
    bounds = [0, *sorted(chance.randint(0, n) for _ in range(chance.randrange(5))), n]
    odd = Oddities(array("B", judged), array("i", gains), array("d", gains.values()), array("i", gains), array("i", chain.from_iterable(debris)))
    expected = []
    for first, last in pairwise(bounds):
        inside = range(first, last)
        broken = [i for i in inside if gains.get(i, 0) > 0]
        sound = sum(weights[i] for i in inside if judged[i] and i not in broken)
        beyond = sum(weights[i] * min(max(gains[i] - SOLID, 0), STRONG - SOLID) for i in broken)
        expected += [sound, sum(weights[i] for i in broken), beyond, sum(i in inside for i, _ in debris)]
    assert list(odd.tally(array("d", weights), array("i", bounds))) == pytest.approx(expected)


def test_an_empty_text(everything: restore.Restorer) -> None:
    assert look(everything, "") == look(everything, " \n\n ") == ([], [])


def test_a_table_of_ones_own(everything: restore.Restorer, tmp_path: Path) -> None:
    near = {"mortgage": ["loan", "qzxqzx"], "loan": ["mortgage"], "struggle": ["war", "battle"]}
    write_near(tmp_path / "own.near", near, {})
    table = Neighbours(tmp_path / "own.near", everything.model)
    assert table.k == 2
    lattice = everything.lattice(b"They took a mortgage shark to court over a struggle loan.")
    odd, words = table.look(lattice), everything.model.words()
    assert {lattice.tokens.surface(i): words[word] for i, word in zip(odd.sites, odd.best, strict=True)}["mortgage"] == "loan"
    for content in (b"", b"nonsense", (tmp_path / "own.near").read_bytes()[:-20]):
        (tmp_path / "bad.near").write_bytes(content)
        with pytest.raises(ArtefactError):
            Neighbours(tmp_path / "bad.near", everything.model)
