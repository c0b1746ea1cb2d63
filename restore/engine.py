"""`Restorer`: wires the stages together and holds the loaded models."""

from __future__ import annotations

import math
import threading
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from restore import edits as edit_list
from restore import kernels
from restore.arrays import zeros
from restore.batch import Batch, group, join, ordered_map, replace_documents
from restore.channels.substitution import lock_phrases
from restore.collocation import Neighbours
from restore.decode import Decoder, Forward, Graph, Lanes
from restore.detect import THETAS, Belief, Hypotheses, Repeats, Units, believe, edit_odds, is_given, logistic, unit_probabilities
from restore.errors import ConfigError
from restore.gate import Gate
from restore.gate import log_bayes_factor as gate_evidence
from restore.language_model.model import LanguageModel
from restore.lattice import Lattice, build_lattice
from restore.lexicon import Lexicon, data_path, load_lexicon
from restore.lexicon.build import build_table
from restore.lookalikes import PIECE, may_hide, see_through, without_hidden
from restore.protect import locked_spans
from restore.records import CHANNELS, Config, Edit, Result, Segment, Verdict
from restore.rewrite import Rewrite, Wordings
from restore.tokenizer import (
    LOCKED,
    NEWLINES_MASK,
    SENTENCE_START,
    CharacterOffsets,
    Lines,
    Tokens,
    decode,
    encode,
    opaque_spans,
    split_lines,
    tokenize,
)

if TYPE_CHECKING:
    from restore.channels.layout import Layout

#: Text is cut into pieces of about this many bytes, at a blank line, a line end, a sentence or a space, whichever comes first in this order.
CHUNK = 1 << 15
#: The channels that work on characters take a text in pieces of this size: rates of errors and repeated names are their own.
SECTION = 1 << 20
#: Graphs of documents up to this many bytes are kept between the two passes (30 MB or so for the largest); those of larger ones are made twice.
KEEP_GRAPHS = 1 << 19
#: A line of at least so many words, of which less than this share are everyday words (log probability over −8: the 300 or so most frequent), is in another
#: language or no prose. Measured shares: French, German, Spanish, Italian, Dutch, Swedish 0–.05; lines of dev_clean .44 in the middle, under .1 one in 120.
FOREIGN_WORDS, FOREIGN_SHARE, EVERYDAY = 6, 0.1, -8.0
#: The same for scans, where whole lines are damaged: lines before and after that are counted with a line, and the share. Judged like other lines,
#: dev newspapers lose .012 and .023 of the errors removed; with four lines and a share of .1, .004 and .004.
SCAN_AROUND, SCAN_SHARE = 4, 0.06
#: Edits that the evidence of a verdict names.
EVIDENCE = 10


def load(
    dictionaries: Sequence[str | Path] | str | Path = (),
    protect: Sequence[str] | str = (),
    model: str | Path = "auto",
    prior: float = 0.01,
    min_probability: float | None = None,
    assume_spun: float | bool | None = None,
    gate: bool = True,
    clean: str | Sequence[str] = (),
    layout: Layout | bool = False,
    channels: Sequence[str] | str = ("substitution",),
    vocabulary: Sequence[str] | str = (),
    ocr_weights: str | Path | None = None,
) -> Restorer:
    """Load the models and dictionaries.

    Args:
        dictionaries: your own TSV files or folders, on top of the shipped ones, lowest layer first.
        protect: words and phrases that are never edited, whatever their case.
        model: "en", "en-historical", or the path of a language model made by `restore model train`; "auto" is "en", except that the channels "ocr" and
            "spelling" read each text with the one of the two that predicts it better.
        prior: probability that a document is spun, before looking at it.
        min_probability: an edit is made when its posterior is at least this; by default 0.6, and 0.25 for the channel "ocr", where a word that is none has
            little to lose.
        assume_spun: take every text as spun: True, or the share of replaceable words that were replaced.
        gate: texts that a cheap classifier finds clean are not decoded: some thirty times faster (DESIGN.md has what it misses).
        clean: clean up first: a profile of `restore.cleanup` ("minimal", "scan", "web", "typed"), or names of its rules.
        layout: join words divided at line ends first, which makes lines fewer: True, or settings (`restore.channels.layout.Layout`).
        channels: what may have happened to a text: "substitution" (spun), "ocr" (scanned), "spelling" (typed). Scans and typing are undone first, and what they
            give is looked at for substitutions.
        vocabulary: words that "ocr" and "spelling" take as right, beside those of the language model.
        ocr_weights: weights for "ocr", made by `restore learn ocr`, in place of the shipped ones.

    Returns:
        A `Restorer`, safe to share between threads.

    Raises:
        ConfigError: a number is out of range.
        DictionaryError: bad rows in a dictionary; all are listed.
        ArtefactError: a model or compiled dictionary is missing, damaged or of another version.

    >>> import restore
    >>> restorer = restore.load()
    >>> restorer.restore("Nothing is wrong with this sentence.").edits
    ()
    """
    for name, value in (("prior", prior), ("min_probability", min_probability)):
        if value is not None and not 0 < value < 1:
            raise ConfigError(f"{name} is {value}; give a number between 0 and 1")
    if assume_spun is not None and not isinstance(assume_spun, bool) and not 0 < assume_spun <= 1:
        raise ConfigError(f"assume_spun is {assume_spun}; give True or a rate above 0 and at most 1")
    channels = (channels,) if isinstance(channels, str) else tuple(channels)
    if not channels or set(channels) - set(CHANNELS):
        raise ConfigError(f"channels are {', '.join(channels) or 'none'}; choose from {', '.join(CHANNELS)}")
    dictionaries = [dictionaries] if isinstance(dictionaries, (str, Path)) else dictionaries
    protect = [protect] if isinstance(protect, str) else protect
    rules: tuple[str, ...] = ()
    if clean:
        from restore.cleanup import select_rules

        rules = select_rules(clean) if isinstance(clean, str) else select_rules(add=clean)
    if layout is True:
        from restore.channels.layout import Layout

        layout = Layout()
    vocabulary = (vocabulary,) if isinstance(vocabulary, str) else tuple(vocabulary)
    weights = str(ocr_weights) if ocr_weights else None
    config = Config(prior, min_probability, assume_spun, tuple(protect), gate, rules, channels, vocabulary, weights)
    names = ("en", "en-historical") if model == "auto" and config.respelling else (model,)
    models = [LanguageModel(model_path(name)) for name in names]
    return Restorer(load_lexicon(dictionaries), models[0], config, layout or None, models[1:])


def model_path(name: str | Path) -> Path:
    """The file of a model: a shipped one by its name ("en"; so is "auto"), any other by its path."""
    if name == "auto":
        name = "en"
    shipped = data_path() / f"{name}.model"
    return shipped if shipped.exists() else Path(name)


class Restorer:
    """Restores and judges texts. Made by `restore.load`.

    Args:
        lexicon: compiled dictionaries.
        model: language model.
        config: settings.
        layout: settings of the layout channel; None when it is off.
        others: further language models that the channels "ocr" and "spelling" may choose.
    """

    def __init__(self, lexicon: Lexicon, model: LanguageModel, config: Config, layout: Layout | None = None, others: Sequence[LanguageModel] = ()) -> None:
        self.lexicon = lexicon
        self.model = model
        self._models = (model, *others)
        self.config = config
        assumed = config.assume_spun is not None and config.assume_spun is not False
        self.gate = Gate(data_path() / "en.gate", lexicon.watched) if config.gate and not assumed else None
        self._prior = math.log(config.prior) - math.log1p(-config.prior)
        self.layout = layout
        self._local = threading.local()
        self._wordings = Wordings(lexicon)
        phrases = {phrase: tuple(tokenize(encode(phrase), ()).hashes) for phrase in config.protect}
        for phrase, hashes in phrases.items():
            if len(hashes) > 15:
                raise ConfigError(f"protect: {phrase!r} has more than 15 words; protect a part of it")
        keys, values = build_table({hashes: 1 for hashes in phrases.values() if hashes})
        self._protected = memoryview(keys)[1:], memoryview(values), keys[0]

    def restore(self, text: str) -> Result:
        """Put the original wording back.

        Args:
            text: any string; lone surrogates are accepted.

        Returns:
            The restored text, the edits (applying them to the input gives the text) and the verdict.

        >>> import restore
        >>> result = restore.load(assume_spun=True).restore("The minister despatched a letter to the president of the group.")
        >>> [(edit.observed, edit.original) for edit in result.edits]
        [('despatched', 'sent')]
        """
        before = self.prepare(text)
        result = self._judge(edit_list.apply(text, before))
        return _of_input(text, before, result) if before else result

    def detect(self, text: str) -> Verdict:
        """Judge a text without rewriting it.

        >>> import restore
        >>> restore.load().detect("Nothing is wrong with this sentence.").spun < 0.05
        True
        """
        return self.examine(text)[0]

    def examine(self, text: str, always: bool = False) -> tuple[Verdict, list[Edit], Analysis | None]:
        """A verdict and what it rests on.

        Args:
            text: the document.
            always: analyse it even where the gate finds it clean; the verdict stays the gate's.

        Returns:
            The verdict; the edits of `prepare`; the analysis of the text after these edits, None where the gate found it clean.
        """
        before = self.prepare(text)
        now = edit_list.apply(text, before)
        verdict = self.screen(now)
        analysis = self.analyse(now) if verdict is None or always else None
        if verdict is None and analysis is not None:
            verdict = self.verdict(analysis)
        assert verdict is not None
        return _of_input(text, before, Result(now, (), verdict)).verdict if before else verdict, before, analysis

    def prepare(self, text: str) -> list[Edit]:
        """Edits of the cleanup rules and of the channels layout, ocr and spelling, as far as they are on; the engine sees the text after them."""
        edits: list[Edit] = []
        if self.config.clean:
            from restore.cleanup import clean

            edits = clean(text, self.config.clean)
        if self.layout is not None:
            from restore.channels.layout import layout

            now = edit_list.apply(text, edits)
            undone = layout(now, self.model, self.layout)
            edits = edit_list.compose(text, edits, [edit for edit in undone if edit.probability >= self.config.least("layout")])
        for channel in self.config.respelling:
            edits = edit_list.compose(text, edits, self._respell(channel, edit_list.apply(text, edits)))
        return edits

    def pipe(self, texts: Iterable[str], threads: int = 1) -> Iterator[Result]:
        """Restore many texts, in order.

        Args:
            texts: documents; about a million characters a thread are read ahead.
            threads: of them share the opened models; the results do not depend on their number.

        >>> import restore
        >>> [result.verdict.words for result in restore.load().pipe(["One text.", "Another short text."], threads=2)]
        [2, 3]
        """

        def run(texts: list[str]) -> list[Result]:
            before = self._prepare_all(texts)
            now = [edit_list.apply(text, before[d]) if d in before else text for d, text in enumerate(texts)] if before else texts
            judged = self._judge_all(*join(now), True, now)
            return [_of_input(texts[d], before[d], judged.result(d, text)) if d in before else judged.result(d, text) for d, text in enumerate(now)]

        for results in ordered_map(run, group(texts), threads):
            yield from results

    def batch(self, data: Any, offsets: array[int], rewrite: bool = True) -> Batch:
        """Restore the documents of one contiguous buffer, as Arrow lays strings out.

        Args:
            data: UTF-8 bytes of all documents (bytes or any buffer).
            offsets: document d is data[offsets[d] : offsets[d + 1]] (an array of 64-bit integers).
            rewrite: make edits; otherwise only the verdicts are given.

        >>> import restore
        >>> from array import array
        >>> batch = restore.load(assume_spun=True).batch(b"They despatched a letter to the president.No more.", array("q", [0, 42, 50]))
        >>> batch.data, list(batch.offsets)
        (b'They sent a letter to the president.No more.', [0, 36, 44])
        """
        view = memoryview(data)
        texts = [decode(view[start:end]) for start, end in pairwise(offsets)] if self._prepares else []
        before = self._prepare_all(texts)
        if not before:
            judged = self._judge_all(data, offsets, rewrite)
        else:
            now = [edit_list.apply(text, before.get(d, ())) for d, text in enumerate(texts)]
            judged = self._judge_all(*join(now), rewrite, now)
            for d, edits in before.items():
                result = _of_input(texts[d], edits, judged.result(d, now[d]))
                judged.results[d] = result if rewrite else Result(texts[d], (), result.verdict)
        changed = {d: judged.results[d].text for d in sorted(judged.results) if rewrite and judged.results[d].changed}
        return Batch(*replace_documents(data, offsets, changed), judged.spun, judged.log_bayes_factor, judged.rate, judged.words, judged.results)

    @property
    def _prepares(self) -> bool:
        """Whether `prepare` does anything."""
        return bool(self.config.clean or self.layout is not None or self.config.respelling)

    def _prepare_all(self, texts: Sequence[str]) -> dict[int, list[Edit]]:
        """The edits of `prepare` of texts that have any, by number."""
        return {d: edits for d, text in enumerate(texts) if (edits := self.prepare(text))} if self._prepares else {}

    def _judge_all(self, data: Any, offsets: array[int], rewrite: bool, texts: Sequence[str] = ()) -> _Judged:
        """Judge prepared documents, and restore those that pass the gate.

        Args:
            data, offsets, rewrite: as for `batch`.
            texts: the documents, where they are at hand.
        """
        view, n = memoryview(data), len(offsets) - 1
        judged = _Judged(zeros("d", n), zeros("d", n), zeros("d", n), zeros("q", n), {})
        passing: Iterable[int] = range(n)
        if self.gate is not None:
            judged.words, excess = self._screen(self.gate, view, offsets)
            judged.log_bayes_factor = array("d", map(gate_evidence, excess, judged.words))
            judged.spun = array("d", map(self._posterior, judged.log_bayes_factor))
            passing = (d for d in range(n) if excess[d] > 0)
        for d in passing:
            start, end = offsets[d], offsets[d + 1]
            document = data if isinstance(data, bytes) and end - start == len(data) else bytes(view[start:end])
            text = texts[d] if texts else decode(document)
            result = self._restore(text, document) if rewrite else Result(text, (), self.verdict(self.analyse(text, document)))
            judged.put(d, result)
        return judged

    def _judge(self, text: str) -> Result:
        data = encode(text)
        verdict = self._screen_one(data)
        return Result(text, (), verdict) if verdict else self._restore(text, data)

    def screen(self, text: str) -> Verdict | None:
        """The verdict on a prepared text that the gate finds clean; None on any other."""
        return self._screen_one(encode(text))

    def _screen_one(self, data: bytes) -> Verdict | None:
        if self.gate is None:
            return None
        words, excess = self._screen(self.gate, memoryview(data), array("q", [0, len(data)]))
        return None if excess[0] > 0 else self._clean_verdict(gate_evidence(excess[0], words[0]), words[0])

    @staticmethod
    def _screen(gate: Gate, view: memoryview, offsets: array[int]) -> tuple[array[int], array[float]]:
        """What the gate says of documents; of those with hidden words, what it says once they are seen."""
        words, excess = gate.screen(view, offsets)
        first, n = 0, len(offsets) - 1
        while first < n:
            # Short documents some at a time, since few hide anything.
            last = max(first + 1, bisect_right(offsets, offsets[first] + PIECE) - 1)
            if last == first + 1 or may_hide(bytes(view[offsets[first] : offsets[last]])):
                for d in range(first, last):
                    seen, *found = _see_through(view[offsets[d] : offsets[d + 1]], hidden=True)
                    if any(found):
                        (words[d],), (excess[d],) = gate.screen(seen, array("q", [0, len(seen)]))
            first = last
        return words, excess

    def _clean_verdict(self, log_bayes_factor: float, words: int) -> Verdict:
        return Verdict(self._posterior(log_bayes_factor), log_bayes_factor, 0.0, 0, words)

    def _posterior(self, log_bayes_factor: float) -> float:
        return logistic(log_bayes_factor + self._prior)

    def _restore(self, text: str, data: bytes) -> Result:
        if "substitution" not in self.config.channels:
            return Result(text, (), self._clean_verdict(0.0, len(text.split())))
        analysis = self.analyse(text, data)
        if analysis.belief.known < self.config.least("substitution"):
            # No edit is surer than that its text is spun.
            return Result(text, (), self.verdict(analysis))
        rewrite = self._rewrite(analysis)
        verdict = self.verdict(analysis, rewrite)
        if not rewrite:
            return Result(text, (), verdict)
        # The text keeps its letters that only look Latin; the data has them replaced.
        restored = edit_list.apply(text, rewrite.edits(text)) if analysis.lookalikes else rewrite.text()
        return Result(restored, lambda: rewrite.edits(text), verdict)

    def analyse(self, text: str, data: bytes | None = None) -> Analysis:
        """The first pass over a text: its evidence, and the belief that follows from it.

        Args:
            text: prepared.
            data: the text in UTF-8, where it is at hand.
        """
        data = encode(text) if data is None else data
        seen, lookalikes, invisible = _see_through(data)
        data = seen or data
        locked = locked_spans(data)
        if self.lexicon.has_conditions:
            now = decode(data) if seen else text
            locked = sorted([*locked, *((len(encode(now[:start])), len(encode(now[:end]))) for start, end in self.lexicon.unmet(now))])
        opaque = opaque_spans(data)
        analysis = Analysis(self, text, data, opaque, locked)
        analysis.lookalikes, analysis.invisible = lookalikes, invisible
        analysis.score()
        return analysis

    def lattice(self, data: bytes, opaque: Sequence[tuple[int, int]] = (), locked: Sequence[tuple[int, int]] = ()) -> Lattice:
        """The lattice of one piece of text: tokens, protection, candidates.

        Args:
            data: UTF-8.
            opaque, locked: byte spans that are one token, and spans that are not edited.
        """
        tokens = self._tokens(data, opaque, locked)
        ids, lines = self.model.ids(memoryview(tokens.norms), len(tokens)), split_lines(tokens)
        lock_foreign(tokens, lines, ids, self.model)
        return build_lattice(tokens, lines, ids, self.lexicon, self.model)

    def _tokens(self, data: bytes, opaque: Sequence[tuple[int, int]], locked: Sequence[tuple[int, int]]) -> Tokens:
        """Tokens, with whatever is protected locked."""
        tokens = tokenize(data, opaque)
        lock_phrases(tokens, self.lexicon.protected_keys, self.lexicon.protected_values, self.lexicon.capacities["protected"])
        if self.config.protect:
            lock_phrases(tokens, *self._protected)
        for start, end in locked:
            i = bisect_right(tokens.ends, start)
            while i < len(tokens) and tokens.starts[i] < end:
                tokens.flags[i] |= LOCKED
                i += 1
        return tokens

    @cached_property
    def hypotheses(self) -> Hypotheses:
        """What may have happened to a text."""
        return Hypotheses.make(self.lexicon.families, self.config.assume_spun)

    @cached_property
    def neighbours(self) -> Neighbours | None:
        """The table of near-synonyms, opened when the first text passes the gate; None where texts are taken as spun."""
        return None if is_given(self.config.assume_spun) else Neighbours(data_path() / "en.near", self.model)

    def decoder(self) -> Decoder:
        """This thread's decoder."""
        decoder: Decoder | None = getattr(self._local, "decoder", None)
        if decoder is None:
            n_families = len(self.lexicon.families)
            decoder = self._local.decoder = Decoder(self.model, n_families, n_families * len(THETAS))
        return decoder

    def _respell(self, channel: str, text: str) -> list[Edit]:
        """Edits of a channel that works on characters."""
        from restore.respell import Respeller, better_model

        data = encode(text)
        locked, opaque = locked_spans(data), opaque_spans(data)
        model = better_model(self._models, data)
        stages: dict[tuple[str, Path], Respeller] = self._local.__dict__.setdefault("stages", {})
        if (channel, model.path) not in stages:
            stages[channel, model.path] = Respeller.load(model, channel, self.config.vocabulary, self.config.ocr_weights)
        least = self.config.least(channel)
        edits, before = list[Edit](), 0
        for start, end in cut(data, SECTION):
            tokens = self._tokens(data[start:end], _inside(opaque, start, end), _inside(locked, start, end))
            ids, lines = model.ids(memoryview(tokens.norms), len(tokens)), split_lines(tokens)
            lock_foreign(tokens, lines, ids, model, SCAN_AROUND, SCAN_SHARE)
            found = stages[channel, model.path].edits(tokens, lines, ids, least)
            edits += [replace(edit, start=before + edit.start, end=before + edit.end) for edit in found] if before else found
            before += len(tokens.text.decode("utf-8", "surrogatepass"))
        return edits

    def _rewrite(self, analysis: Analysis) -> Rewrite:
        """The second pass over a text."""
        decoder, belief = self.decoder(), analysis.belief
        odds = edit_odds(belief.families(self.lexicon.families))
        rewrite = Rewrite(analysis.data, self._wordings, belief.known, odds, self.config.least("substitution"))
        for chunk, graph in analysis.graphs():
            rewrite.add(chunk.start, graph.lattice, *decoder.backward(graph, belief.lanes, belief.weights), *analysis.sentences(chunk))
        return rewrite

    def verdict(self, analysis: Analysis, rewrite: Rewrite | None = None) -> Verdict:
        """The verdict on an analysed text; its evidence names the strongest of the edits."""
        belief = analysis.belief
        strongest = rewrite.strongest(EVIDENCE) if rewrite else ()
        counts = (analysis.lookalikes, "letters of other scripts that look Latin"), (analysis.invisible, "invisible characters inside words")
        hidden = tuple(f"{count} {what}" for count, what in counts if count)
        return Verdict(
            spun=belief.spun,
            log_bayes_factor=belief.log_bayes_factor,
            rate=belief.rate,
            sites=analysis.sites,
            words=analysis.words,
            families=belief.families(self.lexicon.families),
            segments=tuple(analysis.segments()) if belief.spun >= 0.5 else (),
            evidence=hidden + tuple([f"{observed!r} for {original!r} ({p:.2f})" for observed, original, p in strongest]),
        )


@dataclass
class _Judged:
    """Documents on their way to a `Batch`; the attributes are the same."""

    spun: array[float]
    log_bayes_factor: array[float]
    rate: array[float]
    words: array[int]
    results: dict[int, Result]

    def put(self, d: int, result: Result) -> None:
        """Take the result of a document that was decoded."""
        verdict = result.verdict
        self.spun[d], self.log_bayes_factor[d], self.rate[d], self.words[d] = verdict.spun, verdict.log_bayes_factor, verdict.rate, verdict.words
        self.results[d] = result

    def result(self, d: int, text: str) -> Result:
        """The result of any document, given its text."""
        return self.results.get(d) or Result(text, (), Verdict(self.spun[d], self.log_bayes_factor[d], 0.0, 0, self.words[d]))


def _see_through(data: bytes | memoryview, hidden: bool = False) -> tuple[bytes, int, int]:
    """A document with Latin letters for those that only look so, how many there were, and how many invisible characters stood inside words.

    Args:
        data: the document.
        hidden: leave these out; otherwise they stay, and so do the offsets of characters.

    Returns:
        The document, or b"" where nothing was changed; and the two numbers.
    """
    if isinstance(data, bytes) and data.isascii():
        return b"", 0, 0
    pieces: list[bytes | memoryview] = []
    last = lookalikes = invisible = 0
    view = memoryview(data)
    for start, end in cut(data, PIECE):
        piece = bytes(view[start:end])
        if may_hide(piece):
            seen, count = see_through(decode(piece))
            bare, gone = without_hidden(seen)
            lookalikes += count
            invisible += gone
            if count or (hidden and gone):
                pieces += view[last:start], encode(bare if hidden else seen)
                last = end
    return b"".join([*pieces, view[last:]]) if pieces else b"", lookalikes, invisible


def _of_input(text: str, before: Sequence[Edit], result: Result) -> Result:
    """A result for a text that edits have changed, with edits and segments of that text."""

    def offset(at: int) -> int:
        return edit_list.input_offset(before, at)

    segments = tuple(replace(segment, start=offset(segment.start), end=offset(segment.end)) for segment in result.verdict.segments)
    return Result(result.text, tuple(edit_list.compose(text, before, result.edits)), replace(result.verdict, segments=segments))


def lock_foreign(tokens: Tokens, lines: Lines, ids: array[int], model: LanguageModel, around: int = 0, share: float = FOREIGN_SHARE) -> None:
    """Lock lines that are not in the model's language: too few of their words are everyday words of it.

    Args:
        tokens, lines, ids: the text.
        around: so many lines before and after a line are counted with it.
        share: what is too few.
    """
    n = len(lines)
    scratch = zeros("i", n + 1), zeros("i", n + 1)
    kernels.lock_foreign(ids, tokens.flags, model.unigrams, EVERYDAY, lines.bounds, n, around, FOREIGN_WORDS, share, *scratch)


class Chunk(NamedTuple):
    """A piece of a document.

    Attributes:
        start, end: bytes of the document.
        first: number of its first sentence.
        spans: where its sentences begin, bytes of the piece, and its end.
    """

    start: int
    end: int
    first: int = 0
    spans: array[int] = array("i")


class Analysis:
    """One document on its way: evidence by chunk and sentence, and the belief it gives."""

    belief: Belief
    #: Letters of other scripts that stood for Latin ones; `data` has them replaced, character by character, and `text` has not.
    lookalikes = 0
    #: Invisible characters inside words.
    invisible = 0

    def __init__(self, restorer: Restorer, text: str, data: bytes, opaque: list[tuple[int, int]], locked: list[tuple[int, int]]) -> None:
        self.text = text
        self.data = data
        self.sites = self.words = 0
        self._restorer = restorer
        self._opaque = opaque
        self._locked = locked
        self._chunks = [Chunk(start, end) for start, end in cut(data)]
        self._kept: dict[int, Graph] = {}

    def score(self) -> None:
        """The first pass: evidence for every lane, sentence by sentence, and the belief that follows from it."""
        restorer, config = self._restorer, self._restorer.config
        hypotheses = restorer.hypotheses
        lanes, repeats, neighbours = hypotheses.lanes, Repeats(), restorer.neighbours
        kept = len(self.data) <= KEEP_GRAPHS
        self.units = units = Units(hypotheses, light=not kept)
        for k, chunk in enumerate(self._chunks):
            _, token_z, graph = self._forward(chunk, lanes)
            lattice = graph.lattice
            if kept:
                self._kept[chunk.start] = graph
            self.sites += lattice.sites
            sentences = split_lines(lattice.tokens, NEWLINES_MASK | SENTENCE_START)
            self._chunks[k] = chunk._replace(first=len(units), spans=sentences.spans)
            weights = repeats.weigh(lattice.tokens.hashes)
            odd = neighbours.look(lattice).tally(weights, sentences.bounds) if neighbours else None
            units.measure(token_z, weights, lattice.tokens.flags, sentences.bounds, odd)
        self.words = units.sums.words
        self.belief = believe(units, config.prior, config.assume_spun)

    def graphs(self) -> Iterator[tuple[Chunk, Graph]]:
        """For the second pass."""
        for chunk in self._chunks:
            yield chunk, self._kept.get(chunk.start) or self._forward(chunk, self.belief.lanes).graph

    @cached_property
    def _judged(self) -> tuple[array[float], array[float]]:
        """The probability of each sentence that it is spun, given that the document is, and its rate; none where texts are taken as spun."""
        return (array("d"), array("d")) if is_given(self._restorer.config.assume_spun) else unit_probabilities(self.belief, self.units)

    def sentences(self, chunk: Chunk) -> tuple[array[int], array[float]]:
        """Where the sentences of a piece begin, and how likely each is spun, given that the document is; none where texts are taken as spun."""
        spun, _ = self._judged
        n = len(chunk.spans) - 1 if spun else 0
        return chunk.spans[:n], spun[chunk.first : chunk.first + n]

    def unit_spun(self, chunk: Chunk, offset: int) -> float:
        """Probability, given that the document is spun, that the sentence at a byte offset of a chunk is."""
        starts, spun = self.sentences(chunk)
        k = bisect_right(starts, offset) - 1
        return spun[k] if k >= 0 else 1.0

    def segments(self) -> Iterator[Segment]:
        """Maximal runs of sentences that are more likely spun than not, or not; offsets in characters. Where the rows see none, it is one segment."""
        if self.belief.known < self._restorer.config.prior:
            yield Segment(0, len(self.text), round(self.belief.rate, 4), round(self.belief.spun, 6))
            return
        judged = self._judged
        n = len(judged[0])
        starts, ends, spans, means = array("q"), array("q"), zeros("q", 2 * n), zeros("d", 2 * n)
        for chunk in self._chunks:
            places = [chunk.start + at for at in chunk.spans]
            starts.extend(places[:-1])
            ends.extend(places[1:])
        count = kernels.find_runs(*judged, starts, ends, n, spans, means)
        offsets = CharacterOffsets(self.text, self.data)
        for k in range(0, 2 * count, 2):
            yield Segment(*offsets(spans[k], spans[k + 1]), round(means[k], 4), round(means[k + 1] * self.belief.spun, 6))

    def _forward(self, chunk: Chunk, lanes: Lanes) -> Forward:
        start, end, restorer = chunk.start, chunk.end, self._restorer
        lattice = restorer.lattice(self.data[start:end], _inside(self._opaque, start, end), _inside(self._locked, start, end))
        # A term put together from words says what stood there once the text is known to be spun; to prove that it is, the words must speak for themselves.
        return restorer.decoder().forward(lattice, lanes, terms=is_given(restorer.config.assume_spun))


def _inside(spans: Sequence[tuple[int, int]], start: int, end: int) -> list[tuple[int, int]]:
    """The parts of sorted spans that lie in a piece, as offsets into the piece."""
    found = []
    at = bisect_right(spans, start, key=itemgetter(1))
    while at < len(spans) and spans[at][0] < end:
        found.append((max(spans[at][0], start) - start, min(spans[at][1], end) - start))
        at += 1
    return found


def cut(data: bytes | memoryview, size: int = 0) -> Iterator[tuple[int, int]]:
    """Pieces of at most `size` bytes (CHUNK when 0), cut where context matters least."""
    size = size or CHUNK
    start = 0
    while len(data) - start > size:
        end = start + size
        middle = start + size // 2
        window = bytes(data[middle:end])
        for mark in (b"\n\n", b"\n\r\n", b"\n", b". ", b" "):
            at = window.rfind(mark)
            if at >= 0:
                end = middle + at + len(mark)
                break
        else:
            while data[end] & 0xC0 == 0x80 and end > start + size - 4:
                end -= 1
        yield start, end
        start = end
    if start < len(data) or not data:
        yield start, len(data)
