"""The command: golden transcripts (tests/cases/cli), what a transcript cannot say (files, pipes, JSON), and errors.

A transcript is a text file: a title, then sections, each headed by a line that begins with "=== ":

    file NAME, stdin        content set up before the next command; `copy PATH NAME` copies a file of the repository, `remove NAME` deletes one
    run ARGUMENTS           the command; expectations follow: stdout, stderr (empty when left out), stderr-end (its last line), exit STATUS (0)
    after NAME, absent NAME a file's content after the command, or that there is none

With `bytes` at the end of a heading the content is the inside of a Python bytes literal. In expectations 0.## stands for any number with a decimal point, <n> for
any whole number and the spaces before it, <…> for anything within a line, <*> for anything.
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
from restore.cli import main
from restore.lexicon import data_path

ROOT = Path(__file__).parents[1]
TRANSCRIPTS = sorted((Path(__file__).parent / "cases" / "cli").glob("*.txt"))
SPUN = "He fought in the Vietnam Struggle and pleaded responsible to murder.\n"
RESTORED = "He fought in the Vietnam War and pleaded guilty to murder.\n"
COMMANDS = ["fix", "undo", "detect", "dict", "dict check", "dict build", "dict lookup", "model", "model train", "model info", "model score", "evaluate"]


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
def test_transcript(path: Path, run: Run, tmp_path: Path) -> None:
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
        elif kind == "copy":
            source, name = argument.split()
            shutil.copy(ROOT / source, tmp_path / name)
        elif kind == "remove":
            (tmp_path / argument).unlink()
        elif kind == "run":
            outcome = run(*shlex.split(argument), stdin=stdin)
            stdin = b""
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
