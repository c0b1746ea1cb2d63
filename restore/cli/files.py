"""Reading and writing of files: what cannot be read is one clear line, what is written is whole or not there."""

from __future__ import annotations

import argparse
import codecs
import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path

from restore.errors import InputError

STANDARD = "-"


def add_encoding(parser: argparse.ArgumentParser) -> None:
    """Add the option ``--encoding``."""
    parser.add_argument("--encoding", type=_codec, metavar="NAME", help="encoding of the texts (default: UTF-8); what is written is UTF-8")


def _codec(name: str) -> str:
    try:
        "a".encode(codecs.lookup(name).name)
    except (LookupError, ValueError):
        raise argparse.ArgumentTypeError(f"{name!r} is no encoding; write, for example, windows-1252, latin-1, macintosh or utf-16") from None
    return name


def read_text(name: str, encoding: str | None = None) -> str:
    """A document as text; line ends and a byte order mark stay as they are.

    Args:
        name: a file, "-" for standard input.
        encoding: what the user said it is; UTF-8 by default.

    Raises:
        InputError: it is missing, a directory, unreadable, binary or not in its encoding.
    """
    if name == STANDARD:
        if sys.stdin.isatty():
            print("restore: reading standard input; end with Ctrl-D", file=sys.stderr)
        return decode(name, sys.stdin.buffer.read(), encoding)
    path = Path(name)
    try:
        if path.is_dir():
            raise InputError(name, "is a directory; name the files in it")
        return decode(name, path.read_bytes(), encoding)
    except FileNotFoundError:
        raise InputError(name, "no such file") from None
    except OSError as problem:
        raise InputError(name, f"cannot be read ({problem.strerror})") from None


def decode(name: str, data: bytes, encoding: str | None = None) -> str:
    """Bytes as text: UTF-8, or in the encoding that the user named. A guess is offered in the error, never taken.

    Raises:
        InputError: the bytes are of another encoding, or no text.
    """
    if encoding is not None:
        try:
            return data.decode(encoding)
        except UnicodeError as problem:
            where = f" (byte 0x{data[problem.start]:02x} at offset {problem.start})" if isinstance(problem, UnicodeDecodeError) else ""
            raise InputError(name, f"is not {encoding}{where}; name its encoding, or leave out --encoding if it is UTF-8") from None
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(name, "is UTF-16; convert it to UTF-8 first (iconv -f UTF-16 -t UTF-8), or give `fix` or `clean` --encoding utf-16")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as problem:
        if b"\0" in data[:4096]:
            raise InputError(name, "is a binary file, not text") from None
        raise InputError(name, f"is not UTF-8 (byte 0x{data[problem.start]:02x} at offset {problem.start}); {_offer(data)}") from None
    if "\0" in text[:4096]:
        raise InputError(name, "is a binary file, not text")
    return text


def _offer(data: bytes) -> str:
    """What may be done about bytes in another encoding."""
    from restore.cleanup.encoding import guess_encoding

    guess = guess_encoding(data)
    if guess is None:
        return "convert it first, with iconv -f ITS-ENCODING -t UTF-8"
    encoding, words = guess
    return f"in {encoding} it says “{words}”: if that is right, convert it with iconv -f {encoding} -t UTF-8, or give `fix` or `clean` --encoding {encoding}"


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
