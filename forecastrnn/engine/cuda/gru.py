"""GRU layers on the device, both forms; layouts as in `forecastrnn.engine.cpu.gru`."""

from numba import cuda

from forecastrnn.engine.cpu.gru import AFTER, BEFORE
from forecastrnn.engine.cuda import formulas
from forecastrnn.engine.cuda.build import device_kernel
from forecastrnn.engine.cuda.formulas import gru_after_back, gru_mix, gru_mix_back, sigmoid, sigmoid_slope, tanh
from forecastrnn.engine.cuda.layers import DeviceCell, register
from forecastrnn.engine.cuda.recurrent import gradient_so_far

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


register(DeviceCell(name="gru_after", slots=AFTER, step=gru_after_step, back=gru_after_step_back))
register(
    DeviceCell(
        name="gru_before", slots=BEFORE, step=gru_reset_step, second=gru_mix_step, back=gru_mix_step_back,
        second_back=gru_reset_step_back,
    )
)  # fmt: skip
