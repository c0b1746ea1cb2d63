"""Reading and writing of files: what cannot be read is one clear line, what is written is whole or not there."""

from __future__ import annotations

import argparse
import codecs
import glob
import json
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from restore.errors import InputError, MissingExtraError

STANDARD = "-"
#: What is taken from a folder.
SUFFIXES = (".txt", ".text", ".md", ".pdf", ".jsonl")


def expand(names: Sequence[str]) -> tuple[list[str], list[InputError]]:
    """The documents that names stand for: files as they are, the texts in folders, the files that fit a pattern; and what could not be found."""
    found: list[str] = []
    problems = []
    for name in names:
        path = Path(name)
        if name != STANDARD and path.is_dir():
            inside = sorted(str(p) for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
            if not inside:
                problems.append(InputError(name, f"no texts in this folder ({', '.join(SUFFIXES)}); name the files, or give a pattern in quotes"))
            found += inside
        elif any(mark in name for mark in "*?[") and not path.exists():
            inside = sorted(p for p in glob.glob(name, recursive=True) if not Path(p).is_dir())
            if not inside:
                problems.append(InputError(name, "no file fits this pattern"))
            found += inside
        else:
            found.append(name)
    return found, problems


def read_document(name: str) -> str:
    """A document as text: the text of a PDF, else the file as `read_text` reads it.

    Raises:
        InputError: it cannot be read.
        MissingExtraError: it is a PDF and pypdf is not installed.
    """
    if not name.lower().endswith(".pdf"):
        return read_text(name)
    try:
        import pypdf
        from pypdf.errors import PyPdfError
    except ImportError:
        raise MissingExtraError(f"{name}: reading PDF", "pdf") from None
    try:
        return "\n".join(page.extract_text() for page in pypdf.PdfReader(name).pages)
    except FileNotFoundError:
        raise InputError(name, "no such file") from None
    except OSError as problem:
        raise InputError(name, f"cannot be read ({problem.strerror})") from None
    except (PyPdfError, ValueError, KeyError) as problem:
        raise InputError(name, f"is no readable PDF ({problem}); convert it to text first, for example with pdftotext") from None


def read_stream(name: str, lines: bool, text_field: str, id_field: str) -> Iterator[tuple[str, str | InputError]]:
    """The documents of a file or of standard input, one a line, each as soon as its line is there: (name of the document, its text, or what is wrong with it).

    Args:
        name: a file, "-" for standard input.
        lines: a line is a text; otherwise it is a JSON object.
        text_field, id_field: fields of these objects. A document is called by its id where it has one, else by file and line.

    Raises:
        InputError: the file cannot be read.
    """
    if name == STANDARD and sys.stdin.isatty():
        print("restore: reading standard input; end with Ctrl-D", file=sys.stderr)
    try:
        file = sys.stdin.buffer if name == STANDARD else open(name, "rb")  # noqa: SIM115 (standard input stays open)
    except FileNotFoundError:
        raise InputError(name, "no such file") from None
    except OSError as problem:
        raise InputError(name, f"cannot be read ({problem.strerror})") from None
    try:
        for number, line in enumerate(file, 1):
            place = f"{name}:{number}"
            if not line.strip():
                continue
            try:
                yield _record(place, line, lines, text_field, id_field)
            except InputError as problem:
                yield place, problem
    finally:
        if name != STANDARD:
            file.close()


def _record(place: str, line: bytes, lines: bool, text_field: str, id_field: str) -> tuple[str, str]:
    text = decode(place, line.removesuffix(b"\n").removesuffix(b"\r"))
    if lines:
        return place, text
    try:
        record = json.loads(text)
    except ValueError:
        raise InputError(place, "is no JSON; one object a line is expected (--lines takes plain texts, one a line)") from None
    if not isinstance(record, dict):
        raise InputError(place, "is no JSON object; one object a line is expected (--lines takes plain texts, one a line)")
    if not isinstance(record.get(text_field), str):
        known = ", ".join(name for name, value in list(record.items()) if isinstance(value, str)) or "none"
        raise InputError(place, f"has no text in the field {text_field!r}; name the field with --text-field (fields with text: {known})")
    label = record.get(id_field)
    return str(label) if isinstance(label, (str, int)) and not isinstance(label, bool) and label != "" else place, record[text_field]


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
    import shutil
    import tempfile

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
