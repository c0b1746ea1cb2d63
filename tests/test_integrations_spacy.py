"""spaCy: the component annotates as the library restores, in a pipe, in several processes, from disk and in bytes."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from restore import ConfigError
from tests.integrations import TEXTS, need, results, run_snippet

restore_spacy = need("spacy")

import spacy  # noqa: E402
from spacy.tokens import Doc, DocBin  # noqa: E402

DOCUMENTS = [(text, result) for text, result in zip(TEXTS, results(), strict=True) if text is not None and result is not None]


@pytest.fixture(scope="module")
def nlp() -> Any:
    nlp = spacy.blank("en")
    run_snippet("spaCy", restore_spacy, nlp=nlp)
    return nlp


def check(doc: Any, text: str, result: Any) -> None:
    assert doc.text == text
    assert doc._.restored == result.text
    # As JSON: of spaCy's own ways to store a document, one gives lists back where another gives tuples.
    assert json.dumps(doc._.verdict) == json.dumps(result.verdict.to_dict())
    assert json.dumps(doc._.edits) == json.dumps([edit.to_dict() for edit in result.edits])
    spans = list(doc.spans["restore"])
    assert [span._.original for span in spans] == [edit.original for edit in result.edits]
    assert [span._.probability for span in spans] == [edit.probability for edit in result.edits]
    assert all(span.start_char <= edit.start and edit.end <= span.end_char for span, edit in zip(spans, result.edits, strict=True))
    assert sum(span.text == edit.observed for span, edit in zip(spans, result.edits, strict=True)) >= 0.8 * len(spans)


@pytest.mark.parametrize("processes", [1, 2])
def test_as_the_library(nlp: Any, processes: int) -> None:
    docs = list(nlp.pipe([text for text, _ in DOCUMENTS], n_process=processes, batch_size=3))
    for doc, (text, result) in zip(docs, DOCUMENTS, strict=True):
        check(doc, text, result)
    check(nlp(DOCUMENTS[0][0]), *DOCUMENTS[0])


def test_the_entry_point_finds_it(tmp_path: Path) -> None:
    """`nlp.add_pipe("restore")` works without importing anything of ours."""
    import subprocess
    import sys

    script = "import spacy; nlp = spacy.blank('en'); nlp.add_pipe('restore'); print(nlp('The baker opens her shop at six.')._.restored)"
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "The baker opens her shop at six."), done.stderr[-2000:]


def test_settings_travel_with_the_pipeline(tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("restore", config={"spans_key": "spun", "settings": {"assume_spun": True}})
    nlp.to_disk(tmp_path / "pipeline")
    for again in (spacy.load(tmp_path / "pipeline"), pickle.loads(pickle.dumps(nlp))):
        doc = again("The minister despatched a letter to the president of the group.")
        assert doc._.restored == "The minister sent a letter to the president of the group."
        assert [span.text for span in doc.spans["spun"]] == ["despatched"]


def test_documents_keep_it_in_bytes(nlp: Any) -> None:
    text, result = DOCUMENTS[0]
    doc = nlp(text)
    check(Doc(nlp.vocab).from_bytes(doc.to_bytes()), text, result)
    stored = DocBin(docs=[doc], store_user_data=True).to_bytes()
    check(next(DocBin().from_bytes(stored).get_docs(nlp.vocab)), text, result)


def test_wrong_settings() -> None:
    with pytest.raises(ConfigError, match="prior is 3"):
        spacy.blank("en").add_pipe("restore", config={"settings": {"prior": 3}})
