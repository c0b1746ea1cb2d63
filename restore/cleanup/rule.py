"""What a cleanup rule is: a name, a summary, and a function that finds what it would change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from restore.records import Edit

#: Name of the channel of every cleanup edit.
CHANNEL = "cleanup"

#: (start, end, replacement, why): character offsets into the text, sorted and disjoint.
Change = tuple[int, int, str, str]


@dataclass(frozen=True, slots=True)
class Rule:
    """A named, switchable kind of repair.

    Attributes:
        name: as users write it.
        summary: what it does, in a few words.
        find: the changes that it would make to a text.
        ascii: whether there is anything to find in text that is wholly ASCII.
        opaque: whether it also looks into URLs, code, tags and the like.
    """

    name: str
    summary: str
    find: Callable[[str], Iterator[Change]]
    ascii: bool = False
    opaque: bool = False

    def edits(self, text: str) -> Iterator[Edit]:
        """The changes as edits; the reason begins with the rule's name."""
        for start, end, replacement, why in self.find(text):
            yield Edit(start, end, text[start:end], replacement, CHANNEL, 1.0, reason=f"{self.name}: {why}")


def trim(before: str, after: str) -> tuple[int, int]:
    """Lengths of what two strings share at their beginnings and at their ends.

    >>> trim("schÃ¶n", "schön")
    (3, 1)
    """
    shortest = min(len(before), len(after))
    head = 0
    while head < shortest and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < shortest - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    return head, tail


def is_plain(character: str) -> bool:
    """Whether a character belongs to Latin text: ASCII, a Latin letter, a combining accent, general punctuation; or is "" (no character at all).

    >>> is_plain("é"), is_plain("“"), is_plain("я"), is_plain("😀"), is_plain("")
    (True, True, False, False, True)
    """
    return not character or character < "\u0370" or "\u1e00" <= character <= "\u1eff" or "\u2000" <= character <= "\u206f"
