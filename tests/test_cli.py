"""The command: golden transcripts (tests/cases/cli), what a transcript cannot say (files, pipes, JSON), and errors.

A transcript is a text file: a title, then sections, each headed by a line that begins with "=== ":

    file NAME, stdin        content set up before the next command; `copy PATH NAME` copies a file of the repository, `remove NAME` deletes one
    small                   from here on, the small dictionaries of tests/cases/small are the shipped ones
    run ARGUMENTS           the command; expectations follow: stdout, stderr (empty when left out), stderr-end (its last line), exit STATUS (0)
    after NAME, absent NAME a file's content after the command, or that there is none

With `bytes` at the end of a heading the content is the inside of a Python bytes literal. In expectations 0.## stands for any number with a
decimal point, <n> for any whole number and the spaces before it, <…> for anything within a line, <*> for anything.
"""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import restore
import restore.language_model
from restore.cli import main

ROOT = Path(__file__).parents[1]
TRANSCRIPTS = sorted((Path(__file__).parent / "cases" / "cli").glob("*.txt"))
SPUN = "He fought in the Vietnam Struggle and pleaded responsible to murder.\n"
RESTORED = "He fought in the Vietnam War and pleaded guilty to murder.\n"
COMMANDS = [
    "",
    "fix",
    "clean",
    "undo",
    "detect",
    "run",
    "dict",
    "dict check",
    "dict build",
    "dict lookup",
    "dict import",
    "model",
    "model train",
    "model info",
    "evaluate",
]


class Outcome(NamedTuple):
    """What a command did."""

    status: int
    stdout: str
    stderr: str


Run = Callable[..., Outcome]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Runs the command in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")

    def call(*args: str, stdin: bytes = b"") -> Outcome:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        capsysbinary.readouterr()
        try:
            status = main(args)
        except SystemExit as leaving:  # argparse
            status = int(leaving.code or 0)
        sys.stdout.flush()
        out, err = capsysbinary.readouterr()
        return Outcome(status, out.decode("utf-8"), err.decode("utf-8").replace(f"{tmp_path}{os.sep}", ""))

    return call


def sections(path: Path) -> Iterator[tuple[str, str, bytes]]:
    """(kind, argument, content) of a transcript's sections."""
    _, *parts = re.split(r"^=== ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for part in parts:
        heading, _, text = part.partition("\n")
        content = text.encode()
        if heading.endswith(" bytes"):
            heading = heading.removesuffix(" bytes")
            content = text.rstrip("\n").encode("ascii").decode("unicode_escape").encode("latin-1")
        kind, _, argument = heading.partition(" ")
        yield kind, argument, content


def matches(expected: str, found: str) -> bool:
    """Whether an output is the expected one, wildcards filled in."""
    wild = {"0.##": r"[+-]?\d+\.\d+(?:e-?\d+)?", "<n>": r" *[\d,]+", "<…>": r"[^\n]*", "<*>": r"(?s:.*)"}
    pieces = re.split(r"(0\.##|<n>|<…>|<\*>)", expected)
    return re.fullmatch("".join(wild.get(piece) or re.escape(piece) for piece in pieces), found) is not None


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_transcript(path: Path, run: Run, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if path.stem == "run":
        pytest.importorskip("msgspec", reason="the extra is not installed: pip install 'restore-text[corpus]'")
    stdin = b""
    outcome, unread = Outcome(0, "", ""), dict[str, str]()

    def settle() -> None:
        """What a command was not expected to say it did not say."""
        for name, text in unread.items():
            assert text == "", f"{path.name}: unexpected {name}"
        unread.clear()

    for kind, argument, content in sections(path):
        if kind in ("file", "stdin", "copy", "remove", "run"):
            settle()
        if kind == "file":
            (tmp_path / argument).parent.mkdir(exist_ok=True)
            (tmp_path / argument).write_bytes(content)
        elif kind == "stdin":
            stdin = content
        elif kind == "small":
            request.getfixturevalue("small_dictionaries")
        elif kind == "copy":
            source, name = argument.split()
            (tmp_path / name).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / source, tmp_path / name)
        elif kind == "remove":
            (tmp_path / argument).unlink()
        elif kind == "run":
            outcome, stdin = run(*shlex.split(argument), stdin=stdin), b""
            unread = {"stdout": outcome.stdout, "stderr": outcome.stderr, "status": "" if outcome.status == 0 else f"exit status {outcome.status}"}
        elif kind in ("stdout", "stderr", "stderr-end"):
            found = unread.pop(kind.removesuffix("-end"))
            if kind == "stderr-end":
                found = found.splitlines(keepends=True)[-1]
            assert matches(content.decode(), found), f"{path.name}: {kind} is\n{found}\ninstead of\n{content.decode()}"
        elif kind == "exit":
            unread.pop("status")
            assert outcome.status == int(argument), f"{path.name}: exit status\n{outcome.stderr}"
        elif kind == "after":
            assert (tmp_path / argument).read_bytes() == content, f"{path.name}: {argument}"
        elif kind == "absent":
            assert not (tmp_path / argument).exists(), f"{path.name}: {argument}"
        else:
            pytest.fail(f"{path.name}: unknown section {kind!r}")
    settle()


def test_json_is_what_the_library_returns(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(SPUN)
    (tmp_path / "b.txt").write_text("")
    outcome = run("fix", "--assume-spun", "--format", "json", "a.txt", "b.txt")
    first, second = map(json.loads, outcome.stdout.splitlines())
    expected = json.loads(json.dumps(restore.load(assume_spun=True).restore(SPUN).to_dict()))
    assert first == {"document": "a.txt", **expected}
    assert first["text"] == RESTORED
    assert [edit["original"] for edit in first["edits"]] == ["War", "guilty"]
    assert (second["text"], second["edits"], second["verdict"]["words"]) == ("", [], 0)


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_undo_reads_what_formats_write(run: Run, tmp_path: Path, form: str) -> None:
    text = (ROOT / "examples" / "spun_news.txt").read_bytes().replace(b"\n", b"\r\n").rstrip(b"\r\n")
    (tmp_path / "a.txt").write_bytes(text)
    (tmp_path / "edits").write_text(run("fix", "--format", form, "a.txt").stdout, encoding="utf-8")
    assert run("fix", "-i", "a.txt").status == 0
    assert (tmp_path / "a.txt").read_bytes() != text
    assert run("undo", "a.txt", "edits").stdout.encode() == text


def test_evaluate_json(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("He fought in the Vietnam [[Struggle=>War]] and pleaded [[responsible=>guilty]] to [[murder=>murder|homicide]].")
    report = json.loads(run("evaluate", "--assume-spun", "--format", "json", "a.txt").stdout)
    assert report["files"]["a.txt"] == report["total"]
    assert {name: report["total"][name] for name in ("must", "right", "wrong", "missed", "extra", "recall", "precision")} == {
        "must": 2, "right": 2, "wrong": 0, "missed": 0, "extra": 0, "recall": 1.0, "precision": 1.0,
    }  # fmt: skip


def test_version_and_module() -> None:
    answer = subprocess.run([sys.executable, "-m", "restore", "--version"], capture_output=True, text=True, check=True, cwd=ROOT)
    assert re.fullmatch(rf"restore {re.escape(restore.__version__)} \(Python \d+\.\d+\.\d+\w*, .*kernels.*\)\n", answer.stdout)
    bytes_in = "\ufeffHe pleaded responsible.\r\n\r\nto “murder”".encode()
    answer_bytes = subprocess.run([sys.executable, "-m", "restore", "fix"], input=bytes_in, capture_output=True, check=True, cwd=ROOT)
    assert (answer_bytes.stdout, answer_bytes.stderr) == (bytes_in, b"")


def test_without_a_command_usage_goes_to_standard_error(run: Run) -> None:
    outcome = run()
    assert (outcome.status, outcome.stdout, outcome.stderr[:15]) == (2, "", "usage: restore ")


@pytest.mark.parametrize("command", [*COMMANDS, "model score"])
def test_help(run: Run, command: str) -> None:
    outcome = run(*command.split(), "--help")
    assert (outcome.status, outcome.stderr) == (0, "")
    assert outcome.stdout.startswith(f"usage: restore {command}".strip() + " ")
    mentioned = {
        "": "fix undo detect run dict model evaluate",
        "fix": "--mark --diff --list --format --check --in-place --backup --edits --explain --assume-spun --protect-file --min-probability",
        "detect": "--threshold --format",
        "run": "--text-field --id-field --mode --keep-original --workers --threshold --limit --dry-run --overwrite gzip",
        "dict": "check build lookup",
        "model": "train info score",
        "evaluate": "--save --compare --confusions",
    }
    assert [name for name in mentioned.get(command, "").split() if name not in outcome.stdout] == []


def test_in_place_keeps_mode_symbolic_links_and_hard_links(run: Run, tmp_path: Path) -> None:
    plain, target, hard = tmp_path / "plain.sh", tmp_path / "folder" / "target.txt", tmp_path / "hard.txt"
    target.parent.mkdir()
    for path in (plain, target, hard):
        path.write_text(SPUN)
    plain.chmod(0o750)
    (tmp_path / "soft.txt").symlink_to("folder/target.txt")
    os.link(hard, tmp_path / "other.txt")
    inode = hard.stat().st_ino
    assert run("fix", "-i", "plain.sh", "soft.txt", "hard.txt", "--assume-spun").stderr == "plain.sh: 2 edits\nsoft.txt: 2 edits\nhard.txt: 2 edits\n"
    assert [path.read_text() for path in (plain, target, hard, tmp_path / "other.txt")] == [RESTORED] * 4
    assert stat.S_IMODE(plain.stat().st_mode) == 0o750
    assert (tmp_path / "soft.txt").is_symlink()
    assert not target.is_symlink()
    assert (hard.stat().st_ino, (tmp_path / "other.txt").stat().st_ino) == (inode, inode)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "hard.txt", "other.txt", "plain.sh", "soft.txt"]


def test_in_place_leaves_files_without_edits_alone(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(RESTORED)
    before = path.stat()
    assert run("fix", "-i", "a.txt", "--backup", "--assume-spun").stderr == "a.txt: 0 edits\n"
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Nothing is wrong with this line.\n" * 20_000)
    command = [sys.executable, "-m", "restore", "fix", str(tmp_path / "a.txt")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(8) == b"Nothing "
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 0


def test_a_damaged_model_is_found_by_info(run: Run, tmp_path: Path, tiny_model: Path) -> None:
    data = bytearray(tiny_model.read_bytes())
    data[-100] ^= 1
    (tmp_path / "bad.model").write_bytes(data)
    (tmp_path / "cut.model").write_bytes(data[:30_000])
    outcome = run("model", "info", "bad.model")
    assert outcome.status == 2
    assert re.fullmatch(r"restore: bad\.model: section '\w+' is damaged \(checksum .*\); build or install the file again\n", outcome.stderr)
    assert "cut short" in run("fix", "--model", "cut.model", stdin=b"x").stderr
    tiny_model.rename(tmp_path / "a.lexicon")
    assert "holds a language-model, a lexicon is expected" in run("fix", "--dict", "a.lexicon", stdin=b"x").stderr


@pytest.fixture
def tiny_model(tmp_path: Path) -> Path:
    pytest.importorskip("numpy")
    (tmp_path / "tiny.txt").write_text("the dog barked at the cat\nthe cat sat\n")
    restore.language_model.train_model([tmp_path / "tiny.txt"], tmp_path / "tiny.model", order=2, vocabulary_min_count=1)
    return tmp_path / "tiny.model"


BAD_EDIT = '{"start": "a", "end": 3, "observed": "x", "original": "y", "channel": "c", "probability": 1}'


@pytest.mark.parametrize(
    ("files", "command"),
    [
        ({"bad": BAD_EDIT}, "undo a.txt bad"),
        ({"bad": '{"edits": [3]}'}, "undo a.txt bad"),
        ({}, "evaluate a.txt --save nowhere/scores.json"),
        ({"bad": '{"total": 1, "files": 2}'}, "evaluate a.txt --compare bad"),
        ({}, "dict build -o nowhere/ours.lexicon"),
        ({}, "model train a.txt -o nowhere/ours.model"),
        ({}, "model train a.txt -o ours.model --min-counts one,two"),
        ({}, "fix a.txt --explain ²"),
        ({"restore.toml": "protect = [1]"}, "fix a.txt"),
        ({"restore.toml": "dictionaries = [1]"}, "fix a.txt"),
        ({"pyproject.toml": "tool = 3"}, "fix a.txt"),
        ({"pyproject.toml": "[tool]\nrestore = 3"}, "fix a.txt"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_input_that_is_wrong_in_kind(run: Run, tmp_path: Path, small_dictionaries: Path, files: dict[str, str], command: str) -> None:
    for name, content in {"a.txt": SPUN, **files}.items():
        (tmp_path / name).write_text(content)
    outcome = run(*shlex.split(command))
    assert outcome.status == 2
    assert outcome.stderr.startswith("restore: ")


def test_arrows_in_a_terminal_of_another_encoding() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    command = [sys.executable, "-m", "restore", "dict", "lookup", "recordsdata"]
    assert subprocess.run(command, capture_output=True, cwd=ROOT, env=environment, check=False).returncode == 0


def test_diff_breaks_lines_at_newlines_only(run: Run) -> None:
    lines = run("fix", "--assume-spun", "--diff", stdin=b"page one\x0cpage two\n" + SPUN.encode()).stdout.split("\n")
    assert " page one\x0cpage two" in lines
    assert "\\ No newline at end of file" not in lines
