"""Evidence, reports of it, and what `restore detect` takes and leaves out."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest

import restore
from restore.cli import main
from restore.cli.files import expand, read_document
from restore.collocation import SOLID
from restore.errors import ConfigError, InputError, MissingExtraError
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


def test_missing_words_are_everyday_words() -> None:
    text = "The dog and the cat sat on the mat of the house in the town. " * 60
    restorer = restore.load(gate=False)
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
        assert len(results) == (len(example.signs) + len(example.oddities) if signs else sum(part.probability >= 0.5 for part in example.verdict.segments))
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


def write_pdf(path: Path, lines: Sequence[str]) -> None:
    """A page with a text, byte by byte."""
    shown = "BT /F1 12 Tf 14 TL 40 260 Td " + " ".join(f"({line}) Tj T*" for line in lines) + " ET"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 400 300] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        f"<< /Length {len(shown)} >>\nstream\n{shown}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    content, offsets = "%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(content))
        content += f"{number} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    trailer = f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(content)}\n%%EOF\n"
    path.write_text(f"{content}xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}{trailer}", encoding="ascii")


PAGE = [
    "We used irregular",
    "woodland and bosom malig-",
    "nancy data from profound neural",
    "organizations.",
    "References",
    "[1] A. Author. Counterfeit consciousness. Colossal information.",
]


@pytest.mark.parametrize("skip", [False, True])
def test_phrases_of_a_pdf_are_found_across_its_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str], skip: bool) -> None:
    pytest.importorskip("pypdf")
    write_pdf(tmp_path / "a.pdf", PAGE)
    assert read_document(str(tmp_path / "a.pdf")).split() == " ".join(PAGE).split()
    main(["detect", "--family", "tortured", "--format", "jsonl", *["--skip-references"] * skip, str(tmp_path / "a.pdf")])
    record = json.loads(capsys.readouterr().out)
    found = {" ".join(sign["observed"].split()).lower(): sign["original"] for sign in record["signs"]}
    body = {"irregular woodland": "random forest", "bosom malignancy": "breast cancer", "profound neural organizations": "deep neural networks"}
    assert body.items() <= found.items()
    assert ("counterfeit consciousness" in found) is not skip


def test_what_is_no_pdf(tmp_path: Path) -> None:
    pypdf = pytest.importorskip("pypdf")
    writer = pypdf.PdfWriter()
    writer.add_blank_page(200, 200)
    writer.write(tmp_path / "a.pdf")
    assert read_document(str(tmp_path / "a.pdf")) == ""
    (tmp_path / "b.pdf").write_bytes(b"no PDF")
    for name in ("b.pdf", "missing.pdf"):
        with pytest.raises(InputError):
            read_document(str(tmp_path / name))


def test_a_pdf_without_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pdf(tmp_path / "a.pdf", PAGE)
    monkeypatch.setitem(sys.modules, "pypdf", None)
    with pytest.raises(MissingExtraError, match=r"restore-text\[pdf\]"):
        read_document(str(tmp_path / "a.pdf"))


@pytest.mark.parametrize("end", ["\n", "\r\n", " \n  "])
def test_phrases_are_found_across_lines_and_not_across_sentences(restorer: restore.Restorer, end: str) -> None:
    text = f"We use irregular{end}woodland here.\n\nThe héart of bosom{end}malignancy. It was crude.{end}information is all."
    found = gather(restorer, text, "tortured")
    assert {sign.wording for sign in found.signs} == {"irregular woodland", "bosom malignancy"}
    assert all(text[sign.start : sign.end] == sign.observed for sign in found.signs)


def test_the_verdict_with_evidence_is_the_verdict(restorer: restore.Restorer) -> None:
    spun = EXAMPLE.read_text(encoding="utf-8")
    for text in (spun, "Nothing is wrong with this sentence, nor with the next. " * 8, ""):
        assert gather(restorer, text).verdict == restorer.detect(text)
        assert gather(restorer, text, "tortured").verdict.spun == pytest.approx(restorer.detect(text).spun, abs=1e-3)


def test_what_the_gate_finds_clean_is_not_decoded(restorer: restore.Restorer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(restorer), "analyse", lambda *_: pytest.fail("decoded"))
    found = gather(restorer, "Nothing is wrong with this sentence, nor with the next one.")
    assert found.verdict.rate == 0
    assert (found.signs, found.oddities, found.missing) == ((), (), ())


def test_evidence_is_of_the_input_where_it_is_cleaned_up_first() -> None:
    text = EXAMPLE.read_text(encoding="utf-8").replace("war", "w\u00c3\u00a4r &amp; ").replace(" the ", " &nbsp;the ")
    found = gather(restore.load(clean="web"), text)
    assert len(found.signs) > 20
    assert all(text[sign.start : sign.end] == sign.observed for sign in (*found.signs, *found.oddities))
    assert found.verdict == restore.load(clean="web").detect(text)


def test_oddities_point_at_the_text(example: Evidence) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert {"collocation", "debris"} == {oddity.kind for oddity in example.oddities}
    for oddity in example.oddities:
        assert text[oddity.start : oddity.end] == oddity.observed
        assert oddity.observed in oddity.sentence
        assert (oddity.gain >= SOLID) == bool(oddity.better)
    assert ("mortgage", "loan") in {(oddity.observed, oddity.better) for oddity in example.oddities}
    assert [oddity.start for oddity in example.worst(2)] == sorted(oddity.start for oddity in example.worst(2))


STREAM = [
    '{"id": "one", "text": "Nothing is wrong with this."}',
    "",
    '{"id": 7, "text": "Nor with this."}',
    '{"text": 5}',
    "nonsense",
    "[]",
    '{"id": "", "text": "The last."}',
]


def run_on(monkeypatch: pytest.MonkeyPatch, data: str, *options: str) -> int:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data.encode())))
    return main(["detect", *options])


def test_a_stream_of_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in.jsonl").write_text("\n".join(STREAM), encoding="utf-8")
    for name, status in (("-", run_on(monkeypatch, "\n".join(STREAM), "--jsonl", "--format", "jsonl")), (str(tmp_path / "in.jsonl"), None)):
        status = main(["detect", "--format", "jsonl", name]) if status is None else status
        out, err = capsys.readouterr()
        assert status == 2, "three lines hold no document"
        assert [json.loads(line)["document"] for line in out.splitlines()] == ["one", "7", f"{name}:7"]
        assert [line.split(": ")[1] for line in err.splitlines()] == [f"{name}:{number}" for number in (4, 5, 6)]


def test_a_stream_of_lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    spun = " ".join(EXAMPLE.read_text(encoding="utf-8").split())
    assert run_on(monkeypatch, f"Nothing is wrong.\r\n\n{spun}", "--lines", "--format", "csv") == 1
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["document"], float(row["spun"]) > 0.9) for row in rows] == [("-:1", False), ("-:3", True)]


def test_a_verdict_is_there_before_the_next_line_is_read(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def lines() -> Iterator[bytes]:
        yield b"One text.\n"
        assert "-:1" in capsys.readouterr().out
        yield b"Another.\n"

    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=lines(), isatty=lambda: False))
    assert main(["detect", "--lines"]) == 0


@pytest.mark.parametrize(("threshold", "status"), [("1", 0), ("0.5", 1)])
def test_the_threshold_decides_the_exit_status(tmp_path: Path, threshold: str, status: int) -> None:
    (tmp_path / "note.txt").write_text((EXAMPLE.parent / "note.txt").read_text(encoding="utf-8"), encoding="utf-8")
    assert main(["detect", "--threshold", threshold, str(tmp_path)]) == status


def test_progress_makes_way_for_every_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in "abc":
        (tmp_path / f"{name}.txt").write_text("Nothing is wrong.", encoding="utf-8")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("restore.cli.detect.INTERVAL", 0.0)
    assert main(["detect", "--format", "csv", str(tmp_path)]) == 0
    shown = capsys.readouterr().err.split("\r\x1b[K")
    assert [line for line in shown if "documents" in line] == [f"{k} of 3 documents, 0 found" for k in (1, 2, 3)]
    assert shown[-1] == "", "nothing is left on the line"
    assert all("documents" not in a or b == "" for a, b in pairwise(shown)), "it is wiped before the next line is written"
