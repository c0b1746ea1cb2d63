"""The front door: what is exported, that all of it is documented, and that the package holds what it says."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import restore
import restore.errors
from restore import Config, Edit, RestoreError, Segment, Verdict

ROOT = Path(__file__).parents[1]
PACKAGE = Path(restore.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
PROJECT = pytest.importorskip("tomllib" if sys.version_info >= (3, 11) else "tomli").loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_all_is_what_is_exported() -> None:
    """Names are imported when they are first used; type checkers see the same ones."""
    tree = ast.parse(Path(restore.__file__).read_text(encoding="utf-8"))
    typed = [alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("restore.") for alias in node.names]
    assert sorted(typed) == sorted(restore.__all__) == list(restore.__all__)
    assert set(restore.__all__) <= set(dir(restore))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        restore.nothing  # noqa: B018


@pytest.mark.parametrize("name", restore.__all__)
def test_exported_names_are_documented(name: str) -> None:
    documented = inspect.getdoc(getattr(restore, name))
    assert documented
    # A dataclass without a docstring gets its signature as one.
    assert not documented.startswith(f"{name}(")


@pytest.mark.parametrize("kind", [getattr(restore, name) for name in restore.__all__ if inspect.isclass(getattr(restore, name))])
def test_their_methods_are_documented(kind: type) -> None:
    methods = {name: value for name, value in vars(kind).items() if not name.startswith("_") and (callable(value) or isinstance(value, classmethod))}
    assert [name for name in methods if not inspect.getdoc(getattr(kind, name))] == []


def public(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Functions and classes that do not begin with an underscore, without those that Cython makes C functions, which Python does not see."""
    for node in tree.body:
        named = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and not node.name.startswith("_")
        if named and "cython.cfunc" not in map(ast.unparse, node.decorator_list):
            yield node


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_public_functions_and_classes_have_docstrings(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    bare = [f"{path.name}:{node.lineno}: {node.name}" for node in public(tree) if not ast.get_docstring(node)]
    assert not bare
    if tree.body:
        assert ast.get_docstring(tree), "a module says why it exists"


@pytest.mark.parametrize("record", [Config, Edit, Segment, Verdict])
def test_every_field_is_documented(record: type) -> None:
    text = inspect.getdoc(record) or ""
    described = {name.strip() for line in text.splitlines() if ":" in line for name in line.split(":")[0].split(",")}
    assert {field.name for field in dataclasses.fields(record)} <= described


VERDICT = Verdict(0.9, 3.0, 0.5, 4, 20)
RECORDS = [Config(), Edit(0, 1, "a", "b", "ocr", 0.5), Segment(0, 1, 0.5, 0.5), VERDICT, restore.Result("b", (), VERDICT)]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_records_are_frozen(record: object) -> None:
    name = next(name for name in dir(record) if not name.startswith("_"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(record, name, None)


def test_edits_of_a_result_are_made_once_and_when_asked_for() -> None:
    edits, made = (Edit(0, 1, "a", "b", "substitution", 0.9),), []
    lazy = restore.Result("b", lambda: made.append(1) or edits, VERDICT)  # type: ignore[func-returns-value]
    assert lazy.changed and not made  # noqa: PT018
    assert lazy == restore.Result("b", edits, VERDICT) == pickle.loads(pickle.dumps(lazy))
    assert lazy.edits is edits and made == [1]  # noqa: PT018
    assert not restore.Result("a", (), VERDICT).changed


def test_every_argument_of_load_is_documented_and_in_the_readme() -> None:
    parameters = inspect.signature(restore.load).parameters
    text = inspect.getdoc(restore.load) or ""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(f"\n    {name}: " in text for name in parameters)
    assert "restore.load(" + ", ".join(f"{name}={value.default!r}" for name, value in parameters.items()).replace("'", '"') + ")" in readme


def test_defaults_are_said_once() -> None:
    parameters = inspect.signature(restore.load).parameters
    for field in dataclasses.fields(Config):
        assert parameters[field.name].default in (field.default, ())


def test_one_tree_of_errors() -> None:
    errors = {name: value for name, value in vars(restore.errors).items() if isinstance(value, type) and issubclass(value, BaseException)}
    assert all(issubclass(error, RestoreError) for error in errors.values())
    assert set(errors) == {name for name in restore.__all__ if name.endswith("Error")}
    drawn = restore.errors.__doc__ or ""
    assert set(errors) == {word for word in drawn.replace("\n", " ").split() if word.endswith("Error")}


def test_the_version_is_said_twice_and_agrees() -> None:
    assert restore.__version__ == PROJECT["project"]["version"]


def test_files_a_project_has() -> None:
    assert (PACKAGE / "py.typed").exists()
    assert "py.typed" in PROJECT["tool"]["setuptools"]["package-data"]["restore"]
    assert (ROOT / PROJECT["project"]["readme"]).stat().st_size > 0
    assert PROJECT["project"]["readme"] == "README.md"
    assert all((ROOT / name).stat().st_size > 0 for name in PROJECT["project"]["license-files"])


def test_every_folder_of_the_package_is_installed() -> None:
    folders = {".".join(path.parent.relative_to(PACKAGE.parent).parts) for path in MODULES}
    settings = PROJECT["tool"]["setuptools"]
    assert folders <= set(settings["packages"])
    modules = [name for name in settings["packages"] if not name.startswith("restore.data.")]
    assert all((ROOT / settings["package-dir"].get(name, name.replace(".", "/")) / "__init__.py").exists() for name in modules)


def test_the_command_is_the_module() -> None:
    module, _, function = PROJECT["project"]["scripts"]["restore"].partition(":")
    tree = ast.parse((PACKAGE / "__main__.py").read_text(encoding="utf-8"))
    imported = [(node.module, alias.name) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert (module, function) in imported
