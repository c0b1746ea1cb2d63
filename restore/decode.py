"""A lattice to evidence for each hypothesis, posteriors of the candidates, and the best path.

A *lane* is one hypothesis: a spinner of one family at work at one rate θ. One forward pass scores all lanes at once, as ratios to "nobody changed
anything" (Rabiner 1989, sections III.A–B, over lattice states as in KenLM's recombination; Heafield 2011, section 4). θ lies on a grid and is integrated over.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from restore import kernels
from restore.arrays import views, zeros
from restore.channels.substitution import LM_SCALE
from restore.language_model.model import LanguageModel
from restore.lattice import Lattice

#: Model states kept at each position.
BEAM = 8
#: Model states that have less than this share of every lane's probability are dropped, and for the posteriors so are lanes of less weight.
FLOOR = 1e-3
_NODES, _EDGES = 8192, 65536
_WIDTH = 4
#: Log factor of an arc that is left out: e^−1000 is 0.
_NEVER = -1000.0
_CHANGE = 6


@dataclass(frozen=True)
class Lanes:
    """Hypotheses as parallel arrays: the rate θ and the number of the family of each."""

    thetas: array[float]
    families: array[int]

    def __len__(self) -> int:
        return len(self.thetas)

    @classmethod
    def grid(cls, thetas: Sequence[float], n_families: int) -> Lanes:
        """Every rate for every family, families outermost."""
        return cls(array("d", list(thetas) * n_families), array("i", (f for f in range(n_families) for _ in thetas)))


class Decoder:
    """Runs the decoding kernel, and owns its scratch memory; not to be shared between threads."""

    def __init__(self, model: LanguageModel, n_families: int, n_lanes: int, *, scale: float = LM_SCALE, beam: int = BEAM, floor: float = FLOOR) -> None:
        self._model = model
        self._n_families = n_families
        self._n_lanes = n_lanes
        self._scale = scale
        self._beam = beam
        self._floor = floor

        nodes, edges = _NODES + 2, _EDGES
        states = zeros("i", nodes * _WIDTH), zeros("d", nodes * _WIDTH), *(zeros(typecode, nodes) for typecode in "iQiBdi")
        self._nodes: tuple[Any, ...] = (*views(*states, zeros("d", nodes * n_lanes), zeros("d", nodes * n_lanes)), _NODES)
        self._edges: tuple[Any, ...] = (*views(*(zeros("i", edges) for _ in range(3)), zeros("d", edges + nodes)), edges)

    def forward(self, lattice: Lattice, lanes: Lanes, *, terms: bool = True) -> tuple[array[float], array[float]]:
        """Evidence for each lane.

        Args:
            terms: whether terms that are put together from single words are evidence.

        Returns:
            (log_z, token_z): log P(text | lane) − log P(text | clean), for each lane, and the same split by token (tokens × lanes).
        """
        token_z = zeros("d", len(lattice.tokens) * len(lanes))
        bonus = lattice.arcs.bonus
        if not terms:
            first, last = lattice.arcs.terms
            bonus = bonus[:first] + array("d", [_NEVER]) * (last - first) + bonus[last:]
        log_z, _, _ = self._run(lattice, lanes, None, token_z, bonus)
        return log_z, token_z

    def backward(self, lattice: Lattice, lanes: Lanes, weights: Sequence[float]) -> tuple[array[float], array[int]]:
        """Posterior of each arc, and the best path, with the lanes weighted.

        Args:
            weights: posterior of each lane; they sum to 1.

        Returns:
            (posterior, best): P(arc | text, lanes), and 1 for the arcs of the Viterbi path.
        """
        heavy = [k for k, weight in enumerate(weights) if weight >= self._floor]
        if len(heavy) < len(lanes):
            total = sum(weights[k] for k in heavy)
            lanes = Lanes(array("d", (lanes.thetas[k] for k in heavy)), array("i", (lanes.families[k] for k in heavy)))
            weights = [weights[k] / total for k in heavy]
        _, posterior, best = self._run(lattice, lanes, array("d", weights), array("d"), lattice.arcs.bonus)
        return posterior, best

    def _run(
        self, lattice: Lattice, lanes: Lanes, weights: array[float] | None, token_z: array[float], bonus: array[float]
    ) -> tuple[array[float], array[float], array[int]]:
        n, n_lanes, arcs = len(lattice.tokens), len(lanes), lattice.arcs
        if n_lanes > self._n_lanes:
            raise ValueError(f"{n_lanes} lanes, the decoder was made for {self._n_lanes}")
        log_z, posterior, best = zeros("d", n_lanes), zeros("d", len(arcs)), zeros("B", len(arcs))
        if n == 0:
            return log_z, posterior, best
        kernels.decode(
            n, *views(lattice.ids, lattice.spelling, lattice.lines.breaks, lattice.keep), self._n_families,
            len(arcs), *views(lattice.order, arcs.starts, arcs.ends, arcs.first_words, arcs.words, arcs.weights, bonus),
            *self._model.arrays, self._scale,
            n_lanes, *views(lanes.thetas, lanes.families, weights or zeros("d", n_lanes)),
            self._beam, self._floor, int(weights is not None), *views(log_z, token_z, posterior, best), *self._nodes, *self._edges,
            *views(zeros("d", (n + 2) * n_lanes), zeros("i", n + 2), zeros("d", n + 2), zeros("d", 4)),
        )  # fmt: skip
        return log_z, posterior, best


class Reading(NamedTuple):
    """What an arc writes: its words from `first` to the one before `last` (numbers in the lattice's list of words)."""

    arc: int
    first: int
    last: int


class Change(NamedTuple):
    """A change of the best path.

    Attributes:
        start, end: the tokens that change, without words that the arc only repeats.
        reading: what is written there.
        support: posterior of this wording, summed over all arcs that write it.
        others: further readings of the same tokens.
    """

    start: int
    end: int
    reading: Reading
    support: float
    others: list[Reading]


def gather(lattice: Lattice, posterior: array[float], best: array[int], negligible: float) -> Iterator[Change]:
    """The changes of the best path, in the order of the text (`kernels.gather`).

    Args:
        posterior, best: from `Decoder.backward`.
        negligible: readings with a lower posterior are not listed.
    """
    arcs, size = lattice.arcs, _CHANGE
    n = len(arcs)
    chosen, support, others = zeros("i", size * n), zeros("d", n), zeros("i", 3 * n)
    count = 0
    if n:
        count = kernels.gather(
            n, *views(lattice.order, arcs.starts, arcs.ends, arcs.first_words, arcs.words, lattice.ids, posterior, best), negligible,
            *views(chosen, support, others, zeros("d", 16)),
        )  # fmt: skip
    listed = 0
    for k in range(count):
        arc, start, end, first, last, stop = chosen[size * k : size * (k + 1)]
        readings = [Reading(*others[3 * m : 3 * m + 3]) for m in range(listed, stop)]
        listed = stop
        yield Change(start, end, Reading(arc, first, last), support[k], readings)
