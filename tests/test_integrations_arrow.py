"""The function over Arrow record batches: as the library, whatever the layout of the batch; nothing else is touched; wrong use is told."""

from __future__ import annotations

import pickle
import sys
from array import array
from dataclasses import fields, replace
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import restore
from restore import ConfigError, MissingExtraError
from restore.errors import InputError, RestoreError
from tests.integrations import ROWS, SPUN, TEXTS, expected, need, run_snippet

arrow = need("arrow", "pyarrow")
pa = pytest.importorskip("pyarrow")

KINDS = [pa.string(), pa.large_string(), pa.string_view()]


def batch_of(texts: list[str | None], kind: Any = None) -> Any:
    return pa.record_batch({"id": pa.array(range(len(texts)), pa.int64()), "text": pa.array(texts, kind or pa.string())})


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("settings", [{}, {"assume_spun": True, "protect": ("cash",)}], ids=["default", "assume_spun"])
def test_as_the_library(kind: Any, settings: dict[str, Any]) -> None:
    schema = pa.schema([("id", pa.int64()), ("text", kind), ("tags", pa.list_(pa.string()))], metadata={"by": "us"})
    batch = pa.RecordBatch.from_pylist(ROWS, schema)
    found = arrow.ArrowRestorer(verdict=True, edits=True, **settings)(batch)
    found.validate(full=True)
    assert found.to_pylist() == expected(**settings)
    assert found.schema.names == ["id", "text", "tags", "verdict", "edits"]
    assert found.schema.field("text").type == kind
    assert found.schema.metadata == {b"by": b"us"}


def test_without_the_gate() -> None:
    found = arrow.ArrowRestorer(verdict=True, edits=True, gate=False)(batch_of(TEXTS)).to_pylist()
    assert found == [{name: row[name] for name in ("id", "text", "verdict", "edits")} for row in expected(gate=False)]


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize(("start", "length"), [(0, 1), (1, 4), (2, 3), (3, 1), (5, 5), (4, 0), (10, 0)])
def test_slices(kind: Any, start: int, length: int) -> None:
    found = arrow.ArrowRestorer(edits=True)(batch_of(TEXTS, kind).slice(start, length))
    found.validate(full=True)
    assert [row["text"] for row in found.to_pylist()] == [row["text"] for row in expected()[start : start + length]]
    assert [row["edits"] for row in found.to_pylist()] == [row["edits"] for row in expected()[start : start + length]]


CHOICES = st.lists(st.sampled_from(range(len(TEXTS))), max_size=12)


@settings(max_examples=25, derandomize=True, deadline=None)
@given(choice=CHOICES, cut=st.integers(0, 12), kind=st.sampled_from(KINDS[:2]))
def test_any_mixture_of_documents(choice: list[int], cut: int, kind: Any) -> None:
    restored = arrow.ArrowRestorer()(batch_of([None, *(TEXTS[k] for k in choice)], kind).slice(min(cut, len(choice))))
    restored.validate(full=True)
    assert restored["text"].to_pylist() == [None, *(expected()[k]["text"] for k in choice)][min(cut, len(choice)) :]


def test_tables_and_streams() -> None:
    batches = [batch_of(TEXTS[:3]), batch_of([]), batch_of(TEXTS[3:])]
    restorer = arrow.ArrowRestorer()
    texts = [row["text"] for row in expected()]
    table = restorer(pa.Table.from_batches(batches))
    assert isinstance(table, pa.Table)
    assert table["text"].to_pylist() == texts
    assert [text for batch in restorer.stream(iter(batches)) for text in batch["text"].to_pylist()] == texts
    empty = pa.table({"text": pa.array([], pa.string())})
    assert restorer(empty) == empty


def test_without_a_change_the_texts_are_the_buffers_that_came_in() -> None:
    batch = batch_of([TEXTS[2], None, "", TEXTS[8]])
    found = arrow.ArrowRestorer(verdict=True)(batch)
    assert [b and b.address for b in found["text"].buffers()] == [b and b.address for b in batch["text"].buffers()]
    other = batch_of(TEXTS)
    assert arrow.ArrowRestorer()(other)["id"].buffers()[1].address == other["id"].buffers()[1].address


def test_columns_by_choice() -> None:
    batch = batch_of(TEXTS)
    beside = arrow.ArrowRestorer(restored="restored", edits="changes")(batch)
    assert beside.schema.names == ["id", "text", "restored", "changes"]
    assert beside["text"].to_pylist() == TEXTS
    assert beside["restored"].to_pylist() == [row["text"] for row in expected()]
    judged = arrow.ArrowRestorer(restored=False, verdict=True)(batch)
    assert judged.schema.names == ["id", "text", "verdict"]
    assert judged["text"].to_pylist() == TEXTS
    # A verdict without edits has no evidence; the rest is the same.
    strip = lambda verdict: verdict and {**verdict, "evidence": []}  # noqa: E731
    assert judged["verdict"].to_pylist() == [strip(row["verdict"]) for row in expected()]


def test_a_column_of_nulls() -> None:
    found = arrow.ArrowRestorer(verdict=True, edits=True)(pa.record_batch({"text": pa.nulls(2)}))
    assert found.to_pylist() == [{"text": None, "verdict": None, "edits": None}] * 2


@pytest.mark.parametrize("tail", [b"\xff", b"\xed\xa0\x80", b"caf\xe9 {hard\xffware}"])
def test_bytes_that_are_no_utf8_stay(tail: bytes) -> None:
    data = [SPUN.encode() + tail, b"clean " + tail]
    places = array("i", [0, len(data[0]), len(data[0]) + len(data[1])])
    texts = pa.Array.from_buffers(pa.string(), 2, [None, pa.py_buffer(places), pa.py_buffer(b"".join(data))])
    found = arrow.ArrowRestorer(edits=True)(pa.record_batch({"text": texts}))
    result = found["text"].cast(pa.binary()).to_pylist()
    assert result[0].startswith(b"The bank sent a letter to the chief of the hospital.")
    assert [byte for byte in result[0] if byte > 127] == [byte for byte in tail if byte > 127]
    assert result[1] == data[1]
    assert len(found["edits"][0]) >= 10


def test_fields_are_those_of_the_records() -> None:
    assert [field.name for field in arrow.VERDICT] == [field.name for field in fields(restore.Verdict)]
    assert [field.name for field in arrow.EDITS.value_type] == [field.name for field in fields(restore.Edit)]


def test_too_large_for_the_type() -> None:
    texts = pa.array([SPUN])
    batch = arrow.restore_texts(restore.load(), texts)
    huge = replace(batch, offsets=array("q", [0, 2**31]))
    with pytest.raises(ConfigError, match="large_string"):
        arrow._texts(texts, huge)


WRONG = [
    ({"column": "txt"}, "no column 'txt'; the columns are id, text"),
    ({"column": "id"}, "'id' is of type int64; cast it to string"),
    ({"verdict": "id"}, "a column 'id' already; give another name: verdict='...'"),
    ({"restored": "id"}, "restored='...'"),
    ({"verdict": "x", "edits": "x"}, "one name"),
    ({"verdict": "text"}, "one name"),
    ({"restored": False}, "nothing to do"),
    ({"prior": 2}, "prior is 2; give a number between 0 and 1"),
    ({"priro": 0.1}, "unknown setting 'priro'; known: dictionaries, "),
    ({"dictionaries": "nowhere.tsv"}, "nowhere.tsv"),
    ({"model": "nowhere.model"}, "nowhere.model"),
]


@pytest.mark.parametrize(("options", "message"), WRONG, ids=[" ".join(options) for options, _ in WRONG])
def test_wrong_use_is_told(options: dict[str, Any], message: str) -> None:
    with pytest.raises(RestoreError, match=message):
        arrow.ArrowRestorer(**options)(batch_of(TEXTS))


def test_two_columns_of_one_name() -> None:
    with pytest.raises(ConfigError, match="several columns"):
        arrow.ArrowRestorer()(pa.RecordBatch.from_arrays([pa.array(["a"])] * 2, ["text", "text"]))


def test_pickles_by_settings() -> None:
    restorer = arrow.ArrowRestorer(verdict=True, protect=["cash"])
    data = pickle.dumps(restorer)
    assert len(data) < 1000
    again = pickle.loads(data)
    assert again.settings.restorer is restorer.settings.restorer
    assert again(batch_of(TEXTS)) == restorer(batch_of(TEXTS))


def test_relative_paths_travel_as_absolute_ones(tmp_path: Any, small_dictionaries: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.tsv").write_text("observed\toriginal\tpos\tweight\tnote\nwidget spinner\tgadget\tn\t5\t\n")
    monkeypatch.chdir(tmp_path)
    data = pickle.dumps(arrow.ArrowRestorer(dictionaries="mine.tsv", assume_spun=True))
    monkeypatch.chdir("/")
    assert pickle.loads(data)(batch_of(["The widget spinners that he sold were cheap."]))["text"].to_pylist() == ["The gadgets that he sold were cheap."]


def test_a_worker_with_other_dictionaries_raises() -> None:
    restorer = pickle.loads(pickle.dumps(arrow.ArrowRestorer()))
    restorer.settings.sources = ("other", "model")
    with pytest.raises(ConfigError, match="other dictionaries"):
        restorer(batch_of(TEXTS))


@pytest.mark.parametrize("error", [InputError("a.txt", "is binary"), MissingExtraError("x", "spark"), ConfigError("no"), restore.DictionaryError(["a", "b"])])
def test_errors_come_home_from_workers(error: RestoreError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


PACKAGES = {
    "arrow": ("pyarrow", "arrow"), "spark": ("pyspark", "spark"), "ray": ("ray", "ray"), "datasets": ("datasets", "datasets"), "polars": ("polars", "polars"),
    "pandas": ("pandas", "pandas"), "datatrove": ("datatrove", "datatrove"), "spacy": ("spacy", "spacy"), "dolma_tagger": ("dolma", "dolma"),
}  # fmt: skip


@pytest.mark.parametrize("module", PACKAGES)
def test_a_missing_engine_says_what_to_install(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    package, extra = PACKAGES[module]
    # With what other tests have loaded of it: a submodule that is there is found without its package.
    for name in [package, *(name for name in sys.modules if name.startswith(f"{package}."))]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, f"restore.integrations.{module}", raising=False)
    with pytest.raises(MissingExtraError, match=rf"pip install 'restore-text\[{extra}\]'"):
        import_module(f"restore.integrations.{module}")


def test_readme() -> None:
    assert run_snippet("Arrow", arrow, batch=batch_of(TEXTS))["text"].to_pylist() == [row["text"] for row in expected()]
