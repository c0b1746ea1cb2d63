"""Learning layers of counts: alignment of originals with spun texts, the rows that come of it, what such rows do, and learning from spun text alone."""

from __future__ import annotations

import random
from collections import Counter
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import restore
from restore.errors import DictionaryError
from restore.learn.layer import check_output, plain, write_layer
from restore.learn.pairs import PairLearner
from restore.learn.spun import SpunLearner
from restore.lexicon.build import add_counts, collect, updated_rate, updated_share
from restore.lexicon.inflection import Inflector
from restore.lexicon.rows import COUNTS, HEADER, Row, read_files

#: Original, spun text, the pairs that must be counted (all of them).
ALIGNED = {
    "one word": ("They sent the letter home.", "They despatched the letter home.", {("despatched", "sent")}),
    "a phrase for a word": ("He left two years ago, she said.", "He left two years in the past, she said.", {("in the past", "ago")}),
    "a word for a phrase": ("He wants to set up a firm.", "He wants to arrange a firm.", {("arrange", "set up")}),
    "neighbours are parted": ("The leader sent more.", "The chief despatched extra.", {("chief", "leader"), ("despatched", "sent"), ("extra", "more")}),
    "words in another order": ("The women and men of the village ate.", "The ladies and men of the village ate.", {("ladies", "women")}),
    "around a word that stayed": ("Low interest rates help us now.", "Low rates of interest help us now.", {("rates of interest", "interest rates")}),
    "articles follow the next word": ("It was an idea of his.", "It was a concept of his.", {("concept", "idea")}),
    "case follows": ("Leaders met. War is over.", "Chiefs met. Struggle is over.", {("chiefs", "leaders"), ("struggle", "war")}),
    "capitals of the original": ("He was in the K.G.B. then.", "He was in the ok.g.b. then.", {("ok.g.b.", "K.G.B.")}),
    "numbers": ("She has nine cats and 20 dogs.", "She has 9 cats and 21 dogs.", {("9", "nine")}),
    "curly and straight": ("It’s a war.", "It's a struggle.", {("struggle", "war")}),
    "a new pair for an everyday word takes the next one along": ("We met under the old bridge.", "We met of the old bridge.", {("of the", "under the")}),
    "nothing": ("Nothing changed here.", "Nothing changed here.", set()),
    "a name added": ("They met in the park.", "They met in the park. Read more: www.example.org", set()),
}  # fmt: skip


@pytest.fixture(scope="module")
def assumed() -> restore.Restorer:
    return loaded()


@pytest.mark.parametrize("name", ALIGNED)
def test_alignment(assumed: restore.Restorer, name: str) -> None:
    original, spun, pairs = ALIGNED[name]
    learner = PairLearner(assumed.lexicon, assumed.model)
    learner.add(original, spun)
    assert set(learner.counts.pairs) == pairs


@lru_cache
def loaded() -> restore.Restorer:
    return restore.load(assume_spun=True)


WORDS = {"sent": "despatched", "war": "struggle", "leader": "chief", "money": "cash", "city": "metropolis", "government": "authorities"}


@given(st.lists(st.lists(st.sampled_from(list(WORDS)), min_size=1, max_size=3), max_size=30), st.randoms(use_true_random=False))
def test_swaps_of_single_words_are_counted_exactly(runs: list[list[str]], chance: random.Random) -> None:
    words = [word for k, run in enumerate(runs) for word in ("then", f"item{k}x", *run, "was", f"near{k}x")]
    swapped = [WORDS[word] if word in WORDS and chance.random() < 0.4 else word for word in words]
    restorer = loaded()
    learner = PairLearner(restorer.lexicon, restorer.model)
    learner.add(" ".join(words), " ".join(swapped))
    changes = [(o, w) for o, w in zip(swapped, words, strict=True) if o != w]
    assert learner.counts.pairs == Counter(changes)
    assert learner.counts.kept["then"] == len(runs)


def test_another_text_is_not_counted(assumed: restore.Restorer) -> None:
    learner = PairLearner(assumed.lexicon, assumed.model)
    assert learner.add("The bridge over the river was closed for a week.", "Mix flour, sugar and butter; bake until brown.") < 1 / 3
    assert learner.counts.documents == 0
    assert learner.counts.pairs == {}


def test_rows_hold_pairs_and_the_kept_words_that_matter(assumed: restore.Restorer) -> None:
    learner = PairLearner(assumed.lexicon, assumed.model)
    learner.add("The war and the war and the wallaby.", "The struggle and the war and the wallaby.")
    assert {(row.observed, row.original): row.weight for row in learner.rows() if row.original in ("war", "wallaby")} == {
        ("struggle", "war"): 1,
        ("war", "war"): 1,
    }
    assert [row for row in learner.rows(min_count=2) if row.observed != row.original] == []


def test_a_layer_is_a_dictionary_and_replaces_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "learnt.tsv"
    rows = [Row("zeal", "energy", "x", 2, "", 0), Row("a  b", "c", "x", 1, "", 0), Row("chief", "leader", "x", 0.12345678, "new", 0)]
    assert write_layer(path, rows, ["What it is."]) == 2
    assert path.read_text().split("\n") == ["# What it is.", COUNTS, HEADER, "chief\tleader\tx\t0.1235\tnew", "zeal\tenergy\tx\t2\t", ""]
    (file,) = read_files([path])
    assert file.counts
    assert file.family == "user"
    assert write_layer(path, rows[:1], [], "my-spinner") == 1
    assert read_files([path])[0].family == "my-spinner"
    (tmp_path / "mine.tsv").write_text(f"{HEADER}\n")
    for bad, message in ((tmp_path / "mine.tsv", "not overwritten"), (tmp_path / "no" / "x.tsv", "no folder"), (tmp_path, "not overwritten")):
        with pytest.raises(DictionaryError, match=message):
            check_output(bad)


@pytest.mark.parametrize(("text", "form"), [("didn’t", "didn't"), ("a \n b", "a b"), ("e\u0301", "é"), ("“x”", '"x"')])
def test_plain(text: str, form: str) -> None:
    assert plain(text) == form


def test_counts_move_rates_and_shares() -> None:
    families = ["one", "two"]
    scores = {("a", "w"): [0.2, 0.1], ("b", "w"): [0.2, 0.0], ("c", "v"): [0.0, 0.0]}
    keep = {"w": [0.4, 0.1]}
    add_counts(scores, keep, {("a", "w"): {"one": 3.0}, ("w", "w"): {"one": 4.0}, ("c", "v"): {"user": 1.0}}, families)
    rate = updated_rate(0.4, 3, 4)
    assert keep["w"] == pytest.approx([rate, 0.1])
    assert scores["a", "w"][0] == pytest.approx(rate * updated_share(0.5, 3, 3))
    assert scores["b", "w"][0] == pytest.approx(rate * updated_share(0.5, 0, 3))
    assert scores["a", "w"][0] + scores["b", "w"][0] == pytest.approx(rate)
    assert scores["c", "v"][0] == scores["c", "v"][1] > 0.1


@given(st.floats(0.01, 0.95), st.floats(0, 50), st.floats(0, 50))
def test_rates_stay_probabilities_and_follow_the_evidence(before: float, replaced: float, kept: float) -> None:
    rate = updated_rate(before, replaced, kept)
    assert 0 < rate <= 0.95
    assert updated_rate(before, replaced + 1, kept) >= rate - 1e-12
    assert updated_rate(before, replaced, kept + 1) < rate + 1e-12


def test_counts_are_kept_apart_from_weights_and_a_zero_disables_them(tmp_path: Path, small_dictionaries: Path) -> None:
    inflector = Inflector(small_dictionaries / "inflections.tsv")
    (tmp_path / "one.tsv").write_text(f"{COUNTS}\n{HEADER}\nfoo\tbar\tx\t1.5\t\nbar\tbar\tx\t2\t\n")
    (tmp_path / "two.tsv").write_text(f"{COUNTS}\n{HEADER}\nfoo\tbar\tx\t1\t\n")
    (tmp_path / "three.tsv").write_text(f"{HEADER}\nfoo\tbar\tx\t0\t\n")
    paths = [tmp_path / "one.tsv", tmp_path / "two.tsv"]
    assert collect(read_files(paths), inflector) == ({("foo", "bar"): {}}, {}, {("foo", "bar"): {"user": 2.5}, ("bar", "bar"): {"user": 2.0}})
    assert collect(read_files([*paths, tmp_path / "three.tsv"]), inflector)[0] == {}


SPUN = (
    "The chief of the opposition mentioned on Tuesday that the authorities had despatched troops to the border two years in the past. "
    "She instructed reporters that a lot of the cash had been spent on {hardware}. “This is a very troublesome state of affairs,” she stated.\n"
)


def test_learning_from_spun_text(restorer: restore.Restorer) -> None:
    learner = SpunLearner(restorer, [SPUN, SPUN, "Nothing is wrong with this sentence."], propose=False)
    changes = [change for change, _ in zip(learner.rounds(), range(8), strict=False)]
    assert changes[0] == 1
    assert changes[-1] < 0.05
    assert (learner.spun_documents, learner.words) == (2, 2 * 46)
    rows = {(row.observed, row.original): row.weight for row in learner.rows(known=True)}
    assert rows["despatched", "sent"] > 0.15
    assert rows["cash", "money"] > 10 * rows.get(("cash", "currency"), 0.0)
    assert all(weight > 0 for weight in rows.values())
    assert all(row.observed == row.original for row in learner.rows())


def test_learning_leaves_the_restorer_as_it_was(restorer: restore.Restorer) -> None:
    before = restorer.restore(SPUN)
    next(SpunLearner(restorer, [SPUN], propose=False).rounds())
    assert restorer.restore(SPUN) == before
