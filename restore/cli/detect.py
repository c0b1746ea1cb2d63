"""``restore detect``: a verdict a document."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from restore.cli.files import STANDARD, expand, read_document, write_text
from restore.cli.fix import warn_if_slow
from restore.cli.settings import add_options, load_restorer, rate
from restore.errors import InputError, MissingExtraError

#: Distinct phrases of a family from which on a document is worth a look; the Problematic Paper Screener's threshold.
DISTINCT = 5


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "detect",
        help="judge texts without rewriting them",
        description="Print for each text the probability that it is spun, and the share of replaceable words that were replaced if it is. "
        "Exit status 1 when one is at or over the threshold.",
        epilog="`restore detect --family tortured --skip-references paper.pdf` lists the tortured phrases of a paper.",
    )
    parser.add_argument(
        "files",
        nargs="*",
        default=[STANDARD],
        metavar="FILE",
        help="a text in UTF-8 or a PDF, a folder, a pattern ('texts/**/*.txt'), - for standard input (default)",
    )
    parser.add_argument(
        "--format",
        choices=("table", "jsonl", "csv", "sarif", "github"),
        default="table",
        help="a table for people (default), a JSON object or a CSV row a document, SARIF, or annotations for GitHub Actions (the last two: of what is found)",
    )
    parser.add_argument("--threshold", type=rate, default=0.5, metavar="P", help="probability from which on a text counts as spun (default: 0.5)")
    parser.add_argument("--evidence", action="store_true", help="tell why: sites, distinct pairs, the strongest signs, everyday words that are missing")
    parser.add_argument(
        "--family",
        metavar="NAME",
        help=f"list what this family of spinner wrote (implies --evidence): `tortured` for phrases in papers; {DISTINCT} distinct ones count as a find",
    )
    parser.add_argument("--skip-references", action="store_true", help="leave out the list of references at the end of a paper")
    add_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do it."""
    import restore
    from restore.evidence import Evidence, gather
    from restore.protect import without_references
    from restore.report import findings
    from restore.report.text import VERDICT_HEADER, evidence_lines, verdict_line

    restorer = load_restorer(args)
    full = args.evidence or args.family is not None
    status, found_any, results = 0, 0, list[dict[str, Any]]()
    if args.format == "table":
        write_text(VERDICT_HEADER + "\n")
    elif args.format == "csv":
        write_text(findings.csv_row(findings.CSV_HEADER))
    names, problems = expand(args.files)
    for problem in problems:
        print(f"restore: {problem}", file=sys.stderr)
        status = 2
    progress = len(names) > 1 and sys.stderr.isatty()
    for k, name in enumerate(names):
        if progress:
            print(f"\r\x1b[K{k}/{len(names)} documents, {found_any} found", end="", file=sys.stderr, flush=True)
        try:
            text = read_document(name)
        except (InputError, MissingExtraError) as error:
            print(f"{chr(13) * progress}restore: {error}", file=sys.stderr)
            status = 2
            continue
        if args.skip_references:
            text = without_references(text)
        warn_if_slow(len(text))
        found = gather(restorer, text, args.family) if full or args.format == "csv" else Evidence(restorer.detect(text), (), ())
        hit = found.verdict.spun >= args.threshold or (args.family is not None and len(found.pairs) >= DISTINCT)
        found_any += hit
        if args.format == "table":
            if progress:
                print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            write_text("".join(f"{line}\n" for line in [verdict_line(name, found.verdict), *(evidence_lines(text, found, args.family) if full else ())]))
        elif args.format == "jsonl":
            more = found.to_dict() if full else {}
            write_text(json.dumps({"document": name, **found.verdict.to_dict(), **more}, ensure_ascii=False) + "\n")
        elif args.format == "csv":
            write_text(findings.csv_row(findings.verdict_cells(name, found)))
        elif hit and args.format == "sarif":
            results += findings.sarif_results(name, text, found, full)
        elif hit:
            write_text("".join(f"{line}\n" for line in findings.github_lines(name, text, found, full)))
        if hit:
            status = max(status, 1)
    if progress:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    if args.format == "sarif":
        write_text(json.dumps(findings.sarif(results, restore.__version__), ensure_ascii=False, indent=1) + "\n")
    return status
