"""What the author of a text has put out of bounds: regions between ``restore: off`` and ``restore: on``."""

from __future__ import annotations

import re

_SWITCH = re.compile(rb"\brestore:\s*(off|on)\b")


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
