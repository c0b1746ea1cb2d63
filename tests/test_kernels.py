"""The kernels, compiled and as Python, against obvious code: tokens, tables, candidates, the language model."""

from __future__ import annotations

import random
from array import array
from itertools import accumulate, pairwise
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("numpy")  # small models are trained here

from restore.language_model.model import END
from restore.lexicon.build import build_table
from restore.tokenizer import LOCKED, OPAQUE, OPAQUE_FORM, Tokens, encode, hash_word, tokenize, unicode_tables
from tests import oracles
from tests.oracles import IMPLEMENTATIONS, Original, SmallModel, find_phrases, load_kernels, train_small_model, view

ORDERS = (2, 3, 4, 5)
#: Of articles, names and unknown words: sums of these are exact.
COSTS = 1.5, 1.0, 8.0


@pytest.fixture(params=IMPLEMENTATIONS)
def kernels(request: pytest.FixtureRequest) -> ModuleType:
    return load_kernels(request.param)


@pytest.fixture(scope="module", params=ORDERS)
def small(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> SmallModel:
    return train_small_model(tmp_path_factory.mktemp("model"), request.param)


# --- tokens ----------------------------------------------------------------------------------------------------------

PIECES = [
    *"aZéßİſK’'.,-\n\r\t \u00ad\u200b\u0301“«…!?{}<9٣Ωяね\U0001f600\ud800", " ", " ", "\n\n", "\r\n", "Ph.D.", "e.g.", "K.G.B. ", "Ok.G.B.", "don't",
    "o’c", "1,500", "3.14", "17th", "2024", "98765", "McDonald", "WAR", "café", "U.S", "x2", "4x4", "...", "12.", "5,",
]  # fmt: skip


def run_tokenize(kernels: ModuleType, text: bytes, spans: list[int]) -> list[list[int]]:
    size = len(text) + 1
    columns = [view(code, zeros=size) for code in "iiQQH"]
    count = kernels.tokenize(memoryview(text), *unicode_tables(), view("i", spans), hash_word(OPAQUE_FORM), *columns)
    return [column[:count].tolist() for column in columns]


def random_spans(chance: random.Random, size: int) -> list[int]:
    """Offsets of disjoint, sorted, non-empty spans; some touch."""
    cuts = sorted(chance.sample(range(size + 1), min(size + 1, chance.randrange(8))))
    return [offset for span in pairwise(cuts) if chance.random() < 0.6 for offset in span]


@pytest.mark.parametrize("kind", ["bytes", "characters", "text"])
def test_tokens_are_the_same_compiled_or_not(kind: str) -> None:
    compiled, python = map(load_kernels, IMPLEMENTATIONS)
    chance = random.Random(kind)
    for _ in range(100):
        length = chance.randrange(60)
        if kind == "bytes":
            text = chance.randbytes(length)
        else:
            random_characters = (chr(min(0x10FFFF, int(2 ** chance.uniform(3, 20.1)))) for _ in range(length))
            text = encode("".join(random_characters if kind == "characters" else chance.choices(PIECES, k=length)))
        spans = random_spans(chance, len(text))
        starts, ends, *_ = found = run_tokenize(compiled, text, spans)
        assert found == run_tokenize(python, text, spans)
        assert all(start < end for start, end in zip(starts, ends, strict=True))
        assert all(end <= start for end, start in zip(ends, starts[1:], strict=False))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("A line.", "Another line"),
        ("Heading", "Another line"),
        ("A line.", '"Quoted" words'),
        ("Heading", '"Quoted" words'),
    ],
)
def test_a_blank_line_hides_what_stands_before_it(kernels: ModuleType, before: str, after: str) -> None:
    whole, alone, n = (run_tokenize(kernels, text.encode(), []) for text in (f"{before}\n\n{after}", after, before))
    assert [column[len(n[0]) :] for column in whole[2:]] == alone[2:]


@pytest.mark.parametrize("word", ["war", "don't", "é", "日本語", "k.g.b", "00th", "\ud800", "\U0001f600"])
def test_hash_of_a_word(kernels: ModuleType, word: str) -> None:
    assert kernels.hash_codes(memoryview(encode(word))) == oracles.word_hash(word)
    assert run_tokenize(kernels, encode("17th" if word == "00th" else word), [])[3] == [oracles.word_hash(word)]


# --- tables of phrases -----------------------------------------------------------------------------------------------


class Table:
    """A random table of short phrases over few words, so that they share beginnings and overlap, and a random text in these words."""

    def __init__(self, seed: int) -> None:
        chance = random.Random(seed)
        self.chance = chance
        words = [chance.getrandbits(64) for _ in range(chance.randint(2, 6))]
        if seed % 3 == 0:  # some look-ups begin near the end of the table
            words[0] = next(h for h in iter(lambda: chance.getrandbits(64), None) if oracles.mix(0, h) >> 60 == 15)
        longest = 15 if seed % 5 == 0 else 4
        keys = sorted({tuple(chance.choices(words, k=chance.randint(1, longest))) for _ in range(chance.randint(0, 20))})
        self.phrases = {key: number for number, key in enumerate(keys)}
        table, values = build_table({key: number + 1 for key, number in self.phrases.items()})
        self.lookup = memoryview(table)[1:], memoryview(values), table[0]
        self.n = chance.randint(1, 60)
        self.hashes = chance.choices([*words, chance.getrandbits(64)], k=self.n)
        if longest == 15 and keys:
            self.hashes[: 2 * 15] = [*max(keys, key=len), *max(keys, key=len)]
            self.n = len(self.hashes)
        bits = (0, 8, 16), (0, 128, 512), (OPAQUE, LOCKED, 32, 64, *[0] * 26)
        self.flags = list(map(sum, zip(*(chance.choices(choice, k=self.n) for choice in bits), strict=True)))

    def matches(self, kernels: ModuleType, room: int) -> tuple[int, list[tuple[int, int, int]]]:
        columns = [view("i", zeros=room + 1) for _ in range(3)]
        count = kernels.match(view("Q", self.hashes), view("H", self.flags), self.n, *self.lookup, *columns, room)
        return count, list(zip(*(column[: max(count, 0)].tolist() for column in columns), strict=True))


@pytest.mark.parametrize("seed", range(60))
def test_match_finds_every_phrase(kernels: ModuleType, seed: int) -> None:
    table = Table(seed)
    expected = find_phrases(table.hashes, table.flags, table.phrases)
    assert table.matches(kernels, len(expected)) == (len(expected), expected)
    if expected:
        assert table.matches(kernels, len(expected) - 1)[0] == -1


def test_the_random_tables_are_worth_it() -> None:
    tables = [Table(seed) for seed in range(60)]
    found = [match for table in tables for match in find_phrases(table.hashes, table.flags, table.phrases)]
    free = [match for table in tables for match in find_phrases(table.hashes, [0] * table.n, table.phrases)]
    assert len(free) > len(found) + 100 > 500
    assert max(end - start for start, end, _ in found) == 15
    assert any(len(table.lookup[0]) > table.lookup[2] + 1 for table in tables), "no table runs over its end"


@pytest.mark.parametrize("seed", range(20))
def test_lock(kernels: ModuleType, seed: int) -> None:
    table = Table(seed)
    matches = find_phrases(table.hashes, table.flags, table.phrases)
    flags, (starts, ends) = view("H", table.flags), ([m[k] for m in matches] for k in (0, 1))
    kernels.lock(view("i", starts), view("i", ends), len(matches), flags)
    covered = {i for start, end, _ in matches for i in range(start, end)}
    assert flags.tolist() == [flag | (LOCKED if i in covered else 0) for i, flag in enumerate(table.flags)]


@pytest.mark.parametrize("seed", range(40))
def test_lines_with_few_everyday_words_are_locked(kernels: ModuleType, seed: int) -> None:
    chance = random.Random(seed)
    n, around, least, share = chance.randrange(60), seed % 3, chance.randint(1, 6), chance.choice((0.1, 0.4, 0.9))
    unigrams = [0.0, 0.0, *(x for _ in range(5) for x in (chance.choice((-9.0, -7.0)), 0.0))]
    ids, kinds = [chance.randrange(6) for _ in range(n)], [chance.choice((0, 0, 0, 1, 8, 24, 256)) for _ in range(n)]
    bounds = [0, *sorted(chance.randint(0, n) for _ in range(chance.randrange(8))), n]
    expected = list(kinds)
    for k in range(len(bounds) - 1):
        near = range(bounds[max(0, k - around)], bounds[min(len(bounds) - 1, k + around + 1)])
        words = [ids[i] for i in near if kinds[i] & 7 == 0]
        if len(words) >= least and sum(1 for word in words if word and unigrams[2 * word] > -8) < share * len(words):
            for i in range(bounds[k], bounds[k + 1]):
                expected[i] |= LOCKED
    flags = view("H", kinds)
    scratch = view("i", zeros=len(bounds)), view("i", zeros=len(bounds))
    kernels.lock_foreign(view("i", ids), flags, view("f", unigrams), -8.0, view("i", bounds), len(bounds) - 1, around, least, share, *scratch)
    assert flags.tolist() == expected


@pytest.mark.parametrize("seed", range(20))
def test_keep_rates_are_those_of_single_words(kernels: ModuleType, seed: int) -> None:
    table, families = Table(seed), seed % 3 + 1
    weights = array("f", (table.chance.random() for _ in range(families * len(table.phrases))))
    results = view("f", zeros=families * table.n)
    kernels.keep_rates(view("Q", table.hashes), table.n, *table.lookup, memoryview(weights), families, results)
    for i, word in enumerate(table.hashes):
        number = table.phrases.get((word,))
        expected = [0.0] * families if number is None else weights[number * families : (number + 1) * families].tolist()
        assert results[i * families : (i + 1) * families].tolist() == expected


@pytest.mark.parametrize("seed", range(20))
def test_sort_arcs_by_end_and_stable(kernels: ModuleType, seed: int) -> None:
    chance = random.Random(seed)
    n, ends = seed + 1, [chance.randint(1, seed + 1) for _ in range(chance.randrange(40))]
    order = view("i", zeros=len(ends))
    kernels.sort_arcs(view("i", ends), len(ends), n, order, view("i", zeros=n + 2))
    assert order.tolist() == sorted(range(len(ends)), key=ends.__getitem__)


@pytest.mark.parametrize("seed", range(60))
def test_compose_finds_every_term_that_links_make_up(kernels: ModuleType, seed: int) -> None:
    table = Table(seed)
    chance, words = table.chance, sorted(set(table.hashes))
    keys = sorted({tuple(chance.choices(words, k=chance.randint(2, 4))) for _ in range(chance.randint(1, 12))})
    terms = {key: 100 + number for number, key in enumerate(keys)}
    lookup, values = build_table({key: number + 1 for key, number in terms.items()})
    links = [[(tuple(chance.choices(words, k=chance.choice((1, 1, 1, 2)))), 0.25) for _ in range(chance.randrange(4))] for _ in table.phrases]
    matches = find_phrases(table.hashes, table.flags, table.phrases)
    expected = oracles.compose_terms(matches, table.hashes, table.flags, links, terms, boost=2.0)

    fewest: dict[tuple[int, int], int] = {}
    for start, end, _, _, changed, _ in expected:
        fewest[start, end] = min(changed, fewest.get((start, end), changed))
    expected = [(*term[:5], term[5] * 0.5 ** (term[4] - fewest[term[:2]])) for term in expected]
    flat = [link for row in links for link in row]
    known, room, n = len(matches), len(matches) + len(expected), table.n
    queue = 1 << 16
    # A filter of so few places lets most keys pass, and changes nothing.
    mask = 3 if seed % 2 else (1 << 12) - 1
    marks = view("B", zeros=(mask + 1) // 4)
    kernels.mark(memoryview(lookup)[1:], memoryview(values), len(values), marks, mask)
    columns = [*(view("i", [m[k] for m in matches], zeros=room + 1 - known) for k in range(3)), *(view(code, zeros=room + 1) for code in "iif")]

    def compose(room: int) -> int:
        return kernels.compose(
            view("Q", table.hashes), view("H", table.flags), n, known,
            view("I", list(accumulate(map(len, links), initial=0))), view("I", list(accumulate((len(w) for w, _ in flat), initial=0))),
            view("Q", [word for w, _ in flat for word in w]), view("f", [weight for _, weight in flat]), 2.0, 0.5,
            memoryview(lookup)[1:], memoryview(values), lookup[0], marks, mask,
            view("i", zeros=n + 1), view("i", zeros=4 * queue), view("Q", zeros=queue), view("d", zeros=queue), queue, *columns, room,
        )  # fmt: skip

    assert compose(room) == room
    assert sorted(zip(*(column[known:room].tolist() for column in columns), strict=True)) == sorted(expected)
    if room > known:
        assert compose(room - 1) == -1


@pytest.mark.parametrize("seed", range(20))
def test_marks_pass_every_key(kernels: ModuleType, seed: int) -> None:
    chance = random.Random(seed)
    phrases = {tuple(chance.getrandbits(64) for _ in range(chance.randint(1, 3))): number + 1 for number in range(200)}
    keys, values = build_table(phrases)
    mask = 1023
    marks = view("B", zeros=(mask + 1) // 4)
    kernels.mark(memoryview(keys)[1:], memoryview(values), len(values), marks, mask)
    for words in phrases:
        for size in range(1, len(words) + 1):
            key = oracles.phrase_hash(words[:size])
            bits = marks[(key & mask) >> 2] >> 2 * (key & 3) & 3
            assert bits == 3 if size == len(words) else bits & 1
    others = [chance.getrandbits(64) for _ in range(1000)]
    assert sum(1 for key in others if marks[(key & mask) >> 2] >> 2 * (key & 3) & 3) < 500


# --- candidates ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("small", [4], indirect=True)
@pytest.mark.parametrize("seed", range(40))
def test_expand_makes_an_arc_of_every_candidate(kernels: ModuleType, small: SmallModel, seed: int) -> None:
    table, model = Table(seed), small.model
    chance, families = table.chance, seed % 3 + 1
    vocabulary = {oracles.word_hash(name): number for number, name in enumerate(model.words()) if number > 2}
    unknown = oracles.word_hash("nobody")

    def original() -> Original:
        words = tuple(unknown if chance.random() < 0.1 else chance.choice(list(vocabulary)) for _ in range(chance.randint(1, 3)))
        weights = array("f", (chance.random() for _ in range(families)))
        return Original(words, chance.random() < 0.5, chance.random() < 0.3, tuple(weights))

    originals = [[original() for _ in range(chance.randrange(4))] for _ in table.phrases]
    flat = [item for row in originals for item in row]
    vowels = [chance.random() < 0.5 for _ in table.phrases]
    words_there = sorted(set(table.hashes))
    a, an = [*chance.sample(words_there, min(2, len(words_there))), 1][:2]
    matches = find_phrases(table.hashes, table.flags, table.phrases)

    firsts = list(accumulate(map(len, originals), initial=0))
    sizes = list(accumulate((len(item.words) for item in flat), initial=0))
    starts, ends, numbers = (view("i", [m[k] for m in matches]) for k in range(3))
    counts = view("q", zeros=3)
    kernels.count_candidates(starts, numbers, len(matches), view("I", firsts), view("I", sizes), view("i", zeros=table.n), counts)
    room, word_room, sites = counts
    assert room == sum(len(originals[number]) for _, _, number in matches)
    assert word_room == sum(len(item.words) for _, _, number in matches for item in originals[number])
    assert sites == len({start for start, _, number in matches if originals[number]})

    lengths = zip("iiiifdi", (room, room, room, room + 1, room * families, room, word_room), strict=True)
    columns = arc_starts, arc_ends, candidates, word_firsts, weights, bonus, ids = [view(code, zeros=n) for code, n in lengths]
    # From the middle on the matches are taken for terms: what stands there and the weights are of other phrases.
    plain, chosen = len(matches) // 2, [chance.randrange(len(vowels)) for _ in matches]
    there = [number if k < plain else chosen[k] for k, (_, _, number) in enumerate(matches)]
    scales = [1.0 if k < plain else 0.5 for k in range(len(matches))]
    expected = oracles.expand_matches(matches, table.hashes, table.flags, {a: False, an: True}, COSTS, vowels, originals, vocabulary, there, scales)
    memo = view("i", zeros=sum(len(item.words) for item in flat))
    for _ in range(2):
        kernels.expand(
            starts, ends, numbers, view("i", chosen), view("f", [0.5] * len(matches)), len(matches), plain, view("Q", table.hashes), view("H", table.flags),
            a, an, *COSTS, view("B", vowels), view("I", firsts), view("B", [item.vowel + 2 * item.capitals for item in flat]), view("I", sizes),
            view("Q", [word for item in flat for word in item.words]), model.vocabulary_table, model.vocabulary_capacity,
            view("f", [weight for item in flat for weight in item.weights]), families, memo, *columns,
        )  # fmt: skip
        words = [ids[word_firsts[k] : word_firsts[k + 1]].tolist() for k in range(room)]
        shares = [tuple(weights[k * families : (k + 1) * families]) for k in range(room)]
        assert list(zip(*(column[:room] for column in (arc_starts, arc_ends, candidates)), words, shares, bonus[:room], strict=True)) == expected


# --- language model --------------------------------------------------------------------------------------------------


def test_words_and_ids(kernels: ModuleType, small: SmallModel) -> None:
    names = [*small.model.words(), "nobody", "", "w", *(f"w{i}" for i in range(40)), *(f"absent{i}" for i in range(200))]
    hashes = [oracles.word_hash(name) for name in names]
    ids = view("i", [-1] * len(names))
    kernels.find_words(view("Q", hashes), len(names), small.model.vocabulary_table, small.model.vocabulary_capacity, ids)
    known = {name: number for number, name in enumerate(small.model.words()) if number > 2}
    assert 0 < len(known) < 30
    assert ids.tolist() == [known.get(name, 0) for name in names]


def test_scores_are_those_of_the_obvious_reader(kernels: ModuleType, small: SmallModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("restore.language_model.model.kernels", kernels)
    chance, size = random.Random(5), len(small.model)
    highest = 0
    for k in range(80):
        words = [word for _ in range(3) for word in chance.choice(small.sentences)]
        for i in range(len(words)):
            if chance.random() < (0.05, 0.3, 1.0)[k % 3]:
                words[i] = chance.choice((0, chance.randrange(3, size)))
        words.append(END)
        assert small.model.score_ids(words).tolist() == pytest.approx(small.scorer.score(words), abs=1e-6)
        order = small.model.order
        highest += sum(small.scorer.reader.find(words[i : i + order]) is not None for i in range(len(words) - order))
    assert highest > 50, "the longest n-grams must be met"
    assert small.model.score_ids([]).tolist() == []


def test_scores_are_the_same_bits_compiled_or_not(small: SmallModel, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [word for sentence in small.sentences[:40] for word in sentence]
    results = []
    for kernels in map(load_kernels, IMPLEMENTATIONS):
        monkeypatch.setattr("restore.language_model.model.kernels", kernels)
        results.append(small.model.score_ids(words).tolist())
    assert results[0] == results[1]


SPELLED = [
    ("Kessandra", "kessandra"), ("Zyx’Q", "zyx'q"), ("co\u00adop\u200bted", "coopted"), ("Ñandú", "ñandú"), ("Q.Z.", "q.z."), ("x9y", "x9y"),
    ("7301", "7301"), ("3.5,1", "3.5,1"), ("日本", "日本"), ("ÖL", "öl"), ("¤", "¤"),
]  # fmt: skip


def spelled(characters: Any, form: str) -> float:
    """Trigrams of symbols from boundary, boundary to boundary."""
    places = {letter: place for place, letter in enumerate("abcdefghijklmnopqrstuvwxyz0123456789'.", 1)}
    symbols = [0, 0, *(places.get(letter, 39) for letter in form), 0]
    return -sum(characters[a * 1600 + b * 40 + c] for a, b, c in zip(symbols, symbols[1:], symbols[2:], strict=False)) / 16


def test_spelling_of_unknown_words(kernels: ModuleType, small: SmallModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("restore.language_model.model.kernels", kernels)
    known = small.model.words()[5]
    text = encode(" ".join([known, *(surface for surface, _ in SPELLED), "opaque thing"]))
    tokens: Tokens = tokenize(text, [(len(text) - 12, len(text))])
    ids = small.model.ids(memoryview(tokens.norms), len(tokens))
    assert ids.tolist() == [5] + [0] * (len(SPELLED) + 1)
    expected = [0.0, *(spelled(small.model.characters, form) for _, form in SPELLED), 0.0]
    assert small.model.spelling(tokens, ids, unicode_tables()).tolist() == expected
    assert len(set(expected)) > 8


@pytest.mark.parametrize(("order", "mask", "shift", "bigram"), [(2, 0xFFFFFF, 8, [2466, 8922]), (3, 0x3FFFF, 14, [11, 6285])])
def test_a_fingerprint_of_zero_stands_as_one(kernels: ModuleType, order: int, mask: int, shift: int, bigram: list[int]) -> None:
    """Words whose key has the fingerprint 0, which means an empty slot, are stored and found as 1."""
    assert oracles.phrase_hash([word + 1 for word in reversed(bigram)]) & mask == 0
    tables = [view("I", [1 << shift, 0]), *(view("I", [0]) for _ in range(3))]
    unigrams, capacities, books = view("f", zeros=20000), view("Q", [1] * 4), view("f", [-2.5], zeros=640)
    scratch, scores = [view(code, zeros=4) for code in "idd"], view("d", zeros=2)
    kernels.score_words(view("i", bigram), order, unigrams, *tables, capacities, books, *scratch, scores)
    assert scores.tolist() == [0.0, -2.5]
