"""``restore model``: train and inspect language models."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from restore.errors import ConfigError, ModelError


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "model", help="train and inspect language models", description="Train and inspect n-gram language models (modified Kneser–Ney, pruned, quantised)."
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    train = actions.add_parser(
        "train",
        help="train a model on texts",
        description="Train a model on UTF-8 texts, one paragraph a line; .gz and .xz are unpacked. Needs the extra: pip install 'restore-text[train]'. "
        "540 MB of text take 3 minutes and 7 GB of memory on one core.",
    )
    train.add_argument("texts", nargs="+", metavar="TEXT")
    train.add_argument("-o", "--output", required=True, metavar="FILE", help="the model file; it appears whole or not at all")
    train.add_argument("--order", type=int, default=4, metavar="N", help="longest n-gram (default: 4; 2 to 5)")
    train.add_argument("--min-word-count", type=int, default=5, metavar="N", help="rarer words count as unknown (default: 5)")
    train.add_argument(
        "--min-counts",
        metavar="N,N,…",
        help="by order, leave out n-grams seen less often (default: 1,2,3,3 with a limit on the size, otherwise all 1)",
    )
    train.add_argument("--size", type=float, metavar="MB", help="prune until the file has at most this many million bytes")
    train.add_argument("--max-ngrams", type=int, metavar="N", help="prune until at most this many n-grams of two words and more are left")
    train.add_argument("--tokens", choices=("text", "split"), default="text", help="text: our tokenizer (default); split: what stands between white space")
    train.add_argument(
        "--test", action="append", default=[], metavar="TEXT", help="a held-out text: the report tells the perplexity on it at each stage; repeatable"
    )
    train.set_defaults(run=run_train)
    info = actions.add_parser("info", help="describe a model", description="Print what a model file holds, and check it for damage.")
    info.add_argument("model", metavar="NAME|FILE", nargs="?", default="en")
    info.set_defaults(run=run_info)
    score = actions.add_parser("score", help="perplexity of texts", description="Print the perplexity of each text (one paragraph a line) under a model.")
    score.add_argument("texts", nargs="+", metavar="TEXT")
    score.add_argument("--model", default="en", metavar="NAME|FILE")
    score.set_defaults(run=run_score)


def counts(value: str) -> list[int]:
    """Numbers with commas between them.

    Raises:
        ConfigError: there is something else.
    """
    try:
        return [int(count) for count in value.split(",")]
    except ValueError:
        raise ConfigError(f"--min-counts is {value!r}; write numbers with commas between them, one for each order") from None


def run_train(args: argparse.Namespace) -> int:
    """Train."""
    from restore.language_model import train_model

    folder = Path(args.output).resolve().parent
    if not folder.is_dir():
        raise ModelError(args.output, f"cannot be written: there is no folder {folder}")
    report = train_model(
        args.texts,
        args.output,
        order=args.order,
        vocabulary_min_count=args.min_word_count,
        min_counts=counts(args.min_counts) if args.min_counts else None,
        size_limit_mb=args.size,
        max_ngrams=args.max_ngrams,
        tokens=args.tokens,
        test=args.test,
        progress=_Progress(),
    )
    print(json.dumps(report, indent=1, ensure_ascii=False))
    return 0


def run_info(args: argparse.Namespace) -> int:
    """Describe."""
    model = open_model(args.model)
    model.container.verify()
    sizes = model.container.sizes()
    print(f"{model.path.name}: order {model.order}, {len(model):,} words, {sum(sizes.values()):,} bytes, checksums right")
    for key, value in model.meta.items():
        print(f"  {key}: {json.dumps(value, ensure_ascii=False)}")
    return 0


def run_score(args: argparse.Namespace) -> int:
    """Perplexity with unknown words, and without, of each text."""
    import math

    from restore.cli.files import read_text
    from restore.language_model.model import END, UNKNOWN
    from restore.tokenizer import encode, tokenize

    model = open_model(args.model)
    for name in args.texts:
        total = known = 0.0
        words = unknown = 0
        for line in read_text(name).split("\n"):
            tokens = tokenize(encode(line))
            if not len(tokens):
                continue
            ids = model.ids(memoryview(tokens.norms), len(tokens))
            ids.append(END)
            for word, log_prob in zip(ids, model.score_ids(ids), strict=True):
                words += 1
                total += log_prob
                if word == UNKNOWN:
                    unknown += 1
                else:
                    known += log_prob
        if words:
            print(
                f"{name}: perplexity {math.exp(-total / words):.2f}, without unknown words {math.exp(-known / max(1, words - unknown)):.2f}"
                f" ({unknown:,} unknown of {words:,} tokens)"
            )
    return 0


def open_model(name: str) -> Any:
    """A model by name or path."""
    from restore.engine import model_path
    from restore.language_model.model import LanguageModel

    return LanguageModel(model_path(name))


class _Progress:
    """Stages of the training on a terminal's standard error; nothing elsewhere."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._last = 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        if sys.stderr.isatty() and (now - self._last > 0.2 or done >= total):
            self._last = now
            print(f"\r\x1b[K{stage} {100 * done / max(1, total):.0f} %, {now - self._began:.0f} s", end="", file=sys.stderr, flush=True)
