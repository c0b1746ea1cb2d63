"""Fixtures that several test files share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import restore
import restore.engine  # now, not while a fixture has put something else in the place of what it imports


@pytest.fixture(scope="session")
def restorer() -> restore.Restorer:
    """The shipped dictionaries and model, with every setting at its default."""
    return restore.load()


@pytest.fixture(scope="session")
def spun_restorer() -> restore.Restorer:
    """The same, taking every text as spun, so that short texts are restored too."""
    return restore.load(assume_spun=True)


@pytest.fixture
def small_dictionaries(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of tests/cases/small in the place of the shipped dictionaries, and a cache of its own."""
    folder = tmp_path_factory.mktemp("small") / "dictionaries"
    shutil.copytree(Path(__file__).parent / "cases" / "small", folder)
    monkeypatch.setattr("restore.lexicon.data_path", lambda: folder)
    monkeypatch.setenv("RESTORE_CACHE", str(folder.parent / "cache"))
    return folder
