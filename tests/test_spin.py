"""tools/spin.py: text spun by the dictionaries' own channel, with the edits that undo it."""

from __future__ import annotations

import importlib.util
import random
from pathlib import Path
from types import ModuleType

import pytest

from restore import edits as edit_list
from restore.lexicon import read_files

TOOL = Path(__file__).parents[1] / "tools" / "spin.py"
TEXT = "The war went on for years. In War and peace, wars are wars: see https://example.org/war.\nThe war’s end."

pytestmark = pytest.mark.skipif(not TOOL.exists(), reason="there are no tools here (tests run from an installation)")


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("spin", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_spun_text_is_undone_by_its_edits(tool: ModuleType, tmp_path: Path) -> None:
    folder = tmp_path / "thesaurus"
    folder.mkdir()
    (folder / "a.tsv").write_text("observed\toriginal\tpos\tweight\tnote\nstruggle\twar\tn\t900\t\n")
    spinner = tool.Spinner(read_files([folder / "a.tsv"], shipped=True))
    spun, edits = spinner.spin(TEXT, "thesaurus", 1.0, random.Random(2))
    assert edit_list.apply(spun, edits) == TEXT
    assert {(edit.observed, edit.original) for edit in edits} >= {("struggle", "war"), ("struggles", "wars")}
    assert "https://example.org/war" in spun
    assert spinner.spin(TEXT, "thesaurus", 0.0, random.Random(2)) == (TEXT, [])
    assert spinner.spin(TEXT, "thesaurus", 1.0, random.Random(2)) == (spun, edits)
