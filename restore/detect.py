"""From evidence to a verdict: which rate and family, which parts, and how sure.

log_bayes_factor = log Σ_f P(f) Σ_θ P(θ) P(text | f, θ) − log P(text | clean). θ is integrated over, not maximised: the likelihood at the best θ always
favours "spun" (DESIGN.md, "One idea").
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from restore.decode import Lanes

#: Grid of rates, and its prior: Beta(1.5, 2) at the grid points, normalised. Dev texts have rates of .1 (abstracts) to .6 (news).
THETAS = (0.04, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9)
#: Prior odds of the families; a family that is not listed counts as 1.
FAMILY_PRIOR = {"thesaurus": 3.0, "spinbot": 1.5, "tortured": 1.0}
#: Within a spun document, prior probability that a given line is spun too (quotations and single paragraphs are sometimes left alone).
LINE_PRIOR = 0.85


@dataclass(frozen=True)
class Belief:
    """What a text says about the lanes.

    Attributes:
        lanes: the hypotheses.
        log_bayes_factor: "spun" against "clean".
        spun: the posterior of "spun".
        weights: posterior of each lane given "spun".
    """

    lanes: Lanes
    log_bayes_factor: float
    spun: float
    weights: tuple[float, ...]

    @property
    def rate(self) -> float:
        """Posterior mean of θ given "spun"."""
        return sum(weight * theta for weight, theta in zip(self.weights, self.lanes.thetas, strict=True))

    def families(self, names: Sequence[str]) -> tuple[tuple[str, float], ...]:
        """Posterior of each family given "spun", best first."""
        totals = dict.fromkeys(names, 0.0)
        for weight, family in zip(self.weights, self.lanes.families, strict=True):
            totals[names[family]] += weight
        return tuple(sorted(totals.items(), key=lambda item: (-item[1], item[0])))


def make_lanes(families: Sequence[str], assume: float | bool | None = None) -> tuple[Lanes, list[float]]:
    """Lanes and their log prior.

    Args:
        families: names, in the order of the compiled dictionary.
        assume: None; True for "spun, at a rate from .2 on"; or the rate.
    """
    thetas: Sequence[float] = THETAS
    if assume is True:
        thetas = [theta for theta in THETAS if theta >= 0.2]
    elif assume is not None and assume is not False:
        thetas = [float(assume)]
    lanes = Lanes.grid(thetas, len(families))
    weights = [FAMILY_PRIOR.get(families[f], 1.0) * theta**0.5 * (1 - theta) for theta, f in zip(lanes.thetas, lanes.families, strict=True)]
    if len(thetas) == 1:
        weights = [FAMILY_PRIOR.get(name, 1.0) for name in families]
    total = sum(weights)
    return lanes, [math.log(weight / total) for weight in weights]


def believe(lanes: Lanes, log_prior: Sequence[float], log_z: Sequence[float], prior: float, assume: float | bool | None = None) -> Belief:
    """The posterior over lanes and over "spun".

    Args:
        lanes, log_prior: from `make_lanes`.
        log_z: evidence for each lane, summed over the document.
        prior: probability of "spun" before looking.
        assume: when given, "spun" is certain.
    """
    joint = [z + p for z, p in zip(log_z, log_prior, strict=True)]
    top = max(joint)
    log_bayes_factor = top + math.log(sum(math.exp(x - top) for x in joint))
    weights = tuple(math.exp(x - log_bayes_factor) for x in joint)
    spun = 1.0 if assume is not None and assume is not False else logistic(log_bayes_factor + math.log(prior) - math.log1p(-prior))
    return Belief(lanes, log_bayes_factor, spun, weights)


def line_probabilities(belief: Belief, lines: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """For each line: (probability that it is spun given that the document is, posterior mean of its rate).

    Args:
        belief: about the whole document.
        lines: evidence of each line for each lane.
    """
    result = []
    for log_z in lines:
        joint = [math.log(weight + 1e-300) + z for weight, z in zip(belief.weights, log_z, strict=True)]
        top = max(joint)
        terms = [math.exp(x - top) for x in joint]
        total = sum(terms)
        log_ratio = top + math.log(total)
        rate = sum(term * theta for term, theta in zip(terms, belief.lanes.thetas, strict=True)) / total
        result.append((logistic(log_ratio + math.log(LINE_PRIOR / (1 - LINE_PRIOR))), rate))
    return result


def sum_tokens(token_z: array[float], n_lanes: int, start: int, end: int) -> list[float]:
    """Evidence for each lane from the tokens start … end."""
    return [sum(token_z[start * n_lanes + lane : end * n_lanes : n_lanes]) for lane in range(n_lanes)]


def logistic(x: float) -> float:
    """1 / (1 + e^−x) without overflow."""
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))
