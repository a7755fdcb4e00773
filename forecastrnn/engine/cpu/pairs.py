"""Rows of pairs of sequences: gathered by their own lengths, turned, and own outputs put in place of given inputs."""

import numpy as np

from forecastrnn.engine.cpu.build import doubles, fast, integers, kernel, pointers, sizes
from forecastrnn.engine.cpu.dropout import FIRST, SECOND, WHOLE, mix
from forecastrnn.engine.cpu.simd import at

VALUE, TOKEN, ONE_HOT = 0, 1, 2  # how an output becomes an input


@kernel("lengths valid | B stride")
def take_lengths(record, step):
    """valid[r] = lengths[step, r], in any order."""
    lengths, valid = integers(record, 0, 2)
    B, stride = sizes(record, 2, 2)
    for r in range(B):
        valid[r] = lengths[step * stride + r]


@kernel("source out starts valid | T B F stride")
def gather_valid(record, step):
    """out[t, r] = source[starts[step, r] + t] while t < valid[r], then 0; nothing past a row's end is read."""
    source, out = pointers(record, 0, 2)
    starts, valid = integers(record, 2, 2)
    T, B, F, stride = sizes(record, 4, 4)
    for r in range(B):
        begin = starts[step * stride + r] * F
        for t in range(T):
            for f in range(F):
                out[(t * B + r) * F + f] = source[begin + t * F + f] if t < valid[r] else 0


@kernel("source out valid | B T F source_row source_time out_row out_time")
def turn_rows(record, step):
    """out[r, t] = source[r, t] while t < valid[r], then 0; the strides say which of row and time comes first."""
    source, out = pointers(record, 0, 2)
    (valid,) = integers(record, 2, 1)
    B, T, F, source_row, source_time, out_row, out_time = sizes(record, 3, 7)
    for r in range(B):
        for t in range(T):
            a, b = r * source_row + t * source_time, r * out_row + t * out_time
            for f in range(F):
                out[b + f] = source[a + f] if t < valid[r] else 0


@fast
def chance(begin):
    """24 bits of a row whose own hash is `begin`: those that dropout has for its first column."""
    x = np.uint32(begin)
    x = np.uint32((x ^ (x >> np.uint32(16))) * np.uint32(FIRST))
    x = np.uint32((x ^ (x >> np.uint32(15))) * np.uint32(SECOND))
    return np.int64(np.uint32(x ^ (x >> np.uint32(16))) >> np.uint32(8))


@fast
def largest(out, O):
    """Index of the largest of O numbers, the first of several."""
    best = 0
    for o in range(1, O):
        if out[o] > out[best]:
            best = o
    return best


@fast
def write_own(kind, out, O, x, gain, shift):
    """An output (O,) as the input that it stands for: values scaled, a token's number, or one of O columns."""
    if kind == VALUE:
        for o in range(O):
            x[o] = out[o] * gain[o] + shift[o]
    elif kind == TOKEN:
        x[0] = largest(out, O) * gain[0] + shift[0]
    else:
        best = largest(out, O)
        for o in range(O):
            x[o] = gain[o] if o == best else shift[o]


@kernel("out x gain shift seeds chances | T B O ldo ldx column kind salt row")
def feed_own(record, step):
    """x[t, r], t > 0, becomes what was put out at t - 1, with chance chances[step]: by a hash, as in dropout.py.

    out (T, B, ldo), x (T, B, ldx) from `column` on; row: number of the first row.
    """
    out, x, gain, shift = pointers(record, 0, 4)
    (seeds,) = integers(record, 4, 1)
    (chances,) = doubles(record, 5, 1)
    T, B, O, ldo, ldx, column, kind, salt, row = sizes(record, 6, 9)
    limit, seed = chances[step] * WHOLE, mix(seeds[step])
    for t in range(1, T):
        for r in range(B):
            begin = np.uint32(mix(seed + np.uint64((salt << 48) + (t << 24) + row + r)))
            if chance(begin) < limit:
                own = ((t - 1) * B + r) * ldo
                write_own(kind, at(out, own), O, at(x, (t * B + r) * ldx + column), gain, shift)
