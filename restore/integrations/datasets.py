"""Restore a text column of a Hugging Face dataset, by `map(batched=True)` over its Arrow tables."""

from __future__ import annotations

import inspect
from typing import Any, TypeVar

from restore import MissingExtraError, load

try:
    from datasets import Dataset, DatasetDict, Features, IterableDataset, IterableDatasetDict
except ModuleNotFoundError as problem:
    raise MissingExtraError("restore.integrations.datasets", "datasets") from problem

import pyarrow as pa

from restore.integrations.arrow import ArrowRestorer

AnyDataset = TypeVar("AnyDataset", bound="Dataset | IterableDataset | DatasetDict | IterableDatasetDict")


def restore_column(
    dataset: AnyDataset, column: str = "text", *, restored: bool | str = True, verdict: bool | str = False, edits: bool | str = False, **options: Any
) -> AnyDataset:
    """A dataset with a column restored. Each process opens the models once; datasets' cache knows the result again by the settings.

    Args:
        dataset: with the texts; of a dictionary of splits, each; a streaming one is restored as it is read.
        column, restored, verdict, edits: as for `restore.integrations.arrow.ArrowRestorer`.
        options: settings as for `restore.load`; the others (`num_proc`, `batch_size`, `load_from_cache_file`, …) go to the dataset's `map`.

    Raises:
        RestoreError: the column is missing, a new one has the name of one that is there, or a setting is wrong; said before any work is done.
    """
    if isinstance(dataset, (DatasetDict, IterableDatasetDict)):
        outputs = {"restored": restored, "verdict": verdict, "edits": edits}
        return type(dataset)({split: restore_column(part, column, **outputs, **options) for split, part in dataset.items()})
    settings = {name: options.pop(name) for name in inspect.signature(load).parameters.keys() & options.keys()}
    restorer = ArrowRestorer(column, restored=restored, verdict=verdict, edits=edits, **settings)
    if dataset.features is not None:
        schema = dataset.features.arrow_schema
        added = Features.from_arrow_schema(pa.schema(list(restorer.schema(schema))[len(schema) :]))
        options.setdefault("features", Features({**dataset.features, **added}))
    if isinstance(dataset, IterableDataset):
        return dataset.with_format("arrow").map(restorer, batched=True, **options).with_format(None)
    form: dict[str, Any] = dataset.format
    result = dataset.with_format("arrow").map(restorer, batched=True, **options)
    shown = None if set(form["columns"]) == set(dataset.column_names) else [*form["columns"], *restorer.added(pa.string())]
    return result.with_format(form["type"], columns=shown, output_all_columns=form["output_all_columns"], **form["format_kwargs"])
