"""Mojibake: text that was decoded with the wrong encoding, mended by ftfy; each repair as a small edit."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence

from restore.cleanup.rule import Change, trim

# Where ftfy's own segments end when a text has no line breaks.
_SEGMENT = 1_000_000
# Only plain spaces part words: ftfy turns other white space (U+0085) into characters that are none.
_PIECES = re.compile(r" *[^ ]+| +\Z")
_BREAKS = ("\n", "\r")


def mojibake(text: str) -> Iterator[Change]:
    """What `ftfy.fix_encoding` changes, line by line; quotes, ligatures and the like stay as they are."""
    at = 0
    while at < len(text):
        end = text.find("\n", at) + 1 or len(text)
        end = min(end, at + _SEGMENT)
        line = text[at:end]
        if not line.isascii():
            yield from _mend(line, at)
        at = end


def _mend(line: str, offset: int) -> Iterator[Change]:
    import ftfy

    fixed, plan = ftfy.fix_encoding_and_explain(line)
    if fixed == line or any(fixed.count(mark) != line.count(mark) for mark in _BREAKS):
        return
    why = describe(plan or ())
    for start, end, replacement in differences(line, fixed):
        yield offset + start, offset + end, replacement, why


def describe(plan: Sequence[tuple[str, str]]) -> str:
    """ftfy's plan in words.

    >>> describe([("encode", "sloppy-windows-1252"), ("transcode", "restore_byte_a0"), ("decode", "utf-8")])
    'UTF-8 read as windows-1252'
    """
    said: list[str] = []
    wrong = ""
    for action, name in plan:
        name = {"latin-1": "Latin-1", "utf-8": "UTF-8", "utf-8-variants": "UTF-8"}.get(name, name.removeprefix("sloppy-"))
        if action == "encode":
            wrong = name
        elif action == "decode":
            said.append(f"{name} read as {wrong}")
        elif name == "decode_inconsistent_utf8":
            said.append("UTF-8 read as another encoding in places")
        elif name == "fix_c1_controls":
            said.append("windows-1252 read as Latin-1")
    return ", then ".join(said)


def differences(before: str, after: str) -> Iterator[tuple[int, int, str]]:
    """Small changes that turn one line into the other: (start, end, replacement), sorted and disjoint.

    Words are aligned first, so that a long line costs no more than its words; then the letters of the words that differ.

    >>> list(differences("naÃ¯ve cafÃ© au lait", "naïve café au lait"))
    [(2, 4, 'ï'), (10, 12, 'é')]
    """
    head, tail = trim(before, after)
    old, new = before[head : len(before) - tail], after[head : len(after) - tail]
    old_words, new_words = _PIECES.findall(old), _PIECES.findall(new)
    olds, news = _offsets(old_words), _offsets(new_words)
    changed = [k for k, (one, other) in enumerate(zip(old_words, new_words, strict=False)) if one != other]
    if len(old_words) == len(new_words) and not any(old_words[k].isascii() for k in changed):
        # The usual case: no word was split or joined, so every word that differs held something to mend.
        blocks = [("replace", k, k + 1, k, k + 1) for k in changed]
    else:
        blocks = [block for block in difflib.SequenceMatcher(None, old_words, new_words).get_opcodes() if block[0] != "equal"]
    for _, i, j, k, m in blocks:
        start, end = olds[i], olds[j]
        for low, high, text in _letters(old[start:end], new[news[k] : news[m]]):
            yield head + start + low, head + start + high, text


def _letters(before: str, after: str) -> Iterator[tuple[int, int, str]]:
    head, tail = trim(before, after)
    old, new = before[head : len(before) - tail], after[head : len(after) - tail]
    if max(len(old), len(new)) > 200:
        yield head, head + len(old), new
        return
    for kind, i, j, k, m in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            yield head + i, head + j, new[k:m]


def _offsets(words: list[str]) -> list[int]:
    offsets = [0]
    for word in words:
        offsets.append(offsets[-1] + len(word))
    return offsets
