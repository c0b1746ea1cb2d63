"""Compression: bounded reading, and blocks that are compressed each for itself, so that the bytes of an output do not depend on who writes it."""

from __future__ import annotations

import gzip
import io
import zlib
from contextlib import suppress
from typing import Any, BinaryIO, cast

from restore.corpus import storage
from restore.errors import InputError, MissingExtraError

#: What a compressed file may always unpack to, whatever its size.
FREE = 64 << 20
#: Usual levels. On running text zstd writes 200, 130 and 80 MB/s at levels 1, 2 and 3 and shrinks it 2.34, 2.60 and 2.76 times (on a busy processor;
#: gzip at 1 and 6: 51 and 14 MB/s, 2.18 and 2.55 times): at 2 writing takes a tenth of the time of restoring, for files 6 % larger than at 3.
LEVELS = {"zstd": 2, "gzip": 6}


def zstd_module() -> Any:
    """The standard library's `compression.zstd` (Python 3.14) or its backport: unlike others it notices that a file is cut short."""
    with suppress(ImportError):
        from compression import zstd

        return zstd
    try:
        from backports import zstd
    except ImportError:
        raise MissingExtraError("zstd", "corpus") from None
    return zstd


def open_stream(path: str, codec: str, max_ratio: int) -> Decompressed:
    """Open a file, decompressing.

    Args:
        path: the file.
        codec: "", "gzip" or "zstd".
        max_ratio: how many times its compressed size it may unpack to.
    """
    counted = _Counted(storage.open_read(path))
    opened: Any = counted
    if codec:
        opened = gzip.GzipFile(fileobj=cast(Any, counted)) if codec == "gzip" else zstd_module().ZstdFile(counted)
    return Decompressed(path, opened, counted, max_ratio if codec else 0)


class _Counted(io.RawIOBase):
    """Counts what is read from a file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.count = 0

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.count += len(data)
        return data

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def close(self) -> None:
        self._file.close()


class Decompressed:
    """A file, read in bounded pieces and decompressed; what is wrong with it becomes one InputError. Without a `max_ratio` it is not compressed."""

    def __init__(self, path: str, stream: BinaryIO, counted: _Counted, max_ratio: int) -> None:
        self._path, self._stream, self._counted, self._max_ratio = path, stream, counted, max_ratio
        self._unpacked = 0

    def read(self, size: int) -> bytes:
        """At most `size` bytes; none at the end.

        Raises:
            InputError: the file is cut short, damaged, or unpacks to too much.
        """
        try:
            data = self._stream.read(size)
        except EOFError:
            raise InputError(self._path, "is cut short: its compressed data end too early; copy or download it again") from None
        except _DAMAGE as problem:
            if not self._max_ratio:
                raise InputError(self._path, f"cannot be read ({storage.reason(problem)})") from None
            raise InputError(self._path, f"cannot be decompressed ({problem}); it is damaged or of another kind than its name says") from None
        self._unpacked += len(data)
        if self._max_ratio and self._unpacked > max(FREE, self._max_ratio * self._counted.count):
            raise InputError(
                self._path, f"unpacks to more than {self._max_ratio} times its size, as a decompression bomb does; if it is none, raise --max-ratio"
            )
        return data

    def seek(self, offset: int) -> None:
        """Go to an offset of a file that is not compressed."""
        self._stream.seek(offset)

    def tell(self) -> int:
        """How many bytes were read, for a file that is read from its beginning."""
        return self._unpacked

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
        self._counted.close()


def compress(block: bytes, format: str, level: int | None) -> bytes:
    """A block as a zstd frame, a gzip member, or as it is; frames and members may be concatenated.

    >>> gzip.decompress(compress(b"a", "jsonl.gz", None) + compress(b"b", "jsonl.gz", None))
    b'ab'
    """
    if format.endswith(".zst"):
        return cast(bytes, zstd_module().compress(block, LEVELS["zstd"] if level is None else level))
    if format.endswith(".gz"):
        return gzip.compress(block, LEVELS["gzip"] if level is None else level, mtime=0)
    return block


def _damage() -> tuple[type[Exception], ...]:
    """What decompressing raises on damaged data."""
    try:
        return zlib.error, OSError, zstd_module().ZstdError
    except MissingExtraError:
        return zlib.error, OSError


_DAMAGE = _damage()
