"""Dropout on the device: the same hash, so the same numbers are dropped as on the CPU."""

import numpy as np
from numba import cuda

from forecastrnn.engine.cpu import dropout
from forecastrnn.engine.cpu.dropout import FIRST, SECOND, SPREAD, WHOLE
from forecastrnn.engine.cuda.build import device_function, device_kernel, rebuilt
from forecastrnn.engine.cuda.registry import twin

mix = rebuilt(dropout.mix)


@device_function
def chance(begin, f):
    """24 bits for column f of a row whose own hash is `begin`; as `forecastrnn.engine.cpu.dropout.factors`."""
    x = np.uint32(begin + np.uint32(f) * np.uint32(SPREAD))
    x = np.uint32((x ^ (x >> np.uint32(16))) * np.uint32(FIRST))
    x = np.uint32((x ^ (x >> np.uint32(15))) * np.uint32(SECOND))
    return np.int64(np.uint32(x ^ (x >> np.uint32(16))) >> np.uint32(8))


@device_kernel()
def drop_each(source, s0, out, o0, seeds, d0, step, c0, T, B, F, lds, ldo, rate, salt, row, time, span):
    """out[t, r, f] = 0 with chance rate / WHOLE, else source[t, r, f] over the chance to be kept."""
    seed = mix(seeds[d0 + step[c0]])
    zero, scale = out.dtype.type(0), out.dtype.type(WHOLE) / out.dtype.type(WHOLE - rate)
    e = cuda.grid(1)
    while e < T * B * F:
        f, k = e % F, e // F
        t, r = k // B, k % B
        begin = np.uint32(mix(seed + np.uint64((salt << 48) + ((time + t) * span << 24) + row + r)))
        value = source[s0 + k * lds + f]
        out[o0 + k * ldo + f] = value * scale if chance(begin, f) >= rate else zero
        e += cuda.gridsize(1)


@twin("out")
def drop(plan, source, out, seeds, T, B, F, lds, ldo, rate, salt, row, time, span):
    """Numbers set to zero by chance."""
    plan.each(drop_each, T * B * F, source, out, seeds, plan.step, T, B, F, lds, ldo, rate, salt, row, time, span)
