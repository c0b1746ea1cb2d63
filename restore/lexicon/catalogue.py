"""Read the public catalogue of tortured phrases (CSV with "Fingerprint - Tortured Phrase" and "Expected Text") into rows of a user's own layer.

A fingerprint is a query: a phrase, or phrases joined by OR, often with clauses about the rest of the paper (`"arbitrary woodland" AND NOT ecology`). The
phrases become rows; the clauses become conditions, kept in the note ("when: …") and in the compiled dictionary, and tested on the whole document.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

from restore.errors import DictionaryError, InputError

#: Evidence of a row: seen in papers, and a term that nobody writes otherwise.
WEIGHT = 5
#: Begins the note of a row that holds only where its condition does.
WHEN = "when: "

# A query as a tree: a phrase, or ("and" | "or" | "not", parts).
Query = str | tuple[str, tuple["Query", ...]]
_LEXEME = re.compile(r'"([^"]*)"|([()])|\b(AND|OR|NOT)\b|([^\s()"]+)')


def read_catalogue(path: str | Path) -> tuple[list[tuple[str, str, str]], list[str]]:
    """Rows of a catalogue.

    Returns:
        (rows, problems): (observed, original, condition or "") sorted, each once; a message for each line that gives no row.

    Raises:
        InputError: the file cannot be read.
        DictionaryError: it has not the columns of the catalogue.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except OSError as problem:
        raise InputError(path, f"cannot be read ({problem.strerror})") from None
    except UnicodeDecodeError:
        raise InputError(path, "is not UTF-8; save the file as UTF-8") from None
    # Spreadsheets of some countries put semicolons between the cells, and some programs a blank behind each comma.
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    header = [cell.lower() for cell in next(lines, [])]
    columns = [next((k for k, cell in enumerate(header) if name in cell), -1) for name in ("tortured phrase", "expected")]
    if -1 in columns:
        raise DictionaryError([f"{path}:1:1: no columns 'Fingerprint - Tortured Phrase' and 'Expected Text'; export the catalogue with its header line"])
    rows: dict[tuple[str, str], str] = {}
    problems = []
    for cells in lines:
        fingerprint, expected = (cells[k] if k < len(cells) else "" for k in columns)
        if not fingerprint.strip() and not expected.strip():
            continue
        try:
            originals = list(_originals(expected))
            if not originals:
                raise ValueError("no expected text")
            for phrase, condition in phrases(parse(fingerprint)):
                for original in originals:
                    if phrase != original.lower():
                        rows[phrase, original] = condition
        except ValueError as problem:
            problems.append(f"{path}:{lines.line_num}:1: {fingerprint!r}: {problem}; row left out")
    return sorted((observed, original, condition) for (observed, original), condition in rows.items()), problems


def parse(query: str) -> Query:
    """A boolean query as a tree; words without an operator between them are one phrase.

    >>> parse('"flag to clamor" AND NOT (music OR war)')
    ('and', ('flag to clamor', ('not', (('or', ('music', 'war')),))))

    Raises:
        ValueError: the query is malformed.
    """
    lexemes = [
        (match.group(1), match.group(2) or match.group(3) or "", match.group(4) or "") for match in _LEXEME.finditer(query.replace("“", '"').replace("”", '"'))
    ]
    position = 0

    def peek() -> str:
        return lexemes[position][1] if position < len(lexemes) else "end"

    def several(operator: str, deeper: str) -> Query:
        nonlocal position
        parts = [several("and", "not") if deeper == "and" else one()]
        while peek() == operator.upper() or (operator == "and" and peek() in ("NOT", "(")):
            position += peek() == operator.upper()
            parts.append(several("and", "not") if deeper == "and" else one())
        return parts[0] if len(parts) == 1 else (operator, tuple(parts))

    def one() -> Query:
        nonlocal position
        if peek() == "NOT":
            position += 1
            return ("not", (one(),))
        if peek() == "(":
            position += 1
            inner = several("or", "and")
            if peek() != ")":
                raise ValueError("a parenthesis is not closed")
            position += 1
            return inner
        words: list[str] = []
        while position < len(lexemes) and not lexemes[position][1]:
            quoted, _, word = lexemes[position]
            if quoted is not None and words:
                raise ValueError("an operator is missing between two phrases")
            words.append(word if quoted is None else quoted)
            position += 1
            if quoted is not None:
                break
        phrase = _clean(" ".join(words)).lower()
        if not phrase:
            raise ValueError("a phrase is missing")
        return phrase

    tree = several("or", "and")
    if position < len(lexemes):
        raise ValueError("a parenthesis or an operator is out of place")
    return tree


def phrases(query: Query) -> Iterator[tuple[str, str]]:
    """(phrase, condition) of a query: its first phrase, or alternatives, under the rest of its clauses."""
    if isinstance(query, str):
        yield query, ""
    elif query[0] == "or":
        for part in query[1]:
            yield from phrases(part)
    elif query[0] == "and" and not _is_negative(query[1][0]):
        rest = query[1][1:]
        condition = write(rest[0] if len(rest) == 1 else ("and", rest))
        for phrase, inner in phrases(query[1][0]):
            yield phrase, f"({inner}) AND ({condition})" if inner else condition
    else:
        raise ValueError("no phrase to look for, only conditions")


def write(query: Query) -> str:
    """A tree as a query again."""
    if isinstance(query, str):
        return f'"{query}"'
    if query[0] == "not":
        return f"NOT {_bracket(query[1][0])}"
    return f" {query[0].upper()} ".join(_bracket(part) for part in query[1])


def holds(query: Query, text: str) -> bool:
    """Whether a condition is true of a document.

    >>> holds(parse('"random forest" AND NOT (trees OR ecology)'), "A random forest was trained.")
    True

    Args:
        query: from `parse`.
        text: the document, in lower case.
    """
    if isinstance(query, str):
        return re.search(rf"(?<!\w){re.escape(query)}(?!\w)", text) is not None
    if query[0] == "not":
        return not holds(query[1][0], text)
    return (all if query[0] == "and" else any)(holds(part, text) for part in query[1])


def tsv(rows: Iterable[tuple[str, str, str]]) -> str:
    """Rows of a catalogue as a dictionary file."""
    from restore.lexicon.rows import HEADER

    lines = [f"{observed}\t{original}\tx\t{WEIGHT}\t{WHEN + condition if condition else ''}" for observed, original, condition in rows]
    return "\n".join(["# Imported from the catalogue of tortured phrases of the Problematic Paper Screener.", HEADER, *lines, ""])


def _is_negative(query: Query) -> bool:
    return not isinstance(query, str) and (query[0] == "not" or (query[0] == "and" and all(_is_negative(part) for part in query[1])))


def _bracket(query: Query) -> str:
    return write(query) if isinstance(query, str) or query[0] == "not" else f"({write(query)})"


def _originals(expected: str) -> Iterator[str]:
    """Alternatives of an expected text, without the abbreviations in parentheses behind them."""
    for part in re.split(r"\s*(?:;|\||\s/\s|\bOR\b)\s*", expected):
        text = _clean(re.sub(r"\s*\([^()]*\)", "", part))
        if text:
            yield text


def _clean(text: str) -> str:
    text = unicodedata.normalize("NFC", text).translate({0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"', 0xA0: " "})
    return " ".join("".join(character for character in text if unicodedata.category(character)[0] != "C" or character.isspace()).split()).strip('"*~ ')
