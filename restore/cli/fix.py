"""``restore fix``: restored text."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from restore.cli.files import STANDARD, add_encoding, read_text, replace_file, write_text
from restore.cli.settings import add_layout, add_options, layout_settings, load_restorer
from restore.errors import ConfigError, InputError

if TYPE_CHECKING:
    from restore.channels.layout import PageMark
    from restore.records import Edit

#: Bytes from which on uncompiled kernels deserve a warning: about three seconds of work for them.
SLOW = 30_000


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "fix",
        help="put the original wording back",
        description="Print each text with its original wording put back; everything else stays byte for byte as it was.",
        epilog="Regions between `restore: off` and `restore: on` in a text (in a comment, say) are left alone.",
    )
    parser.add_argument("files", nargs="*", default=[STANDARD], metavar="FILE", help="a text in UTF-8, - for standard input (default)")
    views = add_output(parser)
    views.add_argument("--explain", metavar="WORD|OFFSET", help="tell, for a word or a character offset, why it was or was not changed")
    before = parser.add_argument_group("before the wording")
    before.add_argument("--clean", metavar="PROFILE", help="clean the text up first: minimal, scan, web or typed (see `restore clean --rules`)")
    add_layout(before)
    add_options(parser)
    parser.set_defaults(run=run)


def add_output(parser: argparse.ArgumentParser) -> Any:
    """Add the options that say how edits and texts are written; `check_output` and `deliver` do what they say.

    Returns:
        The group of views, which exclude each other, for others to be added.
    """
    output = parser.add_argument_group("output")
    views = output.add_mutually_exclusive_group()
    views.add_argument(
        "--format", choices=("text", "json", "jsonl"), default="text", help="text; json: a result a document with its edits and verdict; jsonl: an edit a line"
    )
    views.add_argument("--mark", action="store_true", help="print the input with each edit as [[observed=>original]]")
    views.add_argument("--diff", action="store_true", help="print a unified diff")
    views.add_argument("--list", action="store_true", help="print a line an edit: place, probability, observed → original")
    output.add_argument("-i", "--in-place", action="store_true", help="write the text back to its file; says on standard error how many edits were made")
    output.add_argument("--backup", metavar="SUFFIX", nargs="?", const=".bak", help="with -i: keep the old file under its name with SUFFIX (.bak)")
    output.add_argument("--edits", metavar="FILE", help="also write the edits, as `restore undo` reads them (one document only)")
    output.add_argument("--check", action="store_true", help="write no text; exit 1 if anything would be changed")
    add_encoding(parser)
    return views


def run(args: argparse.Namespace) -> int:
    """Do it."""
    check_output(args)
    if args.explain is not None and (args.check or args.edits or args.clean or args.layout):
        raise ConfigError("--explain tells about one place of the text as it stands; leave out --check, --edits, --clean and --layout")
    restorer = load_restorer(args)
    if args.explain is not None and restorer.config.respelling:
        raise ConfigError("--explain tells about substitutions; for the channels ocr and spelling see --list")
    status = 0
    for name in args.files:
        try:
            text = read_text(name, args.encoding)
            warn_if_slow(len(text))
            if args.explain is not None:
                from restore.explain import explain

                write_text(explain(restorer, text, args.explain))
                continue
            if args.layout:
                say_page_marks(args, name, text)
            result = restorer.restore(text)
            deliver(args, name, text, result.text, result.edits, result.to_dict)
            if args.check and result.edits:
                status = max(status, 1)
        except InputError as error:
            print(f"restore: {error}", file=sys.stderr)
            status = 2
    return status


def check_output(args: argparse.Namespace) -> None:
    """See that options fit together.

    Raises:
        ConfigError: they do not.
    """
    if args.in_place and (STANDARD in args.files or args.mark or args.diff or args.list or args.explain or args.format != "text"):
        raise ConfigError("-i writes files in place: name files, and leave out --format, --mark, --diff, --list and --explain")
    if args.backup and not args.in_place:
        raise ConfigError("--backup goes with -i")
    if args.backup is not None and (not args.backup or "/" in args.backup or "\\" in args.backup):
        raise ConfigError(f"--backup is {args.backup!r}; write a suffix such as .bak (a file goes before this option, or after --)")
    if args.edits and len(args.files) != 1:
        raise ConfigError("--edits takes the edits of one document; name one file")


def deliver(args: argparse.Namespace, name: str, text: str, restored: str, edits: Sequence[Edit], to_dict: Callable[[], dict[str, Any]]) -> None:
    """Write what the options ask for.

    Args:
        args: with the options of `add_output`.
        name: the document.
        text, restored: before and after.
        edits: what turns the one into the other.
        to_dict: gives what --format json prints of it.
    """
    if args.edits:
        _write_edits(args.edits, edits)
    if args.in_place:
        if (edits or args.encoding) and not args.check:
            replace_file(name, restored, args.backup)
        written = ", written as UTF-8" if args.encoding and not args.check else ""
        print(f"{name}: {len(edits)} edit{'s' * (len(edits) != 1)}{written}", file=sys.stderr)
    elif not args.check or args.diff or args.list or args.mark or args.format != "text":
        write_text(_render(args, name, text, restored, edits, to_dict))


def say_page_marks(args: argparse.Namespace, name: str, text: str) -> list[PageMark]:
    """Find running heads, page numbers and catchwords; one line on standard error tells of those that stay."""
    from restore.channels.layout import find_page_marks

    settings = layout_settings(args)
    marks = find_page_marks(text, settings.page_separator) if settings else []
    if marks and settings and not settings.remove_heads:
        counts = Counter(mark.kind for mark in marks)
        found = ", ".join(f"{count} {kind}{'s' * (count != 1)}" for kind, count in counts.items())
        print(f"restore: {name}: {found} left in the text; --remove-heads takes them out, `restore clean --layout --list` shows them", file=sys.stderr)
    return marks


def warn_if_slow(size: int) -> None:
    """One line on standard error when kernels run as Python and the input is large enough for it to matter."""
    from restore import kernels

    if size >= SLOW and not kernels.COMPILED:
        _say_slow()


@cache
def _say_slow() -> None:
    print("restore: the kernels are not compiled and run as Python, some 60 times slower; install a C compiler and reinstall", file=sys.stderr)


def _render(args: argparse.Namespace, name: str, text: str, restored: str, edits: Sequence[Edit], to_dict: Callable[[], dict[str, Any]]) -> str:
    from restore.report import text as report

    if args.mark:
        return report.mark(text, edits)
    if args.diff:
        return report.diff("stdin" if name == STANDARD else name, text, restored)
    if args.list:
        prefix = f"{name}:" if len(args.files) > 1 else ""
        return "".join(f"{prefix}{line}\n" for line in report.edit_table(text, edits))
    if args.format == "json":
        return json.dumps({"document": name, **to_dict()}, ensure_ascii=False) + "\n"
    if args.format == "jsonl":
        return "".join(json.dumps({"document": name, **edit.to_dict()}, ensure_ascii=False) + "\n" for edit in edits)
    return restored


def _write_edits(path: str, edits: Sequence[Edit]) -> None:
    try:
        with open(path, "w", encoding="utf-8", errors="surrogatepass") as file:
            for edit in edits:
                file.write(json.dumps(edit.to_dict(), ensure_ascii=False) + "\n")
    except OSError as problem:
        raise InputError(path, f"cannot be written ({problem.strerror})") from None
