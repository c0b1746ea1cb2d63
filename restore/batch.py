"""Many documents in one contiguous buffer (UTF-8 bytes and offsets, as Arrow lays strings out): what the gate finds clean costs no Python objects."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any, TypeVar

from restore.records import Result
from restore.tokenizer import encode

if TYPE_CHECKING:
    from concurrent.futures import Future

#: `pipe` screens about so many characters, or this many texts, at once.
GROUP, MOST = 1 << 20, 256

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


@dataclass(frozen=True)
class Batch:
    """Restored documents.

    Attributes:
        data: UTF-8 of all restored documents; the input's own buffer when nothing changed.
        offsets: document d is data[offsets[d] : offsets[d + 1]] (64-bit).
        spun, log_bayes_factor, rate: of the verdict of each document (doubles).
        words: words of each document (64-bit).
        results: of the documents that went through the decoder, by number; any other is unchanged and clean.
    """

    data: Any
    offsets: array[int]
    spun: array[float]
    log_bayes_factor: array[float]
    rate: array[float]
    words: array[int]
    results: Mapping[int, Result]

    def __len__(self) -> int:
        return len(self.offsets) - 1


def join(texts: Sequence[str]) -> tuple[bytes, array[int]]:
    """Texts as one buffer and its offsets.

    >>> join(["a", "é", ""])
    (b'a\\xc3\\xa9', array('q', [0, 1, 3, 3]))
    """
    pieces = [encode(text) for text in texts]
    return b"".join(pieces), array("q", accumulate(map(len, pieces), initial=0))


def replace_documents(data: Any, offsets: array[int], texts: Mapping[int, str]) -> tuple[Any, array[int]]:
    """The buffer with some documents replaced.

    Args:
        data, offsets: of the documents.
        texts: new texts by number of document, in rising order.

    Returns:
        (data, offsets): the same objects when there is nothing to replace.

    >>> replace_documents(b"abcd", array("q", [0, 1, 3, 4]), {1: "BBB"})
    (b'aBBBd', array('q', [0, 1, 4, 5]))
    """
    if not texts:
        return data, offsets
    view, last, shift = memoryview(data), offsets[0], -offsets[0]
    pieces: list[bytes | memoryview] = []
    moved = array("q")
    for number, text in texts.items():
        moved.extend(offset + shift for offset in offsets[len(moved) : number + 1])
        new = encode(text)
        pieces += [view[last : offsets[number]], new]
        last = offsets[number + 1]
        shift += len(new) - (last - offsets[number])
    moved.extend(offset + shift for offset in offsets[len(moved) :])
    return b"".join([*pieces, view[last : offsets[-1]]]), moved


def group(texts: Iterable[str], size: int = GROUP) -> Iterator[list[str]]:
    """Runs of texts of about `size` characters, or `MOST` texts.

    >>> list(group(["abc", "d", "efgh", "i"], 4))
    [['abc', 'd'], ['efgh'], ['i']]
    """
    run: list[str] = []
    total = 0
    for text in texts:
        # A long text stands alone: joined to others it would be copied.
        if run and total + len(text) > size:
            yield run
            run, total = [], 0
        run.append(text)
        total += len(text)
        if total >= size or len(run) == MOST:
            yield run
            run, total = [], 0
    if run:
        yield run


def ordered_map(function: Callable[[Item], Outcome], items: Iterable[Item], threads: int) -> Iterator[Outcome]:
    """`map` on some threads: outcomes in order, at most two items a thread read ahead.

    >>> list(ordered_map(len, ["a", "bc", ""], 2))
    [1, 2, 0]
    """
    if threads <= 1:
        yield from map(function, items)
        return
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(threads)
    waiting: deque[Future[Outcome]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
