"""``restore detect``: a verdict a document."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from restore.cli.files import STANDARD, expand, read_document, read_stream, write_text
from restore.cli.fix import warn_if_slow
from restore.cli.settings import add_options, load_restorer, rate
from restore.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from restore.engine import Restorer
    from restore.evidence import Evidence

#: Distinct phrases of a family from which on a document is worth a look; the Problematic Paper Screener's threshold.
DISTINCT = 5
#: Seconds between two views of the progress.
INTERVAL = 0.2

EPILOG = """\
A file is a document; of a .jsonl file, and of a stream with --jsonl or --lines, a line is one, and its verdict is there
before the next line is read. Whole corpora, compressed or in Parquet, are work for `restore run --mode detect`.

  restore detect texts/ --format csv > verdicts.csv
  restore detect --jsonl --format jsonl < corpus.jsonl | jq 'select(.spun > 0.9) | .document'
  restore detect --family tortured --skip-references paper.pdf

Exit status: 0 nothing found, 1 something at or over the threshold, 2 something could not be read."""


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "detect",
        help="judge texts without rewriting them",
        description="Print for each text the probability that it is spun, and the share of replaceable words that were replaced if it is.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "files",
        nargs="*",
        default=[STANDARD],
        metavar="FILE",
        help="a text in UTF-8, a PDF or a .jsonl file, a folder, a pattern ('texts/**/*.txt'), - for standard input (default)",
    )
    parser.add_argument(
        "--format",
        choices=("table", "jsonl", "csv", "sarif", "github"),
        default="table",
        help="a table for people (default), a JSON object or a CSV row a document, SARIF, or annotations for GitHub Actions (the last two: of what is found)",
    )
    parser.add_argument("--threshold", type=rate, default=0.5, metavar="P", help="probability from which on a text counts as spun (default: 0.5)")
    parser.add_argument("--evidence", action="store_true", help="tell why: sites, distinct pairs, the strongest signs, what is odd, missing everyday words")
    parser.add_argument(
        "--family",
        metavar="NAME",
        help=f"list what this family of spinner wrote (implies --evidence): `tortured` for phrases in papers; {DISTINCT} distinct ones count as a find",
    )
    parser.add_argument("--skip-references", action="store_true", help="leave out the list of references at the end of a paper")
    each = parser.add_mutually_exclusive_group()
    each.add_argument("--jsonl", action="store_true", help="each line of the input is a JSON object with a text (.jsonl files are read so anyway)")
    each.add_argument("--lines", action="store_true", help="each line of the input is a text")
    parser.add_argument("--text-field", default="text", metavar="NAME", help="field of the text in JSON objects (default: text)")
    parser.add_argument("--id-field", default="id", metavar="NAME", help="field of a document's name in JSON objects (default: id)")
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
    names, problems = expand(args.files)
    progress = _Progress(len(names))
    failed = bool(problems)
    for problem in problems:
        print(f"restore: {problem}", file=sys.stderr)
    results = list[dict[str, Any]]()
    if args.format == "table":
        write_text(VERDICT_HEADER + "\n")
    elif args.format == "csv":
        write_text(findings.csv_row(findings.CSV_HEADER))
    for name, text in documents(names, args):
        if isinstance(text, Exception):
            progress.clear()
            print(f"restore: {text}", file=sys.stderr)
            failed = True
            continue
        if name.lower().endswith(".pdf"):
            text = join_words(text, restorer)
        if args.skip_references:
            text = without_references(text)
        warn_if_slow(len(text))
        found = gather(restorer, text, args.family) if full or args.format == "csv" else Evidence(restorer.detect(text), (), ())
        hit = is_hit(found, args)
        progress.clear()
        if args.format == "table":
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
        progress.step(hit)
    progress.clear()
    if args.format == "sarif":
        write_text(json.dumps(findings.sarif(results, restore.__version__), ensure_ascii=False, indent=1) + "\n")
    return 2 if failed else int(progress.found > 0)


def documents(names: Sequence[str], args: argparse.Namespace) -> Iterator[tuple[str, str | Exception]]:
    """Names and texts of the documents, as soon as they can be read; or what went wrong instead of a text."""
    for name in names:
        try:
            if args.lines or args.jsonl or name.lower().endswith(".jsonl"):
                yield from read_stream(name, args.lines, args.text_field, args.id_field)
            else:
                yield name, read_document(name)
        except (InputError, MissingExtraError) as problem:
            yield name, problem


def join_words(text: str, restorer: Restorer) -> str:
    """The text of a PDF with the words joined that its lines divide: phrases are found whole, and offsets are those of the joined text."""
    from restore import edits
    from restore.channels.layout import Layout, layout

    return edits.apply(text, [edit for edit in layout(text, restorer.model, Layout()) if edit.probability >= 0.5])


def is_hit(found: Evidence, args: argparse.Namespace) -> bool:
    """Whether a document is at or over the threshold, or has phrases enough of the family asked for."""
    return found.verdict.spun >= args.threshold or (args.family is not None and len(found.pairs) >= DISTINCT)


class _Progress:
    """Documents done and found, on a terminal's standard error; nothing elsewhere, nor for a single document."""

    def __init__(self, files: int) -> None:
        self.done = self.found = 0
        self._files = files
        self._shown = sys.stderr.isatty()
        self._last = time.monotonic()

    def step(self, hit: bool) -> None:
        """One more is done."""
        self.done += 1
        self.found += hit
        if self._shown and time.monotonic() - self._last > INTERVAL:
            self._last = time.monotonic()
            total = f" of {self._files}" if 1 < self._files >= self.done else ""
            print(f"\r\x1b[K{self.done}{total} documents, {self.found} found", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Make way for another line."""
        if self._shown and self.done:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
