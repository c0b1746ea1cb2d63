"""What is out of bounds: regions between ``restore: off`` and ``restore: on``; on request the list of references."""

from __future__ import annotations

import re

_SWITCH = re.compile(rb"\brestore:\s*(off|on)\b")
# A heading in a line of its own, perhaps numbered ("7. References"), and what may follow the list.
_REFERENCES = re.compile(r"^[#*\s]*(?:\d+\.?|[IVX]+\.)?\s*(?:references|bibliography|works cited|literature cited|reference list)[*:\s]*$", re.I | re.M)
_AFTER = re.compile(r"^[#*\s]*(?:appendix|appendices|supplementary|supporting information|acknowledge?ments?)\b.{0,60}$", re.I | re.M)


def locked_spans(data: bytes) -> list[tuple[int, int]]:
    """Byte spans from each ``restore: off`` to the next ``restore: on`` or the end, both switches included.

    >>> text = b"a <!-- restore: off --> b <!-- restore: on --> c"
    >>> [text[start:end] for start, end in locked_spans(text)]
    [b'restore: off --> b <!-- restore: on']
    """
    if b"restore:" not in data:
        return []
    spans: list[tuple[int, int]] = []
    start = None
    for switch in _SWITCH.finditer(data):
        if switch.group(1) == b"off" and start is None:
            start = switch.start()
        elif switch.group(1) == b"on" and start is not None:
            spans.append((start, switch.end()))
            start = None
    if start is not None:
        spans.append((start, len(data)))
    return spans


def without_references(text: str) -> str:
    """A paper without its list of references: the last one, blanked out so that offsets stay; what follows it (an appendix) is kept.

    >>> text = "We train a neural net.\\nReferences\\n[1] A. Author. Bosom malignancy.\\nAppendix A\\nMore."
    >>> without_references(text).split()
    ['We', 'train', 'a', 'neural', 'net.', 'Appendix', 'A', 'More.']
    """
    headings = list(_REFERENCES.finditer(text))
    if not headings:
        return text
    heading = headings[-1]
    after = _AFTER.search(text, heading.end())
    end = after.start() if after else len(text)
    blank = "".join(character if character in "\r\n" else " " for character in text[heading.start() : end])
    return text[: heading.start()] + blank + text[end:]
