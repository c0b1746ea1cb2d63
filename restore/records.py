"""The few records that go between stages and out to users: frozen, small, with JSON forms.

Offsets are character offsets into the input, spans half-open; probabilities are in [0, 1]; logs are natural.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError, asdict, dataclass, field
from typing import Any

#: What may have happened to a text.
CHANNELS = ("substitution", "ocr", "spelling")
#: An edit is made from these probabilities on. A scan's is lower: of its edits near it a quarter are right, most others put one wrong word for another (with
#: 0.36, or 0.5 before calibration, the dev newspapers lose .005 of the errors removed, with 0.6 .01).
MIN_PROBABILITY, SCAN_PROBABILITY = 0.6, 0.25


@dataclass(frozen=True, slots=True)
class Edit:
    """One change.

    Attributes:
        start, end: the span of `observed` in the input.
        observed: what the input says there.
        original: what it is changed to.
        channel: what proposed it: "substitution", "cleanup", "layout", …
        probability: posterior that the span is damaged and `original` stood there.
        alternatives: other originals with their posteriors, best first.
        reason: why, in a few words; may be empty.
    """

    start: int
    end: int
    observed: str
    original: str
    channel: str
    probability: float
    alternatives: tuple[tuple[str, float], ...] = ()
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able dictionary with the same names."""
        return {**asdict(self), "alternatives": [list(pair) for pair in self.alternatives]}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Edit:
        """The inverse of `to_dict`; unknown keys are ignored.

        >>> edit = Edit(0, 5, "Chief", "Leader", "substitution", 0.9, (("Head", 0.05),))
        >>> Edit.from_dict(edit.to_dict()) == edit
        True
        """
        known = {name: data[name] for name in cls.__slots__ if name in data}
        known["alternatives"] = tuple((str(text), float(p)) for text, p in data.get("alternatives", ()))
        return cls(**known)


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a document with a rate of its own.

    Attributes:
        start, end: the span in the input.
        rate: posterior mean of the share of replaceable words that were replaced in it.
        probability: posterior that it is spun.
    """

    start: int
    end: int
    rate: float
    probability: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is thought of a document.

    Attributes:
        spun: posterior probability that it is spun, under the prior given to `restore.load`.
        log_bayes_factor: log P(text | spun) − log P(text | not spun).
        rate: posterior mean, given that it is spun, of the share of replaceable words that were replaced; 0 when the gate found the text clean.
        sites: places where a dictionary offers another original; 0 when the gate found the text clean.
        words: words in the document.
        families: kinds of spinner with their posteriors given that it is spun, best first, "unknown" among them: none fits; empty when the gate found the text
            clean.
        segments: parts with their own rates.
        evidence: the strongest signs, as text.
    """

    spun: float
    log_bayes_factor: float
    rate: float
    sites: int
    words: int
    families: tuple[tuple[str, float], ...] = ()
    segments: tuple[Segment, ...] = ()
    evidence: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able dictionary with the same names."""
        data = asdict(self)
        data["families"] = dict(self.families)
        return data


class Result:
    """A restored document: applying `edits` to the input gives `text`, inverting them gives the input.

    Args:
        text: the restored text.
        edits: what was changed, or a function that tells; it is called once, when the edits are first asked for, since most pipelines want the text alone.
        verdict: what is thought of the document.
    """

    __slots__ = ("_edits", "text", "verdict")
    _edits: tuple[Edit, ...] | Callable[[], tuple[Edit, ...]]
    text: str
    verdict: Verdict

    def __init__(self, text: str, edits: tuple[Edit, ...] | Callable[[], tuple[Edit, ...]], verdict: Verdict) -> None:
        put = object.__setattr__
        put(self, "_edits", edits)
        put(self, "text", text)
        put(self, "verdict", verdict)

    def __setattr__(self, name: str, value: object) -> None:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    @property
    def edits(self) -> tuple[Edit, ...]:
        """The edits, in the order of the text."""
        edits = self._edits
        if not isinstance(edits, tuple):
            edits = edits()
            object.__setattr__(self, "_edits", edits)
        return edits

    @property
    def changed(self) -> bool:
        """Whether there are edits."""
        return bool(self._edits)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Result) and (self.text, self.edits, self.verdict) == (other.text, other.edits, other.verdict)

    def __hash__(self) -> int:
        return hash((self.text, self.verdict))

    def __repr__(self) -> str:
        return f"Result(text={self.text!r}, edits={self.edits!r}, verdict={self.verdict!r})"

    def __reduce__(self) -> tuple[type[Result], tuple[str, tuple[Edit, ...], Verdict]]:
        return Result, (self.text, self.edits, self.verdict)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able dictionary with the same names."""
        return {"text": self.text, "edits": [edit.to_dict() for edit in self.edits], "verdict": self.verdict.to_dict()}


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of a `Restorer`.

    Attributes:
        prior: probability that a document is spun, before looking at it.
        min_probability: an edit is made when its posterior is at least this; None for what `least` says.
        assume_spun: None to let the text say; otherwise the text is taken as spun, at this rate when it is not True.
        protect: words and phrases that are never edited.
        gate: texts that the gate finds clean are not decoded.
        clean: names of cleanup rules that run first.
        channels: what may have happened to a text, of `CHANNELS`.
        vocabulary: words that the channels "ocr" and "spelling" take as right.
        ocr_weights: file with the weights of the channel "ocr"; the shipped one when None.
    """

    prior: float = 0.01
    min_probability: float | None = None
    assume_spun: float | bool | None = None
    protect: tuple[str, ...] = field(default=())
    gate: bool = True
    clean: tuple[str, ...] = field(default=())
    channels: tuple[str, ...] = ("substitution",)
    vocabulary: tuple[str, ...] = ()
    ocr_weights: str | None = None

    def least(self, channel: str) -> float:
        """The probability from which on an edit of a channel is made."""
        if self.min_probability is not None:
            return self.min_probability
        return SCAN_PROBABILITY if channel == "ocr" else MIN_PROBABILITY

    @property
    def respelling(self) -> tuple[str, ...]:
        """The channels that work on characters, in the order in which they are undone."""
        return tuple(channel for channel in ("ocr", "spelling") if channel in self.channels)
