"""``restore learn``: counts of substitutions from texts, as a dictionary layer of their own."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from restore.cli import learn_ocr
from restore.cli.files import read_text
from restore.cli.settings import add_options, load_restorer
from restore.errors import InputError
from restore.lexicon.rows import is_family_name

#: A document to learn from: its name, and its texts (original and spun, or spun alone).
Document = tuple[str, tuple[str, ...]]


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "learn",
        help="learn weights and new pairs from texts",
        description="Learn from texts how often a spinner replaces which word by which. The counts go to a dictionary layer of their own, for --dict.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    pairs = actions.add_parser(
        "pairs",
        help="from originals beside their spun texts",
        description="Align originals with what a spinner made of them, and count what stands for what, and how often words stood for themselves. ORIGINAL and "
        "SPUN are two texts, or two folders of texts with equal names; or give one JSONL file with both in each record.",
    )
    pairs.add_argument("texts", nargs="+", metavar="ORIGINAL SPUN|JSONL")
    pairs.add_argument("--fields", default="original,spun", metavar="ORIGINAL,SPUN", help="fields of a JSONL record (default: original,spun)")
    pairs.add_argument("--min-count", type=float, default=1, metavar="N", help="leave out pairs seen less often (default: 1)")
    pairs.add_argument("--show", type=int, default=20, metavar="N", help="show the N most frequent new pairs, for review (default: 20)")
    pairs.add_argument("--contexts", type=int, default=1, metavar="N", help="places shown for each of them (default: 1)")
    pairs.set_defaults(run=run_pairs)
    spun = actions.add_parser(
        "spun",
        help="from spun texts alone",
        description="Learn from spun texts without their originals, by expectation maximisation against the language model: how often each word was probably "
        "replaced by which, and pairs that no dictionary lists but that the texts speak for. Give a lot of text of one kind of spinner.",
    )
    spun.add_argument("texts", nargs="+", metavar="TEXT", help="one document a file; of a .jsonl file, a document a record")
    spun.add_argument("--field", default="text", metavar="NAME", help="field of a JSONL record (default: text)")
    spun.add_argument("--rounds", type=int, default=6, metavar="N", help="rounds at most; it ends earlier when little changes (default: 6)")
    spun.add_argument("--known", action="store_true", help="also write expected counts of known pairs: they serve these very texts, and mislead on others")
    spun.add_argument("--no-new", action="store_true", help="propose no new pairs")
    spun.add_argument("--show", type=int, default=20, metavar="N", help="show the N best new pairs, for review (default: 20)")
    spun.set_defaults(run=run_spun)
    learn_ocr.add_action(actions)
    for action in (pairs, spun):
        action.add_argument(
            "-o", "--output", default="learnt.tsv", metavar="FILE.tsv", help="the layer (default: learnt.tsv); only a layer of counts is overwritten"
        )
        action.add_argument(
            "--family", type=_family_name, metavar="NAME", help="the layer speaks for this family of spinner alone, known or new (default: for every family)"
        )
        add_options(action)


def run_pairs(args: argparse.Namespace) -> int:
    """Learn from pairs of texts."""
    from restore.learn.layer import check_output, write_layer
    from restore.learn.pairs import PairLearner

    check_output(args.output)
    documents = list(find_pairs(args.texts, args.fields))
    restorer = load_restorer(args)
    learner = PairLearner(restorer.lexicon, restorer.model, args.contexts)
    status = 0
    progress = _Progress(len(documents))
    try:
        for name, texts in documents:
            progress(name)
            original, spun = texts if len(texts) == 2 else (read_text(part) for part in name.split("\n"))
            same = learner.add(original, spun)
            if same < 1 / 3:
                progress.clear()
                print(f"restore: {name.split(chr(10))[-1]}: only {same:.0%} of it stands in the original; not the same text, left out", file=sys.stderr)
                status = 2
    except KeyboardInterrupt:
        progress.clear()
        print(f"restore: interrupted; writing what {progress.done - 1} of {len(documents)} documents say", file=sys.stderr)
        status = 130
    progress.clear()
    counts = learner.counts
    if not counts.pairs:
        raise InputError(args.texts[0], "nothing was learnt: no pair of texts with substitutions in it; give originals first, spun texts second")
    rows = learner.rows(args.min_count)
    learnt = f"{counts.documents:,} document{'s' * (counts.documents != 1)} of {counts.words:,} words beside their originals"
    written = write_layer(args.output, rows, [f"Pairs and kept words counted by `restore learn pairs` in {learnt}."], args.family)
    new = sorted((pair for pair in counts.new if counts.pairs[pair] >= args.min_count), key=lambda pair: (-counts.pairs[pair], pair))
    if new and args.show:
        print("new pairs, for review (count, observed → original)")
    for observed, original in new[: args.show]:
        print(f"{counts.pairs[observed, original]:5d}  {observed} → {original}")
        for before, after in counts.contexts[observed, original]:
            print(f"         … {before} [{observed}] {after} …")
    chosen = sum(row.observed != row.original for row in rows)
    skipped = f"; {counts.skipped:,} stretches were too different to tell" if counts.skipped else ""
    print(f"{args.output}: {written:,} rows: {chosen:,} pairs ({len(new):,} new), {len(rows) - chosen:,} kept words, from {learnt}{skipped}")
    _next_steps(args.output)
    return status


def run_spun(args: argparse.Namespace) -> int:
    """Learn from spun texts."""
    from restore.learn.layer import check_output, write_layer
    from restore.learn.spun import SpunLearner

    check_output(args.output)
    texts = [texts[0] for _, texts in find_texts(args.texts, args.field)]
    restorer = load_restorer(args)
    progress = _Progress(0)
    learner = SpunLearner(restorer, texts, propose=not args.no_new, progress=progress.stage)
    status = 0
    new = []
    try:
        for number, change in zip(range(1, args.rounds + 1), learner.rounds(), strict=False):
            progress.say(f"round {number}: {learner.replaced:,.0f} words replaced of {learner.words:,}, change {change:.1%}")
        new = learner.new_pairs()
    except KeyboardInterrupt:
        if not learner.counts:
            raise
        progress.clear()
        print("restore: interrupted; writing what the last whole round says, without new pairs", file=sys.stderr)
        learner.propose = False
        status = 130
    progress.clear()
    if not learner.spun_documents:
        raise InputError(args.texts[0], f"nothing was learnt: none of the {len(texts):,} texts looks spun; --assume-spun takes them as spun")
    learnt = f"{learner.spun_documents:,} spun of {len(texts):,} documents, {learner.words:,} words"
    comments = [f"Expected counts of pairs and kept words, estimated by `restore learn spun` from {learnt}, without their originals."]
    written = write_layer(args.output, learner.rows(args.known), comments, args.family)
    if new and args.show:
        print("new pairs, for review (observed → original, evidence)")
    for row in new[: args.show]:
        print(f"  {row.observed} → {row.original}   {row.note}")
    print(f"{args.output}: {written:,} rows, {len(new):,} of them new pairs, from {learnt}")
    _next_steps(args.output)
    return status


def _family_name(name: str) -> str:
    if not is_family_name(name):
        raise argparse.ArgumentTypeError(f"{name!r} is no name of a family; write lower-case letters, digits, - and _")
    return name


def _next_steps(output: str) -> None:
    print(f'next: read it, then `restore fix --dict {output} TEXT`, or dictionaries = ["{output}"] in restore.toml')


def find_pairs(names: Sequence[str], fields: str) -> Iterator[Document]:
    """Documents to align: (original file, spun file) by a newline in the name and no texts yet, or both texts of a JSONL record.

    Raises:
        InputError: there is nothing to read, or it is not what was announced.
    """
    if len(names) == 1 and not Path(names[0]).is_dir():
        first, comma, second = fields.partition(",")
        if not comma or not first or not second:
            raise InputError("--fields", f"is {fields!r}; write two names with a comma between them")
        yield from read_records(names[0], (first, second))
        return
    if len(names) != 2:
        raise InputError(names[0], "give two texts or folders, the original first and the spun one second, or one JSONL file")
    original, spun = map(Path, names)
    if original.is_dir() != spun.is_dir():
        raise InputError(names[0], f"one of this and {names[1]} is a folder; give two texts or two folders")
    if not original.is_dir():
        yield f"{original}\n{spun}", ()
        return
    files = {path.relative_to(original) for path in original.rglob("*") if path.is_file()}
    shared = sorted(path for path in files if (spun / path).is_file())
    if not shared:
        raise InputError(names[0], f"holds no file that {names[1]} has under the same name")
    for path in shared:
        yield f"{original / path}\n{spun / path}", ()


def find_texts(names: Sequence[str], field: str) -> Iterator[Document]:
    """Documents of files: the file itself, or one field of each record of a .jsonl file."""
    for name in names:
        if name.endswith(".jsonl"):
            yield from read_records(name, (field,))
        else:
            yield name, (read_text(name),)


def read_records(name: str, fields: tuple[str, ...]) -> Iterator[Document]:
    """Fields of each record of a JSONL file.

    Raises:
        InputError: a line is no record with these fields as text.
    """
    for number, line in enumerate(read_text(name).split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            texts = tuple(record[field] for field in fields)
        except (ValueError, TypeError, KeyError):
            texts = ()
        if not texts or not all(isinstance(text, str) for text in texts):
            option = "--fields" if len(fields) > 1 else "--field"
            raise InputError(name, f"line {number} is no JSON record with {' and '.join(map(repr, fields))} as text; name the fields with {option}")
        yield f"{name}, line {number}", texts


class _Progress:
    """Documents done, on a terminal's standard error; nothing elsewhere."""

    def __init__(self, total: int) -> None:
        self.done = 0
        self._total = total
        self._last = 0.0

    def __call__(self, name: str) -> None:
        self.done += 1
        self._show(f"{self.done} of {self._total}: {name.split(chr(10))[-1]}")

    def stage(self, stage: str, done: int, total: int) -> None:
        """One step of a stage."""
        self._show(f"{stage}: {done} of {total}")

    def _show(self, line: str) -> None:
        if sys.stderr.isatty() and time.monotonic() - self._last > 0.1:
            self._last = time.monotonic()
            print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)

    def say(self, line: str) -> None:
        """A line that stays."""
        if sys.stderr.isatty():
            self.clear()
            print(line, file=sys.stderr)

    def clear(self) -> None:
        """Make way for another line."""
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
