# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""The hot loop: arrays and scalars only; imports nothing of ours.

The file is plain Python that Cython compiles in its pure-Python mode. Uncompiled it gives the same answers, slowly.
Conventions: texts are UTF-8 bytes; offsets into them are byte offsets, spans half-open; hashes are 64-bit unsigned, and every product is masked to
64 bits for the uncompiled run; logs are natural; `int` arrays are 32-bit. All memory is allocated by the caller.

Bounds: each function states what lengths its arrays must have; inside, an index is either a loop variable below such a length or a table entry that
the writer of the table has bounded (see `restore.lexicon` and `restore.language_model`). Tables end with an empty slot, so a probe always stops.
"""

import cython

if cython.compiled:
    from cython.cimports.libc.math import exp, log, log1p  # type: ignore
else:
    from math import exp, log, log1p

COMPILED = cython.compiled

PRIME = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)
MASK = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)
LOW32 = cython.declare(cython.ulonglong, 0xFFFFFFFF)

# Look-ups that are brought into the cache together.
BLOCK = cython.declare(cython.int, 16)

# Character classes of unicode.bin (tools/make_unicode_table.py).
SPACE = cython.declare(cython.int, 0)
LETTER = cython.declare(cython.int, 1)
MARK = cython.declare(cython.int, 2)
DIGIT = cython.declare(cython.int, 3)
OTHER = cython.declare(cython.int, 4)
IGNORABLE = cython.declare(cython.int, 5)
APOSTROPHE = cython.declare(cython.int, 6)
NEWLINE = cython.declare(cython.int, 7)

# Token flags: bits 0-2 kind, 3-4 case, 5-6 line breaks before (2 = two or more), 7 glued to the token before, 8 locked, 9 sentence start.
WORD = cython.declare(cython.int, 0)
NUMBER = cython.declare(cython.int, 1)
PUNCTUATION = cython.declare(cython.int, 2)
ABBREVIATION = cython.declare(cython.int, 3)
OPAQUE = cython.declare(cython.int, 4)
LOWER = cython.declare(cython.int, 0)
CAPITALISED = cython.declare(cython.int, 1)
UPPER = cython.declare(cython.int, 2)
MIXED = cython.declare(cython.int, 3)
GLUED = cython.declare(cython.int, 128)
LOCKED = cython.declare(cython.int, 256)
SENTENCE_START = cython.declare(cython.int, 512)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def mix(key: cython.ulonglong, value: cython.ulonglong) -> cython.ulonglong:
    key = ((key ^ value) * PRIME) & MASK
    return key ^ (key >> 32)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def finish(key: cython.ulonglong) -> cython.ulonglong:
    key = (key * PRIME) & MASK
    return key ^ (key >> 29)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def code_point(text: cython.const[cython.uchar][::1], i: cython.Py_ssize_t, n: cython.Py_ssize_t) -> cython.int:
    """The code point at byte i, times 8, plus its length in bytes; a malformed byte stands for U+FFFD of length 1."""
    c: cython.int = text[i]
    if c < 0x80:
        return c << 3 | 1
    if 0xC2 <= c < 0xE0 and i + 1 < n and text[i + 1] & 0xC0 == 0x80:
        return ((c & 0x1F) << 6 | (text[i + 1] & 0x3F)) << 3 | 2
    if 0xE0 <= c < 0xF0 and i + 2 < n and text[i + 1] & 0xC0 == 0x80 and text[i + 2] & 0xC0 == 0x80:
        return ((c & 0x0F) << 12 | (text[i + 1] & 0x3F) << 6 | (text[i + 2] & 0x3F)) << 3 | 3
    if 0xF0 <= c < 0xF4 and i + 3 < n and text[i + 1] & 0xC0 == 0x80 and text[i + 2] & 0xC0 == 0x80 and text[i + 3] & 0xC0 == 0x80:
        return ((c & 0x07) << 18 | (text[i + 1] & 0x3F) << 12 | (text[i + 2] & 0x3F) << 6 | (text[i + 3] & 0x3F)) << 3 | 4
    if c == 0xF4 and i + 3 < n and 0x80 <= text[i + 1] < 0x90 and text[i + 2] & 0xC0 == 0x80 and text[i + 3] & 0xC0 == 0x80:
        return ((c & 0x07) << 18 | (text[i + 1] & 0x3F) << 12 | (text[i + 2] & 0x3F) << 6 | (text[i + 3] & 0x3F)) << 3 | 4
    return 0xFFFD << 3 | 1


def hash_codes(text: cython.const[cython.uchar][::1]) -> cython.ulonglong:
    """64-bit hash of a normal form, given as UTF-8: the hash that `tokenize` gives a token with this normal form."""
    i: cython.Py_ssize_t = 0
    n: cython.Py_ssize_t = len(text)
    packed: cython.int
    key: cython.ulonglong = 0
    while i < n:
        packed = code_point(text, i, n)
        key = mix(key, packed >> 3)
        i += packed & 7
    return finish(key)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def number_shape(digits: cython.int, first: cython.int, second: cython.int, separator: cython.int) -> cython.ulonglong:
    """Hash state of a number's shape; `restore.tokenizer.normalise` says the same in strings."""
    key: cython.ulonglong = 0
    k: cython.int
    if separator == 46:
        return mix(mix(mix(key, 48), 46), 48)
    if separator == 44:
        return mix(mix(mix(key, 48), 44), 48)
    if digits == 1:
        return mix(key, first)
    if digits == 2:
        return mix(mix(key, first), second)
    key = mix(key, 57 if digits == 4 and first != 49 and first != 50 else 48)
    for k in range(1, 5 if digits > 4 else digits):  # noqa: B007
        key = mix(key, 48)
    return key


def tokenize(
    text: cython.const[cython.uchar][::1],
    stage1: cython.const[cython.ushort][::1],
    stage2: cython.const[cython.uint][::1],
    spans: cython.const[cython.int][::1],
    opaque_hash: cython.ulonglong,
    starts: cython.int[::1],
    ends: cython.int[::1],
    hashes: cython.ulonglong[::1],
    norms: cython.ulonglong[::1],
    flags: cython.ushort[::1],
) -> cython.Py_ssize_t:
    """Split UTF-8 text into tokens.

    Args:
        text: the bytes, fewer than 2**31.
        stage1, stage2: the two-stage table of unicode.bin.
        spans: opaque spans as byte offsets start, end, start, end…, sorted and disjoint; each becomes one token.
        opaque_hash: the hash that stands for any opaque span.
        starts, ends, hashes, norms, flags: results, each as long as the text (a token has at least one byte).
            `hashes` are for matching (numbers as they stand), `norms` for the language model (numbers by shape).

    Returns:
        The number of tokens.
    """
    n: cython.Py_ssize_t = len(text)
    n_spans: cython.Py_ssize_t = len(spans)
    count: cython.Py_ssize_t
    with cython.nogil:
        count = _tokenize(text, n, stage1, stage2, spans, n_spans, opaque_hash, starts, ends, hashes, norms, flags)
    return count


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _tokenize(
    text: cython.const[cython.uchar][::1],
    n: cython.Py_ssize_t,
    stage1: cython.const[cython.ushort][::1],
    stage2: cython.const[cython.uint][::1],
    spans: cython.const[cython.int][::1],
    n_spans: cython.Py_ssize_t,
    opaque_hash: cython.ulonglong,
    starts: cython.int[::1],
    ends: cython.int[::1],
    hashes: cython.ulonglong[::1],
    norms: cython.ulonglong[::1],
    flags: cython.ushort[::1],
) -> cython.Py_ssize_t:
    i: cython.Py_ssize_t = 0
    j: cython.Py_ssize_t
    m: cython.Py_ssize_t
    s: cython.Py_ssize_t = 0
    start: cython.Py_ssize_t
    end: cython.Py_ssize_t
    limit: cython.Py_ssize_t
    last_end: cython.Py_ssize_t = -1
    count: cython.Py_ssize_t = 0
    packed: cython.int
    code: cython.int
    folded: cython.int
    entry: cython.uint
    kind: cython.int
    cls: cython.int
    uppers: cython.int
    letters: cython.int
    first_upper: cython.int
    digits: cython.int
    first: cython.int
    second: cython.int
    separator: cython.int
    case: cython.int
    segments: cython.int
    dotted: cython.int
    newlines: cython.int = 2
    boundary: cython.int = 1
    key: cython.ulonglong
    shape: cython.ulonglong
    abbreviation: cython.ulonglong
    while i < n:
        while s < n_spans and spans[s] < i:
            s += 2
        limit = spans[s] if s < n_spans else n
        if s < n_spans and i == limit and spans[s + 1] > i:
            starts[count] = i
            ends[count] = spans[s + 1]
            hashes[count] = opaque_hash
            norms[count] = opaque_hash
            flags[count] = OPAQUE | newlines << 5 | (GLUED if i == last_end else 0)
            i = last_end = spans[s + 1]
            count += 1
            newlines = 0
            boundary = 0
            s += 2
            continue
        if limit == i:
            limit = n
        packed = code_point(text, i, n)
        code = packed >> 3
        entry = stage2[(stage1[code >> 8] << 8) + (code & 255)]
        cls = entry & 255
        if cls == SPACE or cls == IGNORABLE:
            i += packed & 7
            continue
        if cls == NEWLINE:
            # The carriage return of CRLF is no line break of its own.
            if newlines < 2 and (code != 13 or i + 1 >= n or text[i + 1] != 10):
                newlines += 1
            i += packed & 7
            continue
        start = i
        case = LOWER
        key = 0
        if cls == LETTER or cls == MARK:
            kind = WORD
            uppers = letters = first_upper = 0
            end = j = i
            while j < limit:
                packed = code_point(text, j, n)
                code = packed >> 3
                entry = stage2[(stage1[code >> 8] << 8) + (code & 255)]
                cls = entry & 255
                if cls == LETTER or cls == MARK or cls == DIGIT:
                    folded = (code + (entry >> 8)) & 0xFFFFFF
                    key = mix(key, folded)
                    if cls == LETTER:
                        if folded != code:
                            uppers += 1
                            if letters == 0:
                                first_upper = 1
                        letters += 1
                    j += packed & 7
                    end = j
                elif cls == IGNORABLE:
                    j += packed & 7
                elif cls == APOSTROPHE:
                    m = j + (packed & 7)
                    if m >= limit:
                        break
                    packed = code_point(text, m, n)
                    code = packed >> 3
                    if stage2[(stage1[code >> 8] << 8) + (code & 255)] & 255 != LETTER:
                        break
                    key = mix(key, 39)
                    j = m
                else:
                    break
            # Dotted abbreviations: a first part of one or two letters, then single letters with full stops (K.G.B., Ok.G.B., e.g., Ph.D.).
            if letters <= 2 and j == end and j + 1 < limit and text[j] == 46 and letters > 0 and end - start <= 4:
                segments = 1
                dotted = 0
                digits = uppers
                abbreviation = key
                m = j
                while m + 1 < limit and text[m] == 46:
                    packed = code_point(text, m + 1, n)
                    code = packed >> 3
                    entry = stage2[(stage1[code >> 8] << 8) + (code & 255)]
                    if entry & 255 != LETTER:
                        break
                    folded = (code + (entry >> 8)) & 0xFFFFFF
                    j = m + 1 + (packed & 7)
                    if j < limit:
                        packed = code_point(text, j, n)
                        cls = stage2[(stage1[packed >> 11] << 8) + (packed >> 3 & 255)] & 255
                        if cls == LETTER or cls == MARK or cls == DIGIT or cls == APOSTROPHE:
                            break
                    abbreviation = mix(mix(abbreviation, 46), folded)
                    if folded != code:
                        digits += 1
                    segments += 1
                    m = j
                    dotted = 0
                    if m < limit and text[m] == 46:
                        dotted = 1
                if segments > 1 and (dotted or letters == 1):
                    kind = ABBREVIATION
                    key = abbreviation
                    end = m + dotted
                    uppers = digits
                    letters += segments - 1
            i = end
            if uppers:
                if first_upper and uppers == 1 and (letters > 1 or kind == WORD):
                    case = CAPITALISED
                elif uppers == letters:
                    case = UPPER
                else:
                    case = MIXED
            key = finish(key)
            shape = key
        elif cls == DIGIT:
            kind = NUMBER
            digits = first = second = separator = 0
            j = i
            while j < limit:
                packed = code_point(text, j, n)
                code = packed >> 3
                cls = stage2[(stage1[code >> 8] << 8) + (code & 255)] & 255
                if cls == DIGIT:
                    if digits == 0:
                        first = code
                    elif digits == 1:
                        second = code
                    digits += 1
                    key = mix(key, code)
                    j += packed & 7
                elif (code == 46 or code == 44) and j + 1 < limit:
                    packed = code_point(text, j + 1, n)
                    if stage2[(stage1[packed >> 11] << 8) + (packed >> 3 & 255)] & 255 != DIGIT:
                        break
                    if separator != 46:
                        separator = code
                    key = mix(key, code)
                    j += 1
                else:
                    break
            shape = number_shape(digits, first, second, separator)
            uppers = 0
            letters = 0
            while j < limit:
                packed = code_point(text, j, n)
                code = packed >> 3
                entry = stage2[(stage1[code >> 8] << 8) + (code & 255)]
                cls = entry & 255
                if cls != LETTER and cls != MARK and cls != DIGIT:
                    break
                folded = (code + (entry >> 8)) & 0xFFFFFF
                if letters == 0:
                    # With letters behind it the value does not matter: 17th and 21st are "00th", "00st".
                    shape = 0
                    while letters < digits and letters < 4:
                        shape = mix(shape, 48)
                        letters += 1
                    letters = 0
                letters += 1
                key = mix(key, folded)
                shape = mix(shape, folded)
                j += packed & 7
            i = end = j
            key = finish(key)
            shape = finish(shape)
        else:
            kind = PUNCTUATION
            i = end = start + (packed & 7)
            folded = (code + (entry >> 8)) & 0xFFFFFF
            # Quotes are straightened: “ ” „ ‟ « » become ".
            if 0x201C <= code <= 0x201F or code == 0xAB or code == 0xBB:
                folded = 34
            key = finish(mix(key, folded))
            shape = key
        if newlines == 2:
            boundary = 1
        starts[count] = start
        ends[count] = end
        hashes[count] = key
        norms[count] = shape
        flags[count] = kind | case << 3 | newlines << 5 | (GLUED if start == last_end else 0) | (SENTENCE_START if boundary else 0)
        if kind == PUNCTUATION:
            if code == 46 or code == 33 or code == 63 or code == 0x2026:
                boundary = 1
            elif code == 44 or code == 59:
                boundary = 0
        else:
            boundary = 0
        last_end = end
        newlines = 0
        count += 1
    return count


# --- look-ups -----------------------------------------------------------------------------------------------------------------------------------


def find_words(
    norms: cython.const[cython.ulonglong][::1],
    n: cython.Py_ssize_t,
    table: cython.const[cython.ulonglong][::1],
    capacity: cython.ulonglong,
    ids: cython.int[::1],
) -> None:
    """Vocabulary ids of `n` hashed words; 0 (<unk>) where a word is not in the table. `ids` holds at least `n` items."""
    i: cython.Py_ssize_t
    with cython.nogil:
        for i in range(n):
            ids[i] = _find_word(norms[i], table, capacity)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _find_word(key: cython.ulonglong, table: cython.const[cython.ulonglong][::1], capacity: cython.ulonglong) -> cython.int:
    slot: cython.Py_ssize_t = ((key & LOW32) * capacity) >> 32
    high: cython.ulonglong = key >> 32
    entry: cython.ulonglong
    while True:
        entry = table[slot]
        if entry == 0:
            return 0
        if entry >> 32 == high:
            return (entry & LOW32) - 1
        slot += 1


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _find_phrase(
    key: cython.ulonglong, keys: cython.const[cython.ulonglong][::1], values: cython.const[cython.uint][::1], capacity: cython.ulonglong
) -> cython.uint:
    """Value of a key in an open-addressing table (`restore.lexicon`), 0 where it is not there."""
    slot: cython.Py_ssize_t = ((key >> 32) * capacity) >> 32
    entry: cython.ulonglong
    while True:
        entry = keys[slot]
        if entry == key:
            return values[slot]
        if entry == 0:
            return 0
        slot += 1


def chain(hashes: cython.const[cython.ulonglong][::1]) -> cython.ulonglong:
    """Key of a phrase: the hashes of its tokens, first to last."""
    i: cython.Py_ssize_t
    key: cython.ulonglong = 0
    for i in range(len(hashes)):
        key = mix(key, hashes[i])
    return key


def match(
    hashes: cython.const[cython.ulonglong][::1],
    flags: cython.const[cython.ushort][::1],
    n: cython.Py_ssize_t,
    keys: cython.const[cython.ulonglong][::1],
    values: cython.const[cython.uint][::1],
    capacity: cython.ulonglong,
    starts: cython.int[::1],
    ends: cython.int[::1],
    phrases: cython.int[::1],
    room: cython.Py_ssize_t,
) -> cython.Py_ssize_t:
    """Find every phrase of the table, at every token; no phrase spans a line break or touches an opaque or locked token.

    A table value is (phrase + 1) << 4 | longest phrase that begins with these tokens; phrase + 1 is 0 for a mere beginning.

    Args:
        starts, ends, phrases: results as token spans and phrase numbers, at least `room` long.

    Returns:
        The number of matches; -1 when there are more than `room`.
    """
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    count: cython.Py_ssize_t = 0
    key: cython.ulonglong
    value: cython.uint
    longest: cython.Py_ssize_t
    with cython.nogil:
        for i in range(n):
            if cython.compiled and i % BLOCK == 0:
                for j in range(i, i + BLOCK if i + BLOCK < n else n):
                    longest = ((mix(0, hashes[j]) >> 32) * capacity) >> 32
                    restore_prefetch(cython.address(keys[longest]))  # noqa: F821
                    restore_prefetch(cython.address(values[longest]))  # noqa: F821
            if flags[i] & LOCKED or flags[i] & 7 == OPAQUE:
                continue
            key = mix(0, hashes[i])
            value = _find_phrase(key, keys, values, capacity)
            if value == 0:
                continue
            longest = i + (value & 15)
            j = i + 1
            while True:
                if value >> 4:
                    if count == room:
                        count = -1
                        break
                    starts[count] = i
                    ends[count] = j
                    phrases[count] = (value >> 4) - 1
                    count += 1
                if j >= longest or j >= n or flags[j] & 96 or flags[j] & LOCKED or flags[j] & 7 == OPAQUE:
                    break
                key = mix(key, hashes[j])
                value = _find_phrase(key, keys, values, capacity)
                if value == 0:
                    break
                j += 1
            if count < 0:
                break
    return count


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _mark(key: cython.ulonglong, marks: cython.const[cython.uchar][::1], mask: cython.Py_ssize_t) -> cython.int:
    """What `mark` says of a key: 0 when it is not in the table, with bit 1 when it may be a whole phrase. An eighth of other keys pass, too."""
    slot: cython.Py_ssize_t = key & mask
    return marks[slot >> 2] >> ((slot & 3) << 1) & 3


def mark(
    keys: cython.const[cython.ulonglong][::1], values: cython.const[cython.uint][::1], n: cython.Py_ssize_t, marks: cython.uchar[::1], mask: cython.Py_ssize_t
) -> None:
    """Mark the keys of a table in two bits each: a Bloom filter of one hash that stays in the cache.

    Args:
        keys, values: of the n slots (as for `match`).
        marks: result, cleared, (mask + 1) / 4 bytes; mask + 1 is a power of two.
    """
    i: cython.Py_ssize_t
    slot: cython.Py_ssize_t
    with cython.nogil:
        for i in range(n):
            if keys[i]:
                slot = keys[i] & mask
                marks[slot >> 2] = marks[slot >> 2] | ((3 if values[i] >> 4 else 1) << ((slot & 3) << 1))


def compose(
    norms: cython.const[cython.ulonglong][::1],
    flags: cython.const[cython.ushort][::1],
    n: cython.Py_ssize_t,
    n_matches: cython.Py_ssize_t,
    link_first: cython.const[cython.uint][::1],
    link_words: cython.const[cython.uint][::1],
    link_hashes: cython.const[cython.ulonglong][::1],
    link_weights: cython.const[cython.float][::1],
    boost: cython.double,
    further: cython.double,
    keys: cython.const[cython.ulonglong][::1],
    values: cython.const[cython.uint][::1],
    capacity: cython.ulonglong,
    marks: cython.const[cython.uchar][::1],
    mask: cython.Py_ssize_t,
    first_match: cython.int[::1],
    queue: cython.int[::1],
    queue_keys: cython.ulonglong[::1],
    queue_scales: cython.double[::1],
    queue_room: cython.Py_ssize_t,
    starts: cython.int[::1],
    ends: cython.int[::1],
    phrases: cython.int[::1],
    observed: cython.int[::1],
    changes: cython.int[::1],
    scales: cython.float[::1],
    room: cython.Py_ssize_t,
) -> cython.Py_ssize_t:
    """Find every term whose words are originals of what stands there, word by word; at least one is changed.

    Breadth first from every token, through a table of terms and their beginnings (as for `match`, over normal forms). A step takes a token as it
    stands, or a match as one of its links. Where the tokens themselves are a term, nothing is found. Beginnings are followed by their marks alone; what looks
    like a term is looked up.

    Args:
        link_first: phrase p has the links link_first[p] … link_first[p + 1].
        link_words, link_hashes: the words of link c are link_hashes[link_words[c] … link_words[c + 1]].
        link_weights: of the links, above 0 and below 1.
        boost: factor for each changed part after the first.
        further: factor for each change more than another term needs for the same tokens.
        keys, values, capacity: the table; marks, mask: from `mark`.
        first_match: scratch, n + 1 long.
        queue, queue_keys, queue_scales: scratch, 4 * queue_room and queue_room long; more than queue_room beginnings at one token are dropped.
        starts, ends, phrases: token spans and phrase numbers of the n_matches matches (from `match`, sorted by start); the terms are written behind them.
            At least `room` long, as are the next three, which have items for the terms alone.
        observed: the phrase of the first match that a term is made of, or the term itself where its first token is unchanged.
        changes: links that a term is made of.
        scales: product of the weights of the links and the boosts, at most 1, and of the factors for further changes.

    Returns:
        The number of matches and terms; -1 when there are more than `room`.
    """
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    k: cython.Py_ssize_t = 0
    c: cython.Py_ssize_t
    w: cython.Py_ssize_t
    head: cython.Py_ssize_t
    tail: cython.Py_ssize_t
    count: cython.Py_ssize_t = n_matches
    here: cython.Py_ssize_t
    key: cython.ulonglong
    value: cython.uint
    known: cython.ulonglong
    one: cython.ulonglong = 1
    marked: cython.int
    first: cython.int
    fewest: cython.int
    factor: cython.double
    with cython.nogil:
        for i in range(n + 1):
            while k < n_matches and starts[k] < i:
                k += 1
            first_match[i] = k
        for i in range(n):
            if cython.compiled:
                # Links of the matches at the tokens to come, a step further for those that are nearer.
                for k in range(first_match[min(n, i + 8)], first_match[min(n, i + 9)]):
                    _fetch(link_first, phrases[k])
                for k in range(first_match[min(n, i + 6)], first_match[min(n, i + 7)]):
                    _fetch(link_words, link_first[phrases[k]])
                for k in range(first_match[min(n, i + 4)], first_match[min(n, i + 5)]):
                    c = link_first[phrases[k]]
                    if c < link_first[phrases[k] + 1]:
                        restore_prefetch(cython.address(link_hashes[link_words[c]]))  # noqa: F821
                        restore_prefetch(cython.address(link_weights[c]))  # noqa: F821
            if flags[i] & LOCKED or flags[i] & 7 == OPAQUE:
                continue
            here = count
            known = 0
            queue[0], queue[1], queue[2], queue[3] = i, -1, 0, 0
            queue_keys[0], queue_scales[0] = 0, 1
            head, tail = 0, 1
            while head < tail:
                j = queue[4 * head]
                first = queue[4 * head + 1]
                if j < n and not (flags[j] & LOCKED or flags[j] & 7 == OPAQUE or (j > i and flags[j] & 96)):
                    key = mix(queue_keys[head], norms[j])
                    marked = _mark(key, marks, mask)
                    if marked and tail < queue_room:
                        queue[4 * tail], queue[4 * tail + 1], queue[4 * tail + 2], queue[4 * tail + 3] = j + 1, first, queue[4 * head + 2], marked
                        queue_keys[tail], queue_scales[tail] = key, queue_scales[head]
                        tail += 1
                    for k in range(first_match[j], first_match[j + 1]):
                        for c in range(link_first[phrases[k]], link_first[phrases[k] + 1]):
                            key = queue_keys[head]
                            marked = 1
                            for w in range(link_words[c], link_words[c + 1]):
                                key = mix(key, link_hashes[w])
                                marked = _mark(key, marks, mask)
                                if marked == 0:
                                    break
                            if marked and tail < queue_room:
                                queue[4 * tail], queue[4 * tail + 2], queue[4 * tail + 3] = ends[k], queue[4 * head + 2] + 1, marked
                                queue[4 * tail + 1] = phrases[k] if j == i else first
                                queue_keys[tail], queue_scales[tail] = key, queue_scales[head] * link_weights[c]
                                if queue[4 * head + 2] > 0:
                                    queue_scales[tail] *= boost
                                tail += 1
                if head == 0 and tail > 1:
                    # Ends of the terms that stand there already, as bits.
                    key = 0
                    for j in range(i, min(n, i + 16)):
                        if j > i and flags[j] & 96:
                            break
                        key = mix(key, norms[j])
                        marked = _mark(key, marks, mask)
                        if marked == 0:
                            break
                        if marked & 2 and _find_phrase(key, keys, values, capacity) >> 4:
                            known |= one << (j - i)
                elif queue[4 * head + 2] and queue[4 * head + 3] & 2 and (j - i > 16 or not known >> (j - 1 - i) & 1):
                    value = _find_phrase(queue_keys[head], keys, values, capacity)
                    if value >> 4:
                        if count == room:
                            count = -1
                            break
                        starts[count] = i
                        ends[count] = j
                        phrases[count] = (value >> 4) - 1
                        observed[count] = first if first >= 0 else phrases[count]
                        changes[count] = queue[4 * head + 2]
                        scales[count] = min(1.0, queue_scales[head])
                        count += 1
                head += 1
            if count < 0:
                break
            for k in range(here, count):
                fewest = changes[k]
                for c in range(here, count):
                    if ends[c] == ends[k] and changes[c] < fewest:
                        fewest = changes[c]
                factor = 1
                while fewest < changes[k]:
                    factor *= further
                    fewest += 1
                scales[k] = scales[k] * factor
    return count


# --- language model -----------------------------------------------------------------------------------------------------------------------------

# A model state is up to four words, the last one first, and what it costs to back off to the first of them, to the first two …, which is the sum of the
# back-offs from there on: WIDTH slots in two arrays, 0 behind the state's length. Copied and compared whole, they need no branch.
WIDTH = cython.declare(cython.int, 4)
BOOK = cython.declare(cython.int, 320)


def spell(
    text: cython.const[cython.uchar][::1],
    stage1: cython.const[cython.ushort][::1],
    stage2: cython.const[cython.uint][::1],
    characters: cython.const[cython.uchar][::1],
    starts: cython.const[cython.int][::1],
    ends: cython.const[cython.int][::1],
    ids: cython.const[cython.int][::1],
    flags: cython.const[cython.ushort][::1],
    n: cython.Py_ssize_t,
    results: cython.double[::1],
) -> None:
    """Log probability of the spelling of each token that is unknown (id 0), by the character trigrams of the model; 0 for the others and for opaque spans.

    `characters` has 40**3 entries, -16 times the log probability; symbols: 0 boundary, 1-26 a-z, 27-36 digits, 37 apostrophe, 38 full stop, 39 anything else.
    """
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    packed: cython.int
    code: cython.int
    a: cython.int
    b: cython.int
    c: cython.int
    entry: cython.uint
    total: cython.int
    with cython.nogil:
        for i in range(n):
            results[i] = 0
            if ids[i] != 0 or flags[i] & 7 == OPAQUE:
                continue
            a = b = total = 0
            j = starts[i]
            while j < ends[i]:
                packed = code_point(text, j, ends[i])
                j += packed & 7
                code = packed >> 3
                entry = stage2[(stage1[code >> 8] << 8) + (code & 255)]
                if entry & 255 == IGNORABLE:
                    continue
                code = (code + (entry >> 8)) & 0xFFFFFF
                if 97 <= code <= 122:
                    c = code - 96
                elif 48 <= code <= 57:
                    c = code - 21
                elif code == 39:
                    c = 37
                elif code == 46:
                    c = 38
                else:
                    c = 39
                total += characters[(a * 40 + b) * 40 + c]
                a = b
                b = c
            total += characters[(a * 40 + b) * 40]
            results[i] = -total / 16.0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _fetch(table: cython.const[cython.uint][::1], slot: cython.Py_ssize_t) -> cython.void:
    """Have an entry on its way to the cache (kernels.pxd)."""
    if cython.compiled:
        restore_prefetch(cython.address(table[slot]))  # noqa: F821


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _probe(table: cython.const[cython.uint][::1], slot: cython.Py_ssize_t, shift: cython.int, fingerprint: cython.uint) -> cython.uint:
    """The entry with a fingerprint (1 stands for 0, which is an empty slot) from a slot on; 0 where there is none."""
    entry: cython.uint = table[slot]
    if fingerprint == 0:
        fingerprint = 1
    while entry != 0 and entry >> shift != fingerprint:
        slot += 1
        entry = table[slot]
    return entry


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def lm_step(
    word: cython.int,
    context: cython.int[::1],
    backoffs: cython.double[::1],
    at: cython.Py_ssize_t,
    length: cython.int,
    to: cython.Py_ssize_t,
    order: cython.int,
    unigrams: cython.const[cython.float][::1],
    bigrams: cython.const[cython.uint][::1],
    trigrams: cython.const[cython.uint][::1],
    fourgrams: cython.const[cython.uint][::1],
    fivegrams: cython.const[cython.uint][::1],
    capacities: cython.const[cython.ulonglong][::1],
    books: cython.const[cython.float][::1],
    result: cython.double[::1],
) -> cython.int:
    """Score a word after the state at slots `at`, write the new state to slots `to` (the same or a disjoint range) and the log probability to result[0].

    An n-gram counts as found only where its suffix was found, so that a false fingerprint must follow a true one. Returns the new state's length.
    """
    key: cython.ulonglong = mix(0, word + 1)
    score: cython.double = unigrams[2 * word]
    matched: cython.int = 1
    m: cython.int
    found: cython.uint
    slot: cython.Py_ssize_t
    b0: cython.double = unigrams[2 * word + 1]
    b1: cython.double = 0
    b2: cython.double = 0
    b3: cython.double = 0
    for m in range(length):
        key = mix(key, context[at + m] + 1)
        slot = ((key >> 32) * capacities[m]) >> 32
        if m + 2 < order:
            if m == 0:
                found = _probe(bigrams, slot, 14, key & 0x3FFFF)
            elif m == 1:
                found = _probe(trigrams, slot, 14, key & 0x3FFFF)
            else:
                found = _probe(fourgrams, slot, 14, key & 0x3FFFF)
            if found == 0:
                break
            score = books[m * BOOK + (found >> 6 & 255)]
            if m == 0:
                b1 = books[m * BOOK + 256 + (found & 63)]
            elif m == 1:
                b2 = books[m * BOOK + 256 + (found & 63)]
            else:
                b3 = books[m * BOOK + 256 + (found & 63)]
        else:
            if m == 0:
                found = _probe(bigrams, slot, 8, key & 0xFFFFFF)
            elif m == 1:
                found = _probe(trigrams, slot, 8, key & 0xFFFFFF)
            elif m == 2:
                found = _probe(fourgrams, slot, 8, key & 0xFFFFFF)
            else:
                found = _probe(fivegrams, slot, 8, key & 0xFFFFFF)
            if found == 0:
                break
            score = books[m * BOOK + (found & 255)]
        matched = m + 2
    if matched <= WIDTH:
        score += backoffs[at + matched - 1]
    result[0] = score
    if matched > order - 1:
        matched = order - 1
    context[to + 3] = context[at + 2] if matched > 3 else 0
    context[to + 2] = context[at + 1] if matched > 2 else 0
    context[to + 1] = context[at] if matched > 1 else 0
    context[to] = word
    backoffs[to + 3] = b3
    backoffs[to + 2] = b2 + b3
    backoffs[to + 1] = b1 + (b2 + b3)
    backoffs[to] = b0 + (b1 + (b2 + b3))
    return matched


# A step on its way through the model: STEP integers (the state's words, its length, the word to score, where the next one and the end of its words stand, order
# of the longest n-gram found) and STEP_VALUES doubles (the state's back-offs, the sum so far, the score of the word, back-offs of the new state).
STEP = cython.declare(cython.int, 9)
STEP_VALUES = cython.declare(cython.int, 10)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _walk(
    n: cython.Py_ssize_t,
    chosen: cython.int[::1],
    room: cython.Py_ssize_t,
    steps: cython.int[::1],
    values: cython.double[::1],
    keys: cython.ulonglong[::1],
    order: cython.int,
    unigrams: cython.const[cython.float][::1],
    bigrams: cython.const[cython.uint][::1],
    trigrams: cython.const[cython.uint][::1],
    fourgrams: cython.const[cython.uint][::1],
    fivegrams: cython.const[cython.uint][::1],
    capacities: cython.const[cython.ulonglong][::1],
    books: cython.const[cython.float][::1],
) -> cython.void:
    """`lm_step` for the n steps whose numbers are chosen[0] …, all of them one order after the other: their states and sums go one word further.

    Each pass over the steps fetches what the next one looks at: random reads that do not wait for each other cost a twentieth of those that do. Higher
    orders are read for those steps only whose suffix was found.
    """
    k: cython.Py_ssize_t
    m: cython.Py_ssize_t
    at: cython.Py_ssize_t
    x: cython.Py_ssize_t
    slot: cython.Py_ssize_t
    left: cython.Py_ssize_t = 0
    going: cython.Py_ssize_t
    key: cython.ulonglong
    found: cython.uint
    matched: cython.int
    for k in range(n):
        at = chosen[k] * STEP
        x = chosen[k] * STEP_VALUES
        key = mix(0, steps[at + 5] + 1)
        values[x + 5] = unigrams[2 * steps[at + 5]]
        values[x + 6] = unigrams[2 * steps[at + 5] + 1]
        values[x + 7] = values[x + 8] = values[x + 9] = 0
        steps[at + 8] = 1
        if steps[at + 4] > 0:
            key = mix(key, steps[at] + 1)
            keys[chosen[k]] = key
            _fetch(bigrams, ((key >> 32) * capacities[0]) >> 32)
            chosen[room + left] = chosen[k]
            left += 1
    for m in range(order - 1):
        going = 0
        for k in range(left):
            at = chosen[room + k] * STEP
            x = chosen[room + k] * STEP_VALUES
            key = keys[chosen[room + k]]
            slot = ((key >> 32) * capacities[m]) >> 32
            if m + 2 < order:
                if m == 0:
                    found = _probe(bigrams, slot, 14, key & 0x3FFFF)
                elif m == 1:
                    found = _probe(trigrams, slot, 14, key & 0x3FFFF)
                else:
                    found = _probe(fourgrams, slot, 14, key & 0x3FFFF)
                if found == 0:
                    continue
                values[x + 5] = books[m * BOOK + (found >> 6 & 255)]
                values[x + 7 + m] = books[m * BOOK + 256 + (found & 63)]
                steps[at + 8] = m + 2
                if m + 1 < steps[at + 4]:
                    key = mix(key, steps[at + m + 1] + 1)
                    keys[chosen[room + k]] = key
                    slot = ((key >> 32) * capacities[m + 1]) >> 32
                    if m == 0:
                        _fetch(trigrams, slot)
                    elif m == 1:
                        _fetch(fourgrams, slot)
                    else:
                        _fetch(fivegrams, slot)
                    chosen[room + going] = chosen[room + k]
                    going += 1
            else:
                if m == 0:
                    found = _probe(bigrams, slot, 8, key & 0xFFFFFF)
                elif m == 1:
                    found = _probe(trigrams, slot, 8, key & 0xFFFFFF)
                elif m == 2:
                    found = _probe(fourgrams, slot, 8, key & 0xFFFFFF)
                else:
                    found = _probe(fivegrams, slot, 8, key & 0xFFFFFF)
                if found != 0:
                    values[x + 5] = books[m * BOOK + (found & 255)]
                    steps[at + 8] = m + 2
        left = going
    for k in range(n):
        at = chosen[k] * STEP
        x = chosen[k] * STEP_VALUES
        matched = steps[at + 8]
        values[x + 4] += values[x + 5] + (values[x + matched - 1] if matched <= WIDTH else 0)
        if matched > order - 1:
            matched = order - 1
        steps[at + 3] = steps[at + 2] if matched > 3 else 0
        steps[at + 2] = steps[at + 1] if matched > 2 else 0
        steps[at + 1] = steps[at] if matched > 1 else 0
        steps[at] = steps[at + 5]
        values[x + 3] = values[x + 9]
        values[x + 2] = values[x + 8] + values[x + 3]
        values[x + 1] = values[x + 7] + values[x + 2]
        values[x] = values[x + 6] + values[x + 1]
        steps[at + 4] = matched


def score_words(
    words: cython.const[cython.int][::1],
    order: cython.int,
    unigrams: cython.const[cython.float][::1],
    bigrams: cython.const[cython.uint][::1],
    trigrams: cython.const[cython.uint][::1],
    fourgrams: cython.const[cython.uint][::1],
    fivegrams: cython.const[cython.uint][::1],
    capacities: cython.const[cython.ulonglong][::1],
    books: cython.const[cython.float][::1],
    context: cython.int[::1],
    backoffs: cython.double[::1],
    result: cython.double[::1],
    scores: cython.double[::1],
) -> None:
    """Log probability of each word of one sentence after the words before it, from <s> (id 1) on; `scores` is as long as `words`."""
    i: cython.Py_ssize_t
    length: cython.int = 1
    _begin_text(context, backoffs, 0, 1, unigrams[3])
    for i in range(len(words)):
        length = lm_step(words[i], context, backoffs, 0, length, 0, order, unigrams, bigrams, trigrams, fourgrams, fivegrams, capacities, books, result)
        scores[i] = result[0]


# --- lattice ------------------------------------------------------------------------------------------------------------------------------------

VOWEL = cython.declare(cython.int, 1)
CAPITALS = cython.declare(cython.int, 2)
CHOSEN = cython.declare(cython.int, 6)
SETTLED = cython.declare(cython.int, 11)
# A stream of `forward`: where it begins (the next one's first item is where it ends); the position reached; the next arc; where its piece begins; nodes;
# edges, and those before its piece; levels, and those before its piece; the node of the identity path or -1, and the length of that path's state; 1 when the
# piece has arcs; its first step.
STREAM = cython.declare(cython.int, 13)


def expand(
    starts: cython.const[cython.int][::1],
    ends: cython.const[cython.int][::1],
    phrases: cython.const[cython.int][::1],
    observed: cython.const[cython.int][::1],
    scales: cython.const[cython.float][::1],
    n_matches: cython.Py_ssize_t,
    n_plain: cython.Py_ssize_t,
    hashes: cython.const[cython.ulonglong][::1],
    flags: cython.const[cython.ushort][::1],
    article_a: cython.ulonglong,
    article_an: cython.ulonglong,
    article_cost: cython.double,
    name_cost: cython.double,
    unknown_cost: cython.double,
    phrase_flags: cython.const[cython.uchar][::1],
    candidate_first: cython.const[cython.uint][::1],
    candidate_flags: cython.const[cython.uchar][::1],
    word_first: cython.const[cython.uint][::1],
    word_hashes: cython.const[cython.ulonglong][::1],
    vocabulary: cython.const[cython.ulonglong][::1],
    vocabulary_capacity: cython.ulonglong,
    weights: cython.const[cython.float][::1],
    n_families: cython.Py_ssize_t,
    memo: cython.int[::1],
    arc_starts: cython.int[::1],
    arc_ends: cython.int[::1],
    arc_candidates: cython.int[::1],
    arc_words: cython.int[::1],
    arc_weights: cython.float[::1],
    arc_bonus: cython.double[::1],
    word_ids: cython.int[::1],
) -> None:
    """Turn matches into arcs, one for each candidate.

    Candidates of phrase p are candidate_first[p] … candidate_first[p + 1]; the words of candidate c are word_hashes[word_first[c] … word_first[c + 1]],
    its channel weights weights[c * n_families …]. Of the n_matches matches those from n_plain on are terms: their weights are multiplied by scales[k], and
    `observed` is the phrase that stands there, for its vowel sound (both are read for terms alone). `memo` is as long as `word_hashes` and has ids
    of words that were looked up before, plus 1; threads may share it, since they write the same.
    `arc_words` gets, for arc k, the first of its words in `word_ids`; arc k + 1 ends them, so it is one longer than the number of arcs. `arc_bonus` gets the
    log factors of the article before the span, of a capitalised word inside a sentence and of words that the model does not know. The caller provides
    room for every candidate of every match (`count_candidates`).
    """
    k: cython.Py_ssize_t
    c: cython.Py_ssize_t
    w: cython.Py_ssize_t
    f: cython.Py_ssize_t
    i: cython.Py_ssize_t
    count: cython.Py_ssize_t = 0
    used: cython.Py_ssize_t = 0
    word: cython.int
    article: cython.int
    scale: cython.float
    there: cython.int
    bonus: cython.double
    with cython.nogil:
        arc_words[0] = 0
        for k in range(n_matches):
            if cython.compiled and k + 4 < n_matches:
                c = candidate_first[phrases[k + 4]]
                if c < candidate_first[phrases[k + 4] + 1]:
                    restore_prefetch(cython.address(memo[word_first[c]]))  # noqa: F821
                    restore_prefetch(cython.address(weights[c * n_families]))  # noqa: F821
                    restore_prefetch(cython.address(candidate_flags[c]))  # noqa: F821
            i = starts[k]
            scale = scales[k] if k >= n_plain else 1
            there = observed[k] if k >= n_plain else phrases[k]
            article = -1
            if i > 0 and flags[i] & 96 == 0:
                if hashes[i - 1] == article_a:
                    article = 0
                elif hashes[i - 1] == article_an:
                    article = 1
            for c in range(candidate_first[phrases[k]], candidate_first[phrases[k] + 1]):
                bonus = 0
                for w in range(word_first[c], word_first[c + 1]):
                    word = memo[w] - 1
                    if word < 0:
                        word = _find_word(word_hashes[w], vocabulary, vocabulary_capacity)
                        memo[w] = word + 1
                    if word == 0:
                        bonus -= unknown_cost
                    word_ids[used] = word
                    used += 1
                if article >= 0:
                    if (candidate_flags[c] & VOWEL) != article:
                        bonus -= article_cost
                    if (phrase_flags[there] & VOWEL) != article:
                        bonus += article_cost
                if flags[i] & 24 == 8 and flags[i] & SENTENCE_START == 0 and candidate_flags[c] & CAPITALS == 0:
                    bonus -= name_cost
                arc_starts[count] = i
                arc_ends[count] = ends[k]
                arc_candidates[count] = c
                for f in range(n_families):
                    arc_weights[count * n_families + f] = scale * weights[c * n_families + f]
                arc_bonus[count] = bonus
                count += 1
                arc_words[count] = used


def forward(
    n: cython.Py_ssize_t,
    ids: cython.const[cython.int][::1],
    spelling: cython.const[cython.double][::1],
    breaks: cython.const[cython.uchar][::1],
    keep: cython.const[cython.float][::1],
    n_families: cython.Py_ssize_t,
    n_arcs: cython.Py_ssize_t,
    arc_order: cython.const[cython.int][::1],
    arc_starts: cython.const[cython.int][::1],
    arc_ends: cython.const[cython.int][::1],
    arc_words: cython.const[cython.int][::1],
    word_ids: cython.const[cython.int][::1],
    arc_weights: cython.const[cython.float][::1],
    arc_bonus: cython.const[cython.double][::1],
    first_term: cython.Py_ssize_t,
    last_term: cython.Py_ssize_t,
    order: cython.int,
    unigrams: cython.const[cython.float][::1],
    bigrams: cython.const[cython.uint][::1],
    trigrams: cython.const[cython.uint][::1],
    fourgrams: cython.const[cython.uint][::1],
    fivegrams: cython.const[cython.uint][::1],
    capacities: cython.const[cython.ulonglong][::1],
    books: cython.const[cython.float][::1],
    scale: cython.double,
    n_lanes: cython.Py_ssize_t,
    lane_theta: cython.const[cython.double][::1],
    n_groups: cython.Py_ssize_t,
    group_first: cython.const[cython.int][::1],
    group_family: cython.const[cython.int][::1],
    guided: cython.Py_ssize_t,
    beam: cython.Py_ssize_t,
    floor: cython.double,
    entry: cython.double,
    log_z: cython.double[::1],
    token_z: cython.double[::1],
    node_context: cython.int[::1],
    node_backoffs: cython.double[::1],
    node_length: cython.int[::1],
    node_key: cython.ulonglong[::1],
    node_rank: cython.int[::1],
    node_share: cython.double[::1],
    alpha: cython.double[::1],
    node_room: cython.Py_ssize_t,
    steps: cython.int[::1],
    step_values: cython.double[::1],
    step_keys: cython.ulonglong[::1],
    chosen: cython.int[::1],
    step_room: cython.Py_ssize_t,
    edge_from: cython.int[::1],
    edge_to: cython.int[::1],
    edge_arc: cython.int[::1],
    edge_ratio: cython.double[::1],
    edge_room: cython.Py_ssize_t,
    level_token: cython.int[::1],
    level_first: cython.int[::1],
    level_last: cython.int[::1],
    level_edge: cython.int[::1],
    level_ends: cython.uchar[::1],
    streams: cython.int[::1],
    stream_room: cython.Py_ssize_t,
    covered: cython.uchar[::1],
    first_node: cython.int[::1],
    identity: cython.double[::1],
    norm: cython.double[::1],
    factors: cython.double[::1],
    result: cython.double[::1],
) -> cython.Py_ssize_t:
    """Forward over the lattice of one text, for several hypotheses (lanes) at once; leaves the graph of model states for `backward`.

    Lane l of group g says: a spinner of family group_family[g] replaced a share lane_theta[l] of the words it can replace. All scores are ratios to the
    identity path under "nobody changed anything", so that log_z[l] is log P(text | lane) - log P(text | clean). Model probabilities enter to the power `scale`.

    The lattice splits into independent pieces wherever all hypotheses share one model state and no arc crosses (after order - 1 tokens without arcs at the
    latest). A piece has levels, one for each token and one for the end of a paragraph where several states meet; its nodes are numbered from 0, the
    state that it begins with. Pieces without arcs are not written down.

    Where order - 1 tokens without arcs have gone before, or a paragraph begins, the state is known beforehand: there a text is cut into *streams*, which are
    followed side by side. The model is asked for one position of each at a time, so that most of its answers are waited for together.

    Args:
        n: tokens. ids, spelling, breaks: model id, log probability of the spelling, and 1 where a paragraph begins, for each token.
        keep: n * n_families, s_w of each token as an original word.
        arc_order: arcs by end, then start, then number. The other arc arrays: see `expand`. Arcs first_term … last_term are for guides alone.
        group_first: n_groups + 1; group g has the lanes group_first[g] … group_first[g + 1].
        guided: 1 when the last lane of each group is a guide: it only keeps states alive, and its evidence is not asked for.
        beam: model states kept at each position, of those that have at least the share `floor` of some lane's probability. entry: arcs begin in states
            that have at least this share.
        log_z: for the lanes but guides, added to. token_z: n times as many, log_z by the position where it arose
            (cleared by the caller), or length 0 when not wanted.
        node_*: scratch for node_room + 2 of each stream (contexts and back-offs WIDTH times that, alpha n_lanes times); the two slots behind the nodes hold
            the identity path's state and a state in the making.
        steps, step_values, step_keys, chosen: scratch for the steps into one position of each stream (`_walk`): STEP, STEP_VALUES, 1 and 2 times step_room.
        edge_*: edges by their targets' levels: node numbers in their piece, the arc (-1 identity, -2 a meeting of states), and the ratio of the model.
        level_*: 2 * n + 4 * stream_room + 1: token (-1 where states meet), first node and the one behind the last, first edge, 1 where a piece ends.
        the rest: scratch. streams: STREAM * (stream_room + 1); covered: n + 1; first_node: n + 1 + stream_room; identity: n + 1; norm: 32 * n_lanes *
            stream_room; factors: 2 * n_lanes; result: 4.

    Returns:
        The number of levels; -1 when edge_room or step_room does not suffice.
    """
    n_levels: cython.Py_ssize_t = 0
    j: cython.Py_ssize_t
    k: cython.Py_ssize_t
    l: cython.Py_ssize_t  # noqa: E741
    g: cython.Py_ssize_t
    i: cython.Py_ssize_t
    s: cython.Py_ssize_t
    at: cython.Py_ssize_t
    a: cython.Py_ssize_t = 0
    node: cython.Py_ssize_t
    last: cython.Py_ssize_t
    source: cython.Py_ssize_t
    target: cython.Py_ssize_t
    begin: cython.Py_ssize_t
    n_nodes: cython.Py_ssize_t
    n_edges: cython.Py_ssize_t
    first_edge: cython.Py_ssize_t
    n_streams: cython.Py_ssize_t
    running: cython.Py_ssize_t
    step: cython.Py_ssize_t
    n_steps: cython.Py_ssize_t
    low: cython.Py_ssize_t
    scaled: cython.Py_ssize_t
    ring: cython.Py_ssize_t
    base_node: cython.Py_ssize_t
    scratch: cython.Py_ssize_t
    id_node: cython.Py_ssize_t
    id_length: cython.int
    arc: cython.int
    reset: cython.int
    full: cython.int
    key: cython.ulonglong
    wants: cython.int = 1 if len(token_z) > 0 else 0
    ratio: cython.double
    base: cython.double
    x: cython.double
    weight: cython.double
    total: cython.double
    most: cython.double
    with cython.nogil:
        n_streams = _cut_streams(n, breaks, n_arcs, arc_starts, arc_ends, order, stream_room, streams, covered)
        for s in range(n_streams):
            at = s * STREAM
            begin = streams[at]
            while a < n_arcs and arc_ends[arc_order[a]] <= begin:
                a += 1
            base_node = s * (node_room + 2)
            scratch = base_node + node_room
            # The state before the first token is the one that order - 1 tokens without arcs leave, or the beginning of a paragraph.
            id_length = 1
            _begin_text(node_context, node_backoffs, scratch * WIDTH, 1, unigrams[3])
            if begin > 0 and not breaks[begin]:
                id_length = 0
                _begin_text(node_context, node_backoffs, scratch * WIDTH, 0, 0)
                for k in range(begin - order + 1, begin):
                    id_length = lm_step(
                        ids[k], node_context, node_backoffs, scratch * WIDTH, id_length, scratch * WIDTH, order,
                        unigrams, bigrams, trigrams, fourgrams, fivegrams, capacities, books, result,
                    )  # fmt: skip
            # It is also the first node.
            node_length[base_node] = _copy_state(node_context, node_backoffs, scratch * WIDTH, base_node * WIDTH, id_length)
            for l in range(n_lanes):
                alpha[base_node * n_lanes + l] = 1
            node_share[base_node] = 1
            first_node[begin + s] = base_node
            streams[at + 1] = begin
            streams[at + 2] = a
            streams[at + 3] = begin
            streams[at + 4] = base_node + 1
            streams[at + 5] = streams[at + 6] = s * (edge_room // n_streams)
            streams[at + 7] = streams[at + 8] = 2 * begin + 4 * s
            streams[at + 9] = base_node
            streams[at + 10] = id_length
            streams[at + 11] = 0
        running = n_streams
        while running > 0:
            # 1. The steps into the next position of each stream: the identity path, each node with the token as it stands, and with every arc that ends there.
            running = 0
            n_steps = 0
            for s in range(n_streams):
                at = s * STREAM
                j = streams[at + 1] + 1
                if j > streams[at + STREAM]:
                    continue
                running += 1
                a = streams[at + 2]
                begin = streams[at + 3]
                n_nodes = streams[at + 4]
                k = a
                last = 1 + n_nodes - first_node[j - 1 + s]
                first_node[j + s] = n_nodes
                while k < n_arcs and arc_ends[arc_order[k]] == j:
                    i = arc_starts[arc_order[k]]
                    if i >= begin:
                        last += first_node[i + 1 + s] - first_node[i + s]
                    k += 1
                # At most that many edges, and as many where states meet behind them.
                if streams[at + 5] + 2 * last > (s + 1) * (edge_room // n_streams) or n_steps + last > step_room:
                    n_levels = -1
                    break
                scratch = s * (node_room + 2) + node_room
                streams[at + 12] = n_steps
                _begin_step(n_steps, node_context, node_backoffs, scratch, streams[at + 10], steps, step_values, ids[j - 1], 0, 0)
                n_steps += 1
                for node in range(first_node[j - 1 + s], n_nodes):
                    if node != streams[at + 9]:
                        _begin_step(n_steps, node_context, node_backoffs, node, node_length[node], steps, step_values, ids[j - 1], 0, 0)
                        n_steps += 1
                k = a
                while k < n_arcs and arc_ends[arc_order[k]] == j:
                    arc = arc_order[k]
                    k += 1
                    i = arc_starts[arc]
                    if i < begin:
                        continue
                    for node in range(first_node[i + s], first_node[i + 1 + s]):
                        if node_share[node] < entry:
                            continue
                        _begin_step(
                            n_steps, node_context, node_backoffs, node, node_length[node],
                            steps, step_values, word_ids[arc_words[arc]], arc_words[arc] + 1, arc_words[arc + 1],
                        )  # fmt: skip
                        n_steps += 1
            if n_levels < 0:
                break
            for step in range(n_steps):
                chosen[step] = step
            while n_steps > 0:
                _walk(n_steps, chosen, step_room, steps, step_values, step_keys, order, unigrams, bigrams, trigrams, fourgrams, fivegrams, capacities, books)
                last = 0
                for k in range(n_steps):
                    at = chosen[k] * STEP
                    if steps[at + 6] < steps[at + 7]:
                        steps[at + 5] = word_ids[steps[at + 6]]
                        steps[at + 6] += 1
                        chosen[last] = chosen[k]
                        last += 1
                n_steps = last
            for s in range(n_streams):
                at = s * STREAM
                j = streams[at + 1] + 1
                if j > streams[at + STREAM]:
                    continue
                streams[at + 1] = j
                a = streams[at + 2]
                begin = streams[at + 3]
                n_nodes = streams[at + 4]
                n_edges = streams[at + 5]
                id_node = streams[at + 9]
                base_node = s * (node_room + 2)
                scratch = base_node + node_room
                ring = 32 * s
                # 2. All edges into position j, and forward values of the nodes there, for each lane.
                step = streams[at + 12]
                identity[j - 1] = step_values[step * STEP_VALUES + 4] + spelling[j - 1]
                id_length = steps[step * STEP + 4]
                streams[at + 10] = id_length
                for k in range(4):
                    node_context[scratch * WIDTH + k] = steps[step * STEP + k]
                    node_backoffs[scratch * WIDTH + k] = step_values[step * STEP_VALUES + k]
                first_edge = n_edges
                for g in range(n_groups):
                    weight = keep[(j - 1) * n_families + group_family[g]]
                    for l in range(group_first[g], group_first[g + 1]):
                        factors[l] = 1 - lane_theta[l] * weight
                last = step
                step += 1
                for node in range(first_node[j - 1 + s], first_node[j + s]):
                    ratio = 1
                    if node == id_node:
                        k = last
                    else:
                        ratio = _bounded_exp(scale * (step_values[step * STEP_VALUES + 4] + spelling[j - 1] - identity[j - 1]))
                        k = step
                        step += 1
                    n_nodes = _add_edge(
                        node, -1, ratio, k, first_node[j + s], n_nodes, n_edges, n_lanes, alpha,
                        steps, step_values, node_context, node_backoffs, node_length, node_key, edge_from, edge_to, edge_arc, edge_ratio,
                    )  # fmt: skip
                    source = node * n_lanes
                    target = edge_to[n_edges] * n_lanes
                    for l in range(n_lanes):
                        alpha[target + l] += alpha[source + l] * ratio * factors[l]
                    n_edges += 1
                scaled = -1
                while a < n_arcs and arc_ends[arc_order[a]] == j:
                    arc = arc_order[a]
                    a += 1
                    i = arc_starts[arc]
                    if i < begin:
                        continue
                    total = 0
                    for g in range(n_groups):
                        total += arc_weights[arc * n_families + group_family[g]]
                    if total == 0 or (first_term <= arc < last_term and guided == 0):
                        for node in range(first_node[i + s], first_node[i + 1 + s]):
                            if node_share[node] >= entry:
                                step += 1
                        continue
                    # θ of the lanes, and what they divide by between the arc's ends: once for all arcs over these tokens.
                    if i != scaled:
                        scaled = i
                        for l in range(n_lanes):
                            factors[n_lanes + l] = lane_theta[l]
                        for k in range(i + 1, j):
                            for l in range(n_lanes):
                                factors[n_lanes + l] *= norm[(ring + (k & 31)) * n_lanes + l]
                    streams[at + 11] = 1
                    base = 0
                    for k in range(i, j):
                        base += identity[k]
                    for node in range(first_node[i + s], first_node[i + 1 + s]):
                        if node_share[node] < entry:
                            continue
                        if n_nodes >= scratch:
                            step += 1
                            continue
                        x = scale * (step_values[step * STEP_VALUES + 4] - base) + arc_bonus[arc]
                        ratio = _bounded_exp(x)
                        n_nodes = _add_edge(
                            node, arc, ratio, step, first_node[j + s], n_nodes, n_edges, n_lanes, alpha,
                            steps, step_values, node_context, node_backoffs, node_length, node_key, edge_from, edge_to, edge_arc, edge_ratio,
                        )  # fmt: skip
                        step += 1
                        source = node * n_lanes
                        target = edge_to[n_edges] * n_lanes
                        for g in range(n_groups):
                            weight = ratio * arc_weights[arc * n_families + group_family[g]]
                            if weight > 0:
                                low = group_first[g + 1] - 1 if first_term <= arc < last_term else group_first[g]
                                for l in range(low, group_first[g + 1]):
                                    alpha[target + l] += alpha[source + l] * weight * factors[n_lanes + l]
                        n_edges += 1
                # 3. Only nodes that matter to a lane stay, and only their edges.
                _sum_lanes(first_node[j + s], n_nodes, n_lanes, alpha, factors)
                node_share[first_node[j + s]] = 1
                if n_nodes - first_node[j + s] > 1:
                    last = _prune(first_node[j + s], n_nodes, beam, floor, n_lanes, alpha, factors, n_lanes, node_share, node_rank)
                    if last < n_nodes:
                        for node in range(first_node[j + s], n_nodes):
                            target = node_rank[node]
                            if 0 <= target < node:
                                node_share[target] = node_share[node]
                                node_key[target] = node_key[node]
                                node_length[target] = node_length[node]
                                _copy_state(node_context, node_backoffs, node * WIDTH, target * WIDTH, node_length[node])
                                for l in range(n_lanes):
                                    alpha[target * n_lanes + l] = alpha[node * n_lanes + l]
                        k = first_edge
                        for i in range(first_edge, n_edges):
                            target = node_rank[edge_to[i]]
                            if target >= 0:
                                edge_from[k] = edge_from[i]
                                edge_to[k] = target
                                edge_arc[k] = edge_arc[i]
                                edge_ratio[k] = edge_ratio[i]
                                k += 1
                        n_edges = k
                        n_nodes = last
                        _sum_lanes(first_node[j + s], n_nodes, n_lanes, alpha, factors)
                # 4. Evidence; forward values then sum to 1 in each lane.
                k = (j - 1) * (n_lanes - guided * n_groups)
                i = 0
                for g in range(n_groups):
                    for l in range(group_first[g], group_first[g + 1] - guided):
                        # Where a family has nothing to change the sum is 1 but for rounding.
                        x = factors[l] - 1
                        if x > 1e-13 or x < -1e-13:
                            x = log(factors[l])
                            log_z[i] += x
                            if wants:
                                token_z[k + i] = x
                        i += 1
                for l in range(n_lanes):
                    norm[(ring + (j & 31)) * n_lanes + l] = factors[n_lanes + l]
                for node in range(first_node[j + s], n_nodes):
                    for l in range(n_lanes):
                        alpha[node * n_lanes + l] *= factors[n_lanes + l]
                n_levels = streams[at + 7]
                level_token[n_levels] = j - 1
                level_first[n_levels] = first_node[j + s]
                level_last[n_levels] = n_nodes
                level_edge[n_levels] = first_edge
                level_ends[n_levels] = 0
                n_levels += 1
                # Which node is the identity path's state?
                id_node = -1
                key = _state_key(node_context, scratch * WIDTH, id_length)
                for node in range(first_node[j + s], n_nodes):
                    if node_key[node] == key:
                        id_node = node
                # 5. Finish the piece where no arc crosses and one state is left, at a paragraph's or the stream's end, or when the scratch is nearly used up.
                reset = 1 if j == n or breaks[j] else 0
                full = 1 if n_nodes > scratch - 512 or j == streams[at + STREAM] else 0
                if reset or full or (n_nodes - first_node[j + s] == 1 and not _crosses(arc_order, arc_starts, arc_ends, a, n_arcs, j)):
                    node = first_node[j + s]
                    if n_nodes - node > 1 or (reset and id_node < 0):
                        # Several states meet. At the end of a paragraph each pays for </s> (id 2).
                        base = 0
                        if reset:
                            _copy_state(node_context, node_backoffs, scratch * WIDTH, (scratch + 1) * WIDTH, id_length)
                            lm_step(
                                2, node_context, node_backoffs, (scratch + 1) * WIDTH, id_length, (scratch + 1) * WIDTH, order,
                                unigrams, bigrams, trigrams, fourgrams, fivegrams, capacities, books, result,
                            )  # fmt: skip
                            base = result[0]
                        first_edge = n_edges
                        most = -1
                        for l in range(n_lanes):
                            factors[l] = 0
                        for k in range(first_node[j + s], n_nodes):
                            ratio = 1
                            if reset:
                                _copy_state(node_context, node_backoffs, k * WIDTH, (scratch + 1) * WIDTH, node_length[k])
                                lm_step(
                                    2, node_context, node_backoffs, (scratch + 1) * WIDTH, node_length[k], (scratch + 1) * WIDTH, order,
                                    unigrams, bigrams, trigrams, fourgrams, fivegrams, capacities, books, result,
                                )  # fmt: skip
                                ratio = _bounded_exp(scale * (result[0] - base))
                            total = 0
                            for l in range(n_lanes):
                                x = alpha[k * n_lanes + l] * ratio
                                factors[l] += x
                                total += x
                            if total > most:
                                most = total
                                node = k
                            edge_from[n_edges] = k
                            edge_to[n_edges] = n_nodes
                            edge_arc[n_edges] = -2
                            edge_ratio[n_edges] = ratio
                            n_edges += 1
                        k = (j - 1) * (n_lanes - guided * n_groups)
                        i = 0
                        for g in range(n_groups):
                            for l in range(group_first[g], group_first[g + 1] - guided):
                                x = log(factors[l] if factors[l] > 1e-290 else 1e-290)
                                log_z[i] += x
                                if wants:
                                    token_z[k + i] += x
                                i += 1
                        level_token[n_levels] = -1
                        level_first[n_levels] = n_nodes
                        level_last[n_levels] = n_nodes + 1
                        level_edge[n_levels] = first_edge
                        n_levels += 1
                    level_ends[n_levels - 1] = 1
                    if streams[at + 11] == 0:
                        n_levels = streams[at + 8]
                        n_edges = streams[at + 6]
                    # 6. Begin the next piece with the one state that goes on.
                    streams[at + 3] = j
                    if reset:
                        _begin_text(node_context, node_backoffs, scratch * WIDTH, 1, unigrams[3])
                        node_length[base_node] = _copy_state(node_context, node_backoffs, scratch * WIDTH, base_node * WIDTH, 1)
                        streams[at + 10] = 1
                        id_node = base_node
                    else:
                        node_length[base_node] = node_length[node]
                        _copy_state(node_context, node_backoffs, node * WIDTH, base_node * WIDTH, node_length[node])
                        id_node = base_node if id_node == node else -1
                    for l in range(n_lanes):
                        alpha[base_node * n_lanes + l] = 1
                    node_share[base_node] = 1
                    first_node[j + s] = base_node
                    n_nodes = base_node + 1
                    streams[at + 11] = 0
                    streams[at + 6] = n_edges
                    streams[at + 8] = n_levels
                streams[at + 2] = a
                streams[at + 4] = n_nodes
                streams[at + 5] = n_edges
                streams[at + 7] = n_levels
                streams[at + 9] = id_node
                n_levels = 0
        if n_levels >= 0:
            # The streams' levels and edges, one behind the other.
            n_edges = 0
            for s in range(n_streams):
                at = s * STREAM
                base_node = s * (node_room + 2)
                first_edge = s * (edge_room // n_streams)
                for k in range(2 * streams[at] + 4 * s, streams[at + 7]):
                    level_token[n_levels] = level_token[k]
                    level_first[n_levels] = level_first[k] - base_node
                    level_last[n_levels] = level_last[k] - base_node
                    level_edge[n_levels] = level_edge[k] - first_edge + n_edges
                    level_ends[n_levels] = level_ends[k]
                    n_levels += 1
                for k in range(first_edge, streams[at + 5]):
                    edge_from[n_edges] = edge_from[k] - base_node
                    edge_to[n_edges] = edge_to[k] - base_node
                    edge_arc[n_edges] = edge_arc[k]
                    edge_ratio[n_edges] = edge_ratio[k]
                    n_edges += 1
            level_edge[n_levels] = n_edges
            level_token[n_levels] = level_first[n_levels] = level_last[n_levels] = 0
            level_ends[n_levels] = 0
    return n_levels


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _cut_streams(
    n: cython.Py_ssize_t,
    breaks: cython.const[cython.uchar][::1],
    n_arcs: cython.Py_ssize_t,
    arc_starts: cython.const[cython.int][::1],
    arc_ends: cython.const[cython.int][::1],
    order: cython.int,
    most: cython.Py_ssize_t,
    streams: cython.int[::1],
    covered: cython.uchar[::1],
) -> cython.Py_ssize_t:
    """Where streams begin: streams[STREAM * s], with n behind the last; at most `most`, of about equal length and 32 tokens or more. Returns their number."""
    k: cython.Py_ssize_t
    i: cython.Py_ssize_t
    run: cython.Py_ssize_t = 0
    count: cython.Py_ssize_t = 1
    length: cython.Py_ssize_t = n // most
    if length < 32:
        length = 32
    for i in range(n):
        covered[i] = 0
    for k in range(n_arcs):
        for i in range(arc_starts[k], arc_ends[k]):
            covered[i] = 1
    streams[0] = 0
    for i in range(n):
        if breaks[i]:
            run = 0
        if count < most and i - streams[STREAM * (count - 1)] >= length and (breaks[i] or run >= order - 1):
            streams[STREAM * count] = i
            count += 1
        run = 0 if covered[i] else run + 1
    streams[STREAM * count] = n
    return count


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _sum_lanes(
    first: cython.Py_ssize_t, last: cython.Py_ssize_t, n_lanes: cython.Py_ssize_t, alpha: cython.const[cython.double][::1], sums: cython.double[::1]
) -> cython.void:
    """For each lane the sum over the nodes first … last, and behind all lanes one over it."""
    node: cython.Py_ssize_t
    l: cython.Py_ssize_t  # noqa: E741
    for l in range(n_lanes):
        # Identity is always possible; a lane without anything would divide by zero all the same.
        sums[l] = alpha[first * n_lanes + l] + 1e-290
    for node in range(first + 1, last):
        for l in range(n_lanes):
            sums[l] += alpha[node * n_lanes + l]
    for l in range(n_lanes):
        sums[n_lanes + l] = 1 / sums[l]


def backward(
    n_levels: cython.Py_ssize_t,
    level_token: cython.const[cython.int][::1],
    level_first: cython.const[cython.int][::1],
    level_last: cython.const[cython.int][::1],
    level_edge: cython.const[cython.int][::1],
    level_ends: cython.const[cython.uchar][::1],
    edge_from: cython.const[cython.int][::1],
    edge_to: cython.const[cython.int][::1],
    edge_arc: cython.const[cython.int][::1],
    edge_ratio: cython.const[cython.double][::1],
    arc_starts: cython.const[cython.int][::1],
    arc_ends: cython.const[cython.int][::1],
    arc_weights: cython.const[cython.float][::1],
    keep: cython.const[cython.float][::1],
    n_families: cython.Py_ssize_t,
    n_lanes: cython.Py_ssize_t,
    lane_theta: cython.const[cython.double][::1],
    lane_family: cython.const[cython.int][::1],
    lane_weight: cython.const[cython.double][::1],
    alpha: cython.double[::1],
    beta: cython.double[::1],
    norm: cython.double[::1],
    node_best: cython.double[::1],
    node_edge: cython.int[::1],
    factors: cython.double[::1],
    posterior: cython.double[::1],
    best: cython.uchar[::1],
) -> None:
    """Posteriors and the best path over the graph that `forward` has left, with the lanes weighted.

    Args:
        level_*, edge_*: the graph. arc_*, keep: as in `forward`.
        lane_weight: posterior of the lanes.
        alpha, beta: scratch, nodes of the largest piece * n_lanes. node_best, node_edge: the nodes of the largest piece. norm: (n_levels + 1) * n_lanes.
        factors: n_lanes.
        posterior: for each arc, cleared by the caller: its probability under the lanes. best: 1 for arcs of the Viterbi path, cleared by the caller.
    """
    first: cython.Py_ssize_t = 0
    last: cython.Py_ssize_t
    v: cython.Py_ssize_t
    q: cython.Py_ssize_t
    e: cython.Py_ssize_t
    k: cython.Py_ssize_t
    l: cython.Py_ssize_t  # noqa: E741
    node: cython.Py_ssize_t
    source: cython.Py_ssize_t
    target: cython.Py_ssize_t
    arc: cython.int
    x: cython.double
    y: cython.double
    total: cython.double
    share: cython.double
    with cython.nogil:
        while first < n_levels:
            last = first
            while level_ends[last] == 0:
                last += 1
            # 1. Forward again, for these lanes, and the best edge into each node.
            node_best[0] = 0
            for l in range(n_lanes):
                alpha[l] = 1
            for v in range(first, last + 1):
                for node in range(level_first[v], level_last[v]):
                    node_best[node] = -1e300
                    node_edge[node] = -1
                    for l in range(n_lanes):
                        alpha[node * n_lanes + l] = 0
                share = 0
                for e in range(level_edge[v], level_edge[v + 1]):
                    source = edge_from[e]
                    target = edge_to[e]
                    # The edges of an arc stand together.
                    if e == level_edge[v] or edge_arc[e] != edge_arc[e - 1]:
                        share = _lane_factors(
                            edge_arc[e], level_token[v], v - first, arc_starts, arc_ends, arc_weights, keep, n_families,
                            n_lanes, lane_theta, lane_family, lane_weight, norm, factors,
                        )  # fmt: skip
                    for l in range(n_lanes):
                        alpha[target * n_lanes + l] += alpha[source * n_lanes + l] * edge_ratio[e] * factors[l]
                    if share > 0:
                        x = node_best[source] + log(edge_ratio[e] * share + 1e-300)
                        if x > node_best[target]:
                            node_best[target] = x
                            node_edge[target] = e
                for l in range(n_lanes):
                    total = 0
                    for node in range(level_first[v], level_last[v]):
                        total += alpha[node * n_lanes + l]
                    total = 1 / (total if total > 1e-290 else 1e-290)
                    norm[(v - first) * n_lanes + l] = total
                    for node in range(level_first[v], level_last[v]):
                        alpha[node * n_lanes + l] *= total
            # 2. Backward.
            for k in range(level_last[last] * n_lanes):
                beta[k] = 0
            for l in range(n_lanes):
                beta[level_first[last] * n_lanes + l] = 1
            v = last
            while v >= first:
                e = level_edge[v + 1]
                while e > level_edge[v]:
                    e -= 1
                    source = edge_from[e]
                    target = edge_to[e]
                    arc = edge_arc[e]
                    if e + 1 == level_edge[v + 1] or arc != edge_arc[e + 1]:
                        _lane_factors(
                            arc, level_token[v], v - first, arc_starts, arc_ends, arc_weights, keep, n_families,
                            n_lanes, lane_theta, lane_family, lane_weight, norm, factors,
                        )  # fmt: skip
                    total = 0
                    for l in range(n_lanes):
                        y = beta[target * n_lanes + l] * edge_ratio[e] * factors[l] * norm[(v - first) * n_lanes + l]
                        beta[source * n_lanes + l] += y
                        total += lane_weight[l] * alpha[source * n_lanes + l] * y
                    if arc >= 0:
                        posterior[arc] += total
                v -= 1
            node = level_first[last]
            while node > 0:
                q = node_edge[node]
                if edge_arc[q] >= 0:
                    best[edge_arc[q]] = 1
                node = edge_from[q]
            first = last + 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _lane_factors(
    arc: cython.int,
    token: cython.Py_ssize_t,
    level: cython.Py_ssize_t,
    arc_starts: cython.const[cython.int][::1],
    arc_ends: cython.const[cython.int][::1],
    arc_weights: cython.const[cython.float][::1],
    keep: cython.const[cython.float][::1],
    n_families: cython.Py_ssize_t,
    n_lanes: cython.Py_ssize_t,
    lane_theta: cython.const[cython.double][::1],
    lane_family: cython.const[cython.int][::1],
    lane_weight: cython.const[cython.double][::1],
    norm: cython.const[cython.double][::1],
    factors: cython.double[::1],
) -> cython.double:
    """What each lane makes of an edge, times the norms of the levels that it leaps over, and the weighted sum of the former."""
    l: cython.Py_ssize_t  # noqa: E741
    k: cython.Py_ssize_t
    x: cython.double
    share: cython.double = 0
    for l in range(n_lanes):
        if arc >= 0:
            x = lane_theta[l] * arc_weights[arc * n_families + lane_family[l]]
        elif arc == -1:
            x = 1 - lane_theta[l] * keep[token * n_families + lane_family[l]]
        else:
            x = 1
        share += lane_weight[l] * x
        if arc >= 0:
            for k in range(level - (arc_ends[arc] - arc_starts[arc]) + 1, level):
                x *= norm[k * n_lanes + l]
        factors[l] = x
    return share


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _bounded_exp(x: cython.double) -> cython.double:
    """exp without overflow, far beyond what evidence at one place can be: products of two of these are still finite."""
    return exp(-300 if x < -300 else 300 if x > 300 else x)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _copy_state(context: cython.int[::1], backoffs: cython.double[::1], at: cython.Py_ssize_t, to: cython.Py_ssize_t, length: cython.int) -> cython.int:
    m: cython.int
    for m in range(4):
        context[to + m] = context[at + m]
        backoffs[to + m] = backoffs[at + m]
    return length


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _begin_text(context: cython.int[::1], backoffs: cython.double[::1], at: cython.Py_ssize_t, word: cython.int, backoff: cython.double) -> cython.void:
    """A state of one word."""
    m: cython.int
    for m in range(1, 4):
        context[at + m] = 0
        backoffs[at + m] = 0
    context[at] = word
    backoffs[at] = backoff


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _state_key(context: cython.const[cython.int][::1], at: cython.Py_ssize_t, length: cython.int) -> cython.ulonglong:
    """Two model states are the same where their words are."""
    key: cython.ulonglong = mix(length, context[at])
    key = mix(key, context[at + 1])
    key = mix(key, context[at + 2])
    return mix(key, context[at + 3])


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _begin_step(
    step: cython.Py_ssize_t,
    context: cython.const[cython.int][::1],
    backoffs: cython.const[cython.double][::1],
    node: cython.Py_ssize_t,
    length: cython.int,
    steps: cython.int[::1],
    values: cython.double[::1],
    word: cython.int,
    following: cython.int,
    stop: cython.int,
) -> cython.void:
    """Step number `step` from a node's state: over a word, and then over the words from `following` to the one before `stop` of the list of words."""
    m: cython.int
    for m in range(4):
        steps[step * STEP + m] = context[node * WIDTH + m]
        values[step * STEP_VALUES + m] = backoffs[node * WIDTH + m]
    steps[step * STEP + 4] = length
    steps[step * STEP + 5] = word
    steps[step * STEP + 6] = following
    steps[step * STEP + 7] = stop
    values[step * STEP_VALUES + 4] = 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _add_edge(
    source: cython.Py_ssize_t,
    arc: cython.int,
    ratio: cython.double,
    step: cython.Py_ssize_t,
    first: cython.Py_ssize_t,
    n_nodes: cython.Py_ssize_t,
    edge: cython.Py_ssize_t,
    n_lanes: cython.Py_ssize_t,
    alpha: cython.double[::1],
    steps: cython.const[cython.int][::1],
    values: cython.const[cython.double][::1],
    node_context: cython.int[::1],
    node_backoffs: cython.double[::1],
    node_length: cython.int[::1],
    node_key: cython.ulonglong[::1],
    edge_from: cython.int[::1],
    edge_to: cython.int[::1],
    edge_arc: cython.int[::1],
    edge_ratio: cython.double[::1],
) -> cython.Py_ssize_t:
    """Write edge number `edge` to the node that has the model state of a step, making the node if there is none; returns the number of nodes."""
    key: cython.ulonglong = _state_key(steps, step * STEP, steps[step * STEP + 4])
    m: cython.int
    node: cython.Py_ssize_t
    l: cython.Py_ssize_t  # noqa: E741
    target: cython.Py_ssize_t = -1
    for node in range(first, n_nodes):
        if node_key[node] == key:
            target = node
            break
    if target < 0:
        target = n_nodes
        node_key[target] = key
        node_length[target] = steps[step * STEP + 4]
        for m in range(4):
            node_context[target * WIDTH + m] = steps[step * STEP + m]
            node_backoffs[target * WIDTH + m] = values[step * STEP_VALUES + m]
        for l in range(n_lanes):
            alpha[target * n_lanes + l] = 0
        n_nodes += 1
    edge_from[edge] = source
    edge_to[edge] = target
    edge_arc[edge] = arc
    edge_ratio[edge] = ratio
    return n_nodes


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _prune(
    first: cython.Py_ssize_t,
    last: cython.Py_ssize_t,
    beam: cython.Py_ssize_t,
    floor: cython.double,
    n_lanes: cython.Py_ssize_t,
    alpha: cython.const[cython.double][::1],
    scales: cython.const[cython.double][::1],
    first_scale: cython.Py_ssize_t,
    shares: cython.double[::1],
    ranks: cython.int[::1],
) -> cython.Py_ssize_t:
    """New numbers, from `first` on, for the `beam` nodes of first … last with the largest share of any lane's probability, if it is at least `floor`; ties
    go to the earlier node.

    `ranks` gets the numbers, −1 for the nodes that go; `scales`, from `first_scale` on, makes shares of alpha; `shares` gets them.
    Returns the number behind the last.
    """
    node: cython.Py_ssize_t
    l: cython.Py_ssize_t  # noqa: E741
    k: cython.Py_ssize_t
    at: cython.Py_ssize_t
    most: cython.double
    share: cython.double
    n: cython.Py_ssize_t = 0
    for node in range(first, last):
        most = 0
        for l in range(n_lanes):
            share = alpha[node * n_lanes + l] * scales[first_scale + l]
            if share > most:
                most = share
        shares[node] = most
        ranks[node] = 0 if most >= floor else -1
        if most >= floor:
            n += 1
    if n == 0 or n > beam:
        for node in range(first, last):
            ranks[node] = -1
        for k in range(beam):
            most = -1
            at = -1
            for node in range(first, last):
                if ranks[node] < 0 and shares[node] > most:
                    most = shares[node]
                    at = node
            if at < 0 or (most < floor and k > 0):
                break
            ranks[at] = 0
    at = first
    for node in range(first, last):
        if ranks[node] == 0:
            ranks[node] = at
            at += 1
    return at


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _crosses(
    arc_order: cython.const[cython.int][::1],
    arc_starts: cython.const[cython.int][::1],
    arc_ends: cython.const[cython.int][::1],
    a: cython.Py_ssize_t,
    n_arcs: cython.Py_ssize_t,
    j: cython.Py_ssize_t,
) -> cython.int:
    """1 when an arc that ends after position j begins before it; arcs are at most 15 tokens long."""
    while a < n_arcs and arc_ends[arc_order[a]] < j + 16:
        if arc_starts[arc_order[a]] < j:
            return 1
        a += 1
    return 0


def gather(
    n_arcs: cython.Py_ssize_t,
    order: cython.const[cython.int][::1],
    starts: cython.const[cython.int][::1],
    ends: cython.const[cython.int][::1],
    first_words: cython.const[cython.int][::1],
    words: cython.const[cython.int][::1],
    ids: cython.const[cython.int][::1],
    posterior: cython.const[cython.double][::1],
    best: cython.const[cython.uchar][::1],
    negligible: cython.double,
    chosen: cython.int[::1],
    support: cython.double[::1],
    others: cython.int[::1],
    inside: cython.double[::1],
) -> cython.Py_ssize_t:
    """The changes of the best path, each with the posterior of what it writes, whichever arcs write it.

    The *core* of an arc is what it changes, without the words that it repeats at its ends. A row for a phrase and the rows for its words often give the same
    wording ("years in the past" → "years ago" or "in the past" → "ago"; "coronary heart illness" as a whole, or word by word); the posterior splits between
    such paths, and the change is as sure as their sum.

    Args:
        order, starts, ends, first_words, words: of the arcs; see `expand` and `sort_arcs`. ids: of the tokens.
        posterior, best: from `backward`.
        negligible: arcs with a lower posterior are not listed in `others`.
        chosen: CHOSEN items a change: arc, core's first token, token after its last, its first word, word after its last, end of its list in `others`
            (which begins where that of the change before ends). Room for n_arcs changes.
        support: posterior of each change, n_arcs.
        others: arc, first word and word after the last of the core, of arcs with the same core tokens as a change; 3 * n_arcs (cores of changes are disjoint).
        inside: scratch, 16 items: an arc has at most 15 tokens.

    Returns:
        The number of changes, in the order of the text.
    """
    count: cython.Py_ssize_t = 0
    listed: cython.Py_ssize_t = 0
    a: cython.Py_ssize_t
    b: cython.Py_ssize_t
    low: cython.Py_ssize_t
    high: cython.Py_ssize_t
    k: cython.int
    m: cython.int
    i: cython.int
    j: cython.int
    first: cython.int
    last: cython.int
    left: cython.int
    right: cython.int
    at: cython.int
    stop: cython.int
    known: cython.int
    aligned: cython.int
    same: cython.int
    total: cython.double
    weakest: cython.double
    with cython.nogil:
        for a in range(n_arcs):
            k = order[a]
            if best[k] == 0:
                continue
            i = starts[k]
            j = ends[k]
            first = first_words[k]
            last = first_words[k + 1]
            while j - i > 1 and last - first > 1 and ids[i] != 0 and ids[i] == words[first]:
                i += 1
                first += 1
            while j - i > 1 and last - first > 1 and ids[j - 1] != 0 and ids[j - 1] == words[last - 1]:
                j -= 1
                last -= 1
            known = 1
            for m in range(first, last):
                if words[m] == 0:
                    known = 0
            aligned = 1 if last - first == j - i and known else 0
            for m in range(j - i):
                inside[m] = 0
            # Arcs that end after the core's first token, up to those that may still begin before its end.
            low = 0
            high = n_arcs
            while low < high:
                b = (low + high) >> 1
                if ends[order[b]] > i:
                    high = b
                else:
                    low = b + 1
            total = 0
            b = low
            while b < n_arcs and ends[order[b]] < j + 16:
                m = order[b]
                b += 1
                if starts[m] >= j or posterior[m] == 0:
                    continue
                left = starts[m]
                right = ends[m]
                at = first_words[m]
                stop = first_words[m + 1]
                while right - left > 1 and stop - at > 1 and ids[left] != 0 and ids[left] == words[at]:
                    left += 1
                    at += 1
                while right - left > 1 and stop - at > 1 and ids[right - 1] != 0 and ids[right - 1] == words[stop - 1]:
                    right -= 1
                    stop -= 1
                if left == i and right == j:
                    if posterior[m] > negligible:
                        others[3 * listed] = m
                        others[3 * listed + 1] = at
                        others[3 * listed + 2] = stop
                        listed += 1
                    if known and stop - at == last - first and _same_words(words, at, first, stop - at):
                        total += posterior[m]
                elif aligned and stop - at == right - left:
                    if left <= i and j <= right:
                        if _same_words(words, at + i - left, first, j - i):
                            total += posterior[m]
                    elif right == left + 1 and i <= left < j and words[at] == words[first + left - i]:
                        inside[left - i] += posterior[m]
            if aligned and j - i > 1:
                same = 1
                weakest = 1
                for m in range(j - i):
                    if words[first + m] != ids[i + m]:
                        same = 0
                        if inside[m] < weakest:
                            weakest = inside[m]
                if same == 0:
                    total += weakest
            if known == 0:
                total = posterior[k]
            chosen[CHOSEN * count] = k
            chosen[CHOSEN * count + 1] = i
            chosen[CHOSEN * count + 2] = j
            chosen[CHOSEN * count + 3] = first
            chosen[CHOSEN * count + 4] = last
            chosen[CHOSEN * count + 5] = listed
            support[count] = 1 if total > 1 else total
            count += 1
    return count


def settle(
    n_changes: cython.Py_ssize_t,
    chosen: cython.const[cython.int][::1],
    support: cython.const[cython.double][::1],
    others: cython.const[cython.int][::1],
    candidates: cython.const[cython.int][::1],
    first_words: cython.const[cython.int][::1],
    posterior: cython.const[cython.double][::1],
    text: cython.const[cython.uchar][::1],
    starts: cython.const[cython.int][::1],
    ends: cython.const[cython.int][::1],
    flags: cython.const[cython.ushort][::1],
    hashes: cython.const[cython.ulonglong][::1],
    n: cython.Py_ssize_t,
    unit_starts: cython.const[cython.int][::1],
    unit_spun: cython.const[cython.double][::1],
    n_units: cython.Py_ssize_t,
    known: cython.double,
    a: cython.double,
    b: cython.double,
    odds: cython.double,
    least: cython.double,
    article_a: cython.ulonglong,
    article_an: cython.ulonglong,
    marks: cython.int,
    rows: cython.int[::1],
    readings: cython.int[::1],
    probability: cython.double[::1],
    rest: cython.double[::1],
    likely: cython.double[::1],
) -> cython.Py_ssize_t:
    """The changes that are made, as places of the text and readings of candidates.

    Args:
        n_changes, chosen, support, others: from `gather`. candidates, first_words: of the arcs; posterior: from `backward`.
        text, starts, ends, flags, hashes: of the n tokens.
        unit_starts, unit_spun: the byte at which each sentence begins, in rising order, and the probability that it is spun.
        known: factor of every change. a, b, odds: of the beta calibration (`restore.detect.EDIT_MAP`).
        least: changes of a lower probability are not made.
        marks: bits that every change has.
        rows: SETTLED items a change: first byte, byte behind the last, marks (1 a neighbour is in capitals, 2 its full stop ends the sentence and stays), then
            candidate, first word, word behind the last and number of words of the candidate; first byte of the article before it and the byte behind, or
            -1; other readings of the same tokens, as the first and the one behind the last in `readings`. Room for n_changes.
        readings: 4 items each: candidate, first word, word behind the last, number of words. Room for all of `others`.
        probability: of each change, calibrated. rest: factor of the posteriors of its other readings. likely: these posteriors.

    Returns:
        The number of changes that are made.
    """
    count: cython.Py_ssize_t = 0
    listed: cython.Py_ssize_t = 0
    c: cython.Py_ssize_t
    u: cython.Py_ssize_t = -1
    m: cython.Py_ssize_t = 0
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    end: cython.int
    arc: cython.int
    own: cython.int
    at: cython.Py_ssize_t
    p: cython.double
    x: cython.double
    factor: cython.double
    with cython.nogil:
        for c in range(n_changes):
            own = chosen[CHOSEN * c]
            i = chosen[CHOSEN * c + 1]
            j = chosen[CHOSEN * c + 2]
            while u + 1 < n_units and unit_starts[u + 1] <= starts[i]:
                u += 1
            factor = known * unit_spun[u] if u >= 0 else known
            p = support[c]
            p = 1e-6 if p < 1e-6 else 1 - 1e-6 if p > 1 - 1e-6 else p
            x = a * log(p) - b * log1p(-p) + odds
            p = 1 / (1 + exp(-x)) if x >= 0 else exp(x) / (1 + exp(x))
            if p * factor < least:
                m = chosen[CHOSEN * c + 5]
                continue
            at = SETTLED * count
            rows[at] = starts[i]
            rows[at + 2] = marks
            if (i > 0 and flags[i - 1] & 31 == UPPER << 3) or (j < n and flags[j] & 31 == UPPER << 3):
                rows[at + 2] |= 1
            # The full stop of an abbreviation stays where it also ends the sentence.
            end = ends[j - 1]
            if flags[j - 1] & 7 == ABBREVIATION and text[end - 1] == 46 and (j == n or flags[j] & 96 or flags[j] & 24 == CAPITALISED << 3):
                end -= 1
                rows[at + 2] |= 2
            rows[at + 1] = end
            arc = own
            rows[at + 3] = candidates[arc]
            rows[at + 4] = chosen[CHOSEN * c + 3] - first_words[arc]
            rows[at + 5] = chosen[CHOSEN * c + 4] - first_words[arc]
            rows[at + 6] = first_words[arc + 1] - first_words[arc]
            rows[at + 7] = rows[at + 8] = -1
            if i > 0 and (hashes[i - 1] == article_a or hashes[i - 1] == article_an) and not flags[i - 1] & LOCKED and not flags[i] & 96:
                rows[at + 7] = starts[i - 1]
                rows[at + 8] = ends[i - 1]
            rows[at + 9] = listed
            while m < chosen[CHOSEN * c + 5]:
                arc = others[3 * m]
                if arc != own or others[3 * m + 1] != chosen[CHOSEN * c + 3] or others[3 * m + 2] != chosen[CHOSEN * c + 4]:
                    readings[4 * listed] = candidates[arc]
                    readings[4 * listed + 1] = others[3 * m + 1] - first_words[arc]
                    readings[4 * listed + 2] = others[3 * m + 2] - first_words[arc]
                    readings[4 * listed + 3] = first_words[arc + 1] - first_words[arc]
                    likely[listed] = posterior[arc]
                    listed += 1
                m += 1
            rows[at + 10] = listed
            # What the change gains by calibration, its other readings lose; what it loses belongs to wordings that nobody listed.
            probability[count] = p * factor
            x = 1 - support[c]
            x = (1 - p) / (x if x > 1e-9 else 1e-9)
            rest[count] = factor * (x if x < 1 else 1)
            count += 1
    return count


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _same_words(words: cython.const[cython.int][::1], a: cython.int, b: cython.int, n: cython.int) -> cython.int:
    m: cython.int
    for m in range(n):
        if words[a + m] != words[b + m]:
            return 0
    return 1


# --- small passes over arrays -------------------------------------------------------------------------------------------------------------------


def keep_rates(
    hashes: cython.const[cython.ulonglong][::1],
    n: cython.Py_ssize_t,
    keys: cython.const[cython.ulonglong][::1],
    values: cython.const[cython.uint][::1],
    capacity: cython.ulonglong,
    weights: cython.const[cython.float][::1],
    n_families: cython.Py_ssize_t,
    results: cython.float[::1],
) -> None:
    """s_w of each token as an original word, by family: n * n_families values, 0 for words that no row replaces."""
    i: cython.Py_ssize_t
    f: cython.Py_ssize_t
    value: cython.uint
    with cython.nogil:
        for i in range(n):
            value = _find_phrase(mix(0, hashes[i]), keys, values, capacity)
            for f in range(n_families):
                results[i * n_families + f] = weights[((value >> 4) - 1) * n_families + f] if value >> 4 else 0


def lock(starts: cython.const[cython.int][::1], ends: cython.const[cython.int][::1], n_matches: cython.Py_ssize_t, flags: cython.ushort[::1]) -> None:
    """Lock the tokens of the matched spans: they are never edited."""
    k: cython.Py_ssize_t
    i: cython.Py_ssize_t
    for k in range(n_matches):
        for i in range(starts[k], ends[k]):
            flags[i] = flags[i] | LOCKED


def count_candidates(
    starts: cython.const[cython.int][::1],
    phrases: cython.const[cython.int][::1],
    n: cython.Py_ssize_t,
    candidate_first: cython.const[cython.uint][::1],
    word_first: cython.const[cython.uint][::1],
    seen: cython.int[::1],
    counts: cython.longlong[::1],
) -> None:
    """Candidates of `n` matched phrases, and words of these candidates: the room that `expand` needs; and places where one begins.

    Args:
        starts, phrases: of the matches.
        seen: scratch, for each token, cleared.
        counts: result, 3.
    """
    k: cython.Py_ssize_t
    first: cython.Py_ssize_t
    last: cython.Py_ssize_t
    candidates: cython.longlong = 0
    words: cython.longlong = 0
    places: cython.longlong = 0
    with cython.nogil:
        for k in range(n):
            first = candidate_first[phrases[k]]
            last = candidate_first[phrases[k] + 1]
            candidates += last - first
            words += word_first[last] - word_first[first]
            if last > first and seen[starts[k]] == 0:
                seen[starts[k]] = 1
                places += 1
        counts[0] = candidates
        counts[1] = words
        counts[2] = places


def sort_arcs(
    ends: cython.const[cython.int][::1], n_arcs: cython.Py_ssize_t, n_tokens: cython.Py_ssize_t, order: cython.int[::1], counts: cython.int[::1]
) -> None:
    """Arc numbers by end, stable; `counts` is scratch of n_tokens + 2 zeros."""
    k: cython.Py_ssize_t
    for k in range(n_arcs):
        counts[ends[k] + 1] += 1
    for k in range(n_tokens + 1):
        counts[k + 1] += counts[k]
    for k in range(n_arcs):
        order[counts[ends[k]]] = k
        counts[ends[k]] += 1


def measure(
    token_z: cython.const[cython.double][::1],
    n_lanes: cython.Py_ssize_t,
    weights: cython.const[cython.double][::1],
    flags: cython.const[cython.ushort][::1],
    bounds: cython.const[cython.int][::1],
    n_units: cython.Py_ssize_t,
    chosen: cython.const[cython.int][::1],
    n_chosen: cython.Py_ssize_t,
    weak: cython.double,
    strong: cython.double,
    words: cython.int[::1],
    sums: cython.double[::1],
    signs: cython.double[::1],
) -> None:
    """Evidence of units for each lane, and that for the chosen lanes split in three: what speaks against, up to `weak`, from there to `strong`.

    Args:
        token_z: of the tokens, times n_lanes. weights, flags: of the tokens.
        bounds: unit k holds the tokens bounds[k] … bounds[k + 1].
        words: result: words of each unit.
        sums: result, n_units * n_lanes, cleared: weighted sums over the tokens.
        signs: result, n_units * n_chosen * 3, cleared.
    """
    k: cython.Py_ssize_t
    i: cython.Py_ssize_t
    l: cython.Py_ssize_t  # noqa: E741
    c: cython.Py_ssize_t
    at: cython.Py_ssize_t
    z: cython.double
    weight: cython.double
    with cython.nogil:
        for k in range(n_units):
            words[k] = 0
            for i in range(bounds[k], bounds[k + 1]):
                if flags[i] & 7 == WORD:
                    words[k] += 1
                weight = weights[i]
                for l in range(n_lanes):
                    sums[k * n_lanes + l] += token_z[i * n_lanes + l] * weight
                for c in range(n_chosen):
                    at = (k * n_chosen + c) * 3
                    z = token_z[i * n_lanes + chosen[c]]
                    if z <= 0:
                        signs[at] += z * weight
                    elif z <= weak:
                        signs[at + 1] += z * weight
                    else:
                        signs[at + 1] += weak * weight
                        signs[at + 2] += (z if z < strong else strong) * weight - weak * weight


def sum_units(
    words: cython.const[cython.int][::1],
    signs: cython.const[cython.double][::1],
    odd: cython.const[cython.double][::1],
    n_units: cython.Py_ssize_t,
    n_families: cython.Py_ssize_t,
    against: cython.double,
    weak: cython.double,
    strong: cython.double,
    word: cython.double,
    totals: cython.double[::1],
    wholes: cython.double[::1],
    parts: cython.double[::1],
    running: cython.double[::1],
) -> None:
    """Sums over the units of a text, and for each family over the run of units with the largest sum of scores (Kadane's algorithm; Bentley 1984).

    Units may come in several calls; the results are all 0 before the first.

    Args:
        words: of the units. signs: 3 for each unit and family. odd: 4 for each unit.
        against, weak, strong, word: a unit's score is against · signs[0] + weak · signs[1] + strong · signs[2] − word · words.
        totals: result, 6: the sums of odd, and words; how many units.
        wholes: result, 3 for each family: the sums of signs.
        parts: result, 8 for each family: the run's score, its first unit, the one behind its last, its sums of signs, words and odd[3].
        running: the same but for the last unit, 7 for each family, of the run that ends with the last unit.
    """
    k: cython.Py_ssize_t
    f: cython.Py_ssize_t
    m: cython.Py_ssize_t
    at: cython.Py_ssize_t
    with cython.nogil:
        for f in range(n_families):
            for k in range(n_units):
                at = 3 * (k * n_families + f)
                if running[7 * f] <= 0:
                    for m in range(7):
                        running[7 * f + m] = 0
                    running[7 * f + 1] = totals[5] + k
                running[7 * f] += against * signs[at] + weak * signs[at + 1] + strong * signs[at + 2] - word * words[k]
                for m in range(3):
                    wholes[3 * f + m] += signs[at + m]
                    running[7 * f + 2 + m] += signs[at + m]
                running[7 * f + 5] += words[k]
                running[7 * f + 6] += odd[4 * k + 3]
                if running[7 * f] > parts[8 * f]:
                    parts[8 * f] = running[7 * f]
                    parts[8 * f + 1] = running[7 * f + 1]
                    parts[8 * f + 2] = totals[5] + k + 1
                    for m in range(2, 7):
                        parts[8 * f + 1 + m] = running[7 * f + m]
        for k in range(n_units):
            for m in range(4):
                totals[m] += odd[4 * k + m]
            totals[4] += words[k]
        totals[5] += n_units


def lock_foreign(
    ids: cython.const[cython.int][::1],
    flags: cython.ushort[::1],
    unigrams: cython.const[cython.float][::1],
    limit: cython.double,
    bounds: cython.const[cython.int][::1],
    n_lines: cython.Py_ssize_t,
    around: cython.Py_ssize_t,
    least: cython.Py_ssize_t,
    share: cython.double,
    words: cython.int[::1],
    everyday: cython.int[::1],
) -> None:
    """Lock the tokens of lines of which too few words are everyday words.

    Args:
        ids, flags: of the tokens.
        limit: unigram log probability from which on a word is an everyday word.
        bounds: line k holds the tokens bounds[k] … bounds[k + 1].
        around: lines before and after a line that are counted with it.
        least: words that these must have. share: of everyday words.
        words, everyday: scratch, n_lines + 1.
    """
    k: cython.Py_ssize_t
    i: cython.Py_ssize_t
    first: cython.Py_ssize_t
    last: cython.Py_ssize_t
    n: cython.Py_ssize_t
    known: cython.Py_ssize_t
    with cython.nogil:
        # Sums over the lines before each.
        words[0] = everyday[0] = 0
        for k in range(n_lines):
            words[k + 1] = words[k]
            everyday[k + 1] = everyday[k]
            for i in range(bounds[k], bounds[k + 1]):
                if flags[i] & 7 == WORD:
                    words[k + 1] += 1
                    if ids[i] != 0 and unigrams[2 * ids[i]] > limit:
                        everyday[k + 1] += 1
        for k in range(n_lines):
            first = k - around if k > around else 0
            last = k + around + 1 if k + around + 1 < n_lines else n_lines
            n = words[last] - words[first]
            known = everyday[last] - everyday[first]
            if n >= least and known < share * n:
                for i in range(bounds[k], bounds[k + 1]):
                    flags[i] = flags[i] | LOCKED


def pool_units(
    evidence: cython.const[cython.double][::1],
    n_units: cython.Py_ssize_t,
    n_lanes: cython.Py_ssize_t,
    shares: cython.const[cython.double][::1],
    n_shares: cython.Py_ssize_t,
    pool: cython.double[::1],
) -> None:
    """Multiply Π_units (share · e^z + 1 − share) for each lane and share, z being evidence[unit * n_lanes + lane]. Units may come in several calls.

    Args:
        shares: above 0 and at most 1.
        pool: 2 + 2 * n_shares for each lane: Σ z, for the share 1; Σ max(z, 0), which is taken out of the factors; for each share the sum of logarithms,
            0 at first; for each share the product of the factors whose logarithm is still to be taken, 1 at first.
    """
    k: cython.Py_ssize_t
    l: cython.Py_ssize_t  # noqa: E741
    s: cython.Py_ssize_t
    at: cython.Py_ssize_t
    z: cython.double
    x: cython.double
    with cython.nogil:
        for k in range(n_units):
            for l in range(n_lanes):
                z = evidence[k * n_lanes + l]
                at = l * (2 + 2 * n_shares)
                pool[at] += z
                x = exp(-z if z > 0 else z)
                if z > 0:
                    pool[at + 1] += z
                at += 2
                for s in range(n_shares):
                    # A factor is not below the smaller of share and 1 − share, so a product of several is far from underflow; of the share 1 it is not used.
                    pool[at + n_shares + s] *= shares[s] + (1 - shares[s]) * x if z > 0 else shares[s] * x + (1 - shares[s])
                    if pool[at + n_shares + s] < 1e-100:
                        pool[at + s] += log(pool[at + n_shares + s] + 1e-300)
                        pool[at + n_shares + s] = 1


def weigh_lanes(
    pool: cython.const[cython.double][::1],
    n_lanes: cython.Py_ssize_t,
    shares: cython.const[cython.double][::1],
    weights: cython.const[cython.double][::1],
    n_shares: cython.Py_ssize_t,
    log_prior: cython.const[cython.double][::1],
    sums: cython.double[::1],
    posterior: cython.double[::1],
) -> None:
    """For each lane log Σ_shares weight · product, and the lanes' posterior by these sums.

    Args:
        pool, shares: from `pool_units`. weights: of the shares.
        log_prior: of the lanes.
        sums, posterior: results, n_lanes.
    """
    l: cython.Py_ssize_t  # noqa: E741
    s: cython.Py_ssize_t
    at: cython.Py_ssize_t
    x: cython.double
    top: cython.double = -1e300
    total: cython.double
    with cython.nogil:
        for l in range(n_lanes):
            at = l * (2 + 2 * n_shares)
            total = 0
            for s in range(n_shares):
                x = pool[at] if shares[s] == 1 else pool[at + 1] + pool[at + 2 + s] + log(pool[at + 2 + n_shares + s])
                x += log(weights[s])
                if s == 0:
                    total = x
                elif x > total:
                    total = x + log(1 + exp(total - x))
                else:
                    total += log(1 + exp(x - total))
            sums[l] = total
            if total + log_prior[l] > top:
                top = total + log_prior[l]
        total = 0
        for l in range(n_lanes):
            total += exp(sums[l] + log_prior[l] - top)
        total = top + log(total)
        for l in range(n_lanes):
            posterior[l] = exp(sums[l] + log_prior[l] - total)


def score_units(
    evidence: cython.const[cython.double][::1],
    words: cython.const[cython.int][::1],
    begin: cython.Py_ssize_t,
    end: cython.Py_ssize_t,
    log_weights: cython.const[cython.double][::1],
    thetas: cython.const[cython.double][::1],
    n_lanes: cython.Py_ssize_t,
    slope: cython.double,
    word: cython.double,
    scores: cython.double[::1],
    rates: cython.double[::1],
) -> None:
    """For the units from `begin` to the one before `end` slope · log Σ_lanes weight · e^z − word · words, and the mean of theta under the terms of the sum.

    Args:
        evidence: z, n_lanes for each of these units.
        words, scores, rates: of all units; the last two are results.
    """
    k: cython.Py_ssize_t
    l: cython.Py_ssize_t  # noqa: E741
    at: cython.Py_ssize_t
    top: cython.double
    x: cython.double
    total: cython.double
    mean: cython.double
    with cython.nogil:
        for k in range(begin, end):
            at = (k - begin) * n_lanes
            top = -1e300
            for l in range(n_lanes):
                x = log_weights[l] + evidence[at + l]
                if x > top:
                    top = x
            total = 0
            mean = 0
            for l in range(n_lanes):
                x = exp(log_weights[l] + evidence[at + l] - top)
                total += x
                mean += x * thetas[l]
            scores[k] = slope * (top + log(total)) - word * words[k]
            rates[k] = mean / total


def chain_units(
    scores: cython.const[cython.double][::1], n: cython.Py_ssize_t, first: cython.double, turn: cython.double, probabilities: cython.double[::1]
) -> None:
    """Forward–backward over a chain of two states: the probability of the one at each place, given all of them.

    Args:
        scores: log P(place | one) − log P(place | other).
        first: log odds before the first place.
        turn: probability that the state changes between two places.
        probabilities: results.
    """
    k: cython.Py_ssize_t
    x: cython.double = first
    with cython.nogil:
        for k in range(n):
            probabilities[k] = x + scores[k]
            x = _turned(probabilities[k], turn)
        x = 0
        k = n - 1
        while k >= 0:
            probabilities[k] += x
            x = _turned(x + scores[k], turn)
            if probabilities[k] >= 0:
                probabilities[k] = 1 / (1 + exp(-probabilities[k]))
            else:
                probabilities[k] = exp(probabilities[k]) / (1 + exp(probabilities[k]))
            k -= 1


def find_runs(
    spun: cython.const[cython.double][::1],
    rates: cython.const[cython.double][::1],
    starts: cython.const[cython.longlong][::1],
    ends: cython.const[cython.longlong][::1],
    n_units: cython.Py_ssize_t,
    spans: cython.longlong[::1],
    means: cython.double[::1],
) -> cython.Py_ssize_t:
    """Maximal runs of units that are more likely spun than not, or not.

    Args:
        spun, rates, starts, ends: of the units.
        spans: results, 2 * n_units: where each run starts and ends. means: results, 2 * n_units: means of rates and of spun, by length.

    Returns:
        How many.
    """
    k: cython.Py_ssize_t
    count: cython.Py_ssize_t = 0
    size: cython.longlong = 0
    rate: cython.double = 0
    p: cython.double = 0
    with cython.nogil:
        for k in range(n_units):
            if k == 0 or (spun[k] >= 0.5) != (spun[k - 1] >= 0.5):
                spans[2 * count] = starts[k]
                size = 0
                rate = 0
                p = 0
                count += 1
            size += ends[k] - starts[k]
            rate += (ends[k] - starts[k]) * rates[k]
            p += (ends[k] - starts[k]) * spun[k]
            spans[2 * count - 1] = ends[k]
            means[2 * count - 2] = rate / (size if size > 0 else 1)
            means[2 * count - 1] = p / (size if size > 0 else 1)
    return count


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _turned(odds: cython.double, turn: cython.double) -> cython.double:
    """Log odds of the state beside one whose log odds are given."""
    x: cython.double
    if odds > 0:
        x = exp(-odds)
        return log((1 - turn + turn * x) / (turn + (1 - turn) * x))
    x = exp(odds)
    return log(((1 - turn) * x + turn) / (turn * x + 1 - turn))


def split_lines(
    flags: cython.const[cython.ushort][::1],
    starts: cython.const[cython.int][::1],
    n: cython.Py_ssize_t,
    begins: cython.int,
    size: cython.int,
    bounds: cython.int[::1],
    spans: cython.int[::1],
    breaks: cython.uchar[::1],
) -> cython.Py_ssize_t:
    """Lines that hold tokens, each beginning with one of the flags `begins`: line k holds the tokens bounds[k] … bounds[k + 1] and the bytes from spans[k] to
    spans[k + 1], the last to `size`.

    `bounds` and `spans` are n + 1 long; `breaks` gets 1 for each of the n tokens with which a paragraph begins. Returns the number of lines.
    """
    i: cython.Py_ssize_t
    count: cython.Py_ssize_t = 0
    with cython.nogil:
        for i in range(n):
            breaks[i] = 1 if flags[i] & 96 == 64 else 0
            if flags[i] & begins or i == 0:
                bounds[count] = i
                spans[count] = starts[i]
                count += 1
        bounds[count] = n
        spans[count] = size
    return count


def weigh_repeats(
    hashes: cython.const[cython.ulonglong][::1],
    n: cython.Py_ssize_t,
    keys: cython.ulonglong[::1],
    counts: cython.int[::1],
    capacity: cython.Py_ssize_t,
    results: cython.double[::1],
) -> cython.Py_ssize_t:
    """1 / k for the k-th occurrence of each hash, counted on in an open-addressing table; returns how many hashes were new.

    `capacity` is a power of two, and more than the hashes in the table and the n new ones together; an empty slot has count 0.
    """
    i: cython.Py_ssize_t
    slot: cython.Py_ssize_t
    fresh: cython.Py_ssize_t = 0
    with cython.nogil:
        for i in range(n):
            slot = hashes[i] & (capacity - 1)
            while counts[slot] != 0 and keys[slot] != hashes[i]:
                slot = (slot + 1) & (capacity - 1)
            if counts[slot] == 0:
                keys[slot] = hashes[i]
                fresh += 1
            counts[slot] += 1
            results[i] = 1.0 / counts[slot]
    return fresh
