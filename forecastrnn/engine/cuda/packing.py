"""Packed matrices on the device: the layout of `forecastrnn.engine.cpu.packing`, where its formula stands."""

from numba import cuda

from forecastrnn.engine.cuda.build import device_function, device_kernel
from forecastrnn.engine.cuda.products import panel_of
from forecastrnn.engine.cuda.registry import twin


@device_function
def packed_index(vec, k, K, slots, vecs, wide, bits):
    """Where the slots of vector `vec` in row k begin."""
    panels = (vecs + wide - 1) // wide
    lo, hi = panel_of(vec, vecs, panels)
    return (lo * slots * K + (k * (hi - lo) + vec - lo) * slots) << bits


@device_kernel()
def pack_units(src, s0, packed, p0, K, H, G, ld, gap, order, slots, first, wide, add, vecs, bits):
    """src (K, ld) -> panels; each thread writes one number of a slot."""
    width = vecs << bits
    e = cuda.grid(1)
    while e < K * slots * width:
        u, row = e % width, e // width
        slot, k = row % slots, row // slots
        g, vec = slot - first, u >> bits
        place = p0 + packed_index(vec, k, K, slots, vecs, wide, bits) + (slot << bits) + u - (vec << bits)
        if g >= 0 and g < G and u < H:
            value = src[s0 + k * ld + (order >> (4 * g) & 15) * gap + u]
            packed[place] = packed[place] + value if add != 0 else value
        elif add == 0:
            packed[place] = 0
        e += cuda.gridsize(1)


@twin("packed")
def pack(plan, src, packed, K, H, G, ld, gap, order, slots, first, wide, add):
    """Weights into panels."""
    vecs = -(-H // plan.lanes)
    plan.each(
        pack_units, K * slots * vecs * plan.lanes, src, packed, K, H, G, ld, gap, order, slots, first, wide, add, vecs,
        plan.bits,
    )  # fmt: skip


@device_kernel()
def pack_columns(src, s0, packed, p0, J, H, G, ld, gap, order, vecs, columns, wide, bits):
    """src (J, ld) -> the packed matrix of a product with its transpose; columns are vectors of J."""
    depth, panels = (vecs * G) << bits, (columns + wide - 1) // wide
    e = cuda.grid(1)
    while e < J * G * H:
        u, row = e % H, e // H
        g, j = row % G, row // G
        lo, hi = panel_of(j >> bits, columns, panels)
        k = (((u >> bits) * G + g) << bits) + u - (u >> bits << bits)
        place = (lo * depth << bits) + k * ((hi - lo) << bits) + j - (lo << bits)
        packed[p0 + place] = src[s0 + j * ld + (order >> (4 * g) & 15) * gap + u]
        e += cuda.gridsize(1)


@twin("packed")
def pack_transposed(plan, src, packed, J, H, G, ld, gap, order):
    """Weights into panels of the transposed product."""
    vecs, columns = -(-H // plan.lanes), -(-J // plan.lanes)
    plan.each(pack_columns, J * G * H, src, packed, J, H, G, ld, gap, order, vecs, columns, 4, plan.bits)


@device_kernel(double=True)
def unpack_units(
    packed, p0, grad, g0, sums, s0, step, c0, K, H, G, ld, gap, order, slots, first, wide, shards, stride, lo, hi,
    vecs, bits,
):  # fmt: skip
    """Rows lo .. hi of grad (K, ld) = the sum over shards of packed gradients, over the weight in sums."""
    weight = 0.0
    for shard in range(shards):
        weight += sums[s0 + (step[c0] * shards + shard) * 2 + 1]
    scale = packed.dtype.type(1.0 / weight if weight > 0.0 else 1.0)
    e = cuda.grid(1)
    while e < (hi - lo) * G * H:
        u, row = e % H, e // H
        g, k, vec = row % G, lo + row // G, u >> bits
        own = p0 + packed_index(vec, k, K, slots, vecs, wide, bits) + ((first + g) << bits) + u - (vec << bits)
        total = packed[own]
        for shard in range(1, shards):
            total += packed[own + shard * stride]
        grad[g0 + k * ld + (order >> (4 * g) & 15) * gap + u] = total * scale
        e += cuda.gridsize(1)


@twin("grad")
def unpack(plan, packed, grad, sums, K, H, G, ld, gap, order, slots, first, wide, shards, stride, lo, hi):
    """Gradients back into the user's layout."""
    plan.each(
        unpack_units, (hi - lo) * G * H, packed, grad, sums, plan.step, K, H, G, ld, gap, order, slots, first, wide,
        shards, stride, lo, hi, -(-H // plan.lanes), plan.bits,
    )  # fmt: skip
