"""One file format for everything that is built and then opened by mmap: models and compiled dictionaries.

Layout, little-endian::

    0    8 bytes   magic b"RESTORE\\0"
    8    u32       format version of the container (1)
    12   u32       length of the header in bytes
    16   u32       CRC-32 of the header
    20   …         header: JSON {"kind", "version", "meta", "sections": {name: [offset, length, crc32]}}
    …              sections, each at a multiple of 64 bytes

Opening checks the magic, the versions, the header's checksum and that every section lies inside the file, in constant time; the sections'
own checksums are compared by `Container.verify`, so that opening stays cheap. Nothing is ever unpickled.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from restore.errors import ArtefactError

MAGIC = b"RESTORE\0"
FORMAT = 1
ALIGNMENT = 64
_PREFIX = struct.Struct("<8sIII")


class Container:
    """A container opened by mmap.

    Attributes:
        path: the file.
        meta: the writer's description of the content.
    """

    def __init__(self, path: Path, data: memoryview, meta: dict[str, Any], sections: dict[str, tuple[int, int, int]]):
        self.path = path
        self.meta = meta
        self._data = data
        self._sections = sections

    def section(self, name: str, format: str = "B") -> memoryview:
        """A section as a read-only memoryview of items of a `struct` format ("B", "I", "Q", "f", …).

        Raises:
            ArtefactError: there is no such section, or its length does not fit the format.
        """
        try:
            offset, length, _ = self._sections[name]
        except KeyError:
            raise ArtefactError(self.path, f"section {name!r} is missing; build or install the file again") from None
        if length % struct.calcsize(format):
            raise ArtefactError(self.path, f"section {name!r} has {length} bytes, no multiple of its item size; build or install the file again")
        view: Any = self._data[offset : offset + length]
        return view.cast(format)  # type: ignore[no-any-return]

    def sizes(self) -> dict[str, int]:
        """Bytes by section."""
        return {name: length for name, (_, length, _) in self._sections.items()}

    def verify(self) -> None:
        """Read everything once and compare checksums.

        Raises:
            ArtefactError: a section is damaged.
        """
        for name, (offset, length, expected) in self._sections.items():
            found = zlib.crc32(self._data[offset : offset + length])
            if found != expected:
                raise ArtefactError(
                    self.path,
                    f"section {name!r} is damaged (checksum {found:08x}, expected {expected:08x}); build or install the file again",
                )


def write_container(path: str | os.PathLike[str], kind: str, version: int, meta: Mapping[str, Any], sections: Mapping[str, Any]) -> None:
    """Write a container atomically: the file appears whole or not at all.

    Args:
        path: where to; an existing file is replaced.
        kind: what it holds, such as "language-model".
        version: version of the content's layout.
        meta: JSON-able description.
        sections: anything with the buffer interface, by name.

    Raises:
        ArtefactError: the file cannot be written.
    """
    path = Path(path)
    views = {name: memoryview(data).cast("B") for name, data in sections.items()}
    table = {name: [0, len(view), zlib.crc32(view)] for name, view in views.items()}

    def encode() -> bytes:
        return json.dumps({"kind": kind, "version": version, "meta": dict(meta), "sections": table}, sort_keys=True).encode()

    # Offsets are part of the header whose length they depend on: leave room for their digits.
    room = len(encode()) + 20 * len(table)
    offset = _PREFIX.size + room
    for row in table.values():
        row[0] = offset = -(-offset // ALIGNMENT) * ALIGNMENT
        offset += row[1]
    header = encode().ljust(room)
    try:
        _write(path, header, views, table)
    except OSError as problem:
        raise ArtefactError(path, f"cannot be written ({problem.strerror}); choose a folder that exists and has room") from None


def _write(path: Path, header: bytes, views: Mapping[str, memoryview], table: Mapping[str, list[int]]) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name + ".", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(_PREFIX.pack(MAGIC, FORMAT, len(header), zlib.crc32(header)))
            file.write(header)
            for name, view in views.items():
                file.write(b"\0" * (table[name][0] - file.tell()))
                file.write(view)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def open_container(path: str | os.PathLike[str], kind: str, version: int, error: type[ArtefactError] = ArtefactError) -> Container:
    """Open a container by mmap.

    Args:
        path: the file.
        kind: what it must hold.
        version: the layout version this release reads.
        error: which ArtefactError to raise.

    Raises:
        ArtefactError: the file is missing, damaged, of another kind or of another version; the message says what to do.
    """
    path = Path(path)
    remedy = "build or install the file again"
    try:
        with path.open("rb") as file:
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except FileNotFoundError:
        raise error(path, "no such file") from None
    except (OSError, ValueError) as problem:
        raise error(path, f"cannot be opened ({problem}); {remedy}") from None
    if len(data) < _PREFIX.size:
        raise error(path, f"is only {len(data)} bytes long; {remedy}")
    magic, container_format, length, checksum = _PREFIX.unpack_from(data)
    if magic != MAGIC:
        raise error(path, f"is not a file built by restore (a {kind} is expected)")
    if container_format != FORMAT:
        raise error(path, f"has container format {container_format}, this release reads {FORMAT}; {remedy} with this release")
    raw = bytes(data[_PREFIX.size : _PREFIX.size + length])
    if len(raw) != length or zlib.crc32(raw) != checksum:
        raise error(path, f"is damaged (its header does not match its checksum); {remedy}")
    header = json.loads(raw)
    if header["kind"] != kind:
        raise error(path, f"holds a {header['kind']}, a {kind} is expected")
    if header["version"] != version:
        raise error(path, f"has version {header['version']} of the {kind} layout, this release reads {version}; {remedy} with this release")
    sections = {name: (row[0], row[1], row[2]) for name, row in header["sections"].items()}
    if any(offset + size > len(data) for offset, size, _ in sections.values()):
        raise error(path, f"is cut short ({len(data)} bytes); {remedy}")
    return Container(path, data, header["meta"], sections)
