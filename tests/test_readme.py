"""README.md does what it says: its console blocks are run in a shell, its Python blocks as doctests. Digits after a decimal point may differ."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"

pytestmark = pytest.mark.skipif(not README.exists(), reason="there is no README.md here (tests run from an installation)")


def blocks(language: str) -> list[tuple[int, str]]:
    """The fenced blocks in a language, with the numbers of their first lines."""
    text = README.read_text(encoding="utf-8") if README.exists() else ""
    found = re.finditer(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [(text[: block.start(1)].count("\n") + 1, block.group(1)) for block in found]


def transcript(block: str) -> list[tuple[str, str]]:
    """(command, expected output) of a console block."""
    pieces = re.split(r"^\$ (.*)\n", block, flags=re.MULTILINE)
    assert pieces[0] == "", "a console block begins with a command"
    return list(zip(pieces[1::2], pieces[2::2], strict=True))


def mask(text: str) -> str:
    """Numbers without the digits after their decimal points; a probability may round to 1."""
    return re.sub(r"\b1\.#", "0.#", re.sub(r"(?<=\d\.)\d+", "#", text))


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A shell's environment in which `restore` is the package under test, whatever is installed, and /tmp is a folder of its own."""
    folder = tmp_path_factory.mktemp("readme")
    command = folder / "restore"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m restore "$@"\n')
    command.chmod(0o755)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "TMP_OF_THE_README": str(folder), "LC_ALL": "C.UTF-8"}


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
@pytest.mark.parametrize(("line", "block"), blocks("console"), ids=[f"README.md:{line}" for line, _ in blocks("console")])
def test_console_block(line: int, block: str, environment: dict[str, str]) -> None:
    if "restore run" in block:
        pytest.importorskip("msgspec", reason="the extra is not installed: pip install 'restore-text[corpus]'")
    here = environment["TMP_OF_THE_README"] + "/"
    for command, expected in transcript(block):
        arguments = ["sh", "-c", command.replace("/tmp/", here)]
        done = subprocess.run(arguments, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        found = (done.stdout + done.stderr).decode("utf-8").replace(here, "/tmp/")
        assert mask(found) == mask(expected), f"README.md, block at line {line}: $ {command}"


@pytest.mark.parametrize(("line", "block"), blocks("python"), ids=[f"README.md:{line}" for line, _ in blocks("python")])
def test_python_block(line: int, block: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    example = doctest.DocTestParser().get_doctest(block, {}, f"README.md:{line}", "README.md", line - 1)
    assert example.examples
    report: list[str] = []
    outcome = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS).run(example, out=report.append)
    assert outcome.failed == 0, "".join(report)


def test_transcripts_and_masks() -> None:
    assert transcript("$ a\n$ b --c\none\n\ntwo\n") == [("a", ""), ("b --c", "one\n\ntwo\n")]
    assert mask("0.9976 1.00 +10.61, 2.5 and 12, 1 end.") == "0.# 0.# +10.#, 2.# and 12, 1 end."


def test_there_is_something_to_run() -> None:
    assert len(blocks("console")) >= 3
    assert len(blocks("python")) >= 1
