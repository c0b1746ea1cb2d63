"""Texts to one stream of word ids.

The texts are read once. While reading, words get provisional numbers; when all are counted, a remapping gives the final ids, so a text of 115 million
tokens needs 4 bytes a token and never a second pass.
"""

from __future__ import annotations

import gzip
import lzma
import os
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, cast

import numpy as np
import numpy.typing as npt

from restore.errors import ConfigError, InputError
from restore.tokenizer import NEWLINES_MASK, normalise, tokenize

UNKNOWN, BEGIN, END = 0, 1, 2
SPECIALS = ("<unk>", "<s>", "</s>")

Ids = npt.NDArray[np.uint32]
Progress = Callable[[str, int, int], None]

#: Row of an n-gram that is in no table.
ABSENT = (1 << 32) - 1

_BLOCK = 1 << 23


class TokenSource(Protocol):
    """Cuts blocks of whole lines into words and numbers the words, from 3 on, in the order in which they appear."""

    def read(self, block: bytes) -> tuple[Ids, npt.NDArray[np.bool_]]:
        """Numbers of the words of a block, and whether each is the first of its line."""

    def types(self) -> list[str]:
        """The words seen so far; the first has number 3."""


class SplitTokens:
    """Words are what stands between ASCII white space, as they stand."""

    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {}

    def read(self, block: bytes) -> tuple[Ids, npt.NDArray[np.bool_]]:
        numbers, found, lengths = self._numbers, array("I"), array("I")
        for line in block.split(b"\n"):
            words = line.split()
            if words:
                found.extend([numbers.setdefault(word, len(numbers) + len(SPECIALS)) for word in words])
                lengths.append(len(words))
        ids = np.frombuffer(found, dtype=np.uint32)
        starts = np.zeros(len(ids), dtype=np.bool_)
        sizes = np.frombuffer(lengths, dtype=np.uint32).astype(np.int64)
        starts[np.cumsum(sizes) - sizes] = True
        return ids, starts

    def types(self) -> list[str]:
        return [word.decode() for word in self._numbers]


class TextTokens:
    """Words are the normal forms of `restore.tokenizer`."""

    def __init__(self) -> None:
        self._hashes = np.zeros(0, dtype=np.uint64)
        self._numbers = np.zeros(0, dtype=np.uint32)
        self._types: list[str] = []

    def read(self, block: bytes) -> tuple[Ids, npt.NDArray[np.bool_]]:
        tokens = tokenize(block)
        norms, flags = np.frombuffer(tokens.norms, dtype=np.uint64), np.frombuffer(tokens.flags, dtype=np.uint16)
        distinct, first, inverse = np.unique(norms, return_index=True, return_inverse=True)
        place = np.searchsorted(self._hashes, distinct)
        known = np.zeros(len(distinct), dtype=np.bool_)
        inside = place < len(self._hashes)
        known[inside] = self._hashes[place[inside]] == distinct[inside]
        self._add(distinct[~known], place[~known], [normalise(tokens.surface(i)) for i in first[~known].tolist()])
        numbers = self._numbers[np.searchsorted(self._hashes, distinct)]
        starts = (flags & NEWLINES_MASK) > 0
        starts[:1] = True
        return numbers[inverse], starts

    def types(self) -> list[str]:
        return self._types

    def _add(self, hashes: npt.NDArray[np.uint64], place: npt.NDArray[np.intp], types: list[str]) -> None:
        start = len(SPECIALS) + len(self._types)
        self._types.extend(types)
        self._hashes = np.insert(self._hashes, place, hashes)
        self._numbers = np.insert(self._numbers, place, np.arange(start, start + len(types), dtype=np.uint32))


def token_source(tokens: str) -> TokenSource:
    """The source for "text" or "split".

    Raises:
        ConfigError: another word.
    """
    if tokens == "text":
        return TextTokens()
    if tokens == "split":
        return SplitTokens()
    raise ConfigError(f"tokens is {tokens!r}, expected 'text' or 'split'")


def read_stream(paths: Sequence[str | os.PathLike[str]], source: TokenSource, progress: Progress | None, stage: str) -> Ids:
    """Read texts into one stream of provisional numbers, each line between BEGIN and END; lines without words are left out.

    Args:
        paths: text files, plain, .gz or .xz, UTF-8.
        source: cuts and numbers the words.
        progress: told how many files are done.
        stage: name of the stage for `progress`.

    Returns:
        uint32 numbers; 1 and 2 are BEGIN and END, words start at 3.

    Raises:
        InputError: a file is missing, damaged or not UTF-8.
    """
    parts: list[Ids] = []
    for done, path in enumerate(paths):
        if progress:
            progress(stage, done, len(paths))
        for block in _blocks(path):
            numbers, starts = source.read(block)
            if len(numbers):
                parts.append(_with_boundaries(numbers, starts))
    if progress:
        progress(stage, len(paths), len(paths))
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.uint32)


@dataclass(frozen=True)
class Vocabulary:
    """Which words have an id.

    Attributes:
        words: by id; the three specials, then by falling count, then by spelling.
        ids: final id by provisional number; UNKNOWN for words that are too rare.
        rare: the words that are too rare, sorted.
    """

    words: list[str]
    ids: Ids
    rare: list[str]

    def map(self, stream: Ids) -> Ids:
        """Final ids of a stream, also one with words numbered after this vocabulary was built."""
        ids = np.zeros(max(int(stream.max(initial=0)) + 1, len(self.ids)), dtype=np.uint32)
        ids[: len(self.ids)] = self.ids
        return ids[stream]


def build_vocabulary(stream: Ids, types: list[str], min_count: int) -> Vocabulary:
    """Give ids to the words that occur at least `min_count` times in a stream of provisional numbers."""
    counts = np.bincount(stream, minlength=len(types) + len(SPECIALS))[len(SPECIALS) :]
    kept: list[tuple[int, str, int]] = []
    rare: list[str] = []
    for number, (word, count) in enumerate(zip(types, counts.tolist(), strict=True), len(SPECIALS)):
        if word in SPECIALS:
            continue
        if count >= min_count:
            kept.append((-count, word, number))
        else:
            rare.append(word)
    kept.sort()
    ids = np.zeros(len(types) + len(SPECIALS), dtype=np.uint32)
    ids[[BEGIN, END]] = BEGIN, END
    ids[[number for _, _, number in kept]] = np.arange(len(kept), dtype=np.uint32) + len(SPECIALS)
    return Vocabulary([*SPECIALS, *(word for _, word, _ in kept)], ids, sorted(rare))


def _with_boundaries(numbers: Ids, starts: npt.NDArray[np.bool_]) -> Ids:
    first = np.flatnonzero(starts)
    last = np.append(first[1:], len(numbers)) - 1
    before = 2 * np.arange(len(first))
    stream = np.empty(len(numbers) + 2 * len(first), dtype=np.uint32)
    stream[np.arange(len(numbers)) + 2 * np.cumsum(starts) - 1] = numbers
    stream[first + before] = BEGIN
    stream[last + before + 2] = END
    return stream


def _blocks(path: str | os.PathLike[str]) -> Iterator[bytes]:
    """Whole lines, some MB at a time, checked to be UTF-8."""
    path = Path(path)
    offset = 0
    try:
        with _open(path) as file:
            while block := file.read(_BLOCK):
                block += file.readline()
                block.decode()
                yield block.removeprefix(b"\xef\xbb\xbf") if offset == 0 else block
                offset += len(block)
    except UnicodeDecodeError as problem:
        raise InputError(path, f"is not UTF-8 at byte {offset + problem.start}; convert it first") from None
    except (OSError, EOFError, lzma.LZMAError) as problem:
        raise InputError(path, f"cannot be read: {problem}") from None


def _open(path: Path) -> BinaryIO:
    if path.suffix == ".xz":
        return cast(BinaryIO, lzma.open(path, "rb"))
    if path.suffix == ".gz":
        return cast(BinaryIO, gzip.open(path, "rb"))
    return path.open("rb")
