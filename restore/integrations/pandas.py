"""Restore a text column of a pandas DataFrame."""

from __future__ import annotations

from typing import Any

from restore import ConfigError, MissingExtraError

try:
    import pandas as pd
except ModuleNotFoundError as problem:
    raise MissingExtraError("restore.integrations.pandas", "pandas") from problem

import pyarrow as pa
import pyarrow.compute as pc

from restore.integrations.arrow import ArrowRestorer


def restore_column(
    frame: pd.DataFrame, column: str = "text", *, restored: bool | str = True, verdict: bool | str = False, edits: bool | str = False, **settings: Any
) -> pd.DataFrame:
    """A copy of a frame with a column restored; its index, dtype and markers of missing values stay. Verdicts and edits are Arrow-backed columns.

    Args:
        frame: with the texts.
        column, restored, verdict, edits, settings: as for `restore.integrations.arrow.ArrowRestorer`.

    Raises:
        RestoreError: the column is missing or holds other things than texts, a new one has the name of one that is there, or a setting is wrong.

    >>> frame = restore_column(pd.DataFrame({"text": ["The minister despatched a letter."]}), verdict=True, assume_spun=True)
    >>> frame["text"][0], int(frame["verdict"].struct.field("words")[0])
    ('The minister sent a letter.', 5)
    """
    restorer = ArrowRestorer(column, restored=restored, verdict=verdict, edits=edits, **settings)
    restorer.check([str(name) for name in frame.columns])
    try:
        texts = pa.array(frame[column], pa.large_string(), from_pandas=True)
    except (pa.ArrowTypeError, pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeEncodeError) as reason:
        raise ConfigError(f"column {column!r} holds other things than texts ({reason}); convert them, or name the column with the texts") from None
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    found = restorer.arrays(texts)
    new: dict[str, pd.Series] = {}
    target = restorer.restored
    if isinstance(target, str):
        # Only what changed is written, into a copy: the rest keeps whatever pandas had there (None, NaN, pd.NA).
        places = pc.indices_nonzero(pc.fill_null(pc.not_equal(found[target], texts), False))
        new[target] = frame[column].copy()
        new[target].iloc[places.to_numpy()] = found[target].take(places).to_pylist()
    for name, kind in restorer.added(texts.type).items():
        if name != restorer.restored:
            new[name] = pd.Series(found[name], index=frame.index, dtype=pd.ArrowDtype(kind))
    return frame.assign(**new)
