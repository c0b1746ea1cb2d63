"""Files, folders, globs and URLs to shards: which files are read, and what the output of each is called."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from restore.corpus import storage
from restore.corpus.settings import FORMATS, Settings
from restore.errors import ConfigError, InputError

#: Kinds of input by suffix, without the suffix of the compression.
KINDS = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".warc": "warc",
    ".wet": "warc",
    ".txt": "txt",
    ".text": "txt",
}
CODECS = {".gz": "gzip", ".zst": "zstd", ".zstd": "zstd"}
KNOWN = ".jsonl (.ndjson, .json), .parquet, .warc, .wet, .txt, all but Parquet also with .gz or .zst"
#: Folder inside the output that holds all but the result.
STATE = "_restore"


@dataclass(frozen=True, slots=True)
class Shard:
    """One input file.

    Attributes:
        path, size, stamp: the file, its size in bytes and what tells that it was written again.
        kind: "jsonl", "parquet", "warc" or "txt"; codec: "", "gzip" or "zstd".
        name: its output's name below the output folder.
        target: its output's path; spun: path of what is split off, or empty.
        state: path of the folder with its parts; mark, errors: paths of the files that say it is done, and what failed in it.
    """

    path: str
    size: int
    stamp: str
    kind: str
    codec: str
    name: str
    target: str
    spun: str
    state: str
    mark: str
    errors: str

    @property
    def format(self) -> str:
        """The output's format, one of FORMATS."""
        return split_name(self.target)[1]


@dataclass(frozen=True, slots=True)
class Output:
    """Where results go: a folder, or one file.

    Attributes:
        path: of the folder or the file.
        file: whether it is one file.
        state: path of the folder for all but the result.
    """

    path: str
    file: bool

    @property
    def state(self) -> str:
        return f"{self.path}.restore" if self.file else storage.join(self.path, STATE)


def find_output(path: str) -> Output:
    """An output by its name: a file when it ends like one of the formats, else a folder."""
    named = split_name(path)[1] != ""
    return Output(path.rstrip("/") or "/", named and not path.endswith("/") and not storage.is_folder(path))


def find_shards(inputs: Sequence[str], output: Output, settings: Settings) -> tuple[list[Shard], int]:
    """List what is to be read, in the order of the inputs, folders sorted by name.

    Args:
        inputs: files, folders, glob patterns, URLs of these.
        output: where results go.
        settings: of the run.

    Returns:
        (shards, others): `others` counts the files in folders whose names say nothing that can be read.

    Raises:
        InputError: an input is missing, or is of a kind that cannot be read.
        ConfigError: two inputs would be written to one output, or the output's format does not fit.
    """
    shards: list[Shard] = []
    others = 0
    for name in inputs:
        if storage.is_folder(name):
            root = name.rstrip("/")
            if not output.file and _inside(output.path, root):
                raise ConfigError(f"{output.path}: is inside {name}, so that results would be read as input; choose another output")
            found = [(entry, entry.path[len(root) + 1 :]) for entry in storage.walk(root)]
            found = [(entry, below) for entry, below in found if not re.search(r"(^|/)[._]", below)]
            readable = [(entry, below) for entry, below in found if kind_of(below)]
            if not readable:
                raise InputError(name, f"holds no file that can be read; known: {KNOWN}")
            others += len(found) - len(readable)
        elif re.search(r"[*?\[]", name) and not storage.exists(name):
            root = re.split(r"[*?\[]", name)[0].rpartition("/")[0]
            prefix = root + "/" if root else ""
            entries = [entry for entry in storage.expand(name, root) if kind_of(entry.path)]
            if not entries:
                raise InputError(name, "no file of this pattern can be read")
            readable = [(entry, entry.path[len(prefix) :] if entry.path.startswith(prefix) else entry.path.rpartition("/")[2]) for entry in entries]
        else:
            if not kind_of(name):
                raise InputError(name, f"is of no known kind; known by their names: {KNOWN}")
            readable = [(storage.stat(name), name.rpartition("/")[2])]
        shards += [_shard(entry, below, output, settings) for entry, below in readable]
    if output.file and len(shards) > 1:
        raise ConfigError(
            f"{output.path}: {len(shards)} files are read but this names one; give a folder (the name without a known suffix, or with / at its end)"
        )
    _check_names(shards, inputs)
    return shards, others


def _inside(path: str, folder: str) -> bool:
    if storage.is_url(path) or storage.is_url(folder):
        return f"{path}/".startswith(f"{folder}/")
    return os.path.realpath(folder) in (found := os.path.realpath(path), *map(str, Path(found).parents))


def kind_of(name: str) -> tuple[str, str] | None:
    """(kind, codec) of a file by its name, or None."""
    stem = name.lower()
    codec = next((codec for suffix, codec in CODECS.items() if stem.endswith(suffix)), "")
    if codec:
        stem = stem.rpartition(".")[0]
    kind = next((kind for suffix, kind in KINDS.items() if stem.endswith(suffix)), None)
    return None if kind is None or (kind == "parquet" and codec) else (kind, codec)


def split_name(name: str) -> tuple[str, str]:
    """(stem, format) of an output's name; the format is empty when it is none of ours."""
    for suffix in FORMATS:
        if name.lower().endswith("." + suffix):
            return name[: -len(suffix) - 1], suffix
    return name, ""


def _shard(entry: storage.Entry, below: str, output: Output, settings: Settings) -> Shard:
    known = kind_of(below)
    assert known
    kind, codec = known
    suffixes = "|".join(re.escape(suffix) for suffix in (*KINDS, *CODECS))
    stem = re.sub(rf"(?i)({suffixes})+$", "", below)
    wanted = split_name(output.path)[1] if output.file else settings.format
    plain = kind == "txt" and settings.mode in ("fix", "filter") and not settings.keep_original
    given = wanted or ("parquet" if kind == "parquet" else "txt" if plain else "jsonl.zst")
    if (given == "parquet") != (kind == "parquet") or (given == "txt" and not plain):
        possible = "parquet" if kind == "parquet" else "jsonl.zst, jsonl.gz or jsonl" + (", or txt" if plain else "")
        raise ConfigError(f"{entry.path}: cannot be written as {given}; choose {possible}")
    name = output.path.rpartition("/")[2] if output.file else f"{stem}.{given}"
    return Shard(
        path=entry.path,
        size=entry.size,
        stamp=entry.stamp,
        kind=kind,
        codec=codec,
        name=name,
        target=output.path if output.file else storage.join(output.path, name),
        spun="" if not settings.split_off else settings.split_off if output.file else storage.join(settings.split_off, name),
        state=storage.join(output.state, "parts", name),
        mark=storage.join(output.state, "done", name + ".json"),
        errors=storage.join(output.state, "errors", name + ".jsonl"),
    )


def _check_names(shards: Sequence[Shard], inputs: Sequence[str]) -> None:
    by_target: dict[str, Shard] = {}
    for shard in shards:
        other = by_target.setdefault(shard.target, shard)
        if other is not shard:
            raise ConfigError(f"{other.path} and {shard.path} would both be written to {shard.target}; give them to two runs with two outputs")
    for shard in shards:
        if by_target.get(shard.path) or shard.path in {other.spun for other in shards}:
            raise ConfigError(f"{shard.path}: would be written over; choose another output")
