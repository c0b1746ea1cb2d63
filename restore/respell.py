"""The stage of the channels that work on characters: which forms are damaged words, and which words they were.

A text is read in the order of the noisy channel: tokens, candidates of every form (once for each distinct form), error rates of its blocks, a lattice over
all of it, decoding by `restore.decode`. Everything heavy happens in kernels.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import accumulate, compress
from math import exp, log

from restore import kernels, kernels_ocr
from restore.arrays import views, zeros
from restore.channels.ocr import CAPITALISED, LONGEST, UPPER, Finder, read_confusions, shape
from restore.channels.orthography import is_old, later_spelling
from restore.channels.spelling import SpellingFinder
from restore.channels.substitution import Arcs
from restore.decode import Decoder, Lanes
from restore.language_model.model import LanguageModel
from restore.lattice import Lattice
from restore.lexicon import data_path
from restore.records import Edit
from restore.tokenizer import KIND_MASK, LOCKED, NUMBER, WORD, Lines, Tokens, tokenize, unicode_tables

#: Exponent of the language model's ratios (see `restore.channels.substitution`).
SCALE = 0.9
BEAM = 5
#: Tokens of a block with an error rate of its own; characters by which it is drawn to the document's rate, and that to PRIOR_RATE.
BLOCK, WEIGHT, PRIOR_RATE, ROUNDS = 150, 400.0, 0.01, 4
#: Documents whose error rate is below this are left alone.
CLEAN_RATES = {"ocr": 0.003, "spelling": 0.0}
#: What a derivation may cost: known words; others, by length, up to a limit; runs of tokens; lines' ends.
KNOWN_BUDGET, BUDGET, BUDGET_LETTER, BUDGET_LIMIT, GLUED_BUDGET, BROKEN_BUDGET = 11.0, 8.0, 1.5, 22.0, 16.0, 11.0
#: A form whose best candidate costs more than this (with its probability) may be a part of a word.
GATE = 15.0
#: The same for several words that stand as one.
PARTED_GATE = 12.0
#: Log factors: a word that is seen again and again is no misprint (for each factor of e, and at most); a word broken at a line's end; a lost space.
REPEAT, REPEAT_LIMIT, BROKEN_COST, SPACE_COST = 1.0, 4.0, 4.5, 5.0
#: What is typed without a space is one of the everyday words (log probability) and its neighbour; two other words are a compound ("coffeehouse").
EVERYDAY = -7.0
#: From an edit's posterior p to the probability that it is right: log odds a·ln p − b·ln(1 − p) + c (a beta calibration, as `restore.detect.EDIT_MAP`).
#: Fitted on 6,189 edits of the dev newspapers, each file with the weights of its other half: .52, .77, .93, .99 were right in .29, .49, .74, .88 of the cases.
EDIT_MAPS = {"ocr": (3.18, 0.187, 0.861), "spelling": (1.0, 1.0, 0.0)}
#: The choice of a model reads so many samples of so many bytes at most.
SAMPLES, SAMPLE = 16, 2048
#: Forms whose candidates are kept; then they are forgotten all at once.
CACHE = 200_000
#: Below this an alternative is not told.
NEGLIGIBLE = 1e-3
WORD_SPAN, GLUED_RUN, BROKEN, HYPHENATED, PARTED = range(5)


class Respeller:
    """Finds damaged words and what they were; not to be shared between threads.

    Args:
        model: the language model.
        finder: finds candidates among its words.
        channel: name of the channel, for the edits.
        words: words that are right, beside the model's.
    """

    def __init__(self, model: LanguageModel, finder: Finder | SpellingFinder, channel: str, words: Sequence[str] = ()) -> None:
        self.model = model
        self._finder = finder
        self._channel = channel
        self._right = frozenset(map(_normal, words))
        self._decoder = Decoder(model, 1, 1, scale=SCALE, beam=BEAM)
        self._forget()

    @classmethod
    def load(cls, model: LanguageModel, channel: str, words: Sequence[str] = (), weights: str | None = None) -> Respeller:
        """With the weights that ship for a channel, or other ones for the channel "ocr"."""
        if channel == "spelling":
            return cls(model, SpellingFinder(model), channel, words)
        return cls(model, Finder(model, read_confusions(weights or data_path() / "ocr" / "confusions.tsv")), channel, words)

    def edits(self, tokens: Tokens, lines: Lines, ids: array[int], min_probability: float = 0.5) -> list[Edit]:
        """What to change; offsets in bytes.

        Args:
            tokens: a text, with whatever is protected locked.
            lines: of the text.
            ids: vocabulary ids of the tokens.
            min_probability: an edit is made when the probability that it is right is at least this.
        """
        text = _Text(tokens, lines, ids, self.model)
        if not text.words:
            return []
        if len(self._top) > CACHE:
            self._forget()
        self._know(text)
        spans = self._spans(text)
        rates = self._rates(text, spans)
        if rates is None:
            return []
        lattice, arcs = self._lattice(text, spans, rates)
        lanes = Lanes(array("d", [1.0]), array("i", [0]))
        posterior, best = self._decoder.backward(self._decoder.forward(lattice, lanes).graph, lanes, [1.0])
        return list(self._write(text, lattice, arcs, posterior, best, min_probability))

    def _forget(self) -> None:
        self._forms: dict[int, dict[str, int]] = defaultdict(dict)
        self._parted: dict[str, list[tuple[int, int, int]]] = {}
        self._first = array("i", [0])
        self._words, self._costs, self._edits, self._top = array("i"), array("f"), array("B"), array("f")

    def _numbers(self, forms: list[tuple[str, int]]) -> array[int]:
        """Numbers of forms (with their kinds); candidates of new ones are looked up."""
        numbers = self._finder.numbers
        for kind in sorted({kind for _, kind in forms}):
            known = self._forms[kind]
            new = [text for text in dict.fromkeys(text for text, k in forms if k == kind) if text not in known]
            if not new:
                continue
            own = array("i", (numbers.get(_normal(text), 0) for text in new))
            budgets = array("f", (_budget(text, kind, number) for text, number in zip(new, own, strict=True)))
            # A word that the line's end broke may stand whole in the vocabulary: then it is a candidate itself.
            found = self._finder.find(new, budgets, own if kind == WORD_SPAN else zeros("i", len(new)))
            begin = len(self._first) - 1
            known.update(zip(new, range(begin, begin + len(new)), strict=True))
            self._first.extend(accumulate(found.counts, initial=self._first.pop()))
            self._words.extend(found.words)
            self._costs.extend(found.costs)
            self._edits.extend(found.edits)
            self._top.extend(0.0 if number else top for number, top in zip(own, found.tops, strict=True))
        tables = self._forms
        return array("i", [tables[kind][text] for text, kind in forms])

    def _know(self, text: _Text) -> None:
        """Lock the user's words and, in an old text, old spellings; and raise the probability of unknown words that come again and again."""
        right: set[str] = set(self._right)
        forms = [_normal(text.surface[i]) for i in text.words]
        # Who types "untill" and "realy" today makes slips; by their rules they are old spellings.
        if self._channel == "ocr" and is_old(forms, self._frequency):
            right.update(form for form in set(forms) if later_spelling(form, self._frequency))
        if right:
            for i, form in zip(text.words, forms, strict=True):
                if form in right:
                    text.tokens.flags[i] |= LOCKED
            text.words = [i for i in text.words if not text.tokens.flags[i] & LOCKED]
        seen = Counter(text.surface[i] for i in text.words if not text.ids[i])
        for i in text.words:
            if not text.ids[i] and seen[text.surface[i]] > 1:
                text.spelling[i] += min(REPEAT_LIMIT, REPEAT * log(seen[text.surface[i]]))

    def _frequency(self, word: str) -> float:
        number = self._finder.numbers.get(word)
        return self.model.unigrams[2 * number] if number else -99.0

    def _spans(self, text: _Text) -> _Spans:
        tokens, surface = text.tokens, text.surface
        n = len(tokens)
        forms = [(surface[i], WORD_SPAN) for i in text.words]
        numbers = self._numbers(forms)
        suspect = zeros("B", n)
        for i, number in zip(text.words, numbers, strict=True):
            suspect[i] = 3 if tokens.ends[i] - tokens.starts[i] == 1 or self._top[number] > GATE else 2
        first, last, kinds = zeros("i", 6 * n), zeros("i", 6 * n), zeros("B", 6 * n)
        count = kernels_ocr.spans(memoryview(tokens.text), *views(tokens.starts, tokens.ends, tokens.flags, suspect), n, *views(first, last, kinds))
        broken = {}
        runs: list[tuple[int, int, int]] = []
        more: list[tuple[str, int]] = []
        for k in range(count):
            i, j, kind = first[k], last[k], kinds[k]
            if kind == GLUED_RUN:
                form = tokens.surface(i, j)
            else:
                form = surface[i] + surface[j - 1]
                whole = _normal(form) in self._finder.numbers
                if kind == HYPHENATED:
                    # The parts of a word that is right as a whole are right, and no part is looked at alone.
                    broken[i] = broken[j - 1] = True
                    if whole or (text.ids[i] and text.ids[j - 1]):
                        continue
                elif not (whole or suspect[i] == 3 or suspect[j - 1] == 3):
                    continue
                if len(form) < 4:
                    continue
            if len(form) <= LONGEST:
                runs.append((i, j, kind))
                more.append((form, kind))
        words = [k for k, i in enumerate(text.words) if i not in broken]
        singles = [(text.words[k], text.words[k] + 1, WORD_SPAN) for k in words]
        result = _Spans(singles, [forms[k] for k in words], array("i", [numbers[k] for k in words]), len(words))
        result.runs += runs
        result.forms += more
        result.numbers += self._numbers(more)
        return result

    def _rates(self, text: _Text, spans: _Spans) -> array[float] | None:
        tokens = text.tokens
        n_blocks = len(tokens) // BLOCK + 1
        characters = zeros("d", n_blocks)
        for i in text.words:
            characters[i // BLOCK] += tokens.ends[i] - tokens.starts[i]
        rates, confusions = array("d", [0.02] * n_blocks), zeros("d", n_blocks)
        kernels_ocr.estimate(
            *views(array("i", [i for i, _, _ in spans.runs[: spans.n_words]]), spans.numbers), spans.n_words, *views(text.ids, text.spelling),
            self.model.unigrams, SCALE, *views(self._first, self._words, self._costs, self._edits), *views(characters), BLOCK, n_blocks,
            PRIOR_RATE, WEIGHT, ROUNDS, *views(rates, confusions),
        )  # fmt: skip
        return None if sum(confusions) < CLEAN_RATES[self._channel] * sum(characters) else rates

    def _lattice(self, text: _Text, spans: _Spans, rates: array[float]) -> tuple[Lattice, _Arcs]:
        first = self._first
        room = sum(first[f + 1] - first[f] for f in spans.numbers)
        starts, ends = array("i", [run[0] for run in spans.runs]), array("i", [run[1] for run in spans.runs])
        bonus = array("d", [-BROKEN_COST if run[2] == BROKEN else 0.0 for run in spans.runs])
        found = _Arcs(zeros("i", room), zeros("i", room), zeros("i", room), zeros("i", room), zeros("B", room), zeros("d", room))
        count = kernels_ocr.gather(
            *views(starts, ends, spans.numbers, bonus), len(spans.runs), *views(rates), BLOCK, self.model.unigrams, SCALE, 2 * LONGEST,
            *views(first, self._words, self._costs, self._edits), *views(found.spans, found.starts, found.ends, found.words, found.edits, found.bonus),
        )  # fmt: skip
        for column in (found.spans, found.starts, found.ends, found.words, found.edits, found.bonus):
            del column[count:]
        arcs = Arcs(found.starts, found.ends, zeros("i", count), array("i", range(count + 1)), found.words, array("f"), found.bonus)
        for (i, _, _), form, number in zip(spans.runs[: spans.n_words], spans.forms, spans.numbers, strict=False):
            if not text.ids[i] and self._top[number] > PARTED_GATE and (form[0][1:].islower() or form[0].isupper()):
                for cut, left, right in self._parts(form[0].lower()):
                    arcs.starts.append(i)
                    arcs.ends.append(i + 1)
                    arcs.candidates.append(cut)
                    arcs.words.extend((left, right))
                    arcs.first_words.append(len(arcs.words))
                    arcs.bonus.append(log(rates[i // BLOCK]) - SPACE_COST)
                    found.spans.append(-1)
        total, n = len(arcs), len(text.tokens)
        arcs.weights = array("f", [1.0]) * total
        order, counts = zeros("i", total), zeros("i", n + 2)
        kernels.sort_arcs(*views(arcs.ends), total, n, *views(order, counts))
        found.runs, found.forms = spans.runs, spans.forms
        return Lattice(text.tokens, text.ids, text.spelling, text.lines, zeros("f", n), arcs, order, 0), found

    def _right_probability(self, posterior: float) -> float:
        p = min(max(posterior, 1e-6), 1 - 1e-6)
        a, b, c = EDIT_MAPS[self._channel]
        return round(1 / (1 + exp(-(a * log(p) - b * log(1 - p) + c))), 6)

    def _parts(self, form: str) -> list[tuple[int, int, int]]:
        """Where a form may be two words without a space: the place and the two words' numbers."""
        parts = self._parted.get(form)
        if parts is None:
            numbers, unigrams = self._finder.numbers, self.model.unigrams
            parts = [
                (cut, left, right)
                for cut in range(1, len(form) if len(form) > 3 else 0)
                if (left := numbers.get(form[:cut])) and (right := numbers.get(form[cut:])) and _can_stand(form[:cut]) and _can_stand(form[cut:])
                if self._channel != "spelling" or max(unigrams[2 * left], unigrams[2 * right]) > EVERYDAY
            ]
            self._parted[form] = parts
        return parts

    def _write(self, text: _Text, lattice: Lattice, found: _Arcs, posterior: array[float], best: array[int], least: float) -> Iterator[Edit]:
        tokens, arcs, vocabulary = text.tokens, lattice.arcs, self._finder.vocabulary

        def wording(k: int) -> str:
            if found.spans[k] < 0:
                form, cut = text.surface[arcs.starts[k]], arcs.candidates[k]
                return f"{form[:cut]} {form[cut:]}"
            return fit_shape(found.forms[found.spans[k]][0], vocabulary[arcs.words[arcs.first_words[k]]])

        def others(k: int) -> tuple[tuple[str, float], ...]:
            """The other readings of an arc's span, best first; arcs of a span are neighbours."""
            first, last, span = k, k + 1, found.spans[k]
            while span >= 0 and first > 0 and found.spans[first - 1] == span:
                first -= 1
            while span >= 0 and last < len(found.spans) and found.spans[last] == span:
                last += 1
            rows = sorted((-posterior[b], b) for b in range(first, last) if b != k and posterior[b] > NEGLIGIBLE)
            return tuple((wording(b), self._right_probability(-p)) for p, b in rows[:3])

        for k in sorted(compress(range(len(arcs)), best), key=arcs.starts.__getitem__):
            p = self._right_probability(posterior[k])
            if p < least:
                continue
            i, j = arcs.starts[k], arcs.ends[k]
            word = wording(k)
            kind = found.runs[found.spans[k]][2] if found.spans[k] >= 0 else PARTED
            if kind in (BROKEN, HYPHENATED):
                left, right = text.surface[i], text.surface[j - 1]
                at = len(word) if kind == BROKEN else meet(left, right, word)
                end = tokens.ends[j - 1]
                if kind == BROKEN:
                    while tokens.text[end : end + 1] == b" ":
                        end += 1
                for start, stop, old, new in ((tokens.starts[i], tokens.ends[i], left, word[:at]), (tokens.starts[j - 1], end, right, word[at:])):
                    if old != new:
                        yield Edit(start, stop, tokens.text[start:stop].decode(), new, self._channel, p, (), "word broken at the line's end")
                continue
            observed = tokens.surface(i, j)
            if observed != word:
                yield Edit(tokens.starts[i], tokens.ends[j - 1], observed, word, self._channel, p, others(k))


def better_model(models: Sequence[LanguageModel], data: bytes) -> LanguageModel:
    """The model that predicts a text better: the probability of the words that all of them know, in a sample of the text."""
    if len(models) == 1:
        return models[0]
    step = max(SAMPLE, len(data) // SAMPLES)
    tokens = [tokenize(data[start : start + SAMPLE], ()) for start in range(0, len(data), step)]
    totals = [0.0] * len(models)
    for part in tokens:
        ids = [model.ids(memoryview(part.norms), len(part)) for model in models]
        known = [all(row[i] for row in ids) for i in range(len(part))]
        for k, model in enumerate(models):
            totals[k] += sum(score for score, counts in zip(model.score_ids(ids[k]), known, strict=True) if counts)
    return models[max(range(len(models)), key=totals.__getitem__)]


class _Text:
    """Tokens with what the model says of them; `words` are the tokens that may be damaged words."""

    def __init__(self, tokens: Tokens, lines: Lines, ids: array[int], model: LanguageModel) -> None:
        self.tokens = tokens
        self.lines = lines
        self.ids = ids
        self.spelling = model.spelling(tokens, self.ids, unicode_tables())
        data, flags = tokens.text, tokens.flags
        # A character for each byte; then only what is not ASCII is decoded.
        text = bytes(data).decode("latin-1")
        pieces = [text[start:end] for start, end in zip(tokens.starts, tokens.ends, strict=True)]
        self.surface = [piece if piece.isascii() else piece.encode("latin-1").decode("utf-8", "surrogatepass") for piece in pieces]
        mask = KIND_MASK | LOCKED
        self.words = [
            i
            for i, (flag, form) in enumerate(zip(flags, self.surface, strict=True))
            if (flag & mask == WORD or (flag & mask == NUMBER and _lettered(form))) and len(form) <= LONGEST
        ]


class _Spans:
    """Runs of tokens (first, last, kind) that may be one word, with their forms and the numbers of these; the first `n_words` are single tokens."""

    def __init__(self, runs: list[tuple[int, int, int]], forms: list[tuple[str, int]], numbers: array[int], n_words: int) -> None:
        self.runs, self.forms, self.numbers, self.n_words = runs, forms, numbers, n_words


class _Arcs:
    """Results of `kernels_ocr.gather`, with the spans' runs and forms."""

    runs: list[tuple[int, int, int]]
    forms: list[tuple[str, int]]

    def __init__(self, spans: array[int], starts: array[int], ends: array[int], words: array[int], edits: array[int], bonus: array[float]) -> None:
        self.spans, self.starts, self.ends, self.words, self.edits, self.bonus = spans, starts, ends, words, edits, bonus


def fit_shape(observed: str, word: str) -> str:
    """A word in the case that a damaged form had.

    >>> fit_shape("COUNTnY", "country"), fit_shape("MemphiH", "memphis"), fit_shape("1", "i")
    ('COUNTRY', 'Memphis', 'I')
    """
    if "’" in observed:
        word = word.replace("'", "’")
    case = shape(observed)
    if word == "i" or word.startswith(("i'", "i’")):
        return "I" + word[1:]
    return word.upper() if case == UPPER else word[:1].upper() + word[1:] if case == CAPITALISED else word


def meet(left: str, right: str, word: str) -> int:
    """Where in a word its part on the first line ends, given what stands on both lines.

    >>> meet("conti", "nucd", "continued")
    5
    """
    from difflib import SequenceMatcher

    def fit(at: int) -> float:
        return len(left) * SequenceMatcher(None, left, word[:at], False).ratio() + len(right) * SequenceMatcher(None, right, word[at:], False).ratio()

    return max(range(1, len(word)), key=fit, default=len(word))


def _normal(form: str) -> str:
    return form.lower().replace("’", "'")


def _budget(form: str, kind: int, own: int) -> float:
    if kind == BROKEN:
        return BROKEN_BUDGET
    if own and kind != GLUED_RUN:
        return KNOWN_BUDGET
    return min(GLUED_BUDGET if kind == GLUED_RUN else BUDGET_LIMIT, BUDGET + BUDGET_LETTER * len(form))


def _lettered(form: str) -> bool:
    """Whether what begins with a digit is a damaged word: two letters of three."""
    return len(form) > 2 and 3 * sum(map(str.isalpha, form)) > 2 * len(form)


def _can_stand(word: str) -> bool:
    return len(word) > 1 or word in "ai"
