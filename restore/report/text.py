"""Plain-text views of a result."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from restore.channels.layout import PageMark
    from restore.evidence import Evidence, Oddity
    from restore.records import Edit, Verdict


def mark(text: str, edits: Iterable[Edit]) -> str:
    """The input with each edit shown in place.

    >>> from restore import Edit
    >>> mark("the chief fell", [Edit(4, 9, "chief", "leader", "substitution", 0.9)])
    'the [[chief=>leader]] fell'
    """
    pieces, last = [], 0
    for edit in edits:
        pieces += [text[last : edit.start], f"[[{edit.observed}=>{edit.original}]]"]
        last = edit.end
    return "".join([*pieces, text[last:]])


def diff(name: str, before: str, after: str) -> str:
    """A unified diff, as `diff -u` and `patch` know it; empty when nothing changed."""
    lines = difflib.unified_diff(_lines(before), _lines(after), f"a/{name}", f"b/{name}")
    return "".join(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines)


def _lines(text: str) -> list[str]:
    """Lines with their ends; only LF ends a line, as for `diff`."""
    lines = [line + "\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def edit_table(text: str, edits: Sequence[Edit]) -> Iterator[str]:
    """A line an edit: place (line:column, from 1), probability, what stood there and what was put."""
    for edit, place in places(text, edits):
        others = ", ".join(f"{original} {p:.2f}" for original, p in edit.alternatives if p >= 0.01)
        notes = "; ".join(note for note in (f"or {others}" if others else "", edit.reason) if note)
        yield f"{place} {edit.probability:4.2f}  {visible(edit.observed)} → {visible(edit.original)}" + (f"   ({notes})" if notes else "")


def explain_edits(text: str, edits: Sequence[Edit]) -> Iterator[str]:
    """Two lines an edit: place and reason; the words around it before and after."""
    for edit, place in places(text, edits):
        left, right = _around(text, edit.start, edit.end)
        before, after = text[left:right], text[left : edit.start] + edit.original + text[edit.end : right]
        yield f"{place} {edit.reason or edit.channel}"
        yield f"          {visible(before)} → {visible(after)}"


#: Characters shown on either side of an edit, at most.
_AROUND = 24


def _around(text: str, start: int, end: int) -> tuple[int, int]:
    """The edit's words, not beyond its lines."""
    left, right = start, end
    while left > max(0, start - _AROUND) and not text[left - 1].isspace():
        left -= 1
    while right < min(len(text), end + _AROUND) and not text[right].isspace():
        right += 1
    return left, right


def places(text: str, edits: Iterable[Edit]) -> Iterator[tuple[Edit, str]]:
    """Each edit with its place in the text: line:column, from 1."""
    position = line = column = 0
    for edit in edits:
        between = text[position : edit.start]
        breaks = between.count("\n")
        line += breaks
        column = len(between) - between.rfind("\n") - 1 if breaks else column + len(between)
        position = edit.start
        yield edit, f"{line + 1:4d}:{column + 1:<4d}"


def mark_table(text: str, marks: Iterable[PageMark]) -> Iterator[str]:
    """A line a running head, page number or catchword that stays in the text."""
    for mark in marks:
        line, column = text.count("\n", 0, mark.start) + 1, mark.start - text.rfind("\n", 0, mark.start)
        yield f"{line:4d}:{column:<4d} left  {visible(mark.text)}   ({mark.kind} on {mark.pages} pages)"


def visible(text: str) -> str:
    """A text with its invisible characters escaped, in quotation marks where it begins or ends with a space.

    >>> print(visible("ti\u200bme"), visible(" a"), visible(""))
    ti\\u200bme " a" (nothing)
    """
    if not text:
        return "(nothing)"
    shown = "".join(
        character if character.isprintable() and not "\ufe00" <= character <= "\ufe0f" and character < "\U000e0000" else ascii(character)[1:-1]
        for character in text
    )
    return f'"{shown}"' if shown != shown.strip() else shown


def verdict_line(name: str, verdict: Verdict) -> str:
    """One line about a document."""
    family = verdict.families[0][0] if verdict.families and verdict.spun >= 0.5 else "-"
    return f"{verdict.spun:6.4f}  {verdict.rate:5.2f}  {verdict.sites:6d}  {verdict.words:7d}  {family:10s}  {name}"


def evidence_lines(text: str, found: Evidence, family: str | None = None) -> Iterator[str]:
    """Why, in lines under a verdict: counts, the strongest ten signs (all of them for a family, with their sentences), what is odd, missing everyday words."""
    signs = found.strongest() if family is None else found.signs
    per_thousand = 1000 * len(found.signs) / max(1, found.verdict.words)
    yield f"        {len(found.signs)} signs at {found.verdict.sites} sites ({per_thousand:.1f} in 1,000 words), {len(found.pairs)} distinct"
    for remark in found.verdict.evidence:
        yield f"        {remark}"
    for sign in signs:
        line = text.count("\n", 0, sign.start)
        column = sign.start - (text.rfind("\n", 0, sign.start) + 1)
        yield f"        {line + 1:4d}:{column + 1:<4d} {sign.log_odds:+6.1f}  {' '.join(sign.observed.split())} → {sign.original}" + (
            f"   “{sign.sentence}”" if family else ""
        )
    if found.oddities:
        yield "        odd, whatever the dictionaries say: " + ", ".join(_oddity(oddity) for oddity in found.worst())
    if found.missing and family is None:
        words = ", ".join(f"{word} {n:.1f}" for word, n in found.missing[:10])
        yield f"        everyday words that a text of this length has more of: {words}"


def _oddity(oddity: Oddity) -> str:
    return f"{oddity.observed} (for {oddity.better} {oddity.gain:+.1f})" if oddity.better else oddity.observed


VERDICT_HEADER = "  spun   rate   sites    words  family      document"
