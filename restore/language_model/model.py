"""Open and query an n-gram language model (format: `restore.language_model.write`)."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from restore import kernels
from restore.arrays import zeros
from restore.container import open_container
from restore.errors import ModelError
from restore.tokenizer import Tokens, encode, tokenize

KIND, VERSION = "language-model", 1
UNKNOWN, BEGIN, END = 0, 1, 2
_WIDTH = 4


class LanguageModel:
    """An n-gram model opened by mmap.

    Attributes:
        path: the file.
        meta: what the trainer wrote about it.
        order: the longest n-gram.
        arrays: what the kernels want, in their order: order, unigrams, bigrams … fivegrams, capacities, code books.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        container = open_container(path, KIND, VERSION, ModelError)
        self.path: Path = container.path
        self.meta: dict[str, Any] = container.meta
        self.order = int(container.meta["order"])
        if not 2 <= self.order <= 5:
            raise ModelError(path, f"has order {self.order}; this release reads orders 2 to 5")
        self.container = container
        self.vocabulary_table = container.section("vocabulary_table", "Q")
        # Slots of the vocabulary's table, then of the tables of 2-grams, 3-grams …
        slots = [int(n) for n in container.meta["capacities"]]
        self.vocabulary_capacity = slots[0]
        self.unigrams = container.section("unigrams", "f")
        self.characters = container.section("characters")
        if len(self.characters) != 40**3:
            raise ModelError(path, "its character model has the wrong size; train or install it again")
        tables = [container.section(f"ngrams{n}", "I") if n <= self.order else memoryview(array("I", [0])) for n in range(2, 6)]
        capacities = array("Q", (slots[n - 1] if n <= self.order else 1 for n in range(2, 6)))
        self.arrays: tuple[Any, ...] = (self.order, self.unigrams, *tables, memoryview(capacities), container.section("codebooks", "f"))

    def __len__(self) -> int:
        """Words in the vocabulary, the three special ones included."""
        return len(self.unigrams) // 2

    def ids(self, norms: memoryview, n: int) -> array[int]:
        """Vocabulary ids of hashed normal forms; 0 for unknown words."""
        ids = zeros("i", n)
        if n:
            kernels.find_words(norms, n, self.vocabulary_table, self.vocabulary_capacity, ids)
        return ids

    def spelling(self, tokens: Tokens, ids: array[int], tables: tuple[memoryview, memoryview]) -> array[float]:
        """Log probability of the spelling of each unknown token, given that it is unknown; 0 for the others."""
        n = len(tokens)
        result = zeros("d", n)
        if n:
            kernels.spell(tokens.text, *tables, self.characters, tokens.starts, tokens.ends, ids, tokens.flags, n, result)
        return result

    def score_ids(self, ids: Iterable[int]) -> array[float]:
        """Log probability of each word of a paragraph after the words before it, from <s> on.

        Args:
            ids: vocabulary ids; end with END to score the end of the paragraph.
        """
        words = array("i", ids)
        scores = zeros("d", len(words))
        if words:
            kernels.score_words(words, *self.arrays, zeros("i", _WIDTH), zeros("d", _WIDTH), zeros("d", 4), scores)
        return scores

    def score(self, text: str) -> array[float]:
        """Log probability of each token of a paragraph (natural log), its end included.

        >>> from restore.lexicon import data_path
        >>> model = LanguageModel(data_path() / "en.model")
        >>> sum(model.score("The war is over.")) > sum(model.score("The struggle is over."))
        True
        """
        tokens = tokenize(encode(text))
        ids = self.ids(memoryview(tokens.norms), len(tokens))
        ids.append(END)
        return self.score_ids(ids)

    def words(self) -> list[str]:
        """The vocabulary by id; the first three are <unk>, <s>, </s>."""
        return bytes(self.container.section("vocabulary")).decode("utf-8", "surrogatepass").split("\n")
