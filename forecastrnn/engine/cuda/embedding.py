"""Embeddings on the device; see `forecastrnn.engine.cpu.embedding`."""

import numpy as np
from numba import cuda

from forecastrnn.engine.cuda.build import device_kernel
from forecastrnn.engine.cuda.products import add_pieces
from forecastrnn.engine.cuda.registry import twin


@device_kernel()
def embed_rows(codes, c0, table, t0, out, o0, rows, F, lds, ldo):
    """out (rows, ldo)[:, :F] = table at codes (rows, lds)[:, 0]."""
    k = cuda.grid(1)
    while k < rows * F:
        r, f = k // F, k % F
        out[o0 + r * ldo + f] = table[t0 + int(codes[c0 + r * lds]) * F + f]
        k += cuda.gridsize(1)


@twin("out")
def embed(plan, codes, table, out, rows, F, lds, ldo):
    """Vectors of categories."""
    plan.each(embed_rows, rows * F, codes, table, out, rows, F, lds, ldo)


@device_kernel()
def embed_pieces(codes, c0, dout, d0, valid, v0, parts, p0, T, B, F, size, lds, ldd, ldg, first, piece, pieces):
    """parts (pieces, size, ldg): a piece of the rows; each thread adds one column of one category, in their order."""
    e = cuda.grid(1)
    while e < pieces * size * ldg:
        f, row = e % ldg, e // ldg
        code, part = row % size, row // size
        total = dout.dtype.type(0)
        k = part * piece
        t, r, end = first + k // B, k % B, min(T * B, k + piece)
        while f < F and k < end:
            if int(codes[c0 + k * lds]) == code and t < valid[v0 + r]:
                total += dout[d0 + k * ldd + f]
            k, r = k + 1, r + 1
            if r == B:
                t, r = t + 1, 0
        parts[p0 + e] = total
        e += cuda.gridsize(1)


@twin("grad")
def embed_gradient(plan, codes, dout, grad, valid, T, B, F, size, lds, ldd, ldg, first, fresh):
    """Gradients of the vectors."""
    count, pieces = size * ldg, int(np.clip(T * B // 64, 1, 256))
    parts = plan.work("column_sums", pieces * count)
    plan.each(
        embed_pieces, pieces * count, codes, dout, valid, parts, T, B, F, size, lds, ldd, ldg, first,
        -(-T * B // pieces), pieces,
    )  # fmt: skip
    plan.each(add_pieces, count, parts, grad, count, 0, 1, count, 1, pieces, int(not fresh))
