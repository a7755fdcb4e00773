"""Layer normalisation of sums over the units of their slot, there and back.

    x = (s - mean(s)) / sqrt(var(s) + EPSILON)        y = gain * x + bias        (Ba, Kiros & Hinton 2016, eq. 4)

A row of sums has P vectors of units, `gap` numbers apart, each with `slots` slots side by side; rows are `ld` apart.
gain and bias have one row: slot s of vector p is at (p * count + s) * lanes, where `count` is the number of slots
in z, of which `slots` are meant here. Lanes beyond `units` hold no sum: they are not counted, and stay zero.
"""

import math

from forecastrnn.engine.cpu.build import fast
from forecastrnn.engine.cpu.simd import at, first_lanes, lanes, load, splat, store, total

EPSILON = 1e-5  # added to the variance


@fast
def centre(P, z, gap, units, share):
    """Subtract the mean over one row's P vectors at z (share: 1 / units), and return the variance."""
    L = lanes(z)
    mean, square = splat(z, 0.0), splat(z, 0.0)
    for p in range(P):
        mean = mean + load(z, p * gap)
    shift = splat(z, total(mean) * share)
    for p in range(P):
        s = (load(z, p * gap) - shift) * first_lanes(z, units - p * L)
        square = square + s * s
        store(z, p * gap, s)
    return total(square) * share


@fast
def normalise(n, P, slots, count, z, ld, gap, units, gain, bias, normed, scale, keep):
    """Sums z (n, P, slots) -> y in z; with `keep` also x in normed, laid out as z, and scale (n, count) = dx / ds."""
    L, share = lanes(z), 1.0 / units
    for r in range(n):
        for s in range(slots):
            k = r * ld + s * L
            factor = 1.0 / math.sqrt(centre(P, at(z, k), gap, units, share) + EPSILON)
            if keep:
                scale[r * count + s] = factor
            for p in range(P):
                here, own = k + p * gap, (p * count + s) * L
                x = load(z, here) * factor
                if keep:
                    store(normed, here, x)
                store(z, here, x * load(gain, own) + load(bias, own))


@fast
def normalise_back(n, P, slots, count, dz, ld, gap, units, gain, normed, scale, dgain, dbias):
    """Derivatives by y in dz (n, P, slots) -> by the sums; those by gain and bias are added to dgain and dbias."""
    L, share = lanes(dz), 1.0 / units
    for p in range(P):
        for s in range(slots):
            own = (p * count + s) * L
            add_sums(n, at(dz, p * gap + s * L), ld, at(normed, p * gap + s * L), at(dgain, own), at(dbias, own))
    for r in range(n):
        for s in range(slots):
            k = r * ld + s * L
            mean, along = splat(dz, 0.0), splat(dz, 0.0)
            for p in range(P):
                here = k + p * gap
                d = load(dz, here) * load(gain, (p * count + s) * L)
                mean, along = mean + d, along + d * load(normed, here)
                store(dz, here, d)
            factor = scale[r * count + s]
            shift, slope = splat(dz, total(mean) * share), splat(dz, total(along) * share)
            for p in range(P):
                here = k + p * gap
                d = (load(dz, here) - shift - slope * load(normed, here)) * factor
                store(dz, here, d * first_lanes(dz, units - p * L))


@fast
def add_sums(n, dy, ld, x, dgain, dbias):
    """One vector's dgain += sum of dy * x, dbias += sum of dy, over n rows."""
    by_gain, by_bias = splat(dy, 0.0), splat(dy, 0.0)
    for r in range(n):
        d = load(dy, r * ld)
        by_gain, by_bias = by_gain + d * load(x, r * ld), by_bias + d
    store(dgain, 0, load(dgain, 0) + by_gain)
    store(dbias, 0, load(dbias, 0) + by_bias)
