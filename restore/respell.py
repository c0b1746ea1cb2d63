"""The stage of the channels that work on characters: which forms are damaged words, and which words they were.

A text is read in the order of the noisy channel: tokens, candidates of every form (once for each distinct form), error rates of its blocks, a lattice over
all of it, decoding by `restore.decode`. Everything heavy happens in kernels.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, compress, repeat
from math import log

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
from restore.tokenizer import LOCKED, Lines, Tokens, tokenize, unicode_tables

#: Exponent of the language model's ratios (see `restore.channels.substitution`).
SCALE = 0.9
BEAM = 4
#: Tokens of a block with an error rate of its own; characters by which it is drawn to the document's rate, and that to PRIOR_RATE.
BLOCK, WEIGHT, PRIOR_RATE, ROUNDS = 150, 400.0, 0.01, 4
#: Documents whose error rate is below this are left alone.
CLEAN_RATES = {"ocr": 0.003, "spelling": 0.0}
#: What a derivation may cost: known words; others, by length, up to a limit; runs of tokens; lines' ends.
KNOWN_BUDGET, BUDGET, BUDGET_LETTER, BUDGET_LIMIT, GLUED_BUDGET, BROKEN_BUDGET = 13.0, 8.0, 1.5, 20.0, 22.0, 11.0
#: Words with a log probability below this may be parts of a word ("struct are", "jan ary"), as unknown ones may.
RARE_PART = -9.0
#: Log factors: a word that is seen again and again is no misprint (for each factor of e, and at most); a word broken at a line's end.
REPEAT, REPEAT_LIMIT, BROKEN_COST = 1.0, 4.0, 4.5
#: The user's words are candidates for unknown words of so many letters; their log probability; what a derivation of them may cost.
USER_LENGTH, USER_WORD, USER_BUDGET = 4, -12.0, 14.0
#: From an edit's posterior p to the probability that it is right: log odds a·ln p − b·ln(1 − p) + c (a beta calibration, as `restore.detect.EDIT_MAP`).
#: Fitted on 6,189 edits of the dev newspapers, each file with the weights of its other half: .52, .77, .93, .99 were right in .29, .49, .74, .88 of the cases.
EDIT_MAPS = {"ocr": (3.18, 0.187, 0.861), "spelling": (1.0, 1.0, 0.0)}
#: The choice of a model reads so many samples of so many bytes at most, until one is so far (log) ahead: on newspapers of 1900 the better one gains .4 a word,
#: on science .14.
SAMPLES, SAMPLE, SETTLED = 32, 256, 40.0
#: Forms whose candidates are kept; then they are forgotten all at once.
CACHE = 200_000
#: Below this an alternative is not told.
NEGLIGIBLE = 1e-3
#: Without their context, candidates so far (log) behind what stands there or behind the best candidate are no arcs (8 changes nothing on the dev
#: newspapers, 6 loses .0005 of the errors removed).
HOPELESS = 9.0
WORD_SPAN, GLUED_RUN, BROKEN, HYPHENATED = range(4)


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
        self._users = finder.few({word: USER_WORD for word in sorted(self._right) if word not in finder.numbers})
        self._decoder = Decoder(model, 1, 1, scale=SCALE, beam=BEAM)
        self._forget()

    @classmethod
    def load(cls, model: LanguageModel, channel: str, words: Sequence[str] = (), weights: str | None = None) -> Respeller:
        """With the weights that ship for a channel, or other ones for the channel "ocr"."""
        if channel == "spelling":
            return cls(model, SpellingFinder(model), channel, words)
        return cls(model, Finder(model, read_confusions(weights or data_path() / "ocr" / "confusions.tsv")), channel, words)

    def edits(self, tokens: Tokens, lines: Lines, ids: array[int], min_probability: float = 0.5) -> list[Edit]:
        """What to change, with offsets in characters of the text.

        Args:
            tokens: a text, with whatever is protected locked.
            lines: of the text.
            ids: vocabulary ids of the tokens.
            min_probability: an edit is made when the probability that it is right is at least this.
        """
        text = _Text(tokens, lines, ids, self.model)
        if not text.words:
            return []
        if len(self._tops) > CACHE:
            self._forget()
        self._know(text)
        spans, runs = self._words_of(text)
        rates = self._rates(text, spans)
        if rates is None:
            return []
        self._add_runs(text, spans, runs)
        lattice, found = self._lattice(text, spans, rates)
        lanes = Lanes(array("d", [1.0]), array("i", [0]))
        posterior, best = self._decoder.backward(self._decoder.forward(lattice, lanes).graph, lanes, [1.0])
        return list(self._write(text, spans, lattice, found, posterior, best, min_probability))

    def _forget(self) -> None:
        # Numbers of forms, of words and of runs by kind; then, by number: candidates from first[k] to first[k + 1], the best one's cost, ways to be two words.
        self._forms: dict[str, int] = {}
        self._run_forms: dict[tuple[int, str], int] = {}
        self._old: dict[str, bool] = {}
        self._first, self._part_first = array("i", [0]), array("i", [0])
        self._words, self._costs, self._edits, self._tops = array("i"), array("f"), array("B"), array("f")
        self._part_cuts, self._part_words, self._part_costs = array("B"), array("i"), array("f")

    def _word_numbers(self, forms: list[str]) -> array[int]:
        """Numbers of forms of words; candidates of new ones are looked up."""
        known = self._forms
        new = [form for form in dict.fromkeys(forms) if form not in known]
        if new:
            begin, number = len(self._tops), self._finder.numbers.get
            own = array("i", [number(_normal(form), 0) for form in new])
            budgets = [KNOWN_BUDGET if word else min(BUDGET_LIMIT, BUDGET + BUDGET_LETTER * len(form)) for form, word in zip(new, own, strict=True)]
            tops = self._look_up(new, budgets, own)
            for k in compress(range(len(new)), own):
                tops[k] = 0
            ways = zeros("i", len(new))
            parted = {k: cost for k, cost in self._finder.space_costs(new, own, tops).items() if new[k][1:].islower() or new[k].isupper()}
            parts = self._finder.parts([new[k].lower() for k in parted])
            for (k, cost), n in zip(parted.items(), parts.counts, strict=True):
                ways[k] = n
                self._part_costs.extend([cost] * n)
            self._part_cuts.extend(parts.cuts)
            self._part_words.extend(parts.words)
            self._tops.extend(tops)
            self._part_first.extend(accumulate(ways, initial=self._part_first.pop()))
            known.update(zip(new, range(begin, begin + len(new)), strict=True))
        return array("i", map(known.__getitem__, forms))

    def _run_numbers(self, runs: list[tuple[int, str]], rivals: array[float]) -> array[int]:
        """Numbers of forms of runs, each with its kind; candidates of new ones are looked up."""
        known = self._run_forms
        new = {run: score for run, score in zip(runs, rivals, strict=True) if run not in known}
        if new:
            begin, limits = len(self._tops), {GLUED_RUN: GLUED_BUDGET, HYPHENATED: BUDGET_LIMIT}
            budgets = [min(limits[kind], BUDGET + BUDGET_LETTER * len(form)) if kind in limits else BROKEN_BUDGET for kind, form in new]
            # A word that the line's end broke may stand whole in the vocabulary: then it is a candidate itself.
            self._tops.extend(self._look_up([form for _, form in new], budgets, zeros("i", len(new)), array("f", new.values())))
            self._part_first.extend(self._part_first[-1:] * len(new))
            known.update(zip(new, range(begin, begin + len(new)), strict=True))
        return array("i", map(known.__getitem__, runs))

    def _look_up(self, forms: list[str], budgets: list[float], own: array[int], rivals: array[float] | None = None) -> array[float]:
        found = self._finder.find(forms, array("f", budgets), own, rivals)
        self._first.extend(accumulate(found.counts, initial=self._first.pop()))
        self._words.extend(found.words)
        self._costs.extend(found.costs)
        self._edits.extend(found.edits)
        return found.tops

    def _know(self, text: _Text) -> None:
        """Lock the user's words and, in an old text, old spellings; and raise the probability of unknown words that come again and again."""
        right: set[str] = set(self._right)
        # Who types "untill" and "realy" today makes slips; by their rules they are old spellings.
        if self._channel == "ocr" and is_old(text.forms, self._frequency, self._old):
            right.update(form for form in set(map(_normal, text.forms)) if later_spelling(form, self._frequency))
        if right:
            for i, form in zip(text.words, text.forms, strict=True):
                if _normal(form) in right:
                    text.tokens.flags[i] |= LOCKED
            text.find_words()
        ids, spelling = text.ids, text.spelling
        unknown = [(i, form) for i, form in zip(text.words, text.forms, strict=True) if not ids[i]]
        seen = Counter([form for _, form in unknown])
        for i, form in unknown:
            if seen[form] > 1:
                spelling[i] += min(REPEAT_LIMIT, REPEAT * log(seen[form]))

    def _frequency(self, word: str) -> float:
        number = self._finder.numbers.get(word)
        return self.model.unigrams[2 * number] if number else -99.0

    def _words_of(self, text: _Text) -> tuple[_Spans, list[tuple[int, int, int]]]:
        """The spans of single words; and the runs of tokens that may be one."""
        tokens = text.tokens
        suspect, n = zeros("B", len(tokens)), len(tokens)
        offsets = views(tokens.starts, tokens.ends)
        kernels_ocr.mark_suspects(*views(text.words), len(text.words), *offsets, *views(text.ids), self.model.unigrams, RARE_PART, *views(suspect))
        first, last, kinds = zeros("i", 6 * n), zeros("i", 6 * n), zeros("B", 6 * n)
        count = kernels_ocr.spans(memoryview(tokens.text), *offsets, *views(tokens.flags, suspect), n, *views(first, last, kinds))
        runs = list(zip(first[:count], last[:count], kinds[:count], strict=True))
        # The parts of a word that is right as a whole are right, and no part of a word is looked at alone.
        parts = {i for first, last, kind in runs if kind == HYPHENATED for i in (first, last - 1)}
        alone = [i not in parts for i in text.words] if parts else repeat(True)
        words, forms = array("i", compress(text.words, alone)), list(compress(text.forms, alone))
        return _Spans(words, array("i", [i + 1 for i in words]), bytearray(len(words)), forms, self._word_numbers(forms), len(words)), runs

    def _add_runs(self, text: _Text, spans: _Spans, runs: list[tuple[int, int, int]]) -> None:
        """Add the runs of tokens that may be one word."""
        starts, ends = text.tokens.starts, text.tokens.ends
        forms = []
        for i, j, kind in runs:
            if kind == GLUED_RUN:
                form = text.between(starts[i], ends[j - 1])
            else:
                form = text.token(i) + text.token(j - 1)
                whole = _normal(form) in self._finder.numbers
                if kind == HYPHENATED:
                    if whole or (text.ids[i] and text.ids[j - 1]):
                        continue
                elif not whole and text.ids[i] and text.ids[j - 1]:
                    continue
                if len(form) < 4:
                    continue
            if len(form) <= LONGEST:
                spans.starts.append(i)
                spans.ends.append(j)
                spans.kinds.append(kind)
                spans.forms.append(form)
                forms.append((kind, form))
        scores, first = zeros("f", len(forms)), spans.n_words
        kernels_ocr.apart(
            *views(spans.starts[first:], spans.ends[first:]), len(forms), *views(spans.starts, spans.numbers), first, *views(self._tops),
            *views(text.ids, text.spelling), self.model.unigrams, SCALE, *views(zeros("d", len(text.ids)), scores),
        )  # fmt: skip
        spans.numbers.extend(self._run_numbers(forms, scores))

    def _rates(self, text: _Text, spans: _Spans) -> array[float] | None:
        tokens = text.tokens
        n_blocks = len(tokens) // BLOCK + 1
        rates = array("d", [0.02] * n_blocks)
        damage = kernels_ocr.estimate(
            *views(spans.starts, spans.numbers), spans.n_words, *views(tokens.starts, tokens.ends, text.ids, text.spelling),
            self.model.unigrams, SCALE, *views(self._first, self._words, self._costs, self._edits), BLOCK, n_blocks,
            PRIOR_RATE, WEIGHT, ROUNDS, *views(rates, zeros("d", n_blocks), zeros("d", n_blocks)),
        )  # fmt: skip
        return None if damage < CLEAN_RATES[self._channel] else rates

    def _add_users(self, text: _Text, spans: _Spans, rates: array[float], arcs: Arcs, owners: array[int]) -> None:
        """Add arcs for unknown words that may be the user's, numbered −1, −2, …"""
        places: dict[str, list[int]] = {}
        for k, form in zip(range(spans.n_words), spans.forms, strict=False):
            if not text.ids[spans.starts[k]] and len(form) >= USER_LENGTH:
                places.setdefault(form, []).append(k)
        budgets = array("f", [min(USER_BUDGET, BUDGET + BUDGET_LETTER * len(form)) for form in places])
        found = self._finder.find(list(places), budgets, zeros("i", len(places)), among=self._users)
        spots = [ks for ks, count in zip(places.values(), found.counts, strict=True) for _ in range(count)]
        # The arc's word is the unknown one, of which this is one.
        score = SCALE * (USER_WORD - self.model.unigrams[0])
        for ks, word, cost, edits in zip(spots, found.words, found.costs, found.edits, strict=True):
            for k in ks:
                i = spans.starts[k]
                owners.append(k)
                arcs.starts.append(i)
                arcs.ends.append(i + 1)
                arcs.candidates.append(-word)
                arcs.words.append(0)
                arcs.first_words.append(len(arcs.words))
                arcs.bonus.append(score + edits * log(rates[i // BLOCK]) - cost)

    def _lattice(self, text: _Text, spans: _Spans, rates: array[float]) -> tuple[Lattice, array[int]]:
        """The lattice, and the span of each of its arcs; an arc's candidate is the length of the first of two words, 0 for one word, less for the user's."""
        first, part_first = self._first, self._part_first
        room = kernels_ocr.count_candidates(*views(spans.numbers), len(spans.numbers), *views(first, part_first))
        bonus = zeros("d", len(spans.starts))
        for k in range(spans.n_words, len(bonus)):
            if spans.kinds[k] == BROKEN:
                bonus[k] = -BROKEN_COST
        owners = zeros("i", room)
        arcs = Arcs(zeros("i", room), zeros("i", room), zeros("i", room), zeros("i", room + 1), zeros("i", 2 * room), array("f"), zeros("d", room))
        count = kernels_ocr.gather(
            *views(spans.starts, spans.ends, spans.numbers, bonus), len(bonus), *views(text.ids, text.spelling, rates), BLOCK, self.model.unigrams, SCALE,
            HOPELESS, *views(first, self._words, self._costs, self._edits, part_first, self._part_cuts, self._part_words, self._part_costs),
            *views(owners, arcs.starts, arcs.ends, arcs.candidates, arcs.first_words, arcs.words, arcs.bonus),
        )  # fmt: skip
        for column in (owners, arcs.starts, arcs.ends, arcs.candidates, arcs.bonus):
            del column[count:]
        del arcs.first_words[count + 1 :], arcs.words[arcs.first_words[count] :]
        if len(self._users.words) > 1:
            self._add_users(text, spans, rates, arcs, owners)
        n, count = len(text.tokens), len(arcs)
        arcs.weights = array("f", [1.0]) * count
        order, counts = zeros("i", count), zeros("i", n + 2)
        kernels.sort_arcs(*views(arcs.ends), count, n, *views(order, counts))
        return Lattice(text.tokens, text.ids, text.spelling, text.lines, zeros("f", n), arcs, order, 0), owners

    def _write(
        self, text: _Text, spans: _Spans, lattice: Lattice, owners: array[int], posterior: array[float], best: array[int], least: float
    ) -> Iterator[Edit]:
        tokens, arcs, vocabulary, channel = text.tokens, lattice.arcs, self._finder.vocabulary, self._channel
        room = 4 * sum(best)
        rows, probabilities, places = zeros("i", room), zeros("d", room), zeros("i", room)
        count = kernels_ocr.choose(
            *views(lattice.order), len(arcs), *views(best, posterior, owners, arcs.starts, arcs.ends), memoryview(tokens.text),
            *views(tokens.starts, tokens.ends), *EDIT_MAPS[channel], least, NEGLIGIBLE, *views(rows, probabilities, places),
        )  # fmt: skip
        cuts, words, first = arcs.candidates, arcs.words, arcs.first_words
        for at in range(0, 4 * count, 4):
            span = owners[rows[at]]
            observed, kind = spans.forms[span], spans.kinds[span]
            case = shape(observed)
            readings = [
                (
                    f"{observed[: cuts[k]]} {observed[cuts[k] :]}"
                    if cuts[k] > 0
                    else fit_shape(observed, self._users.words[-cuts[k]] if cuts[k] else vocabulary[words[first[k]]], case),
                    round(p, 6),
                )
                for k, p in zip(rows[at : at + 4], probabilities[at : at + 4], strict=True)
                if k >= 0
            ]
            (word, p), start, stop = readings[0], places[at], places[at + 3]
            if kind in (WORD_SPAN, GLUED_RUN):
                if observed != word:
                    yield Edit(start, stop, observed, word, channel, p, tuple(readings[1:]))
                continue
            left, right = text.token(spans.starts[span]), text.token(spans.ends[span] - 1)
            cut = len(word)
            if kind == HYPHENATED:
                cut = meet(left, right, word)
            else:
                end = tokens.ends[spans.ends[span] - 1]
                spaces = len(tokens.text[end : end + 80]) - len(tokens.text[end : end + 80].lstrip(b" "))
                right, stop = right + " " * spaces, stop + spaces
            for begin, end, old, new in ((start, places[at + 1], left, word[:cut]), (places[at + 2], stop, right, word[cut:])):
                if old != new:
                    yield Edit(begin, end, old, new, channel, p, (), "word broken at the line's end")


def better_model(models: Sequence[LanguageModel], data: bytes) -> LanguageModel:
    """The model that predicts a text better: the probability of the words that all of them know, in a sample of the text."""
    if len(models) == 1:
        return models[0]
    step = max(SAMPLE, len(data) // SAMPLES)
    totals = [0.0] * len(models)
    for start in range(0, len(data), step):
        part = tokenize(data[start : start + SAMPLE], ())
        ids = [model.ids(memoryview(part.norms), len(part)) for model in models]
        known = list(map(all, zip(*ids, strict=True)))
        for k, model in enumerate(models):
            totals[k] += sum(compress(model.score_ids(ids[k]), known))
        *_, second, best = sorted(totals)
        if best - second > SETTLED:
            break
    return models[max(range(len(models)), key=totals.__getitem__)]


class _Text:
    """Tokens with what the model says of them; `words` are the tokens that may be damaged words, `forms` what they say."""

    def __init__(self, tokens: Tokens, lines: Lines, ids: array[int], model: LanguageModel) -> None:
        self.tokens = tokens
        self.lines = lines
        self.ids = ids
        self.spelling = model.spelling(tokens, self.ids, unicode_tables())
        data = bytes(tokens.text)
        # A character for each byte; then only what is not ASCII is decoded.
        self._latin, self._plain = data.decode("latin-1"), data.isascii()
        self.find_words()

    def find_words(self) -> None:
        """Find `words` and `forms`."""
        tokens, n = self.tokens, len(self.tokens)
        words, starts, ends = zeros("i", n), zeros("i", n), zeros("i", n)
        count = kernels_ocr.find_words(memoryview(tokens.text), *views(tokens.starts, tokens.ends, tokens.flags), n, LONGEST, *views(words, starts, ends))
        text = self._latin
        self.words, self.forms = words[:count], [text[start:end] for start, end in zip(starts[:count], ends, strict=False)]
        if not self._plain:
            self.forms = [form if form.isascii() else _decode(form) for form in self.forms]

    def token(self, i: int) -> str:
        """The text of a token."""
        return self.between(self.tokens.starts[i], self.tokens.ends[i])

    def between(self, start: int, end: int) -> str:
        """The text between two offsets in bytes."""
        piece = self._latin[start:end]
        return piece if self._plain or piece.isascii() else _decode(piece)


@dataclass
class _Spans:
    """Runs of tokens that may be one word: token spans, kinds, forms and the numbers of these; the first `n_words` are single tokens."""

    starts: array[int]
    ends: array[int]
    kinds: bytearray
    forms: list[str]
    numbers: array[int]
    n_words: int


def fit_shape(observed: str, word: str, case: int) -> str:
    """A word in the case that a damaged form had (`restore.channels.ocr.shape`), and with its apostrophes.

    >>> fit_shape("COUNTnY", "country", UPPER), fit_shape("MemphiH", "memphis", CAPITALISED), fit_shape("don’l", "don't", shape("don’l"))
    ('COUNTRY', 'Memphis', 'don’t')
    """
    if "’" in observed:
        word = word.replace("'", "’")
    if word[:1] == "i" and (word == "i" or word.startswith(("i'", "i’"))):
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
    form = form.lower()
    return form if form.isascii() else form.replace("’", "'")


def _decode(piece: str) -> str:
    return piece.encode("latin-1").decode("utf-8", "surrogatepass")
