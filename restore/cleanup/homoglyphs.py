"""Letters of other alphabets that pass for Latin ones, inside words that are otherwise Latin.

A word that is wholly Cyrillic or Greek is never touched, nor a word with a letter that has no Latin double. The table (homoglyphs.tsv) comes from
Unicode's confusables.txt (Unicode Technical Standard 39); fullwidth and mathematical letters are mapped by their compatibility decompositions.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from restore.cleanup.rule import Change, expand, near

# Fullwidth letters and digits, letterlike symbols, mathematical letters and digits.
_STYLED = "０-９Ａ-Ｚａ-ｚ\u2102\u210a-\u2113\u2115\u2119-\u211d\u2124\u212c\u212d\u212f-\u2131\u2133\u2134\u2145-\u2149\U0001d400-\U0001d7ff"
_STYLED_LETTER = re.compile(f"[{_STYLED}]")
_WORD = re.compile(r"[^\W_]+")
_EAST_ASIAN = re.compile("[\u1100-\u11ff\u2e80-\u318f\u31a0-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uffdc\U00020000-\U0003ffff]")
#: Letters of a word that must be there before mathematical letters are read as plain ones: shorter ones are variables (𝑥, 𝑑𝑥).
_MATHEMATICAL = 4
#: Latin letters in the rest of a line without Cyrillic and Greek that prove a word of look-alikes Latin too, whatever its letters.
_LATIN_LINE = 10
#: Letters with Latin doubles on Russian, Ukrainian, Serbian and Macedonian keyboards.
_KEYBOARD = frozenset("АВЕКМНОРСТУХаеорсухІіЅѕЈј")


def homoglyph_signs() -> frozenset[str]:
    """Every letter that may pass for a Latin one."""
    return expand(_STYLED) | frozenset(_table()[1])


def homoglyphs(text: str) -> Iterator[Change]:
    """Words that mix Latin letters with Cyrillic or Greek look-alikes, or are written in fullwidth or mathematical letters, become plain Latin."""
    pattern, doubles, ambiguous = _table()
    if not pattern.search(text):
        return
    last = -1
    for hit in pattern.finditer(text):
        if hit.start() < last:
            continue
        # The word around it; words hold no white space, and hits inside it are passed over.
        start, end = hit.start(), hit.end()
        while start and text[start - 1].isalnum():
            start -= 1
        while end < len(text) and text[end].isalnum():
            end += 1
        last = end
        word = text[start:end]
        low, high = near(text, start, end)
        plain, why = _plain(word, doubles, ambiguous, text[low:start] + text[end:high])
        if plain != word:
            yield start, end, plain, why


def _plain(word: str, doubles: dict[str, tuple[str, bool]], ambiguous: frozenset[str], context: str) -> tuple[str, str]:
    """The word in Latin letters, given the rest of its line, and which letters were others; or the word as it is."""
    letters: list[str] = []
    foreign: list[str] = []
    styled = latin = certain = similar = 0
    for at, letter in enumerate(word):
        if _STYLED_LETTER.match(letter):
            form = unicodedata.normalize("NFKC", letter)
            if not form.isascii():
                return word, ""
            letters.append(form)
            styled += form.isalpha()
        elif letter in doubles:
            form, looks_similar = doubles[letter]
            if form == "I" and at and word[at - 1].islower():
                form = "l"
            letters.append(form)
            foreign.append(letter)
            similar += looks_similar
        elif letter < "\u0250" or "\u1e00" <= letter <= "\u1eff":
            letters.append(letter)
            latin += letter.isalpha()
            certain += letter.isalpha() and letter not in ambiguous
        else:
            return word, ""
    plain = "".join(letters)
    if foreign:
        # Latin beyond doubt only where a letter has no double; "ρmax", "IL2Rγc", "νe" are symbols with their Greek letters.
        inside = foreign.count(word[0]) == 0 and foreign.count(word[-1]) == 0
        others = sum("\u0370" <= letter <= "\u052f" for letter in context)
        around = sum(letter.isascii() and letter.isalpha() for letter in context)
        if not latin or others > around or not (certain or (not others and around >= _LATIN_LINE)):
            return word, ""
        if similar and not (inside and word[1:].islower() and word.isalpha() and len(word) >= 5 and latin >= 2 * len(foreign)):
            return word, ""
        names = dict.fromkeys(f"{unicodedata.name(letter).split()[0].capitalize()} {letter}" for letter in foreign)
        return plain, f"{', '.join(names)} in a Latin word"
    if styled and (styled + latin >= _MATHEMATICAL or all("！" <= letter <= "～" for letter in word)) and not _EAST_ASIAN.search(context):
        return plain, "fullwidth letters" if "！" <= word[0] <= "～" else "mathematical letters"
    return word, ""


@lru_cache(maxsize=1)
def _table() -> tuple[Any, dict[str, tuple[str, bool]], frozenset[str]]:
    """A pattern for any letter of the table, letter → (Latin, only similar), and the Latin letters that are on a Cyrillic keyboard in another guise.

    Typists of Cyrillic put those for their doubles by accident, so that they do not prove a word Latin.
    """
    doubles: dict[str, tuple[str, bool]] = {}
    ambiguous: set[str] = set()
    for row in (Path(__file__).parent / "homoglyphs.tsv").read_text(encoding="utf-8").splitlines()[2:]:
        letter, latin, shape, _ = row.split("\t")
        doubles[letter] = latin, shape == "similar"
        if shape == "identical" and letter in _KEYBOARD:
            ambiguous.add(latin)
    return re.compile(f"[{''.join(doubles)}{_STYLED}]"), doubles, frozenset(ambiguous)
