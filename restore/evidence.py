"""Why a document is thought spun: its sites with their log odds, what is odd without any row, and the everyday words that are missing from it."""

from __future__ import annotations

import math
import re
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from restore import kernels
from restore.arrays import zeros
from restore.collocation import SOLID
from restore.decode import gather as gather_changes
from restore.detect import log_sum, make_lanes
from restore.edits import input_offset
from restore.engine import EVERYDAY, Chunk
from restore.errors import ConfigError
from restore.language_model.model import UNKNOWN
from restore.records import Edit, Verdict
from restore.tokenizer import KIND_MASK, NEWLINES_MASK, SENTENCE_START, WORD, hash_word, split_lines

if TYPE_CHECKING:
    from restore.engine import Analysis, Restorer
    from restore.lattice import Lattice

#: Families of terms of several words, of which two at least are no everyday words (log probability under EVERYDAY): "a few", "because of" are no such terms.
PHRASES = frozenset({"tortured"})
#: Log odds from which on such a phrase is listed. Clean text: see DESIGN.md.
LISTED = 1.0
#: Everyday words that spinners replace: s_w at least this in some family, among the most frequent words.
REPLACED, FREQUENT = 0.5, 1000

# A line end that no sentence ends at, before a word in lower case.
_WRAPPED = re.compile(r"(?<=[^\s.!?:;])[ \t]*\r?\n[ \t]*(?=[a-z])")


@dataclass(frozen=True, slots=True)
class Sign:
    """A site that reads like a spinner's work.

    Attributes:
        start, end: the span of `observed` in the input, in characters.
        observed: what stands there.
        original: what it probably stands for.
        log_odds: (natural) that it stands for `original` or another original, given that the text is spun.
        sentence: the sentence around it.
    """

    start: int
    end: int
    observed: str
    original: str
    log_odds: float
    sentence: str

    @property
    def wording(self) -> str:
        """What stands there, in lower case and on one line."""
        return " ".join(self.observed.lower().split())


@dataclass(frozen=True, slots=True)
class Oddity:
    """A place that is odd whatever the dictionaries say (`restore.collocation`). It raises the verdict; nothing is rewritten on its account.

    Attributes:
        start, end: the span of `observed` in the input, in characters.
        observed: what stands there.
        kind: "collocation" (a word that a near-synonym beats in its place) or "debris" (an article that does not fit, "Ok." for K.).
        better: the near-synonym; "" for debris.
        gain: by how much it is more probable there (nats, at the scale of the language model's ratios); 0 for debris.
        sentence: the sentence around it.
    """

    start: int
    end: int
    observed: str
    kind: str
    better: str
    gain: float
    sentence: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for "spun" in a document.

    Attributes:
        verdict: of the document, as `Restorer.detect` gives it.
        signs: sites with log odds over 0, in the order of the text; none when the gate found the text clean (but for the phrases of a family).
        missing: everyday words that spinners replace, with how many more of each a text of this length has on average; most missing first.
        oddities: what is odd without any row, in the order of the text.
    """

    verdict: Verdict
    signs: tuple[Sign, ...]
    missing: tuple[tuple[str, float], ...]
    oddities: tuple[Oddity, ...] = ()

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Distinct (observed, original), in lower case, strongest first."""
        ranked = sorted(self.signs, key=lambda sign: -sign.log_odds)
        return list(dict.fromkeys((sign.wording, sign.original.lower()) for sign in ranked))

    def strongest(self, n: int = 10) -> list[Sign]:
        """The signs with the highest log odds, one for each observed wording."""
        best: dict[str, Sign] = {}
        for sign in self.signs:
            if sign.wording not in best or sign.log_odds > best[sign.wording].log_odds:
                best[sign.wording] = sign
        return sorted(best.values(), key=lambda sign: (-sign.log_odds, sign.start))[:n]

    def worst(self, n: int = 10) -> list[Oddity]:
        """Debris, and the collocations that are worst, one for each observed wording, in the order of the text."""
        ranked = sorted(self.oddities, key=lambda oddity: (oddity.kind != "debris", -oddity.gain))
        distinct = {oddity.observed.lower(): oddity for oddity in reversed(ranked)}
        chosen = sorted(distinct.values(), key=lambda oddity: (oddity.kind != "debris", -oddity.gain))[:n]
        return sorted(chosen, key=lambda oddity: oddity.start)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able dictionary: the signs, strongest first, distinct pairs counted, oddities, missing words."""
        return {
            "distinct": len(self.pairs),
            "signs": [asdict(sign) for sign in sorted(self.signs, key=lambda sign: (-sign.log_odds, sign.start))],
            "oddities": [asdict(oddity) for oddity in self.oddities],
            "missing": dict(self.missing),
        }


def gather(restorer: Restorer, text: str, family: str | None = None) -> Evidence:
    """The evidence of a document.

    Args:
        restorer: judges the text.
        text: the document.
        family: only what is of this family of spinner; for tortured phrases, only phrases of several words.

    Raises:
        ConfigError: there is no such family.

    >>> import restore
    >>> evidence = gather(restore.load(), "Our irregular woodland is slow. We gauge bosom malignancy with it.", "tortured")
    >>> [(sign.observed, sign.original) for sign in evidence.signs]
    [('irregular woodland', 'random forest'), ('bosom malignancy', 'breast cancer')]
    """
    names = restorer.lexicon.families
    if family is not None and family not in names:
        raise ConfigError(f"family is {family!r}; the dictionaries have {', '.join(names)}")
    number = names.index(family) if family is not None else None
    # Phrases are looked for in papers that the gate finds clean, too, and across line ends.
    verdict, before, analysis = restorer.examine(unwrapped(text) if family in PHRASES else text, always=family is not None)
    if analysis is None:
        return Evidence(verdict, (), ())
    place = _Places(text, before, analysis)
    signs = tuple(_signs(restorer, analysis, place, number, family in PHRASES))
    if family is not None:
        return Evidence(verdict, signs, ())
    return Evidence(verdict, signs, tuple(_missing(restorer, analysis)), tuple(_oddities(restorer, analysis, place)))


def unwrapped(text: str) -> str:
    """The text with a blank for each line end inside a sentence, since phrases are not matched across lines: as many characters, so that offsets stay.

    >>> unwrapped("We train a irregular\\nwoodland.\\nIt is slow.")
    'We train a irregular woodland.\\nIt is slow.'
    """
    return _WRAPPED.sub(lambda match: " " * len(match[0]), text)


def _signs(restorer: Restorer, analysis: Analysis, place: _Places, family: int | None, phrases: bool) -> Iterator[Sign]:
    lanes, weights = analysis.belief.lanes, list(analysis.belief.weights)
    if family is not None:
        # The family at its prior rates: in a long paper a dozen phrases say nothing about the rate.
        _, log_prior = make_lanes(restorer.lexicon.families, restorer.config.assume_spun)
        kept = [p if f == family else -math.inf for p, f in zip(log_prior, lanes.families, strict=True)]
        weights = [math.exp(p - log_sum(kept)) for p in kept]
    for chunk, graph in analysis.graphs():
        lattice, arcs = graph.lattice, graph.lattice.arcs
        posterior, best = restorer.decoder().backward(graph, lanes, weights)
        marks = best
        if family is not None:
            marks = array("B", (_is_of(restorer, lattice, k, family, phrases) and (best[k] or (phrases and posterior[k] > 0)) for k in range(len(arcs))))
        found = []
        for change in gather_changes(lattice, posterior, marks, 1.0).spelt():
            p = min(change.support, 1 - 1e-12)
            log_odds = math.log(p + 1e-300) - math.log1p(-p)
            if log_odds > (LISTED if phrases else 0):
                found.append((log_odds, change.reading[0]))
        # A phrase may be on the best path as a whole or word by word; of overlapping ones the longest is listed.
        taken: set[int] = set()
        chosen = []
        for log_odds, k in sorted(found, key=lambda item: (arcs.starts[item[1]] - arcs.ends[item[1]], -item[0])):
            if taken.isdisjoint(range(arcs.starts[k], arcs.ends[k])):
                taken.update(range(arcs.starts[k], arcs.ends[k]))
                chosen.append((arcs.starts[k], log_odds, k))
        for _, log_odds, k in sorted(chosen):
            start, end, observed, sentence = place(chunk, lattice, arcs.starts[k], arcs.ends[k])
            number = arcs.candidates[k]
            original = restorer.lexicon.original(number) if number >= 0 else arcs.texts[-1 - number]
            yield Sign(start, end, observed, original, round(log_odds, 4), sentence)


def _oddities(restorer: Restorer, analysis: Analysis, place: _Places) -> Iterator[Oddity]:
    if restorer.neighbours is None:
        return
    vocabulary = restorer.model.words()
    for chunk, graph in analysis.graphs():
        lattice = graph.lattice
        odd = restorer.neighbours.look(lattice)
        worst = [(i, i + 1, vocabulary[word], gain) for i, word, gain in zip(odd.sites, odd.best, odd.gains, strict=True) if gain >= SOLID]
        for first, last, better, gain in sorted([*worst, *((i, j, "", 0.0) for i, j in zip(odd.debris[::2], odd.debris[1::2], strict=True))]):
            start, end, observed, sentence = place(chunk, lattice, first, last)
            yield Oddity(start, end, observed, "collocation" if better else "debris", better, round(gain, 4), sentence)


class _Places:
    """Where tokens of an analysed text stand in the input, and in which sentence."""

    def __init__(self, text: str, before: Sequence[Edit], analysis: Analysis) -> None:
        self._text, self._before, self._data = text, before, analysis.data
        self._plain = len(analysis.text) == len(analysis.data)
        self._chunk: Chunk | None = None
        self._spans = array("i")

    def __call__(self, chunk: Chunk, lattice: Lattice, i: int, j: int) -> tuple[int, int, str, str]:
        """(start, end, what stands there, sentence) of the tokens from i to the one before j."""
        tokens = lattice.tokens
        if chunk is not self._chunk:
            self._chunk, self._spans = chunk, split_lines(tokens, NEWLINES_MASK | SENTENCE_START).spans
        at = bisect_right(self._spans, tokens.starts[i])
        sentence = " ".join(tokens.text[self._spans[at - 1] : self._spans[at]].decode("utf-8", "surrogatepass").split())
        start, end = self._input(chunk.start + tokens.starts[i]), self._input(chunk.start + tokens.ends[j - 1])
        return start, end, self._text[start:end], sentence

    def _input(self, offset: int) -> int:
        position = offset if self._plain else len(self._data[:offset].decode("utf-8", "surrogatepass"))
        return input_offset(self._before, position) if self._before else position


def _is_of(restorer: Restorer, lattice: Lattice, k: int, family: int, phrases: bool) -> bool:
    """Whether an arc is of a family itself, and not borrowed; a phrase of words that are no everyday ones where phrases are wanted."""
    arcs, n = lattice.arcs, len(restorer.lexicon.families)
    own = arcs.weights[k * n : (k + 1) * n]
    return own[family] >= max(own) and not (phrases and _rare_words(restorer, lattice, arcs.starts[k], arcs.ends[k]) < 2)


def _rare_words(restorer: Restorer, lattice: Lattice, i: int, j: int) -> int:
    """Words among the tokens i … j that are no everyday words."""
    pairs = zip(lattice.ids[i:j], lattice.tokens.flags[i:j], strict=True)
    return sum(1 for number, flag in pairs if flag & KIND_MASK == WORD and (number == UNKNOWN or restorer.model.unigrams[2 * number] < EVERYDAY))


def _missing(restorer: Restorer, analysis: Analysis) -> Iterator[tuple[str, float]]:
    words = _everyday(restorer)
    found: Counter[int] = Counter()
    for _, graph in analysis.graphs():
        found.update(graph.lattice.ids)
    lacking = [(word, round(analysis.words * p - found[number], 1)) for number, word, p in words]
    yield from sorted(((word, n) for word, n in lacking if n >= 1), key=lambda item: (-item[1], item[0]))


def _everyday(restorer: Restorer) -> list[tuple[int, str, float]]:
    """(id, word, share of running words) of frequent words that spinners replace."""
    model, lexicon = restorer.model, restorer.lexicon
    vocabulary = model.words()[: FREQUENT + 3]
    n = len(lexicon.families)
    keep = zeros("f", len(vocabulary) * n)
    hashes = array("Q", (hash_word(word) for word in vocabulary))
    kernels.keep_rates(hashes, len(vocabulary), lexicon.keep_keys, lexicon.keep_values, lexicon.capacities["keep"], lexicon.keep_weights, n, keep)
    return [
        (number, vocabulary[number], math.exp(model.unigrams[2 * number]))
        for number in range(3, len(vocabulary))
        if max(keep[number * n : (number + 1) * n]) >= REPLACED
    ]
