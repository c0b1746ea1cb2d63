"""Modified interpolated Kneser–Ney smoothing (Chen & Goodman 1998, section 3), for full and for pruned sets of n-grams.

In Kneser–Ney, an n-gram below the highest order counts once for each word seen before it, because its longer n-grams speak for the other
occurrences. Where a longer n-gram has been pruned it no longer does, and all its occurrences fall to the lower order (Siivola, Hirsimäki & Virpioja
2007, "On growing and pruning Kneser–Ney smoothed n-gram models", section III). Both are one formula: the adjusted count of an n-gram is

    a(g) = c(g) − Σ (c(x g) − 1)   over the words x for which x g is in the model,

which is the number of words before g when nothing is pruned. An n-gram that begins with <s> has nothing before it: a(g) = c(g). So a model is a
function of the occurrences of the n-grams in it, and a pruned model sums to 1 by construction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from restore.language_model.corpus import BEGIN, Ids
from restore.language_model.count import Floats, NgramTable

Discounts = tuple[float, float, float]

# Where counts of counts are missing (tiny texts) the formula fails; these are KenLM's fallback.
FALLBACK: Discounts = (0.5, 1.0, 1.5)

_CHUNK = 1 << 23


@dataclass(frozen=True)
class Model:
    """Probabilities of the n-grams of some tables.

    Attributes:
        tables: the n-grams, by order.
        probabilities: float64 by order and row: P(last word | the words before it).
        backoffs: float64 by order and row: the factor for words that do not follow this n-gram in the tables; none for the highest order.
    """

    tables: list[NgramTable]
    probabilities: list[Floats]
    backoffs: list[Floats]


def adjusted_counts(tables: Sequence[NgramTable]) -> list[Floats]:
    """a(g) of each n-gram (see the module), by order and row; 0 for <s>."""
    result = [tables[-1].count.astype(np.float64)]
    for table, longer in zip(reversed(tables[:-1]), reversed(tables[1:]), strict=True):
        adjusted = table.count - sum_by(longer.suffix, longer.count - np.float64(1), len(table))
        begins = table.first == BEGIN
        adjusted[begins] = table.count[begins]
        result.append(adjusted)
    result[-1][BEGIN] = 0
    return result[::-1]


def estimate_discounts(adjusted: Sequence[Floats]) -> list[Discounts]:
    """D1, D2, D3+ of each order from counts of counts (Chen & Goodman 1998, equation 26).

    Args:
        adjusted: adjusted counts of the unpruned tables, by order.

    Returns:
        The discounts by order; FALLBACK for an order whose counts of counts are zero or give a discount outside [0, count].
    """
    result = []
    for counts in adjusted:
        n1, n2, n3, n4 = (float(np.count_nonzero(counts == count)) for count in (1, 2, 3, 4))
        if not (n1 and n2 and n3):
            result.append(FALLBACK)
            continue
        y = n1 / (n1 + 2 * n2)
        triple = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
        valid = all(0 <= discount <= count for count, discount in enumerate(triple, 1))
        result.append(triple if valid else FALLBACK)
    return result


def raw_counts(tables: Sequence[NgramTable]) -> list[Floats]:
    """Occurrences of each n-gram, by order and row; 0 for <s>. In place of adjusted counts they give plain absolute discounting."""
    result = [table.count.astype(np.float64) for table in tables]
    result[0][BEGIN] = 0
    return result


def estimate(tables: list[NgramTable], adjusted: Sequence[Floats], discounts: Sequence[Discounts]) -> Model:
    """Probabilities and back-off factors of the n-grams in `tables`.

    Args:
        tables: n-grams by order; suffix and context of each must be in the next lower table.
        adjusted: `adjusted_counts` of these tables, or `raw_counts`.
        discounts: by order, from the same kind of counts of the unpruned tables.

    Returns:
        The model. Σ_w P(w | h) over the vocabulary without <s> is 1 for each history h.
    """
    mass = [counts - _discount(counts, triple) for counts, triple in zip(adjusted, discounts, strict=True)]
    # Unigrams are interpolated with a uniform distribution over the vocabulary without <s>.
    total = float(adjusted[0].sum())
    words = len(tables[0]) - 1
    unigrams = mass[0] / total + (total - float(mass[0].sum())) / total / words
    unigrams[BEGIN] = 0
    probabilities, backoffs = [unigrams], []
    for n in range(1, len(tables)):
        table, history = tables[n], tables[n - 1]
        followed = history.count - sum_by(table.context, table.count - adjusted[n], len(history))
        followed[followed <= 0] = 1  # <unk> without occurrences
        backoff = 1 - sum_by(table.context, mass[n], len(history)) / followed
        backoffs.append(backoff)
        probabilities.append(mass[n] / followed[table.context] + backoff[table.context] * probabilities[-1][table.suffix])
    return Model(tables, probabilities, backoffs)


def sum_by(index: Ids, values: Floats, size: int) -> Floats:
    """Sums of the values that share an index; `index` in chunks, because numpy widens it to 8 bytes."""
    result = np.zeros(size)
    for start in range(0, len(index), _CHUNK):
        part = slice(start, start + _CHUNK)
        result += np.bincount(index[part], values[part], minlength=size)
    return result


def _discount(counts: Floats, discounts: Discounts) -> Floats:
    return np.array((0.0, *discounts))[np.minimum(counts, 3).astype(np.intp)]
