"""``restore detect``: a verdict a document."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from restore.cli.files import STANDARD, read_text, write_text
from restore.cli.fix import warn_if_slow
from restore.cli.settings import add_options, load_restorer, rate
from restore.errors import InputError


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "detect",
        help="judge texts without rewriting them",
        description="Print for each text the probability that it is spun, and the share of replaceable words that were replaced if it is. "
        "Exit status 1 when one is at or over the threshold.",
    )
    parser.add_argument("files", nargs="*", default=[STANDARD], metavar="FILE", help="a text in UTF-8, - for standard input (default)")
    parser.add_argument("--format", choices=("table", "jsonl"), default="table", help="a table for people (default), or a JSON object a line")
    parser.add_argument("--threshold", type=rate, default=0.5, metavar="P", help="probability from which on a text counts as spun (default: 0.5)")
    add_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do it."""
    from restore.report.text import VERDICT_HEADER, verdict_line

    restorer = load_restorer(args)
    status = 0
    if args.format == "table":
        write_text(VERDICT_HEADER + "\n")
    for name in args.files:
        try:
            text = read_text(name)
        except InputError as error:
            print(f"restore: {error}", file=sys.stderr)
            status = 2
            continue
        warn_if_slow(len(text))
        verdict = restorer.detect(text)
        if args.format == "table":
            write_text(verdict_line(name, verdict) + "\n")
        else:
            write_text(json.dumps({"document": name, **verdict.to_dict()}, ensure_ascii=False) + "\n")
        if verdict.spun >= args.threshold:
            status = max(status, 1)
    return status
