"""A tagger for dolma: `dolma tag --tagger_modules restore.integrations.dolma_tagger --taggers restore --experiment NAME --documents '…'`.

dolma makes its taggers without arguments; settings other than the defaults are for `restore.integrations.dolma.write_attributes`.
"""

from __future__ import annotations

from restore import MissingExtraError
from restore.integrations.dolma import spans
from restore.integrations.settings import Settings

try:
    from dolma import add_tagger
    from dolma.core.data_types import DocResult, Document, Span
    from dolma.core.taggers import BaseTagger
except ModuleNotFoundError as problem:
    raise MissingExtraError("restore.integrations.dolma_tagger", "dolma") from problem


@add_tagger("restore")
class RestoreTagger(BaseTagger):
    """Tags documents with the probability that they are spun, and their edits with their probabilities."""

    def __init__(self) -> None:
        self.settings = Settings({})

    @property
    def defaults(self) -> list[str]:
        """Types that stand in the output even where there is no such span."""
        return ["spun", "edits"]

    def predict(self, doc: Document) -> DocResult:
        """The spans of a document."""
        found = spans(self.settings.restorer, doc.text)
        return DocResult(doc=doc, spans=[Span(start, end, kind, score) for kind, values in found.items() for start, end, score in values])
