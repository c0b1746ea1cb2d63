"""``restore undo``: the input again, from the restored text and its edits."""

from __future__ import annotations

import argparse
import json
from typing import Any

from restore.cli.files import read_text, write_text
from restore.errors import InputError


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "undo", help="take edits back", description="Print the text as it was before `restore fix`, from the restored text and its edits."
    )
    parser.add_argument("file", metavar="FILE", help="the restored text, - for standard input")
    parser.add_argument("edits", metavar="EDITS", help="what `restore fix --edits`, --format jsonl or --format json wrote for this one document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do it."""
    from restore import edits as edit_list
    from restore.records import Edit

    text = read_text(args.file)
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(read_text(args.edits).split("\n"), 1):
        if not line.strip():
            continue
        try:
            data = json.loads(line)
            rows += [dict(row) for row in data.get("edits", [data])]
        except (ValueError, AttributeError, TypeError):
            raise InputError(args.edits, f"line {number} is no edit in JSON; give what `restore fix --edits FILE` wrote") from None
    if len({row.get("document") for row in rows}) > 1:
        raise InputError(args.edits, "holds edits of several documents; keep those of one")
    try:
        found = [Edit.from_dict(row) for row in rows]
        if not all(isinstance(value, kind) for e in found for value, kind in ((e.start, int), (e.end, int), (e.observed, str), (e.original, str))):
            raise TypeError("start and end are numbers, observed and original strings")
    except (TypeError, ValueError) as problem:
        raise InputError(args.edits, f"holds an incomplete or wrong edit ({problem})") from None
    write_text(edit_list.apply(text, edit_list.invert(found)))
    return 0
