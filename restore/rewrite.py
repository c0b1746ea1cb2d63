"""What a decoded document is changed to: the new text at once, the edits when somebody asks for them."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from functools import lru_cache
from heapq import nsmallest
from itertools import pairwise
from typing import NamedTuple

from restore import kernels
from restore.arrays import views, zeros
from restore.casing import fit_case, mend_article
from restore.decode import gather
from restore.detect import EDIT_MAP
from restore.lattice import Lattice
from restore.lexicon import Lexicon
from restore.records import Edit
from restore.tokenizer import CharacterOffsets, decode, encode, hash_word, tokenize

#: Wordings that are kept at hand (some 10 MB).
WORDINGS = 1 << 15
#: Other readings of an edit's tokens are listed from this posterior on.
NEGLIGIBLE = 1e-3
#: Marks of a change (`kernels.settle`): a neighbour is in capitals; its full stop stays; apostrophes are curly in this text.
_SHOUTING, _STOPPED, _CURLY = 1, 2, 4
_ROW = 11
_ARTICLES = hash_word("a"), hash_word("an")

#: What stands in the text, marks, candidate, its first word and the one behind the last.
Key = tuple[bytes, int, int, int, int]


class Wordings:
    """What candidates are written as in a text: in the case of what stands there. The last ones are kept; threads may share it.

    Args:
        lexicon: the candidates.
    """

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        #: What `fit` has found.
        self.known: dict[Key, bytes] = {}

    def fit(self, key: Key, size: int, texts: Sequence[str]) -> bytes:
        """UTF-8 of a reading.

        Args:
            key: where and what; a candidate −1 − k is the k-th of `texts`.
            size: words of the candidate.
        """
        fitted = self.known.get(key)
        if fitted is None:
            observed, marks, number, first, last = key
            wording = self._lexicon.original(number) if number >= 0 else texts[-1 - number]
            if first > 0 or last < size:
                wording = tokenize(encode(wording), ()).surface(first, last)
            if marks & _STOPPED:
                wording = wording.removesuffix(".")
            standing = decode(observed)
            fitted = encode(fit_case(standing, wording, curly=bool(marks & _CURLY), shouting=bool(marks & _SHOUTING) and standing.isupper()))
            if number >= 0:
                if len(self.known) >= WORDINGS:
                    self.known.clear()
                self.known[key] = fitted
        return fitted


class Rewrite:
    """A document on its way to its restored text.

    Args:
        data: the document as the decoder has seen it, in UTF-8.
        wordings: of the lexicon.
        known: probability that a spinner whose rows are known was at work.
        odds: for the calibration of edits (`restore.detect.edit_odds`).
        least: edits are made from this probability on.
    """

    def __init__(self, data: bytes, wordings: Wordings, known: float, odds: float, least: float) -> None:
        self._data = data
        self._wordings = wordings
        self._settings = known, *EDIT_MAP, odds, least, *_ARTICLES
        self._curly = _CURLY if b"'" not in data and any(mark in data for mark in map(encode, "’“”")) else 0
        # Of each edit: its bytes, what is put there, and its row in its piece; and of each piece its first edit.
        self._starts, self._ends, self._rows, self._firsts = array("q"), array("q"), array("i"), array("i")
        self._originals: list[bytes] = []
        self._pieces: list[_Piece] = []

    def __len__(self) -> int:
        return len(self._starts)

    def add(self, start: int, lattice: Lattice, posterior: array[float], best: array[int], sentences: array[int], spun: array[float]) -> None:
        """Take the changes of a piece of the document that begins at byte `start`; pieces come in their order.

        Args:
            lattice: of the piece. posterior, best: from `Decoder.backward`.
            sentences, spun: where its sentences begin, and how likely each is spun, given that the document is.
        """
        changes, arcs, tokens = gather(lattice, posterior, best, NEGLIGIBLE), lattice.arcs, lattice.tokens
        n, listed = changes.count, len(changes.others) // 3
        if not n:
            return
        rows, readings = zeros("i", _ROW * n), zeros("i", 4 * listed)
        probability, rest, likely = zeros("d", n), zeros("d", n), zeros("d", listed)
        count = kernels.settle(
            n, *views(changes.chosen, changes.support, changes.others, arcs.candidates, arcs.first_words, posterior),
            tokens.text, *views(tokens.starts, tokens.ends, tokens.flags, tokens.hashes), len(tokens),
            sentences, spun, len(sentences),
            *self._settings, self._curly, *views(rows, readings, probability, rest, likely),
        )  # fmt: skip
        del rows[_ROW * count :], probability[count:], rest[count:]
        self._pieces.append(_Piece(rows, probability, rest, readings, likely, arcs.texts))
        self._firsts.append(len(self))
        data, known, fit = tokens.text, self._wordings.known, self._wordings.fit
        done = max(0, self._ends[-1] - start) if self._ends else 0
        parts = iter(rows)
        for k, row in enumerate(zip(*[parts] * _ROW, strict=True)):
            first, last = row[0], row[1]
            observed = data[first:last]
            key = observed, row[2], row[3], row[4], row[5]
            original = known.get(key) or fit(key, row[6], arcs.texts)
            if original == observed:
                continue
            if row[7] >= done:
                article, gap = data[row[7] : row[8]], data[row[8] : first]
                mended = _mended(article, observed, original)
                if mended != article:
                    first, original = row[7], mended + gap + original
            done = last
            self._starts.append(start + first)
            self._ends.append(start + last)
            self._originals.append(original)
            self._rows.append(k)

    def text(self) -> str:
        """The restored text."""
        data, last, restored = self._data, 0, bytearray()
        for start, end, original in zip(self._starts, self._ends, self._originals, strict=True):
            restored += data[last:start]
            restored += original
            last = end
        restored += data[last:]
        return decode(restored)

    def strongest(self, most: int) -> list[tuple[str, str, float]]:
        """Observed wording, original and probability of the likeliest edits, best first."""
        sure = [piece.probability[k] for piece, k in self._places()]
        # Probabilities are given in six digits, and of equal ones the first edit counts.
        least = sorted(sure)[-most:][:1]
        chosen = nsmallest(most, [(-round(p, 6), n) for n, p in enumerate(sure) if p >= least[0] - 1e-6])
        return [(decode(self._data[self._starts[n] : self._ends[n]]), decode(self._originals[n]), -p) for p, n in chosen]

    def _places(self) -> Iterator[tuple[_Piece, int]]:
        """The piece of each edit, and its row there."""
        for piece, (first, last) in zip(self._pieces, pairwise([*self._firsts, len(self)]), strict=True):
            for k in self._rows[first:last]:
                yield piece, k

    def edits(self, text: str) -> tuple[Edit, ...]:
        """The edits, with their alternatives.

        Args:
            text: the document as it came, for offsets in characters: the data, but for letters that look alike.
        """
        return tuple(self._spell(text))

    def _spell(self, text: str) -> Iterator[Edit]:
        offsets = CharacterOffsets(text, self._data)
        for start, end, original, (piece, k) in zip(self._starts, self._ends, self._originals, self._places(), strict=True):
            row = piece.rows[_ROW * k : _ROW * (k + 1)]
            begin, stop = offsets(start, end)
            alternatives = self._alternatives(start, end, original, piece, row, piece.rest[k]) if row[9] < row[10] else ()
            p = round(piece.probability[k], 6)
            yield Edit(begin, stop, text[begin:stop], decode(original), "substitution", p, alternatives)

    def _alternatives(self, start: int, end: int, original: bytes, piece: _Piece, row: array[int], share: float) -> tuple[tuple[str, float], ...]:
        readings, likely, texts = piece.readings, piece.likely, piece.texts
        observed = self._data[end - (row[1] - row[0]) : end]
        before = self._data[start : end - len(observed)]
        article, gap = before[: row[8] - row[7]], before[row[8] - row[7] :]
        found: dict[bytes, float] = {}
        for k in range(row[9], row[10]):
            wording = self._wordings.fit((observed, row[2], readings[4 * k], readings[4 * k + 1], readings[4 * k + 2]), readings[4 * k + 3], texts)
            if wording != observed:
                wording = _mended(article, observed, wording) + gap + wording if article else wording
                found[wording] = found.get(wording, 0.0) + likely[k]
        found.pop(original, None)
        best = sorted([(-p, decode(wording)) for wording, p in found.items()])[:3]
        return tuple([(wording, round(min(1.0, -p * share), 6)) for p, wording in best])


class _Piece(NamedTuple):
    """The changes of a piece of the document and their further readings, as `kernels.settle` writes them."""

    rows: array[int]
    probability: array[float]
    rest: array[float]
    readings: array[int]
    likely: array[float]
    texts: list[str]


@lru_cache(1 << 12)
def _mended(article: bytes, observed: bytes, original: bytes) -> bytes:
    """The article before an original."""
    return encode(mend_article(decode(article), decode(observed), decode(original)))
