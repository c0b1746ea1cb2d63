"""English inflection for dictionary rows: regular rules, and a table of what they get wrong.

The table (dictionaries/inflections.tsv) is made by tools/make_inflections.py from LemmInflect (MIT licence), whose data derive from the SPECIALIST Lexicon of
the U.S. National Library of Medicine (free to use with attribution).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

_VOWELS = frozenset("aeiou")


class Inflector:
    """Forms of lemmas.

    Args:
        table: the path of inflections.tsv: lemma, pos, and the forms the rules do not give: n plural; v third person, past, participle, gerund;
            a and r comparative, superlative (only listed adjectives and adverbs have these).
    """

    def __init__(self, table: Path) -> None:
        self._table: dict[tuple[str, str], tuple[str, ...]] = {}
        for line in table.read_text(encoding="utf-8").splitlines():
            if line and not line.startswith("#"):
                lemma, pos, *forms = line.split("\t")
                self._table[lemma, pos] = tuple(forms)

    def pairs(self, observed: str, original: str, pos: str) -> Iterator[tuple[str, str]]:
        """Surface pairs of a row, inflected on both sides in step.

        >>> from restore.lexicon import data_path
        >>> inflector = Inflector(data_path() / "inflections.tsv")
        >>> list(inflector.pairs("despatch", "send", "v"))[1:]
        [('despatches', 'sends'), ('despatched', 'sent'), ('despatching', 'sending')]
        >>> list(inflector.pairs("healing facility", "hospital", "n"))[1:]
        [('healing facilities', 'hospitals'), ("healing facility's", "hospital's")]
        """
        seen = set()
        for pair in self._pairs(observed, original, pos):
            if pair not in seen:
                seen.add(pair)
                yield pair

    def _pairs(self, observed: str, original: str, pos: str) -> Iterator[tuple[str, str]]:
        yield observed, original
        if pos == "n":
            plurals = self.forms(observed, "n")[0], self.forms(original, "n")[0]
            yield plurals
            yield observed + "'s", original + "'s"
            if not plurals[0].endswith("s") and not plurals[1].endswith("s"):
                yield plurals[0] + "'s", plurals[1] + "'s"
        elif pos == "v":
            yield from zip(self.forms(observed, "v"), self.forms(original, "v"), strict=True)
        elif pos in "ar":
            compared, plain = self.forms(observed, pos), self.forms(original, pos)
            for degree, word in enumerate(("more", "most")):
                if compared and plain:
                    yield compared[degree], plain[degree]
                elif plain:
                    yield f"{word} {observed}", plain[degree]
                elif compared:
                    yield compared[degree], f"{word} {original}"

    @lru_cache(maxsize=1 << 16)  # noqa: B019 - one inflector lives for one build
    def forms(self, lemma: str, pos: str) -> tuple[str, ...]:
        """Inflected forms without the lemma itself: n (plural), v (third person, past, participle, gerund), a and r (comparative, superlative) or ()."""
        if pos == "v":
            head, space, rest = lemma.partition(" ")
            return tuple(form + space + rest for form in self._table.get((head, "v")) or _verb(head))
        if pos == "n":
            before, space, head = lemma.rpartition(" ")
            return tuple(before + space + form for form in self._table.get((head, "n")) or (_plural(head),))
        return self._table.get((lemma, "a" if pos == "a" else "r"), ())


def _plural(noun: str) -> str:
    if noun.endswith(("s", "x", "z", "ch", "sh")):
        return noun + "es"
    if noun.endswith("y") and noun[-2:-1] not in _VOWELS:
        return noun[:-1] + "ies"
    return noun + "s"


def _verb(verb: str) -> tuple[str, str, str, str]:
    third = _plural(verb) if not verb.endswith("o") else verb + "es"
    if verb.endswith("e"):
        past = verb + "d"
        gerund = verb + "ing" if verb.endswith(("ee", "oe", "ye")) else verb[:-1] + "ing"
    elif verb.endswith("y") and verb[-2:-1] not in _VOWELS:
        past, gerund = verb[:-1] + "ied", verb + "ing"
    else:
        past, gerund = verb + "ed", verb + "ing"
    return third, past, past, gerund
