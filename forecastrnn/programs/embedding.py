"""What the first layer reads: the columns of numbers, and the vectors of the categories in the others."""

from __future__ import annotations

from forecastrnn.engine.buffers import Buffer, Place
from forecastrnn.networks.network import vectors_of
from forecastrnn.programs.direction import Batch, MatrixView, padded
from forecastrnn.programs.parts import Parts
from forecastrnn.programs.shapes import ShardPass


class Embedder:
    """Emits the operations of a network's embeddings, for one `Assembly`."""

    def __init__(self, build: Parts) -> None:
        self.build, self.program, self.network = build, build.program, build.network
        kept = enumerate(self.network.embeddings)
        self.learned = [k for k, e in kept if not e.frozen] if build.shape.training else []
        self.grads: dict[int, Buffer] = {}

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
        for number, e in enumerate(self.network.embeddings):
            self.program.emit(
                "embed", batch.shard, codes=source.place.at(e.column), table=self.build.theta[vectors_of(number)],
                out=out.at(self._first_of(number)), rows=rows, F=e.dim, lds=source.ld, ldo=width,
            )  # fmt: skip
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
            e, grad = self.network.embeddings[number], self._gradient(number).at(batch.shard * self._room(number))
            self.program.emit(
                "embed_gradient", batch.shard, codes=x.place.at(self.network.n_skip + e.column),
                dout=dout.place.at(self._first_of(number)), grad=grad, valid=batch.valid,
                T=batch.steps, B=batch.rows, F=e.dim, size=e.size, lds=x.ld, ldd=dout.ld,
                ldg=padded(e.dim, self.build.dtype), first=batch.first, fresh=int(fresh),
            )  # fmt: skip

    def _room(self, number: int) -> int:
        """Numbers of one shard's sums: rows of whole vectors."""
        e = self.network.embeddings[number]
        return e.size * padded(e.dim, self.build.dtype)

    def _gradient(self, number: int) -> Buffer:
        shape = (self.build.shape.shards, self._room(number))
        self.grads[number] = self.program.scratch(f"{vectors_of(number)}.grad", shape)
        return self.grads[number]

    def unpack(self, grad: dict[str, Place], sums: Buffer, shard: int) -> None:
        """Emit the sums over shards of this piece's part of each table's rows."""
        shards = self.build.shape.shards
        for number, packed in self.grads.items():
            e = self.network.embeddings[number]
            lo, hi = e.size * shard // shards, e.size * (shard + 1) // shards
            self.program.emit(
                "unpack", shard, packed=packed, grad=grad[vectors_of(number)], sums=sums, K=e.size, H=e.dim, G=1,
                ld=e.dim, gap=e.dim, order=0, slots=1, first=0, shards=shards, stride=self._room(number), lo=lo, hi=hi,
                wide=padded(e.dim, self.build.dtype) // self.build.lanes,
            )  # fmt: skip
