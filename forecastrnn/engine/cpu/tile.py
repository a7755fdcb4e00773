"""The register tile: one matrix product for everything.

    c[r, n] = init[r, n] + sum_k a[r, k] * b[k, n]      r < rows, n < vecs * lanes, vecs <= 4

The sums of up to ROWS x 4 vectors stay in registers over the whole k loop, which is emitted as LLVM IR.
b is packed: its columns lie side by side for each k. a is read one number at a time, so any strides do: a
transposed a costs nothing.
"""

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from forecastrnn.engine.cpu.build import fast, routine, routine_call
from forecastrnn.engine.cpu.simd import I64, IR_REAL, ROWS, VECTORS, at, emit_call, emit_load, emit_splat, emit_store

VECS = 4


class _Tile:
    """Emits one tile of `rows` x `vecs` vectors of `real`."""

    def __init__(self, b, real, rows, vecs):
        self.b, self.real, self.vector = b, IR_REAL[real], VECTORS[real]
        self.rows, self.vecs = rows, vecs
        self.grid = [(r, v) for r in range(rows) for v in range(vecs)]

    def step(self, p, n):
        return self.b.gep(p, [n], source_etype=self.real)

    def place(self, p, ld, r, v):
        return self.step(p, self.b.add(self.b.mul(ld, I64(r)), I64(v * self.vector.lanes)))

    def start_sums(self, init, ldi):
        """The sums live in allocas, which LLVM turns into registers."""
        self.sums = {}
        for r, v in self.grid:
            self.sums[r, v] = cgutils.alloca_once(self.b, self.vector.ir)
            self.b.store(emit_load(self.b, self.place(init, ldi, r, v), self.vector.ir), self.sums[r, v])

    def add_products(self, starts, offset, p):
        """sums[r, v] += a[r] * b[v]. The shorter side of the tile is held, the longer one loaded as it
        is used: 16 registers then do for 3 x 4 sums; the other way round they spill.
        """
        b = self.b

        def weight(v):
            return emit_load(b, self.step(p, I64(v * self.vector.lanes)), self.vector.ir)

        def value(r):
            return emit_splat(b, b.load(self.step(starts[r], offset), typ=self.real), self.vector.ir)

        wide = self.vecs <= self.rows
        held = [weight(v) for v in range(self.vecs)] if wide else [value(r) for r in range(self.rows)]
        for i in range(max(self.rows, self.vecs)):
            one = value(i) if wide else weight(i)
            for j, other in enumerate(held):
                at_sum = self.sums[(i, j) if wide else (j, i)]
                b.store(emit_call(b, "llvm.fma", one, other, b.load(at_sum, typ=self.vector.ir)), at_sum)

    def emit(self, init, ldi, a, a_row, a_k, blocks, a_block, depth, pb, b_k, c, ldc):
        b = self.b
        self.start_sums(init, ldi)
        at_b = cgutils.alloca_once_value(b, pb)
        with cgutils.for_range(b, blocks) as block:
            first = b.mul(block.index, a_block)
            starts = [self.step(a, b.add(first, b.mul(a_row, I64(r)))) for r in range(self.rows)]
            with cgutils.for_range(b, depth) as k:
                p = b.load(at_b, typ=pb.type)
                self.add_products(starts, b.mul(k.index, a_k), p)
                b.store(self.step(p, b_k), at_b)
        for r, v in self.grid:
            emit_store(b, b.load(self.sums[r, v], typ=self.vector.ir), self.place(c, ldc, r, v))


@intrinsic
def _tile(tctx, rows, vecs, init, ldi, a, a_row, a_k, blocks, a_block, depth, b, b_k, c, ldc):
    """The tile of rows x vecs, known at run time only: a switch over all shapes."""
    i = types.int64

    def gen(ctx, bld, sig, args):
        rows, vecs, *rest = args
        done = bld.append_basic_block("done")
        switch = bld.switch(bld.add(bld.mul(rows, I64(VECS + 1)), vecs), done)
        for r in range(1, ROWS + 1):
            for v in range(1, VECS + 1):
                block = bld.append_basic_block(f"tile{r}x{v}")
                switch.add_case(I64(r * (VECS + 1) + v), block)
                bld.position_at_end(block)
                _Tile(bld, a.dtype, r, v).emit(*rest)
                bld.branch(done)
        bld.position_at_end(done)
        return ctx.get_dummy_value()

    return types.void(i, i, a, i, a, i, i, i, i, i, a, i, a, i), gen


@fast
def part(n, parts, i):
    """First index of part i when n things are split as evenly as can be."""
    return n * i // parts


@fast
def panels_of(vecs):
    """Number of panels of at most 4 vectors; panel i begins at vector part(vecs, panels, i)."""
    return (vecs + VECS - 1) // VECS


@routine("iipipiiiiipipi")
def gemm_routine(rows, vecs, init, ldi, a, a_row, a_k, blocks, a_block, depth, b, b_k, c, ldc):
    """C (rows, vecs) = init + a b for one panel of b, in tiles of nearly equal height.

    k runs over `blocks` runs of `depth`: a[r, block, k] is at r * a_row + block * a_block + k * a_k. `init`
    is read with row stride ldi (0: one row, such as a bias, for all rows); it may be c itself.
    """
    tiles = (rows + ROWS - 1) // ROWS
    for i in range(tiles):
        r = part(rows, tiles, i)
        _tile(
            part(rows, tiles, i + 1) - r, vecs, at(init, r * ldi), ldi, at(a, r * a_row), a_row, a_k,
            blocks, a_block, depth, b, b_k, at(c, r * ldc), ldc,
        )  # fmt: skip


@intrinsic
def gemm(tctx, rows, vecs, init, ldi, a, a_row, a_k, blocks, a_block, depth, b, b_k, c, ldc):
    """Call `gemm_routine`."""
    return routine_call(gemm_routine, c)
