"""LSTM layers on the device; layouts as in `forecastrnn.engine.cpu.lstm`."""

import numpy as np
from numba import cuda

from forecastrnn.engine.cuda.build import device_kernel
from forecastrnn.engine.cuda.formulas import lstm_output, lstm_output_back, lstm_state, lstm_state_back
from forecastrnn.engine.cuda.matrix import Matrix
from forecastrnn.engine.cuda.persistent import plan_forward, small
from forecastrnn.engine.cuda.persistent_back import plan_backward
from forecastrnn.engine.cuda.products import add_pieces, by_panels
from forecastrnn.engine.cuda.recurrent import (  # fmt: skip
    add_recurrent,
    finish_gradient,
    gradient_so_far,
    project_inputs,
    scale_state,
)
from forecastrnn.engine.cuda.registry import twin

GATES = 4


@device_kernel()
def lstm_step(
    z, z0, h, h0, hr, r0, mask, m0, c, c0, peep, p0, active, a0, t, T, B, Hp, bits, peepholes, masked,
):  # fmt: skip
    """Sums in z -> gates in z, and step t + 1 of h, hr, c."""
    n = active[a0 + t]
    r = cuda.blockIdx.y
    while r < n:
        u = cuda.grid(1)
        while u < Hp:
            p, k = u >> bits, (t * B + r) * Hp + u
            at = z0 + ((((p * T + t) * B + r) * 4) << bits) + u - (p << bits)
            L = 1 << bits
            old = c[c0 + k]
            i, f, g, o = z[at], z[at + L], z[at + 2 * L], z[at + 3 * L]
            if peepholes != 0:
                i, f = i + peep[p0 + u] * old, f + peep[p0 + Hp + u] * old
            i, f, g, new = lstm_state(i, f, g, old)
            if peepholes != 0:
                o = o + peep[p0 + 2 * Hp + u] * new
            o, out = lstm_output(o, new)
            z[at], z[at + L], z[at + 2 * L], z[at + 3 * L] = i, f, g, o
            later = k + B * Hp
            c[c0 + later], h[h0 + later] = new, out
            if masked != 0:
                hr[r0 + later] = out * mask[m0 + r * Hp + u]
            u += cuda.blockDim.x * cuda.gridDim.x
        r += cuda.gridDim.y


@twin("h hr c z")
def lstm_forward(
    plan, x, weights_x, bias, weights_h, h, hr, mask, c, z, peephole, active, T, B, I, Hp, depth, ldx, masked,
    peepholes, keep,
):  # fmt: skip
    """All steps forward."""
    panels, width = Hp >> plan.bits, GATES * plan.lanes
    if not keep:
        z = plan.work("z", T * B * GATES * Hp)
    made = small(plan, "lstm", depth, I, B, masked, keep, peepholes)
    if not made or not made.inputs:
        project_inputs(plan, x, weights_x, bias, z, T * B, I, ldx, GATES, GATES, panels)
    if masked:
        plan.each(scale_state, B * Hp, h, mask, hr, B * Hp)
    if made:
        arrays = {"x": x, "weights_x": weights_x, "bias": bias, "weights_h": weights_h}
        plan_forward(plan, made, B, T, ldx, active, h=h, hr=hr, mask=mask, c=c, z=z, peephole=peephole, **arrays)
        return
    for t in range(T):
        here = z.at(t * B * width)
        add_recurrent(plan, hr.at(t * B * Hp), Hp, weights_h, here, B, depth, T, GATES, GATES, panels)
        plan.units(
            lstm_step, B, Hp, z, h, hr, mask, c, peephole, active, t, T, B, Hp, plan.bits, peepholes, masked
        )  # fmt: skip


@device_kernel()
def lstm_step_back(
    z, z0, c, c0, dout, o0, dh, d0, onward, n0, dc, e0, peep, p0, mask, m0, flat, f0, active, a0, t, T, B, Hp, bits,
    first, peepholes, masked,
):  # fmt: skip
    """Gates in z -> derivatives by the sums of step t in z and in flat; dc goes one step back."""
    n = active[a0 + t]
    later = active[a0 + t + 1] if t + 1 < T else 0
    L, zero = 1 << bits, z.dtype.type(0)
    r = cuda.blockIdx.y
    while r < B:
        u = cuda.grid(1)
        while u < Hp:
            p, k = u >> bits, r * Hp + u
            lane = u - (p << bits)
            at = z0 + ((((p * T + t) * B + r) * 4) << bits) + lane
            i, f, g, o = zero, zero, zero, zero
            if r < n:
                d = gradient_so_far(later, 0, masked, r, k, dh, d0, onward, n0, mask, m0)
                if t >= first:
                    d = d + dout[o0 + (t - first) * B * Hp + k]
                old, new = c[c0 + t * B * Hp + k], c[c0 + (t + 1) * B * Hp + k]
                o, direct = lstm_output_back(z[at + 3 * L], new, d)
                d = dc[e0 + k] + direct
                if peepholes != 0:
                    d = d + o * peep[p0 + 2 * Hp + u]
                i, f, g, d = lstm_state_back(z[at], z[at + L], z[at + 2 * L], old, d)
                if peepholes != 0:
                    d = d + (i * peep[p0 + u] + f * peep[p0 + Hp + u])
                dc[e0 + k] = d
            z[at], z[at + L], z[at + 2 * L], z[at + 3 * L] = i, f, g, o
            row = f0 + r * 4 * Hp + ((p * 4) << bits) + lane
            flat[row], flat[row + L], flat[row + 2 * L], flat[row + 3 * L] = i, f, g, o
            u += cuda.blockDim.x * cuda.gridDim.x
        r += cuda.gridDim.y


@device_kernel()
def peephole_sums(z, z0, c, c0, parts, p0, T, B, Hp, bits, piece, pieces):
    """parts (pieces, 3, Hp): sums over a piece of all rows of derivatives by i, f, o times the state they look at."""
    rows = T * B
    e = cuda.grid(1)
    while e < pieces * 3 * Hp:
        u, row = e % Hp, e // Hp
        gate, part, p = row % 3, row // 3, u >> bits
        slot = gate if gate < 2 else 3
        at = z0 + (((p * rows * 4) + slot) << bits) + u - (p << bits)
        seen = c0 + u + (B * Hp if gate == 2 else 0)
        total = z.dtype.type(0)
        for k in range(part * piece, min(rows, (part + 1) * piece)):
            total += z[at + ((k * 4) << bits)] * c[seen + k * Hp]
        parts[p0 + e] = total
        e += cuda.gridsize(1)


@twin("z dh dc dpeephole")
def lstm_backward(
    plan, c, z, transposed_h, dout, dh, dc, peephole, dpeephole, zero, mask, work, active, T, B, Hp, first, peepholes,
    start, fresh, masked,
):  # fmt: skip
    """All steps back."""
    made = small(plan, "lstm", Hp, 0, B, masked, option=peepholes)
    if made:
        arrays = {"z": z, "transposed_h": transposed_h, "dout": dout, "dh": dh, "dc": dc, "mask": mask}
        plan_backward(plan, made, B, T, first, start, active, c=c, peephole=peephole, **arrays)
    else:
        flat, onward = plan.work("flat", B * GATES * Hp), plan.work("onward", B * Hp)
        for t in range(T - 1, -1, -1):
            plan.units(
                lstm_step_back, B, Hp, z, c, dout, dh, onward, dc, peephole, mask, flat, active, t, T, B, Hp,
                plan.bits, first, peepholes, masked,
            )  # fmt: skip
            if t > 0 or start:
                a = Matrix(flat, GATES * Hp)
                by_panels(plan, B, a, GATES * Hp, transposed_h, onward, Hp, Hp >> plan.bits, add=False)
        if start:
            plan.each(finish_gradient, B * Hp, dh, onward, mask, active, B, Hp, 0, masked)
    if peepholes:
        pieces = int(np.clip(T * B // 64, 1, 256))
        parts = plan.work("column_sums", pieces * 3 * Hp)
        plan.each(
            peephole_sums, pieces * 3 * Hp, z, c, parts, T, B, Hp, plan.bits, -(-T * B // pieces), pieces
        )  # fmt: skip
        plan.each(add_pieces, 3 * Hp, parts, dpeephole, 3 * Hp, 0, 1, 3 * Hp, 1, pieces, int(not fresh))
