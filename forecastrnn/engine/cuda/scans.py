"""Running sums of whole numbers, and rows in the order of the group that they belong to."""

from __future__ import annotations

import numpy as np
from numba import cuda, int64

from forecastrnn.engine.cuda.build import SIMULATED, Planner, Spot, device_kernel
from forecastrnn.engine.cuda.rows import zeros

SCAN = 4 if SIMULATED else 1024  # threads of the block that adds up
EACH = 2 if SIMULATED else 8  # numbers of a thread at a time
TEAM = 4 if SIMULATED else 128  # rows that are ranked at once
PIECE = 8 if SIMULATED else 2048  # rows that one block ranks, at least
MOST_PIECES = 64


@device_kernel(threads=SCAN)
def scan(values, v0, out, o0, n):
    """out (n + 1,): the sum of those of values (n,) that come before; by one block."""
    room = cuda.shared.array(SCAN, int64)
    me, before, base = cuda.threadIdx.x, 0, 0
    while base < n:
        first = base + me * EACH
        own = 0
        for k in range(first, min(n, first + EACH)):
            own += values[v0 + k]
        room[me] = own
        cuda.syncthreads()
        reach = 1
        while reach < SCAN:
            more = room[me - reach] if me >= reach else int64(0)
            cuda.syncthreads()
            room[me] += more
            cuda.syncthreads()
            reach *= 2
        total = before + room[me] - own
        for k in range(first, min(n, first + EACH)):
            out[o0 + k] = total
            total += values[v0 + k]
        before += room[SCAN - 1]
        cuda.syncthreads()  # before the next numbers
        base += SCAN * EACH
    if me == 0:
        out[o0 + n] = before


def plan_scan(plan: Planner, name: str, values: Spot, n: int) -> Spot:
    """Plan n + 1 running sums of n whole numbers, which begin at 0."""
    found = plan.work(name, n + 1, "int64")
    plan.blocks(scan, (1,), values, found, n)
    return found


@device_kernel(threads=TEAM)
def rank_rows(group, g0, rank, r0, counts, c0, rows, groups, piece):
    """rank (rows,) among the rows of a block's piece and of the same group; counts (pieces, groups) of these rows."""
    room = cuda.shared.array(TEAM, int64)
    me, mine = cuda.threadIdx.x, c0 + cuda.blockIdx.x * groups
    base, end = cuda.blockIdx.x * piece, min(rows, (cuda.blockIdx.x + 1) * piece)
    while base < end:
        row = base + me
        own = group[g0 + row] if row < end else int64(-1)
        room[me] = own
        cuda.syncthreads()
        before, later = 0, 0
        for k in range(TEAM):
            if room[k] == own:
                before += 1 if k < me else 0
                later += 1 if k > me else 0
        seen = counts[mine + own] if own >= 0 else 0
        cuda.syncthreads()  # all have seen the counts, and the room; the next rows' barrier comes before both are again
        if own >= 0:
            rank[r0 + row] = seen + before
            if later == 0:
                counts[mine + own] = seen + before + 1
        base += TEAM


@device_kernel()
def pile_up(counts, c0, totals, t0, groups, pieces):
    """counts (pieces, groups) -> how many rows of a group come before a piece; totals (groups,)."""
    g = cuda.grid(1)
    while g < groups:
        before = 0
        for p in range(pieces):
            here = counts[c0 + p * groups + g]
            counts[c0 + p * groups + g] = before
            before += here
        totals[t0 + g] = before
        g += cuda.gridsize(1)


@device_kernel()
def put_in_order(group, g0, rank, r0, counts, c0, begin, b0, order, o0, rows, groups, piece):
    """order (rows,): the rows of each group one after the other, from begin (groups,) on."""
    row = cuda.grid(1)
    while row < rows:
        own = group[g0 + row]
        if own >= 0:
            order[o0 + begin[b0 + own] + counts[c0 + row // piece * groups + own] + rank[r0 + row]] = row
        row += cuda.gridsize(1)


def plan_groups(plan: Planner, group: Spot, rows: int, groups: int) -> tuple[Spot, Spot]:
    """Plan the order of rows by their group, -1 for none, and where each group begins there."""
    pieces = int(np.clip(rows // PIECE, 1, MOST_PIECES))
    piece = -(-rows // pieces)
    rank, order = plan.work("rank", rows, "int64"), plan.work("order", rows, "int64")
    counts, totals = zeros(plan, "counts", pieces * groups, "int64"), plan.work("totals", groups, "int64")
    plan.blocks(rank_rows, (pieces,), group, rank, counts, rows, groups, piece)
    plan.each(pile_up, groups, counts, totals, groups, pieces)
    begin = plan_scan(plan, "begin", totals, groups)
    plan.each(put_in_order, rows, group, rank, counts, begin, order, rows, groups, piece)
    return order, begin
