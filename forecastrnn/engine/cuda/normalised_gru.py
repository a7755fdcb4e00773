"""GRU layers with layer normalisation on the device, both forms; layouts as in `forecastrnn.engine.cpu.normalised`.

Steps as in `normalised`; the form that resets the state has two kernels a step, as two products.
"""

from numba import cuda

from forecastrnn.engine.cuda import gru
from forecastrnn.engine.cuda.build import device_function, device_kernel
from forecastrnn.engine.cuda.layer_norm import (  # fmt: skip
    MOST_PIECES,
    MOST_ROWS,
    ROOM,
    TEAM,
    Gains,
    normalise,
    normalise_back,
)
from forecastrnn.engine.cuda.matrix import Matrix
from forecastrnn.engine.cuda.products import by_panels
from forecastrnn.engine.cuda.recurrent import add_recurrent, finish_gradient, project_inputs, scale_state
from forecastrnn.engine.cuda.registry import twin
from forecastrnn.engine.cuda.rows import zeros

after_step, after_step_back = (
    device_function(kernel.function) for kernel in (gru.gru_after_step, gru.gru_after_step_back)
)  # fmt: skip
reset_step, reset_step_back = (
    device_function(kernel.function) for kernel in (gru.gru_reset_step, gru.gru_reset_step_back)
)  # fmt: skip
mix_step, mix_step_back = (
    device_function(kernel.function) for kernel in (gru.gru_mix_step, gru.gru_mix_step_back)
)  # fmt: skip


@device_kernel(threads=TEAM)
def gru_after_norm_step(
    z, z0, h, h0, hr, r0, mask, m0, gain, g0, bias, b0, normed, n0, scale, s0, active, a0, t, T, B, H, Hp, bits, masked,
    keep,
):  # fmt: skip
    """Sums in z = [n | r | z | m] -> gates in z, and step t + 1 of h and hr."""
    room = cuda.shared.array(ROOM, h.dtype)
    width, before = 4 << bits, t * B
    here = before * width
    normalise(
        z, z0 + here, width, T * B * width, gain, g0, bias, b0, normed, n0 + here, scale, s0 + before * 4, room,
        active[a0 + t], 0, 4, 4, H, Hp, bits, keep,
    )  # fmt: skip
    after_step(z, z0, h, h0, hr, r0, mask, m0, active, a0, t, T, B, Hp, bits, masked)


@twin("h hr z normed scale")
def gru_after_norm_forward(
    plan, x, weights_x, bias, gain, weights_h, h, hr, mask, z, normed, scale, zero, active, T, B, I, Hp, depth, ldx,
    masked, keep,
):  # fmt: skip
    """All steps forward."""
    panels, width = Hp >> plan.bits, 4 * plan.lanes
    if not keep:
        z = plan.work("z", T * B * 4 * Hp)
    project_inputs(plan, x, weights_x, zeros(plan, "no_bias", 4 * Hp), z, T * B, I, ldx, 3, 4, panels)
    if masked:
        plan.each(scale_state, B * Hp, h, mask, hr, B * Hp)
    for t in range(T):
        recurrent = z.at(t * B * width + plan.lanes)
        add_recurrent(plan, hr.at(t * B * Hp), Hp, weights_h, recurrent, B, depth, T, 3, 4, panels)
        plan.rows(
            gru_after_norm_step, B, Hp, MOST_ROWS, z, h, hr, mask, gain, bias, normed, scale, active, t, T, B, depth,
            Hp, plan.bits, masked, keep,
        )  # fmt: skip


@device_kernel(threads=TEAM)
def gru_after_norm_step_back(
    h, h0, z, z0, dout, o0, dh, d0, onward, w0, mask, m0, flat, f0, gain, g0, normed, n0, scale, s0, parts, p0, active,
    a0, t, T, B, H, Hp, bits, first, masked,
):  # fmt: skip
    """Gates in z -> derivatives by the sums of step t in z, those of r, z, m in flat; dh is what z lets through."""
    room = cuda.shared.array(ROOM, h.dtype)
    after_step_back(
        h, h0, z, z0, dout, o0, dh, d0, onward, w0, mask, m0, flat, f0, active, a0, t, T, B, Hp, bits, first, masked
    )  # fmt: skip
    width = 4 << bits
    here = t * B * width
    normalise_back(
        z, z0 + here, width, T * B * width, gain, g0, normed, n0 + here, scale, s0 + t * B * 4, flat, f0, parts, p0,
        room, active[a0 + t], 0, 4, 4, 1, 3, H, Hp, bits,
    )  # fmt: skip


@twin("z dh dgain dbias")
def gru_after_norm_backward(
    plan, h, z, transposed_h, gain, normed, scale, dgain, dbias, dout, dh, zero, mask, work, active, T, B, H, Hp, first,
    start, fresh, masked,
):  # fmt: skip
    """All steps back."""
    flat, onward = plan.work("flat", B * 3 * Hp), plan.work("onward", B * Hp)
    gains = Gains(plan, B, 4 * Hp)
    for t in range(T - 1, -1, -1):
        plan.rows(
            gru_after_norm_step_back, B, Hp, MOST_PIECES, h, z, dout, dh, onward, mask, flat, gain, normed, scale,
            gains.parts, active, t, T, B, H, Hp, plan.bits, first, masked,
        )  # fmt: skip
        if t > 0 or start:
            a = Matrix(flat, 3 * Hp)
            by_panels(plan, B, a, 3 * Hp, transposed_h, onward, Hp, Hp >> plan.bits, add=False)
    if start:
        plan.each(finish_gradient, B * Hp, dh, onward, mask, active, B, Hp, 1, masked)
    gains.finish(dgain, dbias, fresh)


@device_kernel(threads=TEAM)
def gru_norm_reset_step(
    z, z0, hr, r0, reset, e0, gain, g0, bias, b0, normed, n0, scale, s0, active, a0, t, kept, T, B, H, Hp, bits, keep
):  # fmt: skip
    """Sums of r and z in z = [n | r | z] -> gates, and the reset state."""
    room = cuda.shared.array(ROOM, hr.dtype)
    width, before = 3 << bits, t * B
    here = before * width
    normalise(
        z, z0 + here, width, T * B * width, gain, g0, bias, b0, normed, n0 + here, scale, s0 + before * 3, room,
        active[a0 + t], 1, 2, 3, H, Hp, bits, keep,
    )  # fmt: skip
    reset_step(z, z0, hr, r0, reset, e0, active, a0, t, kept, T, B, Hp, bits)


@device_kernel(threads=TEAM)
def gru_norm_mix_step(
    z, z0, h, h0, hr, r0, mask, m0, gain, g0, bias, b0, normed, n0, scale, s0, active, a0, t, T, B, H, Hp, bits, masked,
    keep,
):  # fmt: skip
    """The sum of n in z -> the candidate, and step t + 1 of h and hr."""
    room = cuda.shared.array(ROOM, h.dtype)
    width, before = 3 << bits, t * B
    here = before * width
    normalise(
        z, z0 + here, width, T * B * width, gain, g0, bias, b0, normed, n0 + here, scale, s0 + before * 3, room,
        active[a0 + t], 0, 1, 3, H, Hp, bits, keep,
    )  # fmt: skip
    mix_step(z, z0, h, h0, hr, r0, mask, m0, active, a0, t, T, B, Hp, bits, masked)


@twin("h hr z reset normed scale")
def gru_before_norm_forward(
    plan, x, weights_x, bias, gain, weights_h, weights_n, h, hr, mask, z, reset, normed, scale, zero, active, T, B, I,
    Hp, depth, ldx, masked, keep,
):  # fmt: skip
    """All steps forward."""
    panels, width, norm = Hp >> plan.bits, 3 * plan.lanes, (gain, bias, normed, scale)
    if not keep:
        z = plan.work("z", T * B * 3 * Hp)
    project_inputs(plan, x, weights_x, zeros(plan, "no_bias", 3 * Hp), z, T * B, I, ldx, 3, 3, panels)
    if masked:
        plan.each(scale_state, B * Hp, h, mask, hr, B * Hp)
    for t in range(T):
        here, kept = z.at(t * B * width), t if keep else 0
        add_recurrent(plan, hr.at(t * B * Hp), Hp, weights_h, here.at(plan.lanes), B, depth, T, 2, 3, panels)
        plan.rows(
            gru_norm_reset_step, B, Hp, MOST_ROWS, z, hr, reset, *norm, active, t, kept, T, B, depth, Hp, plan.bits,
            keep,
        )  # fmt: skip
        add_recurrent(plan, reset.at(kept * B * Hp), Hp, weights_n, here, B, depth, T, 1, 3, panels)
        plan.rows(
            gru_norm_mix_step, B, Hp, MOST_ROWS, z, h, hr, mask, *norm, active, t, T, B, depth, Hp, plan.bits, masked,
            keep,
        )  # fmt: skip


@device_kernel(threads=TEAM)
def gru_norm_mix_step_back(
    h, h0, z, z0, dout, o0, dh, d0, onward, w0, mask, m0, flat, f0, gain, g0, normed, n0, scale, s0, parts, p0, active,
    a0, t, T, B, H, Hp, bits, first, masked,
):  # fmt: skip
    """Derivatives by the sum of n and by the gate z in z, the former also in flat; dh is what z lets through."""
    room = cuda.shared.array(ROOM, h.dtype)
    mix_step_back(
        h, h0, z, z0, dout, o0, dh, d0, onward, w0, mask, m0, flat, f0, active, a0, t, T, B, Hp, bits, first, masked
    )  # fmt: skip
    width = 3 << bits
    here = t * B * width
    normalise_back(
        z, z0 + here, width, T * B * width, gain, g0, normed, n0 + here, scale, s0 + t * B * 3, flat, f0, parts, p0,
        room, active[a0 + t], 0, 1, 3, 0, 1, H, Hp, bits,
    )  # fmt: skip


@device_kernel(threads=TEAM)
def gru_norm_reset_step_back(
    hr, r0, z, z0, dreset, e0, dh, d0, mask, m0, flat, f0, gain, g0, normed, n0, scale, s0, parts, p0, active, a0, t, T,
    B, H, Hp, bits, masked,
):  # fmt: skip
    """Derivatives by the gates -> by the sums of r and z, in z and in flat; dh grows by what r lets through."""
    room = cuda.shared.array(ROOM, hr.dtype)
    reset_step_back(hr, r0, z, z0, dreset, e0, dh, d0, mask, m0, flat, f0, active, a0, t, T, B, Hp, bits, masked)
    width = 3 << bits
    here = t * B * width
    normalise_back(
        z, z0 + here, width, T * B * width, gain, g0, normed, n0 + here, scale, s0 + t * B * 3, flat, f0, parts, p0,
        room, active[a0 + t], 1, 2, 3, 1, 2, H, Hp, bits,
    )  # fmt: skip


@twin("z dh dreset dgain dbias")
def gru_before_norm_backward(
    plan, h, hr, z, transposed_h, transposed_n, gain, normed, scale, dgain, dbias, dout, dh, dreset, zero, mask, work,
    active, T, B, H, Hp, first, start, fresh, masked,
):  # fmt: skip
    """All steps back."""
    flat, onward, vecs = plan.work("flat", B * 2 * Hp), plan.work("onward", B * Hp), Hp >> plan.bits
    gains = Gains(plan, B, 3 * Hp)
    norm = gain, normed, scale, gains.parts, active
    for t in range(T - 1, -1, -1):
        plan.rows(
            gru_norm_mix_step_back, B, Hp, MOST_PIECES, h, z, dout, dh, onward, mask, flat, *norm, t, T, B, H, Hp,
            plan.bits, first, masked,
        )  # fmt: skip
        by_panels(plan, B, Matrix(flat, Hp), Hp, transposed_n, dreset, Hp, vecs, add=False)
        plan.rows(
            gru_norm_reset_step_back, B, Hp, MOST_PIECES, hr, z, dreset, dh, mask, flat, *norm, t, T, B, H, Hp,
            plan.bits, masked,
        )  # fmt: skip
        if t > 0 or start:
            by_panels(plan, B, Matrix(flat, 2 * Hp), 2 * Hp, transposed_h, onward, Hp, vecs, add=False)
    if start:
        plan.each(finish_gradient, B * Hp, dh, onward, mask, active, B, Hp, 1, masked)
    gains.finish(dgain, dbias, fresh)
