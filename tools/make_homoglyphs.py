"""Write restore/cleanup/homoglyphs.tsv: Cyrillic and Greek letters that look like Latin ones.

Facts from Unicode's confusables.txt (Unicode Technical Standard 39; Unicode licence), by way of the package confusable-homoglyphs (MIT).
Run: pip install confusable-homoglyphs && python tools/make_homoglyphs.py
"""

from __future__ import annotations

import json
import string
import unicodedata
from pathlib import Path

import confusable_homoglyphs

OUTPUT = Path(__file__).parents[1] / "restore" / "cleanup" / "homoglyphs.tsv"
#: Letters that a reader of ordinary type can tell from the Latin one: they need more evidence than the others.
SIMILAR = set("αγινρσυгҽүѡЬᴦꙇ")
#: confusables.txt puts I, l, 1 and their doubles in one class, and b with the capital soft sign; the shape says more.
BY_SHAPE = {"Ι": "I", "І": "I", "Ӏ": "I", "ӏ": "l"}


def main() -> None:
    """Write the table."""
    data = json.loads((Path(confusable_homoglyphs.__file__).parent / "confusables.json").read_text(encoding="utf-8"))
    rows: dict[str, str] = {}
    for latin in string.ascii_letters:
        for entry in data.get(latin, ()):
            letter = entry["c"]
            name = unicodedata.name(letter, "") if len(letter) == 1 else ""
            if name.startswith(("CYRILLIC", "GREEK")) and "LETTER" in name:
                rows.setdefault(letter, latin)
    rows.update(BY_SHAPE)
    with OUTPUT.open("w", encoding="utf-8", newline="\n") as file:
        file.write(
            "# Made by tools/make_homoglyphs.py from Unicode's confusables.txt; do not edit. Shape: identical, or similar (told apart in ordinary type).\n"
        )
        file.write("letter\tlatin\tshape\tname\n")
        for letter, latin in sorted(rows.items()):
            file.write(f"{letter}\t{latin}\t{'similar' if letter in SIMILAR else 'identical'}\t{unicodedata.name(letter)}\n")


if __name__ == "__main__":
    main()
