"""The package's rooms: imports flow one way, only the command prints or exits, numpy is for training alone."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import pytest

import restore

PACKAGE = Path(restore.__file__).parent

# From the bottom up; a module imports from its own line (inside a folder only) or from lines above.
LAYERS = [
    {"errors", "data"},
    {"records", "container"},
    {"kernels", "kernels_gate", "kernels_near", "kernels_ocr", "arrays"},
    {"edits", "schemas"},
    {"tokenizer"},
    {"casing", "protect", "gate", "batch"},
    {"cleanup"},
    {"lookalikes"},
    {"lexicon"},
    {"language_model"},
    {"channels"},
    {"lattice"},
    {"decode", "collocation"},
    {"detect", "respell"},
    {"rewrite"},
    {"engine"},
    {"explain", "evaluate", "evidence", "learn"},
    {"report"},
    {""},  # restore/__init__.py, the front door
    {"corpus"},
    {"integrations"},
    {"cli"},
    {"__main__"},
]
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}
#: The trainer: the only modules that may need numpy.
TRAINING = {f"language_model.{name}" for name in ("characters", "corpus", "count", "estimate", "perplexity", "prune", "quantise", "train", "write")}
#: The engines that a module of integrations may import; each is an extra.
ENGINES = {"arrow": {"pyarrow"}, "dolma_tagger": {"dolma"}, "datatrove": {"datatrove"}, "spacy": {"spacy"}}
ENGINES |= {name: {"pyarrow", name} for name in ("ray", "datasets", "polars", "pandas")} | {"spark": {"pyarrow", "pyspark"}}
#: Ours, and what pyproject.toml requires of everybody.
ALLOWED = {"restore", "charset_normalizer", "cython", "ftfy", "regex", "symspellpy", "tomli"}
#: The extra for corpora.
CORPUS = {"backports", "compression", "fastwarc", "fsspec", "msgspec", "pyarrow", "resiliparse"}


class Import(NamedTuple):
    """One import statement: the module it names, whether it runs when the file is imported, and where it stands."""

    target: str
    eager: bool
    line: int


def modules() -> dict[str, Path]:
    names = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


MODULES = modules()


@lru_cache
def tree_of(name: str) -> ast.Module:
    return ast.parse(MODULES[name].read_text(encoding="utf-8"))


def imports(name: str) -> list[Import]:
    return list(walk(tree_of(name).body, True))


def walk(nodes: list[ast.stmt], eager: bool) -> Iterator[Import]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, eager, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            assert node.module
            for alias in node.names:
                inside = f"{node.module}.{alias.name}"
                yield Import(inside if inside.removeprefix("restore.") in MODULES else node.module, eager, node.lineno)
        elif isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            yield from walk(node.body, False)
        else:
            within = eager and not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            for part in ("body", "orelse", "finalbody", "handlers"):
                yield from walk(getattr(node, part, []), within)


def ours(target: str) -> str | None:
    """Name of one of our modules below the package, "" for the package itself; None for others."""
    return target.removeprefix("restore").removeprefix(".") if target.split(".")[0] == "restore" else None


def room(name: str) -> str:
    return name.split(".")[0]


def test_every_module_has_its_place() -> None:
    rooms = {room(name) for name in MODULES}
    assert rooms <= set(RANK), "name new rooms in LAYERS"
    design = (Path(__file__).parents[1] / "DESIGN.md").read_text(encoding="utf-8")
    unnamed = [name for name in sorted(rooms - {"", "__main__"}) if f"{name}.py" not in design and f" {name}/" not in design]
    assert unnamed == [], "name new rooms in DESIGN.md"


@pytest.mark.parametrize("name", MODULES)
def test_imports_flow_one_way(name: str) -> None:
    wrong = []
    for target, _, line in imports(name):
        module = ours(target)
        if module is not None and room(module) != room(name) and not RANK[room(module)] < RANK[room(name)]:
            wrong.append(f"{MODULES[name]}:{line}: restore.{name} imports restore.{module}")
    assert not wrong


@pytest.mark.parametrize("name", ["kernels", "kernels_gate", "kernels_near", "kernels_ocr"])
def test_kernels_import_nothing_of_ours(name: str) -> None:
    assert {room(target) for target, _, _ in imports(name)} <= {"cython", "math"}


def test_no_module_imports_itself_in_a_circle() -> None:
    """Imports that run when a file is imported: removing modules that import none of the rest leaves nothing."""
    rest = {name: {ours(t) for t, eager, _ in imports(name) if eager} - {None, "", name} for name in MODULES}
    while True:
        done = {name for name, targets in rest.items() if not targets & rest.keys()}
        if not done:
            break
        rest = {name: targets for name, targets in rest.items() if name not in done}
    assert rest == {}


@pytest.mark.parametrize("name", MODULES)
def test_only_known_libraries_are_imported(name: str) -> None:
    allowed = ALLOWED | set(sys.stdlib_module_names) | ({"numpy"} if name in TRAINING | {"language_model"} else set())
    if room(name) == "corpus":
        allowed |= CORPUS
    if name == "schemas":
        allowed.add("pyarrow")
    if name == "cli.run":
        allowed.add("tqdm")
    if name == "cli.files":
        allowed.add("pypdf")
    allowed |= ENGINES.get(name.removeprefix("integrations."), set()) if room(name) == "integrations" else set()
    if name == "cli.settings" and sys.version_info < (3, 11):
        allowed.add("tomllib")
    assert {room(target) for target, _, _ in imports(name)} <= allowed


def test_numpy_is_imported_by_training_modules_only_and_they_lazily() -> None:
    eager = {name for name in MODULES for target, eager, _ in imports(name) if eager and room(target) == "numpy"}
    assert eager <= TRAINING
    into_training = {(name, target) for name in MODULES for target, eager, _ in imports(name) if eager and ours(target) in TRAINING and name not in TRAINING}
    assert into_training == set()


def test_engines_are_imported_by_their_own_adaptors_only() -> None:
    adaptors = {f"integrations.{name}" for name in ENGINES}
    into = {(name, target) for name in MODULES for target, eager, _ in imports(name) if eager and ours(target) in adaptors and room(name) != "integrations"}
    assert into == set()
    assert {ours(target) for name in adaptors for target, _, _ in imports(name)} & adaptors <= {"integrations.arrow"}


def test_restoring_needs_no_numpy() -> None:
    script = "import sys, restore, restore.cli; restore.cli.build_parser(); restore.load().restore('A short text.'); sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


SILENT = [name for name in MODULES if room(name) not in ("cli", "__main__")]
EXITS = {"exit", "quit", "_exit", "abort", "breakpoint", "print", "input", "SystemExit"}


@pytest.mark.parametrize("name", SILENT)
def test_only_the_command_prints_or_exits(name: str) -> None:
    wrong = []
    for node in ast.walk(tree_of(name)):
        if isinstance(node, ast.Name) and node.id in EXITS:
            wrong.append(f"line {node.lineno}: {node.id}")
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id == "sys" and node.attr in {"exit", "stdout", "stderr", "stdin", "argv"}:
                wrong.append(f"line {node.lineno}: sys.{node.attr}")
            elif node.value.id == "os" and node.attr in {"_exit", "abort"}:
                wrong.append(f"line {node.lineno}: os.{node.attr}")
    assert not wrong


@pytest.mark.parametrize("name", MODULES)
def test_nothing_is_unpickled_or_evaluated(name: str) -> None:
    assert not {room(target) for target, _, _ in imports(name)} & {"pickle", "marshal", "shelve", "dill", "joblib"}
    called = {node.func.id for node in ast.walk(tree_of(name)) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not called & {"eval", "exec", "__import__"}


CHECKER = [
    ("import os\ndef f():\n    import restore.engine\n", [("os", True), ("restore.engine", False)]),
    ("from restore import kernels\nfrom restore.errors import InputError\n", [("restore.kernels", True), ("restore.errors", True)]),
    ("if TYPE_CHECKING:\n    from restore.engine import Restorer\nelse:\n    import re\n", [("restore.engine", False)]),
    ("try:\n    import a\nexcept ImportError:\n    import b\n", [("a", True), ("b", True)]),
    ("class C:\n    import c\n    def f(self):\n        import d\n", [("c", True), ("d", False)]),
]


@pytest.mark.parametrize(("source", "found"), CHECKER)
def test_the_checker_finds_imports(source: str, found: list[tuple[str, bool]]) -> None:
    assert [(target, eager) for target, eager, _ in walk(ast.parse(source).body, True)] == found
