"""One matrix of a dense map: its packing, its product, and the gradients by it and by what it is multiplied with."""

from __future__ import annotations

from forecastrnn.engine.buffers import Buffer, Place
from forecastrnn.engine.cpu.tile import VECS
from forecastrnn.engine.program import Program
from forecastrnn.programs.direction import Direction, MatrixView, padded


class Dense:
    """Emits the operations of a parameter (K, O), or of a bias (O,) with K = 1.

    `near`: a direction of the same program and shape, whose constants are used here too.
    """

    def __init__(self, program: Program, name: str, near: Direction, K: int, O: int) -> None:
        self.program, self.name, self.near, self.K, self.O = program, name, near, K, O
        self.ld = padded(O, program.dtype)  # numbers from row to row of the results
        self.packed = program.buffer(f"{name}.packed", (K * self.ld,))
        self.transposed: Buffer | None = None
        self.grads: Buffer | None = None

    def _geometry(self) -> dict[str, int]:
        return {"H": self.O, "G": 1, "ld": self.O, "gap": self.O, "order": 0}

    def pack(self, theta: Place, shard: int, backward: bool = False) -> None:
        """Emit the packing of the parameter, transposed as well for derivatives by what it is multiplied with."""
        self.program.emit(
            "pack", shard, src=theta, packed=self.packed, K=self.K, slots=1, first=0, wide=VECS, add=0,
            **self._geometry(),
        )  # fmt: skip
        if backward:
            size = (padded(self.K, self.program.dtype) * self.ld,)
            self.transposed = self.program.buffer(f"{self.name}.transposed", size)
            self.program.emit("pack_transposed", shard, src=theta, packed=self.transposed, J=self.K, **self._geometry())

    def forward(
        self, shard: int, rows: int, a: MatrixView, out: Place, bias: Buffer | None = None, add: bool = False
    ) -> None:
        """Emit out (rows, ld) = a W, + bias, or added to what is there."""
        init, ldi = (out, self.ld) if add else (bias or self.near.zero_row(self.ld), 0)
        self._product(shard, rows, a, packed=self.packed, init=init, ldi=ldi, out=out, ldc=self.ld)

    def input_gradient(self, shard: int, rows: int, dout: Place, da: Place, add: bool = False) -> None:
        """Emit da (rows, padded K) = dout (rows, ld) W^T, or += with `add`."""
        assert self.transposed is not None
        ld = padded(self.K, self.program.dtype)
        init, ldi = (da, ld) if add else (self.near.zero_row(ld), 0)
        a = MatrixView(dout, self.ld, self.ld)
        self._product(shard, rows, a, packed=self.transposed, init=init, ldi=ldi, out=da, ldc=ld)

    def _product(
        self, shard: int, rows: int, a: MatrixView, *, packed: Buffer, init: Place | Buffer, ldi: int, out: Place,
        ldc: int,
    ) -> None:  # fmt: skip
        self.program.emit(
            "product", shard, a=a.place, packed=packed, init=init, c=out, rows=rows, lda=a.ld, blocks=1, block=0,
            depth=a.width, ldi=ldi, ldc=ldc, vecs=ldc // self.near.L,
        )  # fmt: skip

    def gradient(self, shard: int) -> Place:
        """Where a shard's gradient (K, ld) lies, packed."""
        size = self.K * self.ld
        self.grads = self.program.scratch(f"{self.name}.grad", (self.near.shards, size))
        return self.grads.at(shard * size)

    def weight_gradient(self, shard: int, rows: int, a: MatrixView | None, dout: Place, fresh: bool = True) -> None:
        """Emit the gradient by the parameter from dout (rows, ld); a None: ones, for a bias; not `fresh`: added up."""
        self.program.emit(
            "weight_gradient", shard, a=a.place if a else self.near.one, dz=dout, zero=self.near.zero,
            grad=self.gradient(shard), rows=rows, K=self.K, lda=a.ld if a else 0, vecs=self.ld // self.near.L,
            wide=VECS, slots=1, ldz=self.ld, gap=self.near.L, fresh=int(fresh),
        )  # fmt: skip

    def unpack(self, grad: Place, sums: Buffer, shard: int) -> None:
        """Emit the sum over shards of this piece's part of the parameter's rows."""
        assert self.grads is not None
        shards = self.near.shards
        self.program.emit(
            "unpack", shard, packed=self.grads, grad=grad, sums=sums, K=self.K, slots=1, first=0, wide=VECS,
            shards=shards, stride=self.K * self.ld, lo=self.K * shard // shards, hi=self.K * (shard + 1) // shards,
            **self._geometry(),
        )  # fmt: skip
