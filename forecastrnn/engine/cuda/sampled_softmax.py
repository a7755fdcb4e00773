"""Sampled softmax on the device; formulas, slots and layouts as in `forecastrnn.engine.cpu.sampled_softmax`.

The CPU opens a slot when it meets a class for the first time. Here all rows whose class has none ask at once; the first
of them, in the CPU's order, stands for the class, and the classes get their slots in the order of these rows. So all
slots are those of the CPU. Until then, a class's place is the number of that row, less the number of all rows, and so
is negative.
"""

import math

import numpy as np
from numba import cuda, float64

from forecastrnn.engine.cpu import sampled_softmax
from forecastrnn.engine.cuda.build import SIMULATED, device_function, device_kernel
from forecastrnn.engine.cuda.dropout import mix
from forecastrnn.engine.cuda.formulas import exp
from forecastrnn.engine.cuda.losses import MOST_BLOCKS, TEAM, add_up, largest_of_team, row_weight, sum_of_team
from forecastrnn.engine.cuda.packing import packed_index
from forecastrnn.engine.cuda.registry import twin
from forecastrnn.engine.cuda.rows import clear_rows
from forecastrnn.engine.cuda.scans import plan_scan

CLASSES, NEVER = sampled_softmax.CLASSES, sampled_softmax.NEVER


@device_kernel(double=True)
def draw_each(order, o0, seeds, d0, step, n0, classes, c0, shift, f0, V, S, always):
    """classes (S,) of this step, and shift (S,), the log of their expected counts; a thread for each.

    The numbers drawn are the CPU's to the bit; an exponential of another last place could change a rank at the border
    of two, once in some 10^10 draws.
    """
    seed, drawn, spread = mix(seeds[d0 + step[n0]]), S - always, math.log((V + 1.0) / (always + 1.0))
    j = cuda.grid(1)
    while j < S:
        i, rank, level = j - always, j, 0.0
        if i >= 0:
            x = mix(seed + np.uint64((CLASSES << 48) + i))
            u = (i + float64(x >> np.uint64(11)) / 9007199254740992.0) / drawn
            rank = min(max(int((always + 1.0) * math.exp(u * spread)) - 1, always), V - 1)
            level = math.log(drawn * math.log((rank + 2.0) / (rank + 1.0)) / spread)
        classes[c0 + j], shift[f0 + j] = order[o0 + rank], level
        j += cuda.gridsize(1)


@twin("classes shift")
def draw_classes(plan, order, seeds, classes, shift, V, S, always):
    """The sample of a step."""
    plan.each(draw_each, S, order, seeds, plan.step, classes, shift, V, S, always)


@device_kernel()
def gather_each(source, s0, shift, f0, columns, c0, out, o0, K, S, ld, shifted):
    """out (K, S) = source (K, ld)[:, columns], less shift (S,) if `shifted`."""
    e = cuda.grid(1)
    while e < K * S:
        j = e % S
        value = source[s0 + e // S * ld + columns[c0 + j]]
        out[o0 + e] = value - shift[f0 + j] if shifted != 0 else value
        e += cuda.gridsize(1)


@twin("out")
def gather_columns(plan, source, shift, columns, out, K, S, ld, shifted):
    """The sample's columns."""
    plan.each(gather_each, K * S, source, shift, columns, out, K, S, ld, shifted)


@device_kernel()
def forget_slots(place, p0, count, c0, V):
    """No class has a slot."""
    c = cuda.grid(1)
    while c < V:
        place[p0 + c] = 0
        if c == 0:
            count[c0] = 0
        c += cuda.gridsize(1)


@device_function
def row_of(q, k, B):
    """The row (of k * B) that comes as number q: the last step first."""
    return (k - 1 - q // B) * B + q % B


@device_kernel(double=True)
def ask(target, t0, weights, w0, valid, v0, slots, s0, place, p0, k, B, first, last, weighted):
    """slots (k, B) = the class of a row, -1 if it has none that counts; the place of a class without slot: who asks."""
    q = cuda.grid(1)
    while q < k * B:
        row = row_of(q, k, B)
        w, wanted = row_weight(row // B, row % B, first, last, valid, v0, weights, w0, weighted), target[t0 + row]
        label = int(wanted) if w != 0.0 and wanted == wanted else -1
        slots[s0 + row] = label
        if label >= 0 and place[p0 + label] <= 0:
            cuda.atomic.min(place, p0 + label, q - k * B)  # of whole numbers, so that their order does not matter
        q += cuda.gridsize(1)


@device_kernel()
def find_first(slots, s0, place, p0, found, f0, k, B):
    """found (k * B,) = 1 for the rows that stand for their class, else 0."""
    q = cuda.grid(1)
    while q < k * B:
        label = slots[s0 + row_of(q, k, B)]
        found[f0 + q] = 1 if label >= 0 and place[p0 + label] == q - k * B else 0
        q += cuda.gridsize(1)


@device_kernel()
def open_slots(slots, s0, place, p0, labels, l0, hits, h0, count, c0, found, f0, number, n0, k, B, S):
    """Slots from count on for the classes of the rows that were found; for the time being none is in the sample."""
    q = cuda.grid(1)
    while q < k * B:
        if found[f0 + q] != 0:
            label, slot = slots[s0 + row_of(q, k, B)], count[c0] + number[n0 + q]
            labels[l0 + slot], place[p0 + label] = label, 1 + slot
            hits[h0 + 2 * slot], hits[h0 + 2 * slot + 1] = S, S
        q += cuda.gridsize(1)


@device_kernel()
def fill_slots(weights, w0, bias, b0, truth, t0, acc, a0, labels, l0, count, c0, more, m0, F, V):
    """`more` slots from count on: weights and bias (F + 1) of their classes, and no gradient yet."""
    e = cuda.grid(1)
    while e < more[m0] * (F + 1):
        f, slot = e % (F + 1), count[c0] + e // (F + 1)
        label, own = labels[l0 + slot], slot * (F + 1) + f
        truth[t0 + own] = weights[w0 + f * V + label] if f < F else bias[b0 + label]
        acc[a0 + own] = 0
        e += cuda.gridsize(1)


@device_kernel()
def find_hits(classes, c0, place, p0, hits, h0, count, n0, more, m0, S):
    """hits (slots, 2): from where to where each class with a slot is in the sample; count grows by `more`."""
    j = cuda.grid(1)
    while j < S:
        c = classes[c0 + j]
        own = h0 + 2 * (place[p0 + c] - 1)
        if place[p0 + c] > 0 and (j == 0 or classes[c0 + j - 1] != c):
            hits[own] = j
        if place[p0 + c] > 0 and (j == S - 1 or classes[c0 + j + 1] != c):
            hits[own + 1] = j + 1
        if j == 0:
            count[n0] += more[m0]
        j += cuda.gridsize(1)


@device_function
def largest_other(out, at, S, lo, hi, room, me):
    """The largest of S scores but those of the slots lo .. hi."""
    top = NEVER
    for j in range(me, S, TEAM):
        if j < lo or j >= hi:
            top = max(top, float64(out[at + j]))
    return largest_of_team(room, me, top)


@device_kernel(threads=TEAM, double=True)
def sampled_rows(
    out, o0, features, a0, weights, w0, dout, d0, share, r0, truth, t0, valid, v0, hits, h0, slots, s0, place, p0,
    parts, q0, k, B, S, F, ldo, ldf, first, last, weighted,
):  # fmt: skip
    """A block a row: slopes by the sample's scores in dout, and by the true class's in share; parts: loss and weight.

    slots (k, B) of classes -> of their slots.
    """
    room = cuda.shared.array(TEAM, float64)
    me, zero = cuda.threadIdx.x, out.dtype.type(0)
    loss, weight = 0.0, 0.0
    row = cuda.blockIdx.x
    while row < k * B:
        scores, d, label = o0 + row * ldo, d0 + row * ldo, slots[s0 + row]
        if label < 0:
            for j in range(me, S, TEAM):
                dout[d + j] = zero
        else:
            slot = place[p0 + label] - 1
            lo, hi, own = hits[h0 + 2 * slot], hits[h0 + 2 * slot + 1], t0 + slot * (F + 1)
            w = row_weight(row // B, row % B, first, last, valid, v0, weights, w0, weighted)
            top = largest_other(out, scores, S, lo, hi, room, me)
            s, score = 0.0, 0.0
            for j in range(me, S, TEAM):
                part = exp(out[scores + j] - out.dtype.type(top)) if j < lo or j >= hi else zero
                dout[d + j] = part
                s += float64(part)
            for f in range(me, F, TEAM):
                score += float64(features[a0 + row * ldf + f]) * float64(truth[own + f])
            s = sum_of_team(room, me, s)
            score = sum_of_team(room, me, score) + float64(truth[own + F])
            others = top + math.log(s) if s != 0.0 else NEVER
            high = max(others, score)
            level = high + math.log(math.exp(others - high) + math.exp(score - high))
            factor = out.dtype.type(w * math.exp(others - level) / s if s != 0.0 else 0.0)
            for j in range(me, S, TEAM):
                dout[d + j] = dout[d + j] * factor
            if me == 0:
                share[r0 + row], slots[s0 + row] = w * (math.exp(score - level) - 1.0), slot
            loss += w * (level - score)
            weight += w
        row += cuda.gridDim.x
    if me == 0:
        parts[q0 + 2 * cuda.blockIdx.x], parts[q0 + 2 * cuda.blockIdx.x + 1] = loss, weight


@twin("dout share truth acc labels hits slots place count sums")
def sampled_cross_entropy(
    plan, out, features, weights_t, bias, target, weights, dout, share, truth, acc, valid, classes, labels, hits, slots,
    place, count, sums, k, B, S, F, V, ldo, ldf, first, last, weighted, shards, piece, fresh,
):  # fmt: skip
    """Loss and slopes; rows without a class have slot -1."""
    if fresh:
        plan.each(forget_slots, V, place, count, V)
    plan.each(ask, k * B, target, weights, valid, slots, place, k, B, first, last, weighted)
    found = plan.work("found", k * B, "int64")
    plan.each(find_first, k * B, slots, place, found, k, B)
    number = plan_scan(plan, "number", found, k * B)
    more = number.at(k * B)
    plan.each(open_slots, k * B, slots, place, labels, hits, count, found, number, k, B, S)
    most = min(k * B, V) * (F + 1)
    plan.each(fill_slots, most, weights_t, bias, truth, acc, labels, count, more, F, V)
    plan.each(find_hits, S, classes, place, hits, count, more, S)
    blocks = min(k * B, 2 if SIMULATED else 1024)
    parts = plan.work("loss", 2 * max(blocks, MOST_BLOCKS * 256), "float64")
    plan.blocks(
        sampled_rows, (blocks,), out, features, weights, dout, share, truth, valid, hits, slots, place, parts, k, B, S,
        F, ldo, ldf, first, last, weighted,
    )  # fmt: skip
    plan.blocks(add_up, (1,), parts, sums, plan.step, blocks, shards, piece, 2, fresh)


@device_function
def scale_of(sums, s0, step, c0, shards):
    """One over the weight of all shards' rows in this step; 1 if it is zero."""
    weight = 0.0
    for shard in range(shards):
        weight += sums[s0 + (step[c0] * shards + shard) * 2 + 1]
    return 1.0 / weight if weight > 0.0 else 1.0


@device_kernel(double=True)
def scatter_sample(
    packed, p0, grad, g0, classes, c0, sums, s0, step, n0, K, S, V, wide, shards, stride, lo, hi, vecs, bits
):  # fmt: skip
    """Rows lo .. hi of grad (K, V) at the sample's classes; one thread adds up a class that is there more than once."""
    scale = packed.dtype.type(scale_of(sums, s0, step, n0, shards))
    e = cuda.grid(1)
    while e < (hi - lo) * S:
        j, k = e % S, lo + e // S
        c = classes[c0 + j]
        if j == 0 or classes[c0 + j - 1] != c:
            total = packed.dtype.type(0)
            while j < S and classes[c0 + j] == c:
                own = p0 + packed_index(j >> bits, k, K, 1, vecs, wide, bits) + j - (j >> bits << bits)
                for shard in range(shards):
                    total += packed[own + shard * stride]
                j += 1
            grad[g0 + k * V + c] = total * scale
        e += cuda.gridsize(1)


@device_kernel(double=True)
def scatter_true(acc, a0, grad, g0, labels, l0, count, c0, sums, s0, step, n0, V, ld, room, shard, shards, lo, hi):
    """Rows lo .. hi of grad (K, V) grow at the true classes of one shard."""
    scale = acc.dtype.type(scale_of(sums, s0, step, n0, shards))
    e = cuda.grid(1)
    while e < (hi - lo) * count[c0 + shard]:
        k, slot = lo + e % (hi - lo), shard * room + e // (hi - lo)
        grad[g0 + k * V + labels[l0 + slot]] += acc[a0 + slot * ld + k] * scale
        e += cuda.gridsize(1)


@twin("grad")
def scatter_classes(
    plan, packed, acc, grad, classes, labels, count, sums, K, S, V, ld, room, wide, shards, stride, lo, hi
):  # fmt: skip
    """Gradients of the sample's and the true classes; zero elsewhere."""
    rows, vecs = hi - lo, -(-S // plan.lanes)
    plan.each(clear_rows, rows * V, grad.at(lo * V), 1, rows * V, 0)
    plan.each(
        scatter_sample, rows * S, packed, grad, classes, sums, plan.step, K, S, V, wide, shards, stride, lo, hi, vecs,
        plan.bits,
    )  # fmt: skip
    for shard in range(shards):
        plan.each(
            scatter_true, rows * room, acc, grad, labels, count, sums, plan.step, V, ld, room, shard, shards, lo, hi
        )  # fmt: skip
