"""What a cleanup rule is: a name, a summary, and a function that finds what it would change."""

from __future__ import annotations

import string
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
        signs: characters without which there is nothing to find; None for any that is not ASCII. Most text is passed over by this alone.
        opaque: whether it also looks into URLs, code, tags and the like.
    """

    name: str
    summary: str
    find: Callable[[str], Iterator[Change]]
    signs: frozenset[str] | None = None
    opaque: bool = False

    def may_find(self, characters: set[str]) -> bool:
        """Whether a text with these characters (see `characters_of`) can hold anything for the rule."""
        if self.signs is None:
            return not all(map(str.isascii, characters))
        return not self.signs.isdisjoint(characters)

    def edits(self, text: str) -> Iterator[Edit]:
        """The changes as edits; the reason begins with the rule's name."""
        for start, end, replacement, why in self.find(text):
            yield Edit(start, end, text[start:end], replacement, CHANNEL, 1.0, reason=f"{self.name}: {why}")


# Nearly every text holds all of these, so they are counted as present without a look; `bytes.translate` drops them at 1 GB/s.
_COMMON = string.ascii_letters + string.digits + " \n.,;:!?'\"()-"


def characters_of(text: str) -> set[str]:
    """The characters of a text, and the commonest ASCII ones whether it has them or not.

    >>> sorted(characters_of("a café & more") - characters_of(""))
    ['&', 'é']
    """
    rest = text.encode("utf-8", "surrogatepass").translate(None, _COMMON.encode())
    return {*rest.decode("utf-8", "surrogatepass"), *_COMMON}


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


#: Characters of a line that are looked at on either side of a place; lines may be as long as the text.
_NEAR = 500


def near(text: str, start: int, end: int) -> tuple[int, int]:
    """The part of its line around a span.

    >>> near("one\\ntwo three\\nfour", 8, 13)
    (4, 13)
    """
    low, high = max(0, start - _NEAR), min(len(text), end + _NEAR)
    before, after = text.rfind("\n", low, start), text.find("\n", end, high)
    return low if before < 0 else before + 1, high if after < 0 else after


def expand(members: str) -> frozenset[str]:
    """The characters of a character class, with its ranges.

    >>> "".join(sorted(expand("a-cx")))
    'abcx'
    """
    found: set[str] = set()
    at = 0
    while at < len(members):
        if members[at + 1 : at + 2] == "-":
            found.update(map(chr, range(ord(members[at]), ord(members[at + 2]) + 1)))
            at += 3
        else:
            found.add(members[at])
            at += 1
    return frozenset(found)
