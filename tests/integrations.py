"""What the tests of the engines share: documents, what the library makes of them, the README's snippets, and the rule for engines that are absent."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import restore

ROOT = Path(__file__).parents[1]
SPUN = """The financial institution despatched a letter to the chief of the healing facility. He utilised the cash to buy new {hardware}.
Scientists on the college have been utilizing a deep neural organization to foretell coronary heart illness, and the outcomes had been promising.
The president stated that his nation would proceed to assist the individuals of the area, regardless of the struggle.
"""
#: Clean, spun, null, empty, beyond ASCII and the basic plane, CRLF; changed texts beside each other, first and last.
TEXTS: list[str | None] = [
    f"😀 漢字 {SPUN}",
    SPUN.replace("\n", "\r\n"),
    "The baker opens her shop at six, and by eight the first trays are empty.",
    None,
    "",
    f"Nobody knew it.\n\n{SPUN}",
    "Le ministre a envoyé une lettre au président du groupe, mais personne n’a répondu. 😀",
    None,
    "The chief of the village walked to the river with his dogs, as he did every morning, and looked for the boat.",
    SPUN * 3,
]
ROWS = [{"id": number, "text": text, "tags": ["a"] * (number % 3)} for number, text in enumerate(TEXTS)]


def need(engine: str, package: str = "") -> Any:
    """`restore.integrations.<engine>`; skips the test module where the engine is absent, but fails where all engines are asked for (RESTORE_ENGINES)."""
    package = package or engine
    if find_spec(package) is None and engine not in os.environ.get("RESTORE_ENGINES", "").split(","):
        pytest.skip(f"{package} is not installed: pip install 'restore-text[{engine}]', or run `make test-engines`", allow_module_level=True)
    return import_module(f"restore.integrations.{engine}")


@functools.cache
def results(**settings: Any) -> list[restore.Result | None]:
    """What the library itself makes of TEXTS."""
    restorer = restore.load(**settings)
    return [None if text is None else restorer.restore(text) for text in TEXTS]


def expected(**settings: Any) -> list[dict[str, Any]]:
    """ROWS with the restored text, the verdict and the edits, as Arrow's to_pylist gives them."""
    rows = []
    for row, result in zip(ROWS, results(**settings), strict=True):
        rows.append({**row, "text": None, "verdict": None, "edits": None} if result is None else {**row, **as_row(result)})
    return rows


def as_row(result: restore.Result) -> dict[str, Any]:
    """A result in the shape of our Arrow types: pairs as dictionaries."""
    verdict = result.verdict.to_dict()
    verdict["families"] = [{"family": family, "probability": p} for family, p in result.verdict.families]
    verdict["evidence"], verdict["segments"] = list(verdict["evidence"]), list(verdict["segments"])
    edits = [edit.to_dict() for edit in result.edits]
    for edit in edits:
        edit["alternatives"] = [{"original": original, "probability": p} for original, p in edit["alternatives"]]
    return {"text": result.text, "verdict": verdict, "edits": edits}


def check_example(script: str, output: Path, environment: dict[str, str]) -> None:
    """Run a job of examples/ as its first lines say, and compare its Parquet files with what the library gives."""
    import pyarrow.parquet as pq

    command = [sys.executable, f"examples/{script}", "examples/documents.jsonl", str(output), "--edits"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.strip().splitlines()[-1] == f"5 documents, 2 spun: {output}"
    restorer = restore.load()
    rows = [json.loads(line) for line in (ROOT / "examples" / "documents.jsonl").read_text(encoding="utf-8").splitlines()]
    nothing = {"text": None, "verdict": None, "edits": None}
    rows = [{**row, **(nothing if row["text"] is None else as_row(restorer.restore(row["text"])))} for row in rows]
    assert sorted(pq.read_table(output).to_pylist(), key=lambda row: str(row["id"])) == rows


def snippet(engine: str) -> str:
    """The code of the README's row about an engine."""
    row = re.search(rf"^\| {re.escape(engine)} \|.*\| `([^`|]+)` \|$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert row, f"README.md has no row for {engine}"
    return row.group(1)


def run_snippet(engine: str, module: Any, **names: Any) -> Any:
    """The value of the README's snippet, with the module under its name and other names as given."""
    return eval(snippet(engine), {module.__name__.rpartition(".")[2]: module, **names})
