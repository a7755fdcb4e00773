"""Losses on rows of outputs: the sum of weighted losses, and the gradient by each output.

Sizes: k steps, B rows, O outputs in rows of ldo. Gradients are left undivided; the reduction divides them by
the total weight of all shards. Step t of row r counts if valid[r] - last <= first + t < valid[r].
"""

import math

from forecastrnn.engine import formulas
from forecastrnn.engine.cpu.build import doubles, fast, integers, kernel, pointers, sizes
from forecastrnn.engine.cpu.simd import at, lanes, load, store, total

SQUARED, ABSOLUTE, HUBER = 0, 1, 2
FIELDS = "out target weights dout valid sums | k B O ldo ldd first last weighted kind shards piece fresh"


@fast
def elementwise(kind, e):
    """Loss of an error e, and its derivative; Huber's with delta 1."""
    if kind == SQUARED:
        return e * e, 2.0 * e
    size = math.fabs(e)
    sign = 1.0 if e > 0.0 else (-1.0 if e < 0.0 else 0.0)
    if kind == ABSOLUTE:
        return size, sign if e == e else e
    return (0.5 * e * e, e) if size <= 1.0 else (size - 0.5, sign if e == e else e)


@fast
def row_weight(t, r, first, last, valid, weights, weighted):
    """Weight of step t of row r: 0 outside the valid stretch that the loss reads."""
    if first + t >= valid[r] or first + t < valid[r] - last:
        return 0.0
    return float(weights[r]) if weighted != 0 else 1.0


@fast
def begin_sums(sums, fresh):
    """Loss and weight so far."""
    return (0.0, 0.0) if fresh != 0 else (sums[0], sums[1])


@fast
def each_row(record, step, row_loss, element):
    """Loss of all rows by row_loss(element, kind, weight, O, out, target, row, dout): weighted loss, and weight.

    element : of a loss that is a mean over outputs (`each_output`), that of one; else None.

    Later steps come first, as in BPTT; not `fresh`: the sums go on from those of a later stretch.
    """
    out, target, weights, dout = pointers(record, 0, 4)
    (valid,) = integers(record, 4, 1)
    (sums,) = doubles(record, 5, 1)
    k, B, O, ldo, ldd, first, last, weighted, kind, shards, piece, fresh = sizes(record, 6, 12)
    own = at(sums, (step * shards + piece) * 2)
    loss, weight = begin_sums(own, fresh)
    for t in range(k - 1, -1, -1):
        for r in range(B):
            w, row = row_weight(t, r, first, last, valid, weights, weighted), t * B + r
            l, n = row_loss(element, kind, w, O, at(out, row * ldo), target, row, at(dout, row * ldd))
            loss += l
            weight += n
    own[0], own[1] = loss, weight


@fast
def each_output(element, kind, w, O, out, target, row, dout):
    """A row's loss is the mean over its outputs of those that element(kind, error) gives, with their slopes.

    A target that is NaN is not observed: it counts 0.
    """
    loss, weight, wanted = 0.0, 0.0, at(target, row * O)
    for o in range(O):
        dout[o] = 0
        if w != 0.0 and wanted[o] == wanted[o]:
            value, slope = element(kind, float(out[o]) - float(wanted[o]))
            loss += w * value / O
            weight += w / O
            dout[o] = w * slope / O
    return loss, weight


@kernel(FIELDS)
def elementwise_loss(record, step):
    """out (k, B, ldo), target (k, B, O) -> dout (k, B, ldd)."""
    each_row(record, step, each_output, elementwise)


@fast
def largest(O, out, work):
    """The largest of out (O,); work (O,) is overwritten."""
    L, top = lanes(out), out[0]
    whole = O // L * L
    if whole > L:
        most = load(out, 0)
        for o in range(L, whole, L):
            most = formulas.maximum(most, load(out, o))
        store(work, 0, most)
        for o in range(L):
            top = max(top, work[o])
    for o in range(whole if whole > L else 1, O):
        top = max(top, out[o])
    return top


@fast
def softmax_row(O, out, dout):
    """dout (O,) = softmax of out (O,), computed from the largest."""
    L, s = lanes(out), 0.0
    whole, top = O // L * L, largest(O, out, dout)
    for o in range(0, whole, L):
        e = formulas.exp(load(out, o) - float(top))
        store(dout, o, e)
        s += float(total(e))
    for o in range(whole, O):
        dout[o] = formulas.exp(out[o] - top)
        s += float(dout[o])
    for o in range(O):
        dout[o] = dout[o] / s
    return top + math.log(s)


@fast
def cross_entropy_row(_element, _kind, w, O, out, target, row, dout):
    """Gradients of one row: softmax minus the indicator of its class."""
    label, level = int(target[row]), softmax_row(O, out, dout)
    dout[label] -= 1
    for o in range(O):
        dout[o] = dout[o] * w if w != 0.0 else dout[o] * 0
    return w * (level - out[label]) if w != 0.0 else 0.0, w


@kernel(FIELDS)
def cross_entropy(record, step):
    """out (k, B, ldo) of scores, target (k, B, 1) of class numbers -> dout (k, B, ldd)."""
    each_row(record, step, cross_entropy_row, None)
