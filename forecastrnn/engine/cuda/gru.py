"""GRU layers on the device, both forms; layouts as in `forecastrnn.engine.cpu.gru`."""

from numba import cuda

from forecastrnn.engine.cuda import formulas
from forecastrnn.engine.cuda.build import device_kernel
from forecastrnn.engine.cuda.formulas import gru_after_back, gru_mix, gru_mix_back, sigmoid, sigmoid_slope, tanh
from forecastrnn.engine.cuda.matrix import Matrix
from forecastrnn.engine.cuda.persistent import plan_forward, small
from forecastrnn.engine.cuda.persistent_back import plan_backward
from forecastrnn.engine.cuda.products import by_panels
from forecastrnn.engine.cuda.recurrent import (  # fmt: skip
    add_recurrent,
    finish_gradient,
    gradient_so_far,
    project_inputs,
    scale_state,
)
from forecastrnn.engine.cuda.registry import twin

gru_after = formulas.gru_after


@device_kernel()
def gru_after_step(z, z0, h, h0, hr, r0, mask, m0, active, a0, t, T, B, Hp, bits, masked):
    """Sums in z = [n | r | z | m] -> gates in z, and step t + 1 of h and hr."""
    n, L = active[a0 + t], 1 << bits
    r = cuda.blockIdx.y
    while r < n:
        u = cuda.grid(1)
        while u < Hp:
            p, k = u >> bits, (t * B + r) * Hp + u
            at = z0 + ((((p * T + t) * B + r) * 4) << bits) + u - (p << bits)
            new, reset, keep, out = gru_after(z[at], z[at + L], z[at + 2 * L], z[at + 3 * L], h[h0 + k])
            z[at], z[at + L], z[at + 2 * L] = new, reset, keep
            h[h0 + k + B * Hp] = out
            if masked != 0:
                hr[r0 + k + B * Hp] = out * mask[m0 + r * Hp + u]
            u += cuda.blockDim.x * cuda.gridDim.x
        r += cuda.gridDim.y


@twin("h hr z")
def gru_after_forward(
    plan, x, weights_x, bias, weights_h, h, hr, mask, z, active, T, B, I, Hp, depth, ldx, masked, keep
):  # fmt: skip
    """All steps forward."""
    panels, width = Hp >> plan.bits, 4 * plan.lanes
    if not keep:
        z = plan.work("z", T * B * 4 * Hp)
    made = small(plan, "gru_after", depth, I, B, masked, keep)
    if not made or not made.inputs:
        project_inputs(plan, x, weights_x, bias, z, T * B, I, ldx, 3, 4, panels)
    if masked:
        plan.each(scale_state, B * Hp, h, mask, hr, B * Hp)
    if made:
        arrays = {"x": x, "weights_x": weights_x, "bias": bias, "weights_h": weights_h}
        plan_forward(plan, made, B, T, ldx, active, h=h, hr=hr, mask=mask, z=z, **arrays)
        return
    for t in range(T):
        recurrent = z.at(t * B * width + plan.lanes)
        add_recurrent(plan, hr.at(t * B * Hp), Hp, weights_h, recurrent, B, depth, T, 3, 4, panels)
        plan.units(gru_after_step, B, Hp, z, h, hr, mask, active, t, T, B, Hp, plan.bits, masked)


@device_kernel()
def gru_after_step_back(
    h, h0, z, z0, dout, o0, dh, d0, onward, n0, mask, m0, flat, f0, active, a0, t, T, B, Hp, bits, first, masked
):  # fmt: skip
    """Gates in z -> derivatives by the sums of step t in z, those of r, z, m in flat; dh is what z lets through."""
    n, L, zero = active[a0 + t], 1 << bits, z.dtype.type(0)
    later = active[a0 + t + 1] if t + 1 < T else 0
    r = cuda.blockIdx.y
    while r < B:
        u = cuda.grid(1)
        while u < Hp:
            p, k = u >> bits, r * Hp + u
            lane = u - (p << bits)
            at = z0 + ((((p * T + t) * B + r) * 4) << bits) + lane
            new, reset, keep, m = zero, zero, zero, zero
            if r < n:
                d = gradient_so_far(later, 1, masked, r, k, dh, d0, onward, n0, mask, m0)
                if t >= first:
                    d = d + dout[o0 + (t - first) * B * Hp + k]
                new, reset, keep, m, d = gru_after_back(
                    z[at], z[at + L], z[at + 2 * L], z[at + 3 * L], h[h0 + t * B * Hp + k], d
                )
                dh[d0 + k] = d
            z[at], z[at + L], z[at + 2 * L], z[at + 3 * L] = new, reset, keep, m
            row = f0 + r * 3 * Hp + ((p * 3) << bits) + lane
            flat[row], flat[row + L], flat[row + 2 * L] = reset, keep, m
            u += cuda.blockDim.x * cuda.gridDim.x
        r += cuda.gridDim.y


@twin("z dh")
def gru_after_backward(
    plan, h, z, transposed_h, dout, dh, zero, mask, work, active, T, B, Hp, first, start, masked
):  # fmt: skip
    """All steps back."""
    made = small(plan, "gru_after", Hp, 0, B, masked)
    if made:
        plan_backward(
            plan, made, B, T, first, start, active, z=z, transposed_h=transposed_h, dout=dout, dh=dh, h=h, mask=mask
        )
        return
    flat, onward = plan.work("flat", B * 3 * Hp), plan.work("onward", B * Hp)
    for t in range(T - 1, -1, -1):
        plan.units(
            gru_after_step_back, B, Hp, h, z, dout, dh, onward, mask, flat, active, t, T, B, Hp, plan.bits, first,
            masked,
        )  # fmt: skip
        if t > 0 or start:
            a = Matrix(flat, 3 * Hp)
            by_panels(plan, B, a, 3 * Hp, transposed_h, onward, Hp, Hp >> plan.bits, add=False)
    if start:
        plan.each(finish_gradient, B * Hp, dh, onward, mask, active, B, Hp, 1, masked)


@device_kernel()
def gru_reset_step(z, z0, hr, r0, reset, s0, active, a0, t, kept, T, B, Hp, bits):
    """Sums of r and z in z = [n | r | z] -> gates, and the reset state."""
    n, L = active[a0 + t], 1 << bits
    r = cuda.blockIdx.y
    while r < n:
        u = cuda.grid(1)
        while u < Hp:
            p = u >> bits
            at = z0 + ((((p * T + t) * B + r) * 3) << bits) + u - (p << bits)
            gate = sigmoid(z[at + L])
            z[at + L], z[at + 2 * L] = gate, sigmoid(z[at + 2 * L])
            reset[s0 + (kept * B + r) * Hp + u] = gate * hr[r0 + (t * B + r) * Hp + u]
            u += cuda.blockDim.x * cuda.gridDim.x
        r += cuda.gridDim.y


@device_kernel()
def gru_mix_step(z, z0, h, h0, hr, r0, mask, m0, active, a0, t, T, B, Hp, bits, masked):
    """The sum of n in z -> the candidate, and step t + 1 of h and hr."""
    n, L = active[a0 + t], 1 << bits
    r = cuda.blockIdx.y
    while r < n:
        u = cuda.grid(1)
        while u < Hp:
            p, k = u >> bits, (t * B + r) * Hp + u
            at = z0 + ((((p * T + t) * B + r) * 3) << bits) + u - (p << bits)
            new = tanh(z[at])
            out = gru_mix(z[at + 2 * L], new, h[h0 + k])
            z[at], h[h0 + k + B * Hp] = new, out
            if masked != 0:
                hr[r0 + k + B * Hp] = out * mask[m0 + r * Hp + u]
            u += cuda.blockDim.x * cuda.gridDim.x
        r += cuda.gridDim.y


@twin("h hr z reset")
def gru_before_forward(
    plan, x, weights_x, bias, weights_h, weights_n, h, hr, mask, z, reset, active, T, B, I, Hp, depth, ldx, masked,
    keep,
):  # fmt: skip
    """All steps forward."""
    panels, width = Hp >> plan.bits, 3 * plan.lanes
    if not keep:
        z = plan.work("z", T * B * 3 * Hp)
    made = small(plan, "gru_before", depth, I, B, masked, keep)
    if not made or not made.inputs:
        project_inputs(plan, x, weights_x, bias, z, T * B, I, ldx, 3, 3, panels)
    if masked:
        plan.each(scale_state, B * Hp, h, mask, hr, B * Hp)
    if made:
        arrays = {"x": x, "weights_x": weights_x, "bias": bias, "weights_h": weights_h}
        arrays |= {"weights_n": weights_n, "reset": reset}
        plan_forward(plan, made, B, T, ldx, active, h=h, hr=hr, mask=mask, z=z, **arrays)
        return
    for t in range(T):
        here, kept = z.at(t * B * width), t if keep else 0
        before = hr.at(t * B * Hp)
        add_recurrent(plan, before, Hp, weights_h, here.at(plan.lanes), B, depth, T, 2, 3, panels)
        plan.units(gru_reset_step, B, Hp, z, hr, reset, active, t, kept, T, B, Hp, plan.bits)
        add_recurrent(plan, reset.at(kept * B * Hp), Hp, weights_n, here, B, depth, T, 1, 3, panels)
        plan.units(gru_mix_step, B, Hp, z, h, hr, mask, active, t, T, B, Hp, plan.bits, masked)


@device_kernel()
def gru_mix_step_back(
    h, h0, z, z0, dout, o0, dh, d0, onward, n0, mask, m0, flat, f0, active, a0, t, T, B, Hp, bits, first, masked
):  # fmt: skip
    """Derivatives by the sums of n and z in z, that of n also in flat; dh is what z lets through."""
    n, L = active[a0 + t], 1 << bits
    later = active[a0 + t + 1] if t + 1 < T else 0
    r = cuda.blockIdx.y
    while r < B:
        u = cuda.grid(1)
        while u < Hp:
            p, k = u >> bits, r * Hp + u
            at = z0 + ((((p * T + t) * B + r) * 3) << bits) + u - (p << bits)
            new, keep = z.dtype.type(0), z.dtype.type(0)
            if r < n:
                d = gradient_so_far(later, 1, masked, r, k, dh, d0, onward, n0, mask, m0)
                if t >= first:
                    d = d + dout[o0 + (t - first) * B * Hp + k]
                new, keep, d = gru_mix_back(z[at + 2 * L], z[at], h[h0 + t * B * Hp + k], d)
                dh[d0 + k] = d
            flat[f0 + k], z[at], z[at + 2 * L] = new, new, keep
            u += cuda.blockDim.x * cuda.gridDim.x
        r += cuda.gridDim.y


@device_kernel()
def gru_reset_step_back(
    hr, r0, z, z0, dreset, s0, dh, d0, mask, m0, flat, f0, active, a0, t, T, B, Hp, bits, masked
):  # fmt: skip
    """Derivative by the reset state -> by the sum of r in z; r and z in flat; dh grows by what r lets through."""
    n, L = active[a0 + t], 1 << bits
    r = cuda.blockIdx.y
    while r < B:
        u = cuda.grid(1)
        while u < Hp:
            p, k = u >> bits, r * Hp + u
            lane = u - (p << bits)
            at = z0 + ((((p * T + t) * B + r) * 3) << bits) + lane
            reset = z.dtype.type(0)
            if r < n:
                gate, d = z[at + L], dreset[s0 + k]
                reset = d * hr[r0 + t * B * Hp + k] * sigmoid_slope(gate)
                own = d * gate
                if masked != 0:
                    own = own * mask[m0 + k]
                dh[d0 + k] = dh[d0 + k] + own
            z[at + L] = reset
            row = f0 + r * 2 * Hp + ((p * 2) << bits) + lane
            flat[row], flat[row + L] = reset, z[at + 2 * L]
            u += cuda.blockDim.x * cuda.gridDim.x
        r += cuda.gridDim.y


@twin("z dh dreset")
def gru_before_backward(
    plan, h, hr, z, transposed_h, transposed_n, dout, dh, dreset, zero, mask, work, active, T, B, Hp, first, start,
    masked,
):  # fmt: skip
    """All steps back."""
    made = small(plan, "gru_before", Hp, 0, B, masked)
    if made:
        arrays = {"z": z, "transposed_h": transposed_h, "dout": dout, "dh": dh, "h": h, "mask": mask}
        plan_backward(plan, made, B, T, first, start, active, transposed_n=transposed_n, **arrays)
        return
    flat, onward, vecs = plan.work("flat", B * 2 * Hp), plan.work("onward", B * Hp), Hp >> plan.bits
    for t in range(T - 1, -1, -1):
        plan.units(
            gru_mix_step_back, B, Hp, h, z, dout, dh, onward, mask, flat, active, t, T, B, Hp, plan.bits, first, masked
        )  # fmt: skip
        by_panels(plan, B, Matrix(flat, Hp), Hp, transposed_n, dreset, Hp, vecs, add=False)
        plan.units(
            gru_reset_step_back, B, Hp, hr, z, dreset, dh, mask, flat, active, t, T, B, Hp, plan.bits, masked
        )  # fmt: skip
        if t > 0 or start:
            by_panels(plan, B, Matrix(flat, 2 * Hp), 2 * Hp, transposed_h, onward, Hp, vecs, add=False)
    if start:
        plan.each(finish_gradient, B * Hp, dh, onward, mask, active, B, Hp, 1, masked)
