"""Write dictionaries/inflections.tsv: the inflections that the rules of restore.lexicon.inflection get wrong.

Needs LemmInflect (MIT licence; its data derive from the SPECIALIST Lexicon of the U.S. National Library of Medicine).
Run: pip install lemminflect && python tools/make_inflections.py LEMMAS…
LEMMAS are files with a lemma in the first tab-separated column, in addition to the lemmas of the dictionaries.
"""

from __future__ import annotations

import sys
from pathlib import Path

from lemminflect import getInflection

from restore.lexicon.inflection import _plural, _verb
from restore.lexicon.rows import find_files, read_files

ROOT = Path(__file__).parent.parent / "dictionaries"
# LemmInflect's first choice is not the everyday one, or a noun's plural is rarer than the noun itself.
OVERRIDES = {
    ("be", "v"): ("is", "was", "been", "being"),
    ("have", "v"): ("has", "had", "had", "having"),
    ("person", "n"): ("people",),
    ("data", "n"): ("data",),
    ("bus", "n"): ("buses",),
    ("bring", "v"): ("brings", "brought", "brought", "bringing"),
    ("focus", "v"): ("focuses", "focused", "focused", "focusing"),
    ("get", "v"): ("gets", "got", "got", "getting"),
    ("lie", "v"): ("lies", "lay", "lain", "lying"),
    ("program", "v"): ("programs", "programmed", "programmed", "programming"),
    ("travel", "v"): ("travels", "traveled", "traveled", "traveling"),
    ("cancel", "v"): ("cancels", "canceled", "canceled", "canceling"),
    ("sew", "v"): ("sews", "sewed", "sewn", "sewing"),
    ("show", "v"): ("shows", "showed", "shown", "showing"),
    ("prove", "v"): ("proves", "proved", "proved", "proving"),
    ("hit", "v"): ("hits", "hit", "hit", "hitting"),
    ("quit", "v"): ("quits", "quit", "quit", "quitting"),
    ("fit", "v"): ("fits", "fit", "fit", "fitting"),
    ("wed", "v"): ("weds", "wed", "wed", "wedding"),
}
SAME_PLURAL = frozenset(
    "aircraft sheep deer fish salmon trout cod series species means headquarters crossroads offspring staff data personnel".split()  # noqa: SIM905
)


def main() -> None:
    lemmas: dict[str, set[str]] = {pos: set() for pos in "nvar"}
    for file in read_files(find_files([ROOT])):
        for row in file.rows:
            for side in (row.observed, row.original):
                if row.pos in "ar":
                    lemmas[row.pos].add(side)
                elif row.pos != "x":
                    lemmas[row.pos].add(side.split()[-1 if row.pos == "n" else 0])
    for path in sys.argv[1:]:
        for line in Path(path).read_text(encoding="utf-8").splitlines():
            for pos in lemmas:
                lemmas[pos].add(line.split("\t")[0])
    rows = []
    for pos, words in lemmas.items():
        for word in words:
            forms = OVERRIDES.get((word, pos)) or inflect(word, pos)
            regular = (_plural(word),) if pos == "n" else _verb(word) if pos == "v" else ()
            if forms and forms != regular:
                rows.append("\t".join((word, pos, *forms)))
    text = (
        "# lemma, pos, forms (n plural; v third person, past, participle, gerund; a and r comparative, superlative) where the rules do not give them.\n"
        "# Made by tools/make_inflections.py from LemmInflect (MIT), whose data derive from the SPECIALIST Lexicon (U.S. National Library of Medicine).\n"
    )
    (ROOT / "inflections.tsv").write_text(text + "\n".join(sorted(rows)) + "\n", encoding="utf-8")
    print(len(rows), "rows")


def inflect(word: str, pos: str) -> tuple[str, ...]:
    if not word.isalpha():
        return ()
    if pos == "n":
        forms = known(word, ("NNS",))
        # LemmInflect gives mass nouns their singular; spinners pluralise them all the same.
        return forms if forms != (word,) or word in SAME_PLURAL else ()
    if pos == "v":
        return known(word, ("VBZ", "VBD", "VBN", "VBG"))
    return known(word, ("JJR", "JJS") if pos == "a" else ("RBR", "RBS"))


def known(word: str, tags: tuple[str, ...]) -> tuple[str, ...]:
    forms = [getInflection(word, tag=tag, inflect_oov=False) for tag in tags]
    return tuple(options[0] for options in forms) if all(forms) else ()


if __name__ == "__main__":
    main()
