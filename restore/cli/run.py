"""``restore run``: corpora, by several processes, resumable."""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import Any

from restore.cli.fix import warn_if_slow
from restore.cli.settings import add_options, load_restorer, rate, restorer_arguments
from restore.errors import ConfigError, MissingExtraError

MODES = ("fix", "detect", "annotate", "filter")
FORMATS = ("jsonl.zst", "jsonl.gz", "jsonl", "parquet", "txt")
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
#: Seconds between lines of progress where standard error is no terminal.
SPARSE = 60
#: Lines about what went wrong.
LINES = 20
#: Files that a summary shows, those with most spun documents first.
SHOWN = 10

DESCRIPTION = """\
Restore a corpus: JSONL, Parquet, WARC and WET files and plain texts, in files,
folders (with all below them), glob patterns and fsspec URLs (s3://…). Every input
file gives one output file; other fields, columns and rows come through unchanged
and in order. The same command, given again after it was stopped or killed, goes on
where it was and ends with the same bytes."""

EPILOG = """\
modes (--mode)
  fix        replace the text by the restored one (default)
  detect     leave the text and add a field `verdict`
  annotate   leave the text and add the fields `verdict` and `edits`
  filter     leave spun documents out; --split-off keeps them elsewhere

formats
  Parquet stays Parquet, plain texts stay texts in the modes fix and filter, all else
  becomes .jsonl.zst. An OUTPUT with a name such as out.jsonl.gz is one file; with a
  folder, --format jsonl.gz says the same. gzip at its level 6 writes about 18 MB/s,
  slower than everything else here: prefer zstd, or --level 1. A WARC or WET file
  gives rows with id, url, date and text; HTML pages in it are reduced to their main
  text. A plain text is one document.

large files
  Work is cut into splits of --split-size bytes, decompressed: a killed run loses at
  most the split each worker was at. All workers share one large file: uncompressed
  JSONL and the row groups of Parquet are entered anywhere; of a .gz or .zst, and of
  one row group, every worker decompresses all and skips the others' splits, so with
  more than some eight workers many files (or row groups) are better than one.

OUTPUT/_restore (OUTPUT.restore for one file) holds manifest.json, stats.json, and
errors.jsonl with the documents that failed and are not in the output.
Exit status: 0 fine; 1 some documents failed; 2 a file could not be done, or nothing."""


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "run",
        help="restore a corpus: many documents, in large files",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help="a file, a folder, a glob pattern in quotes, or a URL of these")
    parser.add_argument("output", metavar="OUTPUT", help="a folder, or one file when there is one input")
    what = parser.add_argument_group("documents")
    what.add_argument("--mode", choices=MODES, default="fix", help="what is done (default: fix; see below)")
    what.add_argument("--text-field", default="text", metavar="NAME", help="field or column of the text (default: text)")
    what.add_argument("--id-field", default="id", metavar="NAME", help="field of a document's name, for the errors file (default: id)")
    what.add_argument("--keep-original", default="", metavar="FIELD", help="mode fix: put the text as it was into this field where it was changed")
    what.add_argument(
        "--threshold", type=rate, default=0.5, metavar="P", help="a document counts as spun, and is changed or left out, from this on (default: 0.5)"
    )
    what.add_argument("--clean", metavar="PROFILE", help="clean the text up first: minimal, scan, web or typed (see `restore clean --rules`)")
    what.add_argument("--split-off", default="", metavar="PATH", help="mode filter: write the spun documents here, in files of the same names")
    what.add_argument("--limit", type=_count, metavar="N", help="only the first N documents of all; one worker does it")
    how = parser.add_argument_group("files")
    how.add_argument("--format", choices=FORMATS, default="", help="of the output files, when OUTPUT is a folder (default: see below)")
    how.add_argument("--level", type=int, metavar="N", help="compression level (default: 2 for zstd, 6 for gzip)")
    how.add_argument("--workers", type=_count, metavar="N", help="processes (default: as many as processors)")
    how.add_argument("--split-size", type=_size, default="32M", metavar="SIZE", help="work that a killed worker loses at most (default: 32M)")
    how.add_argument("--max-document", type=_size, default="64M", metavar="SIZE", help="refuse files with a longer line, record or text (default: 64M)")
    how.add_argument("--max-ratio", type=_count, default=1000, metavar="N", help="refuse files that unpack to more than N times their size (default: 1000)")
    how.add_argument("--overwrite", action="store_true", help="start anew where an earlier run with other settings or inputs was")
    how.add_argument("--dry-run", action="store_true", help="write nothing; list what would be read, and estimate from a sample how long it takes")
    add_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do it."""
    _check(args)
    try:
        from restore import corpus
    except ModuleNotFoundError as problem:
        if problem.name and problem.name.startswith("restore"):
            raise
        raise MissingExtraError("restore run", "corpus") from None
    from restore.corpus.inputs import find_output

    settings = corpus.Settings(
        mode=args.mode,
        text_field=args.text_field,
        id_field=args.id_field,
        keep_original=args.keep_original,
        threshold=args.threshold,
        limit=args.limit,
        format=args.format,
        level=args.level,
        split_off=args.split_off,
        split_size=args.split_size,
        max_document=args.max_document,
        max_ratio=args.max_ratio,
        restorer=restorer_arguments(args),
    )
    output = find_output(args.output)
    shards, others = corpus.find_shards(args.inputs, output, settings)
    restorer = load_restorer(args)
    workers = args.workers or _processors()
    warn_if_slow(sum(shard.size for shard in shards))
    if args.dry_run:
        _print_estimate(shards, others, settings, restorer, workers)
        return 0
    reporter = Reporter()
    try:
        outcome = corpus.run_corpus(shards, output, settings, restorer, workers, args.overwrite, reporter.progress, reporter.say)
    except KeyboardInterrupt:
        reporter.close()
        print("restore: interrupted; the same command goes on where this one stopped", file=sys.stderr)
        return 130
    finally:
        reporter.close()
    _print_summary(outcome, output, others)
    return 2 if outcome.broken else 1 if outcome.tally.failed else 0


def _check(args: argparse.Namespace) -> None:
    if args.keep_original and args.mode != "fix":
        raise ConfigError("--keep-original goes with --mode fix: the other modes leave the text as it is")
    if args.split_off and args.mode != "filter":
        raise ConfigError("--split-off goes with --mode filter")
    added = {"detect": ("verdict",), "annotate": ("verdict", "edits")}.get(args.mode, (args.keep_original,))
    if args.text_field in added:
        raise ConfigError(f"--text-field {args.text_field}: a field of this name would be added; rename it first")
    if args.level is not None and not -7 <= args.level <= 22:
        raise ConfigError(f"--level is {args.level}; give 1 to 19 for zstd, 1 to 9 for gzip")


class Reporter:
    """Progress on standard error: a bar on a terminal, else a line a minute; and what went wrong, a line each."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._started = self._said = time.monotonic()
        self._lines = 0
        self._terminal = sys.stderr.isatty()

    def progress(self, state: Any) -> None:
        """Show how far it is."""
        now = time.monotonic()
        rate = state.bytes / 1e6 / max(1e-9, now - self._started)
        share = state.spun / state.documents if state.documents else 0.0
        if self._terminal:
            if self._bar is None:
                from tqdm import tqdm

                self._bar = tqdm(total=state.total, unit="B", unit_scale=True, unit_divisor=1000, initial=round(state.done), file=sys.stderr, leave=False)
            self._bar.set_postfix_str(f"{state.documents:,} documents, {rate:.1f} MB/s of text, {share:.1%} spun", refresh=False)
            self._bar.update(round(state.done) - self._bar.n)
        elif now - self._said >= SPARSE:
            self._said = now
            part = state.done / state.total if state.total else 1.0
            left = f", {_duration((now - self._started) * (1 - part) / part)} left" if part > 0.01 else ""
            line = f"{part:.0%}: {state.documents:,} documents, {rate:.1f} MB/s of text, {share:.1%} spun, {state.shards} of {state.of} files{left}"
            print(f"restore: {line}", file=sys.stderr, flush=True)

    def say(self, line: str) -> None:
        """Show a line, above the bar; many of them flood a log, and all are in stats.json and errors.jsonl."""
        self._lines += 1
        if self._lines > LINES:
            return
        if self._lines == LINES:
            line = "more went wrong; all of it is in stats.json and errors.jsonl"
        if self._bar is not None:
            self._bar.clear()
        print(f"restore: {line}", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()


def _print_summary(outcome: Any, output: Any, others: int) -> None:
    tally = outcome.tally
    print(f"{'documents':>12}  {'spun':>9}  {'share':>6}  {'changed':>9}  {'edits':>9}  {'failed':>7}  {'MB':>9}  file")
    rows = [(entry["output"], entry) for entry in outcome.entries]
    rows.sort(key=lambda row: -row[1]["spun"])
    total = {name: getattr(tally, name) for name in ("documents", "spun", "changed", "edits", "failed", "bytes")}
    for name, entry in [*rows[:SHOWN], *([("all", total)] if len(rows) != 1 else [])]:
        if name == "all" and len(rows) > SHOWN:
            print(f"{'':75}  … and {len(rows) - SHOWN:,} more files")
        share = entry["spun"] / entry["documents"] if entry["documents"] else 0.0
        print(
            f"{entry['documents']:12,}  {entry['spun']:9,}  {share:6.1%}  {entry['changed']:9,}  {entry['edits']:9,}  {entry['failed']:7,}  "
            f"{entry['bytes'] / 1e6:9,.1f}  {name}"
        )
    notes = []
    if outcome.skipped:
        notes.append(f"{outcome.skipped:,} file{'s' * (outcome.skipped != 1)} done before")
    if outcome.broken:
        notes.append(f"{len(outcome.broken):,} file{'s' * (len(outcome.broken) != 1)} could not be done")
    if tally.failed:
        notes.append(f"failed documents are in {output.state}/errors.jsonl")
    if others:
        notes.append(f"{others:,} other file{'s' * (others != 1)} left alone")
    print("; ".join([f"{_duration(outcome.seconds)} with {outcome.workers} worker{'s' * (outcome.workers != 1)}", *notes]))


def _print_estimate(shards: Any, others: int, settings: Any, restorer: Any, workers: int) -> None:
    from restore.corpus.estimate import estimate

    found = estimate(shards, settings, restorer)
    for kind, (files, size) in found.kinds.items():
        print(f"{files:,} {kind} file{'s' * (files != 1)}, {size / 1e6:,.1f} MB")
    if others:
        print(f"{others:,} other file{'s' * (others != 1)} would be left alone")
    print(f"sample: {found.sampled:,} documents, {found.sampled_bytes / 1e6:,.2f} MB of rows, {found.spun:,} spun, {found.rate / 1e6:,.2f} MB/s a worker")
    print(
        f"estimate: {found.documents:,.0f} documents, {found.bytes / 1e6:,.0f} MB decompressed, {_duration(found.seconds / workers)} with {workers} "
        f"worker{'s' * (workers != 1)}"
    )
    for shard in shards[:SHOWN]:
        print(f"{shard.path} → {shard.target}")
    if len(shards) > SHOWN:
        print(f"… and {len(shards) - SHOWN:,} more files")
    print("nothing was written")


def _duration(seconds: float) -> str:
    """Time for people: 4.2 s, 3 min 20 s, 5 h 2 min.

    >>> _duration(4.21), _duration(200), _duration(18120)
    ('4.2 s', '3 min 20 s', '5 h 2 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60:,} h {minutes % 60} min"


def _processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _count(value: str) -> int:
    if not value.isdecimal() or int(value) < 1:
        raise argparse.ArgumentTypeError(f"{value!r} is no whole number above 0")
    return int(value)


def _size(value: str) -> int:
    number, unit = (value[:-1], value[-1].upper()) if value[-1:].isalpha() else (value, "")
    if unit not in UNITS or not number.isdecimal() or int(number) < 1:
        raise argparse.ArgumentTypeError(f"{value!r} is no size; write a number of bytes, or one with K, M or G such as 32M")
    return int(number) * UNITS[unit]
