"""Layer normalisation on the device, there and back; formulas and layouts as in `forecastrnn.engine.cpu.layer_norm`.

A block has a row, and its threads, a power of two, share the row's units: thread k has units k, k + team and so on.
What they add up goes through `room` in shared memory, always in the same order. So a cell's kernel may run in the same
launch, before or behind the normalisation, as long as it gives the units to the threads in the same way.
"""

from __future__ import annotations

import math

from numba import cuda

from forecastrnn.engine.cpu import layer_norm
from forecastrnn.engine.cuda.build import SIMULATED, Planner, Spot, device_function, device_kernel
from forecastrnn.engine.cuda.rows import zeros

EPSILON = layer_norm.EPSILON
MOST_THREADS = 128  # that share a row
TEAM = 2 if SIMULATED else MOST_THREADS
SLOTS = 4  # that are normalised at once, at most
ROOM = 2 * SLOTS * MOST_THREADS
MOST_ROWS = 2 if SIMULATED else 8192  # that have a block of their own
MOST_PIECES = 2 if SIMULATED else 512  # blocks that keep sums of their own, of derivatives by gain and bias


@device_function
def add_up(room, begin, me, team, sums):
    """room[k * team] = the sum of room[k * team : (k + 1) * team], for begin <= k < begin + sums."""
    cuda.syncthreads()
    half = team // 2
    while half > 0:
        if me < half:
            for k in range(begin, begin + sums):
                room[k * team + me] += room[k * team + me + half]
        cuda.syncthreads()
        half //= 2


@device_function
def place_of(u, gap, bits):
    """Where unit u lies, of which vectors are `gap` numbers apart."""
    return (u >> bits) * gap + u - (u >> bits << bits)


@device_function
def normalise(
    z, z1, ld, gap, gain, g0, bias, b0, normed, n1, scale, s1, room, rows, first, slots, count, H, Hp, bits, keep
):  # fmt: skip
    """Sums at z1 -> y there; with `keep` also x at n1 and dx / ds at s1. `first`: the first slot of `slots`."""
    me, team, real = cuda.threadIdx.x, cuda.blockDim.x, z.dtype.type
    one, zero, share = real(1), real(0), real(1) / real(H)
    r = cuda.blockIdx.y
    while r < rows:
        row = r * ld + (first << bits)
        for s in range(slots):
            total, u = zero, me
            while u < H:
                total += z[z1 + row + (s << bits) + place_of(u, gap, bits)]
                u += team
            room[s * team + me] = total
        add_up(room, 0, me, team, slots)
        for s in range(slots):
            total, u, mean = zero, me, room[s * team] * share
            while u < H:
                apart = z[z1 + row + (s << bits) + place_of(u, gap, bits)] - mean
                total += apart * apart
                u += team
            room[(slots + s) * team + me] = total
        add_up(room, slots, me, team, slots)
        for s in range(slots):
            u, mean = me, room[s * team] * share
            factor = one / real(math.sqrt(room[(slots + s) * team] * share + real(EPSILON)))
            if keep != 0 and me == 0:
                scale[s1 + r * count + first + s] = factor
            while u < Hp:
                here = row + (s << bits) + place_of(u, gap, bits)
                own = ((u >> bits) * count + first + s << bits) + u - (u >> bits << bits)
                x = (z[z1 + here] - mean) * factor if u < H else zero
                if keep != 0:
                    normed[n1 + here] = x
                z[z1 + here] = x * gain[g0 + own] + bias[b0 + own]
                u += team
        cuda.syncthreads()  # before the next row's sums
        r += cuda.gridDim.y


@device_function
def normalise_back(
    z, z1, ld, gap, gain, g0, normed, n1, scale, s1, flat, f0, parts, p0, room, rows, first, slots, count, skip, taken,
    H, Hp, bits,
):  # fmt: skip
    """Derivatives by y at z1 -> by the sums, also in flat (rows, P, taken, lanes) from slot `skip` on.

    parts (blocks, 2, P * count * lanes): the block's sums of derivatives by gain, and by bias.
    """
    me, team, real = cuda.threadIdx.x, cuda.blockDim.x, z.dtype.type
    zero, share = real(0), real(1) / real(H)
    mine, by_bias = p0 + cuda.blockIdx.y * 2 * count * Hp, count * Hp
    r = cuda.blockIdx.y
    while r < rows:
        row = r * ld + (first << bits)
        for s in range(slots):
            mean, along, u = zero, zero, me
            while u < H:
                here = row + (s << bits) + place_of(u, gap, bits)
                own = ((u >> bits) * count + first + s << bits) + u - (u >> bits << bits)
                d, x = z[z1 + here], normed[n1 + here]
                parts[mine + own] += d * x
                parts[mine + by_bias + own] += d
                mean, along = mean + d * gain[g0 + own], along + d * gain[g0 + own] * x
                u += team
            room[s * team + me], room[(slots + s) * team + me] = mean, along
        add_up(room, 0, me, team, 2 * slots)
        for s in range(slots):
            u, shift, slope = me, room[s * team] * share, room[(slots + s) * team] * share
            factor, slot = scale[s1 + r * count + first + s], first + s - skip
            while u < Hp:
                here, p = row + (s << bits) + place_of(u, gap, bits), u >> bits
                own = (p * count + first + s << bits) + u - (p << bits)
                d = zero
                if u < H:
                    d = (z[z1 + here] * gain[g0 + own] - shift - slope * normed[n1 + here]) * factor
                z[z1 + here] = d
                if 0 <= slot < taken:
                    flat[f0 + r * taken * Hp + (p * taken + slot << bits) + u - (p << bits)] = d
                u += team
        cuda.syncthreads()  # before the next row's sums
        r += cuda.gridDim.y


@device_kernel()
def finish_gains(parts, p0, dgain, g0, dbias, b0, size, blocks, add):
    """dgain, dbias (size,) = or += the sums over blocks of parts (blocks, 2, size), in their order."""
    e = cuda.grid(1)
    while e < 2 * size:
        total = parts[p0 + e]
        for k in range(1, blocks):
            total += parts[p0 + k * 2 * size + e]
        if e < size:
            dgain[g0 + e] = dgain[g0 + e] + total if add != 0 else total
        else:
            dbias[b0 + e - size] = dbias[b0 + e - size] + total if add != 0 else total
        e += cuda.gridsize(1)


class Gains:
    """Sums of the derivatives by gain and bias, `size` numbers each: every block of a layer's kernels has its own."""

    def __init__(self, plan: Planner, rows: int, size: int) -> None:
        """Plan that they begin at zero."""
        self.plan, self.blocks, self.size = plan, min(rows, MOST_PIECES), size
        self.parts = zeros(plan, "norm_sums", 2 * self.blocks * size)

    def finish(self, dgain: Spot, dbias: Spot, fresh: int) -> None:
        """Plan both gradients; not `fresh`: they grow."""
        self.plan.each(
            finish_gains, 2 * self.size, self.parts, dgain, dbias, self.size, self.blocks, int(not fresh)
        )  # fmt: skip
