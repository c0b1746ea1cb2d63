"""Obvious slow twins of the kernels, and the kernels themselves, compiled and as Python."""

from __future__ import annotations

import importlib.util
import itertools
import math
import random
import sys
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType

import pytest

import restore.kernels
from restore.channels.substitution import Arcs
from restore.decode import Lanes
from restore.language_model.model import BEGIN, END, LanguageModel
from restore.lattice import Lattice
from restore.tokenizer import LOCKED, NEWLINES_MASK, OPAQUE, SENTENCE_START, Tokens

IMPLEMENTATIONS = ("compiled", "uncompiled")
PRIME, MASK = 0x9E3779B97F4A7C15, (1 << 64) - 1

Phrase = tuple[int, ...]


@lru_cache
def load_kernels(name: str) -> ModuleType:
    """The kernels as they are installed, or the same file run as Python."""
    if name == "compiled":
        if not restore.kernels.COMPILED:
            pytest.skip("the kernels are not compiled")
        return restore.kernels
    source = Path(restore.__file__).parent / "kernels.py"
    spec = importlib.util.spec_from_file_location("uncompiled_kernels", source)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    assert not module.COMPILED
    return module


def view(code: str, items: Sequence[float] = (), *, zeros: int = 0) -> memoryview:
    """A writable array for a kernel: the items, then zeros."""
    return memoryview(array(code, [*items, *itertools.repeat(0, zeros)]))


# --- hashes and phrases ----------------------------------------------------------------------------------------------


def mix(key: int, value: int) -> int:
    key = (key ^ value) * PRIME & MASK
    return key ^ key >> 32


def word_hash(normal_form: str) -> int:
    key = 0
    for character in normal_form:
        key = mix(key, ord(character))
    key = key * PRIME & MASK
    return key ^ key >> 29


def phrase_hash(hashes: Sequence[int]) -> int:
    key = 0
    for item in hashes:
        key = mix(key, item)
    return key


def find_phrases(hashes: Sequence[int], flags: Sequence[int], phrases: dict[Phrase, int]) -> list[tuple[int, int, int]]:
    """(start, end, phrase) wherever a phrase stands on one line with no token locked or opaque, by start, then end."""
    found = []
    for start in range(len(hashes)):
        for end in range(start + 1, len(hashes) + 1):
            inside = flags[start:end]
            blocked = any(flag & LOCKED or flag & 7 == OPAQUE for flag in inside) or any(flag & NEWLINES_MASK for flag in inside[1:])
            number = phrases.get(tuple(hashes[start:end]))
            if number is not None and not blocked:
                found.append((start, end, number))
    return found


@dataclass(frozen=True)
class Original:
    """A candidate: hashes of its words, "an" stands before it, it has capitals of its own, weight by family."""

    words: tuple[int, ...]
    vowel: bool
    capitals: bool
    weights: tuple[float, ...]


def expand_matches(
    matches: Sequence[tuple[int, int, int]],
    hashes: Sequence[int],
    flags: Sequence[int],
    articles: dict[int, bool],
    costs: tuple[float, float],
    vowels: Sequence[bool],
    originals: Sequence[Sequence[Original]],
    vocabulary: dict[int, int],
) -> list[tuple[int, int, int, list[int], tuple[float, ...], float]]:
    """(start, end, candidate, word ids, weights, bonus) for each candidate of each match whose words are all known."""
    numbers = itertools.count()
    numbered = [[(next(numbers), original) for original in row] for row in originals]
    article_cost, name_cost = costs
    arcs = []
    for start, end, phrase in matches:
        same_line = start > 0 and not flags[start] & NEWLINES_MASK
        article = articles.get(hashes[start - 1]) if same_line else None
        capitalised = flags[start] >> 3 & 3 == 1 and not flags[start] & SENTENCE_START
        for number, original in numbered[phrase]:
            if not all(word in vocabulary for word in original.words):
                continue
            bonus = 0.0
            if article is not None:
                bonus += article_cost * ((vowels[phrase] != article) - (original.vowel != article))
            if capitalised and not original.capitals:
                bonus -= name_cost
            arcs.append((start, end, number, [vocabulary[word] for word in original.words], original.weights, bonus))
    return arcs


# --- language model --------------------------------------------------------------------------------------------------


class Scorer:
    """P(word | history) from the obvious reader of the model file, remembered."""

    def __init__(self, path: Path) -> None:
        from tests.test_language_model_training import ReferenceModel

        self.reader = ReferenceModel(path)
        self._log_prob = lru_cache(maxsize=None)(self.reader.log_prob)

    def log_prob(self, history: Sequence[int], word: int) -> float:
        return float(self._log_prob(tuple(history)[1 - self.reader.order :], word))

    def score(self, words: Sequence[int]) -> list[float]:
        """Log probability of each word of a paragraph, from <s> on."""
        history = [BEGIN, *words]
        return [self.log_prob(history[:i], history[i]) for i in range(1, len(history))]


# --- lattices --------------------------------------------------------------------------------------------------------


def make_lattice(
    ids: Sequence[int],
    spelling: Sequence[float],
    breaks: Sequence[int],
    keep: Sequence[float],
    spans: Sequence[tuple[int, int]],
    words: Sequence[Sequence[int]],
    weights: Sequence[float],
    bonus: Sequence[float],
) -> Lattice:
    """A lattice by hand: arc k goes over `spans[k]` and writes `words[k]`."""
    n = len(ids)
    tokens = Tokens(b"", *(array(code, [0] * n) for code in "iiQQH"))
    arcs = Arcs(
        array("i", (start for start, _ in spans)),
        array("i", (end for _, end in spans)),
        array("i", range(len(spans))),
        array("i", itertools.accumulate(map(len, words), initial=0)),
        array("i", itertools.chain(*words)),
        array("f", weights),
        array("d", bonus),
    )
    order = array("i", sorted(range(len(spans)), key=lambda k: (spans[k][1], spans[k][0], k)))
    columns = array("i", ids), array("d", spelling), array("B", breaks), array("f", keep)
    return Lattice(tokens, *columns, arcs, order, len({start for start, _ in spans}))


def random_lattice(
    chance: random.Random, sentences: Sequence[Sequence[int]], n_families: int, *, n: int, n_arcs: int, p_break: float = 0.15
) -> Lattice:
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
        [chance.choice((0.0, chance.uniform(0, 0.9))) for _ in range(n * n_families)],
        spans,
        [run(chance.choice((1, 1, 1, 2, 3))) for _ in spans],
        [chance.choice((0.0, 10 ** chance.uniform(-2, 0))) for _ in range(n_arcs * n_families)],
        [chance.choice((0.0, chance.uniform(-2, 5))) for _ in spans],
    )


@dataclass(frozen=True)
class Exact:
    """What decoding must give; `gap` is how much the best path is better (log) than the best one with other arcs."""

    log_z: list[float]
    posterior: list[float]
    best: list[int]
    gap: float


Path_ = list[tuple[int, int, int]]


def all_paths(lattice: Lattice, start: int = 0) -> Iterator[Path_]:
    """Every way through the lattice as (start, end, arc) steps; arc −1 keeps the token."""
    if start == len(lattice.ids):
        yield []
        return
    steps = [(start, start + 1, -1)]
    steps += [(start, lattice.arcs.ends[k], k) for k in range(len(lattice.arcs)) if lattice.arcs.starts[k] == start]
    for step in steps:
        for rest in all_paths(lattice, step[1]):
            yield [step, *rest]


def path_log_prob(lattice: Lattice, scorer: Scorer, path: Path_) -> float:
    """The language model's log probability of what a path writes, with </s> and <s> at paragraph breaks, and the spelling of kept unknown words."""
    arcs, total, history = lattice.arcs, 0.0, [BEGIN]
    for start, _, arc in path:
        if start and lattice.breaks[start]:
            total += scorer.log_prob(history, END)
            history = [BEGIN]
        for word in [lattice.ids[start]] if arc < 0 else arcs.words[arcs.first_words[arc] : arcs.first_words[arc + 1]]:
            total += scorer.log_prob(history, word)
            history.append(word)
        if arc < 0:
            total += lattice.spelling[start]
    return total + scorer.log_prob(history, END)


def decode_exactly(lattice: Lattice, scorer: Scorer, lanes: Lanes, weights: Sequence[float], scale: float) -> Exact:
    """Sum and maximise over all paths, one by one."""
    arcs, n_lanes = lattice.arcs, len(lanes)
    n_families = len(lattice.keep) // len(lattice.ids)

    def factor(start: int, arc: int, lane: int) -> float:
        theta, family = lanes.thetas[lane], lanes.families[lane]
        return theta * arcs.weights[arc * n_families + family] if arc >= 0 else 1 - theta * lattice.keep[start * n_families + family]

    clean = path_log_prob(lattice, scorer, [(i, i + 1, -1) for i in range(len(lattice.ids))])
    z: list[list[float]] = [[] for _ in range(n_lanes)]
    shares: list[tuple[set[int], list[float]]] = []
    scores: dict[frozenset[int], float] = {}
    for path in all_paths(lattice):
        used = {arc for _, _, arc in path if arc >= 0}
        ratio = math.exp(scale * (path_log_prob(lattice, scorer, path) - clean) + sum(arcs.bonus[arc] for arc in used))
        by_lane = [ratio * math.prod(factor(start, arc, lane) for start, _, arc in path) for lane in range(n_lanes)]
        for lane in range(n_lanes):
            z[lane].append(by_lane[lane])
        shares.append((used, by_lane))
        mixtures = [sum(weight * factor(start, arc, lane) for lane, weight in enumerate(weights)) for start, _, arc in path]
        scores[frozenset(used)] = ratio * math.prod(mixtures)
    totals = [math.fsum(row) for row in z]
    posterior = [
        math.fsum(weights[lane] * by_lane[lane] / totals[lane] for used, by_lane in shares if k in used for lane in range(n_lanes))
        for k in range(len(arcs))
    ]
    ranked = sorted(scores, key=lambda used: -scores[used])
    best = [int(k in ranked[0]) for k in range(len(arcs))]
    second = scores[ranked[1]] if len(ranked) > 1 else 0.0
    return Exact([math.log(total) for total in totals], posterior, best, math.log(scores[ranked[0]] / second) if second else math.inf)


@dataclass(frozen=True)
class SmallModel:
    """A model trained on an invented language, its obvious reader, and ids of sentences of that language."""

    model: LanguageModel
    scorer: Scorer
    sentences: list[list[int]]


def train_small_model(folder: Path, order: int) -> SmallModel:
    """Words as rare as these make unknown words, n-grams of every order, and contexts to back off from."""
    from restore.language_model import train_model
    from tests.test_language_model_training import invented_lines

    (folder / "text").write_text("\n".join(invented_lines(150, seed=order, words=30)), encoding="utf-8")
    train_model([folder / "text"], folder / "model", order=order, vocabulary_min_count=8)
    model = LanguageModel(folder / "model")
    return SmallModel(model, Scorer(folder / "model"), encode_lines(model, invented_lines(150, seed=order, words=30)))


def encode_lines(model: LanguageModel, lines: Sequence[str]) -> list[list[int]]:
    """The model's ids of texts of plain words."""
    ids = {word: number for number, word in enumerate(model.words())}
    return [[ids.get(word, 0) for word in line.split()] for line in lines]
