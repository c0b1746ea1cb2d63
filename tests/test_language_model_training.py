"""Training: the estimator against KenLM's figures and a brute-force oracle, pruning, and the written file against an obvious reader."""

from __future__ import annotations

import gzip
import lzma
import math
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

np = pytest.importorskip("numpy")

from restore.container import open_container  # noqa: E402
from restore.errors import ConfigError, InputError, MissingExtraError, ModelError  # noqa: E402
from restore.language_model import train_model  # noqa: E402
from restore.language_model.characters import SYMBOLS, character_table  # noqa: E402
from restore.language_model.corpus import BEGIN, END, TextTokens, Vocabulary, build_vocabulary, read_stream, token_source  # noqa: E402
from restore.language_model.count import NgramTable, _sort, count_ngrams  # noqa: E402
from restore.language_model.estimate import FALLBACK, Model, adjusted_counts, estimate, estimate_discounts, raw_counts  # noqa: E402
from restore.language_model.perplexity import logs, match_tables, perplexity, score  # noqa: E402
from restore.language_model.prune import prune_by_count, prune_to_size, select  # noqa: E402
from restore.language_model.quantise import quantise  # noqa: E402
from restore.language_model.write import match_sections, place  # noqa: E402
from restore.tokenizer import hash_word, normalise, tokenize  # noqa: E402

REFERENCE = Path(__file__).parents[2] / "shared" / "eval" / "lm"
MASK = (1 << 64) - 1


def invented_lines(lines: int, seed: int = 1, words: int = 30) -> list[str]:
    """Sentences of a small random language: each word has a few favourite followers, so n-grams of all orders repeat."""
    chance = random.Random(seed)
    names = [f"w{i}" for i in range(words)]
    followers = {name: [chance.choice(names[: 3 + words // 3]) for _ in range(4)] for name in names}
    result = []
    for _ in range(lines):
        word, line = chance.choice(names), []
        for _ in range(chance.randint(1, 12)):
            line.append(word)
            word = chance.choice(followers[word]) if chance.random() < 0.8 else chance.choice(names)
        result.append(" ".join(line))
    return result


def prepare(path: Path, lines: Sequence[str], min_count: int = 1) -> tuple[Vocabulary, Any]:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    source = token_source("split")
    stream = read_stream([path], source, None, "read")
    vocabulary = build_vocabulary(stream, source.types(), min_count)
    return vocabulary, vocabulary.map(stream)


def kneser_ney(stream: Any, vocabulary: Vocabulary, order: int) -> Model:
    tables = count_ngrams(stream, len(vocabulary.words), order)
    adjusted = adjusted_counts(tables)
    return estimate(tables, adjusted, estimate_discounts(adjusted))


def ngrams_of(tables: Sequence[NgramTable]) -> list[list[tuple[int, ...]]]:
    """The words of each n-gram, by order and row, through the suffix links."""
    result: list[list[tuple[int, ...]]] = [[(i,) for i in range(len(tables[0]))]]
    for table in tables[1:]:
        result.append([(first, *result[-1][suffix]) for first, suffix in zip(table.first.tolist(), table.suffix.tolist(), strict=True)])
    return result


class Oracle:
    """Interpolated modified Kneser–Ney over dicts, straight from the definition (Chen & Goodman 1998, section 3)."""

    def __init__(self, stream: Sequence[int], vocabulary_size: int, order: int) -> None:
        self.order, self.vocabulary_size = order, vocabulary_size
        sentences: list[list[int]] = []
        for word in stream:
            if word == BEGIN:
                sentences.append([])
            sentences[-1].append(word)
        raw: list[Counter[tuple[int, ...]]] = [Counter() for _ in range(order + 1)]
        for sentence in sentences:
            for n in range(1, order + 1):
                for i in range(len(sentence) - n + 1):
                    raw[n][tuple(sentence[i : i + n])] += 1
        self.counts: list[dict[tuple[int, ...], int]] = [{} for _ in range(order + 1)]
        for n in range(1, order + 1):
            before: dict[tuple[int, ...], set[int]] = defaultdict(set)
            if n < order:
                for longer in raw[n + 1]:
                    before[longer[1:]].add(longer[0])
            for ngram, count in raw[n].items():
                self.counts[n][ngram] = count if n == order or ngram[0] == BEGIN else len(before[ngram])
        self.counts[1].pop((BEGIN,))
        self.discounts = [self._discounts(list(self.counts[n].values())) for n in range(1, order + 1)]
        self.raw = raw
        self.following: dict[tuple[int, ...], list[tuple[tuple[int, ...], int]]] = defaultdict(list)
        for counts in self.counts:
            for ngram, count in counts.items():
                self.following[ngram[:-1]].append((ngram, count))

    def _discounts(self, counts: list[int]) -> tuple[float, ...]:
        n1, n2, n3, n4 = (counts.count(k) for k in (1, 2, 3, 4))
        if not (n1 and n2 and n3):
            return FALLBACK
        y = n1 / (n1 + 2 * n2)
        triple = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
        return triple if all(0 <= d <= k for k, d in enumerate(triple, 1)) else FALLBACK

    def probability(self, history: tuple[int, ...], word: int) -> float:
        history = history[-(self.order - 1) :] if self.order > 1 else ()
        following = self.following[history]
        if history and not following:
            return self.probability(history[1:], word)
        lower = self.probability(history[1:], word) if history else 1 / (self.vocabulary_size - 1)
        triple = self.discounts[len(history)]
        total = sum(count for _, count in following)
        freed = sum(triple[min(count, 3) - 1] for _, count in following)
        count = self.counts[len(history) + 1].get((*history, word), 0)
        return (count - (triple[min(count, 3) - 1] if count else 0)) / total + freed / total * lower


class ReferenceModel:
    """The written file, read in the most obvious way: the oracle for the kernel's query."""

    def __init__(self, path: Path) -> None:
        container = open_container(path, "language-model", 1, ModelError)
        self.meta = container.meta
        self.order = container.meta["order"]
        self.words = bytes(container.section("vocabulary")).decode().split("\n")
        self.vocabulary_table = container.section("vocabulary_table", "Q")
        self.unigrams = container.section("unigrams", "f")
        self.tables = {n: container.section(f"ngrams{n}", "I") for n in range(2, self.order + 1)}
        self.codebooks = container.section("codebooks", "f")
        self.characters = container.section("characters")

    def id(self, word: str) -> int:
        """Id of a normal form, 0 if it is unknown."""
        h = hash_word(word)
        slot = ((h & 0xFFFFFFFF) * self.meta["capacities"][0]) >> 32
        while entry := self.vocabulary_table[slot]:
            if entry >> 32 == h >> 32:
                return int(entry & 0xFFFFFFFF) - 1
            slot += 1
        return 0

    def find(self, ngram: Sequence[int]) -> tuple[float, float] | None:
        """(log-probability, log back-off) of an n-gram, or None; found only where its suffix and its context are found."""
        if len(ngram) == 1:
            return self.unigrams[2 * ngram[0]], self.unigrams[2 * ngram[0] + 1]
        if self.find(ngram[1:]) is None or self.find(ngram[:-1]) is None:
            return None
        k = 0
        for word in reversed(ngram):
            k = ((k ^ (word + 1)) * 0x9E3779B97F4A7C15) & MASK
            k ^= k >> 32
        n = len(ngram)
        highest = n == self.order
        fingerprint = (k & 0xFFFFFF if highest else k & 0x3FFFF) or 1
        slot = ((k >> 32) * self.meta["capacities"][n - 1]) >> 32
        while entry := self.tables[n][slot]:
            if entry >> (8 if highest else 14) == fingerprint:
                book = self.codebooks[(n - 2) * 320 : (n - 1) * 320]
                if highest:
                    return book[entry & 255], 0.0
                return book[entry >> 6 & 255], book[256 + (entry & 63)]
            slot += 1
        return None

    def log_prob(self, history: Sequence[int], word: int) -> float:
        """log P(word | history); `history` starts at the beginning of the line or within it."""
        history = list(history)[-(self.order - 1) :]
        longest = 0
        while longest < len(history) and self.find([*history[len(history) - longest - 1 :], word]) is not None:
            longest += 1
        found = self.find([*history[len(history) - longest :], word])
        assert found is not None
        total = found[0]
        for length in range(longest + 1, len(history) + 1):
            context = self.find(history[len(history) - length :])
            total += context[1] if context else 0.0
        return total


# --- the estimator ---------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not REFERENCE.exists(), reason="the reference texts are not here")
@pytest.mark.parametrize(
    ("order", "ngrams", "with_unknown", "without"),
    [(2, 223_768, 238.75, 208.99), (3, 443_351, 175.87, 153.24), (4, 528_251, 167.05, 145.47)],
)
def test_agrees_with_kenlm(order: int, ngrams: int, with_unknown: float, without: float) -> None:
    source = token_source("split")
    stream = read_stream([REFERENCE / "train.txt.xz"], source, None, "read")
    vocabulary = build_vocabulary(stream, source.types(), 1)
    held_out = vocabulary.map(read_stream([REFERENCE / "test.txt.xz"], source, None, "read"))
    model = kneser_ney(vocabulary.map(stream), vocabulary, order)
    assert len(model.tables[0]) == 24_526
    assert len(model.tables[-1]) == ngrams
    found = perplexity(match_tables(model.tables, [logs(p) for p in model.probabilities], [logs(b) for b in model.backoffs], held_out), held_out)
    assert (found["tokens"], found["unknown"]) == (35_193, 578)
    assert found["perplexity"] == pytest.approx(with_unknown, rel=1e-4)
    assert found["perplexity_known"] == pytest.approx(without, rel=1e-4)
    if order == 4:
        expected = [(0.5841, 1.0759, 1.5354), (0.7623, 1.0999, 1.4985), (0.8871, 1.2381, 1.5313), (0.9230, 1.4264, 1.7431)]
        for triple, reference in zip(estimate_discounts(adjusted_counts(model.tables)), expected, strict=True):
            assert triple == pytest.approx(reference, abs=1e-4)


@pytest.mark.parametrize("order", [2, 3, 4, 5])
@pytest.mark.parametrize(("lines", "min_count"), [(3, 1), (60, 1), (400, 1), (400, 8)])
def test_agrees_with_brute_force(tmp_path: Path, order: int, lines: int, min_count: int) -> None:
    vocabulary, stream = prepare(tmp_path / "text", invented_lines(lines, seed=lines), min_count)
    model = kneser_ney(stream, vocabulary, order)
    oracle = Oracle(stream.tolist(), len(vocabulary.words), order)
    for n, rows in enumerate(ngrams_of(model.tables), 1):
        assert {ngram: count for ngram, count in zip(rows, model.tables[n - 1].count.tolist(), strict=True) if count} == oracle.raw[n]
        for row, ngram in enumerate(rows):
            if ngram != (BEGIN,):
                assert model.probabilities[n - 1][row] == pytest.approx(oracle.probability(ngram[:-1], ngram[-1]), rel=1e-9)
    _, unseen = prepare(tmp_path / "other", invented_lines(20, seed=99, words=40))
    held_out = np.minimum(unseen, len(vocabulary.words) - 1)
    log_probs = score(match_tables(model.tables, [logs(p) for p in model.probabilities], [logs(b) for b in model.backoffs], held_out))
    begin = 0
    for i, word in enumerate(held_out.tolist()):
        if word == BEGIN:
            begin = i
        else:
            expected = oracle.probability(tuple(held_out[begin:i].tolist()), word)
            assert log_probs[i] == pytest.approx(math.log(expected), rel=1e-9)


def test_links_are_suffix_and_context(tmp_path: Path) -> None:
    vocabulary, stream = prepare(tmp_path / "text", invented_lines(100))
    tables = count_ngrams(stream, len(vocabulary.words), 4)
    rows = ngrams_of(tables)
    for n in (2, 3, 4):
        contexts = [rows[n - 2][context] for context in tables[n - 1].context.tolist()]
        assert contexts == [ngram[:-1] for ngram in rows[n - 1]]
        assert len(set(rows[n - 1])) == len(rows[n - 1])


def test_buckets_do_not_change_the_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vocabulary, stream = prepare(tmp_path / "text", invented_lines(200))
    whole = count_ngrams(stream, len(vocabulary.words), 4)
    monkeypatch.setattr("restore.language_model.count._SCAN", 7)
    monkeypatch.setattr("restore.language_model.count._BUCKET_BITS", 4)
    for table, same in zip(whole, count_ngrams(stream, len(vocabulary.words), 4), strict=True):
        assert np.array_equal(table.keys, same.keys)
        assert np.array_equal(table.context, same.context)
        assert np.array_equal(table.count, same.count)


def test_keys_that_do_not_fit_are_sorted_the_long_way() -> None:
    chance = np.random.default_rng(3)
    rows = chance.integers(0, 1 << 32, 500, dtype=np.uint32)
    words = chance.integers(0, 1 << 31, 500, dtype=np.uint32)
    keys, order = _sort(rows, words, 31)
    assert np.array_equal(keys, np.sort(rows.astype(np.uint64) << np.uint64(32) | words))
    assert np.array_equal(keys >> np.uint64(32), rows[order])


# --- pruning ---------------------------------------------------------------------------------------------------------


def assert_closed(tables: Sequence[NgramTable]) -> None:
    rows = ngrams_of(tables)
    for n in range(1, len(tables)):
        below = set(rows[n - 1])
        assert all(ngram[1:] in below and ngram[:-1] in below for ngram in rows[n])
        assert [rows[n - 1][context] for context in tables[n].context.tolist()] == [ngram[:-1] for ngram in rows[n]]


def assert_sums_to_one(model: Model) -> None:
    """Σ_w P(w | h) for every history that has an entry, through the look-up itself."""
    log_probs, log_backoffs = [logs(p) for p in model.probabilities], [logs(b) for b in model.backoffs]
    words = [word for word in range(len(model.tables[0])) if word != BEGIN]
    for rows in ngrams_of(model.tables)[:-1]:
        for history in rows:
            if END in history:
                continue
            # END before each history: no stored n-gram begins with it.
            stream = np.array([token for word in words for token in (END, *history, word)], dtype=np.uint32)
            last = score(match_tables(model.tables, log_probs, log_backoffs, stream))[len(history) + 1 :: len(history) + 2]
            assert np.exp(last).sum() == pytest.approx(1, abs=1e-9), history


@pytest.mark.parametrize(("lines", "min_count"), [(3, 1), (40, 1), (150, 6)])
def test_probabilities_sum_to_one(tmp_path: Path, lines: int, min_count: int) -> None:
    vocabulary, stream = prepare(tmp_path / "text", invented_lines(lines, words=12), min_count)
    assert_sums_to_one(kneser_ney(stream, vocabulary, 4))


@pytest.mark.parametrize("max_ngrams", [0, 1, 10, 60, 150, 100_000])
def test_pruned_set_is_closed_and_sums_to_one(tmp_path: Path, max_ngrams: int) -> None:
    vocabulary, stream = prepare(tmp_path / "text", invented_lines(120, words=12))
    tables = count_ngrams(stream, len(vocabulary.words), 4)
    discounts, raw_discounts = estimate_discounts(adjusted_counts(tables)), estimate_discounts(raw_counts(tables))
    counted = prune_by_count(tables, [1, 1, 2, 2])
    pruned = prune_to_size(counted, raw_discounts, max_ngrams)
    size = sum(map(len, pruned[1:]))
    assert size <= max_ngrams
    assert size >= 0.9 * min(max_ngrams, sum(map(len, counted[1:]))) - 1
    assert_closed(pruned)
    assert_sums_to_one(estimate(pruned, adjusted_counts(pruned), discounts))


def test_pruned_ngrams_give_all_their_occurrences_to_the_lower_order(tmp_path: Path) -> None:
    vocabulary, stream = prepare(tmp_path / "text", invented_lines(120, words=12))
    tables = count_ngrams(stream, len(vocabulary.words), 2)
    nothing = select(tables, [np.zeros(len(table), dtype=bool) for table in tables])
    expected = tables[0].count.astype(float)
    expected[BEGIN] = 0
    assert np.array_equal(adjusted_counts(nothing)[0], expected)


def test_pruning_drops_what_the_lower_order_knows(tmp_path: Path) -> None:
    # "a b" and "c d" are always together; the rest follow each other by chance.
    chance = random.Random(5)
    lines = [" ".join(chance.choice(["a b", "c d", "x", "y", "z", "u"]) for _ in range(8)) for _ in range(300)]
    vocabulary, stream = prepare(tmp_path / "text", lines)
    tables = count_ngrams(stream, len(vocabulary.words), 2)
    pruned = prune_to_size(tables, estimate_discounts(raw_counts(tables)), 2)
    kept = {tuple(vocabulary.words[i] for i in ngram) for ngram in ngrams_of(pruned)[1]}
    assert kept == {("a", "b"), ("c", "d")}


# --- reading ---------------------------------------------------------------------------------------------------------


def test_vocabulary_is_ordered_by_count_then_spelling(tmp_path: Path) -> None:
    vocabulary, stream = prepare(tmp_path / "text", ["b a c", "", "  ", "a b <s> d", "c"], min_count=2)
    assert vocabulary.words == ["<unk>", "<s>", "</s>", "a", "b", "c"]
    assert vocabulary.rare == ["d"]
    assert stream.tolist() == [1, 4, 3, 5, 2, 1, 3, 4, 0, 0, 2, 1, 5, 2]


@pytest.mark.parametrize("tokens", ["text", "split"])
def test_compression_blocks_and_line_ends_do_not_matter(tmp_path: Path, tokens: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "\ufeffThe cat sat.\r\nIt’s 1,500 cats — naïve ones.\n\nthe Cat SAT again" + "\nthe dog ran to https://example.org/x" * 30
    data = text.encode()
    (tmp_path / "a.txt").write_bytes(data)
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(data))
    (tmp_path / "a.txt.xz").write_bytes(lzma.compress(data))
    streams = []
    for block, name in ((1 << 20, "a.txt"), (16, "a.txt"), (1 << 20, "a.txt.gz"), (100, "a.txt.xz")):
        monkeypatch.setattr("restore.language_model.corpus._BLOCK", block)
        source = token_source(tokens)
        stream = read_stream([tmp_path / name], source, None, "read")
        vocabulary = build_vocabulary(stream, source.types(), 2)
        streams.append((vocabulary.words, vocabulary.rare, vocabulary.map(stream).tolist()))
    assert all(other == streams[0] for other in streams[1:])
    assert streams[0][2].count(BEGIN) == 33


def test_text_tokens_are_those_of_the_tokenizer(tmp_path: Path) -> None:
    lines = ["Mr. Smith's K.G.B. file cost $1,500 in 1984.", "“Quoted” text–dash, naïve Éclair’s e-mail me@example.org"]
    (tmp_path / "text").write_text("\n".join(lines), encoding="utf-8")
    source = TextTokens()
    stream = read_stream([tmp_path / "text"], source, None, "read")
    tokens = tokenize("\n".join(lines).encode())
    expected = [normalise(tokens.surface(i)) for i in range(len(tokens))]
    assert [source.types()[number - 3] for number in stream.tolist() if number > 2] == expected
    assert [hash_word(word) for word in expected] == tokens.norms.tolist()


@pytest.mark.parametrize(
    ("data", "name", "reason"),
    [(None, "a.txt", "cannot be read"), (b"good\nbad \xff\n", "a.txt", "not UTF-8 at byte 9"), (b"no xz", "a.xz", "cannot be read")],
)
def test_bad_input_is_refused(tmp_path: Path, data: bytes | None, name: str, reason: str) -> None:
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=reason):
        train_model([tmp_path / name], tmp_path / "model")
    assert not (tmp_path / "model").exists()


# --- the file --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [2, 3, 4, 5])
@pytest.mark.parametrize("max_ngrams", [None, 200])
def test_the_obvious_reader_agrees_with_the_writer(tmp_path: Path, order: int, max_ngrams: int | None) -> None:
    (tmp_path / "text").write_text("\n".join(invented_lines(300)), encoding="utf-8")
    (tmp_path / "test").write_text("\n".join(invented_lines(20, seed=7, words=35)), encoding="utf-8")
    report = train_model(
        [tmp_path / "text"],
        tmp_path / "model",
        order=order,
        vocabulary_min_count=3,
        max_ngrams=max_ngrams,
        tokens="split",
        test=[tmp_path / "test"],
    )
    model = ReferenceModel(tmp_path / "model")
    assert [model.id(word) for word in model.words] == [0, 0, 0, *range(3, len(model.words))]
    total, tokens = 0.0, 0
    stream = []
    for line in (tmp_path / "test").read_text(encoding="utf-8").splitlines():
        ids = [BEGIN, *map(model.id, line.split()), END]
        total += sum(model.log_prob(ids[:i], ids[i]) for i in range(1, len(ids)))
        tokens += len(ids) - 1
        stream += ids
    assert report["perplexity"]["written"]["test"]["tokens"] == tokens
    assert report["perplexity"]["written"]["test"]["perplexity"] == pytest.approx(math.exp(-total / tokens), abs=1e-3)
    sections = {
        "unigrams": np.array(model.unigrams),
        "codebooks": np.array(model.codebooks),
        **{f"ngrams{n}": np.array(table) for n, table in model.tables.items()},
    }
    fast = score(match_sections(sections, model.meta, np.array(stream, dtype=np.uint32)))
    begin = 0
    for i, word in enumerate(stream):
        if word == BEGIN:
            begin = i
        else:
            assert fast[i] == pytest.approx(model.log_prob(stream[begin:i], word), abs=1e-5)
    for stage in ("quantised", "written"):
        assert report["perplexity"][stage]["test"]["perplexity"] == pytest.approx(report["perplexity"]["pruned"]["test"]["perplexity"], rel=0.02)


def test_every_stored_ngram_is_found(tmp_path: Path) -> None:
    vocabulary, stream = prepare(tmp_path / "text", invented_lines(300))
    exact = kneser_ney(stream, vocabulary, 3)
    report = train_model([tmp_path / "text"], tmp_path / "model", order=3, vocabulary_min_count=1, tokens="split")
    model = ReferenceModel(tmp_path / "model")
    assert report["wrong_entries"] == [0, 0]
    for n, rows in enumerate(ngrams_of(exact.tables), 1):
        for row, ngram in enumerate(rows):
            found = model.find(ngram)
            assert found is not None
            if ngram != (BEGIN,):
                assert found[0] == pytest.approx(math.log(exact.probabilities[n - 1][row]), abs=0.1)
            if n < 3:
                assert found[1] == pytest.approx(math.log(exact.backoffs[n - 1][row]), abs=0.2)


def test_the_same_text_gives_the_same_bytes_in_any_order_of_files(tmp_path: Path) -> None:
    lines = invented_lines(300)
    (tmp_path / "a").write_text("\n".join(lines[:100]), encoding="utf-8")
    (tmp_path / "b").write_text("\n".join(lines[100:]), encoding="utf-8")
    outputs = []
    for i, inputs in enumerate((["a", "b"], ["a", "b"], ["b", "a"])):
        train_model([tmp_path / name for name in inputs], tmp_path / str(i), tokens="split", max_ngrams=300, test=[tmp_path / "a"])
        outputs.append((tmp_path / str(i)).read_bytes())
    assert outputs[0] == outputs[1]
    sections = [open_container(tmp_path / str(i), "language-model", 1) for i in (0, 2)]
    for name in sections[0].sizes():
        assert bytes(sections[0].section(name)) == bytes(sections[1].section(name))


def test_size_limit_is_kept_and_used(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("\n".join(invented_lines(20_000, words=900)), encoding="utf-8")
    for limit in (0.25, 0.4):
        report = train_model([tmp_path / "text"], tmp_path / "model", tokens="split", size_limit_mb=limit, min_counts=[1, 1, 1, 1])
        size = (tmp_path / "model").stat().st_size
        assert report["bytes"] == size
        assert limit * 1e6 - 80_000 < size <= limit * 1e6
    with pytest.raises(ConfigError, match="vocabulary"):
        train_model([tmp_path / "text"], tmp_path / "model", tokens="split", size_limit_mb=0.1)


def test_report_and_meta(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("\n".join(invented_lines(200)), encoding="utf-8")
    stages = []
    report = train_model([tmp_path / "text"], tmp_path / "model", tokens="split", max_ngrams=100, progress=lambda stage, done, total: stages.append(stage))
    meta = open_container(tmp_path / "model", "language-model", 1).meta
    assert meta["texts"] == [{"name": "text", "bytes": (tmp_path / "text").stat().st_size}]
    assert str(tmp_path) not in str(meta)
    assert "seconds" not in meta
    assert meta.items() <= report.items()
    assert meta["options"]["min_counts"] == [1, 2, 3, 3]
    assert list(report["seconds"]) == ["read", "count", "estimate", "prune", "write"]
    assert sum(meta["counts"][1:]) <= 100
    assert {"read", "count 2-grams", "write"} <= set(stages)
    assert sum(report["section_bytes"].values()) < report["bytes"]


@pytest.mark.parametrize(
    "options",
    [
        {"order": 1},
        {"order": 6},
        {"min_counts": [1, 1]},
        {"min_counts": [1, 1, 0, 1]},
        {"vocabulary_min_count": 0},
        {"tokens": "bytes"},
    ],
)
def test_bad_options_are_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    (tmp_path / "text").write_text("a b\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=next(iter(options))):
        train_model([tmp_path / "text"], tmp_path / "model", **options)


def test_nothing_to_train_on(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("\n\n", encoding="utf-8")
    for inputs in ([], [tmp_path / "text"]):
        with pytest.raises(ConfigError, match="train on"):
            train_model(inputs, tmp_path / "model")


@pytest.mark.parametrize("text", ["a", "a\n", "a b c d e f\n"])
def test_tiny_texts_train(tmp_path: Path, text: str) -> None:
    (tmp_path / "text").write_text(text, encoding="utf-8")
    for minimum in (1, 2):
        train_model([tmp_path / "text"], tmp_path / "model", vocabulary_min_count=minimum, max_ngrams=2, test=[tmp_path / "text"])
        assert math.isfinite(ReferenceModel(tmp_path / "model").log_prob([BEGIN], 0))


def test_missing_numpy_is_said_clearly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(MissingExtraError, match=r"restore-text\[train\]"):
        train_model([tmp_path / "text"], tmp_path / "model")


# --- parts -----------------------------------------------------------------------------------------------------------


def test_quantiser_is_exact_for_few_values_and_close_for_many() -> None:
    few = np.array([-3.0, -1.0, 0.0, -1.0, -2.5])
    result = quantise(few, 8)
    assert np.array_equal(result.levels[result.codes], few.astype(np.float32))
    assert result.error == 0
    many = np.random.default_rng(2).normal(-6, 2, 20_000)
    result = quantise(many, 256)
    assert result.error < 0.014  # 0.0129 is the optimum for a normal distribution
    assert np.all(np.diff(result.levels) > 0)
    nearest = np.abs(many[:500, None] - result.levels[None, :].astype(float)).argmin(axis=1)
    assert np.abs(many[:500] - result.levels[nearest]) == pytest.approx(np.abs(many[:500] - result.levels[result.codes[:500]]), abs=1e-6)


def test_quantiser_keeps_zero() -> None:
    values = np.concatenate((np.zeros(1000), np.random.default_rng(2).normal(-1, 0.5, 1000)))
    result = quantise(values, 64, keep_zero=True)
    assert result.levels[0] == 0
    assert np.array_equal(result.codes == 0, values == 0)
    assert quantise(np.zeros(5), 64, keep_zero=True).codes.tolist() == [0] * 5
    assert quantise(np.zeros(0), 64).error == 0


def test_characters_are_a_distribution_that_prefers_what_it_saw() -> None:
    table = character_table(["hamburg", "hamburger", "o'neill", "müller", "no.", "4x4"])
    p = np.exp(-table.astype(float) / 16).reshape(SYMBOLS, SYMBOLS, SYMBOLS)
    assert p.sum(axis=2) == pytest.approx(np.ones((SYMBOLS, SYMBOLS)), abs=0.05)
    h, a, z = (ord(letter) - 96 for letter in "haz")
    assert p[0, h, a] > 5 * p[0, h, z]
    assert character_table([]).tolist() == [round(16 * math.log(SYMBOLS))] * SYMBOLS**3


def test_placement_is_linear_probing_with_an_empty_end() -> None:
    home = np.array([3, 0, 3, 3, 1], dtype=np.uint64)
    table = place(home, np.array([10, 11, 12, 13, 14], dtype=np.uint32), 4)
    assert table.tolist() == [11, 14, 0, 10, 12, 13, 0]
    assert place(home[:0], np.zeros(0, dtype=np.uint32), 1).tolist() == [0, 0]
