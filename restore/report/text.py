"""Plain-text views of a result."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence

from restore.records import Edit, Verdict


def mark(text: str, edits: Iterable[Edit]) -> str:
    """The input with each edit shown in place.

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
    position = line = column = 0
    for edit in edits:
        between = text[position : edit.start]
        breaks = between.count("\n")
        line += breaks
        column = len(between) - between.rfind("\n") - 1 if breaks else column + len(between)
        position = edit.start
        others = ", ".join(f"{original} {p:.2f}" for original, p in edit.alternatives if p >= 0.01)
        yield f"{line + 1:4d}:{column + 1:<4d} {edit.probability:4.2f}  {edit.observed} → {edit.original}" + (f"   (or {others})" if others else "")


def verdict_line(name: str, verdict: Verdict) -> str:
    """One line about a document."""
    family = verdict.families[0][0] if verdict.families and verdict.spun >= 0.5 else "-"
    return f"{verdict.spun:6.4f}  {verdict.rate:5.2f}  {verdict.sites:6d}  {verdict.words:7d}  {family:10s}  {name}"


VERDICT_HEADER = "  spun   rate   sites    words  family      document"
