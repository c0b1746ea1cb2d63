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

# The search follows derivations up to a cost of 2 STEP, then 3 STEP, …
STEP = cython.declare(cython.float, 15)
ONE = cython.declare(cython.ulonglong, 1)
# Bits for counting bits: every second, two of four, four of eight.
BITS = cython.declare(cython.ulonglong, 0x5555555555555555)
PAIRS = cython.declare(cython.ulonglong, 0x3333333333333333)
NIBBLES = cython.declare(cython.ulonglong, 0x0F0F0F0F0F0F0F0F)
# Classes of words by their length.
CLASSES = cython.declare(cython.int, 4)


def build_trie(
    texts: cython.const[cython.uchar][::1],
    first: cython.const[cython.int][::1],
    n_words: cython.Py_ssize_t,
    numbers: cython.const[cython.int][::1],
    scores: cython.const[cython.float][::1],
    masks: cython.ulonglong[::1],
    children: cython.int[::1],
    words: cython.int[::1],
    best: cython.float[::1],
    labels: cython.uchar[::1],
    scratch: cython.int[::1],
) -> cython.Py_ssize_t:
    """A trie of words, level by level, so that the children of a node stand side by side; node 0 is the root.

    Args:
        texts: labels of all words, one byte below 64 each; word k stands at first[k] … first[k + 1]; sorted and distinct, none empty, none longer than 60.
        numbers: what `words` says of the node where word k ends. scores: log probability of each word.
        masks, children, words, best: results, for a node a letter and one more: a bit for the label of each child, the first child (the others follow in the
            order of their labels), the word that ends there or -1, and, CLASSES each, the best score of the words of each class of length (`length_class`)
            from there on.
        labels, scratch: scratch; `scratch` three times as long as `labels`, which has room for every node.

    Returns:
        The number of nodes.
    """
    n_nodes: cython.Py_ssize_t = 1
    level: cython.Py_ssize_t = 0
    end: cython.Py_ssize_t
    room: cython.Py_ssize_t = len(labels)
    k: cython.Py_ssize_t
    low: cython.Py_ssize_t
    high: cython.Py_ssize_t
    d: cython.Py_ssize_t
    c: cython.Py_ssize_t
    with cython.nogil:
        # scratch: the words below each node, half-open: they are neighbours, since the words are sorted.
        scratch[0] = 0
        scratch[room] = cython.cast(cython.int, n_words)
        scratch[2 * room] = 0
        k = 0
        while k < n_nodes:
            end = n_nodes
            d = scratch[2 * room + k]
            low = scratch[k]
            high = scratch[room + k]
            children[k] = cython.cast(cython.int, n_nodes)
            words[k] = -1
            masks[k] = 0
            for c in range(CLASSES):
                best[k * CLASSES + c] = -1000
            for level in range(low, high):
                c = length_class(first[level + 1] - first[level])
                if scores[level] > best[k * CLASSES + c]:
                    best[k * CLASSES + c] = scores[level]
            if low < high and first[low + 1] - first[low] == d:
                words[k] = numbers[low]
                low += 1
            while low < high:
                if n_nodes == end or texts[first[low] + d] != labels[n_nodes - 1]:
                    labels[n_nodes] = texts[first[low] + d]
                    masks[k] |= ONE << labels[n_nodes]
                    scratch[2 * room + n_nodes] = cython.cast(cython.int, d + 1)
                    scratch[n_nodes] = cython.cast(cython.int, low)
                    n_nodes += 1
                scratch[room + n_nodes - 1] = cython.cast(cython.int, low + 1)
                low += 1
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
def child_of(mask: cython.ulonglong, children: cython.int, label: cython.int) -> cython.int:
    """The child with a label, given the node's mask and its first child; 0 when there is none."""
    x: cython.ulonglong
    if mask >> label & 1 == 0:
        return 0
    # Children with lower labels: the bits below, counted (Hacker's Delight, 5-1).
    x = mask & ((ONE << label) - 1)
    x = x - (x >> 1 & BITS)
    x = (x & PAIRS) + (x >> 2 & PAIRS)
    x = x + (x >> 4) & NIBBLES
    x = x + (x >> 8)
    x = x + (x >> 16)
    x = x + (x >> 32)
    return cython.cast(cython.int, children + cython.cast(cython.int, x & 127))


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
    reverse: cython.int,
    masks: cython.const[cython.ulonglong][::1],
    children: cython.const[cython.int][::1],
    words: cython.const[cython.int][::1],
    best: cython.const[cython.float][::1],
    n_labels: cython.Py_ssize_t,
    exact: cython.const[cython.uchar][::1],
    likeness: cython.const[cython.uchar][::1],
    substitute: cython.const[cython.float][::1],
    removed: cython.const[cython.uchar][::1],
    remove: cython.const[cython.float][::1],
    insert: cython.const[cython.float][::1],
    rule_first: cython.const[cython.int][::1],
    rules: cython.const[cython.uchar][::1],
    rule_costs: cython.const[cython.float][::1],
    stack_node: cython.int[::1],
    stack_position: cython.uchar[::1],
    stack_edits: cython.uchar[::1],
    stack_cost: cython.float[::1],
    room: cython.Py_ssize_t,
    scores: cython.float[::1],
    counts: cython.int[::1],
    found: cython.int[::1],
    costs: cython.float[::1],
    edits: cython.uchar[::1],
) -> cython.Py_ssize_t:
    """For each query, the words of the trie that it may be a damaged form of: the `keep` best by scale · log P(word) − cost.

    Only derivations with at most half of their cost in the first half of the query are followed. A second call, with everything reversed and the results of
    the first, finds the others. What a derivation may cost is the budget, or less: the best word below a node says what it may cost to be worth keeping.

    The cost of a word is that of its cheapest derivation: the sum of the costs of its confusions (−log of their probabilities at error rate 1) and of `edit`
    for each of them; letters that stand as they are cost nothing.

    Args:
        symbols: the queries' characters; query k stands at first[k] … first[k + 1], at most 60 long.
        shapes: the case of the word behind each query: 0 lower, 1 capitalised, 2 upper.
        budgets: derivations that cost more are not followed.
        floors: words whose score is below this need not be found.
        margin: words whose score is so far behind the best one's need not be found.
        reverse: 1 for the second call: the queries, the words of the trie and both sides of the rules are reversed.
        unigrams: log probability of word k at 2 * k. masks … best: the trie (`build_trie`).
        exact: the label that a symbol is, at 2 * symbol (+ 1 when the letter is a capital), 0 for none.
        likeness, substitute: the other labels and their costs for that symbol, cheapest first, n_labels each. removed, remove: labels and costs of leaving
            them out, cheapest first, n_labels for small letters and n_labels for capitals. insert: cost of a symbol out of nothing.
        rule_first: rules whose observed side begins with a symbol, a number more than symbols. rules: 8 bytes a rule: length of the observed side and up to
            3 symbols, length of the intended side (+ 128 for capitals) and up to 3 labels. rule_costs.
        stack_*: scratch, `room` long.
        counts: words found by query, with those found before; scores, found, costs, edits: at query * keep, in no order: the score, the word's number, the
            cost without `edit`, and the number of confusions.

    Returns:
        The number of states visited.
    """
    q: cython.Py_ssize_t
    k: cython.Py_ssize_t
    m: cython.Py_ssize_t
    r: cython.Py_ssize_t
    n: cython.Py_ssize_t
    at: cython.Py_ssize_t
    row: cython.Py_ssize_t
    sp: cython.Py_ssize_t
    visited: cython.Py_ssize_t = 0
    mask: cython.ulonglong
    node: cython.int
    child: cython.int
    eldest: cython.int
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
    limit: cython.float
    floor: cython.float
    top: cython.float
    bound: cython.float
    share: cython.float
    with cython.nogil:
        for q in range(n_queries):
            at = first[q]
            n = first[q + 1] - at
            shape = shapes[q]
            # Words of at most two letters less or more: of one class, or of two.
            low = length_class(n - 2)
            high = length_class(n + 2)
            limit = 0
            count = counts[q]
            floor = floors[q]
            top = -1e30
            for k in range(count):
                if scores[q * keep + k] > top:
                    top = scores[q * keep + k]
            if count > 0 and top - margin > floor:
                floor = top - margin
            sp = 0
            while True:
                if sp == 0:
                    # Nothing left: once more with a larger limit, until what it could add is too far behind the best or over the budget.
                    x = scale * (best[low] if best[low] > best[high] else best[high]) - floor
                    if limit >= budgets[q] or limit >= x:
                        break
                    limit = limit + STEP if limit > 0 else 2 * STEP
                    if limit > x:
                        limit = x
                    if limit > budgets[q]:
                        limit = budgets[q]
                    stack_node[0] = 0
                    stack_position[0] = 0
                    stack_edits[0] = 0
                    stack_cost[0] = 0
                    sp = 1
                sp -= 1
                node = stack_node[sp]
                cost = stack_cost[sp]
                position = stack_position[sp]
                # What a word below this node may cost to be worth keeping, and the share of it that may be spent so far.
                k = node * CLASSES
                bound = scale * (best[k + low] if best[k + low] > best[k + high] else best[k + high]) - floor
                if cost >= bound:
                    continue
                visited += 1
                done = stack_edits[sp]
                if position == n and words[node] >= 0:
                    x = scale * unigrams[2 * words[node]] - cost
                    m = -1
                    for k in range(count):
                        if found[q * keep + k] == words[node]:
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
                        found[q * keep + m] = words[node]
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
                share = 2 if 2 * position < n - reverse else 1
                if bound > limit:
                    bound = limit
                bound = bound / share - cost - edit
                mask = masks[node]
                eldest = children[node]
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
                    for r in range(rule_first[symbols[at + position]], rule_first[symbols[at + position] + 1]):
                        if rule_costs[r] > bound or rules[8 * r] > n - position or rules[8 * r + 4] >> 7 != upper:
                            continue
                        m = 1
                        while m < rules[8 * r] and symbols[at + position + m] == rules[8 * r + 1 + m]:
                            m += 1
                        if m < rules[8 * r]:
                            continue
                        child = child_of(mask, eldest, rules[8 * r + 5])
                        k = 1
                        while child and k < rules[8 * r + 4] & 127:
                            child = child_of(masks[child], children[child], rules[8 * r + 5 + k])
                            k += 1
                        if child:
                            stack_node[sp] = child
                            stack_position[sp] = cython.cast(cython.uchar, position + rules[8 * r])
                            stack_edits[sp] = cython.cast(cython.uchar, done + 1)
                            stack_cost[sp] = cost + edit + rule_costs[r]
                            sp += 1
                # A letter left out, or for a symbol; the letter that stands there goes on top of the stack, so that good words are found early.
                if bound > 0:
                    row = upper * n_labels
                    m = 0
                    while m < n_labels and remove[row + m] <= bound:
                        child = child_of(mask, eldest, removed[row + m])
                        if child:
                            c = cost + edit + remove[row + m]
                            k = child * CLASSES
                            if share * c < scale * (best[k + low] if best[k + low] > best[k + high] else best[k + high]) - floor:
                                stack_node[sp] = child
                                stack_position[sp] = cython.cast(cython.uchar, position)
                                stack_edits[sp] = cython.cast(cython.uchar, done + 1)
                                stack_cost[sp] = c
                                sp += 1
                        m += 1
                if position < n:
                    row = 2 * symbols[at + position] + upper
                    m = row * n_labels
                    k = m + n_labels
                    while bound > 0 and m < k and substitute[m] <= bound:
                        m += 1
                    while m > row * n_labels:
                        m -= 1
                        child = child_of(mask, eldest, likeness[m])
                        if child:
                            c = cost + edit + substitute[m]
                            k = child * CLASSES
                            if share * c < scale * (best[k + low] if best[k + low] > best[k + high] else best[k + high]) - floor:
                                stack_node[sp] = child
                                stack_position[sp] = cython.cast(cython.uchar, position + 1)
                                stack_edits[sp] = cython.cast(cython.uchar, done + 1)
                                stack_cost[sp] = c
                                sp += 1
                    if exact[row]:
                        child = child_of(mask, eldest, exact[row])
                        if child:
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

    GLUED_RUN: up to four tokens without white space between them, marks among them, or two words with white space between them; at least one word in it is
    suspect, and no mark that may end a sentence stands at either end. BROKEN: the last word of a line and the first of the next. HYPHENATED: the same with a
    hyphen between them.

    Args:
        suspect: bit 0 for a word for which no good reading was found, bit 1 for a token that is a word at all.
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
            if word and i + 2 < n and suspect[i + 2] >> 1 and flags[i + 2] & 96 == 32 and _hyphen(text, starts[i + 1], ends[i + 1]) and flags[i + 1] & 128:
                first[count] = cython.cast(cython.int, i)
                last[count] = cython.cast(cython.int, i + 3)
                kinds[count] = HYPHENATED
                count += 1
                continue
            if word and i + 1 < n and suspect[i + 1] >> 1 and flags[i + 1] & 120 == 32:
                first[count] = cython.cast(cython.int, i)
                last[count] = cython.cast(cython.int, i + 2)
                kinds[count] = BROKEN
                count += 1
                continue
            if i > 1 and flags[i] & 96 == 32 and _hyphen(text, starts[i - 1], ends[i - 1]) and flags[i - 1] & 128:
                continue
            if not word and _stop(text[starts[i]]):
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
                elif not c:
                    marks += 1
                    if marks > 2 or spaces:
                        break
                found |= suspect[j]
                j += 1
                if found != 3 or ends[j - 1] - starts[i] < 3 or ends[j - 1] - starts[i] > 30 or not c and _stop(text[starts[j - 1]]):
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
def _stop(c: cython.int) -> cython.int:
    """Whether a mark does what marks do: . , ; : ! ? ( ) " ' -"""
    return c == 46 or c == 44 or c == 59 or c == 58 or c == 33 or c == 63 or c == 40 or c == 41 or c == 34 or c == 39 or c == 45


def estimate(
    starts: cython.const[cython.int][::1],
    forms: cython.const[cython.int][::1],
    n_spans: cython.Py_ssize_t,
    ids: cython.const[cython.int][::1],
    spelling: cython.const[cython.double][::1],
    unigrams: cython.const[cython.float][::1],
    scale: cython.double,
    form_first: cython.const[cython.int][::1],
    form_words: cython.const[cython.int][::1],
    form_costs: cython.const[cython.float][::1],
    form_edits: cython.const[cython.uchar][::1],
    characters: cython.const[cython.double][::1],
    block: cython.Py_ssize_t,
    n_blocks: cython.Py_ssize_t,
    prior: cython.double,
    weight: cython.double,
    rounds: cython.int,
    rates: cython.double[::1],
    confusions: cython.double[::1],
) -> None:
    """Error rates of blocks of tokens, by expectation–maximisation over words without their context.

    The rate of a block is its expected confusions by its characters, with those of its neighbours, drawn to the document's rate by `weight` characters; that
    is drawn to `prior` by as many.

    Args:
        starts, forms: the token and the form of each span of one token.
        characters: letters of each block. block: tokens of a block.
        rates: the rates to begin with, and the results. confusions: scratch. Both n_blocks long.
    """
    r: cython.int
    k: cython.Py_ssize_t
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
    total: cython.double
    size: cython.double
    with cython.nogil:
        for r in range(rounds):  # noqa: B007
            total = size = 0
            for b in range(n_blocks):
                confusions[b] = 0
                size += characters[b]
            for k in range(n_spans):
                b = starts[k] // block
                rate = log(rates[b])
                own = scale * (unigrams[2 * ids[starts[k]]] + spelling[starts[k]])
                z = 1
                y = 0
                for c in range(form_first[forms[k]], form_first[forms[k] + 1]):
                    x = scale * unigrams[2 * form_words[c]] - form_costs[c] + form_edits[c] * rate - own
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


def gather(
    starts: cython.const[cython.int][::1],
    ends: cython.const[cython.int][::1],
    forms: cython.const[cython.int][::1],
    bonus: cython.const[cython.double][::1],
    n_spans: cython.Py_ssize_t,
    rates: cython.const[cython.double][::1],
    block: cython.Py_ssize_t,
    unigrams: cython.const[cython.float][::1],
    scale: cython.double,
    margin: cython.double,
    form_first: cython.const[cython.int][::1],
    form_words: cython.const[cython.int][::1],
    form_costs: cython.const[cython.float][::1],
    form_edits: cython.const[cython.uchar][::1],
    arc_spans: cython.int[::1],
    arc_starts: cython.int[::1],
    arc_ends: cython.int[::1],
    word_ids: cython.int[::1],
    arc_edits: cython.uchar[::1],
    arc_bonus: cython.double[::1],
) -> cython.Py_ssize_t:
    """Arcs of one word each for spans of tokens: the candidates of the span's form that are not `margin` behind the best one without their context.

    The bonus of an arc is that of its span, and the log error rate there for each confusion, less the candidate's cost.

    Returns:
        The number of arcs; the caller provides room for all candidates.
    """
    k: cython.Py_ssize_t
    c: cython.Py_ssize_t
    count: cython.Py_ssize_t = 0
    rate: cython.double
    x: cython.double
    best: cython.double
    with cython.nogil:
        for k in range(n_spans):
            rate = log(rates[starts[k] // block])
            best = -1e30
            for c in range(form_first[forms[k]], form_first[forms[k] + 1]):
                x = scale * unigrams[2 * form_words[c]] + rate * form_edits[c] - form_costs[c]
                if x > best:
                    best = x
            for c in range(form_first[forms[k]], form_first[forms[k] + 1]):
                x = rate * form_edits[c] - form_costs[c]
                if scale * unigrams[2 * form_words[c]] + x < best - margin:
                    continue
                arc_spans[count] = cython.cast(cython.int, k)
                arc_starts[count] = starts[k]
                arc_ends[count] = ends[k]
                word_ids[count] = form_words[c]
                arc_edits[count] = form_edits[c]
                arc_bonus[count] = bonus[k] + x
                count += 1
    return count
