"""Rows to a compiled dictionary: inflect, derive channel weights, hash, write.

Sections of the compiled file (kind "lexicon"; all tables little-endian)::

    phrase_keys u64, phrase_values u32   open addressing, linear probing without wrap-around, one empty slot at the end at least;
                                         key: `kernels.chain` of the token hashes; home slot (key >> 32) * capacity >> 32;
                                         value: (phrase + 1) << 4 | tokens of the longest phrase beginning so (phrase + 1 is 0 for a mere beginning)
    phrase_flags u8                      1: begins with a vowel sound
    candidate_first u32                  phrase p has the candidates candidate_first[p] … candidate_first[p + 1]
    candidate_flags u8                   1: begins with a vowel sound; 2: its capitals win over those of the observed text
    candidate_text u32, texts            surface of candidate c: texts[candidate_text[c] … candidate_text[c + 1]], UTF-8
    candidate_words u32, word_hashes u64 hashes of its normal forms
    candidate_weights f32                s_w · q(o | w) for each family
    link_first u32, link_weights f32     phrase p has the links link_first[p] … link_first[p + 1] to words of terms (`restore.lexicon.terms`)
    link_words u32, link_hashes u64      hashes of the normal forms of what link l writes
    term_keys u64, term_values u32       the same kind of table over the normal forms of terms; each is a phrase with one candidate, itself, and these phrases
                                         come last and are not in the table of phrases
    keep_keys u64, keep_values u32       the same kind of table over single-word originals: number of the word + 1, shifted by 4
    keep_weights f32                     s_w for each family
    protected_keys u64, protected_values phrases never edited, in the form of phrase_keys
    watched u32                          features of the gate that the observed phrases of a user's layer have, as a table (`gate.watch_table`)
"""

from __future__ import annotations

import hashlib
import os
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from restore import kernels
from restore.casing import begins_with_vowel
from restore.container import write_container
from restore.gate import watch_table
from restore.lexicon.catalogue import WHEN
from restore.lexicon.inflection import Inflector
from restore.lexicon.rows import File, Row
from restore.lexicon.terms import BACKWARDS, DERIVED, OTHER, SWAP, find_terms, link_words
from restore.tokenizer import Tokens, encode, tokenize

KIND, VERSION = "lexicon", 3

#: Evidence that no row has, against s_w = 1: a word with rows of weight 7 in all is replaced half of the time at θ = 1. Dev texts (d01–d20, θ about .65):
#: words with rows of weight under 3, 3–8, 8–16 and over 16 in all were replaced at .14, .20, .45 and .60 of their places.
SELF_WEIGHT = 7.0

#: Rows never list all synonyms of a word: what they leave out has this weight, so that a word with one known synonym is not thought to have no other. Dev texts
#: with the counts learnt from others, recall/precision at 0, 5, 8, 12: d01–d16 .801/.889, .775/.906, .766/.919, .751/.920 (at 0 and a higher --min-probability
#: .746/.910, .714/.925), d17–d20 .736/.804, .702/.828, .697/.849, .685/.865.
UNLISTED = 6.0

#: A phrase is mostly rewritten word by word, and only now and then as a whole: s_w of an original of several words is this much lower.
#: Dev texts d01–d16, recall/precision at 1, .3, .1, .03: .755/.853, .742/.867, .739/.871, .729/.867.
#: Tortured phrases are the exception: established terms, replaced as wholes (d21–d24 .528/.824 at .3, .547/.853 at 1).
PHRASE_RATE = 0.3
WHOLE_PHRASES = frozenset({"tortured"})
#: That family's texts are science with its terms reworded; a single word of theirs is replaced by a single word this much more rarely than inside a term.
#: Dev texts d21–d24, recall/precision at 1, .5, .3, .15, .08, .04: .811/.811, .811/.843, .811/.860, .830/.898, .811/.896, .792/.857.
WORD_RATE = 0.15

#: How much one family borrows from another: spinners share most of their thesauri, and no list is complete.
BORROWED = 0.15

#: Counts learnt from texts move s_w and q(o | w) from what the rows say (s, q) to
#: (RATE_PRIOR · s + c / LEARNT_RATE) / (RATE_PRIOR + c + kept) and (PAIR_PRIOR · q + c_o) / (PAIR_PRIOR + c), c being the count of w's substitutions and
#: LEARNT_RATE a usual θ. An original without rows begins at NEW_RATE.
RATE_PRIOR, PAIR_PRIOR, LEARNT_RATE, NEW_RATE = 5.0, 1.0, 0.65, 0.2
#: No word is replaced always.
MOST = 0.95

#: s_w of a term, for the arcs that are put together from its words, and how much of that counts for other spinners than the scientific one (its words alone
#: seldom say which spinner it was). Half of a catalogue of tortured phrases in plain sentences, restored at .9/.4, .9/.2, .5/.01: .365, .360, .339;
#: several-word edits in clean science taken as spun, per 1000 words: .48, .32, .32.
TERM_RATE, TERM_LENT = 0.9, 0.2

Pair = tuple[str, str]
Evidence = dict[Pair, dict[str, float]]


def collect(files: Iterable[File], inflector: Inflector) -> tuple[Evidence, dict[str, dict[str, float]], Evidence]:
    """Surface pairs with their evidence.

    Returns:
        (pairs, kept, counts): weight by family for each (observed, original), and for each word that stood for itself (rows with observed = original);
        what files of counts say of either. A pair that a later file gives weight 0 is gone; the inflections of several rows that coincide count once, at the
        highest weight. Pairs that only files of counts hold are in `pairs`, without weights.
    """
    pairs: Evidence = {}
    kept: dict[str, dict[str, float]] = defaultdict(dict)
    counts: Evidence = {}
    for file in files:
        for row in file.rows:
            for observed, original in inflector.pairs(row.observed, row.original, row.pos):
                if file.counts and row.weight:
                    by_family = counts.setdefault((observed, original), {})
                    by_family[file.family] = by_family.get(file.family, 0.0) + row.weight
                    if observed != original:
                        pairs.setdefault((observed, original), {})
                elif observed == original:
                    kept[observed][file.family] = max(row.weight, kept[observed].get(file.family, 0.0)) if row.weight else 0.0
                elif row.weight == 0:
                    pairs.pop((observed, original), None)
                    counts.pop((observed, original), None)
                else:
                    weights = pairs.setdefault((observed, original), {})
                    weights[file.family] = max(row.weight, weights.get(file.family, 0.0))
    return pairs, dict(kept), counts


def channel_weights(
    pairs: dict[Pair, dict[str, float]], kept: dict[str, dict[str, float]], families: Sequence[str]
) -> tuple[dict[Pair, list[float]], dict[str, list[float]]]:
    """From evidence to probabilities: s_w · q(o | w) of each pair and s_w of each original, for each family.

    s_w = W / (W + SELF_WEIGHT + kept) and q(o | w) = weight / (W + UNLISTED), W being the sum of the weights of w's pairs in the family. Each family borrows a
    share of what the others do; evidence of a user's own layer counts in every family, and is taken as complete.
    """
    totals: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for (_, original), weights in pairs.items():
        for family, weight in weights.items():
            totals[original.lower()][family] += weight

    def rate(original: str, family: str, observed: str = "") -> float:
        total = totals[original].get(family, 0.0)
        share = _share(original, family, observed)
        return share * total / (total + SELF_WEIGHT + sum(kept.get(original, {}).get(name, 0.0) for name in (family, "user"))) if total else 0.0

    def spread(own: dict[str, float]) -> list[float]:
        user = own.get("user", 0.0)
        row = []
        for family in families:
            others = max((value for name, value in own.items() if name != family), default=0.0)
            row.append(max(own.get(family, 0.0), user, BORROWED * others))
        return row

    keep = {original: spread({family: rate(original, family) for family in by_family}) for original, by_family in totals.items()}
    scores = {}
    for (observed, original), weights in pairs.items():
        word = original.lower()
        own = {}
        for family, weight in weights.items():
            whole = family == "user" or (family in WHOLE_PHRASES and any(mark in original + observed for mark in " -"))
            own[family] = rate(word, family, observed) * weight / (totals[word][family] + (0.0 if whole else UNLISTED))
        scores[observed, original] = spread(own)
    return scores, keep


def _share(original: str, family: str, observed: str = "") -> float:
    """How much lower the rate of an original is because of the numbers of words on both sides."""
    if family not in WHOLE_PHRASES:
        return PHRASE_RATE if " " in original else 1.0
    return 1.0 if any(mark in original + observed for mark in " -") else WORD_RATE


def add_counts(scores: dict[Pair, list[float]], keep: dict[str, list[float]], counts: Evidence, families: Sequence[str]) -> None:
    """Move probabilities to where counts learnt from texts say they are, in place.

    Args:
        scores, keep: from `channel_weights`.
        counts: by family; those of "user" count in every family. Pairs with observed = original tell how often a word stood for itself.
        families: in the order of the probabilities.
    """
    by_original: dict[str, list[Pair]] = defaultdict(list)
    for pair in scores:
        by_original[pair[1].lower()].append(pair)
    for f, family in enumerate(families):
        seen = {pair: count for pair, own in counts.items() if (count := own.get(family, 0.0) + own.get("user", 0.0))}
        replaced: dict[str, float] = defaultdict(float)
        for (observed, original), count in seen.items():
            if observed != original:
                replaced[original.lower()] += count
        for word in dict.fromkeys(original.lower() for _, original in seen):
            rate = keep[word][f] if word in keep else 0.0
            if not rate and not replaced[word]:
                continue
            before = rate or NEW_RATE * _share(word, family)
            after = updated_rate(before, replaced[word], seen.get((word, word), 0.0))
            keep.setdefault(word, [0.0] * len(families))[f] = after
            for pair in by_original[word]:
                share = scores[pair][f] / rate if rate else 0.0
                if replaced[word]:
                    share = updated_share(share, seen.get(pair, 0.0), replaced[word], PAIR_PRIOR if rate else 0.0)
                scores[pair][f] = after * share
    for values in (scores, keep):
        for row in values.values():
            most = BORROWED * max(row)
            row[:] = [max(value, most) for value in row]


def updated_rate(before: float, replaced: float, kept: float) -> float:
    """s_w after seeing a word replaced and kept so many times."""
    return min(MOST, (RATE_PRIOR * before + replaced / LEARNT_RATE) / (RATE_PRIOR + replaced + kept))


def updated_share(before: float, count: float, replaced: float, prior: float = PAIR_PRIOR) -> float:
    """q(o | w) after seeing w replaced so many times, `count` of them by o."""
    return (prior * before + count) / (prior + replaced)


def build_lexicon(
    files: Sequence[File],
    protected: Sequence[str],
    terms: Sequence[str],
    swaps: Sequence[Row],
    inflector: Inflector,
    output: str | os.PathLike[str],
    sources: str,
) -> dict[str, Any]:
    """Compile dictionary files.

    Args:
        files: lowest layer first.
        protected: words and phrases that are never edited.
        terms: fixed expressions, in the singular.
        swaps: pairs that are links inside terms, and no candidates of their own.
        inflector: for rows with a part of speech.
        output: the file to write, atomically.
        sources: hash of the sources (`hash_sources`), kept in the file.

    Returns:
        Its meta data: families, numbers of rows, phrases and candidates.
    """
    pairs, kept, counts = collect(files, inflector)
    families = sorted({file.family for file in files} - {"user"}) or ["user"]
    scores, keep = channel_weights(pairs, kept, families)
    if counts:
        add_counts(scores, keep, counts, families)
    by_observed: dict[str, list[str]] = defaultdict(list)
    for observed, original in pairs:
        by_observed[observed].append(original)
    all_terms = find_terms((original for (_, original), own in pairs.items() if not (WHOLE_PHRASES | {"user"}).isdisjoint(own)), terms, inflector)
    evidence = [(*pair, SWAP if not (WHOLE_PHRASES | {"user"}).isdisjoint(own) else OTHER) for pair, own in pairs.items()]
    evidence += [(*pair, SWAP) for row in swaps for pair in inflector.pairs(row.observed, row.original, row.pos)]
    links = link_words(evidence, all_terms)
    tokens = _TokenCache(
        [
            *by_observed,
            *(original for _, original in pairs),
            *keep,
            *protected,
            *all_terms,
            *(term.replace("-", " ") for term in all_terms),
            *links,
            *{w for own in links.values() for w in own},
        ]
    )

    phrases: dict[tuple[int, ...], int] = {}
    originals: list[dict[str, list[float]]] = []
    flags = array("B")
    linked: list[dict[str, float]] = []
    for observed in sorted({*by_observed, *links}):
        key = tokens.hashes(observed)
        if not key or len(key) > 15:
            continue
        if key not in phrases:
            phrases[key] = len(originals)
            originals.append({})
            linked.append({})
            flags.append(begins_with_vowel(observed))
        for word, link in links.get(observed.lower(), {}).items():
            linked[phrases[key]][word] = max(link, linked[phrases[key]].get(word, 0.0))
        here = originals[phrases[key]]
        for original in by_observed.get(observed, ()):
            row = scores[observed, original]
            here[original] = [max(pair) for pair in zip(row, here[original], strict=True)] if original in here else row
    n_phrases = len(originals)
    rates = [TERM_RATE * (1.0 if family in WHOLE_PHRASES else TERM_LENT) for family in families]
    numbers: dict[tuple[int, ...], int] = {}
    for term in all_terms:
        # Whoever rewords a term word by word loses its hyphens.
        keys = {key for wording in (term, term.replace("-", " ")) if 1 < len(key := tokens.norms(wording)) <= 15 and key not in numbers}
        numbers.update(dict.fromkeys(sorted(keys), len(originals) + 1))
        if keys:
            originals.append({term: rates})
            flags.append(begins_with_vowel(term))
    term_keys, term_values = build_table(numbers)
    first, text_first, word_first = array("I", [0]), array("I", [0]), array("I", [0])
    candidate_flags, texts, word_hashes, weights = array("B"), bytearray(), array("Q"), array("f")
    for candidates in originals:
        for original in sorted(candidates, key=lambda o: (-max(candidates[o]), o)):
            texts += encode(original)
            text_first.append(len(texts))
            word_hashes.extend(tokens.norms(original))
            word_first.append(len(word_hashes))
            candidate_flags.append(begins_with_vowel(original) | (2 if original != original.lower() else 0))
            weights.extend(candidates[original])
        first.append(len(candidate_flags))
    link_first, link_word_first, link_hashes, link_weights = array("I", [0]), array("I", [0]), array("Q"), array("f")
    for own in linked:
        for word in sorted(own):
            link_hashes.extend(tokens.norms(word))
            link_word_first.append(len(link_hashes))
            link_weights.append(own[word])
        link_first.append(len(link_weights))
    phrase_keys, phrase_values = build_table({key: (number + 1) for key, number in phrases.items()})
    keep_words = {key: word for word in sorted(keep) if len(key := tokens.hashes(word)) == 1}
    keep_keys, keep_values = build_table({key: number + 1 for number, key in enumerate(keep_words)})
    keep_weights = array("f", (value for word in keep_words.values() for value in keep[word]))
    protected_keys, protected_values = build_table({tokens.hashes(phrase): 1 for phrase in protected if 0 < len(tokens.hashes(phrase)) <= 15})
    conditions = {row.observed.lower(): row.note.removeprefix(WHEN) for file in files for row in file.rows if row.note.startswith(WHEN) and row.weight}
    meta = {
        "families": families,
        "conditions": conditions,
        "sources": sources,
        "rows": sum(len(file.rows) for file in files),
        "pairs": len(pairs),
        "phrases": sum(1 for candidates in originals[:n_phrases] if candidates),
        "terms": len(numbers),
        "links": len(link_weights),
        "candidates": len(candidate_flags),
        "protected": len(protected),
        "capacities": {"phrase": _capacity(phrase_keys), "term": _capacity(term_keys), "keep": _capacity(keep_keys), "protected": _capacity(protected_keys)},
    }
    write_container(
        output,
        KIND,
        VERSION,
        meta,
        {
            "phrase_keys": phrase_keys[1:],
            "phrase_values": phrase_values,
            "phrase_flags": flags,
            "candidate_first": first,
            "candidate_flags": candidate_flags,
            "candidate_text": text_first,
            "texts": texts,
            "candidate_words": word_first,
            "word_hashes": word_hashes,
            "candidate_weights": weights,
            "link_first": link_first,
            "link_words": link_word_first,
            "link_hashes": link_hashes,
            "link_weights": link_weights,
            "term_keys": term_keys[1:],
            "term_values": term_values,
            "keep_keys": keep_keys[1:],
            "keep_values": keep_values,
            "keep_weights": keep_weights,
            "protected_keys": protected_keys[1:],
            "protected_values": protected_values,
            "watched": watch_table(dict.fromkeys(_own_phrases(files, inflector, pairs))),
        },
    )
    return meta


def build_table(phrases: dict[tuple[int, ...], int]) -> tuple[array[int], array[int]]:
    """An open-addressing table of phrases and all their beginnings; item 0 of the keys is the capacity, the table follows."""
    values: dict[int, list[int]] = {}
    for hashes, value in phrases.items():
        for length in range(1, len(hashes) + 1):
            entry = values.setdefault(kernels.chain(memoryview(array("Q", hashes[:length]))), [0, 0])
            entry[1] = max(entry[1], len(hashes))
            if length == len(hashes):
                entry[0] = value
    capacity = max(16, 2 * len(values))
    placed: list[tuple[int, int]] = sorted(((key >> 32) * capacity >> 32, key) for key in values)
    keys, numbers = array("Q", bytes(8 * capacity)), array("I", bytes(4 * capacity))
    free = 0
    for home, key in placed:
        slot = max(home, free)
        while slot >= len(keys):
            keys.append(0)
            numbers.append(0)
        keys[slot] = key
        numbers[slot] = values[key][0] << 4 | values[key][1]
        free = slot + 1
    keys.append(0)
    numbers.append(0)
    return array("Q", [capacity]) + keys, numbers


def hash_sources(paths: Iterable[Path], *more: str) -> str:
    """SHA-256 over the contents of files, in order, the version of the layout, and further strings."""
    constants = (
        SELF_WEIGHT,
        UNLISTED,
        PHRASE_RATE,
        WORD_RATE,
        BORROWED,
        RATE_PRIOR,
        PAIR_PRIOR,
        LEARNT_RATE,
        NEW_RATE,
        TERM_RATE,
        TERM_LENT,
        SWAP,
        OTHER,
        BACKWARDS,
        DERIVED,
    )
    digest = hashlib.sha256(f"{KIND} {VERSION} {' '.join(map(str, constants))}".encode())
    for path in paths:
        digest.update(b"\0file\0" + path.read_bytes())
    for text in more:
        digest.update(b"\0text\0" + encode(text))
    return digest.hexdigest()


def _own_phrases(files: Iterable[File], inflector: Inflector, pairs: Evidence) -> Iterator[str]:
    """Observed phrases of the users' own rows, without what was only counted."""
    for file in files:
        for row in file.rows if file.own and not file.counts else ():
            for pair in inflector.pairs(row.observed, row.original, row.pos):
                if row.weight and pair in pairs:
                    yield pair[0]


def _capacity(keys: array[int]) -> int:
    return keys[0]


class _TokenCache:
    """Tokens of many short strings, from one call of the tokenizer."""

    def __init__(self, strings: Iterable[str]) -> None:
        unique = list(dict.fromkeys(strings))
        self._index = {string: k for k, string in enumerate(unique)}
        lines = [encode(string) for string in unique]
        tokens: Tokens = tokenize(b"\n\n".join(lines), ())
        self._tokens = tokens
        self._bounds = [0]
        offset = at = 0
        for line in lines:
            offset += len(line)
            while at < len(tokens) and tokens.starts[at] < offset:
                at += 1
            self._bounds.append(at)
            offset += 2

    def hashes(self, string: str) -> tuple[int, ...]:
        k = self._index[string]
        return tuple(self._tokens.hashes[self._bounds[k] : self._bounds[k + 1]])

    def norms(self, string: str) -> tuple[int, ...]:
        k = self._index[string]
        return tuple(self._tokens.norms[self._bounds[k] : self._bounds[k + 1]])
