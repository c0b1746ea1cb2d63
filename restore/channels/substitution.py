"""The substitution channel: which originals a thesaurus spinner could have had at each place of a text.

Candidates come from the compiled dictionaries; a braces rule adds what leaks from spinners' templates ("{hardware}" for hardware), with the candidates of
the words inside.
"""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field

from restore import kernels
from restore.arrays import zeros
from restore.language_model.model import UNKNOWN, LanguageModel
from restore.lexicon import Lexicon
from restore.tokenizer import KIND_MASK, LOCKED, NEWLINES_MASK, WORD, Tokens, hash_word

#: Exponent of the language model's ratios. An n-gram model is overconfident, since its errors at neighbouring words go together. Dev texts d01–d16,
#: recall/precision at .65, .7, .75, .8: .748/.904, .764/.896, .777/.887, .779/.879.
LM_SCALE = 0.7
#: Log factors (natural) on top of the language model, which already knows most of both: F0.5 on d01–d16 moves by less than .005 for costs
#: from 0 to 3. They decide where the model has not seen the words together.
ARTICLE_COST = 1.5
NAME_COST = 1.0
#: For each word of an original that the language model does not know, beyond the probability of <unk>: it is in a dictionary, so it is some word, and one that
#: occurs less than five times in 10^8 words (log 5e-8 = −17) where <unk> has about log .005 = −5. At the scale of the model's ratios (0.7) that is 8.
UNKNOWN_COST = 8.0
#: What a term counts more for each changed word after the first: that all of them stand for words of one term by chance is unlikely, and a model of the
#: news does not know most terms. At 25 clean science has a quarter more false edits, and no more phrases are restored.
TERM_BOOST = 8.0
#: A term counts so much less for each changed word more than another term needs for the same tokens ("profound learning method" is deep learning method
#: before it is deep learning approach).
FURTHER_CHANGE = 0.02
#: Beginnings of terms that are followed at one token; a dozen is usual.
TERM_BEGINNINGS = 512
#: A leak of template braces: s · q for every family, and what it is worth (log factor) beside its words. The braces themselves are as good as unknown to the
#: language model, which must not make proof of them: clean templates and formulas have braces, too.
BRACES, BRACES_BONUS = 0.3, 2.0

_HASH_A, _HASH_AN, _OPEN, _CLOSE = (hash_word(word) for word in ("a", "an", "{", "}"))


@dataclass
class Arcs:
    """Candidates as parallel arrays; see `kernels.expand` for their meaning.

    `candidates` numbers a candidate of the lexicon, or −1 − k for the k-th of `texts`; `terms` is the span of the arcs that are put together from
    single words.
    """

    starts: array[int] = field(default_factory=lambda: array("i"))
    ends: array[int] = field(default_factory=lambda: array("i"))
    candidates: array[int] = field(default_factory=lambda: array("i"))
    first_words: array[int] = field(default_factory=lambda: array("i", [0]))
    words: array[int] = field(default_factory=lambda: array("i"))
    weights: array[float] = field(default_factory=lambda: array("f"))
    bonus: array[float] = field(default_factory=lambda: array("d"))
    texts: list[str] = field(default_factory=list)
    terms: tuple[int, int] = (0, 0)

    def __len__(self) -> int:
        return len(self.starts)


class _Scratch(threading.local):
    """A thread's arrays for the matches of a text, used again for the next one: room for matches of `n` tokens, which grows."""

    def __init__(self) -> None:
        self.tokens = self.room = 0
        self.queue = zeros("i", 4 * TERM_BEGINNINGS), zeros("Q", TERM_BEGINNINGS), zeros("d", TERM_BEGINNINGS)
        self.counts = zeros("q", 3)

    def fit(self, tokens: int, room: int) -> None:
        if tokens > self.tokens:
            self.tokens = tokens
            self.first = zeros("i", tokens + 1)
        if room > self.room:
            self.room = room
            # Spans and phrases; what stands there, changed words, factors of the weights: for terms alone.
            self.spans = zeros("i", room), zeros("i", room), zeros("i", room)
            self.terms = zeros("i", room), zeros("i", room), zeros("f", room)


_SCRATCH = _Scratch()


def find_matches(tokens: Tokens, keys: memoryview, values: memoryview, capacity: int) -> tuple[array[int], array[int], array[int]]:
    """Every phrase of a table at every token: token spans and phrase numbers."""
    scratch = _SCRATCH
    scratch.fit(0, 2 * len(tokens) + 64)
    while (count := _match(tokens, keys, values, capacity, scratch)) < 0:
        scratch.fit(0, 4 * scratch.room)
    starts, ends, phrases = scratch.spans
    return starts[:count], ends[:count], phrases[:count]


def _match(tokens: Tokens, keys: memoryview, values: memoryview, capacity: int, scratch: _Scratch) -> int:
    return kernels.match(tokens.hashes, tokens.flags, len(tokens), keys, values, capacity, *scratch.spans, scratch.room)


def lock_phrases(tokens: Tokens, keys: memoryview, values: memoryview, capacity: int) -> None:
    """Lock every token of every phrase of a table."""
    starts, ends, _ = find_matches(tokens, keys, values, capacity)
    if starts:
        kernels.lock(starts, ends, len(starts), tokens.flags)


def propose(tokens: Tokens, ids: array[int], lexicon: Lexicon, model: LanguageModel) -> tuple[Arcs, int]:
    """All candidates of a text.

    Args:
        tokens: the text; locked tokens get no candidates.
        ids: their vocabulary ids.

    Returns:
        The arcs, and the number of sites (distinct places where a candidate begins).
    """
    n, scratch = len(tokens), _SCRATCH
    scratch.fit(n, 2 * n + 64)
    while True:
        plain = _match(tokens, lexicon.phrase_keys, lexicon.phrase_values, lexicon.capacities["phrase"], scratch)
        count = _find_terms(tokens, plain, lexicon, scratch) if plain > 0 else plain
        if count >= 0:
            break
        scratch.fit(n, 4 * scratch.room)
    arcs, sites = _expand(tokens, count, plain, lexicon, model, scratch) if count else (Arcs(), 0)
    if b"{" in tokens.text:
        _add_braces(arcs, tokens, ids, model, len(lexicon.families))
        sites = len(set(arcs.starts))
    return arcs, sites


def _find_terms(tokens: Tokens, plain: int, lexicon: Lexicon, scratch: _Scratch) -> int:
    """Write every term that the matches make up word by word ("irregular woodland" for random forest) behind them; how many there are in all."""
    return kernels.compose(
        tokens.norms, tokens.flags, len(tokens), plain,
        lexicon.link_first, lexicon.link_words, lexicon.link_hashes, lexicon.link_weights, TERM_BOOST, FURTHER_CHANGE,
        lexicon.term_keys, lexicon.term_values, lexicon.capacities["term"], *lexicon.term_marks,
        scratch.first, *scratch.queue, TERM_BEGINNINGS, *scratch.spans, *scratch.terms, scratch.room,
    )  # fmt: skip


def _expand(tokens: Tokens, count: int, plain: int, lexicon: Lexicon, model: LanguageModel, scratch: _Scratch) -> tuple[Arcs, int]:
    """The candidates of the matches and terms, and how many sites they have."""
    n_families = len(lexicon.families)
    (starts, ends, phrases), (observed, _, scales) = scratch.spans, scratch.terms
    kernels.count_candidates(starts, phrases, count, lexicon.candidate_first, lexicon.candidate_words, zeros("i", len(tokens)), scratch.counts)
    room, word_room, sites = scratch.counts
    arcs = Arcs(
        zeros("i", room),
        zeros("i", room),
        zeros("i", room),
        first_words=zeros("i", room + 1),
        words=zeros("i", word_room),
        weights=zeros("f", room * n_families),
        bonus=zeros("d", room),
        # A term is its own only candidate.
        terms=(room - (count - plain), room),
    )
    kernels.expand(
        starts, ends, phrases, observed, scales, count, plain, tokens.hashes, tokens.flags,
        _HASH_A, _HASH_AN, ARTICLE_COST, NAME_COST, UNKNOWN_COST,
        lexicon.phrase_flags, lexicon.candidate_first, lexicon.candidate_flags, lexicon.candidate_words, lexicon.word_hashes,
        model.vocabulary_table, model.vocabulary_capacity, lexicon.candidate_weights, n_families, lexicon.word_memo(model),
        arcs.starts, arcs.ends, arcs.candidates, arcs.first_words, arcs.weights, arcs.bonus, arcs.words,
    )  # fmt: skip
    return arcs, sites


def _add_braces(arcs: Arcs, tokens: Tokens, ids: array[int], model: LanguageModel, n_families: int) -> None:
    n_arcs = len(arcs)
    for i in (i for i, word in enumerate(tokens.hashes) if word == _OPEN):
        for j in range(i + 1, min(i + 7, len(tokens))):
            if tokens.flags[j] & NEWLINES_MASK or (tokens.flags[j - 1] | tokens.flags[j]) & LOCKED:
                break
            if tokens.hashes[j] == _CLOSE and j > i + 1:
                bonus = BRACES_BONUS + LM_SCALE * (model.unigrams[2 * ids[i]] + model.unigrams[2 * ids[j]])
                _add(arcs, i, j + 1, tokens.surface(i + 1, j), ids[i + 1 : j], [BRACES] * n_families, bonus)
                # The arcs of the lexicon stand in the order of their first tokens.
                for k in range(bisect_left(arcs.starts, i + 1, 0, n_arcs), bisect_right(arcs.starts, i + 1, 0, n_arcs)):
                    if arcs.ends[k] != j:
                        continue
                    words = arcs.words[arcs.first_words[k] : arcs.first_words[k + 1]]
                    weights = [BRACES * weight for weight in arcs.weights[k * n_families : (k + 1) * n_families]]
                    _add(arcs, i, j + 1, arcs.candidates[k], words, weights, bonus + arcs.bonus[k])
                break
            # A name or a placeholder ({firstname}) is no leak: what spinners leave in braces comes from their thesaurus.
            if tokens.flags[j] & KIND_MASK != WORD or ids[j] == UNKNOWN:
                break


def _add(arcs: Arcs, start: int, end: int, candidate: int | str, words: array[int], weights: list[float], bonus: float) -> None:
    if isinstance(candidate, str):
        arcs.texts.append(candidate)
        candidate = -len(arcs.texts)
    arcs.starts.append(start)
    arcs.ends.append(end)
    arcs.candidates.append(candidate)
    arcs.words.extend(words)
    arcs.first_words.append(len(arcs.words))
    arcs.weights.extend(weights)
    arcs.bonus.append(bonus)
