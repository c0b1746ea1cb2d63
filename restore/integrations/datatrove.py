"""Steps for datatrove pipelines: restore documents, and drop those that are spun."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from restore import ConfigError, MissingExtraError
from restore.integrations.settings import Settings

try:
    from datatrove.data import Document
    from datatrove.pipeline.base import PipelineStep
    from datatrove.pipeline.filters.base_filter import BaseFilter
    from datatrove.pipeline.writers.disk_base import DiskWriter
    from datatrove.utils.batching import batched
except ModuleNotFoundError as problem:
    raise MissingExtraError("restore.integrations.datatrove", "datatrove") from problem

#: Documents that go to the `Restorer` at a time.
BATCH = 256


class RestoreStep(PipelineStep):
    """Put the original wording back into each document.

    Statistics: total, changed, edits, spun (documents over .5), time by batch. A task opens the models once.

    Args:
        verdict: keep the verdict in the metadata: True, under "verdict"; or its key.
        edits: keep the edits in the metadata: True, under "edits"; or their key.
        keep_original: keep the text of changed documents in the metadata under this key.
        settings: as for `restore.load`.

    Raises:
        RestoreError: a setting is wrong.
    """

    name = "🩹 Restore"
    type = "✂️ - FORMAT"

    def __init__(self, *, verdict: bool | str = False, edits: bool | str = False, keep_original: str | None = None, **settings: Any) -> None:
        super().__init__()
        self.verdict = "verdict" if verdict is True else verdict
        self.edits = "edits" if edits is True else edits
        self.keep_original = keep_original
        self.settings = Settings(settings)

    def run(self, data: Iterable[Document], rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Restore the documents, in order."""
        for batch in batched(data, BATCH):
            with self.track_time("batch"):
                results = list(self.settings.restorer.pipe(document.text for document in batch))
            for document, result in zip(batch, results, strict=True):
                self.stat_update("total")
                if result.verdict.spun > 0.5:
                    self.stat_update("spun")
                if result.changed:
                    self.stat_update("changed")
                    self.stat_update("edits", value=len(result.edits))
                    if self.keep_original:
                        document.metadata[self.keep_original] = document.text
                    document.text = result.text
                if self.verdict:
                    document.metadata[self.verdict] = result.verdict.to_dict()
                if self.edits:
                    document.metadata[self.edits] = [edit.to_dict() for edit in result.edits]
                yield document


class SpunFilter(BaseFilter):
    """Drop documents that are spun; they go to the exclusion writer with the reason "spun".

    Args:
        threshold: a document is dropped when its probability of being spun is above this.
        exclusion_writer: a datatrove writer for the dropped documents.
        verdict: keep the verdict in the metadata of all documents: True, under "verdict"; or its key.
        settings: as for `restore.load`.

    Raises:
        RestoreError: a setting is wrong.
    """

    name = "🩹 Spun"

    def __init__(self, threshold: float = 0.5, exclusion_writer: DiskWriter | None = None, *, verdict: bool | str = False, **settings: Any) -> None:
        super().__init__(exclusion_writer)
        if not 0 <= threshold <= 1:
            raise ConfigError(f"threshold is {threshold}; give a number between 0 and 1")
        self.threshold = threshold
        self.verdict = "verdict" if verdict is True else verdict
        self.settings = Settings(settings)

    def filter(self, doc: Document) -> bool | tuple[bool, str]:
        """Whether a document stays."""
        verdict = self.settings.restorer.detect(doc.text)
        if self.verdict:
            doc.metadata[self.verdict] = verdict.to_dict()
        return verdict.spun <= self.threshold or (False, "spun")
