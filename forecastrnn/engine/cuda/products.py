"""Matrix products on the device: by cuBLAS where CuPy is installed, else by the kernel of this module.

    c[i, r, n] (+)= sum_k a[i, r, k] * b[i, k, n]        for i < batch

c has its columns side by side; a and b have any strides. Sums over very many k are cut into pieces, which are then
added in their order, so that results are the same in every run.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda, float32, float64

from forecastrnn.engine.cpu.tile import VECS
from forecastrnn.engine.cuda import blas
from forecastrnn.engine.cuda.build import SIMULATED, DeviceKernel, Planner, Spot, device_function, device_kernel
from forecastrnn.engine.cuda.matrix import Matrix
from forecastrnn.engine.cuda.registry import twin
from forecastrnn.engine.cuda.rows import copy_rows

PIECE = 1024  # terms of a sum at most, before it is cut
MOST_PIECES = 64
ENOUGH_BLOCKS = 264  # two for each multiprocessor of a large device


@device_function
def panel_of(vec, vecs, panels):
    """First and last vector of the panel that holds `vec`, when `vecs` are split as evenly as can be."""
    p = ((vec + 1) * panels - 1) // vecs
    return vecs * p // panels, vecs * (p + 1) // panels


@device_function
def put(c, at, c_row, r, n, M, N, value, add):
    """c (M, N)[r, n] = or += value, if there is such a place."""
    if r < M and n < N:
        place = at + r * c_row + n
        c[place] = c[place] + value if add != 0 else value


def _gemm_kernel(real: Any, side: int, per: int, deep: int) -> DeviceKernel:
    """A tile of (side * per)^2 sums by side^2 threads with per^2 each; `deep` terms at a time in shared memory."""
    tile, threads = side * per, side * side
    shape, sums_shape = (deep, tile + 1), (per, per)

    def gemm(
        a, a0, a_row, a_k, a_batch, b, b0, b_k, b_n, b_batch, c, c0, c_row, c_batch, c_piece, M, N, K, piece, pieces,
        add,
    ):  # fmt: skip
        """Blocks (tile of rows of all products: x alone counts beyond 65,535, tile of columns, piece of the sum)."""
        left = cuda.shared.array(shape, real)
        right = cuda.shared.array(shape, real)
        sums = cuda.local.array(sums_shape, real)
        me, part = cuda.threadIdx.x, cuda.blockIdx.z
        x, y, tiles = me % side, me // side, (M + tile - 1) // tile
        i, row, column = cuda.blockIdx.x // tiles, cuda.blockIdx.x % tiles * tile, cuda.blockIdx.y * tile
        begin, end = part * piece, min(K, (part + 1) * piece)
        a1, b1, c1 = a0 + i * a_batch, b0 + i * b_batch, c0 + i * c_batch + part * c_piece
        for p in range(per):
            for q in range(per):
                sums[p, q] = 0
        for start in range(begin, end, deep):
            for e in range(me, deep * tile, threads):
                k, r = (e % deep, e // deep) if a_k == 1 else (e // tile, e % tile)
                inside = start + k < end and row + r < M
                left[k, r] = a[a1 + (row + r) * a_row + (start + k) * a_k] if inside else real(0)
                k, n = (e // tile, e % tile) if b_n == 1 else (e % deep, e // deep)
                inside = start + k < end and column + n < N
                right[k, n] = b[b1 + (start + k) * b_k + (column + n) * b_n] if inside else real(0)
            cuda.syncthreads()
            for k in range(deep):
                for p in range(per):
                    value = left[k, y + p * side]
                    for q in range(per):
                        sums[p, q] += value * right[k, x + q * side]
            cuda.syncthreads()
        for p in range(per):
            for q in range(per):
                put(c, c1, c_row, row + y + p * side, column + x + q * side, M, N, sums[p, q], add)

    return device_kernel(threads=threads)(gemm)


_SIZES = {"small": (2, 4, 4), "large": (2, 4, 4)} if SIMULATED else {"small": (16, 2, 32), "large": (16, 4, 16)}
GEMM = {(size, str(real)): _gemm_kernel(real, *shape) for size, shape in _SIZES.items() for real in (float32, float64)}


@device_kernel()
def add_pieces(parts, p0, c, c0, c_row, c_batch, M, N, batch, pieces, add):
    """c[i, r, n] = or += the sum over pieces of parts (pieces, batch, M, N), in their order."""
    whole = batch * M * N
    e = cuda.grid(1)
    while e < whole:
        n, row = e % N, e // N
        total = parts[p0 + e]
        for k in range(1, pieces):
            total += parts[p0 + k * whole + e]
        place = c0 + row // M * c_batch + row % M * c_row + n
        c[place] = c[place] + total if add != 0 else total
        e += cuda.gridsize(1)


def multiply(plan: Planner, M: int, N: int, K: int, a: Matrix, b: Matrix, c: Matrix, batch: int, add: bool) -> None:
    """Plan c (M, N) = or += a (M, K) b (K, N) for each of a batch."""
    if M == 0 or N == 0:
        return
    if blas.available():
        plan.launches.append(blas.Gemm(M, N, K, a, b, c, batch, add))
        return
    size = "small" if M <= 32 or N <= 32 else "large"
    kernel = GEMM[size, plan.dtype.name]
    tile = _SIZES[size][0] * _SIZES[size][1]
    grid = -(-M // tile) * batch, -(-N // tile)
    pieces, piece = _pieces(K, grid[0] * grid[1])
    out = c if pieces == 1 else Matrix(plan.work("pieces", pieces * batch * M * N), N, 1, M * N)
    plan.blocks(
        kernel, (*grid, pieces), a.spot, a.row, a.column, a.batch, b.spot, b.row, b.column, b.batch, out.spot,
        out.row, out.batch, batch * M * N, M, N, K, piece, pieces, int(add and pieces == 1),
    )  # fmt: skip
    if pieces > 1:
        plan.each(add_pieces, batch * M * N, out.spot, c.spot, c.row, c.batch, M, N, batch, pieces, int(add))


def _pieces(K: int, blocks: int) -> tuple[int, int]:
    """Into how many pieces a sum over K is cut, and their length: a function of the sizes alone."""
    pieces = min(MOST_PIECES, -(-K // PIECE), -(-ENOUGH_BLOCKS // blocks))
    return max(pieces, 1), -(-max(K, 1) // max(pieces, 1))


def panel_runs(vecs: int, wide: int = VECS) -> list[tuple[int, int, int]]:
    """Panels of equal width that follow one another: (first vector, vectors of a panel, panels)."""
    panels, runs = -(-vecs // wide), []
    for p in range(panels):
        lo, hi = vecs * p // panels, vecs * (p + 1) // panels
        if runs and runs[-1][1] == hi - lo:
            runs[-1] = runs[-1][0], hi - lo, runs[-1][2] + 1
        else:
            runs.append((lo, hi - lo, 1))
    return runs


def by_panels(
    plan: Planner, rows: int, a: Matrix, depth: int, packed: Spot, c: Spot, ldc: int, vecs: int, add: bool
) -> None:
    """Plan c (rows, ldc) = or += a (rows, depth) b, where b is packed in panels of up to 4 vectors."""
    for lo, width, count in panel_runs(vecs):
        first, n = lo * plan.lanes, width * plan.lanes
        b = Matrix(packed.at(first * depth), n, 1, n * depth)
        multiply(plan, rows, n, depth, a, b, Matrix(c.at(first), ldc, 1, n), count, add)


@device_kernel()
def join_blocks(a, a0, out, o0, rows, lda, blocks, block, depth):
    """out (rows, blocks * depth): the runs of a side by side."""
    width = blocks * depth
    k = cuda.grid(1)
    while k < rows * width:
        r, n = k // width, k % width
        out[o0 + k] = a[a0 + r * lda + n // depth * block + n % depth]
        k += cuda.gridsize(1)


@twin("c")
def product(plan, a, packed, init, c, rows, lda, blocks, block, depth, ldi, ldc, vecs):
    """A dense product of all rows."""
    if c.handle is not init.handle or c.offset != init.offset or ldc != ldi:
        plan.each(copy_rows, rows * vecs * plan.lanes, init, c, rows, vecs * plan.lanes, ldi, ldc)
    if blocks > 1:
        joined = plan.work("joined", rows * blocks * depth)
        plan.each(join_blocks, rows * blocks * depth, a, joined, rows, lda, blocks, block, depth)
        a, lda, depth = joined, blocks * depth, blocks * depth
    by_panels(plan, rows, Matrix(a, lda), depth, packed, c, ldc, vecs, add=True)


@device_kernel()
def sum_columns(dz, d0, parts, p0, rows, ldz, gap, width, columns, piece, pieces):
    """parts (pieces, columns): sums over a piece of the rows; column c is number c % width of block c // width."""
    e = cuda.grid(1)
    while e < pieces * columns:
        c, part = e % columns, e // columns
        place = d0 + c // width * gap + c % width
        total = dz.dtype.type(0)
        for r in range(part * piece, min(rows, (part + 1) * piece)):
            total += dz[place + r * ldz]
        parts[p0 + e] = total
        e += cuda.gridsize(1)


@twin("grad")
def weight_gradient(plan, a, dz, zero, grad, rows, K, lda, vecs, wide, slots, ldz, gap, fresh):
    """a^T dz over all rows."""
    for lo, width, count in panel_runs(vecs, wide):
        n = width * slots * plan.lanes
        out = grad.at(lo * slots * K * plan.lanes)
        source = dz.at(lo * gap)
        step = width * gap  # from panel to panel
        if lda == 0:
            column_sums(plan, source, out, rows, ldz, step, n, count, fresh)
        else:
            left, right = Matrix(a, 1, lda), Matrix(source, ldz, 1, step)
            multiply(plan, K, n, rows, left, right, Matrix(out, n, 1, n * K), count, not fresh)


def column_sums(
    plan: Planner, dz: Spot, out: Spot, rows: int, ldz: int, gap: int, n: int, count: int, fresh: int
) -> None:
    """Plan out (count, n) = or += sums over rows."""
    columns = n * count
    pieces = int(np.clip(rows // 64, 1, 256))
    parts = plan.work("column_sums", pieces * columns)
    plan.each(sum_columns, pieces * columns, dz, parts, rows, ldz, gap, n, columns, -(-rows // pieces), pieces)
    plan.each(add_pieces, columns, parts, out, columns, 0, 1, columns, 1, pieces, int(not fresh))
