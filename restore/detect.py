"""From evidence to a verdict: which rate and family, which parts, and how sure.

log_bayes_factor = log Σ_f P(f) Σ_θ P(θ) P(text | f, θ) − log P(text | clean). θ is integrated over, not maximised: the likelihood at the best θ always
favours "spun" (DESIGN.md, "One idea").
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import mul
from typing import NamedTuple

from restore import kernels
from restore.arrays import zeros
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
#: Sentences are judged so many at a time.
STEP = 4096

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
        return min(1.0, sum(map(mul, self.weights, self.lanes.thetas), 0.0))

    def families(self, names: Sequence[str]) -> tuple[tuple[str, float], ...]:
        """Posterior of each family given "spun", best first; `UNKNOWN` among them."""
        totals = {**dict.fromkeys(names, 0.0), UNKNOWN: self.unknown}
        for weight, family in zip(self.weights, self.lanes.families, strict=True):
            totals[names[family]] += weight * (1 - self.unknown)
        return tuple(sorted(((name, min(1.0, p)) for name, p in totals.items()), key=lambda item: (-item[1], item[0])))


class Sums(NamedTuple):
    """Sums over the sentences of a document, as `kernels.sum_units` writes them.

    Attributes:
        totals: sound, broken, strong, debris (`collocation.Oddities.tally`); words; how many sentences.
        wholes: of each family: against, weak, strong.
        parts: of each family's best run of sentences: its score, the first, the one behind the last; against, weak, strong, words, debris.
        running: of the run that ends with the last sentence.
    """

    totals: array[float]
    wholes: array[float]
    parts: array[float]
    running: array[float]

    @classmethod
    def over(cls, n_families: int) -> Sums:
        """Over nothing yet."""
        return cls(zeros("d", 6), zeros("d", 3 * n_families), zeros("d", 8 * n_families), zeros("d", 7 * n_families))

    def add(self, words: array[int], signs: array[float], odd: array[float], weights: Weights) -> None:
        """Further sentences; the arguments are as in `Units`."""
        scores = weights.against, PART_STYLE, weights.strong, PART_WORDS
        kernels.sum_units(words, signs, odd, len(words), len(self.wholes) // 3, *scores, *self)

    @property
    def words(self) -> int:
        """Words in the document."""
        return int(self.totals[4])


class Hypotheses(NamedTuple):
    """What may have happened to a text, before it is looked at.

    Attributes:
        lanes, log_prior: as from `make_lanes`.
        shares: prior probability of each family.
        typical: of each family the lane whose rate is next to `TYPICAL_RATE`.
        parts: what share of a spun document's sentences may be spun, and the prior probabilities of these.
    """

    lanes: Lanes
    log_prior: array[float]
    shares: list[float]
    typical: array[int]
    parts: tuple[array[float], array[float]]

    @classmethod
    def make(cls, families: Sequence[str], assume: float | bool | None = None) -> Hypotheses:
        """The hypotheses for some families; arguments as for `make_lanes`."""
        lanes, log_prior = make_lanes(families, assume)
        rates = len(lanes) // len(families)
        typical = min(range(rates), key=lambda k: abs(lanes.thetas[k] - TYPICAL_RATE))
        return cls(
            lanes,
            array("d", log_prior),
            family_shares(families),
            array("i", range(typical, len(lanes), rates)),
            make_shares(((1.0, 1.0),) if is_given(assume) else SHARES),
        )


class Units:
    """Evidence of the sentences of a document, as parallel arrays.

    Args:
        hypotheses: about the document.
        light: keep little, for documents of millions of sentences: evidence in single precision, and of signs and oddities nothing but the sums.

    Attributes:
        words: of each sentence.
        evidence: for each sentence and lane, log P(sentence | lane) − log P(sentence | clean).
        signs: 3 for each and each family at the typical rate, sums over the tokens: what speaks against "spun", weak evidence for it, strong evidence for it.
        odd: 4 for each: sound, broken, strong, debris of `collocation.Oddities.tally`.
        sums: over the document.
    """

    def __init__(self, hypotheses: Hypotheses, light: bool = False) -> None:
        self.hypotheses = hypotheses
        self.words, self.evidence, self.signs, self.odd = array("i"), array("f" if light else "d"), array("d"), array("d")
        self.sums = Sums.over(len(hypotheses.shares))
        n = len(hypotheses.parts[0])
        self._pool = array("d", (0.0,) * (2 + n) + (1.0,) * n) * len(hypotheses.lanes)

    def __len__(self) -> int:
        return len(self.words)

    def measure(self, token_z: array[float], weights: array[float], flags: array[int], bounds: array[int], odd: array[float] | None) -> None:
        """Add sentences.

        Args:
            token_z: evidence by token and lane.
            weights: of the tokens (`Repeats`).
            flags: of the tokens.
            bounds: sentence k holds the tokens bounds[k] … bounds[k + 1].
            odd: from `collocation.Oddities.tally`.
        """
        lanes, typical = len(self.hypotheses.lanes), self.hypotheses.typical
        n, families = len(bounds) - 1, len(typical)
        words, evidence, signs = zeros("i", n), zeros("d", n * lanes), zeros("d", n * families * 3)
        kernels.measure(token_z, lanes, weights, flags, bounds, n, typical, families, WEAK, STRONG, words, evidence, signs)
        self.add(words, evidence, signs, odd or zeros("d", 4 * n))

    def add(self, words: array[int], evidence: array[float], signs: array[float], odd: array[float]) -> None:
        """Add measured sentences; the arguments are as the attributes."""
        shares, _ = self.hypotheses.parts
        kernels.pool_units(evidence, len(words), len(self.hypotheses.lanes), shares, len(shares), self._pool)
        self.sums.add(words, signs, odd, WEIGHTS)
        self.words += words
        if self.evidence.typecode == "d":
            self.evidence += evidence
            self.signs += signs
            self.odd += odd
        else:
            self.evidence.extend(evidence.tolist())

    def summed(self, weights: Weights) -> Sums:
        """The sums by other weights; not for documents of which little is kept."""
        sums = Sums.over(len(self.hypotheses.shares))
        sums.add(self.words, self.signs, self.odd, weights)
        return sums

    def pooled(self) -> tuple[array[float], array[float]]:
        """Evidence of the document for each lane, and the lanes' posterior.

        The evidence is log Σ_share P(share) Π_units (share · P(unit | lane) / P(unit | clean) + 1 − share).
        Without the shares below 1 every clean sentence counts against the lane, and the rate of a mixed text comes out too low.
        """
        shares, weights = self.hypotheses.parts
        n = len(self.hypotheses.lanes)
        sums, posterior = zeros("d", n), zeros("d", n)
        kernels.weigh_lanes(self._pool, n, shares, weights, len(shares), self.hypotheses.log_prior, sums, posterior)
        return sums, posterior


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


def make_shares(shares: Sequence[tuple[float, float]]) -> tuple[array[float], array[float]]:
    """Shares of spun sentences, and their prior probabilities, as arrays."""
    return array("d", (share for share, _ in shares)), array("d", (p for _, p in shares))


def family_shares(families: Sequence[str]) -> list[float]:
    """Prior probability of each family, given that a text is spun."""
    odds = [FAMILY_PRIOR.get(name, 1.0) for name in families]
    return [value / sum(odds) for value in odds]


def is_given(assume: float | bool | None) -> bool:
    """Whether a text is to be taken as spun."""
    return assume is not None and assume is not False


def believe(units: Units, prior: float, assume: float | bool | None = None) -> Belief:
    """The posterior over lanes and over "spun".

    Args:
        units: the sentences of the document.
        prior: probability of "spun" before looking.
        assume: when given, "spun" is certain.
    """
    lanes, sums = units.hypotheses.lanes, units.sums
    weights = tuple(units.pooled()[1])
    known = known_odds(sums, units.hypotheses.shares)
    factor = either_odds(known, unknown_odds(sums), UNKNOWN_SHARE)
    prior_odds = math.log(prior) - math.log1p(-prior)
    if is_given(assume):
        return Belief(lanes, factor, 1.0, weights, 1.0)
    # The rows are trusted with what they say themselves: debris tells of a spinner, but not of which.
    rows_alone = known - WEIGHTS.debris * sums.totals[3] * WHOLE_WORDS / max(sums.words, WHOLE_WORDS)
    return Belief(lanes, factor, logistic(factor + prior_odds), weights, logistic(rows_alone + prior_odds), fit(sums, lanes, weights))


def log_bayes_factor(units: Units, weights: Weights | None = None, unknown: float = UNKNOWN_SHARE) -> float:
    """Log odds of "spun" against "clean" at even prior odds: by a known family, or by an unknown one.

    Args:
        units: the sentences of the document.
        weights: of the maps (`WEIGHTS` when None).
        unknown: prior probability that a spun text is by an unknown family.
    """
    sums, weights = units.summed(weights) if weights else units.sums, weights or WEIGHTS
    return either_odds(known_odds(sums, units.hypotheses.shares, weights), unknown_odds(sums, weights), unknown)


def either_odds(known: float, unknown: float, share: float) -> float:
    """Log odds of two kinds of spinner together; `share` of the spun texts are by the second kind."""
    return log_sum([known + math.log1p(-share), unknown + math.log(share)]) if share else known


def known_odds(sums: Sums, shares: Sequence[float], weights: Weights | None = None) -> float:
    """Log odds of "spun by a known family" against "clean" at even prior odds: the whole is spun, or the part of it that looks most so, by one of the families.

    Args:
        sums: over the document.
        shares: prior probability of each family.
        weights: of the maps (`WEIGHTS` when None).
    """
    weights = weights or WEIGHTS
    n, terms = sums.totals[5], []
    for family, share in enumerate(shares):
        against, weak, strong = sums.wholes[3 * family : 3 * family + 3]
        odds = log_odds(against, weak, strong, sums.words, sums.totals[3], weights)
        _, first, last, against, weak, strong, words, debris = sums.parts[8 * family : 8 * family + 8]
        if 0 < last - first < n:
            # One of n (n + 1) / 2 runs of sentences: chosen after looking, so each costs.
            chosen = log_odds(against, weak, strong, words, debris, weights) - math.log(n * (n + 1) / 2)
            odds = log_sum([odds + math.log(1 - PART), chosen + math.log(PART)])
        terms.append(math.log(share) + odds)
    return log_sum(terms)


def log_odds(against: float, weak: float, strong: float, words: float, debris: float, weights: Weights) -> float:
    """The calibrated map of sums over a text to log odds of a known family; 0 for a text without words."""
    scale = WHOLE_WORDS / max(words, WHOLE_WORDS)
    odds = scale * (weights.against * against + weights.strong * strong + weights.debris * debris)
    odds += weights.style * math.log1p(scale * weak / 6) - weights.length * math.log1p(scale * words / 4)
    return max(-LIMIT, min(LIMIT, odds * words / (words + FEW_WORDS)))


def unknown_odds(sums: Sums, weights: Weights | None = None) -> float:
    """Log odds of "spun by an unknown family" against "clean" at even prior odds, from what needs no dictionary; 0 for a text without words."""
    weights = weights or WEIGHTS
    sound, broken, strong, debris, words, _ = sums.totals
    scale = WHOLE_WORDS / max(words, WHOLE_WORDS)
    odds = scale * (weights.odd_debris * debris + weights.odd_strong * strong) + weights.odd_offset
    odds += weights.odd_broken * math.log1p(scale * broken) - weights.odd_sound * math.log1p(scale * sound)
    return max(-LIMIT, min(LIMIT, odds * words / (words + FEW_WORDS)))


def fit_signs(sums: Sums, lanes: Lanes, weights: Sequence[float]) -> tuple[float, ...]:
    """What tells known families from unknown ones in a spun text: how much the family that fits best explains."""
    totals = [0.0] * (len(sums.wholes) // 3)
    for family, weight in zip(lanes.families, weights, strict=True):
        totals[family] += weight
    family = totals.index(max(totals))
    against, weak, strong = sums.wholes[3 * family : 3 * family + 3]
    _, _, odd, debris, words, _ = sums.totals
    rate = sum(map(mul, weights, lanes.thetas))
    return math.log1p(-against), math.log1p(weak), math.log1p(strong), math.log1p(odd), math.log1p(debris), math.log1p(words), rate, 1.0


def fit(sums: Sums, lanes: Lanes, weights: Sequence[float]) -> float:
    """Posterior of an unknown family, given "spun": the rows of the family that fits best explain too little of what is odd."""
    odds = sum(map(mul, FIT, fit_signs(sums, lanes, weights)))
    return logistic(odds)


def unit_probabilities(belief: Belief, units: Units) -> tuple[array[float], array[float]]:
    """The probability of each sentence that it is spun given that the document is, and the posterior means of their rates.

    Forward–backward over two states (Rabiner 1989, section III.A–B).

    Args:
        belief: about the whole document.
        units: its sentences.
    """
    n, n_lanes = len(units), len(belief.lanes)
    scores, spun, rates = zeros("d", n), zeros("d", n), zeros("d", n)
    log_weights = array("d", (math.log(weight + 1e-300) for weight in belief.weights))
    for begin in range(0, n, STEP):
        end = min(n, begin + STEP)
        evidence = array("d", units.evidence[begin * n_lanes : end * n_lanes])
        lanes = log_weights, belief.lanes.thetas, n_lanes
        kernels.score_units(evidence, units.words, begin, end, *lanes, UNIT_SLOPE, UNIT_WORDS, scores, rates)
    kernels.chain_units(scores, n, math.log(FIRST / (1 - FIRST)), TURN, spun)
    return spun, rates


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
            self._known += kernels.weigh_repeats(hashes, len(hashes), keys, counts, len(keys), weights)
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
