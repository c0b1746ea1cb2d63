"""Evidence, reports of it, and what `restore detect` takes and leaves out."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

import restore
from restore.cli.files import expand, read_document
from restore.errors import ConfigError, InputError
from restore.evidence import Evidence, gather
from restore.protect import without_references
from restore.report import findings

EXAMPLE = Path(__file__).parents[1] / "examples" / "spun_news.txt"
PAPER = "We propose a irregular woodland. It was trained on crude information.\nThe héart: bosom malignancy was found by the irregular woodland.\n"


@pytest.fixture(scope="module")
def example(restorer: restore.Restorer) -> Evidence:
    return gather(restorer, EXAMPLE.read_text(encoding="utf-8"))


def test_signs_point_at_the_text(example: Evidence) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert len(example.signs) > 20
    for sign in example.signs:
        assert text[sign.start : sign.end] == sign.observed
        assert " ".join(sign.observed.split()) in sign.sentence
        assert sign.log_odds > 0
    assert [sign.start for sign in example.signs] == sorted(sign.start for sign in example.signs)


def test_the_strongest_are_distinct_and_sorted(example: Evidence) -> None:
    strongest = example.strongest()
    assert len(strongest) == 10
    assert len({sign.observed.lower() for sign in strongest}) == 10
    assert [sign.log_odds for sign in strongest] == sorted((sign.log_odds for sign in strongest), reverse=True)
    assert {"despatched", "metropolis"} <= {observed for observed, _ in example.pairs}


def test_missing_words_are_everyday_words(restorer: restore.Restorer) -> None:
    text = "The dog and the cat sat on the mat of the house in the town. " * 60
    missing = dict(gather(restorer, text).missing)
    assert "said" in missing
    assert "the" not in missing
    assert all(n >= 1 for n in missing.values())
    assert "said" not in dict(gather(restorer, text + "He said so. " * 20).missing)


def test_one_family_only(restorer: restore.Restorer) -> None:
    found = gather(restorer, PAPER, "tortured")
    assert {sign.observed for sign in found.signs} >= {"irregular woodland", "bosom malignancy"}
    assert all(PAPER[sign.start : sign.end] == sign.observed for sign in found.signs)
    assert ("bosom malignancy", "breast cancer") in found.pairs
    assert len(found.pairs) < len(found.signs), "a phrase that comes twice is one pair"
    assert gather(restorer, "A few of them came because of the rain, for instance.", "tortured").signs == ()
    with pytest.raises(ConfigError, match="tortured"):
        gather(restorer, PAPER, "homemade")


def test_evidence_as_json(example: Evidence) -> None:
    data = json.loads(json.dumps(example.to_dict()))
    assert data["distinct"] == len(example.pairs)
    assert len(data["signs"]) == len(example.signs)


def test_csv_rows_are_read_back(example: Evidence) -> None:
    rows = list(csv.reader(io.StringIO(findings.csv_row(findings.CSV_HEADER) + findings.csv_row(findings.verdict_cells('a "b", c.txt', example)))))
    assert rows[1][0] == 'a "b", c.txt'
    assert len(rows[0]) == len(rows[1])
    assert float(rows[1][1]) > 0.9


def test_sarif_regions(example: Evidence) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    for signs in (False, True):
        results = findings.sarif_results("a.txt", text, example, signs)
        assert len(results) == (len(example.signs) if signs else sum(part.probability >= 0.5 for part in example.verdict.segments))
        region = results[-1]["locations"][0]["physicalLocation"]["region"]
        assert text[: region["charOffset"]].count("\n") + 1 == region["startLine"]
    log = findings.sarif(results, "1.0")
    assert {result["ruleId"] for result in results} <= {rule["id"] for rule in log["runs"][0]["tool"]["driver"]["rules"]}


def test_github_annotations_are_single_lines(example: Evidence) -> None:
    lines = list(findings.github_lines("a:b,c.txt", EXAMPLE.read_text(encoding="utf-8"), example, False))
    assert lines
    assert all(line.startswith("::warning file=a%3Ab%2Cc.txt,line=") and "\n" not in line for line in lines)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Text.\nReferences\n[1] A.", "Text."),
        ("Text.\n7. REFERENCES:\n[1] A.\n", "Text."),
        ("Text.\n## References\n[1] A.\nAppendix B\nMore.", "Text. Appendix B More."),
        ("References matter.\nReferences to this are rare.", "References matter. References to this are rare."),
        ("Bibliography\nof ships.\nReferences\n[1] A.", "Bibliography of ships."),
        ("No list.", "No list."),
    ],
)
def test_references_are_left_out(text: str, kept: str) -> None:
    assert " ".join(without_references(text).split()) == kept
    assert len(without_references(text)) == len(text)
    assert without_references(text).count("\n") == text.count("\n")


def test_folders_and_patterns(tmp_path: Path) -> None:
    for name in ("b.txt", "a.md", "deep/c.txt", "deep/d.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    def names(*given: str) -> list[str]:
        return [str(Path(name).relative_to(tmp_path)).replace("\\", "/") if name != "-" else name for name in expand(given)[0]]

    root = str(tmp_path)
    assert names(root) == ["a.md", "b.txt", "deep/c.txt"]
    assert names(f"{root}/*.txt", "-") == ["b.txt", "-"]
    assert names(f"{root}/**/*.txt") == ["b.txt", "deep/c.txt"]
    (tmp_path / "empty").mkdir()
    assert [problem.path for problem in expand([f"{root}/*.doc", f"{root}/empty"])[1]] == [f"{root}/*.doc", f"{root}/empty"]


def test_pdf(tmp_path: Path) -> None:
    pypdf = pytest.importorskip("pypdf")
    writer = pypdf.PdfWriter()
    writer.add_blank_page(200, 200)
    writer.write(tmp_path / "a.pdf")
    assert read_document(str(tmp_path / "a.pdf")) == ""
    (tmp_path / "b.pdf").write_bytes(b"no PDF")
    for name in ("b.pdf", "missing.pdf"):
        with pytest.raises(InputError):
            read_document(str(tmp_path / name))
