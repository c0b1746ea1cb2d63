"""Fixtures that several test files share."""

from __future__ import annotations

import pytest

import restore


@pytest.fixture(scope="session")
def restorer() -> restore.Restorer:
    """The shipped dictionaries and model, with every setting at its default."""
    return restore.load()


@pytest.fixture(scope="session")
def spun_restorer() -> restore.Restorer:
    """The same, taking every text as spun, so that short texts are restored too."""
    return restore.load(assume_spun=True)
