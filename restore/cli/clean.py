"""``restore clean``: the cleanup rules alone."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from restore.cli.files import STANDARD, read_text, write_text
from restore.cli.fix import add_output, check_output, deliver, say_page_marks
from restore.cli.settings import add_layout, layout_settings
from restore.errors import InputError

if TYPE_CHECKING:
    from restore.channels.layout import PageMark


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "clean",
        help="clean up encoding, characters and white space",
        description="Print each text cleaned by rules: mojibake, hidden characters, HTML entities, white space and the like. The wording stays; so does the "
        "number of lines, without --layout.",
        epilog="Regions between `restore: off` and `restore: on` in a text (in a comment, say) are left alone.",
    )
    parser.add_argument("files", nargs="*", default=[STANDARD], metavar="FILE", help="a text in UTF-8, - for standard input (default)")
    rules = parser.add_argument_group("what is cleaned")
    rules.add_argument("--profile", metavar="NAME", help="a set of rules: minimal (default), scan, web or typed")
    rules.add_argument("--rule", action="append", default=[], metavar="NAME", help="add a rule to the profile, or without --profile run it alone; repeatable")
    rules.add_argument("--no-rule", action="append", default=[], metavar="NAME", help="leave a rule out; repeatable")
    rules.add_argument("--rules", action="store_true", help="list the rules and the profiles that have them, and stop")
    add_layout(rules)
    views = add_output(parser)
    views.add_argument("--explain", action="store_true", help="print each edit with its rule, why, and the words around it before and after")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do it."""
    from restore.cleanup import clean, select_rules
    from restore.edits import apply, compose
    from restore.report.text import explain_edits, mark_table

    if args.rules:
        _list_rules()
        return 0
    check_output(args)
    rules = select_rules(args.profile, args.rule, args.no_rule) if args.profile or args.rule or not args.layout else ()
    settings = layout_settings(args)
    model = None
    if settings:
        from restore.channels.layout import layout
        from restore.engine import model_path
        from restore.language_model.model import LanguageModel

        model = LanguageModel(model_path("en"))
    status = 0
    for name in args.files:
        try:
            text = read_text(name, args.encoding)
            edits = clean(text, rules)
            cleaned = apply(text, edits)
            marks: list[PageMark] = []
            if settings and model:
                marks = say_page_marks(args, name, text)
                edits = compose(text, edits, layout(cleaned, model, settings))
                cleaned = apply(text, edits)
            left = [] if settings and settings.remove_heads else marks
            if args.explain:
                write_text("".join(f"{line}\n" for line in explain_edits(text, edits)))
            else:
                found = {
                    "text": cleaned,
                    "edits": [edit.to_dict() for edit in edits],
                    **({"page_marks": [mark.to_dict() for mark in left]} if settings else {}),
                }
                deliver(args, name, text, cleaned, edits, found.copy)
            if args.list or args.explain:
                write_text("".join(f"{line}\n" for line in mark_table(text, left)))
            if args.check and edits:
                status = max(status, 1)
        except InputError as error:
            print(f"restore: {error}", file=sys.stderr)
            status = 2
    return status


def _list_rules() -> None:
    from restore.cleanup import PROFILES, RULES

    print(f"{'rule':16s}" + "".join(f"{name:9s}" for name in PROFILES) + "what it does")
    for rule in RULES.values():
        print(f"{rule.name:16s}" + "".join(f"{'yes' if rule.name in names else '-':9s}" for names in PROFILES.values()) + rule.summary)
