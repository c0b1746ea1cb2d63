"""Old spellings: words as they were printed before 1750 or so ("haue", "vpon", "darknesse"), which are no damage.

They follow from the modern words by rules (letters that were not yet told apart, letters that were written double or at the end), so no list of them is needed;
a text that has many is old.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

#: Rules from an old spelling to a later one, tried one after the other in any order (see Nevalainen 2012, "Variable focusing in English spelling", and
#: Baron & Rayson 2008 on VARD's letter replacement rules).
RULES = tuple(
    (re.compile(pattern), new)
    for pattern, new in (
        (r"^v(?=[^aeiouy])", "u"),
        (r"(?<=.)u(?=[aeiouy])", "v"),
        (r"^i(?=[aeou])", "j"),
        (r"(?<=[^aeiou])(.)\1e$", r"\1"),
        (r"(?<=[aeiouy])(.)\1e$", r"\1"),
        (r"(?<=..)e$", ""),
        (r"(?<=..)es$", "s"),
        (r"(?<=..)e(?=(?:ly|nesse?|full?|ment|d|th|st)$)", ""),
        (r"ie$", "y"),
        (r"(?<=.)ie(?=s$)", "y"),
        (r"y(?=.)", "i"),
        (r"(?<=.)i$", "y"),
        (r"([bdfglmnprst])\1", r"\1"),
        (r"(?<=[aeiou])([lmnprst])(?=[aeiou])", r"\1\1"),
        (r"(?<=.)l$", "ll"),
        (r"ck$", "c"),
        (r"([eo])\1", r"\1"),
        (r"oo", "o"),
        (r"ea", "e"),
        (r"(?<=[^aeiou])e(?=[^aeiou]e?$)", "ea"),
        (r"(?<=[^aeiou])o(?=[^aeiou])", "oa"),
        (r"au(?=n)", "a"),
        (r"ow", "ou"),
        (r"ou", "ow"),
        (r"oul", "ol"),
        (r"wold|shold|cold", lambda hit: hit.group()[:-2] + "uld"),
        (r"our", "or"),
        (r"or$", "our"),
        (r"c(?=io)", "t"),
        (r"(?<=[aeiou])s(?=e)", "c"),
        (r"z", "s"),
        (r"s(?=[ei])", "z"),
        (r"'d$", "ed"),
        (r"(?<=[^aeiou])'d$", "ed"),
        (r"t$", "ed"),
        (r"^en", "in"),
        (r"^in", "en"),
        (r"er$", "re"),
        (r"(?<=b)r(?=ed$)", "er"),
        (r"que$", "k"),
        (r"(?<=[wr])en$", "n"),
        (r"vv", "w"),
    )
)
#: Rules that may be needed for one word: "deuoutly" one, "vndiscouered" two, "vertues" none.
DEPTH = 3
#: Forms are old spellings of words that are this much (log) more frequent and at least so frequent; forms more frequent than FREQUENT are looked up no further.
RARER, LEAST, FREQUENT = 1.0, -13.0, -9.5
#: A text is old when more than this share of a sample of its words are old spellings by a single rule, and at least so many. Measured: texts of 1600 .15,
#: newspapers of 1840–1950 .01, the same badly scanned .02, science .01.
SHARE, HITS, SAMPLE = 0.06, 3, 600


def is_old(words: Sequence[str], frequency: Callable[[str], float]) -> bool:
    """Whether a text has old spelling.

    Args:
        words: of the text, in small letters.
        frequency: log probability of a word, −99 for what is none.

    >>> words = {"have": -5.0, "upon": -7.0, "the": -3.0, "sea": -8.0}
    >>> is_old("they haue looked vpon the sea haue they".split(), lambda word: words.get(word, -99.0))
    True
    """
    sample = [word for word in words[:: max(1, len(words) // SAMPLE)] if len(word) > 2]
    hits = sum(bool(later_spelling(word, frequency, 1)) for word in sample)
    return hits >= HITS and hits > SHARE * len(sample)


def later_spelling(form: str, frequency: Callable[[str], float], depth: int = DEPTH) -> str:
    """The most frequent word of which a form is an old spelling, empty if there is none.

    Args:
        form: in small letters.
        frequency: log probability of a word, −99 for what is none.
        depth: how many rules may be needed.

    >>> words = {"have": -5.0, "upon": -7.0, "undiscovered": -12.0}
    >>> [later_spelling(form, lambda word: words.get(word, -99.0)) for form in ("haue", "vpon", "vndiscouered", "tho")]
    ['have', 'upon', 'undiscovered', '']
    """
    own = frequency(form)
    if own > FREQUENT:
        return ""
    best, seen, layer, least = "", {form}, [form], max(LEAST, own + RARER)
    for _ in range(depth):
        layer = sorted({variant for word in layer for variant in _variants(word)} - seen)
        seen.update(layer)
        for word in layer:
            if (score := frequency(word)) > least:
                best, least = word, score
        if best:
            break
    return best


def _variants(word: str) -> Iterable[str]:
    for pattern, new in RULES:
        if (variant := pattern.sub(new, word)) != word and len(variant) > 1:
            yield variant
