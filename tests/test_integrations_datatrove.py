"""datatrove: pipelines with our step and our filter, run by its own executor with two workers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from restore import ConfigError
from tests.integrations import TEXTS, expected, need, results, run_snippet

datatrove = need("datatrove")

from datatrove.data import Document  # noqa: E402
from datatrove.executor import LocalPipelineExecutor  # noqa: E402
from datatrove.pipeline.readers import JsonlReader  # noqa: E402
from datatrove.pipeline.writers import JsonlWriter  # noqa: E402

# datatrove's reader leaves out documents without text.
NUMBERS = [number for number, text in enumerate(TEXTS) if text]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    for part in range(2):
        lines = [json.dumps({"id": str(k), "text": TEXTS[k]}) for k in NUMBERS if k % 2 == part]
        (tmp_path / "in" / f"{part}.jsonl").write_text("".join(f"{line}\n" for line in lines))
    return tmp_path


def run(folder: Path, *steps: Any) -> tuple[dict[int, dict[str, Any]], list[dict[str, Any]]]:
    """Documents by number, and the statistics of each step."""
    pipeline = [JsonlReader(str(folder / "in")), *steps, JsonlWriter(str(folder / "out"), compression=None)]
    LocalPipelineExecutor(pipeline, tasks=2, workers=2, logging_dir=str(folder / "log")).run()
    return rows(folder / "out"), json.loads((folder / "log" / "stats.json").read_text())


def rows(folder: Path) -> dict[int, dict[str, Any]]:
    found = [json.loads(line) for path in folder.glob("*.jsonl") for line in path.read_text().splitlines()]
    return {int(row["id"]): row for row in found}


def test_step(folder: Path) -> None:
    found, stats = run(folder, datatrove.RestoreStep(verdict=True, edits="changes", keep_original="before"))
    assert sorted(found) == NUMBERS
    changed = 0
    for number, row in found.items():
        result = results()[number]
        assert result
        assert row["text"] == result.text
        assert row["metadata"]["verdict"] == json.loads(json.dumps(result.verdict.to_dict()))
        assert row["metadata"]["changes"] == [edit.to_dict() for edit in result.edits]
        assert row["metadata"].get("before") == (TEXTS[number] if result.edits else None)
        changed += bool(result.edits)
    counts = stats[1]["stats"]
    assert (counts["total"], counts["changed"]) == (len(NUMBERS), changed)
    assert counts["edits"]["total"] == sum(len(row["edits"]) for row in expected() if row["text"])
    assert "Restore" in stats[1]["name"]


def test_filter(folder: Path) -> None:
    found, stats = run(folder, datatrove.SpunFilter(0.5, JsonlWriter(str(folder / "dropped"), compression=None), verdict=True))
    spun = {number for number in NUMBERS if results()[number].verdict.spun > 0.5}  # type: ignore[union-attr]
    assert set(rows(folder / "dropped")) == spun
    assert set(found) == set(NUMBERS) - spun
    assert all(row["metadata"]["filter_reason"] == "spun" for row in rows(folder / "dropped").values())
    assert all(row["metadata"]["verdict"]["spun"] == results()[number].verdict.spun for number, row in found.items())  # type: ignore[union-attr]
    assert stats[1]["stats"]["dropped_spun"] == len(spun)


def test_order_stays_and_texts_are_as_the_library_gives_them() -> None:
    documents = [Document(text, str(number)) for number, text in enumerate(TEXTS * 60) if text is not None]
    found = list(datatrove.RestoreStep().run(iter(documents)))
    assert [document.id for document in found] == [str(number) for number, text in enumerate(TEXTS * 60) if text is not None]
    assert [document.text for document in found] == [row["text"] for row in expected() if row["text"] is not None] * 60
    assert found[0].metadata == {}


def test_wrong_settings() -> None:
    with pytest.raises(ConfigError, match="unknown setting 'thresold'"):
        datatrove.SpunFilter(thresold=1)
    with pytest.raises(ConfigError, match="threshold is 7"):
        datatrove.SpunFilter(7)


def test_readme(folder: Path) -> None:
    steps = run_snippet("datatrove", datatrove, reader=None, writer=None)[1:-1]
    found, _ = run(folder, *steps)
    assert set(found) == {number for number in NUMBERS if results()[number].verdict.spun <= 0.99}  # type: ignore[union-attr]
