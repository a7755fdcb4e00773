"""Beam search: the best continuations of each source's hypotheses, states that follow them, and the way back.

S sources with k hypotheses each are B = S k rows, the best hypothesis of a source first. Of V symbols the last one ends
a hypothesis. length[r]: 0 while a hypothesis goes on, below 0 where there is none, else the symbols it had until
its end, that one included. Its score is the log-probability over penalty[length]. In each step `symbols` (steps, B) has
the symbol of each row and `parents` (steps, B) the row that it continues; a hypothesis that has ended continues itself.
"""

from forecastrnn.engine.cpu.build import doubles, fast, integers, kernel, pointers, sizes
from forecastrnn.engine.cpu.losses import softmax_row
from forecastrnn.engine.cpu.simd import at


@fast
def place_of(score, scores, n, k):
    """Where a score comes among n <= k sorted ones, behind those equal to it; k: nowhere."""
    place = n
    while place > 0 and score > scores[place - 1]:
        place -= 1
    return place


@fast
def make_room(place, n, scores, logs, ends, symbols, parents):
    """Move what lies at place .. n one further."""
    for j in range(n, place, -1):
        scores[j], logs[j], ends[j] = scores[j - 1], logs[j - 1], ends[j - 1]
        symbols[j], parents[j] = symbols[j - 1], parents[j - 1]


@fast
def insert(place, n, k, score, log, end, symbol, parent, scores, logs, ends, symbols, parents):
    """Put a candidate there, the last one of k makes room; how many there are then."""
    if place >= k:
        return n
    make_room(place, min(n, k - 1), scores, logs, ends, symbols, parents)
    scores[place], logs[place], ends[place] = score, log, end
    symbols[place], parents[place] = symbol, parent
    return min(n + 1, k)


@fast
def settled(k, logp, length, penalty, most):
    """Whether the best hypothesis has ended, and none that goes on can become better within `most` symbols."""
    if length[0] <= 0:
        return 0
    best = logp[0] / penalty[length[0]]
    for j in range(1, k):
        if length[j] == 0 and logp[j] / penalty[most] > best:
            return 0
    return 1


@fast
def expand(k, V, ldo, first, time, out, work, logp, length, penalty, scores, logs, ends, symbols, parents):
    """The k best continuations of k hypotheses, sorted; how many there are. Equal ones keep their order."""
    n = 0
    for b in range(k):
        if length[b] > 0:
            score = logp[b] / penalty[length[b]]
            place = place_of(score, scores, n, k)
            n = insert(place, n, k, score, logp[b], length[b], V - 1, first + b, scores, logs, ends, symbols, parents)
        elif length[b] == 0:
            own = at(out, b * ldo)
            level = logp[b] - softmax_row(V, own, work)
            for v in range(V):
                log = level + float(own[v])
                score = log / penalty[time]
                if n < k or score > scores[n - 1]:
                    place = place_of(score, scores, n, k)
                    end = time if v == V - 1 else 0
                    n = insert(place, n, k, score, log, end, v, first + b, scores, logs, ends, symbols, parents)
    return n


@kernel("out x work logp penalty scores logs length symbols parents done ends | S k V ldo most")
def grow_beams(record, step):
    """out (B, ldo) of scores -> the k best continuations of each source's hypotheses; x (B,): their last symbols.

    logp (most + 1, B): before the first step and behind each; length (B,), done (S,): as they were, and then as they
    are; penalty (most + 1,); work (V,), scores, logs and ends (k,) are work space.
    """
    out, x, work = pointers(record, 0, 3)
    logp, penalty, scores, logs = doubles(record, 3, 4)
    length, symbols, parents, done, ends = integers(record, 7, 5)
    S, k, V, ldo, most = sizes(record, 12, 5)
    for s in range(S):
        r, here = s * k, (step * S + s) * k
        old, own, steps = at(logp, here), at(logp, here + S * k), at(length, r)
        if done[s] != 0:
            for j in range(k):
                symbols[here + j], parents[here + j], own[j] = V - 1, r + j, old[j]
            continue
        n = expand(
            k, V, ldo, r, step + 1, at(out, r * ldo), work, old, steps, penalty, scores, logs, ends,
            at(symbols, here), at(parents, here),
        )  # fmt: skip
        for j in range(k):
            if j >= n:
                symbols[here + j], parents[here + j] = V - 1, r
            own[j], steps[j] = (logs[j], ends[j]) if j < n else (0.0, -1)
            x[r + j] = symbols[here + j]
        done[s] = settled(k, own, steps, penalty, most)


@kernel("source out which | B F lds ldo")
def select_rows(record, step):
    """out[r] = source[which[step, r]], for F columns of B rows: states go where their hypotheses went."""
    source, out = pointers(record, 0, 2)
    (which,) = integers(record, 2, 1)
    B, F, lds, ldo = sizes(record, 3, 4)
    for r in range(B):
        a, b = which[step * B + r] * lds, r * ldo
        for f in range(F):
            out[b + f] = source[a + f]


@kernel("source out | B F lds")
def keep_step(record, step):
    """out (steps, B, F)[step] = source (B, lds)[:, :F]."""
    source, out = pointers(record, 0, 2)
    B, F, lds = sizes(record, 2, 3)
    for r in range(B):
        for f in range(F):
            out[(step * B + r) * F + f] = source[r * lds + f]


@kernel("length symbols parents rows found best | S k V steps total")
def trace_beams(record, step):
    """Back from the best hypothesis that has ended, or the best one: found (S, total), its symbols; best (S,): its row.

    rows (S, total): the row that each symbol was behind, one of those before its step; past `steps` V - 1 and 0.
    """
    length, symbols, parents, rows, found, best = integers(record, 0, 6)
    S, k, V, steps, total = sizes(record, 6, 5)
    for s in range(S):
        r = s * k
        for j in range(k - 1, -1, -1):
            if length[s * k + j] > 0:
                r = s * k + j
        best[s] = r
        for t in range(total):
            found[s * total + t], rows[s * total + t] = V - 1, 0
        for t in range(steps - 1, -1, -1):
            found[s * total + t] = symbols[t * S * k + r]
            r = parents[t * S * k + r]
            rows[s * total + t] = r
