"""Weights and new pairs from spun text without its originals: expectation maximisation against the language model.

E step: posteriors of all candidates under the present weights (forward–backward), summed to expected counts of each pair and of words that stood for
themselves. M step: s_w and q(o | w) as the counts and the dictionaries' prior give them (`restore.lexicon.build`; Dempster, Laird and Rubin 1977, MAP form).
"""

from __future__ import annotations

import copy
import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from restore.channels.substitution import LM_SCALE
from restore.engine import Restorer
from restore.language_model.model import UNKNOWN
from restore.learn.layer import plain
from restore.lexicon import data_path, find_files, read_files
from restore.lexicon.build import collect, updated_rate, updated_share
from restore.lexicon.inflection import Inflector
from restore.lexicon.rows import Row
from restore.tokenizer import KIND_MASK, LOCKED, WORD, hash_word

if TYPE_CHECKING:
    from restore.engine import Analysis

#: An expected count is worth this much of a counted one: what the model expects, it expects partly because the dictionaries say so. d01–d16, learnt from
#: their own spun side, recall/precision at .5, .25, .1: .825/.834, .810/.847, .790/.891 (without: .764/.895).
TRUST = 0.1
#: Rounds end when the expected counts change by less than this share.
SMALL_CHANGE = 0.01
#: Expected counts below this are left out of the layer.
LEAST = 0.02
#: A new pair: θ · s · q before looking; it is proposed from this expected count on, in at least so many documents, where at least this share of the places of
#: the observed word that no known pair explains speak for it.
NEW_PRIOR, NEW_COUNT, NEW_DOCUMENTS, NEW_SHARE = 1e-2, 2.0, 2, 0.25
#: Originals tried for an observed word, those with most witnesses first; and observed words in fewer places are not tried.
TRIED, PLACES = 40, 3
_CONTEXT = 3

Progress = Callable[[str, int, int], None]


@dataclass
class _New:
    """Evidence for a pair that no dictionary lists."""

    count: float = 0.0
    ratio: float = 0.0
    documents: set[int] = field(default_factory=set)


class SpunLearner:
    """Learns from spun texts.

    Args:
        restorer: its dictionaries are the prior, its settings say which texts are taken as spun.
        texts: one a document.
        propose: also look for pairs that no dictionary lists.
        progress: called with (stage, done, total).

    Attributes:
        counts: expected count of each candidate of the lexicon, by number, as of the last whole round.
        kept: expected times each word stood for itself.
        propose: as given; may be changed until the new pairs are asked for.
        replaced, words, spun_documents: expected replaced words; words of the documents that look spun; their number.
    """

    def __init__(self, restorer: Restorer, texts: Sequence[str], *, propose: bool = True, progress: Progress | None = None) -> None:
        self.counts: dict[int, float] = {}
        self.kept: dict[str, float] = {}
        self.replaced = 0.0
        self.words = self.spun_documents = 0
        self._texts = texts
        self.propose = propose
        self._progress = progress or (lambda stage, done, total: None)
        self._prior = restorer.lexicon
        self._observed: dict[int, str] = {}
        lexicon = copy.copy(restorer.lexicon)
        self._weights, self._rates = array("f", lexicon.candidate_weights), array("f", lexicon.keep_weights)
        lexicon.candidate_weights, lexicon.keep_weights = memoryview(self._weights), memoryview(self._rates)
        self._restorer = Restorer(lexicon, restorer.model, restorer.config)
        self._by_original: defaultdict[str, list[int]] = defaultdict(list)
        for number in range(len(lexicon.candidate_flags)):
            self._by_original[lexicon.original(number).lower()].append(number)

    def rounds(self) -> Iterator[float]:
        """Rounds of expectation and maximisation.

        Yields:
            After each round, the change of the expected counts as a share of them; it ends when the change is small.
        """
        while True:
            before = self.counts
            self._expect()
            change = sum(abs(count - before.get(number, 0.0)) for number, count in self.counts.items()) / max(1e-9, sum(self.counts.values()))
            self._maximise()
            yield change
            if change < SMALL_CHANGE or not self.spun_documents:
                return

    def rows(self, known: bool = False) -> list[Row]:
        """The rows of a layer: kept words, new pairs, and if asked for the expected counts of known pairs.

        The latter serve the texts learnt from and mislead on others: d01–d16 (.764/.895 without a layer) come to .790/.891 with all rows learnt from
        themselves; with rows learnt from twelve, the other four come to .744/.877 with them and .764/.896 without.
        """
        pairs: defaultdict[tuple[str, str], float] = defaultdict(float)
        for number, count in self.counts.items() if known else ():
            pairs[self._observed[number], self._prior.original(number)] += TRUST * count
        rows = [Row(*pair, "x", count, "", 0) for pair, count in pairs.items() if count >= LEAST]
        rows += [Row(word, word, "x", TRUST * count, "", 0) for word, count in self.kept.items() if TRUST * count >= LEAST and self._prior.rates(word)]
        return rows + self.new_pairs()

    def new_pairs(self) -> list[Row]:
        """Pairs that no dictionary lists but that the texts speak for, best first, with the evidence as note; found once, after the rounds."""
        if not self.propose or not self.spun_documents:
            return []
        if not hasattr(self, "_new"):
            self._new = self._look_for_pairs()
        return self._new

    def _expect(self) -> None:
        counts: defaultdict[int, float] = defaultdict(float)
        kept: defaultdict[str, float] = defaultdict(float)
        replaced = 0.0
        words = documents = 0
        for number, (analysis, places) in enumerate(self._posteriors()):
            self._progress("expectation", number + 1, len(self._texts))
            if analysis is None:
                continue
            documents += 1
            words += analysis.words
            for place in places:
                for candidate, observed, p in place.candidates:
                    counts[candidate] += p
                    replaced += p
                    self._observed.setdefault(candidate, observed)
                for word, p in place.kept:
                    kept[word] += p
        self.counts, self.kept, self.replaced, self.words, self.spun_documents = dict(counts), dict(kept), replaced, words, documents

    def _maximise(self) -> None:
        lexicon = self._prior
        n = len(lexicon.families)
        replaced: defaultdict[str, float] = defaultdict(float)
        for number, count in self.counts.items():
            replaced[lexicon.original(number).lower()] += TRUST * count
        for word in dict.fromkeys([*replaced, *self.kept]):
            numbers = self._by_original.get(word, [])
            if not numbers:
                continue
            slot = lexicon.rate_number(word)
            for f in range(n):
                before = lexicon.keep_weights[slot * n + f] if slot >= 0 else sum(lexicon.candidate_weights[c * n + f] for c in numbers)
                if not before:
                    continue
                after = updated_rate(min(1.0, before), replaced[word], TRUST * self.kept.get(word, 0.0))
                for c in numbers:
                    share = updated_share(lexicon.candidate_weights[c * n + f] / before, TRUST * self.counts.get(c, 0.0), replaced[word])
                    self._weights[c * n + f] = after * share
                if slot >= 0:
                    self._rates[slot * n + f] = after

    def _posteriors(self) -> Iterator[tuple[Analysis | None, list[_Piece]]]:
        """For each document what its words probably stood for; no analysis for one that does not look spun."""
        restorer = self._restorer
        for text in self._texts:
            analysis = restorer.analyse(text)
            belief = analysis.belief
            if belief.spun < 0.5:
                yield None, []
                continue
            pieces = []
            for chunk, graph in analysis.graphs():
                lattice = graph.lattice
                posterior, best = restorer.decoder().backward(graph, belief.lanes, belief.weights)
                arcs, tokens = lattice.arcs, lattice.tokens
                spun = [belief.spun * analysis.unit_spun(chunk, start) for start in tokens.starts]
                covered = [0.0] * len(tokens)
                candidates = []
                ids = list(lattice.ids)
                for k in sorted(range(len(arcs)), key=arcs.starts.__getitem__, reverse=True):
                    if posterior[k] < 1e-4:
                        continue
                    start, end = arcs.starts[k], arcs.ends[k]
                    for i in range(start, end):
                        covered[i] += posterior[k]
                    if arcs.candidates[k] >= 0:
                        candidates.append((arcs.candidates[k], plain(tokens.surface(start, end)).lower(), posterior[k] * spun[start]))
                    if best[k] and posterior[k] >= 0.5 and end - start == arcs.first_words[k + 1] - arcs.first_words[k]:
                        ids[start:end] = arcs.words[arcs.first_words[k] : arcs.first_words[k + 1]]
                plainly = [bool(flag & KIND_MASK == WORD and not flag & LOCKED) for flag in tokens.flags]
                words = [plain(tokens.surface(i)).lower() if good else "" for i, good in enumerate(plainly)]
                unexplained = [max(0.0, 1 - p) * sure for p, sure in zip(covered, spun, strict=True)]
                kept = [(word, p) for word, p in zip(words, unexplained, strict=True) if word]
                pieces.append(_Piece(candidates, kept, words, ids, unexplained))
            yield analysis, pieces

    def _look_for_pairs(self) -> list[Row]:
        """New pairs by the language model's word in the restored contexts."""
        tried = self._near_originals({word for word, p in self.kept.items() if p >= PLACES})
        model = self._restorer.model
        words = {w for originals in tried.values() for w in originals}
        norms = array("Q", (hash_word(word) for word in words))
        ids = dict(zip(words, model.ids(memoryview(norms), len(norms)), strict=True)) if words else {}
        found: defaultdict[tuple[str, str], _New] = defaultdict(_New)
        unexplained: defaultdict[str, float] = defaultdict(float)
        for number, (analysis, pieces) in enumerate(self._posteriors()):
            self._progress("new pairs", number + 1, len(self._texts))
            if analysis is None:
                continue
            for piece in pieces:
                for i, word in enumerate(piece.words):
                    if word in tried:
                        unexplained[word] += piece.unexplained[i]
                        self._weigh(piece, i, [(w, ids[w]) for w in tried[word] if ids[w] != UNKNOWN], number, found)
        documents = min(NEW_DOCUMENTS, self.spun_documents)
        rows = []
        for (observed, original), new in found.items():
            if new.count >= NEW_COUNT and len(new.documents) >= documents and new.count >= NEW_SHARE * unexplained[observed]:
                share = f"{new.count:.1f} of {unexplained[observed]:.0f} unexplained places"
                note = f"new: {share}, {len(new.documents)} texts, language model {new.ratio / new.count:+.1f}"
                rows.append(Row(observed, original, "x", TRUST * new.count, note, 0))
        return sorted(rows, key=lambda row: (-row.weight, row.observed, row.original))

    def _weigh(self, piece: _Piece, i: int, originals: Sequence[tuple[str, int]], document: int, found: defaultdict[tuple[str, str], _New]) -> None:
        """Add what one place says of the originals of its word."""
        if not originals:
            return
        before, after = piece.ids[max(0, i - _CONTEXT) : i], piece.ids[i + 1 : i + 1 + _CONTEXT]
        # One call for all: each window begins with the same context, whose own scores are not read.
        window = len(before) + 1 + len(after)
        scores = self._restorer.model.score_ids([x for word in [piece.ids[i], *(w for _, w in originals)] for x in (*before, word, *after)])
        sums = [sum(scores[k * window + len(before) : (k + 1) * window]) for k in range(len(originals) + 1)]
        ratios = [total - sums[0] for total in sums[1:]]
        top = max(0.0, *(LM_SCALE * ratio for ratio in ratios))
        odds = [NEW_PRIOR * math.exp(LM_SCALE * ratio - top) for ratio in ratios]
        total = math.exp(-top) + sum(odds)
        for (original, _), ratio, share in zip(originals, ratios, odds, strict=True):
            p = piece.unexplained[i] * share / total
            if p > 0.01:
                new = found[piece.words[i], original]
                new.count += p
                new.ratio += p * ratio
                if p > 0.5:
                    new.documents.add(document)

    def _near_originals(self, observed: set[str]) -> dict[str, list[str]]:
        """For each word, originals that it is not listed for but might stand for: what its synonyms stand for (words with an original in common with it), and
        words that are listed as standing for it."""
        folder = data_path()
        pairs, _, _ = collect(read_files(find_files([folder]), shipped=True), Inflector(folder / "inflections.tsv"))
        originals: defaultdict[str, set[str]] = defaultdict(set)
        sources: defaultdict[str, set[str]] = defaultdict(set)
        for one, other in pairs:
            if " " not in one and " " not in other and other == other.lower():
                originals[one].add(other)
                sources[other].add(one)
        near = {}
        for word in sorted(observed):
            listed = {candidate.original.lower() for candidate in self._prior.lookup(word)}
            witnesses: Counter[str] = Counter()
            for source in sources[word]:
                witnesses[source] += 3
            for original in originals[word]:
                for synonym in sources[original]:
                    for other in originals[synonym]:
                        witnesses[other] += 1
            ranked = sorted(witnesses.items(), key=lambda item: (-item[1], item[0]))
            near[word] = [other for other, _ in ranked if other != word and other not in listed][:TRIED]
        return {word: others for word, others in near.items() if others}


@dataclass(frozen=True)
class _Piece:
    """What the words of a piece of text probably stood for.

    Attributes:
        candidates: (number, observed wording, posterior).
        kept: (word, probability that it stood for itself).
        words: plain wording of each token that may be edited, "" for others.
        ids: vocabulary ids of the tokens, with sure edits made.
        unexplained: for each token, probability that it is spun text and that no known pair explains the word.
    """

    candidates: list[tuple[int, str, float]]
    kept: list[tuple[str, float]]
    words: list[str]
    ids: list[int]
    unexplained: list[float]
