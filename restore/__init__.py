"""Undo machine damage to text: find synonym-substituted ("spun") text and put the original wording back.

>>> import restore
>>> restorer = restore.load()
>>> restorer.detect("Nothing is wrong with this sentence.").spun < 0.05
True
"""

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
