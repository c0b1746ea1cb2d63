"""Perplexity of held-out text: how well a model predicts text it was not trained on (lower is better)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from restore.language_model.corpus import ABSENT, BEGIN, UNKNOWN, Ids
from restore.language_model.count import Floats, NgramTable

# log P(<s>): nothing ever predicts it.
NEVER = -99.0


class Matches(NamedTuple):
    """What a table of order n holds for the n-gram ending at each position of a stream.

    Attributes:
        found: whether there is such an n-gram.
        log_prob: float64, its log-probability (anything where not found).
        backoff: float64, its log back-off (0 where not found).
    """

    found: npt.NDArray[np.bool_]
    log_prob: Floats
    backoff: Floats


def match_tables(tables: Sequence[NgramTable], log_probs: Sequence[Floats], log_backoffs: Sequence[Floats], stream: Ids) -> Iterable[Matches]:
    """Look the n-grams of a stream up in exact tables, order by order.

    Args:
        tables: n-grams by order.
        log_probs: natural logs, by order and row.
        log_backoffs: natural logs, by order and row; none for the highest order.
        stream: word ids with BEGIN and END.
    """
    rows = stream
    for n, table in enumerate(tables, 1):
        if n > 1:
            extended = np.full(len(stream), ABSENT, dtype=np.uint32)
            extended[n - 1 :] = table.find(rows[n - 1 :], stream[: len(stream) - n + 1])
            rows = extended
        found = rows != ABSENT
        log_prob, backoff = np.zeros(len(stream)), np.zeros(len(stream))
        log_prob[found] = log_probs[n - 1][rows[found]]
        if n < len(tables):
            backoff[found] = log_backoffs[n - 1][rows[found]]
        yield Matches(found, log_prob, backoff)


def score(matches: Iterable[Matches]) -> Floats:
    """log P of each word of a stream given the words before it.

    The longest n-gram that ends in the word gives its probability; the back-offs of the contexts longer than that are added.
    """
    result: Floats | None = None
    previous: Matches | None = None
    for match in matches:
        if result is None or previous is None:
            result = match.log_prob.copy()
        else:
            result[1:] += previous.backoff[:-1]
            result[match.found] = match.log_prob[match.found]
        previous = match
    if result is None:
        raise ValueError("a model has at least one order")
    return result


def perplexity(matches: Iterable[Matches], stream: Ids) -> dict[str, float]:
    """Perplexity of a stream, ends of lines included.

    Args:
        matches: what the model holds for the stream.
        stream: word ids with BEGIN and END.

    Returns:
        "tokens", "unknown" (how many of them), "perplexity" over all tokens with P(<unk>) for the unknown ones, and "perplexity_known"
        over the known ones.
    """
    log_prob = score(matches)
    predicted = stream != BEGIN
    known = predicted & (stream != UNKNOWN)
    return {
        "tokens": int(predicted.sum()),
        "unknown": int(predicted.sum() - known.sum()),
        "perplexity": float(np.exp(-log_prob[predicted].mean())),
        "perplexity_known": float(np.exp(-log_prob[known].mean())),
    }


def logs(values: Floats) -> Floats:
    """Natural logs, NEVER for 0."""
    return np.log(values, out=np.full(len(values), NEVER), where=values > 0)
