"""Old spellings: words as they were printed before 1750 or so ("haue", "vpon", "darknesse"), which are no damage.

They follow from the modern words by rules (letters that were not yet told apart, letters that were written double or at the end), so no list of them is needed;
a text that has many is old.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

#: Rules from an old spelling to a later one, with what a word ("^word$") must hold for it, tried one after the other in any order (see Nevalainen
#: 2012, "Variable focusing in English spelling", and Baron & Rayson 2008 on VARD's letter replacement rules).
RULES = tuple(
    (needed, re.compile(pattern), new)
    for needed, pattern, new in (
        ("^v", r"^v(?=[^aeiouy])", "u"),
        ("u", r"(?<=.)u(?=[aeiouy])", "v"),
        ("^i", r"^i(?=[aeou])", "j"),
        ("e$", r"(?<=[^aeiou])(.)\1e$", r"\1"),
        ("e$", r"(?<=[aeiouy])(.)\1e$", r"\1"),
        ("e$", r"(?<=..)e$", ""),
        ("es$", r"(?<=..)es$", "s"),
        ("e", r"(?<=..)e(?=(?:ly|nesse?|full?|ment|d|th|st)$)", ""),
        ("ie$", r"ie$", "y"),
        ("ies$", r"(?<=.)ie(?=s$)", "y"),
        ("y", r"y(?=.)", "i"),
        ("i$", r"(?<=.)i$", "y"),
        ("", r"([bdfglmnprst])\1", r"\1"),
        ("", r"(?<=[aeiou])([lmnprst])(?=[aeiou])", r"\1\1"),
        ("l$", r"(?<=.)l$", "ll"),
        ("ck$", r"ck$", "c"),
        ("", r"([eo])\1", r"\1"),
        ("oo", r"oo", "o"),
        ("ea", r"ea", "e"),
        ("e", r"(?<=[^aeiou])e(?=[^aeiou]e?$)", "ea"),
        ("o", r"(?<=[^aeiou])o(?=[^aeiou])", "oa"),
        ("au", r"au(?=n)", "a"),
        ("ow", r"ow", "ou"),
        ("ou", r"ou", "ow"),
        ("oul", r"oul", "ol"),
        ("ld", r"wold|shold|cold", lambda hit: hit.group()[:-2] + "uld"),
        ("our", r"our", "or"),
        ("or$", r"or$", "our"),
        ("cio", r"c(?=io)", "t"),
        ("se", r"(?<=[aeiou])s(?=e)", "c"),
        ("z", r"z", "s"),
        ("s", r"s(?=[ei])", "z"),
        ("'d$", r"'d$", "ed"),
        ("'d$", r"(?<=[^aeiou])'d$", "ed"),
        ("t$", r"t$", "ed"),
        ("^en", r"^en", "in"),
        ("^in", r"^in", "en"),
        ("er$", r"er$", "re"),
        ("bred$", r"(?<=b)r(?=ed$)", "er"),
        ("que$", r"que$", "k"),
        ("en$", r"(?<=[wr])en$", "n"),
        ("vv", r"vv", "w"),
    )
)
#: Rules that may be needed for one word: "deuoutly" one, "vndiscouered" two, "vertues" none.
DEPTH = 3
#: Forms are old spellings of words that are this much (log) more frequent and at least so frequent; forms more frequent than FREQUENT are looked up no further.
RARER, LEAST, FREQUENT = 1.0, -13.0, -9.5
#: So many rules at the beginning tell an old text from a bad scan of a later one: the others make words of misprints as often.
TELLING = 11
#: A text is old when more than this share of a sample of its words are old spellings by one of these rules, and at least so many. Measured: texts of 1600
#: .13 and more, badly scanned newspapers of 1840–1950 .004 and .008 (by all rules .15, and .016 and .023).
SHARE, HITS, SAMPLE = 0.045, 3, 600
#: So many words of the sample are looked at at a time, as long as more than this share of them are old.
LOOK, DOUBT = 60, 0.02


def is_old(words: Sequence[str], frequency: Callable[[str], float], known: dict[str, bool] | None = None) -> bool:
    """Whether a text has old spelling.

    Args:
        words: of the text or a sample of it.
        frequency: log probability of a word, −99 for what is none.
        known: what was found out about words, and will be; for several texts.

    >>> words = {"have": -5.0, "upon": -7.0, "the": -3.0, "sea": -8.0}
    >>> is_old("they haue looked vpon the sea haue they".split(), lambda word: words.get(word, -99.0))
    True
    """
    known = {} if known is None else known
    sample = [word for word in words[:: max(1, len(words) // SAMPLE)] if len(word) > 2]
    parts = max(1, len(sample) // LOOK)
    hits = seen = 0
    for k in range(parts):
        for word in sample[k::parts]:
            old = known.get(word)
            if old is None:
                old = known[word] = _has_later(word.lower(), frequency)
            seen += 1
            hits += old
        if hits < DOUBT * seen:
            return False
    return hits >= HITS and hits > SHARE * seen


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


def _has_later(form: str, frequency: Callable[[str], float]) -> bool:
    """Whether a form is an old spelling by one of the telling rules."""
    own = frequency(form)
    least = max(LEAST, own + RARER)
    return own <= FREQUENT and any(frequency(variant) > least for variant in _variants(form, RULES[:TELLING]))


def _variants(word: str, rules: Sequence[tuple[str, re.Pattern[str], Any]] = RULES) -> Iterable[str]:
    marked = f"^{word}$"
    for needed, pattern, new in rules:
        if needed in marked and (variant := pattern.sub(new, word)) != word and len(variant) > 1:
            yield variant
