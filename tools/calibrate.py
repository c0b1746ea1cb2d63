"""Fit the map from evidence to log odds (the constants of restore/detect.py), and check it.

Clean text is spun by the dictionaries' own channel (tools/spin.py) at rates from .02 on, whole and in parts; the decoder that judges it does not know 40 % of
the rows.
Clean text is judged by that decoder and by the one that ships. Each genre is scored by a fit on the others.
Run: python tools/calibrate.py FOLDER, with NAME.txt.xz (a paragraph a line, one genre a file) in FOLDER, and numpy. Five minutes.
"""

from __future__ import annotations

import lzma
import math
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from spin import Spinner

import restore
from restore import detect
from restore.lexicon import data_path, find_files, read_files, read_words
from restore.lexicon.build import build_lexicon
from restore.lexicon.inflection import Inflector

DOCUMENTS, HIDDEN = 500, 0.4
LENGTHS = (20, 50, 100, 300, 1000)


class Document(NamedTuple):
    """A text, its genre, and whether it is spun."""

    text: str
    genre: str
    spun: bool


def main() -> None:
    chance = random.Random(5)
    files = read_files(find_files([data_path()]), shipped=True)
    spinner = Spinner(files)
    documents = [document for path in sorted(Path(sys.argv[1]).glob("*.txt.xz")) for document in make(path, spinner, chance)]
    with tempfile.TemporaryDirectory() as folder:
        known = [file._replace(rows=[row for row in file.rows if row.observed == row.original or chance.random() > HIDDEN]) for file in files]
        output = Path(folder) / "known.lexicon"
        build_lexicon(known, read_words(data_path() / "protected.tsv"), Inflector(data_path() / "inflections.tsv"), output, "")
        hidden = restore.load(output)
        judged = [(document, signs(hidden, document.text)) for document in documents]
        shipped = restore.load()
        judged += [(document, signs(shipped, document.text)) for document in documents if not document.spun]
    spun = np.array([document.spun for document, _ in judged])
    genres = np.array([document.genre for document, _ in judged])
    words = np.array([rows[0][3] for _, rows in judged])
    weights = fit([rows for _, rows in judged], spun)
    print("AGAINST {:.3f}  STYLE {:.3f}  FOR {:.3f}  LENGTH {:.3f}".format(*weights[:3], -weights[3]))
    odds = np.zeros(len(judged))
    for genre in sorted(set(genres)):
        mine = genres == genre
        others = fit([rows for (_, rows), out in zip(judged, mine, strict=True) if not out], spun[~mine])
        odds[mine] = [score(rows, others) for (_, rows), inside in zip(judged, mine, strict=True) if inside]
    for low, high in zip((0, *LENGTHS), (*LENGTHS, 10**9), strict=True):
        here = (words >= low) & (words < high)
        if (here & spun).sum() > 20:
            table(f"{low}–{high} words" if high < 10**9 else f"{low} words and more", odds[here], spun[here])


def make(path: Path, spinner: Spinner, chance: random.Random) -> Iterator[Document]:
    """Documents of one genre: runs of consecutive paragraphs, clean; half of them also spun, whole or in part."""
    genre = path.name.split(".")[0]
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        blocks = list[list[str]]([[]])
        for k, line in enumerate(lines):
            if k % 300 < 60:
                blocks[-1].append(line.strip())
            elif blocks[-1]:
                blocks.append([])
            if len(blocks) > DOCUMENTS:
                break
    for _ in range(DOCUMENTS):
        block = chance.choice(blocks)
        target = math.exp(chance.uniform(math.log(20), math.log(1100)))
        words = " \n".join(block[chance.randrange(max(1, len(block) // 2)) :]).split(" ")[: int(target)]
        text = " ".join(words).replace(" \n", "\n")
        if len(words) < 20:
            continue
        yield Document(text, genre, False)
        if chance.random() < 0.5:
            family = chance.choices(list(detect.FAMILY_PRIOR), list(detect.FAMILY_PRIOR.values()))[0]
            rate = chance.betavariate(4, 3) if chance.random() < 0.5 else math.exp(chance.uniform(math.log(0.02), math.log(0.5)))
            first, last = 0, len(text)
            if len(words) > 150 and chance.random() < 0.25:
                first = chance.randrange(len(text) // 2)
                last = first + chance.randrange(len(text) // 4, len(text) // 2)
                first, last = text.find(" ", first) + 1, text.find(" ", last) + 1 or len(text)
            spun, edits = spinner.spin(text[first:last], family, rate, chance)
            # With less than 2 % of the words changed nobody can tell.
            if len(edits) >= max(2, 0.02 * len(spun.split())):
                yield Document(text[:first] + spun + text[last:], genre, True)


def signs(restorer: restore.Restorer, text: str) -> list[tuple[float, float, float, float]]:
    """For each family: (against, weak, strong, words) of a document."""
    units = restorer.analyse(text).units
    words = sum(unit.words for unit in units)
    return [(*map(sum, zip(*(unit.signs[family] for unit in units), strict=True)), words) for family in range(len(restorer.lexicon.families))]


def design(rows: list[tuple[float, float, float, float]]) -> np.ndarray:
    """What `detect.log_odds` weighs, families × 4."""
    scale = detect.WHOLE_WORDS / max(rows[0][3], detect.WHOLE_WORDS)
    return np.array([[scale * a, math.log1p(scale * weak / 6), scale * strong, math.log1p(scale * n / 4)] for a, weak, strong, n in rows])


def score(rows: list[tuple[float, float, float, float]], weights: np.ndarray) -> float:
    """Log odds, the families summed out."""
    odds = design(rows) @ weights
    shares = detect.family_shares(sorted(detect.FAMILY_PRIOR))
    words = rows[0][3]
    return detect.log_sum([math.log(share) + x for share, x in zip(shares, odds, strict=True)]) * words / (words + detect.FEW_WORDS)


def fit(judged: list[list[tuple[float, float, float, float]]], spun: np.ndarray) -> np.ndarray:
    """Logistic regression by Newton's method, on the family that speaks loudest under the weights so far; both classes weigh the same."""
    tables = np.array([design(rows) for rows in judged])
    weights = np.array([0.2, 5.0, 0.5, -1.6])
    balance = np.where(spun, 0.5 / spun.mean(), 0.5 / (1 - spun.mean()))
    for _ in range(4):
        x = tables[np.arange(len(tables)), (tables @ weights).argmax(1)]
        for _ in range(30):
            p = 1 / (1 + np.exp(-np.clip(x @ weights, -30, 30)))
            step = np.linalg.solve((x * (balance * p * (1 - p))[:, None]).T @ x + np.eye(4), x.T @ (balance * (spun - p)) - weights)
            # Half a step at most: whole ones overshoot where the classes are far apart.
            weights = weights + step * min(0.5, 1 / (1e-9 + np.abs(step).max()))
    return weights


def table(title: str, odds: np.ndarray, spun: np.ndarray) -> None:
    """AUROC, balanced Brier score, rates at the default prior, and a reliability table."""
    clean, positive = np.sort(odds[~spun]), odds[spun]
    auroc = (np.searchsorted(clean, positive, "left") + np.searchsorted(clean, positive, "right")).mean() / 2 / len(clean)
    p = 1 / (1 + np.exp(-np.clip(odds, -700, 700)))
    weight = np.where(spun, 0.5 / spun.mean(), 0.5 / (1 - spun.mean()))
    brier, limit = (weight * (p - spun) ** 2).mean(), math.log(99)
    print(f"{title}: {(~spun).sum()} clean, {spun.sum()} spun; AUROC {auroc:.4f}  Brier {brier:.4f}  TPR {(positive >= limit).mean():.3f}  "
          f"FPR {(clean >= limit).mean():.4f}")  # fmt: skip
    order = np.argsort(p)
    for part in np.array_split(order, 10):
        w = weight[part]
        print(f"    said {np.average(p[part], weights=w):.3f}  was {np.average(spun[part], weights=w):.3f}  ({len(part)})")


if __name__ == "__main__":
    main()
