"""Every exception of `restore`, as one tree.

    RestoreError              something the caller can act on; ``str(error)`` says what to do next
    ├── InputError            a text cannot be read: missing, a directory, binary, not UTF-8
    ├── ConfigError           an option or a settings file is wrong
    ├── DictionaryError       one or more rows or files of a dictionary are wrong; all are listed
    ├── EditError             edits do not fit the text they are applied to
    ├── ArtefactError         a binary file (model, compiled dictionary) is damaged or of another version
    │   └── ModelError        the same, for a language model
    └── MissingExtraError     an optional dependency is not installed

The message is one line for people; the facts are fields.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class RestoreError(Exception):
    """Base of all errors that `restore` raises on purpose. They pickle, since workers send them home."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.args, self.__dict__)


def _rebuild(kind: type[RestoreError], args: tuple[Any, ...], facts: dict[str, Any]) -> RestoreError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(facts)
    return error


class InputError(RestoreError):
    """A text cannot be read.

    Attributes:
        path: the file, as the user wrote it ("-" for standard input).
        reason: what is wrong with it, and what to do.
    """

    def __init__(self, path: str | Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = str(path)
        self.reason = reason


class ConfigError(RestoreError):
    """An option or a settings file is wrong."""


class DictionaryError(RestoreError):
    """Rows or files of a dictionary are wrong.

    Attributes:
        problems: one message for each bad place: ``file:line:column: what is wrong; what to write instead``.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class EditError(RestoreError):
    """Edits overlap, are out of order, or do not fit the text."""


class ArtefactError(RestoreError):
    """A binary file cannot be used.

    Attributes:
        path: the file.
        reason: what is wrong, with expected and found values, and the remedy.
    """

    def __init__(self, path: str | os.PathLike[str], reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = str(path)
        self.reason = reason


class ModelError(ArtefactError):
    """A language model cannot be used."""


class MissingExtraError(RestoreError):
    """A feature needs an optional dependency that is not installed.

    Attributes:
        extra: name of the extra to install.
    """

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs an optional dependency: pip install 'restore-text[{extra}]'")
        self.extra = extra
