"""What is counted: by split, by file, and over a whole run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from restore.corpus.restoring import WORDING, Judgement

#: Pairs that are remembered of a split and of a file, the most frequent ones: enough for a table of the top, small in a manifest of many files.
TOP_OF_SPLIT, TOP = 200, 100


@dataclass(slots=True)
class Tally:
    """Counts of documents and edits.

    Attributes:
        rows, documents: rows read, and those of them that are documents.
        bytes: of the rows, decompressed (Parquet: of the text column).
        spun, changed, failed: documents at or over the threshold, documents with edits, rows that could not be done.
        edits: edits made, or in mode "annotate" proposed.
        families: edits of the wording by the family of spinner that the document was given to, others by their channel.
        pairs: (observed, original) in lower case, by frequency; those at the top.
        seconds: processor time by stage.
    """

    rows: int = 0
    documents: int = 0
    bytes: int = 0
    spun: int = 0
    changed: int = 0
    failed: int = 0
    edits: int = 0
    families: Counter[str] = field(default_factory=Counter)
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)

    def count(self, judgement: Judgement, threshold: float) -> None:
        """Count a batch of documents."""
        self.spun += sum(p >= threshold for p in judgement.spun)
        for number, result in judgement.results.items():
            if number not in judgement.failures:
                self.changed += 1
                self.edits += len(result.edits)
                families = result.verdict.families
                family = families[0][0] if families else WORDING
                self.families.update(family if edit.channel == WORDING else edit.channel for edit in result.edits)
                self.pairs.update((edit.observed.lower(), edit.original.lower()) for edit in result.edits)

    def add(self, other: Tally) -> None:
        """Add what another one counted."""
        for name in ("rows", "documents", "bytes", "spun", "changed", "failed", "edits"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.families.update(other.families)
        self.pairs.update(other.pairs)
        for stage, seconds in other.seconds.items():
            self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds

    def to_dict(self, top: int = TOP) -> dict[str, Any]:
        """JSON-able, with the most frequent pairs only."""
        data = asdict(self)
        ranked = sorted(self.pairs.items(), key=lambda item: (-item[1], item[0]))[:top]
        data["pairs"] = [[observed, original, count] for (observed, original), count in ranked]
        data["families"] = dict(sorted(self.families.items()))
        data["seconds"] = {name: round(value, 3) for name, value in sorted(self.seconds.items())}
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Tally:
        """The inverse of `to_dict`; unknown keys are ignored.

        >>> Tally.from_dict(Tally(rows=2, pairs=Counter({("chief", "leader"): 3})).to_dict()).pairs
        Counter({('chief', 'leader'): 3})
        """
        known = {name: data[name] for name in cls.__slots__ if name in data}
        known["pairs"] = Counter({(observed, original): count for observed, original, count in data.get("pairs", ())})
        return cls(**{**known, "families": Counter(data.get("families", {}))})


def total(tallies: Iterable[Tally]) -> Tally:
    """The sum of tallies, in their order."""
    result = Tally()
    for tally in tallies:
        result.add(tally)
    return result
