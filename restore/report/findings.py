"""Verdicts for other programs: CSV rows, SARIF (OASIS 2.1.0), annotations of GitHub Actions."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from restore.evidence import Evidence

CSV_HEADER = ("document", "spun", "log_bayes_factor", "rate", "sites", "words", "family", "distinct", "evidence")
#: "A match is no proof of origin": words for reports that others act on.
MESSAGE = "reads like automatically rewritten text (probability {:.2f}); this is no proof of its origin"


def csv_row(cells: Sequence[object]) -> str:
    """One row of CSV (RFC 4180, LF line ends)."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerow(cells)
    return stream.getvalue()


def verdict_cells(name: str, found: Evidence) -> tuple[object, ...]:
    """The cells of a document under CSV_HEADER."""
    verdict = found.verdict
    family = verdict.families[0][0] if verdict.families else ""
    signs = "; ".join(f"{sign.observed} → {sign.original}" for sign in found.strongest())
    return name, f"{verdict.spun:.6f}", f"{verdict.log_bayes_factor:.3f}", f"{verdict.rate:.3f}", verdict.sites, verdict.words, family, len(found.pairs), signs


def places(text: str, found: Evidence, signs: bool) -> Iterator[tuple[int, int, str, str]]:
    """(start, end, rule, message) of what to show of a document: its spun parts, or its signs."""
    if signs:
        for sign in found.signs:
            yield sign.start, sign.end, "spun-wording", f"“{' '.join(sign.observed.split())}” may stand for “{sign.original}” (log odds {sign.log_odds:+.1f})"
        for oddity in found.oddities:
            better = f"; “{oddity.better}” is far more usual here" if oddity.better else ""
            yield oddity.start, oddity.end, "odd-wording", f"“{oddity.observed}” is odd{better}"
        return
    parts = [segment for segment in found.verdict.segments if segment.probability >= 0.5]
    if not parts:
        yield 0, len(text), "spun-text", MESSAGE.format(found.verdict.spun)
    for segment in parts:
        yield segment.start, segment.end, "spun-text", MESSAGE.format(segment.probability)


def sarif_results(name: str, text: str, found: Evidence, signs: bool) -> list[dict[str, Any]]:
    """SARIF results of a document."""
    return [
        {
            "ruleId": rule,
            "level": "warning" if rule == "spun-text" else "note",
            "message": {"text": message},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": quote(name.replace("\\", "/"))},
                        "region": {"startLine": text.count("\n", 0, start) + 1, "charOffset": start, "charLength": end - start},
                    }
                }
            ],
        }
        for start, end, rule, message in places(text, found, signs)
    ]


def sarif(results: list[dict[str, Any]], version: str) -> dict[str, Any]:
    """A SARIF log with one run."""
    rules = [
        {"id": "spun-text", "shortDescription": {"text": "Text that reads like the work of an automatic rewriter"}},
        {"id": "spun-wording", "shortDescription": {"text": "Wording that probably stands for another"}},
        {"id": "odd-wording", "shortDescription": {"text": "Wording that is odd in its place, whatever the dictionaries say"}},
    ]
    driver = {"name": "restore", "version": version, "rules": rules}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    }


def github_lines(name: str, text: str, found: Evidence, signs: bool) -> Iterator[str]:
    """Workflow commands that GitHub Actions shows beside the lines of a file."""
    for start, end, rule, message in places(text, found, signs):
        first, last = text.count("\n", 0, start) + 1, text.count("\n", 0, max(start, end - 1)) + 1
        yield f"::warning file={_escape(name, True)},line={first},endLine={last},title={rule}::{_escape(message, False)}"


def _escape(value: str, is_property: bool) -> str:
    value = value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return value.replace(":", "%3A").replace(",", "%2C") if is_property else value
