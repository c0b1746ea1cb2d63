"""``restore evaluate``: recall, precision and calibration on annotated texts."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from restore.cli.files import read_text
from restore.cli.settings import add_options, load_restorer
from restore.errors import InputError


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "evaluate",
        help="score on annotated texts",
        description="Score on texts in which every changed span is marked as [[observed=>original|also accepted]]: recall, precision, F0.5, what went wrong, "
        "and whether the probabilities of the edits are right.",
    )
    parser.add_argument("files", nargs="+", metavar="ANNOTATED")
    parser.add_argument("--format", choices=("table", "json"), default="table")
    parser.add_argument("--confusions", type=int, default=20, metavar="N", help="show the N things that went wrong at the highest cost (default: 20)")
    parser.add_argument("--save", metavar="FILE", help="write the scores, for --compare")
    parser.add_argument("--compare", metavar="FILE", help="also show the difference to scores that --save wrote")
    add_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do it."""
    from restore.evaluate import MARK, Score, score_text

    restorer = load_restorer(args)
    total = Score()
    files: dict[str, Any] = {}
    status = 0
    for name in args.files:
        try:
            text = read_text(name)
            for number, line in enumerate(text.split("\n"), 1):
                if line.count("[[") != len(MARK.findall(line)):
                    raise InputError(name, f"line {number} has a mark that is not [[observed=>original]]; mend it")
            score = score_text(restorer, text)
        except InputError as error:
            print(f"restore: {error}", file=sys.stderr)
            status = 2
            continue
        files[name] = score.to_dict()
        total.add(score)
    if not files:
        return status
    report = {"total": total.to_dict(), "files": files}
    if args.format == "json":
        print(json.dumps(report, indent=1, ensure_ascii=False))
    else:
        _print_table(report, args.confusions)
    if args.compare:
        _print_difference(_load(args.compare), report)
    if args.save:
        try:
            Path(args.save).write_text(json.dumps(report, ensure_ascii=False), encoding="utf-8")
        except OSError as problem:
            raise InputError(args.save, f"cannot be written ({problem.strerror})") from None
    return status


def _print_table(report: dict[str, Any], confusions: int) -> None:
    from restore.evaluate import within

    print("recall  precision  F0.5    must right wrong missed extra  text")
    for name, row in [*report["files"].items(), ("all", report["total"])]:
        print(
            f"{row['recall']:6.3f}  {row['precision']:9.3f}  {row['f05']:5.3f}  {row['must']:5d} {row['right']:5d} {row['wrong']:5d} {row['missed']:6d} "
            f"{row['extra']:5d}  {name}"
        )
    total = report["total"]
    if total["confusions"] and confusions:
        print("\ncost in F0.5  times  observed → output (accepted)")
        for observed, output, accepted, count, cost in total["confusions"][:confusions]:
            print(f"{cost:12.4f}  {count:5d}  {observed} → {output or '(left)'} ({accepted or 'as it stood'})")
    bins = total["calibration"]
    if bins:
        print("\nprobability  right  edits")
        for probability, right, count in bins:
            print(f"{probability:11.3f}  {right:5.3f}  {count:5d}{'' if within(probability, right, count) else '  off'}")
        kept = sum(within(*row) for row in bins)
        print(f"{kept} of {len(bins)} within 5 points or two standard errors")


def _print_difference(before: dict[str, Any], after: dict[str, Any]) -> None:
    from restore.evaluate import sign_test

    print("\nchange against the saved scores")
    for name, row in [*after["files"].items(), ("all", after["total"])]:
        old = before["files"].get(name) if name != "all" else before["total"]
        if old:
            changes = [f"{row[key] - old[key]:+.3f} {title}" for key, title in (("recall", "recall"), ("precision", "precision"), ("f05", "F0.5"))]
            print(*changes, name, sep="  ")
    changes_of = _changes(before["total"]["confusions"], after["total"]["confusions"])
    better, worse = (sum(changes_of[title].total() for title in titles) for titles in (("mended", "spared"), ("broken", "spoilt")))
    if better or worse:
        print(f"{better} better, {worse} worse; by chance alone a split as uneven has probability {sign_test(better, worse):.3f}")
    for title, rows in changes_of.items():
        for (observed, output, accepted), _ in sorted(rows.items(), key=lambda item: (-item[1], item[0]))[:20]:
            print(f"{title}: {observed} → {output or '(left)'} ({accepted or 'as it stood'})")


def _changes(before: list[list[Any]], after: list[list[Any]]) -> dict[str, Counter[tuple[str, str, str]]]:
    """What is right now (with the output it had), spared (changed wrongly before, left now), right no longer, or changed wrongly where it was left before."""
    changes: dict[str, Counter[tuple[str, str, str]]] = {title: Counter() for title in ("mended", "spared", "broken", "spoilt")}
    outputs: dict[tuple[str, str], tuple[Counter[str], Counter[str]]] = {}
    for side, rows in enumerate((before, after)):
        for observed, output, accepted, times, *_ in rows:
            outputs.setdefault((observed, accepted), (Counter(), Counter()))[side][output] += times
    for (observed, accepted), (was, now) in outputs.items():
        gone, come = was - now, now - was
        for title, leaving, arriving in (("spared", gone, come), ("spoilt", come, gone)):
            # So many are wrong in both runs, of which some were left in one of them.
            both = min(leaving.total() - leaving[""], arriving[""])
            for output in sorted(set(leaving) - {""}):
                moved = min(both, leaving[output])
                both -= moved
                if moved:
                    changes[title][observed, output, accepted] += moved
                    leaving[output] -= moved
                    arriving[""] -= moved
        for title, here, there in (("mended", gone, come), ("broken", come, gone)):
            left = max(0, here.total() - there.total())
            for output in sorted(here):
                moved = min(left, here[output])
                left -= moved
                if moved:
                    changes[title][observed, output, accepted] += moved
    return changes


def _load(path: str) -> dict[str, Any]:
    try:
        data: dict[str, Any] = json.loads(read_text(path))
        if all("recall" in row for row in (data["total"], *data["files"].values())) and "confusions" in data["total"]:
            return data
    except (ValueError, TypeError, KeyError, AttributeError):
        pass
    raise InputError(path, "holds no scores; give what `restore evaluate --save FILE` wrote")
