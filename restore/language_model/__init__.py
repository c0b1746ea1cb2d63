"""The language model: training here, queries in the kernel.

Training needs numpy (the extra ``train``), which is imported only when it starts.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from restore.errors import ConfigError, MissingExtraError

__all__ = ["train_model"]

#: Name of the extra that installs numpy.
EXTRA = "train"


def train_model(
    inputs: Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    order: int = 4,
    vocabulary_min_count: int = 5,
    min_counts: Sequence[int] | None = None,
    size_limit_mb: float | None = None,
    max_ngrams: int | None = None,
    tokens: str = "text",
    test: Sequence[str | os.PathLike[str]] = (),
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, Any]:
    """Train an n-gram model on texts and write it to a file.

    Args:
        inputs: text files, plain, .gz or .xz, UTF-8, one paragraph a line.
        output: the model file; it appears whole or not at all. The same texts and options always give the same bytes.
        order: words in the longest n-grams, 2 to 5.
        vocabulary_min_count: words that occur less often are unknown words.
        min_counts: by order, n-grams that occur less often are left out (the first is not read: words are governed by
            `vocabulary_min_count`). Default: 1, 2, 3, 3, … when there is a limit on the size, otherwise all 1.
        size_limit_mb: prune until the file is at most this large, in millions of bytes.
        max_ngrams: prune until at most this many n-grams of two and more words are left.
        tokens: "text" for the tokens of `restore.tokenizer`, "split" for what stands between white space, as it stands.
        test: held-out texts; the report holds the perplexity on each after each stage.
        progress: called with stage, done and total.

    Returns:
        A report: "tokens", "lines", "types", "vocabulary", "ngrams" and "perplexity" by stage, "discounts", "wrong_entries" (stored n-grams that
        read back another's entry, by order), "bytes", "section_bytes", "seconds" and the options.

    Raises:
        MissingExtraError: numpy is not installed.
        ConfigError: an option is out of range, or the vocabulary alone is larger than `size_limit_mb`.
        InputError: a text cannot be read.
    """
    # Evidence for the defaults (104 M tokens in 28 MB, perplexity of held-out lines with the spelling of unknown words): order 4 and words from 5
    # occurrences on 162.5; from 3 on 162.7, from 10 on 165.0, from 20 on 169.7; from 10 on with order 3 178.9, with order 5 163.2. Minimum counts of
    # 1, 1, 1, 2 or 1, 2, 2, 2 in place of 1, 2, 3, 3 change nothing (162.7).
    limited = size_limit_mb is not None or max_ngrams is not None
    if min_counts is None:
        min_counts = [1, 2, 3, 3, 3][:order] if limited else [1] * order
    if not 2 <= order <= 5:
        raise ConfigError(f"order is {order}, expected 2 to 5")
    if len(min_counts) != order or min(min_counts) < 1:
        raise ConfigError(f"min_counts is {list(min_counts)}, expected {order} numbers from 1 on, one for each order")
    if vocabulary_min_count < 1:
        raise ConfigError(f"vocabulary_min_count is {vocabulary_min_count}, expected 1 or more")
    if tokens not in ("text", "split"):
        raise ConfigError(f"tokens is {tokens!r}, expected 'text' or 'split'")
    if not inputs:
        raise ConfigError("no texts to train on: give at least one file")
    try:
        import numpy  # noqa: F401
    except ImportError:
        raise MissingExtraError("training a language model", EXTRA) from None
    from restore.language_model.train import train

    return train(
        inputs,
        output,
        order=order,
        vocabulary_min_count=vocabulary_min_count,
        min_counts=min_counts,
        size_limit_mb=size_limit_mb,
        max_ngrams=max_ngrams,
        tokens=tokens,
        test=test,
        progress=progress,
    )
