"""Relative-entropy pruning of n-grams (Stolcke 1998, "Entropy-based pruning of backoff language models").

The cost of an n-gram is how much the model's distribution changes without it, weighted by how often its history occurs. Kneser–Ney's lower orders are
made for words that the higher orders do not predict, so they are no estimate of how often a history occurs nor of what is left when the higher orders
are gone (Chelba, Brants, Neveitt & Xu 2010, "Study on interaction between entropy pruning and Kneser–Ney smoothing"). Costs are therefore those of a
model with raw counts in all orders; what is left is then estimated anew by `estimate.estimate` with adjusted counts.

Evidence (21 M tokens of mixed text, 4-grams cut from 29 M to 1 M, perplexity on held-out lines and on another corpus): Stolcke's method on the
Kneser–Ney model 209 and 303; the same n-grams estimated anew 205 and 301; chosen by raw counts and estimated anew 200 and 297.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from restore.language_model.count import Floats, NgramTable
from restore.language_model.estimate import Discounts, Model, estimate, raw_counts, sum_by

Mask = npt.NDArray[np.bool_]

_TINY = 1e-12


def prune_by_count(tables: Sequence[NgramTable], min_counts: Sequence[int]) -> list[NgramTable]:
    """Drop n-grams that occur less often than the minimum of their order, but none that a kept longer one needs.

    Args:
        tables: n-grams by order; the unigrams stay.
        min_counts: by order.
    """
    return select(tables, [table.count >= minimum for table, minimum in zip(tables, min_counts, strict=True)])


def prune_to_size(tables: list[NgramTable], raw_discounts: Sequence[Discounts], max_ngrams: int) -> list[NgramTable]:
    """Drop the n-grams that cost least until at most `max_ngrams` above order 1 are left.

    Args:
        tables: n-grams by order, each with its suffix and context in the next lower table.
        raw_discounts: by order, from the raw counts of the unpruned tables.
        max_ngrams: how many n-grams of orders 2 and up may stay.

    Returns:
        The tables that are left; suffix and context of each n-gram are left too.
    """
    size = sum(map(len, tables[1:]))
    if size <= max_ngrams:
        return list(tables)
    costs = closed_costs(tables, removal_costs(estimate(tables, raw_counts(tables), raw_discounts)))
    surplus = size - max_ngrams - 1
    # N-grams that cost the same as the last one dropped go too: the order of rows must not decide.
    limit = np.partition(np.concatenate(costs[1:]), surplus)[surplus]
    return select(tables, [cost > limit for cost in costs])


def removal_costs(model: Model) -> list[Floats]:
    """How much the model loses without each n-gram alone: Stolcke's relative entropy in nats a token; infinite for unigrams.

    Args:
        model: an interpolated model.

    Returns:
        Costs by order and row.
    """
    tokens = float(model.tables[0].count.sum())
    costs = [np.full(len(model.tables[0]), np.inf)]
    for n in range(1, len(model.tables)):
        table, history, backoff = model.tables[n], model.tables[n - 1], model.backoffs[n - 1]
        p = model.probabilities[n]
        lower = model.probabilities[n - 1][table.suffix]
        unseen_lower = np.maximum(1 - sum_by(table.context, lower, len(history)), _TINY)
        unseen = (backoff * unseen_lower)[table.context]
        old = np.log(backoff)[table.context]
        new = np.log((unseen + p) / (unseen_lower[table.context] + lower))
        weight = history.count[table.context] / tokens
        costs.append(weight * (p * (np.log(p / lower) - new) - unseen * (new - old)))
    return costs


def closed_costs(tables: Sequence[NgramTable], costs: Sequence[Floats]) -> list[Floats]:
    """Raise each cost to that of the dearest n-gram that needs it as suffix or context, so that any threshold keeps a closed set."""
    result = [cost.copy() for cost in costs]
    for table, cost, below in zip(tables[:0:-1], result[:0:-1], result[-2::-1], strict=True):
        np.maximum.at(below, table.suffix, cost)
        np.maximum.at(below, table.context, cost)
    return result


def select(tables: Sequence[NgramTable], keep: Sequence[Mask]) -> list[NgramTable]:
    """The chosen n-grams and the suffixes and contexts that they need, with rows renumbered; unigrams all stay.

    Args:
        tables: n-grams by order.
        keep: by order and row; the entry of order 1 is not read.
    """
    needed = [np.ones(len(tables[0]), dtype=np.bool_), *(mask.copy() for mask in keep[1:])]
    for n in range(len(tables) - 1, 0, -1):
        table, chosen = tables[n], needed[n]
        needed[n - 1][table.suffix[chosen]] = True
        needed[n - 1][table.context[chosen]] = True
    result = [tables[0]]
    for n in range(1, len(tables)):
        table, chosen, rows = tables[n], needed[n], (np.cumsum(needed[n - 1]) - 1).astype(np.uint32)
        keys = rows[table.suffix[chosen]].astype(np.uint64) << np.uint64(32) | table.first[chosen]
        result.append(NgramTable(keys, rows[table.context[chosen]], table.count[chosen]))
    return result
