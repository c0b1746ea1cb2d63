"""Dictionary files as text: reading, and the rules every row keeps.

A file is UTF-8 TSV in NFC with LF line ends: comment lines (``# …``), the header line, then one pair a line, sorted::

    observed  original  pos  weight  note

A file with the comment line ``# evidence: counts`` holds counts (they may be fractional) that were learnt from texts; they come on top of what other files say
of the same pairs, and `restore.lexicon.build` weighs them by what they are.

A user's file speaks for every family of spinner, or for the one that the comment line ``# family: NAME`` names, which may be new.

All bad rows of all files are reported at once, each with file, line, column and what to write instead.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from restore.errors import DictionaryError

HEADER = "observed\toriginal\tpos\tweight\tnote"
#: Comment line of a file of counts.
COUNTS = "# evidence: counts"
#: Beginning of the comment line that names the family of a user's file, and what names may be.
FAMILY = "# family:"
_FAMILY_NAME = re.compile(r"[a-z][a-z0-9_-]*")
PARTS_OF_SPEECH = ("n", "v", "a", "r", "x")
#: The matcher keeps the longest phrase in four bits.
MAX_WORDS = 12
#: Files beside the families that are no family's rows.
NOT_ROWS = frozenset({"protected.tsv", "terms.tsv", "swaps.tsv", "inflections.tsv", "confusions.tsv"})


class Row(NamedTuple):
    """One pair.

    Attributes:
        observed, original: lemmas (pos n, v, a, r) or exact surface strings (pos x).
        pos: part of speech; in a multiword row the head, the last word of a noun phrase, the first of a verb phrase.
        weight: evidence: how often seen, or how sure the author is; 0 disables the pair of a lower layer.
        note: for reviewers.
        line: number in its file, from 1.
    """

    observed: str
    original: str
    pos: str
    weight: float
    note: str
    line: int


class File(NamedTuple):
    """A dictionary file.

    Attributes:
        path, domain: where it is, and its name.
        family: the name of its folder; of a user's file what it says, or "user", which stands for every family.
        rows: in the order of the file.
        counts: its weights are counts learnt from texts.
        own: it is a user's.
    """

    path: Path
    family: str
    domain: str
    rows: list[Row]
    counts: bool = False
    own: bool = False


def find_files(paths: Iterable[str | Path]) -> list[Path]:
    """TSV files named by files or folders (searched one level of families deep), in a fixed order.

    Raises:
        DictionaryError: a path does not exist, or a folder has no TSV files.
    """
    found: list[Path] = []
    problems = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = sorted(p for p in [*path.glob("*.tsv"), *path.glob("*/*.tsv")] if p.name not in NOT_ROWS)
            if not inside:
                problems.append(f"{path}: no .tsv files in this folder; name a dictionary file, or a folder of them")
            found += inside
        elif path.is_file():
            found.append(path)
        else:
            problems.append(f"{path}: no such file or folder")
    if problems:
        raise DictionaryError(problems)
    return found


def read_files(paths: Sequence[Path], *, shipped: bool = False) -> list[File]:
    """Read and check dictionary files.

    Args:
        paths: the files.
        shipped: also hold the rules for files under version control: sorted rows, no weight of 0, no pair in two files of a family.

    Raises:
        DictionaryError: with every problem of every file.
    """
    files, problems = [], []
    for path in paths:
        rows, counts, family, found = _read(path, shipped)
        problems += found
        files.append(File(path, path.parent.name if shipped else family, path.stem, rows, counts, not shipped))
    if shipped:
        seen: dict[tuple[str, ...], str] = {}
        for file in files:
            for row in file.rows:
                key = (file.family, "counts" * file.counts, row.observed, row.original, row.pos)
                place = f"{file.path}:{row.line}"
                if key in seen and seen[key].rsplit(":", 1)[0] != str(file.path):
                    problems.append(f"{place}:1: {row.observed!r} → {row.original!r} ({row.pos}) is also in {seen[key]}; keep one and add the weights")
                seen.setdefault(key, place)
    if problems:
        raise DictionaryError(problems)
    return files


def _read(path: Path, shipped: bool) -> tuple[list[Row], bool, str, list[str]]:
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as problem:
        return [], False, "user", [f"{path}: cannot be read ({problem.strerror})"]
    except UnicodeDecodeError as problem:
        at = path.read_bytes()[: problem.start].count(b"\n") + 1
        return [], False, "user", [f"{path}:{at}:1: not UTF-8; save the file as UTF-8"]
    problems: list[str] = []
    rows: list[Row] = []

    def bad(row: int, column: int, what: str) -> None:
        problems.append(f"{path}:{row}:{column}: {what}")

    if "\r" in text:
        bad(text[: text.index("\r")].count("\n") + 1, 1, "carriage return; use LF line ends")
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text and not text.endswith("\n"):
        bad(text.count("\n") + 1, 1, "last line has no line end; add one")
    header = counts = False
    family = "user"
    previous: tuple[str, str, str] | None = None
    seen: dict[tuple[str, str, str], int] = {}
    for number, line in enumerate(text.removesuffix("\n").split("\n"), 1):
        if not header:
            if line.startswith("#"):
                counts = counts or line == COUNTS
                if line.startswith(FAMILY):
                    family = line.removeprefix(FAMILY).strip()
                    if not is_family_name(family):
                        bad(
                            number,
                            len(FAMILY) + 1,
                            f"family is {family!r}; write a name of lower-case letters, digits, - and _, such as thesaurus or my-spinner",
                        )
                continue
            header = True
            if line != HEADER:
                bad(number, 1, f"header expected: {HEADER!r} (tabs between the names)")
                if line.count("\t") < 3:
                    break
            continue
        cells = line.split("\t")
        if not line.strip():
            bad(number, 1, "empty line; delete it")
            continue
        if len(cells) != 5:
            bad(number, 1, f"{len(cells)} columns; write five, with tabs between them: observed, original, pos, weight, note (may be empty)")
            continue
        observed, original, pos, weight_text, note = cells
        good = True
        for name, cell, at in (("observed", observed, 1), ("original", original, len(observed) + 2)):
            what = _cell_problem(name, cell)
            if what:
                bad(number, at, what)
                good = False
        at = len(observed) + len(original) + 3
        if pos not in PARTS_OF_SPEECH:
            bad(number, at, f"pos is {pos!r}; write one of {', '.join(PARTS_OF_SPEECH)} (x: exact surface string)")
            good = False
        elif pos != "x" and observed != observed.lower():
            bad(number, 1, f"observed {observed!r} has capitals; write it in lower case (capitals matter only in originals)")
            good = False
        elif pos != "x" and not all(_inflectable(cell) for cell in (observed, original)):
            bad(number, 1, f"{observed!r} → {original!r}: only letters, spaces, hyphens and apostrophes can be inflected; use pos x")
            good = False
        try:
            weight = float(weight_text)
            if not 0 <= weight < 1e6:
                raise ValueError
        except ValueError:
            bad(number, at + len(pos) + 1, f"weight is {weight_text!r}; write a number from 0 to a million (0 disables a pair of a lower layer)")
            continue
        if shipped and weight == 0:
            bad(number, at + len(pos) + 1, "weight 0 disables a pair of a lower layer, and this is the lowest; delete the row")
            good = False
        if not good:
            continue
        key = (observed, original, pos)
        if key in seen:
            bad(number, 1, f"{observed!r} → {original!r} ({pos}) is also in line {seen[key]}; keep one and add the weights")
            continue
        if shipped and previous is not None and key < previous:
            bad(number, 1, f"not sorted: {observed!r} belongs before {previous[0]!r}; sort the rows by code point, as LC_ALL=C sort does")
        seen[key] = number
        previous = key
        rows.append(Row(observed, original, pos, weight, note, number))
    if not header:
        bad(1, 1, f"no header; the first line that is no comment is {HEADER!r}")
    return rows, counts, family, problems


def is_family_name(name: str) -> bool:
    """Whether a family may be named so.

    >>> is_family_name("spinbot"), is_family_name("My spinner")
    (True, False)
    """
    return _FAMILY_NAME.fullmatch(name) is not None


def _inflectable(cell: str) -> bool:
    return all(character.isalpha() or character in " -'" for character in cell)


def _cell_problem(name: str, cell: str) -> str | None:
    if not cell.strip():
        return f"{name} is empty; write the word or phrase"
    if cell != unicodedata.normalize("NFC", cell):
        return f"{name} {cell!r} is not in Unicode form NFC; write {unicodedata.normalize('NFC', cell)!r}"
    if cell != " ".join(cell.split(" ")).strip() or "  " in cell:
        return f"{name} {cell!r} has stray spaces; write {' '.join(cell.split())!r}"
    if any(mark in cell for mark in "‘’“”"):
        return f"{name} {cell!r} has curly quotes; write ' and \" (matching straightens them)"
    if any(unicodedata.category(character)[0] == "C" for character in cell):
        return f"{name} {cell!r} has control or invisible characters; delete them"
    if len(re.findall(r"\w+|[^\w\s]", cell)) > MAX_WORDS:
        return f"{name} {cell!r} has more than {MAX_WORDS} words and signs; split the row"
    return None
