"""Undo machine damage to text: find synonym-substituted ("spun") text and put the original wording back.

>>> import restore
>>> restorer = restore.load()
>>> restorer.detect("Nothing is wrong with this sentence.").spun < 0.05
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from restore.batch import Batch
    from restore.engine import Restorer, load
    from restore.errors import (
        ArtefactError,
        ConfigError,
        DictionaryError,
        EditError,
        InputError,
        MissingExtraError,
        ModelError,
        RestoreError,
    )
    from restore.records import Config, Edit, Result, Segment, Verdict

__all__ = [
    "ArtefactError",
    "Batch",
    "Config",
    "ConfigError",
    "DictionaryError",
    "Edit",
    "EditError",
    "InputError",
    "MissingExtraError",
    "ModelError",
    "RestoreError",
    "Restorer",
    "Result",
    "Segment",
    "Verdict",
    "load",
]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Public names are imported when they are first used, so that the command's help does not wait for the engine."""
    if name not in __all__:
        raise AttributeError(f"module 'restore' has no attribute {name!r}")
    from restore import batch, engine, errors, records

    for module in (engine, batch, errors, records):
        if hasattr(module, name):
            value = globals()[name] = getattr(module, name)
            return value
    raise AttributeError(name)  # pragma: no cover


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
