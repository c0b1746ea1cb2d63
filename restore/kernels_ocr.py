# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""The hot loops of the OCR channel: arrays and scalars only; imports nothing of ours. Conventions: see `restore.kernels`."""

import cython

if cython.compiled:
    from cython.cimports.libc.math import exp, log  # type: ignore
else:
    from math import exp, log

COMPILED = cython.compiled

# Kinds of spans.
GLUED_RUN = cython.declare(cython.int, 1)
BROKEN = cython.declare(cython.int, 2)
HYPHENATED = cython.declare(cython.int, 3)

ONE = cython.declare(cython.ulonglong, 1)
LOW16 = cython.declare(cython.ulonglong, 0xFFFF)
LOW32 = cython.declare(cython.ulonglong, 0xFFFFFFFF)
ALL = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)
# Bits for counting bits: every second, two of four, four of eight.
BITS = cython.declare(cython.ulonglong, 0x5555555555555555)
PAIRS = cython.declare(cython.ulonglong, 0x3333333333333333)
NIBBLES = cython.declare(cython.ulonglong, 0x0F0F0F0F0F0F0F0F)


def build_trie(
    texts: cython.const[cython.uchar][::1],
    first: cython.const[cython.int][::1],
    n_words: cython.Py_ssize_t,
    numbers: cython.const[cython.int][::1],
    scores: cython.const[cython.float][::1],
    nodes: cython.ulonglong[::1],
    labels: cython.uchar[::1],
    scratch: cython.int[::1],
) -> cython.Py_ssize_t:
    """A trie of words, level by level, so that the children of a node stand side by side in the order of their labels; node 0 is the root.

    A node has four numbers, so that what is asked of it is in one line of the cache: a bit for the label of each child; a bit for each label below; the first
    child and, from bit 32 on, the word that ends there and one more, 0 for none; and, 16 bits each, the least −log probability, in thousandths, of the
    words of each class of length (`length_class`) below, all ones where there is none.

    Args:
        texts: labels of all words, one byte below 64 each; word k stands at first[k] … first[k + 1]; sorted and distinct, none empty, none longer than 60.
        numbers: number of each word. scores: log probability of each word.
        nodes: result, four for every letter and four more.
        labels, scratch: scratch, for a letter and one more; `scratch` three times as long.

    Returns:
        The number of nodes.
    """
    n_nodes: cython.Py_ssize_t = 1
    end: cython.Py_ssize_t
    room: cython.Py_ssize_t = len(labels)
    k: cython.Py_ssize_t
    w: cython.Py_ssize_t
    low: cython.Py_ssize_t
    high: cython.Py_ssize_t
    d: cython.Py_ssize_t
    c: cython.Py_ssize_t
    mask: cython.ulonglong
    below: cython.ulonglong
    best: cython.ulonglong
    x: cython.ulonglong
    word: cython.ulonglong
    with cython.nogil:
        # scratch: the words below each node, half-open: they are neighbours, since the words are sorted; and the letters up to it.
        scratch[0] = 0
        scratch[room] = cython.cast(cython.int, n_words)
        scratch[2 * room] = 0
        k = 0
        while k < n_nodes:
            end = n_nodes
            low = scratch[k]
            high = scratch[room + k]
            d = scratch[2 * room + k]
            mask = below = word = 0
            best = ALL
            for w in range(low, high):
                x = cython.cast(cython.ulonglong, -1000 * scores[w]) if scores[w] > -65 else 65000
                c = 16 * length_class(first[w + 1] - first[w])
                if x < best >> c & LOW16:
                    best = best & ~(LOW16 << c) | x << c
                for c in range(first[w] + d, first[w + 1]):
                    below |= ONE << texts[c]
            if low < high and first[low + 1] - first[low] == d:
                word = numbers[low] + 1
                low += 1
            while low < high:
                if n_nodes == end or texts[first[low] + d] != labels[n_nodes - 1]:
                    labels[n_nodes] = texts[first[low] + d]
                    mask |= ONE << labels[n_nodes]
                    scratch[n_nodes] = cython.cast(cython.int, low)
                    scratch[2 * room + n_nodes] = cython.cast(cython.int, d + 1)
                    n_nodes += 1
                scratch[room + n_nodes - 1] = cython.cast(cython.int, low + 1)
                low += 1
            nodes[4 * k] = mask
            nodes[4 * k + 1] = below
            nodes[4 * k + 2] = word << 32 | cython.cast(cython.ulonglong, end)
            nodes[4 * k + 3] = best & ALL
            k += 1
    return n_nodes


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def length_class(length: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """Class of words of a length: up to 4, 8, 12 letters, and longer; five lengths in a row are of two classes at most."""
    return 0 if length < 5 else 1 if length < 9 else 2 if length < 13 else 3


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def bits_of(x: cython.ulonglong) -> cython.int:
    """How many bits are 1 (Hacker's Delight, 5-1)."""
    x = x - (x >> 1 & BITS)
    x = (x & PAIRS) + (x >> 2 & PAIRS)
    x = x + (x >> 4) & NIBBLES
    x = x + (x >> 8)
    x = x + (x >> 16)
    x = x + (x >> 32)
    return cython.cast(cython.int, x & 127)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def child_of(nodes: cython.const[cython.ulonglong][::1], node: cython.int, label: cython.int) -> cython.int:
    """The child of a node with a label; 0 when there is none."""
    if nodes[4 * node] >> label & 1 == 0:
        return 0
    return cython.cast(cython.int, nodes[4 * node + 2] & LOW32) + bits_of(nodes[4 * node] & ((ONE << label) - 1))


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def best_below(nodes: cython.const[cython.ulonglong][::1], node: cython.int, low: cython.Py_ssize_t, high: cython.Py_ssize_t) -> cython.float:
    """Log probability of the best word of two classes (times 16) below a node."""
    x: cython.ulonglong = nodes[4 * node + 3] >> low & LOW16
    y: cython.ulonglong = nodes[4 * node + 3] >> high & LOW16
    return cython.cast(cython.float, -0.001) * cython.cast(cython.float, x if x < y else y)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def ahead(
    nodes: cython.const[cython.ulonglong][::1],
    node: cython.int,
    letters: cython.const[cython.uchar][::1],
    shares: cython.const[cython.float][::1],
    absent: cython.ulonglong,
    removal: cython.float,
    position: cython.Py_ssize_t,
    end: cython.Py_ssize_t,
) -> cython.float:
    """What a query costs at least from a position to `end`, below a node: for letters that are in no word below it, and for the next one if no child has it.

    Args:
        absent: the letters from here to `end`, as bits. removal: what any letter costs that is left out.
    """
    total: cython.float = 0
    k: cython.Py_ssize_t
    if position >= end:
        return 0
    if nodes[4 * node] >> letters[position] & 1 == 0:
        total = shares[position] if shares[position] < removal else removal
        if nodes[4 * node + 1] >> letters[position] & 1 == 0:
            total = shares[position]
    absent &= ~nodes[4 * node + 1]
    if absent:
        for k in range(position + 1, end):
            if absent >> letters[k] & 1:
                total += shares[k]
    return total


def search(
    symbols: cython.const[cython.uchar][::1],
    first: cython.const[cython.int][::1],
    n_queries: cython.Py_ssize_t,
    shapes: cython.const[cython.uchar][::1],
    unigrams: cython.const[cython.float][::1],
    budgets: cython.const[cython.float][::1],
    floors: cython.const[cython.float][::1],
    keep: cython.Py_ssize_t,
    scale: cython.float,
    edit: cython.float,
    margin: cython.float,
    part: cython.float,
    reverse: cython.int,
    nodes: cython.const[cython.ulonglong][::1],
    n_labels: cython.Py_ssize_t,
    exact: cython.const[cython.uchar][::1],
    within: cython.const[cython.ulonglong][::1],
    substitute: cython.const[cython.float][::1],
    cheapest: cython.const[cython.float][::1],
    insert: cython.const[cython.float][::1],
    rule_first: cython.const[cython.int][::1],
    rules: cython.const[cython.uchar][::1],
    rule_costs: cython.const[cython.float][::1],
    stack_node: cython.int[::1],
    stack_position: cython.uchar[::1],
    stack_edits: cython.uchar[::1],
    stack_cost: cython.float[::1],
    letters: cython.uchar[::1],
    shares: cython.float[::1],
    rest: cython.ulonglong[::1],
    match_first: cython.int[::1],
    matches: cython.int[::1],
    room: cython.Py_ssize_t,
    scores: cython.float[::1],
    counts: cython.int[::1],
    found: cython.int[::1],
    costs: cython.float[::1],
    edits: cython.uchar[::1],
) -> cython.Py_ssize_t:
    """For each query, the words of the trie that it may be a damaged form of: the `keep` best by scale · log P(word) − cost.

    Only derivations with at most 1 / part of their cost in the first half of the query are followed. A second call, with everything reversed and the results of
    the first, finds the others. What a derivation may cost is the budget, or less: the best word below a node says what it may cost to be worth keeping.

    The cost of a word is that of its cheapest derivation: the sum of the costs of its confusions (−log of their probabilities at error rate 1) and of `edit`
    for each of them; letters that stand as they are cost nothing.

    Args:
        symbols: the queries' characters; query k stands at first[k] … first[k + 1], at most 60 long; all of them backwards for the second call.
        shapes: the case of the word behind each query: 0 lower, 1 capitalised, 2 upper.
        budgets: derivations that cost more are not followed.
        floors: words whose score is below this need not be found.
        margin: words whose score is so far behind the best one's need not be found.
        part: 2, or more to look at less and miss some, or 1 to find all in the first call.
        reverse: 1 for the second call: the symbols, the words of the trie and both sides of the rules are reversed.
        unigrams: log probability of word k at 2 * k. nodes: the trie (`build_trie`).
        exact: the label that a symbol is, at 2 * symbol (+ 1 when the letter is a capital), 0 for none.
        substitute: cost of every label for that symbol, n_labels each; in rows 512 and 513, that of leaving out labels, small letters and capitals.
        within: the labels with a cost below 1, 2, …, as bits, for the same rows. cheapest: the least cost of each row. insert: cost of a symbol out of nothing.
        rule_first: rules whose observed side begins with a symbol, a number more than symbols. rules: 8 bytes a rule: length of the observed side and up to
            3 symbols, length of the intended side (+ 128 for capitals) and up to 3 labels. rule_costs.
        stack_*: scratch, `room` long. letters, shares, match_first: scratch, 64 long; rest: 128 long; matches: as many as there are rules, 64 times.
        counts: words found by query, with those found before; scores, found, costs, edits: at query * keep, in no order: the score, the word's number, the
            cost without `edit`, and the number of confusions.

    Returns:
        The number of states visited.
    """
    q: cython.Py_ssize_t
    k: cython.Py_ssize_t
    i: cython.Py_ssize_t
    m: cython.Py_ssize_t
    r: cython.Py_ssize_t
    n: cython.Py_ssize_t
    at: cython.Py_ssize_t
    half: cython.Py_ssize_t
    end: cython.Py_ssize_t
    sp: cython.Py_ssize_t
    visited: cython.Py_ssize_t = 0
    node: cython.int
    child: cython.int
    word: cython.int
    label: cython.int
    rung: cython.int
    n_rungs: cython.int = cython.cast(cython.int, len(within) // len(cheapest))
    step: cython.int
    absent: cython.ulonglong
    row: cython.Py_ssize_t
    bits: cython.ulonglong
    position: cython.int
    done: cython.int
    upper: cython.int
    shape: cython.int
    count: cython.int
    low: cython.Py_ssize_t
    high: cython.Py_ssize_t
    cost: cython.float
    c: cython.float
    x: cython.float
    removal: cython.float = edit + (cheapest[512] if cheapest[512] < cheapest[513] else cheapest[513])
    limit: cython.float
    floor: cython.float
    top: cython.float
    bound: cython.float
    share: cython.float
    with cython.nogil:
        for q in range(n_queries):
            n = first[q + 1] - first[q]
            at = first[n_queries] - first[q + 1] if reverse else first[q]
            shape = shapes[q]
            # Words of at most two letters less or more: of one class, or of two.
            low = 16 * length_class(n - 2)
            high = 16 * length_class(n + 2)
            limit = budgets[q]
            count = counts[q]
            floor = floors[q]
            top = -1e30
            for k in range(count):
                if scores[q * keep + k] > top:
                    top = scores[q * keep + k]
            if count > 0 and top - margin > floor:
                floor = top - margin
            # What a symbol costs at least where no word below has its letter: its part of the cheapest confusion that covers it.
            for k in range(n):
                upper = (k == (n - 1 if reverse else 0)) if shape == 1 else shape == 2
                row = 2 * symbols[at + k] + upper
                letters[k] = exact[row]
                c = insert[symbols[at + k]]
                shares[k] = edit + (c if c < cheapest[row] else cheapest[row])
            m = 0
            for k in range(n):
                match_first[k] = m
                for r in range(rule_first[symbols[at + k]], rule_first[symbols[at + k] + 1]):
                    i = 1
                    while i < rules[8 * r] and k + i < n and symbols[at + k + i] == rules[8 * r + 1 + i]:
                        i += 1
                    if i == rules[8 * r]:
                        matches[m] = r
                        m += 1
                        c = (rule_costs[r] + edit) / i
                        while i > 0:
                            i -= 1
                            if c < shares[k + i]:
                                shares[k + i] = c
            match_first[n] = m
            half = (n - reverse + 1) // 2
            # The letters from each position on: up to the half, and up to the end.
            for m in range(2):
                absent = 0
                for k in range(n if m else half, -1, -1):
                    if k < (n if m else half):
                        absent |= ONE << letters[k]
                    rest[64 * m + k] = absent
            stack_node[0] = 0
            stack_position[0] = 0
            stack_edits[0] = 0
            stack_cost[0] = 0
            sp = 1
            while sp > 0:
                sp -= 1
                node = stack_node[sp]
                cost = stack_cost[sp]
                position = stack_position[sp]
                # What a word below this node may cost to be worth keeping, and the share of it that may be spent so far.
                bound = scale * best_below(nodes, node, low, high) - floor
                if cost >= bound:
                    continue
                visited += 1
                done = stack_edits[sp]
                word = cython.cast(cython.int, nodes[4 * node + 2] >> 32) - 1
                if position == n and word >= 0:
                    x = scale * unigrams[2 * word] - cost
                    m = -1
                    for k in range(count):
                        if found[q * keep + k] == word:
                            m = k
                            break
                    if m < 0 and count < keep:
                        m = count
                        count += 1
                        scores[q * keep + m] = -1e30
                    elif m < 0 and x > floor:
                        m = 0
                        for k in range(1, count):
                            if scores[q * keep + k] < scores[q * keep + m]:
                                m = k
                    if m >= 0 and x > scores[q * keep + m]:
                        scores[q * keep + m] = x
                        found[q * keep + m] = word
                        costs[q * keep + m] = cost - done * edit
                        edits[q * keep + m] = cython.cast(cython.uchar, done)
                        if x > top:
                            top = x
                        if top - margin > floor:
                            floor = top - margin
                        if count == keep:
                            c = scores[q * keep]
                            for k in range(1, count):
                                if scores[q * keep + k] < c:
                                    c = scores[q * keep + k]
                            if c > floor:
                                floor = c
                if sp > room - 512 or done > 200:
                    continue
                if shape == 1:
                    upper = 1 if (position == n - 1 if reverse else node == 0) else 0
                else:
                    upper = 1 if shape == 2 else 0
                share = part if position < half else 1
                end = half if position < half else n
                if bound > limit:
                    bound = limit
                bound = bound / share - cost - edit
                if position < n and bound > 0:
                    # A symbol out of nothing.
                    c = insert[symbols[at + position]]
                    if c <= bound:
                        stack_node[sp] = node
                        stack_position[sp] = cython.cast(cython.uchar, position + 1)
                        stack_edits[sp] = cython.cast(cython.uchar, done + 1)
                        stack_cost[sp] = cost + edit + c
                        sp += 1
                    # Several letters for several symbols.
                    for i in range(match_first[position], match_first[position + 1]):
                        r = matches[i]
                        if rule_costs[r] > bound or rules[8 * r + 4] >> 7 != upper:
                            continue
                        child = child_of(nodes, node, rules[8 * r + 5])
                        k = 1
                        while child and k < rules[8 * r + 4] & 127:
                            child = child_of(nodes, child, rules[8 * r + 5 + k])
                            k += 1
                        if child:
                            stack_node[sp] = child
                            stack_position[sp] = cython.cast(cython.uchar, position + rules[8 * r])
                            stack_edits[sp] = cython.cast(cython.uchar, done + 1)
                            stack_cost[sp] = cost + edit + rule_costs[r]
                            sp += 1
                # A letter left out, or for a symbol; the letter that stands there goes on top of the stack, so that good words are found early.
                row = 2 * symbols[at + position] + upper if position < n else 512 + upper
                if bound > 0:
                    rung = cython.cast(cython.int, bound) if bound < n_rungs else n_rungs - 1
                    bits = nodes[4 * node] & (within[row * n_rungs + rung] | within[(512 + upper) * n_rungs + rung])
                    while bits:
                        label = bits_of((bits & (ALL - bits + 1)) - 1)
                        bits &= bits - 1
                        child = child_of(nodes, node, label)
                        x = scale * best_below(nodes, child, low, high) - floor
                        x = (x if x < limit else limit) / share - cost - edit
                        if x > bound:
                            x = bound
                        for step in range(2 if position < n else 1):
                            c = substitute[(row if step else 512 + upper) * n_labels + label]
                            if c > x:
                                continue
                            k = position + step
                            if c + ahead(nodes, child, letters, shares, rest[k if end == half else 64 + k], removal, k, end) < x:
                                stack_node[sp] = child
                                stack_position[sp] = cython.cast(cython.uchar, position + step)
                                stack_edits[sp] = cython.cast(cython.uchar, done + 1)
                                stack_cost[sp] = c + cost + edit
                                sp += 1
                if position < n:
                    if exact[row]:
                        child = child_of(nodes, node, exact[row])
                        if child:
                            x = scale * best_below(nodes, child, low, high) - floor
                            if x > limit:
                                x = limit
                            k = position + 1
                            if share * (cost + ahead(nodes, child, letters, shares, rest[k if end == half else 64 + k], removal, k, end)) >= x:
                                continue
                            stack_node[sp] = child
                            stack_position[sp] = cython.cast(cython.uchar, position + 1)
                            stack_edits[sp] = cython.cast(cython.uchar, done)
                            stack_cost[sp] = cost
                            sp += 1
            counts[q] = count
    return visited


def collect(
    counts: cython.const[cython.int][::1],
    words: cython.const[cython.int][::1],
    costs: cython.const[cython.float][::1],
    edits: cython.const[cython.uchar][::1],
    n_forms: cython.Py_ssize_t,
    keep: cython.Py_ssize_t,
    own: cython.const[cython.int][::1],
    unigrams: cython.const[cython.float][::1],
    scale: cython.float,
    edit: cython.float,
    kept: cython.int[::1],
    flat_words: cython.int[::1],
    flat_costs: cython.float[::1],
    flat_edits: cython.uchar[::1],
    tops: cython.float[::1],
) -> cython.Py_ssize_t:
    """Results of `search` without gaps, and without the word that a form is itself (own[form], 0 for none).

    Args:
        kept: how many each form has now. flat_*: room for all. tops: the least of cost − scale · log P(word) of each form, 99 where it has none.

    Returns:
        The number of candidates.
    """
    q: cython.Py_ssize_t
    k: cython.Py_ssize_t
    count: cython.Py_ssize_t = 0
    begin: cython.Py_ssize_t
    x: cython.float
    with cython.nogil:
        for q in range(n_forms):
            begin = count
            tops[q] = 99
            for k in range(q * keep, q * keep + counts[q]):
                if words[k] != own[q]:
                    flat_words[count] = words[k]
                    flat_costs[count] = costs[k]
                    flat_edits[count] = edits[k]
                    x = costs[k] + edit * edits[k] - scale * unigrams[2 * words[k]]
                    if x < tops[q]:
                        tops[q] = x
                    count += 1
            kept[q] = cython.cast(cython.int, count - begin)
    return count


def find_words(
    text: cython.const[cython.uchar][::1],
    starts: cython.const[cython.int][::1],
    ends: cython.const[cython.int][::1],
    flags: cython.const[cython.ushort][::1],
    n: cython.Py_ssize_t,
    longest: cython.int,
    words: cython.int[::1],
    word_starts: cython.int[::1],
    word_ends: cython.int[::1],
) -> cython.Py_ssize_t:
    """The tokens that may be damaged words: words, and what begins with a digit and has more than two letters of three, unless they are locked.

    Args:
        longest: in bytes; longer ones are left out.
        words, word_starts, word_ends: results: tokens and their offsets, room for n.

    Returns:
        The number of words.
    """
    i: cython.Py_ssize_t
    k: cython.Py_ssize_t
    count: cython.Py_ssize_t = 0
    letters: cython.int
    with cython.nogil:
        for i in range(n):
            if flags[i] & 256 or ends[i] - starts[i] > longest or flags[i] & 7 > 1:
                continue
            if flags[i] & 7 == 1:
                letters = 0
                for k in range(starts[i], ends[i]):
                    if text[k] > 127 or 97 <= text[k] | 32 <= 122:
                        letters += 1
                if 3 * letters <= 2 * (ends[i] - starts[i]) or ends[i] - starts[i] < 3:
                    continue
            words[count] = cython.cast(cython.int, i)
            word_starts[count] = starts[i]
            word_ends[count] = ends[i]
            count += 1
    return count


def mark_suspects(
    words: cython.const[cython.int][::1],
    n_words: cython.Py_ssize_t,
    starts: cython.const[cython.int][::1],
    ends: cython.const[cython.int][::1],
    ids: cython.const[cython.int][::1],
    unigrams: cython.const[cython.float][::1],
    rare: cython.float,
    suspect: cython.uchar[::1],
) -> None:
    """What `spans` asks of each token: bit 1 for words, bit 0 for those that may be a part of one.

    Args:
        words: tokens that are words. starts, ends, ids: of all tokens.
        rare: unknown words, those of one byte and those whose log probability is below this may be parts.
        suspect: result, for every token.
    """
    k: cython.Py_ssize_t
    i: cython.Py_ssize_t
    with cython.nogil:
        for k in range(n_words):
            i = words[k]
            suspect[i] = 3 if ends[i] - starts[i] == 1 or ids[i] == 0 or unigrams[2 * ids[i]] < rare else 2


def spans(
    text: cython.const[cython.uchar][::1],
    starts: cython.const[cython.int][::1],
    ends: cython.const[cython.int][::1],
    flags: cython.const[cython.ushort][::1],
    suspect: cython.const[cython.uchar][::1],
    n: cython.Py_ssize_t,
    first: cython.int[::1],
    last: cython.int[::1],
    kinds: cython.uchar[::1],
) -> cython.Py_ssize_t:
    """Runs of tokens that may be one damaged word.

    GLUED_RUN: up to four tokens without white space between them, marks among them, or two words with white space between them, of which one has at most four
    letters unless both are suspect; at least one word in it is unknown, rare, or of one letter, but for "a" and "I"; and no mark that ends a phrase stands at
    either end. BROKEN: the last word of a line and the first of the next. HYPHENATED: the same with a hyphen between them.

    Args:
        suspect: from `mark_suspects`.
        first, last, kinds: results, half-open runs; at least 6 * n long.

    Returns:
        The number of runs.
    """
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    count: cython.Py_ssize_t = 0
    marks: cython.int
    spaces: cython.int
    found: cython.int
    word: cython.int
    c: cython.int
    with cython.nogil:
        for i in range(n):
            if flags[i] & 256 or flags[i] & 7 == 1 or flags[i] & 7 == 4:
                continue
            word = suspect[i] >> 1
            if word and i + 2 < n and suspect[i + 2] & 2 and flags[i + 2] & 96 == 32 and _hyphen(text, starts[i + 1], ends[i + 1]) and flags[i + 1] & 128:
                first[count] = cython.cast(cython.int, i)
                last[count] = cython.cast(cython.int, i + 3)
                kinds[count] = HYPHENATED
                count += 1
                continue
            if word and i + 1 < n and suspect[i + 1] & 2 and flags[i + 1] & 120 == 32:
                first[count] = cython.cast(cython.int, i)
                last[count] = cython.cast(cython.int, i + 2)
                kinds[count] = BROKEN
                count += 1
                continue
            if i > 1 and flags[i] & 96 == 32 and _hyphen(text, starts[i - 1], ends[i - 1]) and flags[i - 1] & 128:
                continue
            if not word and _stop(text, starts[i], ends[i]):
                continue
            marks = 1 - word
            spaces = 0
            found = suspect[i]
            j = i + 1
            while j < n and j < i + 5 and flags[j] & 96 == 0 and flags[j] & 256 == 0 and flags[j] & 7 != 1 and flags[j] & 7 != 4:
                c = suspect[j] >> 1
                if flags[j] & 128 == 0:
                    spaces += 1
                    if spaces > 1 or marks or not c:
                        break
                    # No capital stands inside a word, of two words one is short, and "a" and "I" are words.
                    if flags[j] >> 3 & 3 == 1 or (flags[j] >> 3 & 3 == 2 and flags[i] >> 3 & 3 != 2):
                        break
                    if ends[i] - starts[i] > 4 and ends[j] - starts[j] > 4 and suspect[i] & suspect[j] & 1 == 0:
                        break
                    if suspect[i] & 1 and suspect[j] & 1 == 0 and ends[i] - starts[i] == 1 and _article(text[starts[i]]):
                        break
                    if suspect[j] & 1 and suspect[i] & 1 == 0 and ends[j] - starts[j] == 1 and _article(text[starts[j]]):
                        break
                elif not c:
                    marks += 1
                    if marks > 2 or spaces:
                        break
                found |= suspect[j]
                j += 1
                if found != 3 or not c and _stop(text, starts[j - 1], ends[j - 1]):
                    continue
                if ends[j - 1] - starts[i] < 3 or ends[j - 1] - starts[i] > 30:
                    continue
                if j + 1 < n and flags[j + 1] & 96 and _hyphen(text, starts[j], ends[j]) and flags[j] & 128:
                    continue
                first[count] = cython.cast(cython.int, i)
                last[count] = cython.cast(cython.int, j)
                kinds[count] = GLUED_RUN
                count += 1
    return count


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _hyphen(text: cython.const[cython.uchar][::1], start: cython.int, end: cython.int) -> cython.int:
    """Whether a token is a hyphen: -, U+00AC or U+2010."""
    if end - start == 1:
        return text[start] == 45
    if end - start == 2:
        return text[start] == 0xC2 and text[start + 1] == 0xAC
    return end - start == 3 and text[start] == 0xE2 and text[start + 1] == 0x80 and text[start + 2] == 0x90


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _stop(text: cython.const[cython.uchar][::1], start: cython.int, end: cython.int) -> cython.int:
    """Whether a mark does what marks do: . , ; : ! ? ( ) " ' - and, at U+2010 to U+201F, dashes and quotes."""
    c: cython.int = text[start]
    if end - start == 3:
        return c == 0xE2 and text[start + 1] == 0x80 and text[start + 2] & 0xF0 == 0x90
    return c == 46 or c == 44 or c == 59 or c == 58 or c == 33 or c == 63 or c == 40 or c == 41 or c == 34 or c == 39 or c == 45


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _article(c: cython.int) -> cython.int:
    """Whether a letter is a word: a or i."""
    return c | 32 == 97 or c | 32 == 105


def estimate(
    words: cython.const[cython.int][::1],
    forms: cython.const[cython.int][::1],
    n_words: cython.Py_ssize_t,
    starts: cython.const[cython.int][::1],
    ends: cython.const[cython.int][::1],
    ids: cython.const[cython.int][::1],
    spelling: cython.const[cython.double][::1],
    unigrams: cython.const[cython.float][::1],
    scale: cython.double,
    form_first: cython.const[cython.int][::1],
    form_words: cython.const[cython.int][::1],
    form_costs: cython.const[cython.float][::1],
    form_edits: cython.const[cython.uchar][::1],
    block: cython.Py_ssize_t,
    n_blocks: cython.Py_ssize_t,
    prior: cython.double,
    weight: cython.double,
    rounds: cython.int,
    rates: cython.double[::1],
    confusions: cython.double[::1],
    characters: cython.double[::1],
) -> cython.double:
    """Error rates of blocks of tokens, by expectation–maximisation over words without their context.

    The rate of a block is its expected confusions by its characters, with those of its neighbours, drawn to the document's rate by `weight` characters; that
    is drawn to `prior` by as many.

    Args:
        words, forms: tokens that are words, and the numbers of their forms. starts, ends: of all tokens.
        block: tokens of a block.
        rates: the rates to begin with, and the results. confusions, characters: zeros. All n_blocks long.

    Returns:
        The confusions that are expected in a character.
    """
    r: cython.int
    k: cython.Py_ssize_t
    i: cython.Py_ssize_t
    b: cython.Py_ssize_t
    c: cython.Py_ssize_t
    low: cython.Py_ssize_t
    high: cython.Py_ssize_t
    x: cython.double
    y: cython.double
    z: cython.double
    own: cython.double
    rate: cython.double
    document: cython.double
    total: cython.double = 0
    size: cython.double = 0
    with cython.nogil:
        for k in range(n_words):
            x = ends[words[k]] - starts[words[k]]
            characters[words[k] // block] += x
            size += x
        for r in range(rounds):  # noqa: B007
            total = 0
            for b in range(n_blocks):
                confusions[b] = 0
            for k in range(n_words):
                i = words[k]
                b = i // block
                rate = log(rates[b])
                own = scale * (unigrams[2 * ids[i]] + spelling[i])
                z = 1
                y = 0
                for c in range(form_first[forms[k]], form_first[forms[k] + 1]):
                    x = scale * unigrams[2 * form_words[c]] - form_costs[c] + form_edits[c] * rate - own
                    if x > -12:
                        x = exp(x if x < 50 else 50)
                        z += x
                        y += x * form_edits[c]
                confusions[b] += y / z
                total += y / z
            document = (total + prior * weight) / (size + weight)
            for b in range(n_blocks):
                low = b - 1 if b > 0 else 0
                high = b + 2 if b + 2 <= n_blocks else n_blocks
                x = document * weight
                y = weight
                for c in range(low, high):
                    x += confusions[c]
                    y += characters[c]
                rates[b] = x / y
    return total / size if size > 0 else 0


def find_parts(
    labels: cython.const[cython.uchar][::1],
    first: cython.const[cython.int][::1],
    n_forms: cython.Py_ssize_t,
    single: cython.ulonglong,
    forward: cython.const[cython.ulonglong][::1],
    backward: cython.const[cython.ulonglong][::1],
    lefts: cython.int[::1],
    counts: cython.int[::1],
    cuts: cython.uchar[::1],
    words: cython.int[::1],
) -> cython.Py_ssize_t:
    """The ways in which forms are two words without a space between them.

    Args:
        labels: letters of the forms as labels of the tries, 0 for any other; form k stands at first[k] … first[k + 1], at most 60 long.
        single: bits of the labels that may be a word alone.
        forward, backward: the tries of the words and of the reversed words.
        lefts: scratch, 64 long.
        counts: how many ways each form has.
        cuts, words: the length of the first word; both words. Room for one way, and two words, for every letter.

    Returns:
        The number of ways.
    """
    q: cython.Py_ssize_t
    k: cython.Py_ssize_t
    n: cython.Py_ssize_t
    at: cython.Py_ssize_t
    count: cython.Py_ssize_t = 0
    node: cython.int
    word: cython.int
    with cython.nogil:
        for q in range(n_forms):
            at = first[q]
            n = first[q + 1] - at
            counts[q] = 0
            for k in range(n + 1):
                lefts[k] = 0
            node = 0
            for k in range(n - 1):
                node = child_of(forward, node, labels[at + k])
                if node == 0:
                    break
                if k == 0 and single >> labels[at] & 1 == 0:
                    continue
                lefts[k + 1] = cython.cast(cython.int, forward[4 * node + 2] >> 32)
            node = 0
            for k in range(n - 1, 0, -1):
                node = child_of(backward, node, labels[at + k])
                if node == 0:
                    break
                if k == n - 1 and single >> labels[at + k] & 1 == 0:
                    continue
                word = cython.cast(cython.int, backward[4 * node + 2] >> 32)
                if word > 0 and lefts[k] > 0:
                    cuts[count] = cython.cast(cython.uchar, k)
                    words[2 * count] = lefts[k] - 1
                    words[2 * count + 1] = word - 1
                    count += 1
                    counts[q] += 1
    return count


def apart(
    starts: cython.const[cython.int][::1],
    ends: cython.const[cython.int][::1],
    n_spans: cython.Py_ssize_t,
    words: cython.const[cython.int][::1],
    forms: cython.const[cython.int][::1],
    n_words: cython.Py_ssize_t,
    tops: cython.const[cython.float][::1],
    ids: cython.const[cython.int][::1],
    spelling: cython.const[cython.double][::1],
    unigrams: cython.const[cython.float][::1],
    scale: cython.double,
    best: cython.double[::1],
    scores: cython.float[::1],
) -> None:
    """The log probabilities of spans of tokens, times `scale`, where each token is read alone: as it stands or as its best candidate.

    Args:
        starts, ends: of the spans. words, forms: tokens that are words, and the numbers of their forms. tops: see `collect`, by form.
        ids, spelling: of all tokens. best: scratch, zeros, for all tokens.
        scores: result.
    """
    k: cython.Py_ssize_t
    i: cython.Py_ssize_t
    x: cython.double
    y: cython.double
    with cython.nogil:
        for k in range(n_words):
            if tops[forms[k]] > 0:
                best[words[k]] = -tops[forms[k]]
        for k in range(n_spans):
            x = 0
            for i in range(starts[k], ends[k]):
                y = scale * (unigrams[2 * ids[i]] + spelling[i])
                x += best[i] if best[i] < 0 and best[i] > y else y
            scores[k] = cython.cast(cython.float, x)


def count_candidates(
    forms: cython.const[cython.int][::1],
    n_spans: cython.Py_ssize_t,
    form_first: cython.const[cython.int][::1],
    part_first: cython.const[cython.int][::1],
) -> cython.Py_ssize_t:
    """How many arcs `gather` may find."""
    k: cython.Py_ssize_t
    count: cython.Py_ssize_t = 0
    for k in range(n_spans):
        count += form_first[forms[k] + 1] - form_first[forms[k]] + part_first[forms[k] + 1] - part_first[forms[k]]
    return count


def gather(
    starts: cython.const[cython.int][::1],
    ends: cython.const[cython.int][::1],
    forms: cython.const[cython.int][::1],
    bonus: cython.const[cython.double][::1],
    n_spans: cython.Py_ssize_t,
    ids: cython.const[cython.int][::1],
    spelling: cython.const[cython.double][::1],
    rates: cython.const[cython.double][::1],
    block: cython.Py_ssize_t,
    unigrams: cython.const[cython.float][::1],
    scale: cython.double,
    margin: cython.double,
    form_first: cython.const[cython.int][::1],
    form_words: cython.const[cython.int][::1],
    form_costs: cython.const[cython.float][::1],
    form_edits: cython.const[cython.uchar][::1],
    part_first: cython.const[cython.int][::1],
    part_cuts: cython.const[cython.uchar][::1],
    part_words: cython.const[cython.int][::1],
    part_costs: cython.const[cython.float][::1],
    arc_spans: cython.int[::1],
    arc_starts: cython.int[::1],
    arc_ends: cython.int[::1],
    arc_cuts: cython.int[::1],
    arc_first: cython.int[::1],
    word_ids: cython.int[::1],
    arc_bonus: cython.double[::1],
) -> cython.Py_ssize_t:
    """Arcs for spans of tokens: the candidates of the span's form, and the two words that it may be, but for those that no context can help.

    Without their context, candidates are compared with what stands there and with the best of them; what is more than `margin` behind either is left out. The
    bonus of an arc is that of its span, and the log error rate there for each confusion, less the candidate's cost.

    Args:
        starts, ends, forms, bonus: of the spans. ids, spelling: of all tokens. rates: of blocks of `block` tokens.
        form_*: candidates by form (`collect`). part_*: words by form (`find_parts`).
        arc_spans, arc_starts, arc_ends, arc_cuts, arc_bonus: results, room for all candidates; the cut is 0 for one word. arc_first: room for one more.
        word_ids: room for two words an arc.

    Returns:
        The number of arcs.
    """
    k: cython.Py_ssize_t
    c: cython.Py_ssize_t
    i: cython.Py_ssize_t
    form: cython.Py_ssize_t
    count: cython.Py_ssize_t = 0
    n_words: cython.int = 0
    rate: cython.double
    x: cython.double
    least: cython.double
    with cython.nogil:
        for k in range(n_spans):
            rate = log(rates[starts[k] // block])
            form = forms[k]
            least = 0
            for i in range(starts[k], ends[k]):
                least += scale * (unigrams[2 * ids[i]] + spelling[i])
            least -= bonus[k]
            for c in range(form_first[form], form_first[form + 1]):
                x = scale * unigrams[2 * form_words[c]] + rate * form_edits[c] - form_costs[c]
                if x > least:
                    least = x
            least -= margin
            for c in range(form_first[form], form_first[form + 1]):
                x = rate * form_edits[c] - form_costs[c]
                if scale * unigrams[2 * form_words[c]] + x < least:
                    continue
                arc_spans[count] = cython.cast(cython.int, k)
                arc_starts[count] = starts[k]
                arc_ends[count] = ends[k]
                arc_cuts[count] = 0
                arc_bonus[count] = bonus[k] + x
                arc_first[count] = n_words
                word_ids[n_words] = form_words[c]
                n_words += 1
                count += 1
            for c in range(part_first[form], part_first[form + 1]):
                x = rate - part_costs[c]
                if scale * (unigrams[2 * part_words[2 * c]] + unigrams[2 * part_words[2 * c + 1]]) + x < least:
                    continue
                arc_spans[count] = cython.cast(cython.int, k)
                arc_starts[count] = starts[k]
                arc_ends[count] = ends[k]
                arc_cuts[count] = part_cuts[c]
                arc_bonus[count] = bonus[k] + x
                arc_first[count] = n_words
                word_ids[n_words] = part_words[2 * c]
                word_ids[n_words + 1] = part_words[2 * c + 1]
                n_words += 2
                count += 1
        arc_first[count] = n_words
    return count


def choose(
    order: cython.const[cython.int][::1],
    n_arcs: cython.Py_ssize_t,
    best: cython.const[cython.uchar][::1],
    posterior: cython.const[cython.double][::1],
    arc_spans: cython.const[cython.int][::1],
    arc_starts: cython.const[cython.int][::1],
    arc_ends: cython.const[cython.int][::1],
    text: cython.const[cython.uchar][::1],
    starts: cython.const[cython.int][::1],
    ends: cython.const[cython.int][::1],
    a: cython.double,
    b: cython.double,
    c: cython.double,
    least: cython.double,
    negligible: cython.double,
    arcs: cython.int[::1],
    probabilities: cython.double[::1],
    places: cython.int[::1],
) -> cython.Py_ssize_t:
    """The arcs of the best path that are probable enough, in the order of the text, and up to three other readings of each.

    Args:
        order: arcs by end. best: 1 for the arcs of the best path. arc_spans: arcs of a span are neighbours. arc_starts, arc_ends: their tokens.
        text, starts, ends: the text and the offsets of its tokens in bytes.
        a, b, c: an arc with the posterior p has the log odds a · ln p − b · ln(1 − p) + c.
        least: what an arc's probability must be. negligible: posteriors below this are not told.
        arcs, probabilities: results: four for each chosen arc, itself and the others, best first, −1 where there are less.
        places: result: where the first token of each chosen arc begins and ends, and the last, in characters.

    Returns:
        How many were chosen.
    """
    k: cython.Py_ssize_t
    m: cython.Py_ssize_t
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    arc: cython.Py_ssize_t
    low: cython.Py_ssize_t
    count: cython.Py_ssize_t = 0
    byte: cython.Py_ssize_t = 0
    character: cython.int = 0
    p: cython.double
    with cython.nogil:
        for k in range(n_arcs):
            arc = order[k]
            if best[arc] == 0:
                continue
            low = 4 * count
            for i in range(low, low + 4):
                arcs[i] = -1
                probabilities[i] = 0
            arcs[low] = cython.cast(cython.int, arc)
            m = arc
            while m > 0 and arc_spans[m - 1] == arc_spans[arc]:
                m -= 1
            while m < n_arcs and arc_spans[m] == arc_spans[arc]:
                if m != arc and posterior[m] > negligible:
                    i = low + 1
                    while i < low + 4 and arcs[i] >= 0 and posterior[arcs[i]] >= posterior[m]:
                        i += 1
                    if i < low + 4:
                        for j in range(low + 3, i, -1):
                            arcs[j] = arcs[j - 1]
                        arcs[i] = cython.cast(cython.int, m)
                m += 1
            for i in range(low, low + 4):
                if arcs[i] >= 0:
                    p = posterior[arcs[i]]
                    p = 1e-6 if p < 1e-6 else 1 - 1e-6 if p > 1 - 1e-6 else p
                    probabilities[i] = 1 / (1 + exp(b * log(1 - p) - a * log(p) - c))
            if probabilities[low] < least:
                continue
            for i in range(4 if arc_ends[arc] - arc_starts[arc] > 1 else 2):
                j = arc_starts[arc] if i < 2 else arc_ends[arc] - 1
                j = ends[j] if i & 1 else starts[j]
                while byte < j:
                    character += text[byte] & 0xC0 != 0x80
                    byte += 1
                places[low + i] = character
            if arc_ends[arc] - arc_starts[arc] == 1:
                places[low + 2] = places[low]
                places[low + 3] = places[low + 1]
            count += 1
    return count
