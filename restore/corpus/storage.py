"""Files here and at fsspec URLs behind one small interface; what is written appears whole or not at all.

Local paths use the operating system directly, since only there a file can be flushed to the disk before it is renamed. Everything else goes through
fsspec, whose stores (S3, GCS, Azure, HDFS, SSH, HTTP for reading, …) are installed by their own packages.
"""

from __future__ import annotations

import errno
import glob
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, NamedTuple, cast

from restore.errors import ConfigError, InputError, MissingExtraError

#: Endings of names under which files are written; whatever bears one is no result.
TEMPORARY = ".tmp"


class Entry(NamedTuple):
    """A file: its path, size in bytes (−1 when the store does not tell) and a stamp that changes when it is written again."""

    path: str
    size: int
    stamp: str


def is_url(path: str) -> bool:
    """Whether a path names something that fsspec opens."""
    return "://" in path or "::" in path


def join(folder: str, *names: str) -> str:
    """A path below a folder."""
    return "/".join([folder.rstrip("/") or "/", *names])


def stat(path: str) -> Entry:
    """Look at one file.

    Raises:
        InputError: there is no such file, or it cannot be reached.
    """
    with _readable(path):
        if is_url(path):
            files, inside = _remote(path)
            return _entry(path, files.info(inside))
        found = os.stat(path)
        return Entry(path, found.st_size, str(found.st_mtime_ns))


def exists(path: str) -> bool:
    """Whether there is a file or folder."""
    if is_url(path):
        files, inside = _remote(path)
        return bool(files.exists(inside))
    return os.path.exists(path)


def is_folder(path: str) -> bool:
    """Whether there is a folder."""
    if is_url(path):
        files, inside = _remote(path)
        return bool(files.isdir(inside))
    return os.path.isdir(path)


def walk(folder: str) -> list[Entry]:
    """All files below a folder, sorted by path."""
    found = []
    if is_url(folder):
        with _readable(folder):
            files, inside = _remote(folder)
            for name, info in files.find(inside, detail=True).items():
                found.append(_entry(join(folder, name[len(inside.rstrip("/")) :].lstrip("/")), info))
    else:
        for parent, _, names in os.walk(folder, onerror=_refuse):
            found += [stat(join(parent, name)) for name in names]
    return sorted(found)


def expand(pattern: str, folder: str) -> list[Entry]:
    """The files that a glob pattern (`*`, `?`, `[…]`, `**`) names, sorted by path.

    Args:
        pattern: what to look for.
        folder: the part of the pattern that is a folder; may be empty here.
    """
    if is_url(pattern):
        with _readable(pattern):
            files, inside = _remote(pattern)
            start = len(_remote(folder)[1].rstrip("/"))
            found = files.glob(inside, detail=True).items()
            return sorted(_entry(join(folder, name[start:].lstrip("/")), info) for name, info in found if info["type"] == "file")
    return sorted(stat(path) for path in glob.glob(pattern, recursive=True) if not os.path.isdir(path))


def open_read(path: str) -> BinaryIO:
    """Open a file to read bytes.

    Raises:
        InputError: it cannot be opened.
    """
    with _readable(path):
        if is_url(path):
            files, inside = _remote(path)
            return cast(BinaryIO, files.open(inside, "rb"))
        return open(path, "rb")


def read(path: str) -> bytes:
    """The content of a small file."""
    with open_read(path) as file, _readable(path):
        return file.read()


class Pending:
    """A file that is being written under a temporary name. It gets a name of its own by `commit`, after it was flushed to the disk.

    Args:
        path: where it will be, or a name in a folder from which it can be renamed there.
    """

    def __init__(self, path: str) -> None:
        self.temporary = f"{path}.{os.getpid()}{TEMPORARY}"
        self._files: Any = None
        self.file: BinaryIO
        if is_url(path):
            self._files, inside = _remote(self.temporary)
            self._files.makedirs(self._files._parent(inside), exist_ok=True)
            self.file = self._files.open(inside, "wb")
        else:
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            self.file = open(self.temporary, "wb")  # noqa: SIM115 - closed by commit or discard

    def commit(self, path: str) -> int:
        """Flush, close and rename; the number of bytes in the file."""
        self.file.flush()
        if self._files is None:
            os.fsync(self.file.fileno())
        size = self.file.tell()
        self.file.close()
        move(self.temporary, path)
        return size

    def discard(self) -> None:
        """Leave nothing behind."""
        with suppress(Exception):
            self.file.close()
        with suppress(Exception):
            remove(self.temporary)


@contextmanager
def create(path: str) -> Iterator[BinaryIO]:
    """Write a file: under a temporary name, flushed to the disk, then renamed. On an error nothing is left behind."""
    pending = Pending(path)
    try:
        yield pending.file
        pending.commit(path)
    except BaseException:
        pending.discard()
        raise


def write(path: str, data: bytes) -> None:
    """Write a small file whole."""
    with create(path) as file:
        file.write(data)


def move(source: str, target: str) -> None:
    """Rename a file of ours, over what is there; to another file system or store by way of a copy."""
    if is_url(source) or is_url(target):
        files, inside = _remote(target)
        others, outside = _remote(source)
        files.makedirs(files._parent(inside), exist_ok=True)
        if files is others:
            files.mv(outside, inside)
            return
    else:
        os.makedirs(os.path.dirname(target) or ".", exist_ok=True)
        try:
            os.replace(source, target)
        except OSError as problem:
            if problem.errno != errno.EXDEV:
                raise
        else:
            _flush_folder(os.path.dirname(target))
            return
    with create(target) as file, open_read(source) as content:
        shutil.copyfileobj(content, file, 1 << 20)
    remove(source)


def remove(path: str) -> None:
    """Remove a file or a folder with all it holds; nothing happens when there is none."""
    if is_url(path):
        files, inside = _remote(path)
        with suppress(FileNotFoundError):
            files.rm(inside, recursive=True)
    elif os.path.isdir(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(FileNotFoundError):
            os.unlink(path)


@contextmanager
def lock(path: str) -> Iterator[None]:
    """Keep other runs of this machine away while the block runs; URLs and systems without `fcntl` have no locks.

    Raises:
        ConfigError: another process holds the lock.
    """
    try:
        import fcntl
    except ImportError:
        fcntl = None  # type: ignore[assignment]
    if fcntl is None or is_url(path):
        yield
        return
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        file = open(path, "a+b")  # noqa: SIM115 - closed below
    except OSError as problem:
        raise ConfigError(f"{os.path.dirname(path)}: cannot be written ({reason(problem)}); choose an output that can") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            raise ConfigError(f"{os.path.dirname(path)}: another run (process {file.read().decode() or '?'}) is writing here; wait for it or stop it") from None
        file.truncate(0)
        file.write(str(os.getpid()).encode())
        file.flush()
        yield


def reason(problem: BaseException) -> str:
    """What an operating system's error says, without numbers and names."""
    return getattr(problem, "strerror", None) or str(problem) or type(problem).__name__


def _flush_folder(folder: str) -> None:
    """Make a rename last through a power cut, where folders can be opened."""
    with suppress(OSError):
        descriptor = os.open(folder or ".", os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _refuse(problem: OSError) -> None:
    raise problem


@contextmanager
def _readable(path: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise InputError(path, "no such file") from None
    except OSError as problem:
        raise InputError(path, f"cannot be read ({reason(problem)})") from None


def _entry(path: str, info: dict[str, Any]) -> Entry:
    stamp = next((str(info[key]) for key in ("ETag", "etag", "mtime", "LastModified", "last_modified", "updated", "created") if info.get(key)), "")
    size = info.get("size")
    return Entry(path, -1 if size is None else int(size), stamp)


def _remote(path: str) -> tuple[Any, str]:
    try:
        import fsspec
    except ImportError:
        raise MissingExtraError("reading and writing at URLs", "corpus") from None
    try:
        files, inside = fsspec.core.url_to_fs(path)
    except (ImportError, ValueError) as problem:
        raise ConfigError(f"{path}: {problem}") from None
    return files, inside


#: Errors after which no other file can be written either.
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG})
