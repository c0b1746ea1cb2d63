"""dolma: attribute files as its documentation has them, without it and from its own command."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from restore import ConfigError, InputError
from restore.integrations import dolma
from tests.integrations import TEXTS, need, results, run_snippet

DOCUMENTS = [(str(k), text, result) for k, (text, result) in enumerate(zip(TEXTS, results(), strict=True)) if text is not None and result is not None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    documents = tmp_path / "data" / "documents" / "2020"
    documents.mkdir(parents=True)
    for part in range(2):
        rows = [{"id": number, "text": text, "source": "here", "added": "2020"} for number, text, _ in DOCUMENTS[part::2]]
        (documents / f"{part}.jsonl.gz").write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    return tmp_path / "data"


def expected(experiment: str, part: int) -> list[dict[str, Any]]:
    return [
        {
            "source": "here",
            "id": number,
            "attributes": {
                f"{experiment}__restore__spun": [[0, len(text), round(result.verdict.spun, 5)]],
                f"{experiment}__restore__edits": [[edit.start, edit.end, round(edit.probability, 5)] for edit in result.edits],
            },
        }
        for number, text, result in DOCUMENTS[part::2]
    ]


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def test_attribute_files(folder: Path) -> None:
    for part in range(2):
        written = dolma.write_attributes(folder / "documents" / "2020" / f"{part}.jsonl.gz", experiment="exp")
        assert written == folder / "attributes" / "exp" / "2020" / f"{part}.jsonl.gz"
        assert read(written) == expected("exp", part)
    assert sorted(path.name for path in written.parent.iterdir()) == ["0.jsonl.gz", "1.jsonl.gz"]


def test_spans_are_places_in_the_text(folder: Path) -> None:
    for _, text, result in DOCUMENTS:
        places = dolma.spans(dolma.Settings({}).restorer, text)["edits"]
        assert [text[start:end] for start, end, _ in places] == [edit.observed for edit in result.edits]


BAD = {
    "cut short": (gzip.compress(b'{"id": "1", "text": "a"}\n' * 20)[:-12], "cannot be read after line"),
    "no JSON": (gzip.compress(b'{"id": "1", "text": "a"}\n{"id": \n'), "cannot be read after line 2"),
    "no text": (gzip.compress(b'{"id": "1", "text": "a"}\n{"id": "2"}\n'), "line 2 is no document of dolma's; it needs an 'id', and a 'text'"),
    "no gzip": (b"plain", "cannot be read after line 0"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files_leave_nothing_behind(folder: Path, case: str) -> None:
    data, message = BAD[case]
    path = folder / "documents" / "bad.jsonl.gz"
    path.write_bytes(data)
    with pytest.raises(InputError, match=message):
        dolma.write_attributes(path)
    assert list((folder / "attributes" / "restore").iterdir()) == []


def test_a_folder_must_be_called_documents(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no folder of this path is called 'documents'"):
        dolma.write_attributes(tmp_path / "documents")


def test_readme(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    (folder / "documents" / "2020" / "0.jsonl.gz").rename(folder / "documents" / "0000.jsonl.gz")
    assert read(folder / run_snippet("dolma", dolma)) == expected("exp", 0)


@pytest.mark.skipif(
    find_spec("dolma") is None and "dolma" not in os.environ.get("RESTORE_ENGINES", "").split(","),
    reason="dolma is not installed: pip install 'restore-text[dolma]' in an environment of its own, or run `make test-engines`",
)
class TestDolmaItself:
    """Its command runs our tagger, and its mixer filters by our files."""

    def run(self, *arguments: str) -> None:
        need("dolma_tagger", "dolma")
        command = [sys.executable, "-m", "dolma.cli", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]

    def test_tagger(self, folder: Path) -> None:
        modules = ["--tagger_modules", "restore.integrations.dolma_tagger"]
        self.run("tag", "--documents", f"{folder}/documents/2020/*.gz", *modules, "--taggers", "restore", "--experiment", "exp", "--processes", "2")
        for part in range(2):
            assert read(folder / "attributes" / "exp" / "2020" / f"{part}.jsonl.gz") == expected("exp", part)

    def test_mixer(self, folder: Path) -> None:
        for part in range(2):
            dolma.write_attributes(folder / "documents" / "2020" / f"{part}.jsonl.gz", experiment="exp")
        stream = {
            "name": "clean",
            "documents": [f"{folder}/documents/2020/*.gz"],
            "attributes": ["exp"],
            "output": {"path": f"{folder}/mixed", "max_size_in_bytes": 10**9},
            "filter": {"include": [], "exclude": ["$.attributes[?(@.exp__restore__spun[0][2] > 0.5)]"]},
        }
        (folder / "mix.json").write_text(json.dumps({"streams": [stream], "processes": 1}))
        self.run("-c", str(folder / "mix.json"), "mix")
        kept = {row["id"] for path in (folder / "mixed").glob("*.gz") for row in read(path)}
        assert kept == {number for number, _, result in DOCUMENTS if result.verdict.spun <= 0.5}
