"""Ray Data, on this machine with two CPUs: the same as the library; the README's snippet and the example job run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from restore import ConfigError
from tests.integrations import ROWS, check_example, expected, need, run_snippet

restore_ray = need("ray")

import ray  # noqa: E402
from ray.data import ActorPoolStrategy  # noqa: E402


@pytest.fixture(scope="module")
def dataset() -> Iterator[Any]:
    # Documents of /tmp and of the working folder do not matter here: small stores, no dashboard, so that the tests run on a small machine.
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=200_000_000)
    yield ray.data.from_items(ROWS, override_num_blocks=3)
    ray.shutdown()


def by_id(dataset: Any) -> list[dict[str, Any]]:
    return sorted(dataset.take_all(), key=lambda row: row["id"])


def test_as_the_library(dataset: Any) -> None:
    found = restore_ray.restore_column(dataset, verdict=True, edits=True, batch_size=4, compute=ActorPoolStrategy(size=2))
    assert by_id(found) == expected()


def test_settings_and_choice_of_columns(dataset: Any) -> None:
    found = by_id(restore_ray.restore_column(dataset, restored="restored", assume_spun=True))
    assert [row["restored"] for row in found] == [row["text"] for row in expected(assume_spun=True)]
    assert [row["text"] for row in found] == [row["text"] for row in ROWS]


def test_wrong_use_is_told(dataset: Any) -> None:
    with pytest.raises(ConfigError, match="prior is 2"):
        restore_ray.restore_column(dataset, prior=2)
    with pytest.raises(Exception, match="no column 'body'; the columns are"):
        restore_ray.restore_column(dataset, "body").take_all()


def test_readme(dataset: Any) -> None:
    assert [row["text"] for row in by_id(run_snippet("Ray Data", restore_ray, ds=dataset))] == [row["text"] for row in expected()]


def test_example(tmp_path: Path) -> None:
    check_example("ray_job.py", tmp_path / "out", {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"})
