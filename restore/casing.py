"""The case and the apostrophes of an edit follow the observed text; capitals written in the dictionary's original win; articles agree."""

from __future__ import annotations

from functools import lru_cache

# Words that titles leave in lower case.
_SMALL = frozenset("a an and as at but by for from in into nor of on or over per the to up via with".split())  # noqa: SIM905


def fit_case(observed: str, original: str, *, curly: bool = False, shouting: bool = False) -> str:
    """Give an original the case of what stands in the text.

    Args:
        observed: the text's wording.
        original: the dictionary's.
        curly: write apostrophes as ’ (they are also when the observed wording has one).
        shouting: the words around are in capitals, so that a short word in capitals is no acronym.

    >>> fit_case("TV", "television"), fit_case("WAR", "fight", shouting=True), fit_case("The white home", "the White House"), fit_case("Phone", "iPhone")
    ('television', 'FIGHT', 'The White House', 'iPhone')
    >>> fit_case("CHIEF", "leader"), fit_case("Chief", "leader"), fit_case("chief", "leader"), fit_case("ok.g.b.", "K.G.B.")
    ('LEADER', 'Leader', 'leader', 'K.G.B.')
    >>> fit_case("Financial Institution", "bank"), fit_case("Coronary Heart Illness", "heart disease"), fit_case("The place", "where")
    ('Bank', 'Heart Disease', 'Where')
    """
    return _fit(observed, original, curly, shouting)


@lru_cache(1 << 15)
def _fit(observed: str, original: str, curly: bool, shouting: bool) -> str:
    if curly or "’" in observed:
        original = original.replace("'", "’")
    letters = [character for character in observed if character.isalpha()]
    if not letters:
        return original
    if len(letters) > 1 and all(character.isupper() for character in letters):
        return original.upper() if shouting or len(letters) > 4 else original
    if not letters[0].isupper():
        return original
    if original != original.lower():
        first = original.split(" ")[0]
        return _capitalise(original) if first == first.lower() else original
    words = [word for word in observed.split() if len(word) > 3]
    if len(words) > 1 and all(word[:1].isupper() for word in words):
        return " ".join(_capitalise(word) if k == 0 or word not in _SMALL else word for k, word in enumerate(original.split(" ")))
    return _capitalise(original)


def mend_article(article: str, observed: str, original: str) -> str:
    """The article that an original takes, where the wording that it replaces had its own.

    An article that does not fit the observed wording was left by the spinner as it stood before the original, and stays.

    Args:
        article: a or an, in any case.
        observed, original: what follows it in the text, and what is to follow it.

    >>> mend_article("An", "irregular woodland", "random forest"), mend_article("a", "extra", "more"), mend_article("an", "office", "FBI")
    ('A', 'a', 'an')
    """
    # How an abbreviation or a number sounds cannot be seen.
    if not all(text[:1].isalpha() and not text.split(" ")[0].isupper() for text in (observed, original)):
        return article
    fits = (article.lower() == "an") == begins_with_vowel(observed)
    if not fits or begins_with_vowel(observed) == begins_with_vowel(original):
        return article
    if article.lower() == "an":
        return article[0]
    return f"{article}n"


_VOWEL_EXCEPTIONS = ("hour", "honest", "honor", "honour", "heir")
_CONSONANT_EXCEPTIONS = ("uni", "unan", "use", "usu", "usa", "util", "eu", "ewe", "one", "once", "u.", "ubiq", "uk", "ur")


def begins_with_vowel(text: str) -> int:
    """1 when "an" stands before the text, 0 when "a" does (by spelling, with the common exceptions).

    >>> begins_with_vowel("hour"), begins_with_vowel("union"), begins_with_vowel("Unimportant"), begins_with_vowel("18 months")
    (1, 0, 1, 1)
    """
    lower = text.lower().lstrip("\"'([{")
    if lower.startswith(_VOWEL_EXCEPTIONS) or lower.startswith(("8", "11 ", "18")):
        return 1
    if lower.startswith(_CONSONANT_EXCEPTIONS) and not lower.startswith(("unin", "unim", "unid", "urg", "urb")):
        return 0
    return int(lower[:1] in tuple("aeiou"))


def _capitalise(word: str) -> str:
    return word[:1].upper() + word[1:]
