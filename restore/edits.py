"""Apply, invert and compose edits: the only code that rewrites a string."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from restore.errors import EditError
from restore.records import Edit


def apply(text: str, edits: Iterable[Edit]) -> str:
    """The text with the edits made.

    Args:
        text: what the edits' offsets point into.
        edits: disjoint, sorted by start.

    Raises:
        EditError: the edits overlap, are unsorted, or do not find what they expect.

    >>> apply("the chief fell", [Edit(4, 9, "chief", "leader", "substitution", 0.9)])
    'the leader fell'
    """
    pieces, last = [], 0
    for edit in edits:
        if not last <= edit.start <= edit.end <= len(text):
            raise EditError(f"edit at {edit.start}-{edit.end} overlaps another, is out of order or lies outside a text of {len(text)} characters")
        found = text[edit.start : edit.end]
        if found != edit.observed:
            raise EditError(f"edit at {edit.start}-{edit.end} expects {edit.observed!r} and finds {found!r}: these edits belong to another text")
        pieces += [text[last : edit.start], edit.original]
        last = edit.end
    pieces.append(text[last:])
    return "".join(pieces)


def invert(edits: Iterable[Edit]) -> list[Edit]:
    """Edits that take the changed text back to the input.

    >>> edits = [Edit(4, 9, "chief", "leader", "substitution", 0.9)]
    >>> apply("the leader fell", invert(edits))
    'the chief fell'
    """
    inverted, shift = [], 0
    for edit in edits:
        start = edit.start + shift
        inverted.append(replace(edit, start=start, end=start + len(edit.original), observed=edit.original, original=edit.observed, alternatives=()))
        shift += len(edit.original) - len(edit.observed)
    return inverted


def input_offset(edits: Iterable[Edit], offset: int) -> int:
    """Where a place of the changed text lies in the input; the end of the changed span for a place inside what was put.

    >>> edits = [Edit(4, 9, "chief", "leader", "substitution", 0.9)]
    >>> [input_offset(edits, offset) for offset in (3, 4, 8, 11)]
    [3, 4, 9, 10]
    """
    shift = 0
    for edit in edits:
        if edit.start + shift >= offset:
            break
        if edit.start + shift + len(edit.original) > offset:
            return edit.end
        shift += len(edit.original) - len(edit.observed)
    return offset - shift


def compose(text: str, first: Sequence[Edit], second: Sequence[Edit]) -> list[Edit]:
    """One list of edits of `text` that does what `first` and then `second` (edits of the text after `first`) do.

    Edits of the two lists that touch become one, with the lower probability and both reasons.

    >>> first = [Edit(0, 2, "Ok", "K", "substitution", 0.9)]
    >>> second = [Edit(0, 5, "K is ", "", "layout", 0.8)]
    >>> [(e.start, e.end, e.observed, e.original) for e in compose("Ok is on", first, second)]
    [(0, 6, 'Ok is ', '')]
    """
    middle = apply(text, first)
    apply(middle, second)
    if not first or not second:
        return [edit for edit in first or second if edit.observed != edit.original]
    # Groups of touching spans in the middle text: (start, end, edits of first, edits of second).
    spans, shift = [(e.start, e.end, 1, k) for k, e in enumerate(second)], 0
    for k, edit in enumerate(first):
        spans.append((edit.start + shift, edit.start + shift + len(edit.original), 0, k))
        shift += len(edit.original) - len(edit.observed)
    spans.sort()
    groups: list[tuple[int, int, list[int], list[int]]] = []
    for start, end, which, k in spans:
        if groups and start <= groups[-1][1] and (start < groups[-1][1] or start == end or groups[-1][0] == groups[-1][1]):
            low, high, ones, twos = groups[-1]
            groups[-1] = (low, max(high, end), ones, twos)
        else:
            groups.append((start, end, [], []))
        (groups[-1][3] if which else groups[-1][2]).append(k)
    result = []
    shift = 0
    for low, high, ones, twos in groups:
        start = low - shift
        if not twos and len(ones) == 1:
            result += [edit for edit in (first[ones[0]],) if edit.observed != edit.original]
            shift += len(first[ones[0]].original) - len(first[ones[0]].observed)
            continue
        shift += sum(len(first[k].original) - len(first[k].observed) for k in ones)
        end = high - shift
        parts = [replace(second[k], start=second[k].start - low, end=second[k].end - low) for k in twos]
        chosen = [first[k] for k in ones] + [second[k] for k in twos]
        lead = second[twos[0]] if twos else first[ones[0]]
        observed = text[start:end]
        original = apply(middle[low:high], parts)
        if observed != original:
            result.append(
                replace(
                    lead,
                    start=start,
                    end=end,
                    observed=observed,
                    original=original,
                    probability=min(edit.probability for edit in chosen),
                    alternatives=lead.alternatives if len(chosen) == 1 else (),
                    reason="; ".join(dict.fromkeys(edit.reason for edit in chosen if edit.reason)),
                )
            )
    return result
