"""Write restore/unicode.bin: character classes and simple case folding, as a two-stage table.

Checked in so that every Python version tokenises alike (`str.lower` and `unicodedata` differ between versions).
Layout: uint16[4352] block number by code point >> 8, then uint32[blocks * 256]: (folded - code point mod 2**24) << 8 | class.
(The difference, not the folded code point, so that blocks repeat: 4.4 MB become 0.1.)
Run: python tools/make_unicode_table.py (it records the Unicode version in restore/tokenizer.py's UNICODE_VERSION: update that by hand).
"""

from __future__ import annotations

import array
import unicodedata
from pathlib import Path

SPACE, LETTER, MARK, DIGIT, OTHER, IGNORABLE, APOSTROPHE, NEWLINE = range(8)


def classify(character: str) -> int:
    if character in "\n\v\f\r\x85\u2028\u2029":
        return NEWLINE
    if character in "'\u2019\u02bc\uff07\u2018\u201b":
        return APOSTROPHE
    category = unicodedata.category(character)
    if category == "Cf" or character == "\u034f":
        return IGNORABLE
    if category[0] == "L":
        return LETTER
    if category[0] == "M":
        return MARK
    if category == "Nd":
        return DIGIT
    if category[0] == "N":
        return LETTER if category == "Nl" else OTHER
    if category[0] == "Z" or category == "Cc":
        return SPACE
    return OTHER


def fold(character: str) -> int:
    if classify(character) == APOSTROPHE:
        return ord("'")
    lower = character.lower()
    return ord(lower) if len(lower) == 1 else ord(character)


def build() -> bytes:
    stage1, blocks, seen = array.array("H"), array.array("I"), {}
    for high in range(0x110000 >> 8):
        block = array.array("I", (((fold(chr(c)) - c) & 0xFFFFFF) << 8 | classify(chr(c)) for c in range(high << 8, (high + 1) << 8)))
        key = block.tobytes()
        if key not in seen:
            seen[key] = len(seen)
            blocks.extend(block)
        stage1.append(seen[key])
    return stage1.tobytes() + blocks.tobytes()


if __name__ == "__main__":
    target = Path(__file__).parent.parent / "restore" / "unicode.bin"
    target.write_bytes(build())
    print(target, target.stat().st_size, "bytes, Unicode", unicodedata.unidata_version)
