"""Letters of other scripts that look Latin, and invisible characters: both hide words from matching, and neither comes into English words by accident."""

from __future__ import annotations

import re

_LATIN = "aceijopsxyhdqwvABEKMHOPCTXYIJS"
_LOOK = "асеіјорѕхуһԁԛԝѵАВЕКМНОРСТХУІЈЅ"
_GREEK_LATIN, _GREEK = "ovABEZHIKMNOPTYX", "ονΑΒΕΖΗΙΚΜΝΟΡΤΥΧ"
_TABLE = str.maketrans(_LOOK + _GREEK, _LATIN + _GREEK_LATIN)
# A word with letters of both kinds; words that are wholly Cyrillic or Greek are just that.
_MIXED = re.compile(rf"\b(?=\w*[A-Za-z])\w*[{_LOOK}{_GREEK}]\w*")
_HIDDEN = re.compile("(?<=[A-Za-z])[\u00ad\u200b\u200c\u200d\u2060\ufeff]+(?=[A-Za-z])")
# In UTF-8: Cyrillic and Greek lead bytes, and the invisible characters.
_TRACES = (b"\xd0", b"\xd1", b"\xce", b"\xcf", b"\xc2\xad", b"\xe2\x80\x8b", b"\xe2\x80\x8c", b"\xe2\x80\x8d", b"\xe2\x81\xa0", b"\xef\xbb\xbf")


def may_hide(data: bytes) -> bool:
    """Whether UTF-8 text holds characters that could hide words; a quick look."""
    return any(trace in data for trace in _TRACES)


def see_through(text: str) -> tuple[str, int]:
    """The text with Latin letters for those that only look so, in words that mix both.

    Returns:
        (view, count): as many characters as the text, so that offsets agree; the number of letters replaced.

    >>> see_through("The c\\u043empany in \\u041c\\u043e\\u0441\\u043a\\u0432\\u0430")
    ('The company in Москва', 1)
    """
    if text.isascii():
        return text, 0
    view = _MIXED.sub(lambda word: word.group().translate(_TABLE), text)
    return view, 0 if view == text else sum(a != b for a, b in zip(text, view, strict=True))


def without_hidden(text: str) -> tuple[str, int]:
    """The text without invisible characters inside words (the tokenizer passes over them too), and how many there were."""
    if text.isascii():
        return text, 0
    bare = _HIDDEN.sub("", text)
    return bare, len(text) - len(bare)
