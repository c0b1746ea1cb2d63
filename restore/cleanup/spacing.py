"""White space: odd spaces, runs of spaces, spaces at line ends. No line is added or taken."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from restore.cleanup.rule import Change, expand, near

_SPACES = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
ODD_SIGNS = expand(_SPACES)
_ODD = re.compile(f"[{_SPACES}]+")
_TRAILING = re.compile(rf"[ \t{_SPACES}](?<![ \t{_SPACES}].)[ \t{_SPACES}]*(?=\r?(?:\n|\Z))")
_RUN = re.compile(r"(?<=\S)  +(?=\S)")
_IDEOGRAPHS = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7ff]")
#: A gap of so many spaces may stand between columns.
_GAP = 3


def odd_spaces(text: str) -> Iterator[Change]:
    """No-break, thin, em and other spaces become plain spaces; ideographic ones in lines with ideographs or kana stay."""
    for run in _ODD.finditer(text):
        if "\u3000" in run.group() and _IDEOGRAPHS.search(text, *near(text, run.start(), run.end())):
            continue
        names = dict.fromkeys(unicodedata.name(space).lower() for space in run.group())
        yield run.start(), run.end(), " " * len(run.group()), ", ".join(names)


def trailing_spaces(text: str) -> Iterator[Change]:
    """Spaces and tabs at line ends go."""
    for run in _TRAILING.finditer(text):
        yield run.start(), run.end(), "", "spaces at the end of a line"


def space_runs(text: str) -> Iterator[Change]:
    """Runs of spaces inside a line become one; indentation, columns and tables stay.

    Columns are taken to be where a line has two gaps of three or more spaces, a tab, a leading "|", or a gap that ends where one in a neighbouring line ends.
    """
    if "  " not in text:
        return
    at = 0
    before: set[int] = set()
    ends = _run_ends(text, 0)
    while at < len(text):
        stop = text.find("\n", at) % (len(text) + 1)
        after = _run_ends(text, stop + 1) if stop < len(text) else set()
        if ends and not _is_table(text[at:stop]):
            for run in _RUN.finditer(text, at, stop):
                end = run.end() - at
                if end not in before and end not in after:
                    yield run.start(), run.end(), " ", "run of spaces"
        at, before, ends = stop + 1, ends, after


def _run_ends(text: str, start: int) -> set[int]:
    """Columns at which runs of spaces end in the line that begins at an offset."""
    stop = text.find("\n", start) % (len(text) + 1)
    return {run.end() - start for run in _RUN.finditer(text, start, stop)} if text.find("  ", start, stop) >= 0 else set()


def _is_table(line: str) -> bool:
    if "\t" in line or line.lstrip().startswith("|"):
        return True
    runs = list(_RUN.finditer(line))
    if sum(run.end() - run.start() >= _GAP for run in runs) >= 2:
        return True
    return len(runs) >= 2 and any(line[run.start() - 1].isdigit() and line[run.end()].isdigit() for run in runs)
