"""Elman layers on the device; layouts as in `forecastrnn.engine.cpu.elman`."""

from numba import cuda

from forecastrnn.engine.cuda.build import device_kernel
from forecastrnn.engine.cuda.formulas import activate, slope
from forecastrnn.engine.cuda.matrix import Matrix
from forecastrnn.engine.cuda.persistent import plan_forward, small
from forecastrnn.engine.cuda.persistent_back import plan_backward
from forecastrnn.engine.cuda.products import by_panels
from forecastrnn.engine.cuda.recurrent import finish_gradient, gradient_so_far, scale_state
from forecastrnn.engine.cuda.registry import twin
from forecastrnn.engine.cuda.rows import copy_rows


@device_kernel()
def elman_step(h, h0, hr, r0, mask, m0, active, a0, t, B, Hp, kind, masked):
    """Sums in step t + 1 of h -> the state, also in hr."""
    n = active[a0 + t]
    r = cuda.blockIdx.y
    while r < n:
        u = cuda.grid(1)
        while u < Hp:
            k = ((t + 1) * B + r) * Hp + u
            out = activate(kind, h[h0 + k])
            h[h0 + k] = out
            if masked != 0:
                hr[r0 + k] = out * mask[m0 + r * Hp + u]
            u += cuda.blockDim.x * cuda.gridDim.x
        r += cuda.gridDim.y


@twin("h hr")
def elman_forward(
    plan, x, weights_x, bias, weights_h, h, hr, mask, active, T, B, I, Hp, depth, ldx, masked, kind
):  # fmt: skip
    """All steps forward; the sums of the inputs go to the place of the states."""
    vecs, state = Hp >> plan.bits, h.at(B * Hp)
    made = small(plan, "elman", depth, I, B, masked, keep=0, option=kind)
    if not made or not made.inputs:
        plan.each(copy_rows, T * B * Hp, bias, state, T * B, Hp, 0, Hp)
        by_panels(plan, T * B, Matrix(x, ldx), I, weights_x, state, Hp, vecs, add=True)
    if masked:
        plan.each(scale_state, B * Hp, h, mask, hr, B * Hp)
    if made:
        arrays = {"x": x, "weights_x": weights_x, "bias": bias, "weights_h": weights_h}
        plan_forward(plan, made, B, T, ldx, active, h=h, hr=hr, mask=mask, **arrays)
        return
    for t in range(T):
        before = Matrix(hr.at(t * B * Hp), Hp)
        by_panels(plan, B, before, depth, weights_h, h.at((t + 1) * B * Hp), Hp, vecs, add=True)
        plan.units(elman_step, B, Hp, h, hr, mask, active, t, B, Hp, kind, masked)


@device_kernel()
def elman_step_back(
    h, h0, dout, o0, dh, d0, onward, n0, dz, z0, mask, m0, active, a0, t, T, B, Hp, first, kind, masked
):  # fmt: skip
    """Derivatives by the sums of step t in dz."""
    n = active[a0 + t]
    later = active[a0 + t + 1] if t + 1 < T else 0
    r = cuda.blockIdx.y
    while r < B:
        u = cuda.grid(1)
        while u < Hp:
            k = r * Hp + u
            d = dz.dtype.type(0)
            if r < n:
                d = gradient_so_far(later, 0, masked, r, k, dh, d0, onward, n0, mask, m0)
                if t >= first:
                    d = d + dout[o0 + (t - first) * B * Hp + k]
                d = d * slope(kind, h[h0 + (t + 1) * B * Hp + k])
            dz[z0 + t * B * Hp + k] = d
            u += cuda.blockDim.x * cuda.gridDim.x
        r += cuda.gridDim.y


@twin("dh dz")
def elman_backward(
    plan, h, transposed_h, dout, dh, dz, zero, mask, work, active, T, B, Hp, first, kind, start, masked
):  # fmt: skip
    """All steps back."""
    made = small(plan, "elman", Hp, 0, B, masked, option=kind)
    if made:
        plan_backward(
            plan, made, B, T, first, start, active, z=dz, transposed_h=transposed_h, dout=dout, dh=dh, h=h, mask=mask
        )
        return
    onward = plan.work("onward", B * Hp)
    for t in range(T - 1, -1, -1):
        plan.units(
            elman_step_back, B, Hp, h, dout, dh, onward, dz, mask, active, t, T, B, Hp, first, kind, masked
        )  # fmt: skip
        if t > 0 or start:
            a = Matrix(dz.at(t * B * Hp), Hp)
            by_panels(plan, B, a, Hp, transposed_h, onward, Hp, Hp >> plan.bits, add=False)
    if start:
        plan.each(finish_gradient, B * Hp, dh, onward, mask, active, B, Hp, 0, masked)
