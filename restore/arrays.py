"""Scratch and result arrays for the kernels: `array.array` behind memoryviews, so that the core needs no numpy."""

from __future__ import annotations

from array import array
from typing import Any


def zeros(typecode: str, n: int) -> array[Any]:
    """An array of `n` zeros.

    >>> zeros("i", 3)
    array('i', [0, 0, 0])
    """
    return array(typecode, bytes(n * array(typecode).itemsize))


def views(*columns: array[Any]) -> tuple[Any, ...]:
    """What the kernels take: a memoryview of each array (uncompiled, an item of a memoryview is a Python number)."""
    return tuple(memoryview(column) for column in columns)
