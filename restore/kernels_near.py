# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""The hot loops of `restore.collocation`: arrays and scalars only; imports nothing of ours. Conventions: see `restore.kernels`.

Bounds: token arrays have n items, ids lie in the vocabulary (`unigrams` has two items for each), rows in the table of neighbours. The tables of n-grams end
with an empty slot, so a search always stops. Scratch sizes are stated where a function takes them.
"""

import cython

COMPILED = cython.compiled

PRIME = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)
MASK = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)

# A model state: up to four words, the last one first, and the back-off of each of its contexts.
WIDTH = cython.declare(cython.int, 4)
BOOK = cython.declare(cython.int, 320)
BEGIN = cython.declare(cython.int, 1)
# Tokens whose n-grams are brought into the cache together.
BLOCK = cython.declare(cython.int, 16)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _mix(key: cython.ulonglong, value: cython.ulonglong) -> cython.ulonglong:
    key = ((key ^ value) * PRIME) & MASK
    return key ^ (key >> 32)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _first(
    key: cython.ulonglong,
    m: cython.int,
    bigrams: cython.const[cython.uint][::1],
    trigrams: cython.const[cython.uint][::1],
    fourgrams: cython.const[cython.uint][::1],
    fivegrams: cython.const[cython.uint][::1],
    capacities: cython.const[cython.ulonglong][::1],
) -> cython.uint:
    """The entry at the home slot of an n-gram of m + 2 words. Asked for all at once, entries are there when they are wanted one after the other."""
    slot: cython.Py_ssize_t = ((key >> 32) * capacities[m]) >> 32
    if m == 0:
        return bigrams[slot]
    if m == 1:
        return trigrams[slot]
    if m == 2:
        return fourgrams[slot]
    return fivegrams[slot]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _find(
    key: cython.ulonglong,
    table: cython.const[cython.uint][::1],
    capacity: cython.ulonglong,
    highest: cython.int,
) -> cython.uint:
    """The entry of an n-gram in the table of its order, 0 where it has none."""
    slot: cython.Py_ssize_t = ((key >> 32) * capacity) >> 32
    shift: cython.int = 8 if highest else 14
    fingerprint: cython.uint = key & (0xFFFFFF if highest else 0x3FFFF)
    entry: cython.uint
    if fingerprint == 0:
        fingerprint = 1
    while True:
        entry = table[slot]
        if entry == 0 or entry >> shift == fingerprint:
            return entry
        slot += 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _step(
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
    scores: cython.double[::1],
    put: cython.Py_ssize_t,
) -> cython.int:
    """Log probability of a word after the state at slots `at`, to scores[put]; the state behind it goes to slots `to` (others). Returns the latter's length.

    As `lm_step` of `restore.kernels` does it; the states of a text stay, one behind the other.
    """
    key: cython.ulonglong = _mix(0, word + 1)
    score: cython.double = unigrams[2 * word]
    matched: cython.int = 1
    m: cython.int
    highest: cython.int
    entry: cython.uint
    context[to] = word
    backoffs[to] = unigrams[2 * word + 1]
    for m in range(length):
        key = _mix(key, context[at + m] + 1)
        highest = 1 if m + 2 == order else 0
        if m == 0:
            entry = _find(key, bigrams, capacities[0], highest)
        elif m == 1:
            entry = _find(key, trigrams, capacities[1], highest)
        elif m == 2:
            entry = _find(key, fourgrams, capacities[2], highest)
        else:
            entry = _find(key, fivegrams, capacities[3], highest)
        if entry == 0:
            break
        matched = m + 2
        if highest:
            score = books[m * BOOK + (entry & 255)]
        else:
            score = books[m * BOOK + (entry >> 6 & 255)]
            context[to + m + 1] = context[at + m]
            backoffs[to + m + 1] = books[m * BOOK + 256 + (entry & 63)]
    for m in range(matched - 1, length):
        score += backoffs[at + m]
    scores[put] = score
    return matched if matched < order else order - 1


def place(
    ids: cython.const[cython.int][::1],
    n_words: cython.Py_ssize_t,
    numbers: cython.const[cython.uint][::1],
    n_numbers: cython.Py_ssize_t,
    rows: cython.int[::1],
    near: cython.int[::1],
) -> cython.Py_ssize_t:
    """A table of neighbours in terms of a vocabulary.

    Args:
        ids: of the n_words words of the table.
        numbers: of neighbours, from 1 on; 0 for none.
        rows: result, for each id, −1 at first: the word of the table.
        near: result, n_numbers: the ids of the neighbours, 0 for none.

    Returns:
        0, or 1 when there is a number that no word has.
    """
    i: cython.Py_ssize_t
    wrong: cython.Py_ssize_t = 0
    with cython.nogil:
        for i in range(n_words):
            if ids[i] != 0:
                rows[ids[i]] = i
        for i in range(n_numbers):
            near[i] = 0
            if numbers[i] > n_words:
                wrong = 1
            elif numbers[i] > 0:
                near[i] = ids[numbers[i] - 1]
    return wrong


def look(
    flags: cython.const[cython.ushort][::1],
    ids: cython.const[cython.int][::1],
    breaks: cython.const[cython.uchar][::1],
    n: cython.Py_ssize_t,
    rows: cython.const[cython.int][::1],
    near: cython.const[cython.int][::1],
    k: cython.Py_ssize_t,
    everyday: cython.double,
    scale: cython.double,
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
    lengths: cython.int[::1],
    scores: cython.double[::1],
    judged: cython.uchar[::1],
    sites: cython.int[::1],
    gains: cython.double[::1],
    best: cython.int[::1],
) -> cython.Py_ssize_t:
    """Words that sit badly in their context, and how much better a neighbour would do.

    A word sits badly when it and the next token together are less probable where they stand than anywhere. Its gain is log P(text with the best of its
    neighbours) − log P(text), times `scale`.

    Args:
        flags, ids, breaks: of the n tokens; breaks is 1 where a paragraph begins.
        rows: for each id its row in the table of neighbours, or −1.
        near: k ids for each row; 0 where there is none.
        everyday: words of a higher log probability are not judged.
        order, unigrams … books: the language model.
        context, backoffs: scratch, WIDTH * (n + 4). lengths: scratch, n + 2. scores: scratch, n + 1.
        judged: result, n: 1 for each word that was looked at (in lower case, not locked, in the table, no everyday word).
        sites, gains, best: results, room for n: the tokens that sit badly, their gains, and the ids of their best neighbours.

    Returns:
        How many sites.
    """
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    a: cython.Py_ssize_t
    m: cython.Py_ssize_t
    at: cython.Py_ssize_t
    to: cython.Py_ssize_t
    row: cython.Py_ssize_t
    stop: cython.Py_ssize_t
    until: cython.Py_ssize_t
    ahead: cython.Py_ssize_t = 0
    count: cython.Py_ssize_t = 0
    begin: cython.Py_ssize_t = (n + 1) * WIDTH
    spare: cython.Py_ssize_t = (n + 2) * WIDTH
    word: cython.int
    length: cython.int
    before: cython.int
    seen: cython.uint = 0
    key: cython.ulonglong
    own: cython.double
    total: cython.double
    with cython.nogil:
        # Slot i + 1 has the state behind token i, slot n + 1 the one before a paragraph, the last two are for neighbours.
        context[begin] = BEGIN
        backoffs[begin] = unigrams[2 * BEGIN + 1]
        i = 0
        while i < n:
            # 1. The text as it stands, some tokens at a time.
            until = i + BLOCK if i + BLOCK < n else n
            for j in range(i, until if cython.compiled else i):
                if j == 0 or breaks[j]:
                    ahead = 0
                key = _mix(0, ids[j] + 1)
                for m in range(order - 1 if ahead + 1 > order - 1 else ahead + 1):
                    key = _mix(key, (ids[j - 1 - m] if m < ahead else BEGIN) + 1)
                    seen ^= _first(key, m, bigrams, trigrams, fourgrams, fivegrams, capacities)
                ahead += 1
            while i < until:
                at = begin if i == 0 or breaks[i] else i * WIDTH
                length = 1 if at == begin else lengths[i]
                lengths[i + 1] = _step(
                    ids[i], context, backoffs, at, length, (i + 1) * WIDTH, order,
                    unigrams, bigrams, trigrams, fourgrams, fivegrams, capacities, books, scores, i,
                )  # fmt: skip
                i += 1
        for i in range(n):
            judged[i] = 0
            # WORD in lower case, not LOCKED.
            if flags[i] & 287 != 0 or ids[i] == 0 or rows[ids[i]] < 0 or unigrams[2 * ids[i]] > everyday:
                continue
            judged[i] = 1
            own = scores[i] - unigrams[2 * ids[i]]
            if i + 1 < n and breaks[i + 1] == 0:
                own += scores[i + 1] - unigrams[2 * ids[i + 1]]
            if own >= 0:
                continue
            # 2. Its neighbours in its place: they and the words after them that the model sees together with them.
            own = 0
            stop = i
            while stop < n and stop - i < order and (stop == i or breaks[stop] == 0):
                own += scores[stop]
                stop += 1
            at = begin if i == 0 or breaks[i] else i * WIDTH
            before = 1 if at == begin else lengths[i]
            row = rows[ids[i]] * k
            for a in range(row, row + k if cython.compiled else row):
                key = _mix(0, near[a] + 1)
                for m in range(before):
                    key = _mix(key, context[at + m] + 1)
                    seen ^= _first(key, m, bigrams, trigrams, fourgrams, fivegrams, capacities)
                if i + 1 < stop:
                    seen ^= _first(_mix(_mix(0, ids[i + 1] + 1), near[a] + 1), 0, bigrams, trigrams, fourgrams, fivegrams, capacities)
            for a in range(row, row + k):
                word = near[a]
                total = own
                if word != 0:
                    total = 0
                    to = spare
                    length = _step(
                        word, context, backoffs, at, before, to, order,
                        unigrams, bigrams, trigrams, fourgrams, fivegrams, capacities, books, scores, n,
                    )  # fmt: skip
                    total += scores[n]
                    for j in range(i + 1, stop):
                        # Where neither state reaches back to the site, they are one.
                        if length < j - i and lengths[j] < j - i:
                            total += scores[j]
                            continue
                        length = _step(
                            ids[j], context, backoffs, to, length, 2 * spare + WIDTH - to, order,
                            unigrams, bigrams, trigrams, fourgrams, fivegrams, capacities, books, scores, n,
                        )  # fmt: skip
                        to = 2 * spare + WIDTH - to
                        total += scores[n]
                if a == row or total - own > gains[count]:
                    gains[count] = total - own
                    best[count] = word
            sites[count] = i
            gains[count] *= scale
            count += 1
        # What was only read to be near must not be optimised away.
        lengths[0] = seen & 1
    return count


def find_debris(
    text: cython.const[cython.uchar][::1],
    starts: cython.const[cython.int][::1],
    ends: cython.const[cython.int][::1],
    hashes: cython.const[cython.ulonglong][::1],
    flags: cython.const[cython.ushort][::1],
    ids: cython.const[cython.int][::1],
    breaks: cython.const[cython.uchar][::1],
    n: cython.Py_ssize_t,
    article_a: cython.ulonglong,
    article_an: cython.ulonglong,
    initial: cython.ulonglong,
    id_a: cython.int,
    id_an: cython.int,
    clash: cython.double,
    name: cython.double,
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
    scores: cython.double[::1],
    found: cython.int[::1],
) -> cython.Py_ssize_t:
    """Articles that clash with the next word, and "Ok." for the initial K: in abbreviations (Ok.G.B.), or between initials and a name (J. Ok. Rowling).

    Args:
        text, starts, ends, hashes, flags, ids, breaks: of the n tokens.
        article_a, article_an, initial: hashes of "a", "an", "ok"; id_a, id_an: ids of the articles.
        clash: an article clashes when the other one's log probability before the next word is so much higher.
        name: what follows initials is a name when it has a capital and its log probability is below this.
        order, unigrams … books: the language model. context, backoffs: scratch, 4 * WIDTH. scores: scratch, 2.
        found: results, 2 * n: first token and token behind the last.

    Returns:
        How many.
    """
    i: cython.Py_ssize_t
    count: cython.Py_ssize_t = 0
    size: cython.int
    with cython.nogil:
        for i in range(n):
            size = 0
            if hashes[i] == article_a or hashes[i] == article_an:
                # The next word is a known one of this line, and begins with what "a", or "an", does not stand before; before h both may stand.
                if (
                    i + 1 < n
                    and flags[i + 1] & 7 == 0
                    and (flags[i + 1] | flags[i]) & 256 == 0
                    and ids[i + 1] != 0
                    and breaks[i + 1] == 0
                    and text[starts[i + 1]] | 32 != 104
                    and (hashes[i] == article_a) == _is_vowel(text[starts[i + 1]] | 32)
                    and _clash(
                        ids[i + 1], BEGIN if i == 0 or breaks[i] else ids[i - 1], id_a if hashes[i] == article_a else id_an,
                        id_an if hashes[i] == article_a else id_a, order, unigrams, bigrams, trigrams, fourgrams, fivegrams, capacities, books,
                        context, backoffs, scores,
                    ) > clash
                ):  # fmt: skip
                    size = 2
            elif flags[i] & 256:
                continue
            elif hashes[i] == initial:
                if (
                    1 < i < n - 2
                    and ends[i] - starts[i] == 2
                    and text[starts[i]] == 79
                    and text[starts[i] + 1] == 107
                    and _is_stop(text, starts, ends, i - 1)
                    and _is_stop(text, starts, ends, i + 1)
                    and flags[i - 2] & 31 == 8
                    and ends[i - 2] - starts[i - 2] == 1
                    and flags[i + 2] & 24 == 8
                    and (ids[i + 2] == 0 or unigrams[2 * ids[i + 2]] < name)
                ):
                    size = 2
            elif flags[i] & 7 == 3 and ends[i] - starts[i] > 2 and text[starts[i]] == 79 and text[starts[i] + 1] == 107 and text[starts[i] + 2] == 46:
                size = 1
            if size:
                found[2 * count] = i
                found[2 * count + 1] = i + size
                count += 1
    return count


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _is_vowel(letter: cython.int) -> cython.int:
    return letter == 97 or letter == 101 or letter == 105 or letter == 111 or letter == 117


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _is_stop(
    text: cython.const[cython.uchar][::1], starts: cython.const[cython.int][::1], ends: cython.const[cython.int][::1], i: cython.Py_ssize_t
) -> cython.int:
    return ends[i] - starts[i] == 1 and text[starts[i]] == 46


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _clash(
    word: cython.int,
    before: cython.int,
    article: cython.int,
    other: cython.int,
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
    scores: cython.double[::1],
) -> cython.double:
    """By how much a word is more probable behind the other article than behind this one."""
    k: cython.int
    length: cython.int
    context[0] = BEGIN
    backoffs[0] = unigrams[2 * BEGIN + 1]
    for k in range(2):
        length = _step(
            before, context, backoffs, 0, 1, WIDTH, order, unigrams, bigrams, trigrams, fourgrams, fivegrams, capacities, books, scores, k
        )  # fmt: skip
        length = _step(
            other if k else article, context, backoffs, WIDTH, length, 2 * WIDTH, order,
            unigrams, bigrams, trigrams, fourgrams, fivegrams, capacities, books, scores, k,
        )  # fmt: skip
        _step(
            word, context, backoffs, 2 * WIDTH, length, 3 * WIDTH, order,
            unigrams, bigrams, trigrams, fourgrams, fivegrams, capacities, books, scores, k,
        )  # fmt: skip
    return scores[1] - scores[0]


def tally(
    judged: cython.const[cython.uchar][::1],
    sites: cython.const[cython.int][::1],
    gains: cython.const[cython.double][::1],
    n_sites: cython.Py_ssize_t,
    debris: cython.const[cython.int][::1],
    n_debris: cython.Py_ssize_t,
    weights: cython.const[cython.double][::1],
    bounds: cython.const[cython.int][::1],
    n_lines: cython.Py_ssize_t,
    solid: cython.double,
    strong: cython.double,
    results: cython.double[::1],
) -> None:
    """For each line: collocations that are sound, broken ones, how much the worst are beyond `solid`, and debris.

    Args:
        judged, sites, gains, debris: from `look` and `find_debris`.
        weights: of the tokens.
        bounds: line k holds the tokens bounds[k] … bounds[k + 1].
        solid, strong: a gain counts from the one to the other.
        results: 4 * n_lines.
    """
    k: cython.Py_ssize_t
    i: cython.Py_ssize_t
    s: cython.Py_ssize_t = 0
    d: cython.Py_ssize_t = 0
    total: cython.double
    broken: cython.double
    beyond: cython.double
    x: cython.double
    with cython.nogil:
        for k in range(n_lines):
            total = 0
            broken = 0
            beyond = 0
            for i in range(bounds[k], bounds[k + 1]):
                if judged[i]:
                    total += weights[i]
            while s < n_sites and sites[s] < bounds[k + 1]:
                if gains[s] > 0:
                    broken += weights[sites[s]]
                    x = gains[s] - solid
                    if x > 0:
                        beyond += weights[sites[s]] * (x if x < strong - solid else strong - solid)
                s += 1
            results[4 * k] = total - broken
            results[4 * k + 1] = broken
            results[4 * k + 2] = beyond
            results[4 * k + 3] = 0
            while d < n_debris and debris[2 * d] < bounds[k + 1]:
                results[4 * k + 3] += 1
                d += 1
