"""Reading and writing of files: what cannot be read is one clear line, what is written is whole or not there."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path

from restore.errors import InputError

STANDARD = "-"


def read_text(name: str) -> str:
    """A document as text; line ends and a byte order mark stay as they are.

    Raises:
        InputError: it is missing, a directory, unreadable, binary or not UTF-8.
    """
    if name == STANDARD:
        if sys.stdin.isatty():
            print("restore: reading standard input; end with Ctrl-D", file=sys.stderr)
        return decode(name, sys.stdin.buffer.read())
    path = Path(name)
    try:
        if path.is_dir():
            raise InputError(name, "is a directory; name the files in it")
        return decode(name, path.read_bytes())
    except FileNotFoundError:
        raise InputError(name, "no such file") from None
    except OSError as problem:
        raise InputError(name, f"cannot be read ({problem.strerror})") from None


def decode(name: str, data: bytes) -> str:
    """UTF-8 bytes as text.

    Raises:
        InputError: the bytes are of another encoding, or no text.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(name, "is UTF-16; convert it to UTF-8 first (iconv -f UTF-16 -t UTF-8)")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as problem:
        if b"\0" in data[:4096]:
            raise InputError(name, "is a binary file, not text") from None
        byte = data[problem.start]
        raise InputError(
            name, f"is not UTF-8 (byte 0x{byte:02x} at offset {problem.start}); convert it first, for example with iconv -f WINDOWS-1252 -t UTF-8"
        ) from None
    if "\0" in text[:4096]:
        raise InputError(name, "is a binary file, not text")
    return text


def write_text(text: str) -> None:
    """Text to standard output as UTF-8, without touching line ends."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8", "surrogatepass"))
    sys.stdout.buffer.flush()


def replace_file(name: str, text: str, backup: str | None) -> None:
    """Write a file in place: atomically, keeping mode bits, through symbolic links, and in hard-linked files by writing into them.

    Args:
        name: the file.
        text: its new content.
        backup: suffix of a copy of the old content, or None.

    Raises:
        InputError: the file cannot be written; the old content is still there.
    """
    path = Path(name).resolve()
    try:
        status = path.stat()
        if backup:
            shutil.copy2(path, path.with_name(path.name + backup))
        if status.st_nlink > 1:
            path.write_bytes(text.encode("utf-8", "surrogatepass"))
            return
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(text.encode("utf-8", "surrogatepass"))
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, stat.S_IMODE(status.st_mode))
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as problem:
        raise InputError(name, f"cannot be written ({problem.strerror}); nothing was changed") from None
