"""Train the table of near-synonyms (dictionaries/en.near): for each frequent word, the words that stand in the same places.

Positive pointwise mutual information of a word with the words one and two places before and after it, each place apart, contexts smoothed (exponent .75); the
largest singular vectors (randomised: Halko, Martinsson and Tropp 2011, "Finding structure with randomness", algorithm 4.4), scaled by the root of their values;
cosine similarity (Levy, Goldberg and Dagan 2015, "Improving distributional similarity with lessons learned from word embeddings"). No dictionary is looked at.

Run: python tools/train_near.py CORPUS[:MEGABYTES]... --output dictionaries/en.near   (numpy and scipy needed; clean text, .xz or plain). Two minutes, 3 GB.
The shipped table: 110 MB of news, 50 of encyclopedia and of how-to, 25 of recipes, 20 of reviews and 6 of science.
"""

from __future__ import annotations

import argparse
import lzma
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import scipy.sparse

from restore.collocation import write_near
from restore.language_model.model import LanguageModel
from restore.lexicon import data_path
from restore.tokenizer import tokenize

#: Words with neighbours, words that are contexts, singular vectors, neighbours kept.
WORDS, CONTEXTS, SIZE, NEAR = 20_000, 8_000, 200, 5
PLACES = (-2, -1, 1, 2)
#: Bytes counted at a time, out of so many: a large file is sampled over its whole length.
PIECE = 5_000_000


def pieces(name: str) -> Iterator[bytes]:
    """Text of a corpus: as many megabytes as were asked for, evenly spread."""
    path, _, megabytes = name.partition(":")
    opener = lzma.open if path.endswith(".xz") else open
    wanted = int(float(megabytes) * 1e6) if megabytes else 1 << 60
    with opener(path, "rb") as file:
        size = file.seek(0, 2)
        step = max(PIECE, int(PIECE * size / min(wanted, size)))
        for start in range(0, size, step):
            file.seek(start)
            yield file.read(PIECE)


def count(corpora: list[str], model: LanguageModel, ranks: np.ndarray) -> scipy.sparse.csr_matrix:
    """How often each word had each context in each place, words × (places · contexts)."""
    tables = [scipy.sparse.csr_matrix((WORDS, CONTEXTS), dtype=np.float32) for _ in PLACES]
    for name in corpora:
        for data in pieces(name):
            tokens = tokenize(data, ())
            words = ranks[np.frombuffer(model.ids(memoryview(tokens.norms), len(tokens)), dtype=np.int32)]
            for number, place in enumerate(PLACES):
                here, there = words[max(0, -place) : len(words) - max(0, place)], words[max(0, place) : len(words) + min(0, place)]
                both = (here < WORDS) & (there < CONTEXTS)
                ones = np.ones(both.sum(), dtype=np.float32)
                tables[number] = tables[number] + scipy.sparse.coo_matrix((ones, (here[both], there[both])), shape=(WORDS, CONTEXTS)).tocsr()
        print(f"{name}: {sum(table.nnz for table in tables)} pairs", file=sys.stderr)
    return scipy.sparse.hstack(tables).tocsr()


def embed(counts: scipy.sparse.csr_matrix) -> np.ndarray:
    """A unit vector a word."""
    total = counts.sum()
    words = np.asarray(counts.sum(1)).ravel() + 1e-9
    contexts = np.asarray(counts.sum(0)).ravel() ** 0.75
    contexts *= total / contexts.sum()
    table = counts.tocoo()
    information = np.log(table.data * total / (words[table.row] * contexts[table.col] + 1e-9))
    positive = information > 0
    matrix = scipy.sparse.csr_matrix((information[positive].astype(np.float32), (table.row[positive], table.col[positive])), shape=table.shape)
    basis = matrix @ np.random.default_rng(1).standard_normal((matrix.shape[1], SIZE + 60)).astype(np.float32)
    for _ in range(3):
        basis = matrix @ (matrix.T @ np.linalg.qr(basis)[0])
    basis = np.linalg.qr(basis)[0]
    left, values, _ = np.linalg.svd((matrix.T @ basis).T, full_matrices=False)
    vectors = (basis @ left)[:, :SIZE] * np.sqrt(values[:SIZE])
    return vectors / (np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", nargs="+")
    parser.add_argument("--output", required=True)
    args = parser.parse_args()
    model = LanguageModel(data_path() / "en.model")
    vocabulary = model.words()
    probabilities = np.frombuffer(model.unigrams, dtype=np.float32)[::2]
    order = np.argsort(-probabilities[: len(vocabulary)], kind="stable")
    ranks = np.full(len(vocabulary), WORDS, dtype=np.int32)
    ranks[order] = np.arange(len(vocabulary))
    ranks[:3] = WORDS
    vectors = embed(count(args.corpora, model, ranks))
    # A word can be named and judged when it is letters alone.
    named = np.array([vocabulary[number].isalpha() and number > 2 for number in order[:WORDS]])
    near: dict[str, list[str]] = {}
    for start in range(0, WORDS, 1000):
        similar = vectors[start : start + 1000] @ vectors.T
        similar[:, ~named] = -1
        similar[np.arange(len(similar)), np.arange(start, start + len(similar))] = -1
        for row, best in enumerate(np.argsort(-similar, axis=1, kind="stable")[:, :NEAR], start):
            if named[row]:
                near[vocabulary[order[row]]] = [vocabulary[order[k]] for k in best]
    write_near(args.output, near, {"corpora": [Path(name).name for name in args.corpora]})


if __name__ == "__main__":
    main()
