"""Dropout: numbers set to zero by chance, the others scaled so that the mean stays (Srivastava et al. 2014).

Whether a number is kept depends on a hash of the seed of the step, of the place where dropout acts (`salt`), and of
row, time and column: no mask is stored, the backward pass asks again, and shards and threads change nothing.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from forecastrnn.engine.cpu.build import fast, integers, kernel, pointers, sizes
from forecastrnn.engine.cpu.simd import I32, VECTORS, emit_splat, lanes, load, store

WHOLE = 1 << 24  # a rate is a number of 2^24 parts
SPREAD, FIRST, SECOND = 0x9E3779B9, 0x7FEB352D, 0x846CA68B  # golden ratio; a 32-bit hash of low bias


@fast
def mix(x):
    """A hash of 64 bits: the finaliser of SplitMix64 (Steele, Lea & Flood 2014)."""
    x = np.uint64(x)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@intrinsic
def factors(tctx, p, begin, f, left, rate, scale):
    """A vector for columns f and on of a row whose own hash is `begin`: `scale` if kept, 0 if not, 1 from `left` on.

    24 bits for each column, from a multiplicative hash that is mixed twice: kept where they are at least `rate`.
    """
    v = VECTORS[p.dtype]

    def gen(ctx, b, sig, args):
        whole = ir.VectorType(I32, v.lanes)

        def each(x):
            one = b.insert_element(ir.Constant(whole, ir.Undefined), x, I32(0))
            return b.shuffle_vector(one, one, ir.Constant(whole, [I32(0)] * v.lanes))

        def folded(x, shift):
            return b.xor(x, b.lshr(x, ir.Constant(whole, [I32(shift)] * v.lanes)))

        def times(x, factor):
            return b.mul(x, ir.Constant(whole, [I32(factor)] * v.lanes))

        steps = ir.Constant(whole, [I32(k * SPREAD & 0xFFFFFFFF) for k in range(v.lanes)])
        x = b.add(each(b.add(args[1], b.mul(b.trunc(args[2], I32), I32(SPREAD)))), steps)
        x = folded(times(folded(times(folded(x, 16), FIRST), 15), SECOND), 16)
        kept = b.icmp_unsigned(">=", b.lshr(x, ir.Constant(whole, [I32(8)] * v.lanes)), each(b.trunc(args[4], I32)))
        zero, one = (ir.Constant(v.ir, [ir.Constant(v.ir.element, value)] * v.lanes) for value in (0.0, 1.0))
        lane = ir.Constant(whole, [I32(k) for k in range(v.lanes)])
        mine = b.icmp_signed("<", lane, each(b.trunc(args[3], I32)))
        return b.select(mine, b.select(kept, emit_splat(b, args[5], v.ir), zero), one)

    return v(p, types.uint32, types.int64, types.int64, types.int64, types.float64), gen


@kernel("source out seeds | T B F lds ldo rate salt row time span")
def drop(record, step):
    """out[t, r, f] = 0 with chance rate / WHOLE, else source[t, r, f] over the chance to be kept.

    row, time : numbers of the first row and step. span : 0 if all steps share one mask. lds 0: one row for all.
    A last vector that reaches past the F columns leaves what is there, or goes to where the next row is written.
    """
    source, out = pointers(record, 0, 2)
    (seeds,) = integers(record, 2, 1)
    T, B, F, lds, ldo, rate, salt, row, time, span = sizes(record, 3, 10)
    scale, L = WHOLE / (WHOLE - rate), lanes(out)
    seed = mix(seeds[step])
    for t in range(T):
        for r in range(B):
            begin = np.uint32(mix(seed + np.uint64((salt << 48) + ((time + t) * span << 24) + row + r)))
            a, b = (t * B + r) * lds, (t * B + r) * ldo
            for f in range(0, F, L):
                store(out, b + f, load(source, a + f) * factors(out, begin, f, F - f, rate, scale))
