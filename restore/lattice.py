"""A text with its candidates, as the flat arrays that the kernels read."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

from restore import kernels
from restore.arrays import zeros
from restore.channels import substitution
from restore.channels.substitution import Arcs
from restore.language_model.model import LanguageModel
from restore.lexicon import Lexicon
from restore.tokenizer import Lines, Tokens, unicode_tables


@dataclass(frozen=True)
class Lattice:
    """One text ready for decoding.

    Attributes:
        tokens: the observed tokens.
        ids: their vocabulary ids.
        spelling: log probability of the spelling of unknown tokens.
        lines: of the text.
        keep: s_w of each token as an original, tokens × families.
        arcs: the candidates.
        order: arc numbers by end.
        sites: places where a candidate begins.
    """

    tokens: Tokens
    ids: array[int]
    spelling: array[float]
    lines: Lines
    keep: array[float]
    arcs: Arcs
    order: array[int]
    sites: int


def build_lattice(tokens: Tokens, lines: Lines, ids: array[int], lexicon: Lexicon, model: LanguageModel) -> Lattice:
    """Collect a text's candidates.

    Args:
        tokens: the text, with whatever is protected locked.
        lines: of the text.
        ids: vocabulary ids of the tokens.
    """
    n = len(tokens)
    spelling = model.spelling(tokens, ids, unicode_tables())
    arcs, sites = substitution.propose(tokens, ids, lexicon, model)
    n_families = len(lexicon.families)
    keep = zeros("f", n * n_families)
    order, counts = zeros("i", len(arcs)), zeros("i", n + 2)
    if n:
        rates = lexicon.keep_keys, lexicon.keep_values, lexicon.capacities["keep"], lexicon.keep_weights
        kernels.keep_rates(tokens.hashes, n, *rates, n_families, keep)
    if len(arcs):
        kernels.sort_arcs(arcs.ends, len(arcs), n, order, counts)
    return Lattice(tokens, ids, spelling, lines, keep, arcs, order, sites)
