"""Why a place of a text was or was not changed."""

from __future__ import annotations

import math
from array import array
from typing import TYPE_CHECKING

from restore.decode import gather
from restore.detect import calibrate_edit, edit_odds
from restore.errors import ConfigError
from restore.tokenizer import KIND_MASK, LOCKED, OPAQUE, hash_word, normalise

if TYPE_CHECKING:
    from restore.detect import Belief
    from restore.engine import Restorer
    from restore.lattice import Lattice

#: Tokens on either side of a site that its language-model scores are shown with; more than the order of the model changes nothing.
_CONTEXT = 6


def explain(restorer: Restorer, text: str, what: str) -> str:
    """An account, for people, of every site of a word, or of the site at a character offset.

    Args:
        restorer: as it would restore the text.
        text: the document.
        what: a word, or a character offset in digits.

    Returns:
        Lines: the verdict; then for each site its candidates with the channel's log score (θ · s · q at the posterior mean of θ), the language model's log
        ratio to the text as it stands, the posterior, and what was decided and why.

    Raises:
        ConfigError: the word does not occur, or the offset is outside the text.
    """
    analysis = restorer.analyse(text)
    belief = analysis.belief
    names = restorer.lexicon.families
    family = next(name for name, _ in belief.families(names) if name in names)
    lines = [
        f"spun {belief.spun:.4f}, log Bayes factor {belief.log_bayes_factor:+.2f}; if spun: rate {belief.rate:.2f}, family {family}; "
        f"edits from probability {restorer.config.least('substitution'):g} on"
    ]
    offset = int(what) if what.isascii() and what.isdigit() else None
    if offset is not None and offset >= len(text):
        raise ConfigError(f"offset {offset} is outside the text, which has {len(text)} characters")
    at = len(text[:offset].encode("utf-8", "surrogatepass")) if offset is not None else None
    target = hash_word(normalise(what))
    found = False
    for chunk, graph in analysis.graphs():
        lattice, tokens = graph.lattice, graph.lattice.tokens
        posterior, best = restorer.decoder().backward(graph, belief.lanes, belief.weights)
        for i in range(len(tokens)):
            begin, end = chunk.start + tokens.starts[i], chunk.start + tokens.ends[i]
            if (at is not None and begin <= at < end) or (at is None and tokens.norms[i] == target):
                found = True
                place = len(analysis.data[:begin].decode("utf-8", "surrogatepass"))
                lines += ["", f"{tokens.surface(i)!r} at offset {place}:"]
                lines += _site(restorer, analysis.unit_spun(chunk, tokens.starts[i]), belief, lattice, i, posterior, best, names.index(family))
    if not found:
        reason = f"{what!r} is no word of the text; give a word as it stands there, or a character offset"
        raise ConfigError(reason if at is None else f"no word at offset {what}")
    return "\n".join(lines) + "\n"


def _site(restorer: Restorer, unit_spun: float, belief: Belief, lattice: Lattice, i: int, posterior: array[float], best: array[int], family: int) -> list[str]:
    tokens, arcs = lattice.tokens, lattice.arcs
    if tokens.flags[i] & KIND_MASK == OPAQUE:
        return ["  not changed: an opaque span (address, code, tag, name with @ or #), never edited"]
    if tokens.flags[i] & LOCKED:
        return ["  not changed: protected (by a list, by --protect or by restore: off)"]
    here = [k for k in range(len(arcs)) if arcs.starts[k] <= i < arcs.ends[k]]
    if not here:
        return ["  not changed: no dictionary row says what this could stand for"]
    lines = []
    n_families = len(restorer.lexicon.families)
    decided = "not changed: the text as it stands is the best reading"
    chosen = next((k for k in here if best[k]), None)
    sure = next((change.support for change in gather(lattice, posterior, best, 1.0).spelt() if change.reading[0] == chosen), 0.0)
    right = calibrate_edit(sure, edit_odds(belief.families(restorer.lexicon.families))) if chosen is not None else 0.0
    for k in sorted(here, key=lambda k: (k != chosen, -posterior[k]))[:12]:
        number = arcs.candidates[k]
        original = restorer.lexicon.original(number) if number >= 0 else arcs.texts[-1 - number]
        observed = tokens.surface(arcs.starts[k], arcs.ends[k])
        weight = belief.rate * max(arcs.weights[k * n_families + family], 1e-30)
        probability = (right if k == chosen else posterior[k] * min(1.0, (1 - right) / max(1 - sure, 1e-9))) * belief.known * unit_spun
        lines.append(
            f"  {observed} → {original}: channel {math.log(weight):+.2f}, language model {_ratio(restorer, lattice, k):+.2f}, "
            f"context {arcs.bonus[k]:+.2f}, probability {probability:.4f}"
        )
        if best[k] and probability >= restorer.config.least("substitution"):
            decided = f"changed to {original!r}"
        elif best[k]:
            if right < restorer.config.least("substitution"):
                decided = f"not changed: {original!r} is the best reading, but its probability is below {restorer.config.least('substitution'):g}"
            else:
                decided = f"not changed: {original!r} would be the best reading of a spun text, but this one is probably not spun"
    return [*lines, f"  {decided}"]


def _ratio(restorer: Restorer, lattice: Lattice, k: int) -> float:
    """Log probability of an arc's words with the text around them, less that of the observed words."""
    arcs, ids = lattice.arcs, lattice.ids
    i, j = arcs.starts[k], arcs.ends[k]
    before, after = ids[max(0, i - _CONTEXT) : i], ids[j : j + _CONTEXT]
    words = arcs.words[arcs.first_words[k] : arcs.first_words[k + 1]]
    score = restorer.model.score_ids
    return sum(score(before + words + after)) - sum(score(before + ids[i:j] + after)) - sum(lattice.spelling[i:j])
