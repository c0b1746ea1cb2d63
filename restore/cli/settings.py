"""Options shared by the commands that load a `Restorer`, and their defaults from restore.toml or [tool.restore] in pyproject.toml."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from restore.errors import ConfigError

if TYPE_CHECKING:
    from restore.channels.layout import Layout

#: Keys of a settings file, and the types of their values.
KEYS: dict[str, type | tuple[type, ...]] = {
    "dictionaries": list,
    "protect": list,
    "protect_file": str,
    "model": str,
    "channels": list,
    "vocabulary": (str, list),
    "ocr_weights": str,
    "prior": (int, float),
    "min_probability": (int, float),
    "assume_spun": (bool, int, float),
    "clean": (str, list),
    "layout": bool,
    "gate": bool,
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options; their values go to `load_restorer`."""
    group = parser.add_argument_group("what is restored, and when (defaults can stand in restore.toml, or in pyproject.toml under [tool.restore])")
    group.add_argument(
        "--dict", dest="dictionaries", action="append", metavar="PATH", help="a dictionary file or folder of your own, on top of the shipped ones; repeatable"
    )
    group.add_argument("--protect", action="append", metavar="WORDS", help="a word or phrase that is never edited; repeatable")
    group.add_argument("--protect-file", metavar="FILE", help="such words and phrases, one a line")
    group.add_argument(
        "--channels",
        type=channel_names,
        metavar="NAME,…",
        help="what may have happened to a text: substitution (spun; the default), ocr (scanned), spelling (typed)",
    )
    group.add_argument("--ocr-weights", metavar="FILE", help="weights for the channel ocr, made by `restore learn ocr`, in place of the shipped ones")
    group.add_argument("--vocabulary", metavar="FILE", help="words that the channels ocr and spelling take as right, one a line")
    group.add_argument("--model", metavar="NAME|FILE", help='language model: "en", "en-historical" or a file (default: en, but by the text for ocr, spelling)')
    group.add_argument("--prior", type=float, metavar="P", help="probability that a text is spun, before looking at it (default: 0.01)")
    group.add_argument("--min-probability", type=float, metavar="P", help="make an edit when its probability is at least this (default: 0.6; ocr: 0.25)")
    group.add_argument(
        "--no-gate",
        dest="gate",
        action="store_const",
        const=False,
        help="decode texts, too, that the gate finds clean: some thirty times slower; for short texts, and spinners that no dictionary knows",
    )
    group.add_argument(
        "--assume-spun",
        nargs="?",
        const=True,
        type=rate,
        metavar="RATE",
        help="take the text as spun; RATE, above 0 and up to 1, is the share of replaceable words that were replaced (without it the text tells)",
    )


def add_layout(group: Any) -> None:
    """Add the options of the layout channel; `layout_settings` reads them."""
    group.add_argument("--layout", action="store_const", const=True, help="join words divided at line ends: the only step that changes the number of lines")
    group.add_argument("--remove-heads", action="store_true", help="with --layout: take out running heads, page numbers and catchwords at the edges of pages")
    group.add_argument("--page-separator", metavar="REGEX", help="with --layout: what stands between pages (default: form feeds)")


def layout_settings(args: argparse.Namespace) -> Layout | None:
    """Settings of the layout channel, None when it is off.

    Raises:
        ConfigError: its options were given without ``--layout``.
    """
    if not args.layout:
        if args.remove_heads or args.page_separator is not None:
            raise ConfigError("--remove-heads and --page-separator go with --layout")
        return None
    from restore.channels.layout import FORM_FEED, Layout

    return Layout(FORM_FEED if args.page_separator is None else args.page_separator, args.remove_heads)


def channel_names(value: str) -> list[str]:
    """Names with commas between them, for argparse."""
    return [name.strip() for name in value.split(",") if name.strip()]


def rate(value: str) -> float:
    """A number above 0 and up to 1, for argparse."""
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    if not 0 < number <= 1:
        raise argparse.ArgumentTypeError(f"{value!r} is no number above 0 and up to 1 (a file goes before this option, or after --)")
    return number


def load_restorer(args: argparse.Namespace) -> Any:
    """A `Restorer` with the settings of the command line, else of a settings file, else the defaults.

    Raises:
        RestoreError: something cannot be loaded.
    """
    import restore
    from restore.lexicon import compiled_path

    arguments = restorer_arguments(args)
    if sys.stderr.isatty() and not compiled_path(arguments.get("dictionaries", ())).exists():
        print("restore: compiling the dictionaries, once; some seconds", file=sys.stderr)
    return restore.load(**arguments)


def restorer_arguments(args: argparse.Namespace) -> dict[str, Any]:
    """The arguments of `restore.load` that the command line, else a settings file, gives."""
    from restore.lexicon import read_words

    settings = read_settings()
    settings.update({key: value for key in KEYS if (value := getattr(args, key, None)) is not None})
    if "layout" in vars(args) and (pages := layout_settings(args)):
        settings["layout"] = pages
    protect = list(settings.pop("protect", ()))
    if "protect_file" in settings:
        protect += read_words(settings.pop("protect_file"))
    if isinstance(settings.get("vocabulary"), str):
        settings["vocabulary"] = read_words(settings["vocabulary"])
    return {"protect": protect, **settings}


def read_settings(folder: Path | None = None) -> dict[str, Any]:
    """Settings from restore.toml, or from [tool.restore] in pyproject.toml, of a folder (default: the current one).

    Raises:
        ConfigError: the file is no TOML, has an unknown key or a value of the wrong type.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    folder = folder or Path.cwd()
    for name, table in (("restore.toml", ()), ("pyproject.toml", ("tool", "restore"))):
        path = folder / name
        if not path.is_file():
            continue
        try:
            data: Any = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
            raise ConfigError(f"{path}: {problem}") from None
        for key in table:
            if not isinstance(data, dict):
                break
            data = data.get(key, {})
        if not data:
            continue
        if not isinstance(data, dict):
            raise ConfigError(f"{path}: [tool.restore] is {data!r}; write a table of settings")
        for key, value in data.items():
            if key not in KEYS:
                raise ConfigError(f"{path}: unknown setting {key!r}; known: {', '.join(KEYS)}")
            if not isinstance(value, KEYS[key]) or (isinstance(value, list) and not all(isinstance(item, str) for item in value)):
                raise ConfigError(f"{path}: {key} is {value!r}, which is of the wrong type")
        return dict(data)
    return {}
