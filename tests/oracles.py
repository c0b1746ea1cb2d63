"""Obvious slow twins of the kernels, and the kernels themselves, compiled and as Python."""

from __future__ import annotations

import importlib.util
import itertools
import math
import re
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from types import ModuleType

import pytest

import restore
from restore.channels.substitution import Arcs
from restore.decode import Lanes
from restore.language_model.model import BEGIN, END, LanguageModel
from restore.lattice import Lattice
from restore.tokenizer import LOCKED, NEWLINES_MASK, OPAQUE, SENTENCE_START, Lines, Tokens

IMPLEMENTATIONS = ("compiled", "uncompiled")
PRIME, MASK = 0x9E3779B97F4A7C15, (1 << 64) - 1

Phrase = tuple[int, ...]


@lru_cache
def load_kernels(name: str, file: str = "kernels") -> ModuleType:
    """A file of kernels as it is installed, or the same file run as Python."""
    installed = importlib.import_module(f"restore.{file}")
    if name == "compiled":
        if not installed.COMPILED:
            pytest.skip("the kernels are not compiled")
        return installed
    source = Path(restore.__file__).parent / f"{file}.py"
    spec = importlib.util.spec_from_file_location(f"uncompiled_{file}", source)
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


def compose_terms(
    matches: list[tuple[int, int, int]],
    hashes: list[int],
    flags: list[int],
    links: list[list[tuple[tuple[int, ...], float]]],
    terms: dict[tuple[int, ...], int],
    boost: float,
) -> list[tuple[int, int, int, int, int, float]]:
    """Terms made of what stands there and of links of matches: every way of reading every span, by recursion."""
    found = []

    def follow(i: int, j: int, words: tuple[int, ...], scale: float, changed: int, first: int) -> None:
        if not any(key[: len(words)] == words for key in terms):
            return
        if changed and words in terms and tuple(hashes[i:j]) not in terms:
            number = terms[words]
            found.append((i, j, number, first if first >= 0 else number, changed, min(1.0, scale)))
        if j == len(hashes) or flags[j] & 256 or flags[j] & 7 == 4 or (j > i and flags[j] & 96):
            return
        follow(i, j + 1, (*words, hashes[j]), scale, changed, first)
        for start, end, phrase in matches:
            if start == j:
                for more, weight in links[phrase]:
                    follow(i, end, words + more, scale * weight * (boost if changed else 1.0), changed + 1, phrase if j == i else first)

    for i in range(len(hashes)):
        follow(i, i, (), 1.0, 0, -1)
    return found


def expand_matches(
    matches: Sequence[tuple[int, int, int]],
    hashes: Sequence[int],
    flags: Sequence[int],
    articles: dict[int, bool],
    costs: tuple[float, float, float],
    vowels: Sequence[bool],
    originals: Sequence[Sequence[Original]],
    vocabulary: dict[int, int],
    there: Sequence[int],
    scales: Sequence[float],
) -> list[tuple[int, int, int, list[int], tuple[float, ...], float]]:
    """(start, end, candidate, word ids, weights, bonus) for each candidate of each match; unknown words have id 0.

    `there` are the phrases that stand in the text, `scales` factors of the weights.
    """
    numbers = itertools.count()
    numbered = [[(next(numbers), original) for original in row] for row in originals]
    article_cost, name_cost, unknown_cost = costs
    arcs = []
    for (start, end, phrase), observed, scale in zip(matches, there, scales, strict=True):
        same_line = start > 0 and not flags[start] & NEWLINES_MASK
        article = articles.get(hashes[start - 1]) if same_line else None
        capitalised = flags[start] >> 3 & 3 == 1 and not flags[start] & SENTENCE_START
        for number, original in numbered[phrase]:
            ids = [vocabulary.get(word, 0) for word in original.words]
            bonus = -unknown_cost * ids.count(0)
            if article is not None:
                bonus += article_cost * ((vowels[observed] != article) - (original.vowel != article))
            if capitalised and not original.capitals:
                bonus -= name_cost
            arcs.append((start, end, number, ids, tuple(scale * weight for weight in original.weights), bonus))
    return arcs


# --- gate ------------------------------------------------------------------------------------------------------------

_LETTER = rb"[0-9A-Za-z\x80-\xc1\xc3-\xe1\xe3-\xff]"
_INSIDE = rb"(?:" + _LETTER + rb"|\xc2(?!\xa0)|\xe2(?![\x80\x81].))"
_APOSTROPHE = rb"(?:'|\xe2\x80\x99)(?=" + _LETTER + rb")"
_PIECES = re.compile(rb"(" + _INSIDE + rb"(?:" + _INSIDE + rb"|" + _APOSTROPHE + rb")*)|(\xe2[\x80\x81].)|(\xc2\xa0|[\0\t-\r ']+)|(.)", re.DOTALL)


def screen_slowly(document: bytes, weights: Sequence[int], watched: Sequence[int] = (), bonus: int = 0) -> tuple[int, int, list[int]]:
    """(largest sum of a run of words, words, 32-bit feature numbers) of one document, by a pattern and all pairs of ends."""
    shift = 65 - len(weights).bit_length()
    before, features, sums = 0, list[int](), [0]
    for match in _PIECES.finditer(document):
        word, quote, _, mark = match.groups()
        if quote or mark:
            before = (before ^ match.group()[0]) * PRIME & MASK
        if word is None:
            continue
        key = 0
        for byte in re.sub(_APOSTROPHE, b"", word):
            key = (key ^ (48 if 48 <= byte < 58 else byte | 32 if byte < 128 else byte)) * PRIME & MASK
        key ^= key >> 32
        pair = (before ^ key) * 0xC2B2AE3D27D4EB4F & MASK
        key = key * PRIME & MASK
        before = (key ^ key >> 29) * PRIME & MASK
        features += [key >> 32, pair >> 32]
        scores = [max(bonus, weights[k >> shift]) if k >> 32 in watched else weights[k >> shift] for k in (key, pair)]
        sums.append(sums[-1] + sum(scores))
    peak = max(sums[j] - sums[i] for j in range(len(sums)) for i in range(j + 1))
    return peak, len(sums) - 1, features


# --- language model --------------------------------------------------------------------------------------------------


class Scorer:
    """P(word | history) from the obvious reader of the model file, remembered."""

    def __init__(self, path: Path) -> None:
        from tests.test_language_model_training import ReferenceModel

        self.reader = ReferenceModel(path)
        self._log_prob, self._find = (lru_cache(maxsize=None)(function) for function in (self.reader.log_prob, self.reader.find))

    def log_prob(self, history: Sequence[int], word: int) -> float:
        return float(self._log_prob(tuple(history)[1 - self.reader.order :], word))

    def state(self, history: tuple[int, ...]) -> tuple[int, ...]:
        """What the model can still see of a history: its longest ending, up to order − 1 words, that is in the model."""
        longest = min(self.reader.order - 1, len(history))
        return next(history[-length:] for length in range(longest, 0, -1) if self._find(history[-length:]) is not None)

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
    columns = array("i", ids), array("d", spelling), Lines(array("i", [0, n]), array("i", [0, 0]), array("B", breaks)), array("f", keep)
    return Lattice(tokens, *columns, arcs, order, len({start for start, _ in spans}))


@dataclass(frozen=True)
class Exact:
    """What decoding must give; `gap` is how much the best path is better (log) than the next one, `paths` how many there are."""

    log_z: list[float]
    token_z: list[float]
    posterior: list[float]
    best: list[int]
    gap: float
    paths: int


@dataclass(frozen=True)
class Prefix:
    """The beginning of a path: words since <s>, log probability, channel factor for each lane and for the weighted lanes, arcs used."""

    history: tuple[int, ...]
    log_prob: float
    factors: tuple[float, ...]
    mixture: float
    arcs: tuple[int, ...]


def decode_exactly(
    lattice: Lattice, scorer: Scorer, lanes: Lanes, weights: Sequence[float], scale: float, beam: int | None = None, floor: float = 0.0, entry: float = 0.0
) -> Exact:
    """Sum and maximise over all paths, written out one by one; with a beam, over those that only meet the likeliest
    states of each position, with at least `floor` of a lane's probability; arcs begin in states with at least `entry` of it."""
    n, arcs = len(lattice.ids), lattice.arcs
    n_families = len(lattice.keep) // n

    def extend(prefix: Prefix, start: int, arc: int) -> Prefix:
        history, log_prob = prefix.history, prefix.log_prob
        for word in [lattice.ids[start]] if arc < 0 else arcs.words[arcs.first_words[arc] : arcs.first_words[arc + 1]]:
            log_prob += scorer.log_prob(history, word)
            history = (*history, word)
        log_prob += lattice.spelling[start] if arc < 0 else arcs.bonus[arc] / scale
        here = []
        for theta, family in zip(lanes.thetas, lanes.families, strict=True):
            keep, weight = lattice.keep[start * n_families + family], arcs.weights[arc * n_families + family] if arc >= 0 else 0.0
            here.append(theta * weight if arc >= 0 else 1 - theta * keep)
        mixture = prefix.mixture * sum(w * factor for w, factor in zip(weights, here, strict=True))
        factors = tuple(a * b for a, b in zip(prefix.factors, here, strict=True))
        return Prefix(history, log_prob, factors, mixture, prefix.arcs + ((arc,) if arc >= 0 else ()))

    def values(prefix: Prefix, clean: Prefix) -> list[float]:
        return [math.exp(scale * (prefix.log_prob - clean.log_prob)) * factor for factor in prefix.factors]

    def totals(prefixes: Sequence[Prefix], clean: Prefix) -> list[float]:
        return [math.fsum(column) for column in zip(*(values(prefix, clean) for prefix in prefixes), strict=True)]

    def prune(prefixes: list[Prefix], clean: Prefix) -> tuple[list[Prefix], list[Prefix]]:
        by_state: dict[tuple[int, ...], list[Prefix]] = {}
        for prefix in prefixes:
            by_state.setdefault(scorer.state(prefix.history), []).append(prefix)
        total = totals(prefixes, clean)
        share = {state: max(a / b for a, b in zip(totals(group, clean), total, strict=True)) for state, group in by_state.items()}
        kept = [state for state in sorted(by_state, key=lambda state: -share[state])[:beam] if share[state] >= floor]
        return [prefix for state in kept for prefix in by_state[state]], [prefix for state in kept if share[state] >= entry for prefix in by_state[state]]

    def end_paragraph(prefix: Prefix) -> Prefix:
        return replace(prefix, history=(BEGIN,), log_prob=prefix.log_prob + scorer.log_prob(prefix.history, END))

    clean = Prefix((BEGIN,), 0.0, (1.0,) * len(lanes), 1.0, ())
    at: list[list[Prefix]] = [[clean]]
    entries: list[list[Prefix]] = [[clean]]
    sums = [[1.0] * len(lanes)]
    for j in range(1, n + 1):
        clean = extend(clean, j - 1, -1)
        steps = [(j - 1, -1), *((arcs.starts[k], k) for k in range(len(arcs)) if arcs.ends[k] == j)]
        found = [extend(prefix, start, arc) for start, arc in steps for prefix in (at if arc < 0 else entries)[start]]
        found, begins = (found, found) if beam is None else prune(found, clean)
        if j == n or lattice.lines.breaks[j]:
            clean, found = end_paragraph(clean), [end_paragraph(prefix) for prefix in found]
            begins = found
        at.append(found)
        entries.append(begins)
        sums.append(totals(found, clean))

    shares = [[value / total for value, total in zip(values(path, clean), sums[n], strict=True)] for path in at[n]]
    posterior = [
        math.fsum(w * p for path, share in zip(at[n], shares, strict=True) if k in path.arcs for w, p in zip(weights, share, strict=True))
        for k in range(len(arcs))
    ]
    scores = {path.arcs: scale * (path.log_prob - clean.log_prob) + math.log(path.mixture) for path in at[n] if path.mixture}
    first, second = sorted([*scores.values(), -math.inf], reverse=True)[:2]
    best = max(scores, key=scores.__getitem__)
    token_z = [math.log(now / before) for j in range(n) for before, now in zip(sums[j], sums[j + 1], strict=True)]
    return Exact(list(map(math.log, sums[n])), token_z, posterior, [int(k in best) for k in range(len(arcs))], first - second, len(at[n]))


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


def gather_slowly(lattice: Lattice, posterior: Sequence[float], k: int) -> tuple[tuple[int, int, int, int], float, list[int]]:
    """Core of an arc, posterior of its wording, and the arcs with the same core tokens (those with a posterior over .001), by going through all arcs."""
    arcs, ids = lattice.arcs, lattice.ids

    def core(k: int) -> tuple[int, int, int, int]:
        start, end, first, last = arcs.starts[k], arcs.ends[k], arcs.first_words[k], arcs.first_words[k + 1]
        while end - start > 1 and last - first > 1 and ids[start] and ids[start] == arcs.words[first]:
            start, first = start + 1, first + 1
        while end - start > 1 and last - first > 1 and ids[end - 1] and ids[end - 1] == arcs.words[last - 1]:
            end, last = end - 1, last - 1
        return start, end, first, last

    i, j, first, last = core(k)
    words = list(arcs.words[first:last])
    same = [b for b in lattice.order if core(b)[:2] == (i, j)]
    listed = [b for b in same if posterior[b] > 1e-3]
    if 0 in words:
        return (i, j, first, last), min(1.0, posterior[k]), listed
    total = math.fsum(posterior[b] for b in same if list(arcs.words[core(b)[2] : core(b)[3]]) == words)
    if len(words) == j - i:
        single = [0.0] * (j - i)
        for b in range(len(arcs)):
            low, high, at, stop = core(b)
            if (low, high) == (i, j) or stop - at != high - low:
                continue
            if low <= i and j <= high and list(arcs.words[at + i - low : at + j - low]) == words:
                total += posterior[b]
            elif high == low + 1 and i <= low < j and arcs.words[at] == words[low - i]:
                single[low - i] += posterior[b]
        if j - i > 1:
            total += min((p for p, word, token in zip(single, words, ids[i:j], strict=True) if word != token), default=0.0)
    return (i, j, first, last), min(1.0, total), listed
