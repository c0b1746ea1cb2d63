"""What a run is asked to do; what decides on its output makes the hash by which it knows itself again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

MODES = ("fix", "detect", "annotate", "filter")
#: Output formats by the name that stands for each.
FORMATS = ("jsonl.zst", "jsonl.gz", "jsonl", "parquet", "txt")


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of a run.

    Attributes:
        mode: "fix" replaces the text; "detect" adds a verdict; "annotate" adds the verdict and the edits; "filter" leaves spun documents out.
        text_field, id_field: names of the fields (columns) that hold the text and, if any, the document's name.
        keep_original: name of a field that gets the input's text where "fix" changed it; empty for none.
        threshold: a document counts as spun, and is changed or left out, from this probability on.
        limit: stop after so many documents, counted over all inputs in order; None for all.
        format: one of FORMATS for the output; empty to follow the input.
        level: compression level of zstd and gzip; None for the usual one.
        split_off: folder or file that gets what "filter" leaves out; empty to drop it.
        split_size: bytes of input, decompressed, between two places where a killed run goes on.
        max_document: bytes of the longest line, record or text file that is accepted.
        max_ratio: how many times its compressed size a file may unpack to.
        restorer: arguments of `restore.load`.
    """

    mode: str = "fix"
    text_field: str = "text"
    id_field: str = "id"
    keep_original: str = ""
    threshold: float = 0.5
    limit: int | None = None
    format: str = ""
    level: int | None = None
    split_off: str = ""
    split_size: int = 32 << 20
    max_document: int = 64 << 20
    max_ratio: int = 1000
    restorer: Mapping[str, Any] = field(default_factory=dict)

    @property
    def edits(self) -> bool:
        """Whether edits are needed."""
        return self.mode in ("fix", "annotate")

    @property
    def verdicts(self) -> bool:
        """Whether whole verdicts are needed, beyond the probability."""
        return self.mode in ("detect", "annotate")

    def to_dict(self) -> dict[str, Any]:
        """All settings that decide on the output, which limits of what is accepted do not."""
        data: dict[str, Any] = json.loads(json.dumps(asdict(self), default=str))
        del data["max_document"], data["max_ratio"]
        return data


def fingerprint(data: Mapping[str, Any]) -> str:
    """Hash of JSON-able settings, whatever their order."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:32]
