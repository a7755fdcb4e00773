"""Elman and LSTM layers with layer normalisation on the device; layouts as in `forecastrnn.engine.cpu.normalised`.

A step is its products, and one kernel: the plain cell's, with the normalisation of its sums in front. Going back it is
the plain cell's, then that of the normalisation, on the same rows and units.
"""

from __future__ import annotations

from numba import cuda

from forecastrnn.engine.cuda import elman, lstm
from forecastrnn.engine.cuda.build import device_function, device_kernel
from forecastrnn.engine.cuda.layer_norm import (  # fmt: skip
    MOST_PIECES,
    MOST_ROWS,
    ROOM,
    TEAM,
    Gains,
    normalise,
    normalise_back,
    place_of,
)
from forecastrnn.engine.cuda.matrix import Matrix
from forecastrnn.engine.cuda.products import add_pieces, by_panels
from forecastrnn.engine.cuda.recurrent import add_recurrent, finish_gradient, project_inputs, scale_state
from forecastrnn.engine.cuda.registry import twin
from forecastrnn.engine.cuda.rows import zeros

GATES = lstm.GATES
elman_step, elman_step_back = (
    device_function(kernel.function) for kernel in (elman.elman_step, elman.elman_step_back)
)  # fmt: skip
lstm_step, lstm_step_back = (device_function(kernel.function) for kernel in (lstm.lstm_step, lstm.lstm_step_back))


@device_kernel(threads=TEAM)
def elman_norm_step(
    h, h0, hr, r0, mask, m0, gain, g0, bias, b0, normed, n0, scale, s0, active, a0, t, B, H, Hp, bits, kind, masked,
    keep,
):  # fmt: skip
    """Sums in step t + 1 of h -> the state, also in hr."""
    room = cuda.shared.array(ROOM, h.dtype)
    here, before = h0 + (t + 1) * B * Hp, t * B
    normalise(
        h, here, Hp, 1 << bits, gain, g0, bias, b0, normed, n0 + before * Hp, scale, s0 + before, room, active[a0 + t],
        0, 1, 1, H, Hp, bits, keep,
    )  # fmt: skip
    elman_step(h, h0, hr, r0, mask, m0, active, a0, t, B, Hp, kind, masked)


@twin("h hr normed scale")
def elman_norm_forward(
    plan, x, weights_x, bias, gain, weights_h, h, hr, mask, normed, scale, zero, active, T, B, I, Hp, depth, ldx,
    masked, kind, keep,
):  # fmt: skip
    """All steps forward; the sums go to the place of the states."""
    vecs, state = Hp >> plan.bits, h.at(B * Hp)
    by_panels(plan, T * B, Matrix(x, ldx), I, weights_x, state, Hp, vecs, add=False)
    if masked:
        plan.each(scale_state, B * Hp, h, mask, hr, B * Hp)
    for t in range(T):
        before = Matrix(hr.at(t * B * Hp), Hp)
        by_panels(plan, B, before, depth, weights_h, h.at((t + 1) * B * Hp), Hp, vecs, add=True)
        plan.rows(
            elman_norm_step, B, Hp, MOST_ROWS, h, hr, mask, gain, bias, normed, scale, active, t, B, depth, Hp,
            plan.bits, kind, masked, keep,
        )  # fmt: skip


@device_kernel(threads=TEAM)
def elman_norm_step_back(
    h, h0, dout, o0, dh, d0, onward, w0, dz, z0, mask, m0, gain, g0, normed, n0, scale, s0, parts, p0, active, a0, t, T,
    B, H, Hp, bits, first, kind, masked,
):  # fmt: skip
    """Derivatives by the sums of step t in dz."""
    room = cuda.shared.array(ROOM, h.dtype)
    elman_step_back(h, h0, dout, o0, dh, d0, onward, w0, dz, z0, mask, m0, active, a0, t, T, B, Hp, first, kind, masked)
    here = t * B * Hp
    normalise_back(
        dz, z0 + here, Hp, 1 << bits, gain, g0, normed, n0 + here, scale, s0 + t * B, dz, z0, parts, p0, room,
        active[a0 + t], 0, 1, 1, 0, 0, H, Hp, bits,
    )  # fmt: skip


@twin("dh dz dgain dbias")
def elman_norm_backward(
    plan, h, transposed_h, gain, normed, scale, dgain, dbias, dout, dh, dz, zero, mask, work, active, T, B, H, Hp,
    first, kind, start, fresh, masked,
):  # fmt: skip
    """All steps back."""
    onward, gains = plan.work("onward", B * Hp), Gains(plan, B, Hp)
    for t in range(T - 1, -1, -1):
        plan.rows(
            elman_norm_step_back, B, Hp, MOST_PIECES, h, dout, dh, onward, dz, mask, gain, normed, scale, gains.parts,
            active, t, T, B, H, Hp, plan.bits, first, kind, masked,
        )  # fmt: skip
        if t > 0 or start:
            a = Matrix(dz.at(t * B * Hp), Hp)
            by_panels(plan, B, a, Hp, transposed_h, onward, Hp, Hp >> plan.bits, add=False)
    if start:
        plan.each(finish_gradient, B * Hp, dh, onward, mask, active, B, Hp, 0, masked)
    gains.finish(dgain, dbias, fresh)


@device_kernel(threads=TEAM)
def lstm_norm_step(
    z, z0, h, h0, hr, r0, mask, m0, c, c0, peep, p0, gain, g0, bias, b0, normed, n0, scale, s0, active, a0, t, T, B, H,
    Hp, bits, peepholes, masked, keep,
):  # fmt: skip
    """Sums in z -> gates in z, and step t + 1 of h, hr, c."""
    room = cuda.shared.array(ROOM, h.dtype)
    width, before = 4 << bits, t * B
    here = before * width
    normalise(
        z, z0 + here, width, T * B * width, gain, g0, bias, b0, normed, n0 + here, scale, s0 + before * 4, room,
        active[a0 + t], 0, 4, 4, H, Hp, bits, keep,
    )  # fmt: skip
    lstm_step(z, z0, h, h0, hr, r0, mask, m0, c, c0, peep, p0, active, a0, t, T, B, Hp, bits, peepholes, masked)


@twin("h hr c z normed scale")
def lstm_norm_forward(
    plan, x, weights_x, bias, gain, weights_h, h, hr, mask, c, z, normed, scale, zero, peephole, active, T, B, I, Hp,
    depth, ldx, masked, peepholes, keep,
):  # fmt: skip
    """All steps forward."""
    panels, width = Hp >> plan.bits, GATES * plan.lanes
    if not keep:
        z = plan.work("z", T * B * GATES * Hp)
    project_inputs(plan, x, weights_x, zeros(plan, "no_bias", GATES * Hp), z, T * B, I, ldx, GATES, GATES, panels)
    if masked:
        plan.each(scale_state, B * Hp, h, mask, hr, B * Hp)
    for t in range(T):
        here = z.at(t * B * width)
        add_recurrent(plan, hr.at(t * B * Hp), Hp, weights_h, here, B, depth, T, GATES, GATES, panels)
        plan.rows(
            lstm_norm_step, B, Hp, MOST_ROWS, z, h, hr, mask, c, peephole, gain, bias, normed, scale, active, t, T, B,
            depth, Hp, plan.bits, peepholes, masked, keep,
        )  # fmt: skip


@device_function
def add_peepholes(z, z1, gap, c, c1, parts, p0, rows, B, H, Hp, bits):
    """parts (blocks, 3, Hp): the block's sums of derivatives by i, f, o at z1 times the states at c1 they look at."""
    L, mine = 1 << bits, p0 + cuda.blockIdx.y * 3 * Hp
    r = cuda.blockIdx.y
    while r < rows:
        u = cuda.threadIdx.x
        while u < H:
            at, k = z1 + (r * 4 << bits) + place_of(u, gap, bits), c1 + r * Hp + u
            parts[mine + u] += z[at] * c[k]
            parts[mine + Hp + u] += z[at + L] * c[k]
            parts[mine + 2 * Hp + u] += z[at + 3 * L] * c[k + B * Hp]
            u += cuda.blockDim.x
        r += cuda.gridDim.y


@device_kernel(threads=TEAM)
def lstm_norm_step_back(
    z, z0, c, c0, dout, o0, dh, d0, onward, w0, dc, e0, peep, p0, mask, m0, flat, f0, gain, g0, normed, n0, scale, s0,
    parts, q0, looks, l0, active, a0, t, T, B, H, Hp, bits, first, peepholes, masked,
):  # fmt: skip
    """Gates in z -> derivatives by the sums of step t in z and in flat; dc goes one step back."""
    room = cuda.shared.array(ROOM, z.dtype)
    lstm_step_back(
        z, z0, c, c0, dout, o0, dh, d0, onward, w0, dc, e0, peep, p0, mask, m0, flat, f0, active, a0, t, T, B, Hp, bits,
        first, peepholes, masked,
    )  # fmt: skip
    width, n = 4 << bits, active[a0 + t]
    here, gap = t * B * width, T * B * width
    if peepholes != 0:
        add_peepholes(z, z0 + here, gap, c, c0 + t * B * Hp, looks, l0, n, B, H, Hp, bits)
    normalise_back(
        z, z0 + here, width, gap, gain, g0, normed, n0 + here, scale, s0 + t * B * 4, flat, f0, parts, q0, room, n, 0,
        4, 4, 0, 4, H, Hp, bits,
    )  # fmt: skip


@twin("z dh dc dpeephole dgain dbias")
def lstm_norm_backward(
    plan, c, z, transposed_h, gain, normed, scale, dgain, dbias, dout, dh, dc, peephole, dpeephole, zero, mask, work,
    active, T, B, H, Hp, first, peepholes, start, fresh, masked,
):  # fmt: skip
    """All steps back."""
    flat, onward = plan.work("flat", B * GATES * Hp), plan.work("onward", B * Hp)
    gains = Gains(plan, B, GATES * Hp)
    looks = zeros(plan, "column_sums", gains.blocks * 3 * Hp) if peepholes else None
    for t in range(T - 1, -1, -1):
        plan.rows(
            lstm_norm_step_back, B, Hp, MOST_PIECES, z, c, dout, dh, onward, dc, peephole, mask, flat, gain, normed,
            scale, gains.parts, looks, active, t, T, B, H, Hp, plan.bits, first, peepholes, masked,
        )  # fmt: skip
        if t > 0 or start:
            a = Matrix(flat, GATES * Hp)
            by_panels(plan, B, a, GATES * Hp, transposed_h, onward, Hp, Hp >> plan.bits, add=False)
    if start:
        plan.each(finish_gradient, B * Hp, dh, onward, mask, active, B, Hp, 0, masked)
    gains.finish(dgain, dbias, fresh)
    if peepholes:
        plan.each(add_pieces, 3 * Hp, looks, dpeephole, 3 * Hp, 0, 1, 3 * Hp, 1, gains.blocks, int(not fresh))
