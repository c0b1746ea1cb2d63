# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""The gate's hot loop (see `restore.gate`): words of UTF-8 bytes, hashed alone and in pairs, looked up in a table of log odds.

Plain Python that Cython compiles; the conventions are those of `restore.kernels`.
"""

import cython

COMPILED = cython.compiled

PRIME = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)
MIXER = cython.declare(cython.ulonglong, 0xC2B2AE3D27D4EB4F)
MASK = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)

# Classes of bytes in the table `fold`; anything from LETTER on is a letter or digit, and the value is what is hashed.
BLANK = cython.declare(cython.int, 0)
MARK = cython.declare(cython.int, 1)
APOSTROPHE = cython.declare(cython.int, 2)
LEAD = cython.declare(cython.int, 3)
LETTER = cython.declare(cython.int, 4)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _is_watched(feature: cython.uint, watched: cython.const[cython.uint][::1], mask: cython.uint) -> cython.int:
    """Whether a feature is in an open-addressing table of mask + 1 slots, a power of two, of which one at least is empty (0), so that every search ends."""
    slot: cython.uint = feature & mask
    while watched[slot] != 0:
        if watched[slot] == feature:
            return 1
        slot = (slot + 1) & mask
    return 0


def screen(
    text: cython.const[cython.uchar][::1],
    offsets: cython.const[cython.longlong][::1],
    n_documents: cython.Py_ssize_t,
    fold: cython.const[cython.uchar][::1],
    weights: cython.const[cython.schar][::1],
    shift: cython.int,
    watched: cython.const[cython.uint][::1],
    bonus: cython.int,
    peaks: cython.longlong[::1],
    words: cython.longlong[::1],
    features: cython.uint[::1],
) -> cython.Py_ssize_t:
    """Cheap scores of documents.

    A word's score is the weight of its hash and that of the hash of it and the word before; a document's peak is the largest sum of any run of words
    (Kadane's algorithm; Bentley 1984).

    Args:
        text: UTF-8 of all documents; document d is text[offsets[d] : offsets[d + 1]].
        offsets: n_documents + 1 rising offsets, none beyond the text.
        fold: 256 classes of bytes.
        weights: 2 ** (64 - shift) log odds.
        watched: table of features (`_is_watched`) whose weight is at least `bonus`; may be empty.
        peaks, words: results, n_documents each.
        features: when not empty, gets two numbers a word, of which the upper 64 - shift bits number the weight; at least twice as long as the text then.

    Returns:
        The number of features written.
    """
    d: cython.Py_ssize_t
    i: cython.Py_ssize_t
    end: cython.Py_ssize_t
    written: cython.Py_ssize_t = 0
    wants: cython.int = 1 if len(features) > 0 else 0
    value: cython.int
    key: cython.ulonglong
    before: cython.ulonglong
    pair: cython.ulonglong
    score: cython.longlong
    running: cython.longlong
    peak: cython.longlong
    count: cython.longlong
    first: cython.int
    second: cython.int
    mask: cython.uint = len(watched) - 1 if len(watched) > 0 else 0
    watches: cython.int = 1 if len(watched) > 0 else 0
    with cython.nogil:
        for d in range(n_documents):
            i = offsets[d]
            end = offsets[d + 1]
            before = 0
            running = peak = count = 0
            while i < end:
                value = fold[text[i]]
                if value == BLANK:
                    i += 1
                    continue
                if value < LETTER:
                    # U+00A0 (C2 A0) is a blank; U+2000-206F (E2 80, E2 81) are blanks, marks and quotes.
                    if value == LEAD:
                        if i + 1 < end and text[i] == 0xC2 and text[i + 1] == 0xA0:
                            i += 2
                            continue
                        if i + 2 < end and text[i] == 0xE2 and text[i + 1] & 0xFE == 0x80:
                            before = ((before ^ 0xE2) * PRIME) & MASK
                            i += 3
                            continue
                        value = LETTER
                    else:
                        if value == MARK:
                            before = ((before ^ text[i]) * PRIME) & MASK
                        i += 1
                        continue
                key = 0
                while i < end:
                    value = fold[text[i]]
                    if value < LETTER:
                        if value == APOSTROPHE:
                            if i + 1 < end and fold[text[i + 1]] >= LETTER:
                                i += 1
                                continue
                            break
                        if value != LEAD:
                            break
                        if text[i] == 0xC2 and i + 1 < end and text[i + 1] == 0xA0:
                            break
                        if text[i] == 0xE2 and i + 2 < end and text[i + 1] & 0xFE == 0x80:
                            # A curly apostrophe between letters.
                            if text[i + 1] == 0x80 and text[i + 2] == 0x99 and i + 3 < end and fold[text[i + 3]] >= LETTER:
                                i += 3
                                continue
                            break
                        value = text[i]
                    key = ((key ^ value) * PRIME) & MASK
                    i += 1
                key ^= key >> 32
                pair = ((before ^ key) * MIXER) & MASK
                key = (key * PRIME) & MASK
                first = weights[key >> shift]
                second = weights[pair >> shift]
                if watches:
                    if first < bonus and _is_watched(key >> 32, watched, mask):
                        first = bonus
                    if second < bonus and _is_watched(pair >> 32, watched, mask):
                        second = bonus
                score = first + second
                if wants:
                    features[written] = key >> 32
                    features[written + 1] = pair >> 32
                    written += 2
                before = ((key ^ (key >> 29)) * PRIME) & MASK
                count += 1
                running += score
                if running < 0:
                    running = 0
                elif running > peak:
                    peak = running
            peaks[d] = peak
            words[d] = count
    return written
