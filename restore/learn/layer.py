"""Layers of learnt counts: dictionary files that hold what was counted in texts, and nothing that an editor wrote."""

from __future__ import annotations

import os
import tempfile
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from restore.errors import DictionaryError
from restore.lexicon.rows import COUNTS, FAMILY, HEADER, MAX_WORDS, Row, read_files
from restore.tokenizer import encode, tokenize


def check_output(path: str | os.PathLike[str]) -> None:
    """Refuse a place where no layer can be written, or where something else than a layer stands.

    Raises:
        DictionaryError: the folder is missing, or the file exists and is not one of learnt counts.
    """
    path = Path(path)
    if not path.absolute().parent.is_dir():
        raise DictionaryError([f"{path}: there is no folder {path.absolute().parent}; make it, or name another output"])
    if path.exists() and not (path.is_file() and COUNTS in path.read_text(encoding="utf-8", errors="replace").split("\n")):
        raise DictionaryError([f"{path}: is no layer of learnt counts and is not overwritten; name another output"])


def write_layer(path: str | os.PathLike[str], rows: Iterable[Row], comments: Sequence[str], family: str | None = None) -> int:
    """Write a layer, whole or not at all.

    Args:
        path: the file; one that exists must be such a layer.
        rows: in any order; those that no dictionary file may hold are left out.
        comments: what it is and where it comes from, a line each.
        family: of the spinner; every one when None.

    Returns:
        The number of rows.
    """
    check_output(path)
    path = Path(path).resolve()
    rows = sorted(row for row in rows if storable(row.observed) and storable(row.original))
    lines = [*(f"# {line}" for line in comments), *([f"{FAMILY} {family}"] if family else []), COUNTS, HEADER]
    lines += [f"{row.observed}\t{row.original}\t{row.pos}\t{row.weight:.4g}\t{row.note}" for row in rows]
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write("\n".join(lines) + "\n")
        read_files([Path(temporary)])
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return len(rows)


def storable(text: str) -> bool:
    """Whether a dictionary cell may hold a wording."""
    good = text == unicodedata.normalize("NFC", text) == " ".join(text.split()) and not any(unicodedata.category(c)[0] == "C" for c in text)
    return good and text != "" and len(tokenize(encode(text), ())) <= MAX_WORDS and not any(mark in text for mark in "‘’“”")


def plain(text: str) -> str:
    """A wording as dictionary files have it: one space between words, straight quotes, NFC.

    >>> plain("didn’t\\n know")
    "didn't know"
    """
    return unicodedata.normalize("NFC", " ".join(text.translate(_STRAIGHT).split()))


_STRAIGHT = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"'})
