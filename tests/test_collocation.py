"""What is odd without a dictionary, against direct look-ups in the language model."""

from __future__ import annotations

from array import array
from itertools import pairwise
from pathlib import Path

import pytest

import restore
from restore import collocation
from restore.channels.substitution import LM_SCALE
from restore.collocation import EVERYDAY, SOLID, STRONG, Neighbours, Oddities, write_near
from restore.errors import ArtefactError
from restore.language_model.model import BEGIN
from restore.tokenizer import KIND_MASK, WORD, opaque_spans
from tests.oracles import IMPLEMENTATIONS, load_kernels

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
    return worst, [lattice.tokens.surface(*span) for span in odd.debris]


@pytest.mark.parametrize("kernels", IMPLEMENTATIONS)
@pytest.mark.parametrize("text", TEXTS)
def test_gains_are_those_of_the_model(everything: restore.Restorer, monkeypatch: pytest.MonkeyPatch, text: str, kernels: str) -> None:
    monkeypatch.setattr(collocation, "kernels_near", load_kernels(kernels, "kernels_near"))
    model, table = everything.model, neighbours(everything)
    lattice = everything.lattice(text.encode("utf-8", "surrogatepass"))
    tokens, ids, breaks = lattice.tokens, list(lattice.ids), lattice.lines.breaks
    odd = table.look(lattice)
    paragraphs = [i for i, begins in enumerate(breaks) if begins or i == 0] + [len(tokens)]
    expected: dict[int, float] = {}
    judged = 0
    for first, last in pairwise(paragraphs):
        words = [BEGIN, *ids[first:last]]

        def score(words: list[int]) -> list[float]:
            return list(model.score_ids(words[1:]))

        as_it_stands = score(words)
        for k in range(last - first):
            i, word = first + k, ids[first + k]
            row = table._rows[word]
            if tokens.flags[i] & KIND_MASK != WORD or not tokens.surface(i).islower() or not word or row < 0 or model.unigrams[2 * word] > EVERYDAY:
                assert not odd.judged[i]
                continue
            judged += 1
            assert odd.judged[i]
            lift = sum(as_it_stands[j] - model.unigrams[2 * ids[first + j]] for j in range(k, min(k + 2, last - first)))
            if lift < 0:
                others = [number for number in table._near[row * table.k : (row + 1) * table.k] if number]
                swapped = [score([*words[: k + 1], number, *words[k + 2 :]]) for number in others]
                expected[i] = LM_SCALE * max(sum(new) - sum(as_it_stands) for new in swapped)
    assert sum(odd.judged) == judged
    assert dict(zip(odd.sites, odd.gains, strict=True)) == pytest.approx(expected, rel=1e-6, abs=1e-6)


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
    ],
)
def test_debris(everything: restore.Restorer, text: str, debris: list[str]) -> None:
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


def test_sums_of_sentences() -> None:
    odd = Oddities(array("B", [1, 1, 0, 1, 1]), array("i", [0, 3, 4]), array("d", [SOLID + 2, -1, 2 * STRONG]), array("i", [7, 8, 9]), [(2, 4), (4, 6)])
    rows = odd.tally(array("d", [1, 1, 1, 1, 0.5]), [0, 2, 2, 5])
    assert rows == [(1, 1, 2, 0), (0, 0, 0, 0), (1, 0.5, 0.5 * (STRONG - SOLID), 2)]
    assert Oddities().tally(array("d"), [0]) == []


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
