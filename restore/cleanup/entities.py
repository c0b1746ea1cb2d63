"""HTML entities left in text ("AT&amp;T", "&nbsp;", "&#8217;")."""

from __future__ import annotations

import re
from collections.abc import Iterator

from restore.cleanup.rule import Change

# An entity, perhaps escaped again and again; always with its semicolon, as "&copy=1" is a part of an address.
_ENTITY = re.compile(r"&(?:(?:amp|AMP|#38);)*(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][0-9A-Za-z]{1,23});")
# A tag, comment or declaration: from its line on the text is HTML, where entities are right (ftfy's caution, which takes any "<" for one).
_MARKUP = re.compile(r"</?[A-Za-z][\w:.-]*(?:\s[^<>\n]*)?/?>|<!(?:--|[A-Za-z])")
_BREAKS = re.compile("[\n\v\f\r\x85\u2028\u2029]")


def entities(text: str) -> Iterator[Change]:
    """Entities become their characters, as `html.unescape` knows them; line-break entities become spaces; HTML is left alone."""
    first = _ENTITY.search(text)
    if first is None:
        return
    from ftfy.fixes import unescape_html

    markup = _MARKUP.search(text)
    end = len(text) if markup is None else text.rfind("\n", 0, markup.start()) + 1
    for hit in _ENTITY.finditer(text, first.start(), end):
        before = after = hit.group()
        while (plain := unescape_html(after)) != after:
            after = plain
        after = _BREAKS.sub(" ", after)
        if after != before and "\ufffd" not in after:
            yield hit.start(), hit.end(), after, f"HTML entity {before}"
