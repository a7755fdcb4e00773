"""Rows of pairs of sequences on the device: the twins of `forecastrnn.engine.cpu.pairs`, where their formulas stand."""

import numpy as np
from numba import cuda, int64

from forecastrnn.engine.cpu.dropout import WHOLE
from forecastrnn.engine.cpu.pairs import TOKEN, VALUE
from forecastrnn.engine.cuda.build import SIMULATED, device_function, device_kernel
from forecastrnn.engine.cuda.dropout import chance, mix
from forecastrnn.engine.cuda.registry import twin

TEAM = 4 if SIMULATED else 64  # threads that share the outputs of a row
MOST_TEAMS = 3 if SIMULATED else 4096


@device_kernel()
def take_each(lengths, l0, valid, v0, step, c0, B, stride):
    """valid (B,) = lengths (steps, stride)[step]."""
    r = cuda.grid(1)
    while r < B:
        valid[v0 + r] = lengths[l0 + step[c0] * stride + r]
        r += cuda.gridsize(1)


@twin("valid")
def take_lengths(plan, lengths, valid, B, stride):
    """Valid steps of this step's rows."""
    plan.each(take_each, B, lengths, valid, plan.step, B, stride)


@device_kernel()
def gather_rows_valid(source, s0, out, o0, starts, i0, valid, v0, step, c0, T, B, F, stride):
    """out (T, B, F) from rows of source, chosen by starts (steps, stride); 0 past a row's end."""
    zero = out.dtype.type(0)
    k = cuda.grid(1)
    while k < T * B * F:
        row, f = k // F, k % F
        t, r = row // B, row % B
        begin = starts[i0 + step[c0] * stride + r] + t
        out[o0 + k] = source[s0 + begin * F + f] if t < valid[v0 + r] else zero
        k += cuda.gridsize(1)


@twin("out")
def gather_valid(plan, source, out, starts, valid, T, B, F, stride):
    """Sequences by index."""
    plan.each(gather_rows_valid, T * B * F, source, out, starts, valid, plan.step, T, B, F, stride)


@device_kernel()
def turn_each(source, s0, out, o0, valid, v0, B, T, F, source_row, source_time, out_row, out_time):
    """out[r, t] = source[r, t], of F numbers each, by the strides; 0 past a row's end."""
    zero = out.dtype.type(0)
    k = cuda.grid(1)
    while k < B * T * F:
        row, f = k // F, k % F
        r, t = row // T, row % T
        value = source[s0 + r * source_row + t * source_time + f] if t < valid[v0 + r] else zero
        out[o0 + r * out_row + t * out_time + f] = value
        k += cuda.gridsize(1)


@twin("out")
def turn_rows(plan, source, out, valid, B, T, F, source_row, source_time, out_row, out_time):
    """Time first, or row first."""
    plan.each(turn_each, B * T * F, source, out, valid, B, T, F, source_row, source_time, out_row, out_time)


@device_function
def largest_of_row(out, o0, O, room, me):
    """Index of the largest of O numbers, the first of several; as `forecastrnn.engine.cpu.pairs.largest`."""
    best = int64(0)
    for o in range(me, O, TEAM):
        if out[o0 + o] > out[o0 + best]:
            best = o
    cuda.syncthreads()
    room[me] = best
    cuda.syncthreads()
    half = TEAM // 2
    while half > 0:
        if me < half:
            one, other = room[me], room[me + half]
            a, b = out[o0 + one], out[o0 + other]
            if b > a or (b == a and other < one):
                room[me] = other
        cuda.syncthreads()
        half //= 2
    return room[0]


@device_kernel(threads=TEAM, double=True)  # the chance is a float64
def feed_each(
    out, o0, x, x0, gain, g0, shift, h0, seeds, i0, chances, p0, step, c0, T, B, O, ldo, ldx, column, kind, salt, row
):  # fmt: skip
    """A block a row: x (T, B, ldx)[t, r], t > 0, becomes out (T, B, ldo)[t - 1, r] as an input, by chance."""
    room = cuda.shared.array(TEAM, int64)
    me, now, real = cuda.threadIdx.x, step[c0], out.dtype.type
    limit, seed = chances[p0 + now] * WHOLE, mix(seeds[i0 + now])
    e = B + cuda.blockIdx.x
    while e < T * B:
        t, r = e // B, e % B
        begin = np.uint32(mix(seed + np.uint64((salt << 48) + (t << 24) + row + r)))
        own, to = o0 + (e - B) * ldo, x0 + e * ldx + column
        if chance(begin, 0) < limit:
            if kind == VALUE:
                for o in range(me, O, TEAM):
                    x[to + o] = out[own + o] * gain[g0 + o] + shift[h0 + o]
            else:
                best = largest_of_row(out, own, O, room, me)
                if kind != TOKEN:
                    for o in range(me, O, TEAM):
                        x[to + o] = gain[g0 + o] if o == best else shift[h0 + o]
                elif me == 0:
                    x[to] = real(best) * gain[g0] + shift[h0]
        e += cuda.gridDim.x


@twin("x")
def feed_own(plan, out, x, gain, shift, seeds, chances, T, B, O, ldo, ldx, column, kind, salt, row):
    """Own outputs in place of given inputs."""
    rows = (T - 1) * B
    if rows > 0:
        plan.blocks(
            feed_each, (min(rows, MOST_TEAMS),), out, x, gain, shift, seeds, chances, plan.step, T, B, O, ldo, ldx,
            column, kind, salt, row,
        )  # fmt: skip
