"""Letters of other scripts that look Latin, and invisible characters: both hide words from matching, and neither comes into English words by accident."""

from __future__ import annotations

import re

_HIDDEN = re.compile("[\u00ad\u200b\u200c\u200d\u2060\ufeff]+(?=[A-Za-z])")
_ASCII = bytes(range(128))
# In UTF-8: Greek and Cyrillic lead bytes, the soft hyphen, invisible characters, fullwidth and mathematical letters.
_TRACES = re.compile(rb"[\xce-\xd1]|\xc2\xad|\xe2\x80[\x8b-\x8d]|\xe2\x81\xa0|\xef(?:\xbb\xbf|[\xbc\xbd])|\xf0\x9d")


#: Texts are looked at in pieces of so many bytes, so that nothing is made that is as long as a text.
PIECE = 1 << 16


def may_hide(data: bytes) -> bool:
    """Whether UTF-8 text holds characters that could hide words; a quick look.

    >>> may_hide("naïve, “so called”".encode()), may_hide("exam\\u200bple".encode())
    (False, True)
    """
    # Three bytes of the next piece, since a character may stand on the border.
    return any(_TRACES.search(data[at : at + PIECE + 3].translate(None, _ASCII)) for at in range(0, len(data), PIECE))


def see_through(text: str) -> tuple[str, int]:
    """The text with Latin letters for those that only look so, where the cleanup rule `homoglyphs` would put them.

    Returns:
        (view, count): as many characters as the text, so that offsets agree; the number of letters replaced.

    >>> see_through("The c\\u043empany has an office in \\u041c\\u043e\\u0441\\u043a\\u0432\\u0430")
    ('The company has an office in Москва', 1)
    """
    if text.isascii():
        return text, 0
    from restore.cleanup.homoglyphs import homoglyphs

    pieces, last, count = [], 0, 0
    for start, end, plain, _ in homoglyphs(text):
        if len(plain) == end - start:
            pieces += [text[last:start], plain]
            count += sum(a != b for a, b in zip(text[start:end], plain, strict=True))
            last = end
    return "".join([*pieces, text[last:]]) if pieces else text, count


def without_hidden(text: str) -> tuple[str, int]:
    """The text without invisible characters inside words (the tokenizer passes over them too), and how many there were."""
    if text.isascii():
        return text, 0
    pieces, last = [], 0
    for hit in _HIDDEN.finditer(text):
        start, end = hit.span()
        if start and text[start - 1].isascii() and text[start - 1].isalpha():
            pieces.append(text[last:start])
            last = end
    bare = "".join([*pieces, text[last:]]) if pieces else text
    return bare, len(text) - len(bare)
