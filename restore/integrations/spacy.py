"""A spaCy component, `nlp.add_pipe("restore")`: marks what a machine changed and offers the restored text.

A spaCy document's text cannot change, so the component annotates: `doc.spans["restore"]` holds a span for each edit (a span covers whole spaCy tokens; it knows
its original wording and probability as `span._.original` and `span._.probability`), `doc._.restored` is the restored text, `doc._.verdict` the verdict and
`doc._.edits` the edits with character offsets, as dictionaries, so that `doc.to_bytes()` and `DocBin(store_user_data=True)` keep them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import tee
from typing import Any

from restore import MissingExtraError, Result
from restore.integrations.settings import Settings

try:
    from spacy.language import Language
    from spacy.tokens import Doc, Span, SpanGroup
except ModuleNotFoundError as problem:
    raise MissingExtraError("restore.integrations.spacy", "spacy") from problem


@Language.factory("restore", default_config={"spans_key": "restore", "settings": {}})
def make(nlp: Language, name: str, spans_key: str, settings: dict[str, Any]) -> RestoreComponent:
    """The factory: `nlp.add_pipe("restore", config={"spans_key": "restore", "settings": {"min_probability": 0.8}})`."""
    return RestoreComponent(spans_key, settings)


class RestoreComponent:
    """The component; pickles by its settings, so that `nlp.pipe(texts, n_process=2)` opens the models once a process.

    Args:
        spans_key: where in `doc.spans` the edits go.
        settings: as for `restore.load`.

    Raises:
        RestoreError: a setting is wrong.
    """

    def __init__(self, spans_key: str = "restore", settings: dict[str, Any] | None = None) -> None:
        self.spans_key = spans_key
        self.settings = Settings(settings or {})
        _extend()

    def __call__(self, doc: Doc) -> Doc:
        """Annotate a document."""
        return self._annotate(doc, self.settings.restorer.restore(doc.text))

    def pipe(self, stream: Iterable[Doc], batch_size: int = 128) -> Iterator[Doc]:
        """Annotate documents, in order."""
        docs, again = tee(stream)
        results = self.settings.restorer.pipe(doc.text for doc in again)
        yield from map(self._annotate, docs, results)

    def _annotate(self, doc: Doc, result: Result) -> Doc:
        spans = []
        for edit in result.edits:
            span = doc.char_span(edit.start, edit.end, label=edit.channel, alignment_mode="expand")
            span._.original, span._.probability = edit.original, edit.probability
            spans.append(span)
        doc.spans[self.spans_key] = SpanGroup(doc, name=self.spans_key, spans=spans)
        doc._.restored = result.text
        doc._.verdict = result.verdict.to_dict()
        doc._.edits = [edit.to_dict() for edit in result.edits]
        return doc


def _extend() -> None:
    for kind, names in ((Doc, ("restored", "verdict", "edits")), (Span, ("original", "probability"))):
        for name in names:
            if not kind.has_extension(name):
                kind.set_extension(name, default=None)
