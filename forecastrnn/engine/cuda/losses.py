"""Losses on the device; formulas and sizes as in `forecastrnn.engine.cpu.losses`. Sums are float64, as there."""

import math

from numba import cuda, float64

from forecastrnn.engine.cpu import losses
from forecastrnn.engine.cuda.build import SIMULATED, device_function, device_kernel, rebuilt
from forecastrnn.engine.cuda.formulas import exp
from forecastrnn.engine.cuda.registry import twin
from forecastrnn.engine.cuda.teams import largest_and_sum

TEAM = 4 if SIMULATED else 128  # threads that share a row or a sum
MOST_BLOCKS = 64  # whose sums are added up by one block

elementwise = rebuilt(losses.elementwise)
largest_of_team, sum_of_team = largest_and_sum(TEAM)


@device_function
def row_weight(t, r, first, last, valid, v0, weights, w0, weighted):
    """Weight of step t of row r: 0 outside the valid stretch that the loss reads."""
    if first + t >= valid[v0 + r] or first + t < valid[v0 + r] - last:
        return 0.0
    return float64(weights[w0 + r]) if weighted != 0 else 1.0


@device_kernel(double=True)
def elementwise_rows(
    out, o0, target, t0, weights, w0, dout, d0, valid, v0, parts, p0, k, B, O, ldo, ldd, first, last, weighted, kind
):  # fmt: skip
    """Gradients of rows, last to first; parts (threads, 2): each thread's weighted loss and weight."""
    loss, weight = 0.0, 0.0
    e = cuda.grid(1)
    while e < k * B:
        row = k * B - 1 - e
        w = row_weight(row // B, row % B, first, last, valid, v0, weights, w0, weighted)
        for o in range(O):
            wanted, value = target[t0 + row * O + o], out[o0 + row * ldo + o]
            gradient = 0.0
            if w != 0.0 and wanted == wanted:
                size, slope = elementwise(kind, float64(value) - float64(wanted))
                loss += w * size / O
                weight += w / O
                gradient = w * slope / O
            dout[d0 + row * ldd + o] = gradient
        e += cuda.gridsize(1)
    me = p0 + 2 * cuda.grid(1)
    parts[me], parts[me + 1] = loss, weight


@device_kernel(threads=TEAM, double=True)
def add_up(parts, p0, sums, s0, step, c0, count, shards, piece, width, fresh):
    """sums[step, piece, :width] = or += the sums of parts (count, width), always in the same order."""
    room = cuda.shared.array(TEAM, float64)
    me = cuda.threadIdx.x
    for column in range(width):
        total = 0.0
        for k in range(me, count, TEAM):
            total += parts[p0 + k * width + column]
        total = sum_of_team(room, me, total)
        if me == 0:
            place = s0 + (step[c0] * shards + piece) * width + column
            sums[place] = total if fresh != 0 else sums[place] + total


@twin("dout sums")
def elementwise_loss(
    plan, out, target, weights, dout, valid, sums, k, B, O, ldo, ldd, first, last, weighted, kind, shards, piece,
    fresh,
):  # fmt: skip
    """Losses of single outputs."""
    parts = plan.work("loss", 2 * MOST_BLOCKS * 256, "float64")
    count = plan.each(
        elementwise_rows, k * B, out, target, weights, dout, valid, parts, k, B, O, ldo, ldd, first, last, weighted,
        kind, most=MOST_BLOCKS,
    )  # fmt: skip
    plan.blocks(add_up, (1,), parts, sums, plan.step, count, shards, piece, 2, fresh)


@device_kernel(threads=TEAM, double=True)
def softmax_rows(
    out, o0, target, t0, weights, w0, dout, d0, valid, v0, parts, p0, k, B, O, ldo, ldd, first, last, weighted
):  # fmt: skip
    """A block a row: dout = softmax of out minus the indicator of the class; parts (blocks, 2): loss and weight."""
    room = cuda.shared.array(TEAM, float64)
    me, zero = cuda.threadIdx.x, out.dtype.type(0)
    loss, weight = 0.0, 0.0
    e = cuda.blockIdx.x
    while e < k * B:
        row = k * B - 1 - e
        scores, d, label = o0 + row * ldo, d0 + row * ldd, int(target[t0 + row])
        w = row_weight(row // B, row % B, first, last, valid, v0, weights, w0, weighted)
        top = out[scores + me % O]
        for o in range(me, O, TEAM):
            top = max(top, out[scores + o])
        top = out.dtype.type(largest_of_team(room, me, float64(top)))
        s = 0.0
        for o in range(me, O, TEAM):
            part = exp(out[scores + o] - top)
            dout[d + o] = part
            s += float64(part)
        s = sum_of_team(room, me, s)
        share, rest = out.dtype.type(w / s), out.dtype.type(w)
        for o in range(me, O, TEAM):
            own = dout[d + o] * share - (rest if o == label else zero)
            dout[d + o] = own if w != 0.0 else zero
        weight += w
        if w != 0.0:
            loss += w * (float64(top) + math.log(s) - float64(out[scores + label]))
        e += cuda.gridDim.x
    if me == 0:
        parts[p0 + 2 * cuda.blockIdx.x], parts[p0 + 2 * cuda.blockIdx.x + 1] = loss, weight


@twin("dout sums")
def cross_entropy(
    plan, out, target, weights, dout, valid, sums, k, B, O, ldo, ldd, first, last, weighted, kind, shards, piece,
    fresh,
):  # fmt: skip
    """Losses of classes."""
    blocks = min(k * B, 2 if SIMULATED else 1024)
    parts = plan.work("loss", 2 * max(blocks, MOST_BLOCKS * 256), "float64")
    plan.blocks(
        softmax_rows, (blocks,), out, target, weights, dout, valid, parts, k, B, O, ldo, ldd, first, last, weighted
    )  # fmt: skip
    plan.blocks(add_up, (1,), parts, sums, plan.step, blocks, shards, piece, 2, fresh)
