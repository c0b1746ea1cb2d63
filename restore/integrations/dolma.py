"""Write dolma attribute files: for each file of documents one with the same rows, which says where its texts are spun.

An attribute file is gzipped JSON lines, `{"source": …, "id": …, "attributes": {"EXPERIMENT__restore__spun": [[0, length, probability]],
"EXPERIMENT__restore__edits": [[start, end, probability], …]}}`, offsets in characters, scores to five digits. It stands where the documents' file stands, with
`attributes/EXPERIMENT` for `documents` in the path, as `dolma tag` would have it; so dolma's mixer can filter by it. dolma itself is not needed here
(`restore.integrations.dolma_tagger` is the same as a tagger for `dolma tag`). dolma's mixer puts one fixed text in the place of all spans and cannot restore
them; to restore, run the documents through `restore` itself.
"""

from __future__ import annotations

import gzip
import json
import os
import tempfile
from collections.abc import Iterator
from itertools import tee
from pathlib import Path
from typing import Any

from restore import ConfigError, InputError, Restorer
from restore.integrations.settings import Settings

#: Digits that dolma keeps of a score.
PRECISION = 5


def spans(restorer: Restorer, text: str) -> dict[str, list[tuple[int, int, float]]]:
    """What dolma calls spans, by type: the whole text with the probability that it is spun, and each edit with its own.

    >>> import restore
    >>> spans(restore.load(assume_spun=True), "The minister despatched a letter.")["spun"]
    [(0, 33, 1.0)]
    """
    return _spans(text, restorer.restore(text))


def write_attributes(documents: str | Path, *, experiment: str = "restore", **settings: Any) -> Path:
    """Write the attribute file of a file of documents. It appears whole or not at all; one that is there is replaced.

    Args:
        documents: gzipped (or plain) JSON lines with "id" and "text"; a folder of its path is called "documents".
        experiment: first part of the attributes' names, and the folder's name.
        settings: as for `restore.load`.

    Returns:
        The path of the attribute file.

    Raises:
        ConfigError: no folder is called "documents", or a setting is wrong.
        InputError: the file cannot be read or written; the message names the line.
    """
    source = Path(documents)
    if "documents" not in source.parent.parts:
        raise ConfigError(f"{source}: no folder of this path is called 'documents', in whose place dolma looks for attributes/{experiment}; move the files")
    at = len(source.parent.parts) - 1 - source.parent.parts[::-1].index("documents")
    target = Path(*source.parts[:at], "attributes", experiment, *source.parts[at + 1 :])
    restorer = Settings(settings).restorer
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as out:
                rows, again = tee(_rows(source))
                for row, result in zip(rows, restorer.pipe(row["text"] for row in again), strict=True):
                    found = _spans(row["text"], result)
                    attributes = {f"{experiment}__restore__{kind}": values for kind, values in found.items()}
                    out.write(json.dumps({**{key: row[key] for key in ("source", "id") if key in row}, "attributes": attributes}).encode() + b"\n")
            os.chmod(temporary, 0o644)
            os.replace(temporary, target)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as problem:
        raise InputError(target, f"cannot be written ({problem.strerror or problem})") from None
    return target


def _spans(text: str, result: Any) -> dict[str, list[tuple[int, int, float]]]:
    return {
        "spun": [(0, len(text), round(result.verdict.spun, PRECISION))],
        "edits": [(edit.start, edit.end, round(edit.probability, PRECISION)) for edit in result.edits],
    }


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    number = 0
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file, 1):
                row = json.loads(line)
                if not isinstance(row, dict) or not isinstance(row.get("text"), str) or "id" not in row:
                    raise InputError(path, f"line {number} is no document of dolma's; it needs an 'id', and a 'text' that is a string")
                yield row
    except (OSError, EOFError, ValueError) as problem:
        raise InputError(path, f"cannot be read after line {number} ({problem})") from None
