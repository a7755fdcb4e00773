"""LSTM layers on the device; layouts as in `forecastrnn.engine.cpu.lstm`."""

import numpy as np
from numba import cuda

from forecastrnn.engine.cpu.lstm import SLOTS
from forecastrnn.engine.cuda.build import device_function, device_kernel
from forecastrnn.engine.cuda.formulas import lstm_output, lstm_output_back, lstm_state, lstm_state_back
from forecastrnn.engine.cuda.layer_norm import place_of
from forecastrnn.engine.cuda.layers import DeviceCell, register
from forecastrnn.engine.cuda.recurrent import gradient_so_far


@device_kernel()
def lstm_step(
    z, z0, h, h0, hr, r0, mask, m0, c, c0, peephole, p0, active, a0, t, T, B, Hp, bits, option, masked,
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
            if option != 0:
                i, f = i + peephole[p0 + u] * old, f + peephole[p0 + Hp + u] * old
            i, f, g, new = lstm_state(i, f, g, old)
            if option != 0:
                o = o + peephole[p0 + 2 * Hp + u] * new
            o, out = lstm_output(o, new)
            z[at], z[at + L], z[at + 2 * L], z[at + 3 * L] = i, f, g, o
            later = k + B * Hp
            c[c0 + later], h[h0 + later] = new, out
            if masked != 0:
                hr[r0 + later] = out * mask[m0 + r * Hp + u]
            u += cuda.blockDim.x * cuda.gridDim.x
        r += cuda.gridDim.y


@device_kernel()
def lstm_step_back(
    z, z0, c, c0, dout, o0, dh, d0, onward, n0, dc, e0, peephole, p0, mask, m0, flat, f0, active, a0, t, T, B, Hp, bits,
    first, option, masked,
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
                if option != 0:
                    d = d + o * peephole[p0 + 2 * Hp + u]
                i, f, g, d = lstm_state_back(z[at], z[at + L], z[at + 2 * L], old, d)
                if option != 0:
                    d = d + (i * peephole[p0 + u] + f * peephole[p0 + Hp + u])
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


def plan_peephole_sums(plan, f):
    """Plan the sums over pieces of all rows."""
    pieces = int(np.clip(f.T * f.B // 64, 1, 256))
    parts = plan.work("column_sums", pieces * 3 * f.Hp)
    piece = -(-f.T * f.B // pieces)
    plan.each(peephole_sums, pieces * 3 * f.Hp, f.z, f.c, parts, f.T, f.B, f.Hp, plan.bits, piece, pieces)
    return parts, pieces


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


register(
    DeviceCell(
        name="lstm", slots=SLOTS, step=lstm_step, back=lstm_step_back, diagonal_sums=plan_peephole_sums,
        add_diagonals=add_peepholes,
    )
)  # fmt: skip
