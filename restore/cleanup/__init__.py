"""Cleanup: dirt that can be told without a language model, as named rules that yield edits.

Encoding damage, character forms, hidden characters, HTML entities, white space and quotation marks. Each rule can be switched; a profile is a set of rules.
No rule changes the number of lines, and running any of them again changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from restore.cleanup.characters import HIDDEN_SIGNS, LIGATURE_SIGNS, SOFT_HYPHEN_SIGNS, hidden, ligatures, nfc, soft_hyphens
from restore.cleanup.entities import entities
from restore.cleanup.homoglyphs import homoglyph_signs, homoglyphs
from restore.cleanup.mojibake import mojibake
from restore.cleanup.quotes import CURLY_SIGNS, QUOTE_SIGNS, quotes, straight_quotes
from restore.cleanup.rule import Rule, characters_of
from restore.cleanup.spacing import ODD_SIGNS, odd_spaces, space_runs, trailing_spaces
from restore.edits import apply, compose
from restore.errors import ConfigError
from restore.protect import locked_spans
from restore.records import Edit
from restore.tokenizer import encode, opaque_spans

__all__ = ["PROFILES", "RULES", "clean", "find_disguises", "permitted", "select_rules"]

#: Every rule by name, in the order in which they run.
RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule("entities", "HTML entities → their characters; not from the first tag on", entities, frozenset("&")),
        Rule("mojibake", "text decoded with the wrong encoding → what was written (ftfy)", mojibake, opaque=True),
        Rule("nfc", "letters and accents written apart → composed (Unicode NFC)", nfc),
        Rule("ligatures", "ﬁ ﬂ ﬀ ﬃ ﬄ ﬆ → letters", ligatures, LIGATURE_SIGNS),
        Rule("hidden", "zero-width, bidirectional, tag and control characters, terminal escapes → nothing", hidden, HIDDEN_SIGNS, opaque=True),
        Rule("soft-hyphens", "soft hyphens inside lines → nothing", soft_hyphens, SOFT_HYPHEN_SIGNS),
        Rule("homoglyphs", "Cyrillic, Greek, fullwidth, mathematical letters in Latin words → Latin", homoglyphs, homoglyph_signs()),
        Rule("odd-spaces", "no-break, thin, em and other spaces → plain spaces", odd_spaces, ODD_SIGNS),
        Rule("quotes", "accents for apostrophes, doubled marks for quotation marks → ' and \"", quotes, QUOTE_SIGNS),
        Rule("straight-quotes", "curly quotation marks and apostrophes → straight (in no profile)", straight_quotes, CURLY_SIGNS),
        Rule("space-runs", "runs of spaces inside lines → one; not in columns and tables", space_runs, frozenset(" ")),
        Rule("trailing-spaces", "spaces and tabs at line ends → nothing", trailing_spaces, ODD_SIGNS | {" ", "\t"}),
    )
}

_SPACES = ("odd-spaces", "space-runs", "trailing-spaces")
#: Sets of rules for kinds of text.
PROFILES: dict[str, tuple[str, ...]] = {
    "minimal": ("mojibake", "nfc", "hidden"),
    "scan": ("mojibake", "nfc", "ligatures", "hidden", "soft-hyphens", *_SPACES),
    "web": ("entities", "mojibake", "nfc", "ligatures", "hidden", "soft-hyphens", "homoglyphs", *_SPACES),
    "typed": ("mojibake", "nfc", "hidden", "quotes", *_SPACES),
}
_DISGUISES = ("hidden", "soft-hyphens", "homoglyphs")
#: Rounds after which a text is taken as it is; what nests deeper than this was made to.
_ROUNDS = 8


def select_rules(profile: str | None = None, add: Iterable[str] = (), drop: Iterable[str] = ()) -> tuple[str, ...]:
    """Names of rules: those of a profile and others, less some.

    Args:
        profile: one of `PROFILES`; None for "minimal", or for none when rules are added by name.
        add, drop: names of rules.

    Raises:
        ConfigError: there is no such profile or rule.

    >>> select_rules("minimal", drop=["nfc"])
    ('mojibake', 'hidden')
    >>> select_rules(add=["ligatures"])
    ('ligatures',)
    """
    add, drop = list(add), list(drop)
    if profile is None and not add:
        profile = "minimal"
    if profile is not None and profile not in PROFILES:
        raise ConfigError(f"unknown profile {profile!r}; known: {', '.join(PROFILES)}")
    for name in (*add, *drop):
        if name not in RULES:
            raise ConfigError(f"unknown rule {name!r}; known: {', '.join(RULES)}")
    chosen = {*(PROFILES[profile] if profile else ()), *add} - {*drop}
    return tuple(name for name in RULES if name in chosen)


def clean(text: str, rules: Sequence[str] = PROFILES["minimal"]) -> list[Edit]:
    """Edits that clean a text.

    Args:
        text: any string; lone surrogates are accepted.
        rules: names of rules (see `select_rules`), in any order.

    Returns:
        Edits with offsets into `text`, channel "cleanup", and the rule and why as the reason. Lines are neither added nor taken. Regions between
        ``restore: off`` and ``restore: on`` stay; only `mojibake` and `hidden` look into URLs, code, tags and other opaque spans.

    >>> [(e.start, e.end, e.original, e.reason) for e in clean("cafÃ© AT&amp;T", ["mojibake", "entities"])]
    [(3, 5, 'é', 'mojibake: UTF-8 read as Latin-1'), (8, 13, '&', 'entities: HTML entity &amp;')]
    """
    chosen = [RULES[name] for name in RULES if name in rules]
    done: list[Edit] = []
    now, characters = text, characters_of(text)
    for _ in range(_ROUNDS):
        before = now
        for rule in chosen:
            if rule.may_find(characters):
                found, done = _run(rule, text, now, done)
                if found != now:
                    now, characters = found, characters_of(found)
        if now == before:
            break
    return done


def find_disguises(text: str) -> list[Edit]:
    """Characters that hide words from matching, and what a reader sees in their place.

    Args:
        text: any string.

    Returns:
        Edits of the rules `hidden`, `soft-hyphens` and `homoglyphs`, with offsets into `text`; applying them gives the text as it looks.

    >>> [(e.observed, e.original, e.reason) for e in find_disguises("a sp\\u0430n of ti\\u200bme")]
    [('spаn', 'span', 'homoglyphs: Cyrillic а in a Latin word'), ('\\u200b', '', 'hidden: zero width space')]
    """
    return clean(text, _DISGUISES)


def _run(rule: Rule, text: str, now: str, done: list[Edit]) -> tuple[str, list[Edit]]:
    """Run a rule until it finds nothing.

    Args:
        rule: the rule.
        text, now: the input, and what the edits `done` have made of it.

    Returns:
        The text after the rule, and all edits of the input.
    """
    for _ in range(_ROUNDS):
        found = list(rule.edits(now))
        if found:
            found = permitted(now, found, rule.opaque)
        if not found:
            break
        done = compose(text, done, found) if done else found
        now = apply(now, found)
    return now, done


def permitted(text: str, edits: Sequence[Edit], opaque: bool = False) -> list[Edit]:
    """The edits that stay out of regions between ``restore: off`` and ``restore: on`` and, unless `opaque`, out of URLs, code, tags and the like.

    >>> edits = [Edit(0, 1, "a", "o", "cleanup", 1.0), Edit(6, 7, "a", "o", "cleanup", 1.0)]
    >>> [edit.start for edit in permitted("a or `a`", edits)]
    [0]
    """
    data = encode(text)
    spans = locked_spans(data)
    if not opaque:
        spans = sorted([*spans, *opaque_spans(data)])
    if not spans:
        return list(edits)
    borders = list(_characters(data, spans))
    result, at = [], 0
    for edit in edits:
        while at < len(borders) and borders[at][1] <= edit.start:
            at += 1
        if at == len(borders) or edit.end <= borders[at][0]:
            result.append(edit)
    return result


def _characters(data: bytes, spans: Iterable[tuple[int, int]]) -> Iterable[tuple[int, int]]:
    """Byte spans of UTF-8, made disjoint, as character spans."""
    at = count = last = 0
    for start, end in spans:
        start, end = max(start, last), max(end, last)
        last = end
        begin = count = count + len(data[at:start].decode("utf-8", "surrogatepass"))
        count += len(data[start:end].decode("utf-8", "surrogatepass"))
        at = end
        yield begin, count
