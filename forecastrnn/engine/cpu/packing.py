"""Between the user's layout of a weight matrix and the packed panels that the tile reads.

A matrix of K rows has G gates of H units: element (k, gate, u) is at src[k * ld + gate * gap + u]. Packed, units
go in vectors of `lanes`, padded with zeros, and vectors in panels of `wide`; panel p holds its vectors
lo .. hi as rows of (hi - lo) * slots vectors, the gates of one vector of units side by side:
    packed[lo * L * slots * K + ((k * (hi - lo) + vec - lo) * slots + slot) * L + lane].
Slot first + g holds gate `column_of(order, g)`.
"""

from forecastrnn.engine.cpu.build import doubles, fast, kernel, pointers, sizes
from forecastrnn.engine.cpu.simd import lanes, load, splat, store
from forecastrnn.engine.cpu.tile import panels_of, part

MOST_GATES = 16  # of a parameter: `order` has 4 bits for each


def order_of(gates: tuple[int, ...]) -> int:
    """The field `order` that has these gates in the slots of a matrix."""
    if len(gates) > MOST_GATES:
        raise ValueError(f"a cell can have {MOST_GATES} gates at most. Got {len(gates)}")
    order = sum(gate << 4 * g for g, gate in enumerate(gates))
    return order - (1 << 64) if order >> 63 else order  # as an int64


@fast
def column_of(order, g):
    """The gate of slot g."""
    return (order >> (4 * g)) & 15


@fast
def vectors_of(n, lane_count):
    """Vectors that n numbers need."""
    return (n + lane_count - 1) // lane_count


@fast
def packed_at(vec, k, K, slots, vecs, wide, L):
    """Where the slots of vector `vec` in row k begin, in a packed matrix of K rows."""
    panels = (vecs + wide - 1) // wide
    p = ((vec + 1) * panels - 1) // vecs  # the last panel that begins at or before vec
    lo, hi = part(vecs, panels, p), part(vecs, panels, p + 1)
    return (lo * slots * K + (k * (hi - lo) + vec - lo) * slots) * L


@kernel("src packed | K H G ld gap order slots first wide add")
def pack(record, step):
    """src (K, ld) -> panels of `packed`, other slots zero; with `add` they are added to what is there."""
    src, packed = pointers(record, 0, 2)
    K, H, G, ld, gap, order, slots, first, wide, add = sizes(record, 2, 10)
    L = lanes(src)
    vecs = vectors_of(H, L)
    for vec in range(vecs):
        for k in range(K):
            base = packed_at(vec, k, K, slots, vecs, wide, L)
            if add == 0:
                clear(packed, base, base + slots * L)
            for g in range(G):
                row, out = k * ld + column_of(order, g) * gap + vec * L, base + (first + g) * L
                if (vec + 1) * L <= H:
                    store(packed, out, load(packed, out) + load(src, row))
                else:
                    for lane in range(H - vec * L):
                        packed[out + lane] += src[row + lane]


@fast
def clear(p, lo, hi):
    """p[lo:hi] = 0; whole vectors."""
    for j in range(lo, hi, lanes(p)):
        store(p, j, splat(p, 0.0))


@kernel("src packed | J H G ld gap order")
def pack_transposed(record, step):
    """src (J, ld) -> the packed b of  dz src^T: rows by (vector, slot, lane) of dz, columns J in panels."""
    src, packed = pointers(record, 0, 2)
    J, H, G, ld, gap, order = sizes(record, 2, 6)
    L = lanes(src)
    vecs, columns = vectors_of(H, L), vectors_of(J, L)
    depth, panels = vecs * G * L, panels_of(columns)
    for p in range(panels):
        lo, width = (part(columns, panels, p) * L, (part(columns, panels, p + 1) - part(columns, panels, p)) * L)
        for j in range(lo, min(lo + width, J)):
            for g in range(G):
                row = j * ld + column_of(order, g) * gap
                for u in range(H):
                    k = (u // L * G + g) * L + u % L
                    packed[lo * depth + k * width + j - lo] = src[row + u]


@kernel("packed grad sums | K H G ld gap order slots first wide shards stride lo hi")
def unpack(record, step):
    """Rows lo .. hi of grad (K, ld) = sum over shards, always in the same order, of packed gradients.

    sums (shards, 2): loss and weight of each shard; the gradient is divided by the total weight.
    """
    packed, grad = pointers(record, 0, 2)
    (totals,) = doubles(record, 2, 1)
    K, H, G, ld, gap, order, slots, first, wide, shards, stride, low, high = sizes(record, 3, 13)
    L = lanes(packed)
    vecs = vectors_of(H, L)
    scale = 1.0 / total_weight(totals, shards, step)
    for vec in range(vecs):
        for k in range(low, high):
            base = packed_at(vec, k, K, slots, vecs, wide, L) + first * L
            for g in range(G):
                row, own = k * ld + column_of(order, g) * gap + vec * L, base + g * L
                if (vec + 1) * L <= H:
                    total = load(packed, own)
                    for shard in range(1, shards):
                        total = total + load(packed, shard * stride + own)
                    store(grad, row, total * scale)
                else:
                    for lane in range(H - vec * L):
                        s = packed[own + lane]
                        for shard in range(1, shards):
                            s += packed[shard * stride + own + lane]
                        grad[row + lane] = s * scale


@fast
def total_weight(totals, shards, step):
    """The weight of all shards' rows in this step; 1 if it is zero."""
    weight = 0.0
    for shard in range(shards):
        weight += totals[(step * shards + shard) * 2 + 1]
    return weight if weight > 0.0 else 1.0
