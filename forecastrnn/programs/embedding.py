"""What the first layer reads: the columns of numbers, and the vectors of the categories in the others."""

from __future__ import annotations

from forecastrnn.engine.buffers import Buffer, Place
from forecastrnn.networks.network import vectors_of
from forecastrnn.programs.direction import Batch, MatrixView, padded
from forecastrnn.programs.parts import Parts
from forecastrnn.programs.shapes import ShardPass


class Table:
    """Emits the operations of one table (size + 1, dim): the vectors of codes, and their gradients.

    name : of the parameter; the last vector, of unknown categories, has no gradient.
    """

    def __init__(self, build: Parts, name: str, size: int, dim: int) -> None:
        self.build, self.program, self.name, self.size, self.dim = build, build.program, name, size, dim
        self.ld = padded(dim, build.dtype)  # numbers from vector to vector of the gradient
        self.grad: Buffer | None = None

    def forward(self, shard: int, rows: int, codes: MatrixView, out: MatrixView) -> None:
        """Emit out (rows, ld) = the vectors of codes (rows, ld)[:, 0]."""
        self.program.emit(
            "embed", shard, codes=codes.place, table=self.build.theta[self.name], out=out.place, rows=rows,
            F=self.dim, lds=codes.ld, ldo=out.ld,
        )  # fmt: skip

    def backward(
        self, batch: Batch, codes: MatrixView, dout: MatrixView, *, steps: int, first: int, fresh: bool
    ) -> None:
        """Emit a shard's own sums of the derivatives dout (steps, rows, ld) of the steps first + t < batch.valid."""
        room = self.size * self.ld
        self.grad = self.program.scratch(f"{self.name}.grad", (self.build.shape.shards, room))
        self.program.emit(
            "embed_gradient", batch.shard, codes=codes.place, dout=dout.place, grad=self.grad.at(batch.shard * room),
            valid=batch.valid, T=steps, B=batch.rows, F=self.dim, size=self.size, lds=codes.ld, ldd=dout.ld,
            ldg=self.ld, first=first, fresh=int(fresh),
        )  # fmt: skip

    def unpack(self, grad: dict[str, Place], sums: Buffer, shard: int) -> None:
        """Emit the sums over shards of this piece's part of the table's rows, where there are any."""
        if self.grad is None:
            return
        shards = self.build.shape.shards
        lo, hi = self.size * shard // shards, self.size * (shard + 1) // shards
        self.program.emit(
            "unpack", shard, packed=self.grad, grad=grad[self.name], sums=sums, K=self.size, H=self.dim, G=1,
            ld=self.dim, gap=self.dim, order=0, slots=1, first=0, shards=shards, stride=self.size * self.ld, lo=lo,
            hi=hi, wide=self.ld // self.build.lanes,
        )  # fmt: skip


class Embedder:
    """Emits the operations of a network's embeddings, for one `Assembly`."""

    def __init__(self, build: Parts) -> None:
        self.build, self.program, self.network = build, build.program, build.network
        kept = enumerate(self.network.embeddings)
        self.tables = [Table(build, vectors_of(k), e.size, e.dim) for k, e in kept]
        self.learned = [k for k, e in enumerate(self.network.embeddings) if build.shape.training and not e.frozen]

    @property
    def learns(self) -> bool:
        """Whether derivatives by what the first layer reads are needed."""
        return bool(self.learned)

    def _first_of(self, number: int) -> int:
        """Where the vector of embedding `number` begins in what the first layer reads."""
        return len(self.network.numeric) + sum(e.dim for e in self.network.embeddings[:number])

    def forward(self, batch: Batch, source: MatrixView) -> MatrixView:
        """Emit what the first layer reads from rows of numbers and codes."""
        rows, width = batch.steps * batch.rows, self.network.width
        out = self.program.scratch(f"embedded[{batch.shard}]", (batch.steps, batch.rows, width))
        for at, first, count in self._stretches():
            part = MatrixView(source.place.at(first), source.ld, count)
            self.build.copy(batch.shard, part, MatrixView(out.at(at), width, count), rows)
        for number, (e, table) in enumerate(zip(self.network.embeddings, self.tables, strict=True)):
            codes = MatrixView(source.place.at(e.column), source.ld, 1)
            table.forward(batch.shard, rows, codes, MatrixView(out.at(self._first_of(number)), width, e.dim))
        return MatrixView(out.at(0), width, width)

    def _stretches(self) -> list[tuple[int, int, int]]:
        """Neighbouring columns of numbers: where they go, the first one, and how many."""
        found: list[tuple[int, int, int]] = []
        for at, column in enumerate(self.network.numeric):
            if found and column == sum(found[-1][1:]):
                found[-1] = (*found[-1][:2], found[-1][2] + 1)
            else:
                found.append((at, column, 1))
        return found

    def backward(self, stack: ShardPass, dout: MatrixView | None, fresh: bool) -> None:
        """Emit each shard's own sums of the derivatives `dout` by what the first layer reads."""
        batch, x = stack.batch, stack.x
        assert x is not None and dout is not None
        for number in self.learned:
            e = self.network.embeddings[number]
            codes = MatrixView(x.place.at(self.network.n_skip + e.column), x.ld, 1)
            own = MatrixView(dout.place.at(self._first_of(number)), dout.ld, e.dim)
            self.tables[number].backward(batch, codes, own, steps=batch.steps, first=batch.first, fresh=fresh)

    def unpack(self, grad: dict[str, Place], sums: Buffer, shard: int) -> None:
        """Emit the sums over shards of this piece's part of each table's rows."""
        for table in self.tables:
            table.unpack(grad, sums, shard)
