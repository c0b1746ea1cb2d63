"""Fixed expressions, and the word-level synonym graph through which a swap inside one is undone although no row lists the phrase.

An observed word is *linked* to an original by a row: of swaps.tsv or of the scientific spinner's family (weight `SWAP`), or of another family (`OTHER`);
less so by a row read backwards (thesauri are mostly symmetric), and to the derived forms of the original. Links count only inside terms:
"irregular woodland" is random forest because both words are linked and the whole is a term; a lone "woodland" is not touched.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from restore.lexicon.inflection import Inflector

#: Two steps through the graph ("question" → "query" → …) were tried and read "question comprehension" as object recognition.
#: Weights of the links of rows, and factors of rows read backwards and of derived forms.
SWAP, OTHER, BACKWARDS, DERIVED = 0.3, 0.03, 0.1, 0.1

Links = dict[str, dict[str, float]]


def find_terms(originals: Iterable[str], listed: Iterable[str], inflector: Inflector) -> list[str]:
    """Fixed expressions: those listed and their plurals, and what rows of whole phrases put back.

    Args:
        originals: of rows that replace whole phrases; single words are left out.
        listed: expressions, in the singular where there is one.
    """
    terms = {original for original in originals if _is_term(_words(original))}
    for term in listed:
        terms.add(term)
        if not term.endswith("s") or term.endswith(("ss", "us", "is")):
            terms.update(inflector.forms(term, "n"))
    return sorted(terms)


def link_words(pairs: Iterable[tuple[str, str, float]], terms: Iterable[str]) -> Links:
    """Links from observed words and phrases to words of terms.

    Args:
        pairs: (observed, original, weight), inflected.
        terms: fixed expressions.

    Returns:
        For each observed phrase the originals with their weights.
    """
    vocabulary = {word for term in terms for word in _words(term)}
    derived = _families(vocabulary)
    links: Links = defaultdict(dict)

    def link(observed: str, original: str, weight: float) -> None:
        if observed != original:
            if original in vocabulary:
                links[observed][original] = max(weight, links[observed].get(original, 0.0))
            for form in derived.get(_stem(original), ()):
                if form != observed:
                    links[observed][form] = max(DERIVED * weight, links[observed].get(form, 0.0))

    for observed, original, weight in pairs:
        if " " not in original:
            link(observed.lower(), original.lower(), weight)
            if " " not in observed:
                link(original.lower(), observed.lower(), BACKWARDS * weight)
    return {observed: dict(found) for observed, found in links.items() if found}


#: Phrases that begin or end so are everyday wording ("the results", "can be"), no terms.
_FUNCTION_WORDS = frozenset(
    """
    a an the this that these those some any all each every many much more most several such of to in on at by for from with as into than and or but not no is
    was were are be been being has have had do does did can could may might will would shall should must it its they them their we our you your i he she his
    her one two there here which what who how when where why while if so very also both other another up out over about between under after before during
    through
    """.split()  # noqa: SIM905
)


def _words(term: str) -> list[str]:
    return term.lower().replace("-", " ").split()


def _is_term(words: list[str]) -> bool:
    return len(words) > 1 and _FUNCTION_WORDS.isdisjoint((words[0], words[-1]))


_SUFFIXES = sorted(
    """
    ed ing ings er ers or ors ion ions ation ations ition itions ement ements ment ments ance ances ence ences ant ent al ally ial ic ical ically ive ively ous
    ously able ible ly ity ities ness y e ization izations ize izes ized izing isation ise ised ising ian ians ist ists ism ar ary
    """.split(),  # noqa: SIM905
    key=len,
    reverse=True,
)


def _stem(word: str) -> str:
    """What derived forms of a word share: without its longest known suffix, at least four letters."""
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 4:
            return word[: -len(suffix)]
    return word


def _families(vocabulary: Iterable[str]) -> dict[str, list[str]]:
    families: dict[str, list[str]] = defaultdict(list)
    for word in sorted(vocabulary):
        families[_stem(word)].append(word)
    return families
