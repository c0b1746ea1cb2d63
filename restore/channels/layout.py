"""What printed pages do to running text: words divided at line ends, running heads, page numbers, catchwords.

A divided word is joined when that is the better reading by the language model and by the document's own words: a channel with two originals for each
observed "a-⏎b", the word "ab" and the compound "a-b". Heads, page numbers and catchwords are found by repetition at the edges of pages; they are reported,
and removed on request. Lines get fewer, so nothing here happens unless it is asked for by name.
"""

from __future__ import annotations

import difflib
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from restore.cleanup import permitted
from restore.edits import apply, compose
from restore.errors import ConfigError
from restore.language_model.model import UNKNOWN, LanguageModel
from restore.records import Edit
from restore.tokenizer import encode, tokenize, unicode_tables

CHANNEL = "layout"
FORM_FEED = r"\f"

_LETTERS = r"[^\W\d_]+(?:['’][^\W\d_]+)*"
# Hyphens, soft hyphens, and the "¬" that some scanners put for a hyphen at a line end. The second part is only looked at: it may be divided in its turn.
_DIVIDED = re.compile(rf"(?<![\w'’])({_LETTERS})([-\u2010\xad¬])([ \t]*\r?\n[ \t]*)(?=({_LETTERS})(?!\w))")
_COMPOUND = re.compile(rf"(?<!\w){_LETTERS}(?:-{_LETTERS})+(?!\w)")
_WORD = re.compile(rf"(?<!\w){_LETTERS}(?!\w)")
# A gap between columns: what follows in the next line belongs to another column.
_COLUMNS = re.compile(r"\S(?: {3,}|[ ]*\t\s*)\S")
_SUSPENDED = frozenset(("and", "or", "to", "nor", "but", "versus"))
_BEFORE_NAMES = frozenset(
    ("al", "all", "anti", "cross", "el", "ex", "inter", "mid", "neo", "non", "pan", "post", "pre", "pro", "pseudo", "quasi", "sub", "then", "trans", "un")
)
_INTO_NAMES = frozenset(("Mc", "Mac"))
_SAME_VOWEL = frozenset(("co", "pre", "re"))
#: Share of line-end hyphens that divide a word, not a compound: most, in set type.
_DIVIDES = 0.85
_EVEN = math.log(_DIVIDES / (1 - _DIVIDES))
#: What an occurrence of the word or the compound elsewhere in the document is worth, as a power of (1 + occurrences).
_OWN_WORDS = 3.0
#: Power of the language model's ratio, as in `restore.decode`.
_LM_SCALE = 0.7
#: Support (see `_support`) below which a compound, or one of names, is not believed: torn columns give "pur-⏎convenience" (−1.7) and "Sep-⏎Telegraphers" (1.6);
#: well-known has 7.2, four-horse −0.4, Anglo-Saxon 10.9, non-Christian 3.5.
_UNLIKELY, _NAMES = -1.0, 2.0
#: Tokens of context on either side.
_CONTEXT = 4

#: A running head stands on so many pages at least; so many page numbers must agree, and so many catchwords.
_PAGES = 3
#: Lines at either edge of a page that may be running heads or page numbers.
_EDGE = 2
#: Similarity from which on a line at an edge is a damaged copy of a head.
_ALIKE = 0.8
_PAGE_NUMBER = re.compile(r"\W*(?:page|pg\.?|p\.)?\s*(?:(\d{1,4})|([ivxlc]{1,7}))(?:\s*(?:of|/)\s*\d{1,4})?\W*", re.IGNORECASE)
_ROMAN = re.compile(r"(?<!\w)[ivxlc]+(?!\w)")


@dataclass(frozen=True, slots=True)
class Layout:
    """Settings of the layout channel.

    Attributes:
        page_separator: regular expression for what stands between pages; form feeds by default.
        remove_heads: whether running heads, page numbers and catchwords are removed.
    """

    page_separator: str = FORM_FEED
    remove_heads: bool = False


@dataclass(frozen=True, slots=True)
class PageMark:
    """A line at the edge of a page that is no part of the text.

    Attributes:
        start, end: the line in the input, without its line break.
        kind: "running head", "page number" or "catchword".
        text: the line.
        pages: pages that have one like it.
    """

    start: int
    end: int
    kind: str
    text: str
    pages: int

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able dictionary with the same names."""
        return asdict(self)


def layout(text: str, model: LanguageModel, settings: Layout | None = None) -> list[Edit]:
    """Edits that undo the layout of printed pages.

    Args:
        text: the document.
        model: judges the readings of divided words.
        settings: `Layout()` by default.

    Returns:
        Edits with offsets into `text`, channel "layout".

    Raises:
        ConfigError: the page separator is no regular expression.

    >>> from restore.lexicon import data_path
    >>> model = LanguageModel(data_path() / "en.model")
    >>> text = "The govern-\\nment of a well-\\nknown man, pages 10-\\n20."
    >>> apply(text, layout(text, model))
    'The government of a well-known man, pages 10-\\n20.'
    """
    settings = settings or Layout()
    removed: list[Edit] = []
    if settings.remove_heads:
        marks = find_page_marks(text, settings.page_separator)
        removed = permitted(text, [_removal(text, mark) for mark in marks])
    now = apply(text, removed)
    joined = permitted(now, list(join_divided(now, model)))
    return compose(text, removed, joined) if removed else joined


def join_divided(text: str, model: LanguageModel) -> Iterator[Edit]:
    """Edits that join words divided at line ends, each with the probability of its reading.

    Words divided across pages, after digits, and in lines with column gaps are left; so are suspended hyphens ("two-⏎and three-fold").
    """
    if not _DIVIDED.search(text):
        return
    words = Counter(word.casefold() for word in _WORD.findall(text))
    compounds = Counter(pair.casefold() for pair in _COMPOUND.findall(text))
    for hit in _DIVIDED.finditer(text):
        first, hyphen, _, second = hit.groups()
        start, end = text.rfind("\n", 0, hit.start()) + 1, text.find("\n", hit.end()) % (len(text) + 1)
        if _COLUMNS.search(text, start, hit.end(1)) or _COLUMNS.search(text, hit.end(), end):
            continue
        whole, compound = first + second, f"{first}-{second}"
        printed = hyphen in "-\u2010"
        if second[0].isupper() and not first.isupper():
            if first in _INTO_NAMES and len(second) > 2:
                probability, reading = _DIVIDES, whole
            elif first[0].isupper() or first.lower() in _BEFORE_NAMES:
                probability, reading = 1 - _DIVIDES, compound
            else:
                continue
        else:
            own = words[whole.casefold()]
            if second in _SUSPENDED and printed and not own and UNKNOWN in _ids(whole, model):
                continue
            hyphened = compounds[compound.casefold()]
            odds = _EVEN + _OWN_WORDS * (math.log1p(own) - math.log1p(hyphened))
            before, after = text[start : hit.start()], text[hit.end() + len(second) : end]
            odds += _LM_SCALE * (_score(before, whole, after, model) - _score(before, compound, after, model))
            if hyphened and not own:
                odds = min(odds, -_EVEN)
            if first.lower() in _SAME_VOWEL and first[-1].lower() == second[0].lower() and not own:
                # "co-operate": both spellings are right, and the hyphen is what was printed.
                odds = min(odds, -_EVEN)
            if not printed:
                odds = max(odds, math.log(99.0))
            probability = 1 / (1 + math.exp(-max(-30.0, min(30.0, odds))))
            reading = whole if probability >= 0.5 else compound
        if reading == whole and not words[whole.casefold()] and _is_torn(first, second, model):
            continue
        if reading == compound and _support(first, second, compounds, model) < (_NAMES if second[0].isupper() else _UNLIKELY):
            continue
        if reading == whole:
            edit = hit.start(2), hit.end(), "", probability, f"divided word: {whole}"
        elif printed:
            edit = hit.start(3), hit.end(), "", 1 - probability, f"compound at a line end: {compound}"
        else:
            edit = hit.start(2), hit.end(), "-", 1 - probability, f"compound at a line end: {compound}"
        begin, stop, original, probability, why = edit
        yield Edit(begin, stop, text[begin:stop], original, CHANNEL, round(probability, 6), reason=why)


def _is_torn(first: str, second: str, model: LanguageModel) -> bool:
    """Whether the next line likely belongs to another text: one part is a word, and together they are none. Names have two parts that are none."""
    known = [UNKNOWN not in _ids(part, model) for part in (first, second, first + second)]
    return not known[2] and (known[0] or known[1])


def _support(first: str, second: str, compounds: Counter[str], model: LanguageModel) -> float:
    """How much likelier the second part is after the first and a hyphen than anywhere, in log probability."""
    if compounds[f"{first}-{second}".casefold()]:
        return math.inf
    ids = _ids(f"{first}-{second}", model)
    return model.score_ids(ids)[-1] - model.unigrams[2 * ids[-1]]


def _score(before: str, middle: str, after: str, model: LanguageModel) -> float:
    """Log probability of some words among their neighbours."""
    left, right = tokenize(encode(before), ()), tokenize(encode(after), ())
    head = left.surface(max(0, len(left) - _CONTEXT), len(left)) if len(left) else ""
    tail = right.surface(0, min(_CONTEXT, len(right))) if len(right) else ""
    tokens = tokenize(encode(f"{head} {middle} {tail}"), ())
    ids = model.ids(memoryview(tokens.norms), len(tokens))
    return sum(model.score_ids(ids)) + sum(model.spelling(tokens, ids, unicode_tables()))


def _ids(word: str, model: LanguageModel) -> list[int]:
    tokens = tokenize(encode(word), ())
    return list(model.ids(memoryview(tokens.norms), len(tokens)))


# Lines of a page that are not blank: (start, end) without line breaks.
_Lines = list[tuple[int, int]]


def find_page_marks(text: str, separator: str = FORM_FEED) -> list[PageMark]:
    """Running heads, page numbers and catchwords: what repeats, or counts on, at the edges of pages.

    Args:
        text: the document.
        separator: regular expression for what stands between pages.

    Returns:
        The lines, in order; none where fewer than three pages are told apart.

    Raises:
        ConfigError: the separator is no regular expression, or takes too long.

    >>> pages = [f"MY TRAVELS {n}\\nIt was day {word},\\nor so they say.\\nAt {word} we went on.\\n" for n, word in ((7, "one"), (8, "two"), (9, "three"))]
    >>> [(mark.kind, mark.text) for mark in find_page_marks("\\f".join(pages))]
    [('running head', 'MY TRAVELS 7'), ('running head', 'MY TRAVELS 8'), ('running head', 'MY TRAVELS 9')]
    """
    pages = [_lines(text, start, end) for start, end in _pages(text, separator)]
    if len(pages) < _PAGES:
        return []
    marks = _find_numbers(text, pages) + _find_heads(text, pages)
    marks += _find_catchwords(text, pages, {mark.start for mark in marks})
    return sorted({mark.start: mark for mark in reversed(marks)}.values(), key=lambda mark: mark.start)


def _pages(text: str, separator: str) -> Iterator[tuple[int, int]]:
    import regex

    start = 0
    try:
        for hit in regex.compile(separator, regex.MULTILINE).finditer(text, timeout=10):
            if hit.end() > hit.start():
                yield start, hit.start()
                start = hit.end()
    except regex.error as problem:
        raise ConfigError(f"the page separator {separator!r} is no regular expression ({problem}); write, for example, '^=+$'") from None
    except TimeoutError:
        raise ConfigError(f"the page separator {separator!r} takes too long; write a simpler one") from None
    yield start, len(text)


def _lines(text: str, start: int, end: int) -> _Lines:
    found = []
    while start < end:
        stop = text.find("\n", start, end)
        stop = end if stop < 0 else stop
        line = text[start:stop]
        if line.strip():
            found.append((start, start + len(line.rstrip())))
        start = stop + 1
    return found


def _edges(page: _Lines) -> Iterator[tuple[str, int, tuple[int, int]]]:
    """(edge, depth, line) of the lines at the edges of a page, outermost first; a page of few lines has none but the outermost."""
    depth = _EDGE if len(page) > 2 * _EDGE else 1 if len(page) > 1 else 0
    for k in range(depth):
        yield "top", k, page[k]
        yield "bottom", k, page[-1 - k]


def _form(line: str) -> str:
    """A line without what differs from page to page: numbers, case, marks; "" where too little is left."""
    form = " ".join(re.findall(r"\w+", _ROMAN.sub("", re.sub(r"\d+", " ", line.casefold()))))
    return form if sum(map(str.isalpha, form)) >= 3 else ""


def _find_heads(text: str, pages: Sequence[_Lines]) -> list[PageMark]:
    at_edge: defaultdict[str, Counter[str]] = defaultdict(Counter)
    elsewhere: Counter[str] = Counter()
    for page in pages:
        edges = list(_edges(page))
        at_edge_lines = {line for _, _, line in edges}
        for edge, form in {(edge, _form(text[start:end])) for edge, _, (start, end) in edges}:
            at_edge[edge][form] += 1
        elsewhere.update(_form(text[start:end]) for start, end in page if (start, end) not in at_edge_lines)
    heads = {edge: {form: n for form, n in forms.items() if form and n >= _PAGES and n > elsewhere[form]} for edge, forms in at_edge.items()}
    marks = []
    for page in pages:
        outside = {"top": True, "bottom": True}
        for edge, depth, (start, end) in _edges(page):
            form = _form(text[start:end])
            pages_with = heads[edge].get(form, 0)
            if not pages_with and len(form) >= 8 and not elsewhere[form]:
                alike = difflib.get_close_matches(form, heads[edge], 1, _ALIKE)
                pages_with = heads[edge][alike[0]] if alike else 0
            if pages_with and (depth == 0 or outside[edge]):
                marks.append(PageMark(start, end, "running head", text[start:end].strip(), pages_with))
            elif not _PAGE_NUMBER.fullmatch(text, start, end):
                outside[edge] = False
    return marks


def _find_numbers(text: str, pages: Sequence[_Lines]) -> list[PageMark]:
    """Lines that are a number which counts on with the pages."""
    found: defaultdict[tuple[bool, int], list[tuple[int, int]]] = defaultdict(list)
    for k, page in enumerate(pages):
        for _, _, (start, end) in _edges(page):
            number = _PAGE_NUMBER.fullmatch(text, start, end)
            value = None if number is None else int(number[1]) if number[1] else roman(number[2])
            if number is not None and value is not None:
                found[number[1] is None, value - k].append((start, end))
    return [
        PageMark(start, end, "page number", text[start:end].strip(), len(lines)) for lines in found.values() if len(lines) >= _PAGES for start, end in lines
    ]


def roman(numeral: str) -> int | None:
    """Value of a Roman numeral below 400, or None.

    >>> roman("xiv"), roman("vx"), roman("mix")
    (14, None, None)
    """
    value = 0
    values = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}
    if not re.fullmatch("c{0,3}(?:xc|xl|l?x{0,3})(?:ix|iv|v?i{0,3})", numeral.lower()):
        return None
    digits = [values[letter] for letter in numeral.lower()]
    for k, digit in enumerate(digits):
        value += -digit if any(digit < later for later in digits[k + 1 :]) else digit
    return value


def _find_catchwords(text: str, pages: Sequence[_Lines], marked: Iterable[int]) -> list[PageMark]:
    """Last lines that are one word, with which the next page begins."""
    bodies = [[line for line in page if line[0] not in marked] for page in pages]
    found = []
    for page, following in pairwise(bodies):
        if len(page) < 3 or not following:
            continue
        start, end = page[-1]
        words, first = _WORD.findall(text, start, end), _WORD.search(text, *following[0])
        if len(words) == 1 and first and len(words[0]) >= 2 and first.group().casefold() == words[0].casefold() and first.start() - following[0][0] <= 2:
            found.append((start, end))
    return [PageMark(start, end, "catchword", text[start:end].strip(), len(found)) for start, end in found] if len(found) >= _PAGES else []


def _removal(text: str, mark: PageMark) -> Edit:
    """The edit that takes a line out, with its line break."""
    stop = text.find("\n", mark.end)
    end = len(text) if stop < 0 else stop + 1
    if text[mark.end : end].strip(" \t\r\n"):
        end = mark.end  # a separator in the same line
    return Edit(mark.start, end, text[mark.start : end], "", CHANNEL, 1.0, reason=f"{mark.kind} on {mark.pages} pages")
