"""The arguments of `restore.load`, carried to workers: pickled as they are, turned into one `Restorer` a process."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
from functools import lru_cache
from typing import Any

from restore import ConfigError, Restorer, load
from restore.engine import model_path


class Settings:
    """Arguments of `restore.load`; a model or dictionary that is open never travels, only how to open it does.

    Args:
        settings: as for `restore.load`. Paths become absolute: the files are expected at the same place on every worker.

    Attributes:
        sources: what the dictionaries and the model are made of. It travels too: a worker with others would give other results and raises instead, and
            caches that know a function again by its pickled form (datasets) see the difference.

    Raises:
        RestoreError: a setting is unknown, out of range, or names a file that cannot be used: said here, where the job is written, and not by its workers.

    >>> settings = Settings({"prior": 0.05})
    >>> settings.restorer is Settings({"prior": 0.05}).restorer
    True
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        known = inspect.signature(load).parameters
        for name in settings:
            if name not in known:
                raise ConfigError(f"unknown setting {name!r}; known: {', '.join(known)}")
        self._items = tuple(sorted((name, _portable(name, value)) for name, value in settings.items()))
        self.sources = _open(self._items)[1]

    @property
    def restorer(self) -> Restorer:
        """The process's `Restorer` with these settings; opened by mmap at the first use.

        Raises:
            RestoreError: it cannot be opened here, or has other dictionaries or another model than where the settings come from.
        """
        restorer, sources = _open(self._items)
        if sources != self.sources:
            raise ConfigError("this worker has other dictionaries or another model than the process that wrote the job; install the same on both")
        return restorer


@lru_cache(maxsize=8)
def _open(items: tuple[tuple[str, Any], ...]) -> tuple[Restorer, tuple[str, str]]:
    """A `Restorer`, and hashes of the rows of its dictionaries and of the descriptions of its model and gate."""
    restorer = load(**dict(items))
    about = [restorer.model.meta, restorer.gate.meta if restorer.gate else None]
    model = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
    return restorer, (str(restorer.lexicon.meta["sources"]), model)


def _portable(name: str, value: Any) -> Any:
    """A setting as something that can be hashed and means the same in a process that runs in another folder."""
    if name == "dictionaries":
        return tuple(os.path.abspath(path) for path in ([value] if isinstance(value, (str, os.PathLike)) else value))
    if name == "model":
        path = model_path(value)
        return os.path.abspath(path) if str(path) == str(value) else str(value)
    return tuple(value) if isinstance(value, list) else value
