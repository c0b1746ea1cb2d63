"""Quotation marks and apostrophes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from restore.cleanup.rule import Change

# In English contractions, genitives and names ("don´t", "O´Brien"); elsewhere it may be a stray accent ("Fouqu´e") or a letter's ("Faji`a").
_APOSTROPHE = re.compile(r"[`´](?:(?<=[^\W\d_].)(?=(?:s|t|m|d|ll|re|ve)(?!\w))|(?<=(?<!\w)[DO].)(?=[A-Z]))")
QUOTE_SIGNS = frozenset("`´,")
# TeX's and the typewriter's pairs; not in lines that hold TeX commands.
_PAIR = re.compile(r"(``|,,)(?<![`'´,]..)(?=[^\s`'´,])([^\n\\`]{0,400}?[^\s`'´\\])('')(?!['´])")
_CURLY = re.compile("[‘’‚‛ʼ“”„‟]")
_STRAIGHT: dict[str, str] = {**dict.fromkeys("‘’‚‛ʼ", "'"), **dict.fromkeys("“”„‟", '"')}
CURLY_SIGNS = frozenset(_STRAIGHT)


def quotes(text: str) -> Iterator[Change]:
    """Accents that stand for apostrophes ("don´t"), and doubled marks that stand for quotation marks (``so''), become ' and "."""
    changes = [(hit.start(), hit.end(), "'", "accent for an apostrophe") for hit in _APOSTROPHE.finditer(text)]
    for hit in _PAIR.finditer(text) if "``" in text or ",," in text else ():
        for group in (1, 3):
            changes.append((hit.start(group), hit.end(group), '"', "doubled marks for quotation marks"))
    yield from sorted(changes)


def straight_quotes(text: str) -> Iterator[Change]:
    """Curly quotation marks and apostrophes become straight; a matter of style, so in no profile."""
    for hit in _CURLY.finditer(text):
        yield hit.start(), hit.end(), _STRAIGHT[hit.group()], "curly quotation mark"
