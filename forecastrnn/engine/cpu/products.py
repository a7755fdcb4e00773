"""Products over all rows at once: dense layers, gradients of weights and of inputs."""

from forecastrnn.engine.cpu.build import fast, kernel, pointers, sizes
from forecastrnn.engine.cpu.simd import at, lanes
from forecastrnn.engine.cpu.tile import VECS, gemm, panels_of, part

BLOCK = 256  # rows per pass of a weight gradient, so that a panel of dz stays in cache


@fast
def multiply(rows, a, lda, blocks, block, depth, packed, init, ldi, c, ldc, vecs):
    """c (rows, vecs) = init + a b; a is `blocks` runs of `depth` columns, `block` numbers apart."""
    L, panels = lanes(c), panels_of(vecs)
    for p in range(panels):
        lo, n = part(vecs, panels, p) * L, part(vecs, panels, p + 1) - part(vecs, panels, p)
        gemm(
            rows, n, at(init, lo), ldi, a, lda, 1, blocks, block, depth,
            at(packed, blocks * depth * lo), n * L, at(c, lo), ldc,
        )  # fmt: skip


@kernel("a packed init c | rows lda blocks block depth ldi ldc vecs")
def product(record, step):
    """c (rows, ldc) = init + a (rows, lda) b."""
    a, packed, init, c = pointers(record, 0, 4)
    rows, lda, blocks, block, depth, ldi, ldc, vecs = sizes(record, 4, 8)
    multiply(rows, a, lda, blocks, block, depth, packed, init, ldi, c, ldc, vecs)


@kernel("a dz zero grad | rows K lda vecs wide slots ldz gap fresh")
def weight_gradient(record, step):
    """grad, packed (K, vecs * slots) = a^T dz over all rows: time and batch; added to grad if not `fresh`.

    a (rows, lda), or one row again and again if lda is 0; vector v of dz begins at v * gap, its rows ldz apart.
    Rows are taken last to first, as BPTT goes: a sequence that is cut in stretches then gives the same bits.
    """
    a, dz, zero, grad = pointers(record, 0, 4)
    rows, K, lda, vecs, wide, slots, ldz, gap, fresh = sizes(record, 4, 9)
    L = lanes(a)
    panels = (vecs + wide - 1) // wide
    for p in range(panels):
        lo, n = part(vecs, panels, p), (part(vecs, panels, p + 1) - part(vecs, panels, p)) * slots
        out = at(grad, lo * slots * L * K)
        for end in range(max(rows, 1), 0, -BLOCK):  # no rows: a zero gradient
            begins = fresh != 0 and end == max(rows, 1)
            for s in range(0, n, VECS):  # a tile's columns
                own = at(out, s * L)
                start, ldi = (zero, 0) if begins else (own, n * L)
                gemm(
                    K, min(VECS, n - s), start, ldi, at(a, (end - 1) * lda), 1, -lda, 1, 0, min(BLOCK, end, rows),
                    at(dz, lo * gap + (end - 1) * ldz + s * L), -ldz, own, n * L,
                )  # fmt: skip
