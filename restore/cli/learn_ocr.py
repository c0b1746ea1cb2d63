"""``restore learn ocr``: confusion weights from scanned texts."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from restore.cli.files import read_text
from restore.errors import InputError

#: A larger share of damaged characters is none: the worst newspapers have .2.
MISALIGNED = 0.4


def add_action(actions: Any) -> None:
    """Add the action to the group `restore learn`."""
    parser: argparse.ArgumentParser = actions.add_parser(
        "ocr",
        help="confusion weights, from scans beside their transcription or alone",
        description="Learn which characters an OCR engine takes for which. A .tsv file has a scanned line and its transcription in each row (and a header row "
        "with the names ocr and gold, if these are not the first two columns); any other file is the text of a scan, and what the channel is sure of stands "
        "for its transcription. The weights are for --ocr-weights.",
    )
    parser.add_argument("texts", nargs="+", metavar="PAIRS.tsv|TEXT")
    parser.add_argument("-o", "--output", default="confusions.tsv", metavar="FILE", help="the weights (default: confusions.tsv)")
    parser.add_argument("--model", default="en-historical", metavar="NAME|FILE", help="language model for texts alone (default: en-historical)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do it."""
    from restore.channels.ocr import read_confusions
    from restore.engine import model_path
    from restore.language_model.model import LanguageModel
    from restore.learn.ocr import learn_aligned, learn_unaligned, write_confusions
    from restore.lexicon import data_path

    pairs: list[tuple[str, str]] = []
    texts = []
    for name in args.texts:
        text = read_text(name)
        if name.endswith(".tsv"):
            pairs += read_pairs(name, text)
        else:
            texts.append(text)
    if pairs and texts:
        raise InputError(args.texts[0], "pairs (.tsv) and texts alone cannot be learnt from together; give one kind")
    if pairs:
        rates, damage = learn_aligned(pairs, _progress)
    else:
        shipped = read_confusions(data_path() / "ocr" / "confusions.tsv")
        rates, damage = learn_unaligned(texts, LanguageModel(model_path(args.model)), shipped, _progress)
    if damage > MISALIGNED:
        raise InputError(
            args.texts[0], f"{100 * damage:.0f} % of the characters differ: these are no transcriptions of these lines; give a scanned line and its own"
        )
    if not rates:
        raise InputError(args.texts[0], "no confusions were found: the scans and their transcriptions are equal, or have nothing in common")
    kind = f"{len(pairs):,} aligned lines" if pairs else f"{len(texts):,} texts alone"
    comments = ["Confusions of OCR: times in 10,000 places, where one character in a hundred is damaged.", f"Learnt by `restore learn ocr` from {kind}."]
    rows = write_confusions(args.output, rates, comments)
    print(f"{args.output}: {rows:,} confusions; {100 * damage:.1f} % of the characters are damaged")
    return 0


def read_pairs(name: str, text: str) -> list[tuple[str, str]]:
    """Scanned lines and their transcriptions.

    Raises:
        InputError: a row has one column only.
    """
    rows = [line.split("\t") for line in text.splitlines() if line]
    columns = (0, 1)
    if rows and {"ocr", "gold"} <= set(rows[0]):
        columns = rows[0].index("ocr"), rows[0].index("gold")
        del rows[0]
    for number, row in enumerate(rows, 1):
        if len(row) <= max(columns):
            raise InputError(name, f"row {number} has {len(row)} columns; write a scanned line, a tab and its transcription")
    return [(row[columns[0]], row[columns[1]]) for row in rows]


def _progress(stage: str, done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{stage} {100 * done / max(1, total):.0f} %", end="" if done < total else "\r\x1b[K", file=sys.stderr, flush=True)
