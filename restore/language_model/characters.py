"""A character trigram model for the spelling of unknown words, so that a name is not taken for garbage."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

#: 0 boundary, 1–26 a–z, 27–36 digits, 37 apostrophe, 38 ".", 39 anything else.
SYMBOLS = 40
#: A byte of the table is the negative natural log of a probability times this.
SCALE = 16

_OTHER = 39
_PLACES = {
    **{chr(ord("a") + i): 1 + i for i in range(26)},
    **{chr(ord("0") + i): 27 + i for i in range(10)},
    "'": 37,
    ".": 38,
    "\n": 0,
}


def character_table(words: Sequence[str]) -> npt.NDArray[np.uint8]:
    """Train the model on word types, each once.

    Args:
        words: normal forms, none empty and none with a line break.

    Returns:
        uint8[40·40·40]: ``table[a·1600 + b·40 + c] = min(255, round(−16 ln P(c | a, b)))``. A word is read with two boundaries before it and
        one after.
    """
    trigrams = np.zeros(SYMBOLS**3)
    if words:
        symbols = _symbols("\n\n" + "\n\n".join(words) + "\n")
        a, b, c = symbols[:-2], symbols[1:-1], symbols[2:]
        real = (b != 0) | (c != 0)  # the second of two boundaries is not part of a word
        trigrams += np.bincount((a * SYMBOLS**2 + b * SYMBOLS + c)[real], minlength=SYMBOLS**3)
    cube = trigrams.reshape(SYMBOLS, SYMBOLS, SYMBOLS)
    # Witten–Bell interpolation down to a uniform distribution (Chen & Goodman 1998, section 2.5).
    p: npt.NDArray[np.float64] = np.full(SYMBOLS, 1 / SYMBOLS)
    for counts in (cube.sum(axis=(0, 1)), cube.sum(axis=0), cube):
        total = counts.sum(axis=-1, keepdims=True)
        kinds = (counts > 0).sum(axis=-1, keepdims=True)
        p = np.where(total > 0, (counts + kinds * p) / np.maximum(total + kinds, 1), p)
    return np.minimum(255, np.round(-SCALE * np.log(p))).astype(np.uint8).ravel()


def _symbols(text: str) -> npt.NDArray[np.int64]:
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    places = np.full(128, _OTHER, dtype=np.int64)
    for character, place in _PLACES.items():
        places[ord(character)] = place
    ascii_codes = np.minimum(codes, 127)
    return np.where(codes < 128, places[ascii_codes], _OTHER)
