"""``restore dict``: check, compile and look into dictionaries."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from restore.errors import ConfigError


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "dict",
        help="check, build and look up dictionaries",
        description="Work on mapping dictionaries: TSV files with the columns observed, original, pos, weight, note.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    check = actions.add_parser(
        "check", help="report every bad row", description="Check dictionary files; every bad row is reported with its place and a remedy."
    )
    check.add_argument("paths", nargs="*", metavar="PATH", help="files or folders (default: the shipped dictionaries)")
    check.set_defaults(run=run_check)
    build = actions.add_parser("build", help="compile", description="Compile the shipped dictionaries with your own on top into one file, for --dict.")
    build.add_argument("paths", nargs="*", metavar="PATH", help="your files or folders, lowest layer first")
    build.add_argument("-o", "--output", required=True, metavar="FILE.lexicon", help="the file to write")
    build.set_defaults(run=run_build)
    lookup = actions.add_parser(
        "lookup", help="show the originals of words", description="Show what stands for a word or phrase: its originals, with s·q by family."
    )
    lookup.add_argument("phrases", nargs="+", metavar="PHRASE")
    lookup.add_argument("--dict", dest="dictionaries", action="append", default=[], metavar="PATH", help="a dictionary of your own; repeatable")
    lookup.set_defaults(run=run_lookup)
    imported = actions.add_parser(
        "import",
        help="make a dictionary of the catalogue of tortured phrases",
        description='Read the CSV of the Problematic Paper Screener ("Fingerprint - Tortured Phrase", "Expected Text") into a dictionary of your own. Boolean '
        "clauses of a fingerprint become conditions on the document. The catalogue is not ours to ship: fetch it from its authors and keep to its licence.",
    )
    imported.add_argument("csv", metavar="CSV", help="the catalogue")
    imported.add_argument("-o", "--output", required=True, metavar="FILE.tsv", help="the file to write, for --dict")
    imported.set_defaults(run=run_import)


def run_import(args: argparse.Namespace) -> int:
    """Import a catalogue; lines that give no row are told on standard error."""
    from pathlib import Path

    from restore.lexicon import read_files
    from restore.lexicon.catalogue import read_catalogue, tsv

    rows, problems = read_catalogue(args.csv)
    Path(args.output).write_text(tsv(rows), encoding="utf-8", newline="\n")
    for problem in problems:
        print(f"restore: {problem}", file=sys.stderr)
    read_files([Path(args.output)])
    conditions = sum(1 for _, _, condition in rows if condition)
    print(
        f"{args.output}: {len(rows):,} row{'s' * (len(rows) != 1)}, {conditions:,} with conditions; {len(problems):,} line{'s' * (len(problems) != 1)} left out"
    )
    return 0


def run_check(args: argparse.Namespace) -> int:
    """Check files."""
    from restore.lexicon import data_path, find_files, read_files, read_words

    files = read_files(find_files(args.paths or [data_path()]), shipped=not args.paths)
    if not args.paths:
        files += read_files([data_path() / "swaps.tsv"], shipped=True)
        for name in ("protected.tsv", "terms.tsv"):
            read_words(data_path() / name)
    rows = sum(len(file.rows) for file in files)
    print(f"{len(files)} file{'s' * (len(files) != 1)}, {rows:,} row{'s' * (rows != 1)}: all good")
    return 0


def run_build(args: argparse.Namespace) -> int:
    """Compile files."""
    from restore.lexicon import compile_dictionaries, find_files

    if not args.output.endswith(".lexicon"):
        raise ConfigError(f"the output is {args.output}; give it a name that ends in .lexicon, by which --dict knows compiled files")
    meta = compile_dictionaries(find_files(args.paths), args.output)
    print(f"{args.output}: {meta['rows']:,} rows, {meta['pairs']:,} surface pairs, {meta['phrases']:,} observed phrases")
    return 0


def run_lookup(args: argparse.Namespace) -> int:
    """Look words up; exit status 1 when one has no rows."""
    from restore.lexicon import load_lexicon

    lexicon = load_lexicon(args.dictionaries)
    status = 0
    for phrase in args.phrases:
        candidates = lexicon.lookup(phrase)
        if not candidates:
            status = 1
            near = suggest(phrase, lexicon)
            print(f"{phrase}: no rows" + (f"; did you mean {', '.join(near)}?" if near else ""))
        for candidate in candidates:
            weights = "  ".join(f"{family} {weight:.4f}" for family, weight in zip(lexicon.families, candidate.weights, strict=True) if weight)
            print(f"{phrase} → {candidate.original}   {weights}")
    return status


def suggest(phrase: str, lexicon: Any) -> list[str]:
    """Observed phrases of the shipped rows within two letters of a phrase, nearest first."""
    from symspellpy import SymSpell, Verbosity

    from restore.lexicon import data_path, find_files, read_files

    speller = SymSpell(max_dictionary_edit_distance=2)
    for file in read_files(find_files([data_path()]), shipped=True):
        for row in file.rows:
            if abs(len(row.observed) - len(phrase)) <= 2:
                speller.create_dictionary_entry(row.observed, max(1, int(row.weight)))
    return [found.term for found in speller.lookup(phrase.lower(), Verbosity.CLOSEST, max_edit_distance=2)[:3]]
