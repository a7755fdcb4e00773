"""Drawing symbols: from scores to a choice by chance, and the choice as the next input."""

from forecastrnn.engine import formulas
from forecastrnn.engine.cpu.build import doubles, fast, integers, kernel, pointers, sizes
from forecastrnn.engine.cpu.simd import at


@fast
def threshold(scores, n, k):
    """The k-th largest of n scores; equal ones count once."""
    bound = scores[0]
    for f in range(1, n):
        bound = max(bound, scores[f])
    for _ in range(1, k):
        below, found = bound, False
        for f in range(n):
            if scores[f] < bound and (not found or scores[f] > below):
                below, found = scores[f], True
        bound = below
    return bound


@fast
def draw_one(scores, n, temperature, top, u):
    """The symbol at the share u of the probabilities exp(score / temperature); 0: the most probable one."""
    best, low = 0, 0
    for f in range(1, n):
        if scores[f] > scores[best]:
            best = f
        if scores[f] < scores[low]:
            low = f
    bound = threshold(scores, n, top) if top < n else scores[low]
    if temperature <= 0.0:
        return best
    total = 0.0
    for f in range(n):
        if scores[f] >= bound:
            total += formulas.exp((float(scores[f]) - float(scores[best])) / temperature)
    left, last = u * total, best
    for f in range(n):
        if scores[f] >= bound:
            last = f
            left -= formulas.exp((float(scores[f]) - float(scores[best])) / temperature)
            if left < 0.0:
                return f
    return last


@kernel("out x gain shift u temperature chosen | B F ldo ldx total top coded")
def draw_symbol(record, step):
    """out (B, ldo) of scores -> chosen[r, step], by u[r, step]; x[r] = one-hot of it, times gain plus shift.

    `coded`: x[r] is a single code, shift[symbol].
    """
    out, x, gain, shift = pointers(record, 0, 4)
    u, temperature = doubles(record, 4, 2)
    (chosen,) = integers(record, 6, 1)
    B, F, ldo, ldx, total, top, coded = sizes(record, 7, 7)
    for r in range(B):
        symbol = draw_one(at(out, r * ldo), F, temperature[0], top, u[r * total + step])
        chosen[r * total + step] = symbol
        if coded != 0:
            x[r * ldx] = shift[symbol]
            continue
        for f in range(F):
            x[r * ldx + f] = shift[f]
        x[r * ldx + symbol] += gain[symbol]
