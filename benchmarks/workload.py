"""What the benchmarks run on: texts, the dictionary of the peers, and the peers. No timing here.

Clean text is the file that $RESTORE_BENCH_TEXT names (UTF-8, a paragraph a line; 2 MB or more of news make sense), or else the few sentences of tests/cases,
repeated. Spun text is made from it by the dictionaries' own channel (tools/spin.py), with the share RATE of all replaceable words replaced.
"""

from __future__ import annotations

import importlib
import os
import random
import resource
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

from restore.lexicon import data_path, find_files, read_files
from restore.lexicon.build import collect
from restore.lexicon.inflection import Inflector

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tools"))

#: Bytes of a document, about 330 words, and share of replaceable words that is replaced in spun text.
DOCUMENT, RATE = 2000, 0.7
#: Phrases of the peers' dictionary.
PHRASES = 50_000

Replace = Callable[[str], str]


def cpu_clock() -> float:
    """CPU seconds of this process and of those it has waited for: on a busy machine wall time says little."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


@cache
def clean_text() -> str:
    """Clean text, a paragraph a line."""
    path = os.environ.get("RESTORE_BENCH_TEXT")
    if path:
        # A file cut out of a larger one may begin and end inside a character.
        return Path(path).read_bytes().decode("utf-8", "ignore")
    lines = (ROOT / "tests/cases/clean.txt").read_text(encoding="utf-8").splitlines()
    chance = random.Random(1)
    paragraphs = (" ".join(chance.sample(lines, min(6, len(lines)))) for _ in range(4000))
    return "\n".join(paragraphs)


@cache
def spun_text(size: int) -> str:
    """The first `size` bytes of the clean text, spun."""
    from spin import Spinner

    spinner = Spinner(read_files(find_files([data_path()]), shipped=True))
    chance = random.Random(1)
    source = clean_text().encode()[:size].decode("utf-8", "ignore")
    return "\n".join(spinner.spin(line, "thesaurus", RATE, chance)[0] for line in source.split("\n"))


def cut_documents(text: str, size: int = DOCUMENT, total: int | None = None) -> list[str]:
    """Documents of `size` bytes, cut at the space nearest before; short of `total` bytes the text starts anew."""
    data = text.encode()
    if total and len(data) < total:
        data = (data + b"\n") * (total // (len(data) + 1) + 1)
    data = data[:total]
    documents = []
    start = 0
    while start < len(data):
        end = start + size
        if end < len(data):
            space = data.rfind(b" ", start + size // 2, end)
            end = space + 1 if space >= 0 else end
        documents.append(data[start:end].decode("utf-8", "ignore"))
        start = end
    return documents


def n_bytes(documents: Iterable[str]) -> int:
    """Size in UTF-8."""
    return sum(len(document.encode()) for document in documents)


@cache
def phrases() -> dict[str, str]:
    """Observed phrase to original: of the shipped rows, inflected, those with the most evidence, exactly PHRASES of them."""
    pairs, *_ = collect(read_files(find_files([data_path()]), shipped=True), Inflector(data_path() / "inflections.tsv"))
    best: dict[str, tuple[float, str]] = {}
    for (observed, original), weights in pairs.items():
        if not weights:
            continue
        # The smaller peers cannot match what is no plain run of words.
        if all(c.isalnum() or c == " " for c in observed) and observed == observed.lower():
            best[observed] = max(best.get(observed, (0.0, "")), (max(weights.values()), original))
    ranked = sorted(best, key=lambda observed: (-best[observed][0], observed))[:PHRASES]
    assert len(ranked) == PHRASES
    return {observed: best[observed][1] for observed in sorted(ranked)}


def replace_exactly(text: str, table: dict[str, str]) -> str:
    """The oracle of the peers: leftmost, longest, whole words, case as it stands."""
    import re

    words = [(match.start(), match.end()) for match in re.finditer(r"\w+", text)]
    longest = max(phrase.count(" ") + 1 for phrase in table)
    pieces, last, i = [], 0, 0
    while i < len(words):
        for size in range(min(longest, len(words) - i), 0, -1):
            start, end = words[i][0], words[i + size - 1][1]
            if text[start:end] in table:
                pieces += [text[last:start], table[text[start:end]]]
                last = end
                i += size
                break
        else:
            i += 1
    return "".join([*pieces, text[last:]])


def _bounded(matches: Iterable[tuple[int, int, str]], text: str) -> str:
    """The text with matches (start, end, original) replaced where they are whole words."""
    pieces, last = [], 0
    for start, end, original in matches:
        if start < last:
            continue
        if start and (text[start - 1].isalnum() or text[start - 1] == "_"):
            continue
        if end < len(text) and (text[end].isalnum() or text[end] == "_"):
            continue
        pieces += [text[last:start], original]
        last = end
    return "".join([*pieces, text[last:]])


def _flashtext(table: dict[str, str]) -> Replace:
    processor = importlib.import_module("flashtext").KeywordProcessor(case_sensitive=True)
    processor.set_non_word_boundaries(set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"))
    for observed, original in table.items():
        processor.add_keyword(observed, original)

    def replace(text: str) -> str:
        try:
            result: str = processor.replace_keywords(text)
        except IndexError:  # it fails on some texts that end inside a phrase
            result = processor.replace_keywords(text + " ")[:-1]
        return result

    return replace


def _flashtext2(table: dict[str, str]) -> Replace:
    processor = importlib.import_module("flashtext2").KeywordProcessor(case_sensitive=True)
    for observed, original in table.items():
        processor.add_keyword(observed, original)
    replace: Replace = processor.replace_keywords
    return replace


def _pyahocorasick(table: dict[str, str]) -> Replace:
    automaton = importlib.import_module("ahocorasick").Automaton()
    for observed, original in table.items():
        automaton.add_word(observed, (len(observed), original))
    automaton.make_automaton()
    return lambda text: _bounded(((end + 1 - size, end + 1, original) for end, (size, original) in automaton.iter_long(text)), text)


def _ahocorasick_rs(table: dict[str, str]) -> Replace:
    module = importlib.import_module("ahocorasick_rs")
    automaton = module.AhoCorasick(list(table), matchkind=module.MatchKind.LeftmostLongest)
    originals = list(table.values())
    return lambda text: _bounded(((start, end, originals[number]) for number, start, end in automaton.find_matches_as_indexes(text)), text)


def _hyperscan(table: dict[str, str]) -> Replace:
    import re

    module = importlib.import_module("hyperscan")
    database = module.Database()
    originals = [original.encode() for original in table.values()]
    expressions = [rf"\b{re.escape(observed)}\b".encode() for observed in table]
    database.compile(expressions=expressions, ids=list(range(len(expressions))), flags=[module.HS_FLAG_SOM_LEFTMOST] * len(expressions))

    def replace(text: str) -> str:
        data, found = text.encode(), list[tuple[int, int, int]]()
        database.scan(data, match_event_handler=lambda number, start, end, flags, context: found.append((start, -end, number)))
        pieces, last = [], 0
        for start, end, number in sorted(found):
            if start >= last:
                pieces += [data[last:start], originals[number]]
                last = -end
        return b"".join([*pieces, data[last:]]).decode()

    return replace


def _spacy(table: dict[str, str]) -> Replace:
    nlp = importlib.import_module("spacy").blank("en")
    matcher = importlib.import_module("spacy.matcher").PhraseMatcher(nlp.vocab)
    filter_spans = importlib.import_module("spacy.util").filter_spans
    matcher.add("phrase", [nlp.make_doc(observed) for observed in table])

    def replace(text: str) -> str:
        spans = filter_spans(matcher(nlp.make_doc(text), as_spans=True))
        return _bounded(((span.start_char, span.end_char, table[span.text]) for span in spans if span.text in table), text)

    return replace


def _re(table: dict[str, str]) -> Replace:
    import re

    pattern = re.compile(r"\b(?:" + "|".join(map(re.escape, sorted(table, key=len, reverse=True))) + r")\b")
    return lambda text: pattern.sub(lambda match: table[match.group()], text)


#: By name: module, maker, phrases it is given (hyperscan needs minutes to compile 50,000; re tries every alternative at every word).
PEERS: dict[str, tuple[str, Callable[[dict[str, str]], Replace], int]] = {
    "flashtext": ("flashtext", _flashtext, PHRASES),
    "flashtext2": ("flashtext2", _flashtext2, PHRASES),
    "pyahocorasick": ("ahocorasick", _pyahocorasick, PHRASES),
    "ahocorasick_rs": ("ahocorasick_rs", _ahocorasick_rs, PHRASES),
    "spaCy PhraseMatcher": ("spacy", _spacy, PHRASES),
    "hyperscan (5k)": ("hyperscan", _hyperscan, 5_000),
    "re (5k)": ("re", _re, 5_000),
}


@cache
def make_peer(name: str) -> Replace:
    """A peer with its dictionary loaded.

    Raises:
        ImportError: it is not installed (extra `bench`).
    """
    _, make, size = PEERS[name]
    return make(table_of(size))


def table_of(size: int) -> dict[str, str]:
    """The dictionary of so many phrases."""
    table = phrases()
    if size == len(table):
        return table
    return dict(random.Random(1).sample(sorted(table.items()), size))


def agreement(name: str, documents: Iterable[str]) -> float:
    """Share of words of a peer's output that the oracle writes too, or, where it is smaller, of the oracle's that the peer writes."""
    replace, table = make_peer(name), table_of(PEERS[name][2])
    same = total = 0
    for document in documents:
        ours, theirs = replace_exactly(document, table).split(), replace(document).split()
        same += (Counter(ours) & Counter(theirs)).total()
        total += max(len(ours), len(theirs))
    return same / total


def repeat(text: str, size: int) -> Iterator[str]:
    """Documents of about DOCUMENT bytes, `size` bytes in all, without holding them: for streams longer than the text."""
    documents = cut_documents(text)
    given = 0
    while given < size:
        for document in documents:
            yield document
            given += len(document)
            if given >= size:
                return


def describe_peer(name: str) -> str:
    """Name and version."""
    from importlib.metadata import version

    packages: dict[str, str] = {"ahocorasick": "pyahocorasick"}
    module = PEERS[name][0]
    if module == "re":
        return f"re (Python {sys.version.split()[0]})"
    return f"{packages.get(module, module)} {version(packages.get(module, module))}"
