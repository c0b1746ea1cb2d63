"""Mapping dictionaries: read TSV, check, inflect, compile to a binary, open by mmap, layered with the user's own files."""

from __future__ import annotations

import os
import sys
import tempfile
import unicodedata
from array import array
from collections.abc import Sequence
from functools import cached_property, lru_cache
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from restore import kernels
from restore.arrays import zeros
from restore.container import Container, open_container
from restore.errors import ArtefactError, DictionaryError
from restore.lexicon.rows import File, Row, find_files, read_files

__all__ = [
    "Candidate",
    "File",
    "Lexicon",
    "Row",
    "cache_path",
    "compile_dictionaries",
    "compiled_path",
    "data_path",
    "find_files",
    "load_lexicon",
    "read_files",
    "read_words",
]


class Candidate(NamedTuple):
    """One original of a phrase: number, text, and s_w · q(o | w) by family."""

    number: int
    original: str
    weights: tuple[float, ...]


class Lexicon:
    """A compiled dictionary, opened by mmap. The attributes are its sections; `restore.lexicon.build` describes them."""

    def __init__(self, container: Container) -> None:
        self.path = container.path
        self.meta = container.meta
        self.families: tuple[str, ...] = tuple(container.meta["families"])
        self.capacities: dict[str, int] = container.meta["capacities"]
        self._conditions: dict[str, str] = container.meta.get("conditions", {})
        self._memos: dict[object, array[int]] = {}
        section = container.section
        self.phrase_keys, self.phrase_values = section("phrase_keys", "Q"), section("phrase_values", "I")
        self.phrase_flags = section("phrase_flags")
        self.candidate_first, self.candidate_flags = section("candidate_first", "I"), section("candidate_flags")
        self.candidate_text, self.texts = section("candidate_text", "I"), section("texts")
        self.candidate_words, self.word_hashes = section("candidate_words", "I"), section("word_hashes", "Q")
        self.candidate_weights = section("candidate_weights", "f")
        self.link_first, self.link_words, self.link_hashes = section("link_first", "I"), section("link_words", "I"), section("link_hashes", "Q")
        self.link_weights = section("link_weights", "f")
        self.term_keys, self.term_values = section("term_keys", "Q"), section("term_values", "I")
        self.keep_keys, self.keep_values = section("keep_keys", "Q"), section("keep_values", "I")
        self.keep_weights = section("keep_weights", "f")
        self.watched = section("watched", "I")
        self.protected_keys, self.protected_values = section("protected_keys", "Q"), section("protected_values", "I")

    @cached_property
    def term_marks(self) -> tuple[array[int], int]:
        """Two bits for each key of the table of terms, and the mask that makes a place of a key (`kernels.mark`)."""
        # A quarter of the table has keys; an eighth of the places are taken.
        mask = (1 << (2 * len(self.term_keys)).bit_length()) - 1
        marks = zeros("B", (mask + 1) // 4)
        kernels.mark(self.term_keys, self.term_values, len(self.term_keys), marks, mask)
        return marks, mask

    def word_memo(self, model: object) -> array[int]:
        """Ids of the candidates' words in a model's vocabulary, plus 1, as far as they have been looked up (`kernels.expand`)."""
        memo = self._memos.get(model)
        if memo is None:
            memo = self._memos.setdefault(model, zeros("i", len(self.word_hashes)))
        return memo

    def original(self, candidate: int) -> str:
        """The surface of a candidate."""
        return bytes(self.texts[self.candidate_text[candidate] : self.candidate_text[candidate + 1]]).decode("utf-8", "surrogatepass")

    @property
    def has_conditions(self) -> bool:
        """Whether there are rows that hold only under a condition."""
        return bool(self._conditions)

    def unmet(self, text: str) -> list[tuple[int, int]]:
        """Spans (characters) of phrases whose rows hold only under a condition that this document does not meet."""
        from restore.lexicon.catalogue import holds, parse

        folded = text.lower()
        if len(folded) != len(text):
            folded = "".join(character.lower()[:1] for character in text)
        spans = []
        for phrase, condition in self._conditions.items():
            at = folded.find(phrase)
            if at >= 0 and not holds(parse(condition), folded):
                while at >= 0:
                    spans.append((at, at + len(phrase)))
                    at = folded.find(phrase, at + 1)
        return sorted(spans)

    def lookup(self, phrase: str) -> list[Candidate]:
        """The originals of an observed phrase, whatever its case; an empty list when there are none.

        >>> lexicon = load_lexicon()
        >>> "sent" in [candidate.original for candidate in lexicon.lookup("Despatched")]
        True
        """
        from restore.tokenizer import encode, tokenize

        hashes = tokenize(encode(phrase), ()).hashes
        if not hashes:
            return []
        value = _probe(kernels.chain(memoryview(hashes)), self.phrase_keys, self.phrase_values, self.capacities["phrase"])
        if value < 16:
            return []
        number = (value >> 4) - 1
        n = len(self.families)
        weights = array("f", self.candidate_weights[self.candidate_first[number] * n : self.candidate_first[number + 1] * n])
        return [
            Candidate(c, self.original(c), tuple(weights[k * n : k * n + n]))
            for k, c in enumerate(range(self.candidate_first[number], self.candidate_first[number + 1]))
        ]

    def rates(self, word: str) -> tuple[float, ...]:
        """s_w of a word as an original, by family: how often a spinner at work replaces it; () when no row has it as an original.

        >>> max(load_lexicon().rates("leader")) > 0.1
        True
        """
        number = self.rate_number(word)
        n = len(self.families)
        return tuple(self.keep_weights[number * n : (number + 1) * n]) if number >= 0 else ()

    def rate_number(self, word: str) -> int:
        """Where the rates of a word as an original stand (`keep_weights`, families apart); −1 when it has none."""
        from restore.tokenizer import encode, tokenize

        hashes = tokenize(encode(word), ()).hashes
        if len(hashes) != 1:
            return -1
        return (_probe(kernels.chain(memoryview(hashes)), self.keep_keys, self.keep_values, self.capacities["keep"]) >> 4) - 1


def load_lexicon(dictionaries: Sequence[str | Path] = ()) -> Lexicon:
    """Open the shipped dictionaries, with the user's own files on top.

    Args:
        dictionaries: TSV files or folders of them, lowest layer first; or one compiled file made by `restore dict build`.

    Raises:
        DictionaryError: bad rows or missing files.
        ArtefactError: a compiled file is damaged or of another version.
    """
    target = compiled_path(dictionaries)
    if target.parent == cache_path() and not target.exists():
        layers = find_files(dictionaries)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            compile_dictionaries(layers, target)
        except (OSError, ArtefactError):
            # No writable cache: build for this process only.
            with tempfile.TemporaryDirectory() as folder:
                compile_dictionaries(layers, Path(folder) / "user.lexicon")
                return _open(Path(folder) / "user.lexicon")
    return _open(target)


def compiled_path(dictionaries: Sequence[str | Path] = ()) -> Path:
    """The compiled file that serves these dictionaries: given, shipped, or in the cache, where it may not have been built yet (some seconds)."""
    if len(dictionaries) == 1 and Path(dictionaries[0]).suffix == ".lexicon":
        return Path(dictionaries[0])
    layers = find_files(dictionaries)
    # A source tree has no compiled file in it, since its rows change.
    shipped = data_path() / "en.lexicon"
    return shipped if not layers and shipped.exists() else cache_path() / f"{_sources_hash(layers)[:32]}.lexicon"


def compile_dictionaries(layers: Sequence[Path], output: str | os.PathLike[str]) -> dict[str, object]:
    """Compile the shipped dictionaries and the given files on top of them.

    Args:
        layers: TSV files, lowest first.
        output: the file to write.

    Returns:
        Meta data of the compiled file.
    """
    from restore.lexicon.build import build_lexicon
    from restore.lexicon.inflection import Inflector

    folder = data_path()
    files = read_files(find_files([folder]), shipped=True) + read_files(layers)
    protected, terms = read_words(folder / "protected.tsv"), read_words(folder / "terms.tsv")
    swaps = read_files([folder / "swaps.tsv"], shipped=True)[0].rows
    return build_lexicon(files, protected, terms, swaps, Inflector(folder / "inflections.tsv"), output, _sources_hash(layers))


def read_words(path: str | Path) -> list[str]:
    """Words and phrases, one a line (a tab and a note may follow), `#` for comments.

    Raises:
        DictionaryError: the file is missing or not UTF-8.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as problem:
        raise DictionaryError([f"{path}: cannot be read ({problem.strerror}); give a file with a word or phrase a line"]) from None
    except UnicodeDecodeError:
        raise DictionaryError([f"{path}: not UTF-8; save the file as UTF-8"]) from None
    lines = (unicodedata.normalize("NFC", line.split("\t")[0].strip()) for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def data_path() -> Path:
    """The folder of the shipped dictionaries and models.

    Raises:
        ArtefactError: the package runs from a zip file.
    """
    folder = Path(next(iter(import_module("restore.data").__path__)))
    if not folder.is_dir():
        raise ArtefactError(folder, "dictionaries are opened by mmap and cannot be read from a zip file; install restore-text unzipped")
    return folder


def cache_path() -> Path:
    """Where compiled dictionaries are kept: $RESTORE_CACHE, or the user's cache folder."""
    if "RESTORE_CACHE" in os.environ:
        return Path(os.environ["RESTORE_CACHE"])
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "restore" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "restore"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "restore"


def _open(path: Path) -> Lexicon:
    from restore.lexicon.build import KIND, VERSION

    return Lexicon(open_container(path, KIND, VERSION))


@lru_cache(maxsize=8)
def _stamp_hash(stamps: tuple[tuple[str, int, int], ...]) -> str:
    from restore.lexicon.build import hash_sources

    return hash_sources([Path(name) for name, _, _ in stamps])


def _sources_hash(layers: Sequence[Path]) -> str:
    folder = data_path()
    paths = [*find_files([folder]), folder / "protected.tsv", folder / "terms.tsv", folder / "swaps.tsv", folder / "inflections.tsv", *layers]
    return _stamp_hash(tuple((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in paths))


def _probe(key: int, keys: memoryview, values: memoryview, capacity: int) -> int:
    slot = (key >> 32) * capacity >> 32
    while keys[slot] not in (0, key):
        slot += 1
    return int(values[slot]) if keys[slot] == key else 0
