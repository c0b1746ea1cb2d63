"""What a run has done, so that the same command goes on where it stopped, and another one is not mixed with it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from restore.corpus import storage
from restore.corpus.inputs import Output, Shard
from restore.corpus.settings import fingerprint
from restore.errors import ConfigError, InputError

FORMAT = 1


class Manifest:
    """The file manifest.json of an output, and the marks of shards done since it was written.

    Attributes:
        path: of the file.
        done: entry of each finished shard, by the name of its output.
    """

    def __init__(self, output: Output, settings: Mapping[str, Any]) -> None:
        self.path = storage.join(output.state, "manifest.json")
        self._output, self._settings = output, dict(settings)
        self.done: dict[str, dict[str, Any]] = {}
        self._planned: set[str] = set()

    def open(self, shards: Sequence[Shard], overwrite: bool) -> None:
        """Find out what is done, and write down what is planned.

        Args:
            shards: of the run.
            overwrite: start anew: what an earlier run wrote is removed.

        Raises:
            ConfigError: the output belongs to a run with other settings, an input has changed, or a file is in the way.
        """
        old = self._read()
        if overwrite:
            for entry in {**old.get("shards", {}), **self._marks()}.values():
                storage.remove(entry["output"])
            for name in ("manifest.json", "done", "parts", "errors", "errors.jsonl", "stats.json"):
                storage.remove(storage.join(self._output.state, name))
        elif old:
            self._check_settings(old)
            self.done = {**old["shards"], **self._marks()}
            self._planned = set(old["planned"])
        for shard in shards:
            entry = self.done.get(shard.name)
            if entry is not None:
                if entry["input"] != shard.path:
                    raise ConfigError(f"{shard.target}: was made of {entry['input']}, not of {shard.path}; choose another output, or --overwrite to start anew")
                if (entry["size"], entry["stamp"]) != (shard.size, shard.stamp):
                    raise ConfigError(f"{shard.path}: has changed since it was done; choose another output, or --overwrite to start anew")
                if not storage.exists(shard.target) and entry["rows"] > entry["failed"] and shard.format != "txt":
                    del self.done[shard.name]
            elif shard.name not in self._planned and not overwrite and storage.exists(shard.target):
                raise ConfigError(f"{shard.target}: is there already and not of this run; choose another output, or --overwrite to replace it")
        self._planned.update(shard.name for shard in shards)
        self.save()

    def save(self) -> None:
        """Write the file, which takes in the marks."""
        members = {"format": FORMAT, "hash": fingerprint(self._settings), "settings": self._settings, "planned": sorted(self._planned)}
        shards = (f"  {json.dumps(name)}: {json.dumps(self.done[name])}" for name in sorted(self.done))
        head = ",\n".join(f" {json.dumps(name)}: {json.dumps(value)}" for name, value in members.items())
        storage.write(self.path, ("{\n" + head + ',\n "shards": {\n' + ",\n".join(shards) + "\n }\n}\n").encode())
        storage.remove(storage.join(self._output.state, "done"))

    def _read(self) -> dict[str, Any]:
        if not storage.exists(self.path):
            return {}
        try:
            data: dict[str, Any] = json.loads(storage.read(self.path))
            if data["format"] == FORMAT and {"hash", "settings", "planned", "shards"} <= data.keys():
                return data
        except (ValueError, KeyError, TypeError):
            pass
        raise InputError(self.path, "is no manifest of this release; --overwrite starts anew")

    def _marks(self) -> dict[str, dict[str, Any]]:
        folder = storage.join(self._output.state, "done")
        if not storage.exists(folder):
            return {}
        entries = [json.loads(storage.read(entry.path)) for entry in storage.walk(folder) if entry.path.endswith(".json")]
        return {entry["done"]: entry for entry in entries}

    def _check_settings(self, old: Mapping[str, Any]) -> None:
        if old["hash"] == fingerprint(self._settings):
            return
        before = old["settings"]
        changed = [name for name in self._settings if before.get(name) != self._settings[name]]
        shown = ", ".join(f"{name} was {_short(before.get(name))}, is {_short(self._settings[name])}" for name in changed[:3])
        raise ConfigError(f"{self._output.path}: was begun with other settings ({shown}); use the same, choose another output, or --overwrite to start anew")


def file_hash(path: Any) -> str:
    """SHA-256 of a file, abbreviated."""
    with open(path, "rb") as file:
        digest = hashlib.sha256()
        while data := file.read(1 << 20):
            digest.update(data)
    return digest.hexdigest()[:32]


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else text[:37] + "…"
