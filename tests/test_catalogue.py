"""The catalogue of tortured phrases: queries, rows, and conditions on the document."""

from __future__ import annotations

from pathlib import Path

import pytest

import restore
from restore.errors import DictionaryError, InputError
from restore.lexicon import compile_dictionaries, load_lexicon, read_files
from restore.lexicon.catalogue import holds, parse, phrases, read_catalogue, tsv, write

HEADER = "Fingerprint - Tortured Phrase,Expected Text,Papers\n"


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("haze figuring", [("haze figuring", "")]),
        ('"Haze  figuring"', [("haze figuring", "")]),
        ('"a b" OR "c d"', [("a b", ""), ("c d", "")]),
        ('"a b" AND x', [("a b", '"x"')]),
        ('"a b" NOT x', [("a b", 'NOT "x"')]),
        ('"a b" AND NOT (x OR "y z")', [("a b", 'NOT ("x" OR "y z")')]),
        ('("a b" OR "c d") AND x AND NOT y', [("a b", '"x" AND NOT "y"'), ("c d", '"x" AND NOT "y"')]),
        ('"a b" AND x OR "c d"', [("a b", '"x"'), ("c d", "")]),
        ("rock and roll", [("rock and roll", "")]),
    ],
)
def test_phrases_and_conditions(query: str, rows: list[tuple[str, str]]) -> None:
    assert list(phrases(parse(query))) == rows
    for _, condition in rows:
        assert not condition or write(parse(condition)) == condition


@pytest.mark.parametrize("query", ["", "NOT x", "(a", "a)", "a OR", 'a "b c"', "AND a", "NOT x AND NOT y"])
def test_bad_queries(query: str) -> None:
    with pytest.raises(ValueError, match=r"phrase|parenthesis|operator"):
        list(phrases(parse(query)))


@pytest.mark.parametrize(
    ("condition", "text", "true"),
    [
        ("x", "an x-ray", True),
        ("x", "axe", False),
        ("NOT x", "axe", True),
        ('"y z" OR x', "y  z", False),
        ('"y z" AND x', "x y z", True),
        ("x AND NOT y", "x y", False),
    ],
)
def test_conditions_hold(condition: str, text: str, true: bool) -> None:
    assert holds(parse(condition), text) is true


def test_rows_of_a_catalogue(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.csv"
    path.write_text(
        "\ufeff" + HEADER + 'haze figuring,"cloud computing (CC); fog computing",3\n"""b a"" AND x",“c d”,1\nNOT x,y,1\n,,\nz,,1\n', encoding="utf-8"
    )
    rows, problems = read_catalogue(path)
    assert rows == [("b a", "c d", '"x"'), ("haze figuring", "cloud computing", ""), ("haze figuring", "fog computing", "")]
    assert [problem.split(": ", 1)[0].removeprefix(str(path)) for problem in problems] == [":4:1", ":6:1"]
    (tmp_path / "mine.tsv").write_text(tsv(rows), encoding="utf-8")
    assert [row[:2] for row in read_files([tmp_path / "mine.tsv"])[0].rows] == [row[:2] for row in rows]


PHRASES = '("irregular backwoods" OR "irregular woodland") AND (classifier OR "machine learning") AND NOT ecology'


@pytest.mark.parametrize("delimiter", [",", ", ", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_exports_of_spreadsheets(tmp_path: Path, delimiter: str, end: str) -> None:
    cells = [["Fingerprint - Tortured Phrase", "Expected Text", "Number of papers", "Note"], [PHRASES, "random forest (RF)", "12", "two\nlines; here"]]
    lines = [delimiter.join('"' + cell.replace('"', '""') + '"' if set(cell) & set('",;\n') else cell for cell in row) for row in cells]
    (tmp_path / "catalogue.csv").write_bytes((end.join(lines) + end).encode())
    condition = '("classifier" OR "machine learning") AND NOT "ecology"'
    assert read_catalogue(tmp_path / "catalogue.csv") == ([(f"irregular {word}", "random forest", condition) for word in ("backwoods", "woodland")], [])


@pytest.mark.parametrize(("content", "error"), [(b"a,b\n", DictionaryError), (b"", DictionaryError), (b"\xff", InputError), (None, InputError)])
def test_what_is_no_catalogue(tmp_path: Path, content: bytes | None, error: type[Exception]) -> None:
    if content is not None:
        (tmp_path / "c.csv").write_bytes(content)
    with pytest.raises(error):
        read_catalogue(tmp_path / "c.csv")


def test_a_condition_is_tested_on_the_whole_document(tmp_path: Path, small_dictionaries: Path) -> None:
    (tmp_path / "mine.tsv").write_text(tsv([("quibber", "rabbit", 'NOT "opera house"')]), encoding="utf-8")
    compile_dictionaries([tmp_path / "mine.tsv"], tmp_path / "mine.lexicon")
    assert load_lexicon([tmp_path / "mine.lexicon"]).unmet("Über a quibber, an Opera  House. Quibber") == []
    restorer = restore.load(tmp_path / "mine.lexicon", assume_spun=True)
    for frame, changed in (("{} Nothing else.", True), ("{} We walked from there to the opera house.", False), ("Ünd the Opera House! {}", False)):
        text = frame.format("The dog chased a quibber over the field.")
        assert ("rabbit" in restorer.restore(text).text) is changed
