"""The one place where the texts of a corpus are restored: a batch of texts in, probabilities, verdicts and results out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from restore.batch import join
from restore.edits import apply
from restore.engine import Restorer
from restore.records import Result, Verdict

#: The channel of edits that say a document is spun.
WORDING = "substitution"


@dataclass(slots=True)
class Judgement:
    """What is thought of a batch of texts.

    Attributes:
        spun: probability of each text.
        verdicts: of each text where asked for, else empty.
        results: of the texts that have edits, by number.
        failures: reasons of the texts that could not be done, by number; their probability is 0.
    """

    spun: list[float] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    results: dict[int, Result] = field(default_factory=dict)
    failures: dict[int, str] = field(default_factory=dict)


def judge(restorer: Restorer, texts: Sequence[str], edits: bool, verdicts: bool, threshold: float) -> Judgement:
    """Judge and restore a batch.

    Args:
        restorer: loaded.
        texts: documents.
        edits: whether edits are wanted.
        verdicts: whether whole verdicts are wanted.
        threshold: the wording stays below this probability.

    >>> import restore
    >>> judge(restore.load(), ["Nothing is wrong with this sentence."], True, False, 0.5).results
    {}
    """
    try:
        batch = restorer.batch(*join(texts), rewrite=edits)
    except Exception:  # one document must not end the run: find it
        return _one_by_one(restorer, texts, edits, verdicts, threshold)
    judgement = Judgement(list(batch.spun))
    for number, result in batch.results.items():
        _take(judgement, number, texts[number], result, threshold)
    if verdicts:
        columns = zip(batch.spun, batch.log_bayes_factor, batch.rate, batch.words, strict=True)
        judgement.verdicts = [Verdict(spun, evidence, rate, 0, words) for spun, evidence, rate, words in columns]
        for number, result in batch.results.items():
            judgement.verdicts[number] = result.verdict
    return judgement


def _take(judgement: Judgement, number: int, text: str, result: Result, threshold: float) -> None:
    """Keep a result that has edits; below the threshold the wording stays, and only what cleanup did remains."""
    if result.verdict.spun < threshold and any(edit.channel == WORDING for edit in result.edits):
        kept = tuple(edit for edit in result.edits if edit.channel != WORDING)
        result = Result(apply(text, kept), kept, result.verdict)
    if result.changed:
        judgement.results[number] = result


def _one_by_one(restorer: Restorer, texts: Sequence[str], edits: bool, verdicts: bool, threshold: float) -> Judgement:
    whole = Judgement()
    for number, text in enumerate(texts):
        verdict = Verdict(0.0, 0.0, 0.0, 0, 0)
        try:
            result = next(restorer.pipe([text])) if edits else Result(text, (), restorer.detect(text))
        except Exception as problem:
            whole.failures[number] = f"restoring failed: {type(problem).__name__}: {problem}"
        else:
            verdict = result.verdict
            _take(whole, number, text, result, threshold)
        whole.spun.append(verdict.spun)
        if verdicts:
            whole.verdicts.append(verdict)
    return whole
