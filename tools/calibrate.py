"""Fit the maps from evidence to log odds (`WEIGHTS` and `FIT` of restore/detect.py), and check them.

Clean text is spun by the dictionaries' own channel (tools/spin.py) at rates from .02 on, whole and in parts; the decoder that judges it does not know 40 % of
the rows. Clean text is judged by that decoder and by the one that ships. Each file's thirds are genres, and each genre is scored by a fit on the others. Both
maps are fitted at a prior of .2, not .5: where no line separates the classes exactly, it is to be right where false alarms are decided. Then each family is
left out of the dictionaries. The gate is not asked.
Run: python tools/calibrate.py FOLDER, with NAME.txt.xz (clean text, a paragraph a line) in FOLDER, and numpy. Six minutes.
With --shipped it fits nothing and prints the tables of the constants that are in restore/detect.py.
"""

from __future__ import annotations

import argparse
import lzma
import math
import random
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from spin import Spinner

import restore
from restore import detect
from restore.detect import Units, Weights
from restore.lexicon import File, data_path, find_files, read_files, read_words
from restore.lexicon.build import build_lexicon
from restore.lexicon.inflection import Inflector

DOCUMENTS, HIDDEN, PRIOR = 700, 0.4, 0.2
LENGTHS = (20, 50, 100, 300, 1000)
#: Blocks of so many paragraphs are read, out of each so many.
BLOCK, BLOCKS = 60, 200


class Document(NamedTuple):
    """A text, its genre, and what spun it at which rate ("" for a clean text)."""

    text: str
    genre: str
    family: str
    rate: float


class Judged(NamedTuple):
    """A document as a decoder saw it: sentences, families of the dictionaries, and the posterior of each lane."""

    document: Document
    units: Units
    families: tuple[str, ...]
    belief: detect.Belief

    @property
    def words(self) -> int:
        return sum(self.units.words)

    @property
    def spun(self) -> bool:
        return bool(self.document.family)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--shipped", action="store_true", help="fit nothing")
    args = parser.parse_args()
    known, left_out = judge(args.folder)
    weights = detect.WEIGHTS
    if not args.shipped:
        weights = fit(known)
        print("WEIGHTS = Weights({})".format(", ".join(f"{value:.3f}" for value in weights)))
        print("FIT = ({})".format(", ".join(f"{value:.3f}" for value in fit_unknown(known, left_out))))
    for title, group in (("each file", lambda genre: genre.split("/")[0]), ("each third of a file", str)):
        print(f"\n{title} held out" if not args.shipped else "\nthe shipped constants")
        tables(known, odds_of(known, group, weights if args.shipped else None))
        if args.shipped:
            break
    print("\nleft out of the dictionaries")
    for family in sorted(detect.FAMILY_PRIOR):
        rows = [row for row in left_out if family not in row.families]
        spun = np.array([row.spun for row in rows])
        for title, odds in (("all", log_factors(rows, weights)), ("rows of other families alone", log_factors(rows, weights, 0.0))):
            for low, high in ((50, 150), (150, 10**9)):
                here = np.array([low <= row.words < high for row in rows])
                print(f"{family:10s} {title:28s} {low}+ words  {summary(odds[here], spun[here])}")


def judge(folder: Path) -> tuple[list[Judged], list[Judged]]:
    """Documents judged with 40 % of the rows hidden (the clean ones also with all rows), and with a family left out (a third of the clean ones for each)."""
    chance = random.Random(5)
    files = read_files(find_files([data_path()]), shipped=True)
    spinner = Spinner(files)
    documents = [document for path in sorted(folder.glob("*.txt.xz")) for document in make(path, spinner, chance)]
    known = [file._replace(rows=[row for row in file.rows if row.observed == row.original or chance.random() > HIDDEN]) for file in files]
    found, left_out = run(known, documents), list[Judged]()
    shipped = restore.load(gate=False)
    found += [look(shipped, document) for document in documents if not document.family]
    for k, family in enumerate(spinner.families):
        mine = [document for number, document in enumerate(documents) if document.family == family or (not document.family and number % 3 == k)]
        left_out += run([file for file in files if file.family != family], mine)
    return found, left_out


def run(files: Sequence[File], documents: Sequence[Document]) -> list[Judged]:
    """Documents judged with some dictionaries."""
    folder = data_path()
    swaps = read_files([folder / "swaps.tsv"], shipped=True)[0].rows
    words = read_words(folder / "protected.tsv"), read_words(folder / "terms.tsv")
    with tempfile.TemporaryDirectory() as name:
        build_lexicon(files, *words, swaps, Inflector(folder / "inflections.tsv"), Path(name) / "some.lexicon", "")
        restorer = restore.load(Path(name) / "some.lexicon", gate=False)
        return [look(restorer, document) for document in documents]


def look(restorer: restore.Restorer, document: Document) -> Judged:
    """A document judged."""
    analysis = restorer.analyse(document.text)
    return Judged(document, analysis.units, restorer.lexicon.families, analysis.belief)


def make(path: Path, spinner: Spinner, chance: random.Random) -> Iterator[Document]:
    """Documents of one file: runs of consecutive paragraphs, clean; three in five of them also spun, whole or in part."""
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        paragraphs = [line.strip() for line in lines]
    step = max(BLOCK, len(paragraphs) // BLOCKS)
    for number in range(DOCUMENTS):
        start = step * (number * len(paragraphs) // step // DOCUMENTS)
        genre = f"{path.name.split('.')[0]}/{3 * start // len(paragraphs)}"
        target = math.exp(chance.uniform(math.log(20), math.log(1300)))
        block = paragraphs[start : start + BLOCK]
        words = " \n".join(block[chance.randrange(max(1, len(block) // 2)) :]).split(" ")[: int(target)]
        text = " ".join(words).replace(" \n", "\n")
        if len(words) < 20:
            continue
        yield Document(text, genre, "", 0.0)
        if chance.random() < 0.6:
            family = chance.choices(spinner.families, [detect.FAMILY_PRIOR[name] ** 0.5 for name in spinner.families])[0]
            rate = chance.betavariate(4, 3) if chance.random() < 0.5 else math.exp(chance.uniform(math.log(0.02), math.log(0.5)))
            first, last = 0, len(text)
            if len(words) > 150 and chance.random() < 0.25:
                first = chance.randrange(len(text) // 2)
                last = first + chance.randrange(len(text) // 4, len(text) // 2)
                first, last = text.find(" ", first) + 1, text.find(" ", last) + 1 or len(text)
            spun, edits = spinner.spin(text[first:last], family, rate, chance)
            # With less than 2 % of the words changed nobody can tell.
            if len(edits) >= max(2, 0.02 * len(spun.split())):
                yield Document(text[:first] + spun + text[last:], genre, family, rate)


def fit(rows: Sequence[Judged]) -> Weights:
    """Both maps; that of known families on the family that speaks loudest under the weights so far."""
    spun = np.array([row.spun for row in rows])
    tables = [design(row) for row in rows]
    weights = np.array([0.3, 4.7, 0.5, -0.9, 2.0])
    for _ in range(4):
        weights = logistic(np.array([table[(table @ weights).argmax()] for table in tables]), spun, PRIOR, weights)
    # What is odd does not depend on the dictionaries.
    once = list({id(row.document): row for row in rows}.values())
    odd = logistic(np.array([odd_design(row) for row in once]), np.array([row.spun for row in once]), PRIOR)
    return Weights(*weights[:3], -weights[3], weights[4], *odd[:3], -odd[3], odd[4])


def design(row: Judged) -> np.ndarray:
    """What `detect.log_odds` weighs, families × 5."""
    sums = row.units.sums
    words, debris = sums.words, sums.totals[3]
    scale = detect.WHOLE_WORDS / max(words, detect.WHOLE_WORDS)
    sums = np.reshape(sums.wholes, (-1, 3))
    return np.array([[scale * a, math.log1p(scale * weak / 6), scale * strong, math.log1p(scale * words / 4), scale * debris] for a, weak, strong in sums])


def odd_design(row: Judged) -> list[float]:
    """What `detect.unknown_odds` weighs."""
    sound, broken, strong, debris, *_ = row.units.sums.totals
    scale = detect.WHOLE_WORDS / max(row.words, detect.WHOLE_WORDS)
    return [scale * debris, scale * strong, math.log1p(scale * broken), math.log1p(scale * sound), 1.0]


def fit_unknown(known: Sequence[Judged], left_out: Sequence[Judged]) -> np.ndarray:
    """Known families against unknown ones, among spun texts at rates from .2 on."""
    rows = [row for row in (*known, *left_out) if row.document.rate >= 0.2]
    unknown = np.array([row.document.family not in row.families for row in rows])
    return logistic(np.array([detect.fit_signs(row.units.sums, row.belief.lanes, row.belief.weights) for row in rows]), unknown, 0.5)


def logistic(x: np.ndarray, y: np.ndarray, prior: float, weights: np.ndarray | None = None) -> np.ndarray:
    """Logistic regression by Newton's method, the classes weighed as `prior` says; gives log odds at even prior odds."""
    weights = np.zeros(x.shape[1]) if weights is None else weights
    balance = np.where(y, prior / y.mean(), (1 - prior) / (1 - y.mean()))
    for _ in range(80):
        p = 1 / (1 + np.exp(-np.clip(x @ weights + math.log(prior / (1 - prior)), -30, 30)))
        step = np.linalg.solve((x * (balance * p * (1 - p))[:, None]).T @ x + np.eye(x.shape[1]), x.T @ (balance * (y - p)) - weights)
        # Half a step at most: whole ones overshoot where the classes are far apart.
        weights = weights + step * min(0.5, 1 / (1e-9 + np.abs(step).max()))
        if np.abs(step).max() < 1e-5:
            break
    return weights


def odds_of(rows: Sequence[Judged], group: object, weights: Weights | None) -> np.ndarray:
    """Log Bayes factors: by the weights given, or for each group of genres by a fit on the others."""
    if weights is not None:
        return log_factors(rows, weights)
    groups = np.array([group(row.document.genre) for row in rows])  # type: ignore[operator]
    odds = np.zeros(len(rows))
    for name in sorted(set(groups)):
        mine = groups == name
        weights = fit([row for row, inside in zip(rows, mine, strict=True) if not inside])
        odds[mine] = log_factors([row for row, inside in zip(rows, mine, strict=True) if inside], weights)
    return odds


def log_factors(rows: Sequence[Judged], weights: Weights, share: float = detect.UNKNOWN_SHARE) -> np.ndarray:
    """Log Bayes factors of documents."""
    return np.array([detect.log_bayes_factor(row.units, weights, share) for row in rows])


def tables(rows: Sequence[Judged], odds: np.ndarray) -> None:
    """Figures and a reliability table for each length; where the false alarms are."""
    words, spun = np.array([row.words for row in rows]), np.array([row.spun for row in rows])
    for low, high in zip(LENGTHS, (*LENGTHS[1:], 10**9), strict=True):
        here = (words >= low) & (words < high)
        print(f"{low}–{high} words: {summary(odds[here], spun[here])}" if high < 10**9 else f"{low} words and more: {summary(odds[here], spun[here])}")
        p = 1 / (1 + np.exp(-np.clip(odds[here], -700, 700)))
        weight = np.where(spun[here], 0.5 / spun[here].mean(), 0.5 / (1 - spun[here].mean()))
        for part in np.array_split(np.argsort(p), 10):
            w, was = weight[part], np.average(spun[here][part], weights=weight[part])
            error = math.sqrt(max(was * (1 - was), 0.25 / len(part)) * (w**2).sum()) / w.sum()
            print(f"    said {np.average(p[part], weights=w):.3f}  was {was:.3f} ± {error:.3f}  ({len(part)})")
    alarms = [row.document.genre for row, odd in zip(rows, odds, strict=True) if not row.spun and odd >= math.log(99)]
    print("false alarms:", ", ".join(f"{genre} {alarms.count(genre)}" for genre in sorted(set(alarms))) or "none")


def summary(odds: np.ndarray, spun: np.ndarray) -> str:
    """AUROC, balanced Brier score, and rates at the default prior."""
    clean, positive, limit = np.sort(odds[~spun]), odds[spun], math.log(99)
    auroc = (np.searchsorted(clean, positive, "left") + np.searchsorted(clean, positive, "right")).mean() / 2 / len(clean)
    p = 1 / (1 + np.exp(-np.clip(odds, -700, 700)))
    brier = ((p[~spun] ** 2).mean() + ((1 - p[spun]) ** 2).mean()) / 2
    rates = f"TPR {(positive >= limit).mean():.3f}  FPR {(clean >= limit).mean():.4f}"
    return f"{len(clean)} clean, {len(positive)} spun; AUROC {auroc:.4f}  Brier {brier:.4f}  {rates}"


if __name__ == "__main__":
    main()
