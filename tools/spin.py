"""Spin clean text by the dictionaries' own channel: test data whose truth is known.

A word w is replaced with probability RATE · s_w, by o with probability q(o | w); articles stay as they stood, names are mostly spared.
Run: python tools/spin.py [--family thesaurus] [--rate 0.6] [--seed 1] < clean.txt > spun.txt
With --mark it writes [[observed=>original]], as `restore evaluate` reads it.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import defaultdict
from collections.abc import Sequence
from itertools import accumulate

from restore.casing import fit_case
from restore.lexicon import File, data_path, find_files, read_files
from restore.lexicon.build import add_counts, channel_weights, collect
from restore.lexicon.inflection import Inflector
from restore.records import Edit
from restore.report.text import mark
from restore.tokenizer import CAPITALISED, CASE_MASK, KIND_MASK, NEWLINES_MASK, OPAQUE, SENTENCE_START, encode, opaque_spans, tokenize

#: Capitalised words inside sentences are names more often than not, and are replaced at this share of the rate.
NAMES = 0.35


class Spinner:
    """A spinner of each family.

    Args:
        files: dictionary files, as `read_files` returns them.
    """

    def __init__(self, files: Sequence[File]) -> None:
        pairs, kept, counts = collect(files, Inflector(data_path() / "inflections.tsv"))
        self.families = sorted({file.family for file in files})
        scores, keep = channel_weights(pairs, kept, self.families)
        if counts:
            add_counts(scores, keep, counts, self.families)
        choices: dict[str, dict[str, list[tuple[float, str]]]] = {family: defaultdict(list) for family in self.families}
        self._longest = 1
        for (observed, original), weights in scores.items():
            self._longest = max(self._longest, original.count(" ") + 1)
            for family, weight in zip(self.families, weights, strict=True):
                if weight:
                    choices[family][original].append((weight, observed))
        self._choices = {
            family: {w: (list(accumulate(p for p, _ in rows)), [o for _, o in rows]) for w, rows in by_original.items()}
            for family, by_original in choices.items()
        }

    def spin(self, text: str, family: str, rate: float, chance: random.Random) -> tuple[str, list[Edit]]:
        """A spun text, and the edits that undo it."""
        tokens = tokenize(encode(text), opaque_spans(encode(text)))
        choices = self._choices[family]
        data, pieces, edits = tokens.text, list[str](), list[Edit]()
        last = length = i = 0
        while i < len(tokens):
            step = 1
            for size in range(min(self._longest, len(tokens) - i), 0, -1):
                flags = tokens.flags[i : i + size]
                if any(flag & KIND_MASK == OPAQUE for flag in flags) or any(flag & NEWLINES_MASK for flag in flags[1:]):
                    continue
                start, end = tokens.starts[i], tokens.ends[i + size - 1]
                surface = data[start:end].decode("utf-8", "surrogatepass")
                found = choices.get(surface.replace("’", "'")) or choices.get(surface.replace("’", "'").lower())
                if found is None:
                    continue
                name = flags[0] & CASE_MASK == CAPITALISED and not flags[0] & SENTENCE_START and i > 0
                sums, observed = found
                if chance.random() < rate * min(1.0, sums[-1]) * (NAMES if name else 1.0):
                    written = fit_case(surface, chance.choices(observed, cum_weights=sums)[0])
                    before = data[last:start].decode("utf-8", "surrogatepass")
                    length += len(before)
                    pieces += [before, written]
                    edits.append(Edit(length, length + len(written), written, surface, "substitution", 1.0))
                    length += len(written)
                    last, step = end, size
                    break
            i += step
        pieces.append(data[last:].decode("utf-8", "surrogatepass"))
        return "".join(pieces), edits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", default="thesaurus", help="a folder of dictionaries/ (default: thesaurus)")
    parser.add_argument("--rate", type=float, default=0.6, help="share of replaceable words that is replaced (default: 0.6)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mark", action="store_true", help="mark the changes: [[observed=>original]]")
    args = parser.parse_args()
    spinner = Spinner(read_files(find_files([data_path()]), shipped=True))
    if args.family not in spinner.families:
        parser.error(f"no family {args.family!r}; there are {', '.join(spinner.families)}")
    text, edits = spinner.spin(sys.stdin.read(), args.family, args.rate, random.Random(args.seed))
    sys.stdout.write(mark(text, edits) if args.mark else text)


if __name__ == "__main__":
    main()
