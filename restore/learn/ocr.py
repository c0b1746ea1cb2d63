"""Confusion weights of an OCR engine, learnt from its output.

Lines beside their transcription are split into words; the words that differ are aligned character by character under the weights so far (Viterbi over a
weighted edit distance with confusions of up to three characters on either side; Brill & Moore 2000, section 3), the confusions on the best paths are counted,
and the counts give the next weights: expectation–maximisation, hard (Ristad & Yianilos 1998, section 2.3). Without transcriptions, the channel restores the
texts with the weights that it has, and what it is sure of stands for the transcription; so each round learns more.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from math import log
from pathlib import Path

from restore import edits as edit_list
from restore.channels.ocr import BASE_RATE, Finder, Rates
from restore.errors import InputError
from restore.language_model.model import LanguageModel
from restore.records import Edit
from restore.respell import Respeller
from restore.tokenizer import encode, split_lines, tokenize

#: Rounds of counting and weighing; the weights change little after three.
ROUNDS = 4
#: Words in which more than this share of the characters is confused are misaligned, not damaged.
HOPELESS = 0.6
#: Words longer than this, and runs of more words that stand against each other, are left out.
LONGEST, LONGEST_RUN = 40, 5
#: Costs (natural log) before anything is counted, by the number of characters on the two sides (observed, intended).
FIRST_COSTS = {(1, 1): 5.0, (0, 1): 6.5, (1, 0): 6.5, (1, 2): 8.0, (2, 1): 8.0, (2, 2): 10.5, (3, 1): 11.0, (1, 3): 11.0, (3, 2): 12.0, (2, 3): 12.0}
#: Without transcriptions: rounds, how sure an edit must be, and the share of the old weights in the new ones.
GUESS_ROUNDS, SURE, OLD_SHARE = 2, 0.9, 0.25

Progress = Callable[[str, int, int], None]


def learn_aligned(pairs: Sequence[tuple[str, str]], progress: Progress | None = None) -> tuple[dict[tuple[str, str], float], float]:
    """Confusions from lines beside their transcription.

    Args:
        pairs: (observed, intended) lines.
        progress: called with stage, done and total.

    Returns:
        (rates, damage): for (observed, intended), how often `intended` became `observed` where it stood, at the error rate `BASE_RATE`; and the texts' own
        confusions a character.

    >>> rates, damage = learn_aligned([("tho hat aud tho oar", "the hat and the ear")] * 3)
    >>> max(rates, key=rates.get), round(damage, 2)
    (('o', 'e'), 0.25)
    """
    parts, characters = differences(pairs)
    costs: dict[tuple[str, str], float] = {}
    rates: dict[tuple[str, str], float] = {}
    damage = 0.0
    for number in range(ROUNDS):
        counts: Counter[tuple[str, str]] = Counter()
        totals = characters.copy()
        for done, (observed, intended) in enumerate(parts):
            if progress and done % 500 == 0:
                progress("learn", number * len(parts) + done, ROUNDS * len(parts))
            steps = align(observed, intended, costs)
            wrong = sum(max(len(o), len(w)) for o, w in steps if o != w)
            if wrong <= HOPELESS * max(len(observed), len(intended)) + 0.5:
                totals.update(intended)
                counts.update(step for step in steps if step[0] != step[1])
        mass = sum(totals.values())
        damage = sum(counts.values()) / max(1, mass)
        rates = {step: count / _places(step[1], totals, mass) for step, count in counts.items() if count > 1 or len(step[0]) + len(step[1]) <= 2}
        costs = {step: -log(min(0.5, rate)) for step, rate in rates.items()}
    if progress:
        progress("learn", 1, 1)
    return {step: rate * BASE_RATE / damage for step, rate in rates.items()}, damage


def learn_unaligned(texts: Sequence[str], model: LanguageModel, rates: Rates, progress: Progress | None = None) -> tuple[dict[tuple[str, str], float], float]:
    """Confusions from scanned texts alone.

    Args:
        texts: one document each; a hundred thousand words or more.
        model: predicts what they say.
        rates: the weights to begin with.
        progress: called with stage, done and total.

    Returns:
        As `learn_aligned`.
    """
    damage = 0.0
    for number in range(GUESS_ROUNDS):
        pairs: list[tuple[str, str]] = []
        respeller = Respeller(model, Finder(model, rates), "ocr")
        for done, text in enumerate(texts):
            if progress:
                progress("read", number * len(texts) + done, GUESS_ROUNDS * len(texts))
            restored = edit_list.apply(text, _sure_edits(respeller, text))
            pairs += zip(text.split("\n"), restored.split("\n"), strict=True)
        learnt, damage = learn_aligned(pairs, progress)
        if not learnt:
            return dict(rates), damage
        rates = {
            step: rate for step in learnt.keys() | rates.keys() if (rate := (1 - OLD_SHARE) * learnt.get(step, 0.0) + OLD_SHARE * rates.get(step, 0.0)) > 0
        }
    return dict(rates), damage


def differences(pairs: Iterable[tuple[str, str]]) -> tuple[list[tuple[str, str]], Counter[str]]:
    """Words that differ, from aligned lines.

    Returns:
        (parts, characters): the differing parts, observed and intended; and how often each character was intended where nothing differs.
    """
    parts: list[tuple[str, str]] = []
    characters: Counter[str] = Counter()
    for observed, intended in pairs:
        a, b = observed.split(), intended.split()
        for kind, i, j, x, y in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
            if kind == "equal":
                characters.update(" ".join(a[i:j]) + " ")
            elif kind == "replace":
                if j - i == y - x:
                    parts += zip(a[i:j], b[x:y], strict=True)
                elif max(j - i, y - x) <= LONGEST_RUN:
                    parts.append((" ".join(a[i:j]), " ".join(b[x:y])))
    return [part for part in parts if max(map(len, part)) <= LONGEST], characters


def align(observed: str, intended: str, costs: Mapping[tuple[str, str], float]) -> list[tuple[str, str]]:
    """The cheapest derivation of one string from another: pieces of both, in order.

    >>> align("arnong", "among", {("rn", "m"): 3.0})
    [('a', 'a'), ('rn', 'm'), ('o', 'o'), ('n', 'n'), ('g', 'g')]
    """
    n, m = len(observed), len(intended)
    table = [[1e9] * (m + 1) for _ in range(n + 1)]
    back: list[list[tuple[int, int]]] = [[(0, 0)] * (m + 1) for _ in range(n + 1)]
    table[0][0] = 0.0
    for i in range(n + 1):
        for j in range(m + 1):
            cost = table[i][j]
            if i < n and j < m and observed[i] == intended[j] and cost < table[i + 1][j + 1]:
                table[i + 1][j + 1], back[i + 1][j + 1] = cost, (1, 1)
            for (o, w), first in FIRST_COSTS.items():
                if i + o > n or j + w > m:
                    continue
                x, y = observed[i : i + o], intended[j : j + w]
                # Letters that stand as they are belong to no confusion.
                if o and w and (x[0] == y[0] or x[-1] == y[-1]):
                    continue
                total = cost + costs.get((x, y), first)
                if total < table[i + o][j + w]:
                    table[i + o][j + w], back[i + o][j + w] = total, (o, w)
    steps = []
    i, j = n, m
    while i or j:
        o, w = back[i][j]
        steps.append((observed[i - o : i], intended[j - w : j]))
        i, j = i - o, j - w
    return steps[::-1]


def write_confusions(path: str | os.PathLike[str], rates: Rates, comments: Sequence[str]) -> int:
    """Write weights as `restore.channels.ocr.read_confusions` reads them; the file appears whole or not at all.

    Returns:
        The number of rows.

    Raises:
        InputError: the file cannot be written.
    """
    rows = []
    for (observed, intended), rate in sorted(rates.items(), key=lambda item: (item[0][1], -item[1], item[0][0])):
        weight = f"{rate * 10_000:.3f}"
        cells = [cell.replace(" ", "␣") for cell in (intended, observed)]
        if float(weight) > 0 and not any(set(cell) & set("\t\r\n") for cell in cells):
            rows.append("\t".join([*cells, weight]))
    text = "".join(f"# {comment}\n" for comment in comments) + "intended\tobserved\tweight\n" + "".join(f"{row}\n" for row in rows)
    target = Path(path)
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", newline="\n", dir=target.parent, delete=False) as file:
            file.write(text)
        os.replace(file.name, target)
    except OSError as problem:
        raise InputError(target, f"cannot be written ({problem.strerror})") from None
    return len(rows)


def _sure_edits(respeller: Respeller, text: str) -> list[Edit]:
    tokens = tokenize(encode(text))
    ids = respeller.model.ids(memoryview(tokens.norms), len(tokens))
    return respeller.edits(tokens, split_lines(tokens), ids, SURE)


def _places(intended: str, totals: Counter[str], mass: int) -> float:
    """How often a string of characters was intended, by the frequencies of its characters; anywhere, for the empty string."""
    places = float(mass)
    for character in intended:
        places *= max(totals[character], 1) / mass
    return max(places, 1.0)
