"""Text to tokens with offsets into the original string.

A token is a word with inner apostrophes, a number, a dotted abbreviation, an opaque span, or one other character; white space and invisible characters
between tokens belong to none. Tokens carry two hashes of their *normal form* (case-folded, apostrophes and quotes straightened, zero-width characters
dropped): one for matching, and one for the language model, where numbers are mapped to a few shapes.

Opaque spans (URLs, e-mail addresses, file paths, code, HTML tags, LaTeX, @names, #tags) are found here, and only in text that holds one of
the few bytes they need, so that ordinary prose never pays for them.
"""

from __future__ import annotations

import re
import sys
import threading
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from restore import kernels
from restore.arrays import zeros

#: Version of Unicode that unicode.bin was made from (tools/make_unicode_table.py).
UNICODE_VERSION = "14.0.0"

#: Normal form of every opaque span; no text can give it, since "<" is a token of its own.
OPAQUE_FORM = "<opaque>"

KIND_MASK, CASE_MASK, NEWLINES_MASK = 7, 24, 96
WORD, NUMBER, PUNCTUATION, ABBREVIATION, OPAQUE = range(5)
LOWER, CAPITALISED, UPPER, MIXED = (case << 3 for case in range(4))
GLUED, LOCKED, SENTENCE_START = 128, 256, 512

_TABLE = memoryview((Path(__file__).parent / "unicode.bin").read_bytes())
_STAGE1 = _TABLE[: 2 * (0x110000 >> 8)].cast("H")
_STAGE2 = _TABLE[2 * (0x110000 >> 8) :].cast("I")

# Fenced code and comments may be long: what opens one, and what closes it.
_FENCES = {b"```": b"```", b"<!--": b"-->"}
# What may stand before the trigger inside an address, a path or a scheme.
_ADDRESS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+%-:~")
# Every opaque span holds one of these; most prose holds none.
_TRIGGERS = (b"://", b"www.", b"@", b"#", b"<", b"`", b"\\", b"$", b"/")
_SLASH = b"/"
# They are looked for in so many bytes at a time.
_WINDOW = 1 << 18
_BEFORE_PATH, _PATH = frozenset(b" \t\n\r\f\v(~."), re.compile(rb"[\w.@+-]")


@dataclass(frozen=True)
class Tokens:
    """Tokens of one text, as parallel arrays.

    Attributes:
        text: the text as UTF-8 (lone surrogates as three bytes each).
        starts, ends: byte offsets into `text`, half-open.
        hashes: hash of the normal form, for matching.
        norms: hash of the normal form with numbers by shape, for the language model.
        flags: see `restore.kernels`; test with the constants of this module.
    """

    text: bytes
    starts: array[int]
    ends: array[int]
    hashes: array[int]
    norms: array[int]
    flags: array[int]

    def __len__(self) -> int:
        return len(self.starts)

    def surface(self, i: int, j: int | None = None) -> str:
        """The text from token `i` to the token before `j` (default: one token)."""
        end = self.ends[i if j is None else j - 1]
        return self.text[self.starts[i] : end].decode("utf-8", "surrogatepass")


@dataclass(frozen=True)
class Lines:
    """Lines that hold tokens.

    Attributes:
        bounds: line k holds the tokens bounds[k] … bounds[k + 1].
        spans: and the bytes spans[k] … spans[k + 1]: up to the next line's first token.
        breaks: for each token, 1 where a paragraph begins (after a blank line).
    """

    bounds: array[int]
    spans: array[int]
    breaks: array[int]

    def __len__(self) -> int:
        return len(self.bounds) - 1


def split_lines(tokens: Tokens, begins: int = NEWLINES_MASK) -> Lines:
    """The lines of a text, or its sentences.

    Args:
        begins: flags of the tokens that begin one (NEWLINES_MASK | SENTENCE_START for sentences).

    >>> lines = split_lines(tokenize(b"One line.\\nAnother"))
    >>> list(lines.bounds), list(lines.spans)
    ([0, 3, 4], [0, 10, 17])
    """
    n = len(tokens)
    bounds, spans, breaks = zeros("i", n + 1), zeros("i", n + 1), zeros("B", n)
    count = kernels.split_lines(tokens.flags, tokens.starts, n, begins, len(tokens.text), bounds, spans, breaks)
    del bounds[count + 1 :], spans[count + 1 :]
    return Lines(bounds, spans, breaks)


def encode(text: str) -> bytes:
    """UTF-8 of any Python string, lone surrogates included."""
    return text.encode("utf-8", "surrogatepass")


def decode(data: bytes | bytearray | memoryview) -> str:
    """The inverse of `encode`."""
    return str(data, "utf-8", "surrogatepass")


class CharacterOffsets:
    """Byte offsets to character offsets, for offsets asked for in rising order."""

    def __init__(self, text: str, data: bytes) -> None:
        self._data = data
        self._plain = len(text) == len(data)
        self._byte = self._character = 0

    def __call__(self, start: int, end: int) -> tuple[int, int]:
        if self._plain:
            return start, end
        return self._at(start), self._at(end)

    def _at(self, offset: int) -> int:
        self._character += len(self._data[self._byte : offset].decode("utf-8", "surrogatepass"))
        self._byte = offset
        return self._character


def tokenize(text: bytes, opaque: Iterable[tuple[int, int]] | None = None) -> Tokens:
    """Split UTF-8 text into tokens.

    Args:
        text: UTF-8 bytes; malformed bytes become tokens of their own and never fail.
        opaque: byte spans to keep as one token each; found by `opaque_spans` when None.

    Returns:
        The tokens.

    >>> tokens = tokenize("The K.G.B. didn’t pay 1,500 roubles.".encode())
    >>> [tokens.surface(i) for i in range(len(tokens))]
    ['The', 'K.G.B.', 'didn’t', 'pay', '1,500', 'roubles', '.']
    """
    spans = array("i", (offset for span in (opaque_spans(text) if opaque is None else opaque) for offset in span))
    columns = _SCRATCH.columns if len(text) < SCRATCH else tuple(zeros(typecode, len(text) + 1) for typecode in _COLUMNS)
    count = kernels.tokenize(text, _STAGE1, _STAGE2, spans, _opaque_hash(), *columns)
    starts, ends, hashes, norms, flags = (column[:count] for column in columns)
    return Tokens(text, starts, ends, hashes, norms, flags)


class _Scratch(threading.local):
    """A thread's arrays for the tokens of a text, used again for the next one."""

    def __init__(self) -> None:
        self.columns = tuple(zeros(typecode, SCRATCH) for typecode in _COLUMNS)


#: Texts of fewer bytes share arrays until their tokens are counted.
SCRATCH, _COLUMNS = 1 << 15, "iiQQH"
_SCRATCH = _Scratch()


def hash_word(normal_form: str) -> int:
    """64-bit hash of a normal form, the same as `tokenize` gives a token with this normal form."""
    return kernels.hash_codes(memoryview(encode(normal_form))) if normal_form else 0


def normalise(token: str) -> str:
    """Normal form, for the language model, of one token.

    >>> normalise("Didn’t"), normalise("1,500"), normalise("17th"), normalise("1984")
    ("didn't", '0,0', '00th', '0000')
    """
    if not token:
        return ""
    tokens = tokenize(encode(token))
    if len(tokens) == 1 and tokens.flags[0] & KIND_MASK == OPAQUE:
        return OPAQUE_FORM
    form = []
    for character in token:
        entry = _entry(ord(character))
        if entry & 255 == 5:
            continue
        form.append(chr((ord(character) + (entry >> 8)) & 0xFFFFFF))
    folded = "".join(form)
    if len(tokens) != 1:
        return folded
    kind = tokens.flags[0] & KIND_MASK
    if kind == ABBREVIATION:
        return folded.rstrip(".")
    if kind == PUNCTUATION and folded in "“”„‟«»":
        return '"'
    if kind != NUMBER:
        return folded
    digits = sum(_entry(ord(character)) & 255 == 3 for character in folded)
    split = next((k for k, character in enumerate(folded) if _entry(ord(character)) & 255 in (1, 2)), len(folded))
    if split < len(folded):
        digits = sum(_entry(ord(character)) & 255 == 3 for character in folded[:split])
        return "0" * min(digits, 4) + folded[split:] if digits <= 4 else "0000" + folded[split:]
    if "." in folded:
        return "0.0"
    if "," in folded:
        return "0,0"
    if digits <= 2:
        return folded
    if digits == 4 and folded[0] not in "12":
        return "9000"
    return "0" * min(digits, 5)


def opaque_spans(text: bytes) -> list[tuple[int, int]]:
    """Byte spans of URLs, addresses, paths, code, tags and the like, sorted and disjoint.

    >>> text = b"See https://example.org/a?b=1, or write to me@example.org."
    >>> [text[start:end].decode() for start, end in opaque_spans(text)]
    ['https://example.org/a?b=1', 'me@example.org']
    """
    spans: list[tuple[int, int]] = []
    last = read = 0
    missing: set[bytes] = set()
    for at, trigger in _triggers(text):
        if at < read:
            continue
        if trigger == _SLASH:
            if (at and text[at - 1] not in _BEFORE_PATH) or not _PATH.match(text, at + 1):
                continue
            read = at + 2
        else:
            read = at + len(trigger)
        if at < last:
            continue
        fence = next((fence for fence in _FENCES if text.startswith(fence, at)), None)
        if fence is not None:
            closing = _FENCES[fence]
            end = -1 if closing in missing else text.find(closing, at + len(fence))
            if end >= 0:
                last = end + len(closing)
                spans.append((at, last))
                continue
            missing.add(closing)
        pattern, before = _patterns()[trigger[:1]]
        start = at
        while start > max(last, at - before) and chr(text[start - 1]) in _ADDRESS:
            start -= 1
        match = pattern.match(text, start, at + 2200) or (pattern.match(text, at, at + 2200) if start < at else None)
        if match and at < match.end():
            last = match.end()
            while last < len(text) and text[last] & 0xC0 == 0x80:
                last += 1
            spans.append((match.start(), last))
    return spans


def _triggers(text: bytes) -> Iterator[tuple[int, bytes]]:
    """Where the triggers stand, in their order; one may overlap another."""
    for begin in range(0, len(text), _WINDOW):
        hits = []
        for trigger in _TRIGGERS:
            # One that begins in this window may end in the next.
            end = begin + _WINDOW + len(trigger) - 1
            at = text.find(trigger, begin, end)
            while at >= 0:
                hits.append((at, trigger))
                at = text.find(trigger, at + len(trigger), end)
        yield from sorted(hits)


def unicode_tables() -> tuple[memoryview, memoryview]:
    """The two stages of the Unicode table, for the kernels."""
    return _STAGE1, _STAGE2


def _entry(code: int) -> int:
    return _STAGE2[(_STAGE1[code >> 8] << 8) + (code & 255)]


@lru_cache(maxsize=1)
def _opaque_hash() -> int:
    return hash_word(OPAQUE_FORM)


@lru_cache(maxsize=1)
def _patterns() -> dict[bytes, tuple[Any, int]]:
    """For the first byte of a trigger: the pattern of the whole span, and how far before the trigger it may begin."""
    # Possessive quantifiers; `re` is loaded anyway, and `regex` takes 30 ms.
    if sys.version_info >= (3, 11):
        import re as regex
    else:
        import regex

    def compile(source: bytes) -> Any:
        return regex.compile(source, regex.VERBOSE)

    # Trailing punctuation belongs to the sentence, not to the address; e2 80 begins curly quotes, dashes and the ellipsis in UTF-8.
    address = rb"""(?:(?!\xe2\x80)[^\s<>"\x27`])* (?!\xe2\x80)[^\s<>"\x27`.,;:!?()\[\]{}\x80-\xbf] [\x80-\xbf]*"""
    windows = rb"""[A-Za-z]:\\(?:(?!\xe2\x80)[^\s<>"|?*])++"""
    latex = rb"""\\[A-Za-z]++ (?:\[[^\]\n]{0,100}\])? (?:\{[^{}\n]{0,200}\})*+"""
    return {
        b":": (compile(rb"(?:https?|ftp|file):" + address), 5),
        b"w": (compile(rb"(?<!\w)www\." + address), 0),
        b"@": (compile(rb"[\w.+%-]++@[\w-]++(?:\.[\w-]++)++ | (?<![\w@.])@[A-Za-z_]\w*+"), 64),
        b"#": (compile(rb"(?<![\w&\#])\#\w*[A-Za-z_]\w*+"), 0),
        b"<": (compile(rb"</?[A-Za-z][\w:.-]*+(?:\s[^<>\n]*+)?/?> | <![A-Za-z][^<>\n]*+>"), 0),
        b"`": (compile(rb"`[^`\n]++`"), 0),
        b"\\": (compile(windows + rb"|" + latex), 2),
        b"$": (compile(rb"\$\$[^$]{1,2000}?\$\$ | \$(?=[^$\n]{0,200}[\\^_])[^\s$][^$\n]{0,200}?\$"), 0),
        # A path has two parts or more: "and/or" is no path.
        b"/": (compile(rb"(?:~|\.{1,2})?/(?:[\w.@+-]++/)++(?:[\w.@+-]*[\w@+-])?"), 2),
    }
