"""Gradients of the true classes of a sampled softmax on the device.

Many rows may have the same class, and their parts are added up in a fixed order: rows are put in the order of their
slots first, and each slot's rows are then added by one block for some of the features.
"""

from numba import cuda

from forecastrnn.engine.cuda.build import SIMULATED, device_kernel
from forecastrnn.engine.cuda.registry import twin
from forecastrnn.engine.cuda.scans import plan_groups

WIDE, LINES = (2, 2) if SIMULATED else (32, 8)  # features of a block, and rows that it adds at once
TEAM = WIDE * LINES
MOST_BLOCKS = 2 if SIMULATED else 4096  # that share all slots


@device_kernel(threads=TEAM)
def add_rows(features, a0, share, h0, acc, c0, order, o0, begin, b0, slots, F, ldf):
    """acc (slots, F + 1) += the sum of share (rows,) times [features | 1] over the rows of each slot."""
    room = cuda.shared.array(TEAM, features.dtype)
    me = cuda.threadIdx.x
    f, line, one = cuda.blockIdx.x * WIDE + me % WIDE, me // WIDE, features.dtype.type(1)
    slot = cuda.blockIdx.y
    while slot < slots:
        first, end = begin[b0 + slot], begin[b0 + slot + 1]
        if first < end:
            total, k = features.dtype.type(0), first + line
            while f <= F and k < end:
                row = order[o0 + k]
                total += share[h0 + row] * (features[a0 + row * ldf + f] if f < F else one)
                k += LINES
            room[me] = total
            cuda.syncthreads()
            if line == 0 and f <= F:
                for other in range(1, LINES):
                    total += room[other * WIDE + me]
                acc[c0 + slot * (F + 1) + f] += total
            cuda.syncthreads()  # before the next slot's sums
        slot += cuda.gridDim.y


@device_kernel()
def add_true(truth, t0, share, h0, slots, s0, out, o0, rows, F, ldo):
    """out (rows, ldo)[:, :F] += share truth[slot]."""
    e = cuda.grid(1)
    while e < rows * F:
        row, f = e // F, e % F
        slot = slots[s0 + row]
        if slot >= 0:
            out[o0 + row * ldo + f] += share[h0 + row] * truth[t0 + slot * (F + 1) + f]
        e += cuda.gridsize(1)


@twin("acc dfeatures")
def true_class_back(plan, features, truth, acc, share, dfeatures, slots, rows, F, ldf, ldd):
    """Gradients of the true classes, and by the features. There are as many slots as `truth` has room for."""
    room = (truth.handle.size - truth.offset) // (F + 1)
    order, begin = plan_groups(plan, slots, rows, room)
    blocks = -(-(F + 1) // WIDE), min(room, MOST_BLOCKS)
    plan.blocks(add_rows, blocks, features, share, acc, order, begin, room, F, ldf)
    plan.each(add_true, rows * F, truth, share, slots, dfeatures, rows, F, ldd)
