"""A guess at the encoding of bytes that are not UTF-8: for people to judge, never to act on."""

from __future__ import annotations

# Bytes to look at, from a little before the first that is not ASCII; charset-normalizer needs no more, and takes seconds for megabytes.
_SAMPLE = 1 << 16
_DEFAULT = "cp1252"
#: The names that iconv and browsers know.
_NAMES = {"cp1250": "windows-1250", "cp1251": "windows-1251", "cp1252": "windows-1252", "cp1253": "windows-1253", "mac_roman": "macintosh"}


def guess_encoding(data: bytes) -> tuple[str, str] | None:
    """The likeliest encoding of some bytes, with a few words read in it.

    Args:
        data: bytes that are not UTF-8. Short ones say little: windows-1252, the commonest, wins where nothing speaks against it.

    Returns:
        (encoding, words around the first byte that is not ASCII), or None when nothing fits.

    >>> guess_encoding(b"Two coffees at the caf\\xe9, please.")
    ('windows-1252', 'the café,')
    """
    from charset_normalizer import from_bytes

    first = next((k for k, byte in enumerate(data) if byte > 127), 0)
    sample = data[max(0, first - 1024) : first + _SAMPLE]
    matches = [match for match in from_bytes(sample) if not match.encoding.startswith("utf_")]
    best = matches[0] if matches else None
    name = _DEFAULT if best is None else best.encoding
    for match in matches:
        if _DEFAULT in match.could_be_from_charset and best is not None and (match.chaos, -match.coherence) <= (best.chaos, -best.coherence):
            name = _DEFAULT
    try:
        words = data[max(0, first - 200) : first + 200].decode(name, "replace")
        sample.decode(name)
    except UnicodeDecodeError:
        return None
    at = len(data[max(0, first - 200) : first].decode(name, "replace"))
    start = words.rfind(" ", 0, max(0, words.rfind(" ", 0, at))) + 1
    end = words.find(" ", at)
    return _NAMES.get(name, name), " ".join(words[start : end if end >= 0 else len(words)].split())
