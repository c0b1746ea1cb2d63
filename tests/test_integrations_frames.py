"""Polars, pandas and Hugging Face datasets: the same results as the library, and frames that stay what they were."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from restore import ConfigError
from tests.integrations import ROWS, TEXTS, expected, need, run_snippet

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install 'restore-text[test]'")
polars = need("polars")
pandas = need("pandas")
datasets = need("datasets")

import datasets as hf  # noqa: E402
import pandas as pd  # noqa: E402
import polars as pl  # noqa: E402

RESTORED = [row["text"] for row in expected()]


@pytest.mark.parametrize("how", ["eager", "lazy", "streaming"])
def test_polars(how: str) -> None:
    frame = pl.DataFrame(ROWS)
    if how == "eager":
        found = polars.restore_column(frame, verdict=True, edits=True)
    else:
        lazy = polars.restore_column(frame.lazy(), verdict=True, edits=True)
        assert isinstance(lazy, pl.LazyFrame)
        assert lazy.collect_schema().names() == ["id", "text", "tags", "verdict", "edits"]
        found = lazy.collect(engine="streaming" if how == "streaming" else "in-memory")
    assert found.to_dicts() == expected()


def test_polars_in_chunks_slices_and_other_columns() -> None:
    frame = pl.concat([pl.DataFrame(ROWS)] * 2, rechunk=False).rename({"text": "body"})
    found = polars.restore_column(frame.slice(3, 12), "body", restored="restored")
    assert found["restored"].to_list() == (RESTORED * 2)[3:15]
    assert found["body"].to_list() == (TEXTS * 2)[3:15]
    assert polars.restore_column(frame.head(0), "body", verdict=True).columns == ["id", "body", "tags", "verdict"]
    assert polars.restore_column(pl.DataFrame({"text": [None, None]}))["text"].to_list() == [None, None]


DTYPES = [object, "str", "string", "string[python]", pd.ArrowDtype(pa.string()), pd.ArrowDtype(pa.large_string())]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_pandas(dtype: Any) -> None:
    frame = pd.DataFrame({"id": range(10), "text": pd.Series(TEXTS, dtype=dtype)})
    frame.index = list("jihgfedcba")
    before = frame.copy(deep=True)
    found = pandas.restore_column(frame, verdict=True, edits=True)
    pd.testing.assert_frame_equal(frame, before)
    assert found["text"].dtype == frame["text"].dtype
    assert list(found.index) == list(frame.index)
    assert [None if pd.isna(text) else text for text in found["text"]] == RESTORED
    assert [type(text) for text in found["text"].iloc[[3, 7]]] == [type(text) for text in frame["text"].iloc[[3, 7]]]
    table = pa.Table.from_pandas(found[["verdict", "edits"]], preserve_index=False)
    assert table.to_pylist() == [{name: row[name] for name in ("verdict", "edits")} for row in expected()]
    assert pandas.restore_column(frame, restored="new")["text"].equals(frame["text"])


@pytest.mark.parametrize("value", [7, ["list"], "\ud800"], ids=repr)
def test_pandas_tells_what_is_no_text(value: Any) -> None:
    with pytest.raises(ConfigError, match="column 'text' holds other things than texts"):
        pandas.restore_column(pd.DataFrame({"text": pd.Series(["a", value], dtype=object)}))


def dataset() -> Any:
    features = hf.Features({"id": hf.ClassLabel(num_classes=10), "text": hf.Value("string"), "tags": hf.List(hf.Value("string"))})
    return hf.Dataset.from_list(ROWS, features=features)


@pytest.mark.parametrize("options", [{}, {"num_proc": 2}, {"batch_size": 3}], ids=str)
def test_datasets(options: dict[str, Any]) -> None:
    found = datasets.restore_column(dataset(), verdict=True, edits=True, **options)
    assert found.to_list() == expected()
    assert {name: found.features[name] for name in ("id", "text", "tags")} == dataset().features


def test_datasets_first_batches_without_edits() -> None:
    """Types are said, not guessed from the first batch, whose lists of edits may all be empty."""
    found = datasets.restore_column(hf.Dataset.from_list(ROWS[2:6]), edits=True, batch_size=1)
    assert found["edits"] == [row["edits"] for row in expected()[2:6]]


def test_datasets_keep_their_format_and_splits() -> None:
    splits = hf.DatasetDict(train=dataset(), test=dataset().with_format("numpy", columns=["id"]))
    found = datasets.restore_column(splits, verdict=True)
    assert found["train"].format["type"] is None
    assert found["test"].format["type"] == "numpy"
    assert found["test"].format["columns"] == ["id", "verdict"]
    assert found["train"]["text"][:] == RESTORED


def test_datasets_streaming() -> None:
    found = datasets.restore_column(dataset().to_iterable_dataset(num_shards=2), verdict=True, edits=True)
    assert sorted(found, key=lambda row: row["id"]) == expected()


def test_datasets_cache_knows_the_settings() -> None:
    prints = [datasets.restore_column(dataset(), **settings)._fingerprint for settings in ({}, {}, {"prior": 0.02}, {"verdict": True})]
    assert prints[0] == prints[1]
    assert len(set(prints)) == 3


def test_the_mapped_function_pickles() -> None:
    import dill

    restorer = datasets.ArrowRestorer("text", verdict=True)
    for library in (pickle, dill):
        assert library.loads(library.dumps(restorer))(dataset().data.table)["text"].to_pylist() == RESTORED


@pytest.mark.parametrize("adaptor", [(polars, pl.DataFrame), (pandas, pd.DataFrame), (datasets, hf.Dataset.from_list)], ids=["polars", "pandas", "datasets"])
def test_wrong_columns(adaptor: Any) -> None:
    module, make = adaptor
    with pytest.raises(ConfigError, match="no column 'body'; the columns are id, text, tags"):
        module.restore_column(make(ROWS), "body")
    with pytest.raises(ConfigError, match="tags"):
        module.restore_column(make(ROWS), verdict="tags")
    with pytest.raises(ConfigError, match=r"'id' (is of type|holds other)"):
        module.restore_column(make(ROWS), "id")


def test_readme() -> None:
    assert run_snippet("Polars", polars, frame=pl.DataFrame(ROWS))["text"].to_list() == RESTORED
    assert run_snippet("pandas", pandas, frame=pd.DataFrame({"text": TEXTS}))["text"][0] == RESTORED[0]
    assert run_snippet("Hugging Face datasets", datasets, ds=dataset())["text"][:] == RESTORED
