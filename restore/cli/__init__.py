"""The command ``restore``: parses, calls, prints. The only code that prints or exits.

Exit status: 0 fine; 1 something was found (``detect``, ``fix --check``); 2 a usage or input error, told in one line on standard error.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence

from restore.errors import RestoreError

DESCRIPTION = "Undo machine damage to text: find synonym-substituted (“spun”) text and put the original wording back."


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: arguments without the program's name; the process's own by default.

    Returns:
        The exit status.
    """
    for stream in (sys.stdout, sys.stderr):
        # Messages hold arrows and dashes; a terminal that cannot show them gets question marks. Texts are written as UTF-8 bytes.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    args = build_parser().parse_args(argv)
    try:
        status: int = args.run(args)
        sys.stdout.flush()
        return status
    except RestoreError as error:
        print("\n".join(f"restore: {line}" for line in str(error).split("\n")), file=sys.stderr)
        return 2
    except BrokenPipeError:
        # The reader went away (restore … | head): not an error. Python would complain again when it closes standard output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        print(f"restore: {error.filename or 'standard output'}: {error.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("restore: interrupted", file=sys.stderr)
        return 130


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    from restore.cli import clean, detect, dictionary, evaluate, fix, learn, model, run, undo

    parser = argparse.ArgumentParser(prog="restore", description=DESCRIPTION, epilog="`restore COMMAND --help` tells more about a command.")
    parser.add_argument("--version", action="store_const", const=_version, dest="run", help="show the version and whether the kernels are compiled")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=False)
    for module in (fix, clean, undo, detect, run, dictionary, model, evaluate, learn):
        module.add_parser(commands)
    parser.set_defaults(run=lambda args: _usage(parser))
    return parser


def _usage(parser: argparse.ArgumentParser) -> int:
    parser.print_help(sys.stderr)
    return 2


def _version(args: argparse.Namespace) -> int:
    import platform

    import restore
    from restore import kernels

    kind = "compiled kernels" if kernels.COMPILED else "kernels as Python: slow; install a C compiler and reinstall"
    print(f"restore {restore.__version__} (Python {platform.python_version()}, {kind})")
    return 0
