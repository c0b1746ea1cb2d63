"""Rules about characters that a reader does not see or sees as others: composed forms, ligatures, hidden characters, soft hyphens."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator

from restore.cleanup.rule import Change, expand, is_plain, near, trim

# An ASCII character never joins what stands before it, so what is between two of them is composed on its own.
_NON_ASCII = re.compile(r"[\x00-\x7f]?[^\x00-\x7f]+")
_LIGATURES = {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "ſt", "ﬆ": "st"}
_LIGATURE = re.compile("[ﬀ-ﬆ]+")

_JOINERS = "\u200b\u200c\u200d\u034f\u115f\u1160\u3164\uffa0\u180e"
_BIDI = "\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069"
_INVISIBLE = "\u2060-\u2064\u206a-\u206f\ufeff\ufff9-\ufffb"
_SELECTORS = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
_TAGS = "\U000e0000-\U000e007f"
# Tabs, and what breaks lines and pages (\n \v \f \r), are none; U+001A stands for a character that was lost ("clich\x1a"), which is worth knowing.
_CONTROLS = "\x00-\x08\x0e-\x19\x1b-\x1f\x7f"
_HIDDEN = re.compile(rf"\x1b\[[0-9;]*[A-Za-z]|[{_JOINERS}{_BIDI}{_INVISIBLE}{_SELECTORS}{_TAGS}{_CONTROLS}]+")
HIDDEN_SIGNS = expand(_JOINERS + _BIDI + _INVISIBLE + _SELECTORS + _TAGS + _CONTROLS)
LIGATURE_SIGNS = frozenset(_LIGATURES)
SOFT_HYPHEN_SIGNS = frozenset("\xad")
_IN_JOINERS, _IN_BIDI, _IN_SELECTORS, _IN_TAGS = (re.compile(f"[{members}]").match for members in (_JOINERS, _BIDI, _SELECTORS, _TAGS))
_RIGHT_TO_LEFT = re.compile("[\u0590-\u061b\u061d-\u08ff\ufb1d-\ufdff\ufe70-\ufefe\U00010800-\U00010fff\U0001e800-\U0001efff]")
_FLAG = "\U0001f3f4"
# Soft hyphens before a line end are hyphens that were printed: `layout` joins what they divide.
# After these it may be half of a letter read in the wrong encoding ("SantamarÃ\xada" for Santamaría).
_SOFT_HYPHEN = re.compile(r"\xad+(?=[ \t]*[^\s\xad])(?<![ÃÂ]\xad)")


def nfc(text: str) -> Iterator[Change]:
    """Letters and accents that are written apart become one character (Unicode normalisation form C, UAX 15)."""
    if unicodedata.is_normalized("NFC", text):
        return
    for run in _NON_ASCII.finditer(text):
        before = run.group()
        after = unicodedata.normalize("NFC", before)
        if after == before:
            continue
        clusters = re.findall(r"(?s).[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u064b-\u065f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20f0\u3099\u309a]*", before)
        composed = [unicodedata.normalize("NFC", cluster) for cluster in clusters]
        if "".join(composed) != after:
            clusters, composed = [before], [after]
        at = run.start()
        for cluster, form in zip(clusters, composed, strict=True):
            if cluster != form:
                head, tail = trim(cluster, form) if len(clusters) == 1 else (0, 0)
                yield at + head, at + len(cluster) - tail, form[head : len(form) - tail], "composed form"
            at += len(cluster)


def ligatures(text: str) -> Iterator[Change]:
    """Typographic ligatures of Latin letters become the letters; æ, œ and ĳ are letters and stay."""
    for run in _LIGATURE.finditer(text):
        yield run.start(), run.end(), "".join(map(_LIGATURES.__getitem__, run.group())), "ligature"


def soft_hyphens(text: str) -> Iterator[Change]:
    """Soft hyphens inside lines go; those at line ends divide words and stay."""
    for run in _SOFT_HYPHEN.finditer(text):
        yield run.start(), run.end(), "", "soft hyphen"


def hidden(text: str) -> Iterator[Change]:
    """Characters that show nothing go: zero-width, bidirectional, variation and tag characters, controls, terminal escapes.

    They stay where they have work to do: joiners in scripts and emoji that need them, bidirectional marks in lines with right-to-left text, variation
    selectors after symbols and ideographs, tags in flags, a byte order mark at the beginning.
    """
    for run in _HIDDEN.finditer(text):
        if run.group().startswith("\x1b["):
            yield run.start(), run.end(), "", "terminal escape"
            continue
        left = text[run.start() - 1] if run.start() else ""
        right = text[run.end()] if run.end() < len(text) else ""
        rtl: bool | None = None
        start = None
        names: Counter[str] = Counter()
        for at in range(run.start(), run.end() + 1):
            gone = False
            if at < run.end():
                character = text[at]
                if _IN_BIDI(character):
                    if rtl is None:
                        rtl = _RIGHT_TO_LEFT.search(text, *near(text, at, at)) is not None
                    gone = not rtl
                else:
                    gone = _is_idle(character, text[at - 1] if at > run.start() else "", left, right) and not (at == 0 and character == "\ufeff")
            if gone:
                start = at if start is None else start
                names[_name(character)] += 1
            elif start is not None:
                yield start, at, "", ", ".join(f"{count} × {name}" if count > 1 else name for name, count in names.items())
                start = None
                names.clear()


def _is_idle(character: str, previous: str, left: str, right: str) -> bool:
    """Whether a hidden character has no work to do, given the one before it in its run and what stands on either side of the run."""
    if _IN_TAGS(character):
        return left != _FLAG
    if _IN_SELECTORS(character):
        if previous:
            return is_plain(left) or _IN_SELECTORS(previous) is not None
        return not left or left.isspace() or (is_plain(left) and left.isalpha())
    if _IN_JOINERS(character):
        return is_plain(left) and is_plain(right)
    return True


def _name(character: str) -> str:
    for kind, name in ((_IN_TAGS, "tag character"), (_IN_SELECTORS, "variation selector")):
        if kind(character):
            return name
    return unicodedata.name(character, "").lower() or f"control character U+{ord(character):04X}"
