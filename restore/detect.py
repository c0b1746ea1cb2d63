"""From evidence to a verdict: which rate and family, which parts, and how sure.

log_bayes_factor = log Σ_f P(f) Σ_θ P(θ) P(text | f, θ) − log P(text | clean). θ is integrated over, not maximised: the likelihood at the best θ always
favours "spun" (DESIGN.md, "One idea").
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from restore import kernels
from restore.arrays import views, zeros
from restore.decode import Lanes

#: Grid of rates, and the prior of a spun document's rate: Beta(4, 3) at the grid points, normalised.
THETAS = (0.04, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9)
#: Prior odds of the families; a family that is not listed counts as 1.
FAMILY_PRIOR = {"thesaurus": 3.0, "spinbot": 1.5, "tortured": 1.0}
#: Rate whose lane tells what a token says for or against "spun". Evidence of a token up to WEAK says little by itself: formal, old or foreign English prefers
#: "upon" and "shall", all over. Beyond STRONG it says no more: one word that the language model finds impossible is a name or a slip, ten are a spinner.
TYPICAL_RATE, WEAK, STRONG = 0.5, 1.5, 6.0


class Weights(NamedTuple):
    """Weights of the logistic maps from sums over a text's tokens to log odds, as tools/calibrate.py fits them (`log_odds`, `unknown_odds`).

    Attributes:
        against, style, strong, length, debris: of a known spinner: against · Σ against + style · ln(1 + Σ weak / 6) + strong · Σ strong
            − length · ln(1 + words / 4) + debris · debris.
        odd_debris, odd_strong, odd_broken, odd_sound, odd_offset: of an unknown one, from `restore.collocation` alone: odd_debris · debris
            + odd_strong · Σ strong + odd_broken · ln(1 + broken) − odd_sound · ln(1 + sound) + odd_offset. The logarithms compare the text with itself:
            formal, old or foreign English has many broken collocations of every degree, a spun one has bad ones.
    """

    against: float
    style: float
    strong: float
    length: float
    debris: float
    odd_debris: float
    odd_strong: float
    odd_broken: float
    odd_sound: float
    odd_offset: float


#: Printed by tools/calibrate.py.
WEIGHTS = Weights(0.205, 3.823, 0.508, 0.865, 1.540, 2.204, 0.272, 0.995, 1.060, 1.673)
#: What share of spun texts is by a spinner that no dictionary knows. A larger one would have what needs no dictionary decide more often where the dictionaries
#: see little, which they judge better.
UNKNOWN, UNKNOWN_SHARE = "unknown", 0.02
#: Weights of `fit_signs`: log odds of an unknown family against a known one in a spun text, as if every second spinner were unknown (tools/calibrate.py).
FIT = (0.866, -0.254, -0.396, 0.283, 0.574, -0.450, -4.849, 4.165)
#: Of a longer text the average over so many words counts: a book has a little of everything. A text of few words stays near the prior: log odds shrink by
#: words / (words + FEW_WORDS). No text is proof beyond LIMIT, which the fit has hardly seen.
WHOLE_WORDS, FEW_WORDS, LIMIT = 1000, 4, 30.0
#: How often only a part of a spun text is spun; PART_STYLE and PART_WORDS make the scores of sentences by which the best part is chosen.
PART, PART_STYLE, PART_WORDS = 0.2, 0.8, 0.02
#: What share of a spun document's sentences is spun, with prior probabilities, for the posterior of rates and families.
SHARES = ((1.0, 0.7), (0.5, 0.2), (0.15, 0.1))
#: Two states over the sentences of a spun document, spun and not: a sentence's log odds are UNIT_SLOPE · evidence − UNIT_WORDS · words; the state changes with
#: probability TURN and is "spun" at first with probability FIRST.
UNIT_SLOPE, UNIT_WORDS, TURN, FIRST = 0.8, 0.022, 0.03, 0.6

#: Log odds that an edit is right = a ln p − b ln(1 − p) + c, p being its posterior given that its text is spun: beta calibration (Kull, Silva Filho and Flach
#: 2017, section 3), with c by family: what other families' rows say of a SpinBot is worth less, and its spans are longer. Fitted on 1,084 edits on d01–d24,
#: made with counts learnt from other texts, and 271 on eleven further texts. Each text left out of the fit in turn, nine of ten bins of the edits from .6 on
#: lie within 5 points or two standard errors, of d01–d24 alone all ten (said/right .70/.73 .80/.78 .87/.92 .90/.86 .92/.93 .94/.93 .95/.98 .96/.98 .97/.97
#: .99/1.00).
EDIT_MAP = (2.37, 0.18)
EDIT_ODDS, OTHER_ODDS = {"thesaurus": 2.4, "spinbot": 1.73, "tortured": 2.14}, 2.1


@dataclass(frozen=True)
class Belief:
    """What a text says about the lanes.

    Attributes:
        lanes: the hypotheses.
        log_bayes_factor: "spun" against "clean".
        spun: the posterior of "spun".
        weights: posterior of each lane given "spun" by a known family.
        known: the posterior of "spun by a known family" from the rows alone: what they are trusted with when edits are made.
        unknown: the posterior of an unknown family, given "spun".
    """

    lanes: Lanes
    log_bayes_factor: float
    spun: float
    weights: tuple[float, ...]
    known: float
    unknown: float = 0.0

    @property
    def rate(self) -> float:
        """Posterior mean of θ given "spun"."""
        return min(1.0, sum(weight * theta for weight, theta in zip(self.weights, self.lanes.thetas, strict=True)))

    def families(self, names: Sequence[str]) -> tuple[tuple[str, float], ...]:
        """Posterior of each family given "spun", best first; `UNKNOWN` among them."""
        totals = {**dict.fromkeys(names, 0.0), UNKNOWN: self.unknown}
        for weight, family in zip(self.weights, self.lanes.families, strict=True):
            totals[names[family]] += weight * (1 - self.unknown)
        return tuple(sorted(((name, min(1.0, p)) for name, p in totals.items()), key=lambda item: (-item[1], item[0])))


@dataclass(frozen=True, slots=True)
class Unit:
    """Evidence of a sentence.

    Attributes:
        words: in it.
        evidence: for each lane, log P(sentence | lane) − log P(sentence | clean).
        signs: for each family at the typical rate, sums over the tokens: (what speaks against "spun", weak evidence for it, strong evidence for it).
        odd: (sound, broken, strong, debris) of `collocation.Oddities.tally`.
    """

    words: int
    evidence: Sequence[float]
    signs: list[tuple[float, float, float]]
    odd: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)


def make_lanes(families: Sequence[str], assume: float | bool | None = None) -> tuple[Lanes, list[float]]:
    """Lanes, and their log prior in spun texts.

    Args:
        families: names, in the order of the compiled dictionary.
        assume: None; True for "spun, at a rate from .2 on"; or the rate.
    """
    thetas: Sequence[float] = THETAS
    if assume is True:
        thetas = [theta for theta in THETAS if theta >= 0.2]
    elif is_given(assume):
        thetas = [float(assume or 0)]
    by_theta = [theta**3 * (1 - theta) ** 2 for theta in thetas] if len(thetas) > 1 else [1.0]
    log_spun = [math.log(share * weight / sum(by_theta)) for share in family_shares(families) for weight in by_theta]
    return Lanes.grid(thetas, len(families)), log_spun


def family_shares(families: Sequence[str]) -> list[float]:
    """Prior probability of each family, given that a text is spun."""
    odds = [FAMILY_PRIOR.get(name, 1.0) for name in families]
    return [value / sum(odds) for value in odds]


def is_given(assume: float | bool | None) -> bool:
    """Whether a text is to be taken as spun."""
    return assume is not None and assume is not False


def measure(
    token_z: array[float],
    lanes: Lanes,
    weights: array[float],
    bounds: array[int],
    words: Sequence[int],
    odd: array[float] | None = None,
) -> list[Unit]:
    """Evidence of sentences.

    Args:
        token_z: evidence by token and lane.
        lanes: the hypotheses.
        weights: of the tokens (`Repeats`).
        bounds: sentence k holds the tokens bounds[k] … bounds[k + 1].
        words: of each sentence.
        odd: from `collocation.Oddities.tally`.
    """
    n, n_lanes, n_families = len(bounds) - 1, len(lanes), max(lanes.families) + 1
    typical = array(
        "i", (min((k for k in range(n_lanes) if lanes.families[k] == f), key=lambda k: abs(lanes.thetas[k] - TYPICAL_RATE)) for f in range(n_families))
    )
    sums, signs = zeros("d", n * n_lanes), zeros("d", n * n_families * 3)
    kernels.sum_lines(*views(token_z), n_lanes, *views(weights, bounds), n, *views(sums))
    kernels.sum_signs(*views(token_z), n_lanes, *views(weights, bounds), n, *views(typical), n_families, WEAK, STRONG, *views(signs))
    return [
        Unit(
            words[k],
            sums[k * n_lanes : (k + 1) * n_lanes],
            [(signs[at], signs[at + 1], signs[at + 2]) for at in range(3 * k * n_families, 3 * (k + 1) * n_families, 3)],
            (odd[4 * k], odd[4 * k + 1], odd[4 * k + 2], odd[4 * k + 3]) if odd else (0.0, 0.0, 0.0, 0.0),
        )
        for k in range(n)
    ]


def believe(
    lanes: Lanes, log_spun: Sequence[float], shares: Sequence[float], units: Sequence[Unit], prior: float, assume: float | bool | None = None
) -> Belief:
    """The posterior over lanes and over "spun".

    Args:
        lanes, log_spun: from `make_lanes`.
        shares: prior probability of each family.
        units: the sentences of the document.
        prior: probability of "spun" before looking.
        assume: when given, "spun" is certain.
    """
    rows = [unit.evidence for unit in units] or [[0.0] * len(lanes)]
    log_z = [sum(column) for column in zip(*rows, strict=True)] if is_given(assume) else pool_units(rows)
    joint = [z + p for z, p in zip(log_z, log_spun, strict=True)]
    evidence = log_sum(joint)
    known, factor = known_odds(units, shares), log_bayes_factor(units, shares)
    prior_odds = math.log(prior) - math.log1p(-prior)
    weights = tuple(math.exp(x - evidence) for x in joint)
    if is_given(assume):
        return Belief(lanes, factor, 1.0, weights, 1.0)
    # The rows are trusted with what they say themselves: debris tells of a spinner, but not of which.
    words, debris = sum(unit.words for unit in units), sum(unit.odd[3] for unit in units)
    rows_alone = known - WEIGHTS.debris * debris * WHOLE_WORDS / max(words, WHOLE_WORDS)
    return Belief(lanes, factor, logistic(factor + prior_odds), weights, logistic(rows_alone + prior_odds), fit(units, lanes, weights))


def log_bayes_factor(units: Sequence[Unit], shares: Sequence[float], weights: Weights = WEIGHTS, unknown: float = UNKNOWN_SHARE) -> float:
    """Log odds of "spun" against "clean" at even prior odds: by a known family, or by an unknown one.

    Args:
        units: the sentences of the document.
        shares: prior probability of each family.
        weights: of the maps.
        unknown: prior probability that a spun text is by an unknown family.
    """
    known = known_odds(units, shares, weights)
    return log_sum([known + math.log1p(-unknown), unknown_odds(units, weights) + math.log(unknown)]) if unknown else known


def known_odds(units: Sequence[Unit], shares: Sequence[float], weights: Weights = WEIGHTS) -> float:
    """Log odds of "spun by a known family" against "clean" at even prior odds: the whole is spun, or the part of it that looks most so, by one of the families.

    Args:
        units: the sentences of the document.
        shares: prior probability of each family.
    """
    terms = []
    for family, share in enumerate(shares):
        signs = [(*unit.signs[family], unit.words, unit.odd[3]) for unit in units]
        odds = log_odds(signs, weights)
        first, last = best_part(signs, weights)
        if 0 < last - first < len(units):
            # One of n (n + 1) / 2 runs of sentences: chosen after looking, so each costs.
            part = log_odds(signs[first:last], weights) - math.log(len(units) * (len(units) + 1) / 2)
            odds = log_sum([odds + math.log(1 - PART), part + math.log(PART)])
        terms.append(math.log(share) + odds)
    return log_sum(terms)


def log_odds(signs: Sequence[tuple[float, float, float, int, float]], weights: Weights = WEIGHTS) -> float:
    """The calibrated map of (against, weak, strong, words, debris) of sentences to log odds of a known family; 0 for a text without words."""
    against, weak, strong, words, debris = (sum(column) for column in zip(*signs, strict=True)) if signs else (0, 0, 0, 0, 0)
    scale = WHOLE_WORDS / max(words, WHOLE_WORDS)
    odds = scale * (weights.against * against + weights.strong * strong + weights.debris * debris)
    odds += weights.style * math.log1p(scale * weak / 6) - weights.length * math.log1p(scale * words / 4)
    return max(-LIMIT, min(LIMIT, odds * words / (words + FEW_WORDS)))


def unknown_odds(units: Sequence[Unit], weights: Weights = WEIGHTS) -> float:
    """Log odds of "spun by an unknown family" against "clean" at even prior odds, from what needs no dictionary; 0 for a text without words."""
    words = sum(unit.words for unit in units)
    sound, broken, strong, debris = (sum(column) for column in zip(*(unit.odd for unit in units), strict=True)) if units else (0.0,) * 4
    scale = WHOLE_WORDS / max(words, WHOLE_WORDS)
    odds = scale * (weights.odd_debris * debris + weights.odd_strong * strong) + weights.odd_offset
    odds += weights.odd_broken * math.log1p(scale * broken) - weights.odd_sound * math.log1p(scale * sound)
    return max(-LIMIT, min(LIMIT, odds * words / (words + FEW_WORDS)))


def fit_signs(units: Sequence[Unit], lanes: Lanes, weights: Sequence[float]) -> tuple[float, ...]:
    """What tells known families from unknown ones in a spun text: how much the family that fits best explains."""
    totals = [0.0] * (max(lanes.families) + 1)
    for family, weight in zip(lanes.families, weights, strict=True):
        totals[family] += weight
    family = totals.index(max(totals))
    words = sum(unit.words for unit in units)
    against, weak, strong = (sum(column) for column in zip(*(unit.signs[family] for unit in units), strict=True)) if units else (0.0,) * 3
    _, _, odd, debris = (sum(column) for column in zip(*(unit.odd for unit in units), strict=True)) if units else (0.0,) * 4
    rate = sum(weight * theta for weight, theta in zip(weights, lanes.thetas, strict=True))
    return math.log1p(-against), math.log1p(weak), math.log1p(strong), math.log1p(odd), math.log1p(debris), math.log1p(words), rate, 1.0


def fit(units: Sequence[Unit], lanes: Lanes, weights: Sequence[float]) -> float:
    """Posterior of an unknown family, given "spun": the rows of the family that fits best explain too little of what is odd."""
    odds = sum(weight * sign for weight, sign in zip(FIT, fit_signs(units, lanes, weights), strict=True))
    return logistic(odds)


def best_part(signs: Sequence[tuple[float, float, float, int, float]], weights: Weights = WEIGHTS) -> tuple[int, int]:
    """The run of sentences with the largest sum of scores: (first, behind the last)."""
    best, span = 0.0, (0, 0)
    total, start = 0.0, 0
    for k, (against, weak, strong, words, _) in enumerate(signs):
        if total <= 0:
            total, start = 0.0, k
        total += weights.against * against + PART_STYLE * weak + weights.strong * strong - PART_WORDS * words
        if total > best:
            best, span = total, (start, k + 1)
    return span


def pool_units(rows: Sequence[Sequence[float]]) -> list[float]:
    """Evidence of a document for each lane: log Σ_share P(share) Π_units (share · P(unit | lane) / P(unit | clean) + 1 − share).

    Without the shares below 1 every clean sentence counts against the lane, and the rate of a mixed text comes out too low.

    Args:
        rows: evidence of each unit for each lane; at least one unit.
    """
    n_lanes = len(rows[0])
    evidence = array("d", (z for row in rows for z in row))
    shares, weights = (array("d", column) for column in zip(*SHARES, strict=True))
    sums = zeros("d", n_lanes)
    kernels.pool_shares(*views(evidence), len(rows), n_lanes, *views(shares, weights), len(SHARES), *views(sums))
    return list(sums)


def unit_probabilities(belief: Belief, units: Sequence[Unit]) -> list[tuple[float, float]]:
    """For each sentence: (probability that it is spun given that the document is, posterior mean of its rate).

    Forward–backward over two states (Rabiner 1989, section III.A–B).

    Args:
        belief: about the whole document.
        units: its sentences.
    """
    evidence = array("d", (z for unit in units for z in unit.evidence))
    sums, rates = zeros("d", len(units)), zeros("d", len(units))
    log_weights = array("d", (math.log(weight + 1e-300) for weight in belief.weights))
    kernels.weigh_lanes(*views(evidence), len(units), *views(log_weights, belief.lanes.thetas), len(belief.lanes), *views(sums, rates))
    scores = [UNIT_SLOPE * total - UNIT_WORDS * unit.words for total, unit in zip(sums, units, strict=True)]
    odds = zeros("d", len(units))
    kernels.chain_states(*views(array("d", scores)), len(units), math.log(FIRST / (1 - FIRST)), TURN, *views(odds))
    return list(zip(map(logistic, odds), rates, strict=True))


def calibrate_edit(posterior: float, odds: float = OTHER_ODDS) -> float:
    """Probability that an edit is right, from its posterior in a text that is spun (`EDIT_MAP`).

    Args:
        posterior: given that the text is spun.
        odds: c, from `edit_odds`.

    >>> [round(calibrate_edit(p, edit_odds([("thesaurus", 0.9), ("spinbot", 0.1)])), 2) for p in (0.1, 0.4, 0.6, 0.9, 0.99)]
    [0.04, 0.56, 0.78, 0.92, 0.96]
    """
    p = min(max(posterior, 1e-6), 1 - 1e-6)
    a, b = EDIT_MAP
    return logistic(a * math.log(p) - b * math.log1p(-p) + odds)


def edit_odds(families: Iterable[tuple[str, float]]) -> float:
    """The mean of c over the known families of spinners, with their probabilities (`Belief.families`)."""
    known = [(EDIT_ODDS.get(name, OTHER_ODDS), share) for name, share in families if name != UNKNOWN]
    total = sum(share for _, share in known)
    return sum(odds * share for odds, share in known) / total if total else OTHER_ODDS


class Repeats:
    """Weights of the tokens' evidence: 1 / k for the k-th occurrence of a word in a document.

    A word that a text repeats is its topic or its style ("shall" in a contract), and each time the model is surprised for the same reason.
    """

    def __init__(self) -> None:
        self._known = 0
        self._table = zeros("Q", 1024), zeros("i", 1024)

    def weigh(self, hashes: array[int]) -> array[float]:
        """Weights of the next tokens, given by their hashes."""
        keys, counts = self._table
        if 2 * (self._known + len(hashes)) > len(keys):
            self._grow(4 * (self._known + len(hashes)))
        keys, counts = self._table
        weights = zeros("d", len(hashes))
        if hashes:
            self._known += kernels.weigh_repeats(*views(hashes), len(hashes), *views(keys, counts), len(keys), *views(weights))
        return weights

    def _grow(self, room: int) -> None:
        keys, counts = self._table
        size = 1 << room.bit_length()
        self._table = zeros("Q", size), zeros("i", size)
        for key, count in zip(keys, counts, strict=True):
            if count:
                slot = key & size - 1
                while self._table[1][slot]:
                    slot = slot + 1 & size - 1
                self._table[0][slot], self._table[1][slot] = key, count


def log_sum(terms: Sequence[float]) -> float:
    """log Σ exp, without overflow."""
    top = max(terms)
    return top + math.log(sum(math.exp(x - top) for x in terms))


def logistic(x: float) -> float:
    """1 / (1 + e^−x) without overflow."""
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))
