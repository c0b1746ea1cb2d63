"""Train the gate (restore/gate.py): a linear classifier over hashed words and word pairs, clean text against the same text spun by the dictionaries' channel.

Run: python tools/train_gate.py CORPUS[:MILLION_WORDS]... --output dictionaries/en.gate   (numpy and scipy needed; clean text, a paragraph a line, .xz or plain)

A quarter of the training documents are made otherwise: into one copy of a clean text go observed phrases of several words, into the other their originals,
so that phrases that sampling never reaches ("counterfeit consciousness") have weights too. Logistic regression, L2, by L-BFGS.

The shipped gate: 3 million words of news, 2 of encyclopedia and of historical English, 1.5 of how-to, 1 each of reviews, recipes and science, 2^20 weights.
"""

from __future__ import annotations

import argparse
import lzma
import random
import sys
import time
from array import array
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import scipy.optimize
import scipy.sparse
from spin import Spinner

from restore.gate import count_features, write_gate
from restore.lexicon import data_path, find_files, read_files
from restore.lexicon.build import collect
from restore.lexicon.inflection import Inflector
from restore.tokenizer import encode

RATES = (0.2, 0.35, 0.5, 0.7, 0.9, 1.0)
#: Documents have 25–500 words, log-uniformly.
SHORTEST, LONGEST = 25, 500
INSERTED = 8


def documents(path: Path, words: float, chance: random.Random) -> Iterator[str]:
    """Documents of consecutive paragraphs, `words` words in all."""
    size = lambda: int(np.exp(chance.uniform(np.log(SHORTEST), np.log(LONGEST))))  # noqa: E731
    paragraphs: list[str] = []
    n, target = 0, size()
    with lzma.open(path, "rt", encoding="utf-8") if path.suffix == ".xz" else path.open(encoding="utf-8") as file:
        for line in file:
            paragraphs.append(line.strip())
            n += line.count(" ") + 1
            if n >= target:
                yield " ".join("\n\n".join(paragraphs).split(" ")[: 2 * target])
                words -= min(n, 2 * target)
                paragraphs, n, target = [], 0, size()
                if words <= 0:
                    return


def insert(text: str, phrases: list[str], places: list[float]) -> str:
    """Phrases put between the words of a text."""
    words = text.split(" ")
    for phrase, place in zip(phrases, places, strict=True):
        words.insert(int(place * len(words)), phrase)
    return " ".join(words)


def examples(corpora: list[str], without: str, chance: random.Random) -> Iterator[tuple[str, int]]:
    """Texts with 1 for spun, 0 for clean."""
    files = [file for file in read_files(find_files([data_path()]), shipped=True) if file.family != without]
    spinner = Spinner(files)
    pairs, *_ = collect(files, Inflector(data_path() / "inflections.tsv"))
    phrases = [pair for pair in pairs if " " in pair[0]]
    for corpus in corpora:
        name, _, million = corpus.partition(":")
        start, n = time.time(), 0
        for text in documents(Path(name), float(million or 1) * 1e6, chance):
            n += 1
            yield text, 0
            yield spinner.spin(text, chance.choice(spinner.families), chance.choice(RATES), chance)[0], 1
            if n % 4 == 0:
                words = text.split(" ")[: chance.randint(40, 200)]
                chosen, places = chance.sample(phrases, INSERTED), [chance.random() for _ in range(INSERTED)]
                for k in (1, 0):
                    yield insert(" ".join(words), [pair[k] for pair in chosen], places), 1 - k
        print(f"{name}: {n} documents, {time.time() - start:.0f} s", file=sys.stderr)


def fit(counts: scipy.sparse.csr_matrix, spun: np.ndarray, penalty: float, steps: int) -> np.ndarray:
    """Weights of the features; a feature counts 1 + log of its occurrences."""
    counts.data = (1 + np.log(counts.data)).astype(np.float32)
    transposed = counts.T.tocsr()
    sign = np.where(spun, 1.0, -1.0)

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        weights = parameters[:-1]
        margin = sign * (counts @ weights.astype(np.float32) + parameters[-1])
        slope = -sign / (1 + np.exp(np.clip(margin, -50, 50)))
        gradient = np.append(transposed @ slope.astype(np.float32) + penalty * weights, slope.sum())
        return float(np.logaddexp(0, -margin).sum() + penalty / 2 * weights @ weights), gradient

    found = scipy.optimize.minimize(loss, np.zeros(counts.shape[1] + 1), jac=True, method="L-BFGS-B", options={"maxiter": steps, "maxcor": 6})
    print(f"{counts.shape[0]} documents, loss {found.fun / len(spun):.4f}, {found.nit} steps, offset {found.x[-1]:+.3f}", file=sys.stderr)
    return found.x[:-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", nargs="+")
    parser.add_argument("--output", required=True)
    parser.add_argument("--bits", type=int, default=20, help="2 ** BITS weights of a byte (default: 20)")
    parser.add_argument("--penalty", type=float, default=3.0)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--without", default="", metavar="FAMILY", help="leave a family of spinners out: what does the gate make of one it does not know?")
    parser.add_argument("--save", help="keep the features here (.npz)")
    args = parser.parse_args()
    if args.save and Path(args.save).exists():
        with np.load(args.save) as kept:
            features, bounds, spun = kept["features"], kept["bounds"], kept["spun"]
    else:
        numbers, lengths, labels = array("I"), array("q", [0]), array("b")
        for text, label in examples(args.corpora, args.without, random.Random(1)):
            numbers.extend(count_features(encode(text)))
            lengths.append(len(numbers))
            labels.append(label)
        features, bounds, spun = np.array(numbers, dtype=np.uint32), np.array(lengths), np.array(labels)
        if args.save:
            np.savez(args.save, features=features, bounds=bounds, spun=spun)
    shape = (len(spun), 1 << args.bits)
    columns = (features >> (32 - args.bits)).astype(np.int32)
    counts = scipy.sparse.csr_matrix((np.ones(len(columns), dtype=np.float32), columns, bounds), shape=shape)
    counts.sum_duplicates()
    write_gate(args.output, fit(counts, spun == 1, args.penalty, args.steps).tolist(), {"corpora": [Path(name).name for name in args.corpora]})


if __name__ == "__main__":
    main()
