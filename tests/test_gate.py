"""The gate: its kernel against a pattern, what passes, what a user's own rows add, damaged files."""

from __future__ import annotations

import random
from array import array
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import restore
from restore.container import write_container
from restore.gate import KIND, SCALE, VERSION, Gate, count_features, watch, watch_table, write_gate
from restore.lexicon import data_path
from tests.oracles import IMPLEMENTATIONS, load_kernels, screen_slowly, view

PIECES = [
    b"word", b"Word", b"don't", b"don\xe2\x80\x99t", b"'", b"\xe2\x80\x99", b"\xe2\x80\x9c", b"\xe2", b"\xe2\x80", b"\xc2", b"\xc2\xa0",
    b"\xc3\xa9", b" ", b"\n", b".", b",", b"{", b"}", b"17", b"x", b"\xff", b"\x80", b"\0",
]  # fmt: skip
ORDINARY = """We moved into the house in the spring, when the garden was still brown and the boiler did not work. My sister came over on Sundays with soup
and told us which of the neighbours to trust. By June we had painted two rooms, lost a key and found a cat. He slept on the boxes that we had not opened
yet, and nobody came to ask for him. I went back to work in July. The train takes forty minutes if it runs, and I read on the way there and sleep on the
way home. Last week the driver stopped between two stations and told everyone that a cow was standing on the line. People laughed, then they called their
offices, and then they were quiet for an hour."""
SPUN = (Path(__file__).parents[1] / "examples" / "spun_news.txt").read_text(encoding="utf-8")


def screen(kernels: str, documents: list[bytes], weights: list[int], watched: array[int] | None = None, bonus: int = 0) -> list[tuple[int, int, list[int]]]:
    from restore.gate import _FOLD

    offsets = array("q", [0])
    for document in documents:
        offsets.append(offsets[-1] + len(document))
    n, results = len(documents), []
    peaks, words, features = view("q", zeros=n), view("q", zeros=n), view("I", zeros=2 * offsets[-1] + 2)
    data, shift = b"".join(documents), 65 - len(weights).bit_length()
    table = memoryview(watched or array("I"))
    found = load_kernels(kernels, "kernels_gate").screen(data, memoryview(offsets), n, _FOLD, view("b", weights), shift, table, bonus, peaks, words, features)
    at = 0
    for peak, count in zip(peaks, words, strict=True):
        results.append((peak, count, list(features[at : at + 2 * count])))
        at += 2 * count
    assert at == found
    return results


@pytest.mark.parametrize("kernels", IMPLEMENTATIONS)
@pytest.mark.parametrize("seed", range(60))
def test_agrees_with_a_pattern(kernels: str, seed: int) -> None:
    chance = random.Random(seed)
    weights = [chance.randint(-127, 127) for _ in range(1 << chance.randint(1, 10))]
    documents = [b"".join(chance.choice(PIECES) for _ in range(chance.randint(0, 40))) for _ in range(chance.randint(1, 6))]
    assert screen(kernels, documents, weights) == [screen_slowly(document, weights) for document in documents]


@pytest.mark.parametrize("kernels", IMPLEMENTATIONS)
@pytest.mark.parametrize("seed", range(20))
def test_watched_features_have_a_weight_of_their_own(kernels: str, seed: int) -> None:
    chance = random.Random(seed)
    weights = [chance.randint(-127, 127) for _ in range(1 << chance.randint(1, 6))]
    documents = [b" ".join(chance.choice([b"gizmo", b"new", b"old", b"box", b"."]) for _ in range(chance.randint(0, 30))) for _ in range(4)]
    phrases = chance.sample(["gizmo", "new gizmo", "old", "box new", "nowhere", "else"], chance.randint(0, 5))
    watched = [watch(phrase) for phrase in phrases]
    expected = [screen_slowly(document, weights, watched, 48) for document in documents]
    assert screen(kernels, documents, weights, watch_table(phrases), 48) == expected


def test_many_watched_phrases_do_not_open_the_gate_for_other_text() -> None:
    table = watch_table("giz" + "".join("bdfgklmnpr"[int(digit)] for digit in f"{k:05}") for k in range(50_000))
    assert len(table) == 1 << 17
    assert 49_990 <= sum(map(bool, table)) <= 50_000
    data = ORDINARY.encode()
    screened = [Gate(data_path() / "en.gate", watched).screen(data, array("q", [0, len(data)])) for watched in (None, memoryview(table))]
    assert screened[0] == screened[1]


@settings(max_examples=100, derandomize=True, deadline=None)
@given(st.lists(st.binary(max_size=40), min_size=1, max_size=4))
def test_any_bytes(documents: list[bytes]) -> None:
    weights = [3, -2, 5, -7]
    assert screen("compiled", documents, weights) == [screen_slowly(document, weights) for document in documents]


def test_spun_text_passes_and_clean_text_does_not() -> None:
    gate = Gate(data_path() / "en.gate")
    texts = [ORDINARY, SPUN, ""]
    for text, expected in zip(texts, (False, True, False), strict=True):
        words, excess = gate.screen(text.encode(), array("q", [0, len(text.encode())]))
        assert (excess[0] > 0) == expected
        assert words[0] == pytest.approx(len(text.split()), rel=0.1)


def test_weights_are_quantised_and_clipped(tmp_path: Path) -> None:
    write_gate(tmp_path / "gate", [0.5, -100.0, 1 / SCALE / 3, 2.0], {"corpora": ["mine"]})
    gate = Gate(tmp_path / "gate")
    assert gate.container.section("weights", "b").tolist() == [SCALE // 2, -127, 0, 2 * SCALE]
    assert gate.meta["corpora"] == ["mine"]


@pytest.mark.parametrize(("weights", "bits"), [(4, 3), (4, 0), (4, 40)])
def test_a_table_of_the_wrong_size_is_refused(tmp_path: Path, weights: int, bits: int) -> None:
    write_container(tmp_path / "gate", KIND, VERSION, {"bits": bits}, {"weights": array("b", [0] * weights)})
    with pytest.raises(restore.ArtefactError, match="install it again"):
        Gate(tmp_path / "gate")


def test_features_of_phrases() -> None:
    assert watch("Gizmo") == count_features(b"a gizmo")[2]
    assert watch("new gizmo") == count_features(b"any new gizmo")[5]
    assert watch("gizmo") != watch("new gizmo")


def test_a_users_own_rows_open_the_gate(tmp_path: Path) -> None:
    rows = tmp_path / "mine.tsv"
    rows.write_text("observed\toriginal\tpos\tweight\tnote\nfrobnicated whatsit\tkettle\tx\t8\t\nquxify\tboil\tx\t8\t\n", encoding="utf-8")
    text = f"{ORDINARY} She let the frobnicated whatsit quxify. He let it quxify twice, and the frobnicated whatsit sang."
    assert restore.load().batch(text.encode(), array("q", [0, len(text.encode())])).results == {}
    assert restore.load(dictionaries=[rows]).batch(text.encode(), array("q", [0, len(text.encode())])).results.keys() == {0}


def test_no_gate_when_it_is_off_or_the_text_is_taken_as_spun(restorer: restore.Restorer, spun_restorer: restore.Restorer) -> None:
    text = "Nothing is wrong with this sentence."
    assert restorer.detect(text).sites == 0
    assert restore.load(gate=False).detect(text).sites > 0
    assert spun_restorer.detect(text).sites > 0
