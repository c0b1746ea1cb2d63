"""A lattice to evidence for each hypothesis, posteriors of the candidates, and the best path.

A *lane* is one hypothesis: a spinner of one family at work at one rate θ. One forward pass scores all lanes at once, as ratios to "nobody changed
anything" (Rabiner 1989, sections III.A–B, over lattice states as in KenLM's recombination; Heafield 2011, section 4). θ lies on a grid and is integrated over.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
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
#: Changes begin in states that have at least so many times that share. Without it, a fifth slower; at 50, d17–d20 lose half a point of precision.
ENTRY = 20
_STREAMS, _NODES, _EDGES, _STEPS, _TOKENS = 8, 4096, 131072, 2048, 1 << 13
_WIDTH = 4
#: Rate of the lanes that keep terms in the graph where they are not evidence.
_GUIDE = 0.5
_CHANGE, _STEP, _STEP_VALUES, _STREAM = 6, 9, 10, 13


def _steps(room: int) -> tuple[Any, ...]:
    """Scratch for the steps into one position (`kernels.forward`)."""
    return *views(zeros("i", _STEP * room), zeros("d", _STEP_VALUES * room), zeros("Q", room), zeros("i", 2 * room)), room


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

    @cached_property
    def guided(self) -> Lanes:
        """With one more lane at the end of each group, which keeps in the graph what is no evidence."""
        first, families = self.groups
        thetas = array("d")
        for start, end in pairwise(first):
            thetas += self.thetas[start:end] + array("d", [_GUIDE])
        sizes = (end - start + 1 for start, end in pairwise(first))
        return Lanes(thetas, array("i", (family for family, size in zip(families, sizes, strict=True) for _ in range(size))))

    @cached_property
    def groups(self) -> tuple[array[int], array[int]]:
        """Runs of lanes of one family: where each begins, with the end of the last; and its family."""
        first = [k for k, family in enumerate(self.families) if k == 0 or family != self.families[k - 1]]
        return array("i", [*first, len(self)]), array("i", (self.families[k] for k in first))


class Graph(NamedTuple):
    """What the forward pass leaves of a lattice: model states as nodes, and the ratio of the model on every edge (`kernels.forward`)."""

    lattice: Lattice
    n_levels: int
    levels: tuple[Any, ...]
    edges: tuple[Any, ...]


class Forward(NamedTuple):
    """The forward pass of a lattice.

    Attributes:
        log_z: for each lane, log P(text | lane) − log P(text | clean).
        token_z: the same split by token, tokens × lanes.
        graph: for the backward pass.
    """

    log_z: array[float]
    token_z: array[float]
    graph: Graph


class Decoder:
    """Runs the decoding kernels, and owns their scratch memory; not to be shared between threads."""

    def __init__(self, model: LanguageModel, n_families: int, n_lanes: int, *, scale: float = LM_SCALE, beam: int = BEAM, floor: float = FLOOR) -> None:
        self._model = model
        self._n_families = n_families
        self._n_lanes = n_lanes + n_families
        self._scale = scale
        self._beam = beam
        self._floor = floor

        nodes = _STREAMS * (_NODES + 2)
        states = zeros("i", nodes * _WIDTH), zeros("d", nodes * _WIDTH), *(zeros(typecode, nodes) for typecode in "iQid")
        self._nodes: tuple[Any, ...] = (*views(*states, zeros("d", nodes * self._n_lanes)), _NODES)
        self._edges = [zeros(typecode, _EDGES) for typecode in "iiid"]
        self._steps = _steps(_STEPS)
        self._streams = *views(zeros("i", _STREAM * (_STREAMS + 1))), _STREAMS
        self._lanes = views(zeros("d", 32 * self._n_lanes * _STREAMS), zeros("d", 2 * self._n_lanes), zeros("d", 4))
        self._make_room(_TOKENS)

    def _make_room(self, n: int) -> None:
        """Scratch for texts of up to n tokens."""
        size = 2 * n + 4 * _STREAMS + 1
        self._levels = *(zeros("i", size) for _ in range(4)), zeros("B", size)
        self._tokens = views(zeros("B", n + 1), zeros("i", n + 1 + _STREAMS), zeros("d", n + 1))

    def forward(self, lattice: Lattice, lanes: Lanes, *, terms: bool = True) -> Forward:
        """Evidence for each lane, and the graph that `backward` works on.

        Args:
            terms: whether terms that are put together from single words are evidence; the graph has them anyway.
        """
        n, scored, arcs = len(lattice.tokens), len(lanes), lattice.arcs
        log_z, token_z = zeros("d", scored), zeros("d", n * scored)
        first_term, last_term = (0, 0) if terms else arcs.terms
        if scored + self._n_families > self._n_lanes:
            raise ValueError(f"{scored} lanes, the decoder was made for {self._n_lanes - self._n_families}")
        guided = int(first_term < last_term)
        if guided:
            lanes = lanes.guided
        if n == 0:
            return Forward(log_z, token_z, Graph(lattice, 0, (), ()))
        if n >= len(self._tokens[0]):
            self._make_room(2 * n)
        levels = self._levels
        groups, families = lanes.groups
        while True:
            n_levels = kernels.forward(
                n, *views(lattice.ids, lattice.spelling, lattice.lines.breaks, lattice.keep), self._n_families,
                len(arcs), *views(lattice.order, arcs.starts, arcs.ends, arcs.first_words, arcs.words, arcs.weights, arcs.bonus), first_term, last_term,
                *self._model.arrays, self._scale,
                len(lanes), *views(lanes.thetas), len(families), *views(groups, families), guided,
                self._beam, self._floor, ENTRY * self._floor, *views(log_z, token_z), *self._nodes, *self._steps,
                *views(*self._edges), len(self._edges[0]), *views(*levels), *self._streams, *self._tokens, *self._lanes,
            )  # fmt: skip
            if n_levels >= 0:
                break
            self._edges = [zeros(typecode, 4 * len(self._edges[0])) for typecode in "iiid"]
            self._steps = _steps(4 * self._steps[-1])
            log_z, token_z = zeros("d", scored), zeros("d", n * scored)
        n_edges = levels[3][n_levels]
        kept = *(column[: n_levels + 1] for column in levels[:4]), levels[4][: n_levels + 1]
        return Forward(log_z, token_z, Graph(lattice, n_levels, kept, tuple(column[:n_edges] for column in self._edges)))

    def backward(self, graph: Graph, lanes: Lanes, weights: Sequence[float]) -> tuple[array[float], array[int]]:
        """Posterior of each arc, and the best path, with the lanes weighted.

        Args:
            lanes: hypotheses of the forward pass, or some of them.
            weights: posterior of each lane; they sum to 1.

        Returns:
            (posterior, best): P(arc | text, lanes), and 1 for the arcs of the Viterbi path.
        """
        heavy = [k for k, weight in enumerate(weights) if weight >= self._floor]
        if len(heavy) < len(lanes):
            total = sum(weights[k] for k in heavy)
            lanes = Lanes(array("d", (lanes.thetas[k] for k in heavy)), array("i", (lanes.families[k] for k in heavy)))
            weights = [weights[k] / total for k in heavy]
        lattice, n_lanes = graph.lattice, len(lanes)
        arcs = lattice.arcs
        posterior, best = zeros("d", len(arcs)), zeros("B", len(arcs))
        if graph.n_levels:
            nodes = max(graph.levels[2])
            kernels.backward(
                graph.n_levels, *views(*graph.levels), *views(*graph.edges),
                *views(arcs.starts, arcs.ends, arcs.weights, lattice.keep), self._n_families,
                n_lanes, *views(lanes.thetas, lanes.families, array("d", weights)),
                *views(zeros("d", nodes * n_lanes), zeros("d", nodes * n_lanes), zeros("d", (graph.n_levels + 1) * n_lanes)),
                *views(zeros("d", nodes), zeros("i", nodes), zeros("d", n_lanes), posterior, best),
            )  # fmt: skip
        return posterior, best


#: What an arc writes: its number, and its words from `first` to the one before `last` (numbers in the lattice's list of words).
Reading = tuple[int, int, int]


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


@dataclass(frozen=True)
class Changes:
    """The changes of the best path in the order of the text, as `kernels.gather` writes them."""

    count: int
    chosen: array[int]
    support: array[float]
    others: array[int]

    def spelt(self) -> Iterator[Change]:
        """As records."""
        parts, listed = iter(self.others), 0
        readings = list(zip(parts, parts, parts, strict=True))
        rows = iter(self.chosen[: _CHANGE * self.count])
        for certainty, arc, start, end, first, last, stop in zip(self.support, rows, rows, rows, rows, rows, rows, strict=False):
            yield Change(start, end, (arc, first, last), certainty, readings[listed:stop])
            listed = stop


def gather(lattice: Lattice, posterior: array[float], best: array[int], negligible: float) -> Changes:
    """The changes of the best path (`kernels.gather`).

    Args:
        posterior, best: from `Decoder.backward`.
        negligible: readings with a lower posterior are not listed.
    """
    arcs = lattice.arcs
    n = len(arcs)
    chosen, support, others = zeros("i", _CHANGE * n), zeros("d", n), zeros("i", 3 * n)
    count = 0
    if n:
        count = kernels.gather(
            n, *views(lattice.order, arcs.starts, arcs.ends, arcs.first_words, arcs.words, lattice.ids, posterior, best), negligible,
            *views(chosen, support, others, zeros("d", 16)),
        )  # fmt: skip
    return Changes(count, chosen, support, others[: 3 * chosen[_CHANGE * count - 1] if count else 0])
