# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""The hot loops of `restore.collocation`: arrays and scalars only; imports nothing of ours. Conventions: see `restore.kernels`."""

import cython

COMPILED = cython.compiled


def find_broken(
    ids: cython.const[cython.int][::1],
    flags: cython.const[cython.ushort][::1],
    breaks: cython.const[cython.uchar][::1],
    n: cython.Py_ssize_t,
    scores: cython.const[cython.double][::1],
    unigrams: cython.const[cython.float][::1],
    rows: cython.const[cython.int][::1],
    everyday: cython.double,
    judged: cython.uchar[::1],
    sites: cython.int[::1],
) -> cython.Py_ssize_t:
    """Words that sit badly in their context: they and the next token together are less probable where they stand than anywhere.

    Args:
        ids, flags, breaks, scores: of the n tokens; breaks is 1 where a paragraph begins, scores are log P(token | tokens before it).
        unigrams: log probabilities at 2 · id.
        rows: for each id its row in the table of neighbours, or −1.
        everyday: words of a higher log probability are not judged.
        judged: result, n: 1 for each word that was looked at (in lower case, not locked, in the table, no everyday word).
        sites: result, room for n: the tokens that sit badly.

    Returns:
        How many sites.
    """
    i: cython.Py_ssize_t
    count: cython.Py_ssize_t = 0
    gain: cython.double
    with cython.nogil:
        for i in range(n):
            judged[i] = 0
            # WORD in lower case, not LOCKED.
            if flags[i] & 287 != 0 or ids[i] == 0 or rows[ids[i]] < 0 or unigrams[2 * ids[i]] > everyday:
                continue
            judged[i] = 1
            gain = scores[i] - unigrams[2 * ids[i]]
            if i + 1 < n and breaks[i + 1] == 0:
                gain += scores[i + 1] - unigrams[2 * ids[i + 1]]
            if gain < 0:
                sites[count] = i
                count += 1
    return count


def write_windows(
    ids: cython.const[cython.int][::1],
    breaks: cython.const[cython.uchar][::1],
    n: cython.Py_ssize_t,
    sites: cython.const[cython.int][::1],
    n_sites: cython.Py_ssize_t,
    rows: cython.const[cython.int][::1],
    near: cython.const[cython.int][::1],
    k: cython.Py_ssize_t,
    reach: cython.Py_ssize_t,
    words: cython.int[::1],
    bounds: cython.int[::1],
) -> cython.Py_ssize_t:
    """Each site's context with the word itself and with each of its k neighbours, one behind the other, for `restore.kernels.score_words`.

    Args:
        ids, breaks: of the n tokens.
        sites, rows: from `find_broken`.
        near: k ids for each row; 0 where there is none.
        reach: tokens of context on either side.
        words: result, room for n_sites · (k + 1) · (2 · reach + 1).
        bounds: result, 2 · n_sites: tokens of context before and after each site.

    Returns:
        How many words.
    """
    s: cython.Py_ssize_t
    a: cython.Py_ssize_t
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    first: cython.Py_ssize_t
    stop: cython.Py_ssize_t
    count: cython.Py_ssize_t = 0
    starts: cython.int
    word: cython.int
    with cython.nogil:
        for s in range(n_sites):
            i = sites[s]
            first = i
            starts = 0
            while i - first < reach:
                if first == 0 or breaks[first] != 0:
                    starts = 1
                    break
                first -= 1
            stop = i + 1
            while stop < n and stop - i <= reach and breaks[stop] == 0:
                stop += 1
            bounds[2 * s] = i - first + starts
            bounds[2 * s + 1] = stop - i - 1
            for a in range(k + 1):
                if starts:
                    words[count] = 1
                    count += 1
                for j in range(first, i):
                    words[count] = ids[j]
                    count += 1
                word = ids[i]
                if a > 0:
                    word = near[rows[ids[i]] * k + a - 1]
                words[count] = word if word != 0 else ids[i]
                count += 1
                for j in range(i + 1, stop):
                    words[count] = ids[j]
                    count += 1
    return count


def compare(
    scores: cython.const[cython.double][::1],
    bounds: cython.const[cython.int][::1],
    n_sites: cython.Py_ssize_t,
    k: cython.Py_ssize_t,
    gains: cython.double[::1],
    best: cython.int[::1],
) -> None:
    """By how much the best neighbour is more probable than the word.

    Args:
        scores: log probabilities of the words of `write_windows`.
        bounds: from there.
        gains: result, n_sites: log P(context with the best neighbour) − log P(context as it stands).
        best: result, n_sites: number of that neighbour, from 0.
    """
    s: cython.Py_ssize_t
    a: cython.Py_ssize_t
    j: cython.Py_ssize_t
    at: cython.Py_ssize_t = 0
    own: cython.double
    total: cython.double
    with cython.nogil:
        for s in range(n_sites):
            own = 0
            for a in range(k + 1):
                total = 0
                at += bounds[2 * s]
                for j in range(at, at + bounds[2 * s + 1] + 1):
                    total += scores[j]
                at += bounds[2 * s + 1] + 1
                if a == 0:
                    own = total
                elif a == 1 or total - own > gains[s]:
                    gains[s] = total - own
                    best[s] = a - 1
