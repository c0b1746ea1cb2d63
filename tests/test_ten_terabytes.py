"""docs/ten-terabytes.md: its core-hours follow from its rates, its example runs, its commands are those of the jobs' own first lines."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "ten-terabytes.md").read_text(encoding="utf-8")
RATES = re.findall(r"^\| (.+) \| ([\d.]+) \| ([\d,]+) \|$", GUIDE, re.MULTILINE)


@pytest.mark.parametrize(("step", "rate", "hours"), RATES, ids=[step for step, _, _ in RATES])
def test_core_hours(step: str, rate: str, hours: str) -> None:
    assert int(hours.replace(",", "")) == round(1e13 / (float(rate) * 1e6) / 3600, -1)


def test_there_are_rates() -> None:
    assert len(RATES) >= 5


@pytest.mark.parametrize("script", ["spark_job.py", "ray_job.py"])
def test_commands(script: str) -> None:
    command = f"python examples/{script} examples/documents.jsonl /tmp/restored"
    assert f"\n{command}\n" in GUIDE
    assert f"\n    {command} " in (ROOT / "examples" / script).read_text(encoding="utf-8")


def test_example(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("polars", reason="Polars is not installed: pip install 'restore-text[polars]'")
    monkeypatch.chdir(ROOT)
    block = re.search(r"^```python\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    assert block
    report: list[str] = []
    outcome = doctest.DocTestRunner().run(doctest.DocTestParser().get_doctest(block.group(1), {}, "guide", None, 0), out=report.append)
    assert outcome.failed == 0, "".join(report)
