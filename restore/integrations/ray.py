"""Restore a text column of a Ray Data dataset, by `map_batches` with a pool of actors."""

from __future__ import annotations

from typing import Any

from restore import MissingExtraError

try:
    import ray
    from ray.data import ActorPoolStrategy, Dataset
except ModuleNotFoundError as problem:
    raise MissingExtraError("restore.integrations.ray", "ray") from problem

from restore.integrations.arrow import ArrowRestorer


def restore_column(
    dataset: Dataset,
    column: str = "text",
    *,
    restored: bool | str = True,
    verdict: bool | str = False,
    edits: bool | str = False,
    compute: ActorPoolStrategy | None = None,
    batch_size: int = 1024,
    **settings: Any,
) -> Dataset:
    """A dataset with a column restored; lazy, as all of Ray Data. Each actor opens the models once.

    Args:
        dataset: with the texts.
        column, restored, verdict, edits, settings: as for `restore.integrations.arrow.ArrowRestorer`.
        compute: the pool; by default from one actor to one for each CPU of the cluster.
        batch_size: rows that go to an actor at a time.

    Raises:
        RestoreError: a setting is wrong. That the column is missing is said by the actors, since a dataset's columns may not be known before it is read.
    """
    options = {"restored": restored, "verdict": verdict, "edits": edits, **settings}
    ArrowRestorer(column, **options)  # wrong settings are told here
    if compute is None:
        compute = ActorPoolStrategy(min_size=1, max_size=max(1, int(ray.cluster_resources().get("CPU", 1))))
    return dataset.map_batches(
        ArrowRestorer,
        fn_constructor_args=(column,),
        fn_constructor_kwargs=options,
        batch_format="pyarrow",
        batch_size=batch_size,
        compute=compute,
        udf_modifying_row_count=False,
    )
