"""Counts of substitutions from aligned documents: an original and what a spinner made of it.

Tokens are aligned between anchors (three words in a row that either text has once and both have, in the same order: patience diff) by the longest matching
blocks of `difflib`. What differs is cut into pairs of spans at least cost, with known rows as the cheapest cuts.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import lru_cache

from restore.language_model.model import UNKNOWN, LanguageModel
from restore.learn.layer import plain
from restore.lexicon import Lexicon
from restore.lexicon.rows import Row
from restore.tokenizer import (
    ABBREVIATION,
    CASE_MASK,
    KIND_MASK,
    LOWER,
    NEWLINES_MASK,
    NUMBER,
    OPAQUE,
    SENTENCE_START,
    UPPER,
    WORD,
    Tokens,
    encode,
    hash_word,
    tokenize,
)

#: Longest span of a pair, and longest stretch of differences that is looked at, in tokens: beyond that a text was rewritten and not spun.
SPAN, STRETCH = 5, 24
#: A word of at least this log probability (some 60: the, of, was, not) is glue: two differences with at most GLUE of these between them are looked at as
#: one. So are two with any word between them where one side is empty ("rates of interest", interest rates).
EVERYDAY, GLUE = -5.5, 2
#: A single word of at least this log probability (some 200) is no new observed side of its own.
COMMON = -7.0
#: Costs of a pair of spans: listed in a dictionary, of one word each; two single words that are not; for each further word, listed and not; for each everyday
#: word that both have at the same end.
LISTED, SINGLE, LISTED_LONGER, LONGER, SHARED = 0.3, 1.0, 0.2, 0.6, 0.3
#: Signs that may stand inside a span; others (sentence punctuation, quotes) part spans.
SIGNS = frozenset("-/'{}()&$%+")

_A, _AN = hash_word("a"), hash_word("an")

Pair = tuple[str, str]


@dataclass
class PairCounts:
    """What aligned documents say.

    Attributes:
        pairs: times each (observed, original) was seen.
        kept: times each word stood for itself.
        new: pairs that no dictionary lists.
        contexts: for each pair, the first places: (text before, text after).
        documents, words: how many were read (words of the spun side).
        skipped: stretches too different to be read as substitutions.
    """

    pairs: Counter[Pair] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    new: set[Pair] = field(default_factory=set)
    contexts: defaultdict[Pair, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    documents: int = 0
    words: int = 0
    skipped: int = 0


class PairLearner:
    """Counts substitutions in aligned documents.

    Args:
        lexicon: says which pairs and originals are known.
        model: says which words are everyday words.
        contexts: places remembered for each pair.
    """

    def __init__(self, lexicon: Lexicon, model: LanguageModel, contexts: int = 2) -> None:
        self.counts = PairCounts()
        self._model = model
        self._contexts = contexts
        self._lexicon = lexicon
        self._listed = lru_cache(maxsize=1 << 16)(lambda observed: frozenset(row.original.lower() for row in lexicon.lookup(observed)))

    def add(self, original: str, spun: str) -> float:
        """Count what differs between two texts.

        Args:
            original: the text as it was.
            spun: what the spinner made of it.

        Returns:
            The share of the spun text's tokens that stand unchanged in the original; below a third the two are hardly the same text, and nothing is counted.

        >>> import restore
        >>> restorer = restore.load()
        >>> learner = PairLearner(restorer.lexicon, restorer.model)
        >>> round(learner.add("He sent a letter on Monday, two years ago.", "He despatched a letter on Monday, two years in the past."), 1)
        0.7
        >>> sorted(learner.counts.pairs)
        [('despatched', 'sent'), ('in the past', 'ago')]
        """
        old, new = tokenize(encode(original)), tokenize(encode(spun))
        for tokens in (old, new):
            # Whether "a" or "an" stands somewhere follows from the next word; it is not a substitution.
            for k, word in enumerate(tokens.hashes):
                if word == _AN:
                    tokens.hashes[k] = _A
        blocks = list(_matching(old.hashes, new.hashes))
        same = sum(length for _, _, length in blocks) / max(1, len(new))
        if same < 1 / 3:
            return same
        counts = self.counts
        counts.documents += 1
        counts.words += sum(1 for flag in new.flags if flag & KIND_MASK == WORD)
        changed = bytearray(len(new))
        for i1, i2, j1, j2 in self._stretches(old, new, blocks):
            if i2 - i1 > STRETCH or j2 - j1 > STRETCH:
                counts.skipped += 1
                changed[j1:j2] = b"\1" * (j2 - j1)
                continue
            spans = self._cut(old, new, i1, i2, j1, j2)
            if spans is None:
                counts.skipped += 1
                changed[j1:j2] = b"\1" * (j2 - j1)
                continue
            for a, b, c, d in spans:
                changed[c:d] = b"\1" * (d - c)
                self._count(old, new, a, b, c, d)
        for j, flag in enumerate(new.flags):
            if not changed[j] and flag & KIND_MASK == WORD:
                counts.kept[plain(new.surface(j)).lower()] += 1
        return same

    def rows(self, min_count: float = 1) -> list[Row]:
        """The rows of a layer: pairs, and how often the words that were replaced, or could have been, stood for themselves.

        Args:
            min_count: pairs seen less often are left out.
        """
        counts = self.counts
        chosen = {pair: count for pair, count in counts.pairs.items() if count >= min_count}
        rows = [Row(*pair, "x", count, "new" if pair in counts.new else "", 0) for pair, count in chosen.items()]
        replaced = {original.lower() for _, original in chosen}
        kept = [(word, count) for word, count in counts.kept.items() if word in replaced or self._lexicon.rates(word)]
        return rows + [Row(word, word, "x", count, "", 0) for word, count in kept]

    def _stretches(self, old: Tokens, new: Tokens, blocks: Sequence[tuple[int, int, int]]) -> Iterator[tuple[int, int, int, int]]:
        """Spans that differ: those with everyday words between them as one, those of which one side is empty with a word of what is around."""
        everyday = self._everyday(new)
        found: list[list[int]] = []
        i = j = 0
        for at, to, length in [*blocks, (len(old), len(new), 0)]:
            if at > i or to > j:
                gap = j - found[-1][3] if found else STRETCH
                lopsided = bool(found) and (at == i or to == j or found[-1][0] == found[-1][1] or found[-1][2] == found[-1][3])
                if gap <= GLUE and (lopsided or all(everyday[found[-1][3] : j])):
                    found[-1][1], found[-1][3] = at, to
                else:
                    found.append([i, at, j, to])
            i, j = at + length, to + length
        for k, (i1, i2, j1, j2) in enumerate(found):
            low = found[k - 1][3] if k else 0
            high = found[k + 1][2] if k + 1 < len(found) else len(new)
            if j1 > low and i1 > 0 and new.flags[j1 - 1] & KIND_MASK != OPAQUE:
                i1, j1 = i1 - 1, j1 - 1
            if j2 < high and i2 < len(old):
                i2, j2 = i2 + 1, j2 + 1
            yield i1, i2, j1, j2

    def _cut(self, old: Tokens, new: Tokens, i1: int, i2: int, j1: int, j2: int) -> list[tuple[int, int, int, int]] | None:
        """The cheapest way to read a stretch as words that stayed and pairs of spans; None where there is none."""
        n, m = i2 - i1, j2 - j1
        everyday = self._everyday(new)
        best: dict[tuple[int, int], tuple[float, tuple[int, int] | None]] = {(0, 0): (0.0, None)}
        for i in range(n + 1):
            for j in range(m + 1):
                if (i, j) not in best:
                    continue
                cost = best[i, j][0]
                if i < n and j < m and old.hashes[i1 + i] == new.hashes[j1 + j]:
                    _relax(best, (i + 1, j + 1), cost, (i, j))
                for a in range(i + 1, min(n, i + SPAN) + 1):
                    if not _whole(old, i1 + i, i1 + a):
                        break
                    for b in range(j + 1, min(m, j + SPAN) + 1):
                        if not _whole(new, j1 + j, j1 + b):
                            break
                        step = self._cost(old, new, i1 + i, i1 + a, j1 + j, j1 + b, everyday)
                        if step is not None:
                            _relax(best, (a, b), cost + step, (i, j))
        if (n, m) not in best:
            return None
        spans = []
        at = (n, m)
        while (before := best[at][1]) is not None:
            (i, j), (a, b) = before, at
            if a - i != 1 or b - j != 1 or old.hashes[i1 + i] != new.hashes[j1 + j]:
                spans.append((i1 + i, i1 + a, j1 + j, j1 + b))
            at = before
        return spans[::-1]

    def _cost(self, old: Tokens, new: Tokens, a: int, b: int, c: int, d: int, everyday: bytearray) -> float | None:
        if b - a == d - c and old.hashes[a:b] == new.hashes[c:d]:
            return None
        if plain(old.surface(a, b)).lower() in self._listed(plain(new.surface(c, d)).lower()):
            return LISTED + LISTED_LONGER * (b - a + d - c - 2)
        if not _balanced(old.surface(a, b)) or not _balanced(new.surface(c, d)):
            return None
        cost = SINGLE + LONGER * (b - a + d - c - 2)
        for i, j in ((a, c), (b - 1, d - 1)):
            if old.hashes[i] == new.hashes[j] and everyday[j]:
                cost += SHARED
        return cost

    def _count(self, old: Tokens, new: Tokens, a: int, b: int, c: int, d: int) -> None:
        observed, original = plain(new.surface(c, d)).lower(), plain(old.surface(a, b))
        kinds = [tokens.flags[k] & KIND_MASK for tokens, span in ((old, range(a, b)), (new, range(c, d))) for k in span]
        worded = all(
            any(tokens.flags[k] & KIND_MASK in (WORD, ABBREVIATION, NUMBER) for k in span) for tokens, span in ((old, range(a, b)), (new, range(c, d)))
        )
        if not worded or OPAQUE in kinds or set(kinds) == {NUMBER}:
            return
        # Capitals belong to the wording where the spun text has none there, or where a whole word has them in the middle of a sentence.
        capitals = old.flags[a] & CASE_MASK
        if capitals != UPPER and (new.flags[c] & CASE_MASK != LOWER or old.flags[a] & SENTENCE_START):
            original = original.lower()
        if observed == original.lower():
            return
        pair = observed, original
        if original.lower() not in self._listed(observed):
            if d - c == 1 and self._common(new, c):
                # A new pair for a word such as "on" says too much; with the word that follows it says what was seen ("on the" for at the).
                if d < len(new) and b < len(old) and old.hashes[b] == new.hashes[d] and _whole(new, c, d + 1) and new.flags[d] & KIND_MASK == WORD:
                    self._count(old, new, a, b + 1, c, d + 1)
                return
            self.counts.new.add(pair)
        self.counts.pairs[pair] += 1
        if len(self.counts.contexts[pair]) < self._contexts:
            before = new.text[new.starts[max(0, c - 6)] : new.starts[c]].decode("utf-8", "replace")
            after = new.text[new.ends[d - 1] : new.ends[min(len(new), d + 6) - 1]].decode("utf-8", "replace")
            self.counts.contexts[pair].append((plain(before), plain(after)))

    def _common(self, tokens: Tokens, i: int) -> bool:
        (word,) = self._model.ids(memoryview(tokens.norms)[i : i + 1], 1)
        return word != UNKNOWN and self._model.unigrams[2 * word] > COMMON

    def _everyday(self, tokens: Tokens) -> bytearray:
        ids = self._model.ids(memoryview(tokens.norms), len(tokens))
        return bytearray(
            flag & KIND_MASK == WORD and word != UNKNOWN and self._model.unigrams[2 * word] > EVERYDAY for word, flag in zip(ids, tokens.flags, strict=True)
        )


def _relax(best: dict[tuple[int, int], tuple[float, tuple[int, int] | None]], at: tuple[int, int], cost: float, before: tuple[int, int]) -> None:
    if at not in best or cost < best[at][0] - 1e-9:
        best[at] = cost, before


def _whole(tokens: Tokens, start: int, end: int) -> bool:
    """Whether a span may belong together: on one line, without sentence punctuation."""
    last = end - 1
    if last > start and tokens.flags[last] & NEWLINES_MASK:
        return False
    return tokens.flags[last] & KIND_MASK in (WORD, NUMBER, ABBREVIATION) or tokens.surface(last) in SIGNS


def _balanced(span: str) -> bool:
    return span.count("{") == span.count("}") and span.count("(") == span.count(")")


def _matching(old: Sequence[int], new: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Matching blocks (start in old, start in new, length), in order."""
    anchors = _anchors(old, new)
    i = j = 0
    for at, to in [*anchors, (len(old), len(new))]:
        if at >= i and to >= j:
            for block in SequenceMatcher(None, old[i:at], new[j:to], autojunk=False).get_matching_blocks():
                if block.size:
                    yield i + block.a, j + block.b, block.size
            i, j = at, to
    # The tokens of an anchor are matched by the piece that begins with it.


def _anchors(old: Sequence[int], new: Sequence[int]) -> list[tuple[int, int]]:
    """Places of three words in a row that each text has once, in the same order in both: a longest increasing subsequence (Bram Cohen's patience diff)."""

    def once(words: Sequence[int]) -> dict[tuple[int, ...], int]:
        grams: dict[tuple[int, ...], int] = {}
        for k in range(len(words) - 2):
            gram = tuple(words[k : k + 3])
            grams[gram] = -1 if gram in grams else k
        return {gram: k for gram, k in grams.items() if k >= 0}

    places = once(new)
    pairs = [(k, places[gram]) for gram, k in once(old).items() if gram in places]
    tails: list[int] = []
    chain: list[tuple[int, int | None]] = []
    ends: list[int] = []
    for number, (_, to) in enumerate(pairs):
        at = bisect_left(tails, to)
        chain.append((number, ends[at - 1] if at else None))
        tails[at : at + 1] = [to]
        ends[at : at + 1] = [number]
    result = []
    number_or_none = ends[-1] if ends else None
    while number_or_none is not None:
        result.append(pairs[number_or_none])
        number_or_none = chain[number_or_none][1]
    return result[::-1]
