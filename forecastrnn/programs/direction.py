"""One recurrent layer in one direction: its buffers and the operations that pack, run and differentiate it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from forecastrnn.engine.cpu.simd import VECTOR_BYTES
from forecastrnn.engine.cpu.tile import VECS
from forecastrnn.networks.cell import Cell
from forecastrnn.networks.network import Layer
from forecastrnn.programs.plans import Block, CellPlan

if TYPE_CHECKING:
    from forecastrnn.engine.buffers import Buffer, Field, Place
    from forecastrnn.engine.cpu.build import Kernel
    from forecastrnn.engine.program import Program

# What a cell's kernels ask for without each cell having it.
ABSENT = (
    "weights_h", "transposed_h", "weights_n", "transposed_n", "diagonal", "ddiagonal", "gain", "dgain", "dbias",
)  # fmt: skip


@dataclass(frozen=True)
class MatrixView:
    """A matrix in memory: where it begins (a Buffer or a Place), numbers from row to row, columns used."""

    place: Any
    ld: int
    width: int


@dataclass(frozen=True)
class Batch:
    """What a shard's operations share: number, rows, steps, lengths of rows, active[t] rows that reach step t.

    `first`: the number of its first step in the sequence, where it is only a stretch of one.
    """

    shard: int
    rows: int
    steps: int
    valid: Buffer
    active: Buffer | Place
    first: int = 0


def padded(n: int, dtype: str) -> int:
    """n, rounded up to whole vectors."""
    lanes = lanes_of(dtype)
    return -(-n // lanes) * lanes


def lanes_of(dtype: str) -> int:
    """Numbers in a vector."""
    return VECTOR_BYTES // (4 if dtype == "float32" else 8)


class Direction:
    """Emits operations for one cell with its own weights; `keep` all that the backward pass needs."""

    def __init__(
        self, program: Program, name: str, cell: Cell, *, n_inputs: int, units: int, shards: int, keep: bool,
        masked: bool = False, layer_norm: bool = False,
    ) -> None:  # fmt: skip
        self.program, self.name, self.cell, self.keep, self.masked = program, name, cell, keep, masked
        self.layer_norm = layer_norm
        self.I, self.H, self.shards = n_inputs, units, shards
        self.L = lanes_of(program.dtype)
        self.Hp = padded(units, program.dtype)
        self.P = self.Hp // self.L
        self.plan = CellPlan(cell, layer_norm)
        self.shapes = Layer(cell, units, layer_norm=layer_norm).parameter_shapes(n_inputs)
        self.slots, self.plain = self.plan.slots.count, bool(self.plan.slots.plain)
        self.zero = self._shared("zero", (4 * self.L + self.Hp,))
        self.one = program.buffer(f"{name}one", (self.L,), fill=1)
        self.packed: dict[str, Buffer] = {}
        self.grads: dict[str, Buffer] = {}

    def _shared(self, name: str, shape: tuple[int, ...]) -> Buffer:
        return self.program.buffer(f"{self.name}{name}", shape)

    def _own(self, batch: Batch, name: str, shape: tuple[int, ...]) -> Buffer:
        return self.program.scratch(f"{self.name}{name}[{batch.shard}]", shape)

    def state(self, batch: Batch, name: str) -> Buffer:
        """A state (T + 1, B, Hp), the first one before the first step."""
        return self._own(batch, f"state_{name}", (batch.steps + 1, batch.rows, self.Hp))

    def height(self, block: Block) -> int:
        """Rows of a block's parameter."""
        shape = self.shapes[block.parameter]
        return shape[0] if len(shape) == 2 else 1

    def wide(self, block: Block) -> int:
        """Vectors of units in a panel of the packed matrix."""
        return block.wide or self.P

    def geometry(self, block: Block) -> dict[str, int]:
        """Fields that say where a block's gates lie in its parameter."""
        ld = self.shapes[block.parameter][-1]
        return {"H": self.H, "G": block.gates, "ld": ld, "gap": self.H, "order": block.order}

    def pack(self, theta: dict[str, Place], shard: int, backward: bool, inputs: bool) -> None:
        """Write the packed matrices from the parameters; transposed ones for the backward pass."""
        for block in self.plan.blocks:
            K = self.height(block)
            if block.packed not in self.packed:
                self.packed[block.packed] = self._shared(block.packed, (self.P * block.slots * K * self.L,))
            self.program.emit(
                "pack", shard, src=theta[block.parameter], packed=self.packed[block.packed], K=K,
                slots=block.slots, first=block.first, wide=self.wide(block), add=int(block.add),
                **self.geometry(block),
            )  # fmt: skip
        if backward:
            extra = (replace(self.plan.x_block, packed="transposed_x"),) if inputs else ()
            for block in self.plan.transposed + extra:
                self._pack_transposed(block, theta, shard)

    def _pack_transposed(self, block: Block, theta: dict[str, Place], shard: int) -> None:
        J = self.height(block)
        shape = (padded(J, self.program.dtype) * self.P * block.gates * self.L,)
        self.packed[block.packed] = self._shared(block.packed, shape)
        self.program.emit(
            "pack_transposed", shard, src=theta[block.parameter], packed=self.packed[block.packed], J=J,
            **self.geometry(block),
        )  # fmt: skip

    def _layout(self, batch: Batch) -> dict[str, int]:
        """Where gate sums lie: numbers from row to row, from vector to vector of units, and from step to step."""
        if self.plain:
            return {"ldz": self.Hp, "gap": self.L, "ahead": batch.rows * self.Hp}
        ldz = self.slots * self.L
        step = batch.rows * ldz
        if self.keep:
            return {"ldz": ldz, "gap": batch.steps * step, "ahead": step}
        return {"ldz": ldz, "gap": step if self.layer_norm or self.plan.slots.second else 0, "ahead": 0}

    def _sums(self, run: DirectionPass) -> Buffer | Place:
        """Where the forward pass has its gate sums; those of a plain cell go to the place of the last state."""
        T, B = run.batch.steps, run.batch.rows
        if self.plain:
            return run.output.at(B * self.Hp)
        vectors = self.P if self._layout(run.batch)["gap"] else 1
        run.z = self._own(run.batch, "z", (vectors * (T if self.keep else 1), B, self.slots * self.L))
        return run.z

    def forward(self, batch: Batch, x: MatrixView) -> DirectionPass:
        """Emit the forward pass over x."""
        T, B = batch.steps, batch.rows
        run = DirectionPass(batch, x, {name: self.state(batch, name) for name in self.cell.states})
        if self.masked:
            run.hr, run.mask = self._own(batch, "hr", (T + 1, B, self.Hp)), self.mask(batch)
        if self.plan.slots.second:
            run.mixed = self._own(batch, "mixed", (T if self.keep else 1, B, self.Hp))
        fields: dict[str, Field] = {
            "x": x.place, "z": self._sums(run), "mixed": run.mixed, "keep": int(self.keep),
            "init": self.zero_row(self.slots * self.Hp) if self.layer_norm else self.packed["bias"],
            "T": T, "B": B, "I": self.I, "ldx": x.ld,
        }  # fmt: skip
        self._emit(self.plan.forward, run, fields)
        return run

    def _emit(self, kernel: Kernel, run: DirectionPass, fields: Mapping[str, Field]) -> None:
        """Emit a kernel with those of the fields and packed matrices that it asks for."""
        states: dict[str, Field] = dict(zip(self.plan.kernels.source.states, run.states.values()))
        both: dict[str, Field] = {
            "hr": run.hr or run.output, "mask": run.mask, "masked": int(self.masked), "active": run.batch.active,
            "zero": self.zero, "H": self.H, "Hp": self.Hp, **self._layout(run.batch), **self._normed(run),
        }  # fmt: skip
        there = {**dict.fromkeys(ABSENT), **both, **states, **fields, **self.packed}
        self.program.emit(kernel, run.batch.shard, **{name: there[name] for name in kernel.fields})

    def _normed(self, run: DirectionPass) -> dict[str, Field]:
        """What layer normalisation keeps for the way back: the normalised sums, and each slot's dx / ds."""
        if not self.keep or not self.layer_norm:
            return {"normed": None, "scale": None}
        T, B, N = run.batch.steps, run.batch.rows, self.slots * self.L
        return {
            "normed": self._own(run.batch, "normed", (self.P * T, B, N)),
            "scale": self._own(run.batch, "scale", (T, B, self.slots)),
        }

    def ones(self) -> Place:
        """A row of Hp ones."""
        return self.program.shared(f"{self.name}ones", (self.Hp,), fill=1).at(0)

    def mask(self, batch: Batch) -> Buffer:
        """Where the mask (B, Hp) of recurrent dropout lies; the caller fills it before the forward pass."""
        return self._own(batch, "mask", (batch.rows, self.Hp))

    def prepare_backward(self, run: DirectionPass, clear: bool) -> None:
        """Buffers of the derivatives by the final states: zero with `clear`, else as a later stretch left them."""
        for name in self.cell.states:
            run.d_states[name] = self._own(run.batch, f"dstate_{name}", (run.batch.rows, self.Hp))
            if clear:
                self.clear(run.batch, run.d_states[name].at(0))

    def clear(self, batch: Batch, state: Place) -> None:
        """Emit: a state (B, Hp) becomes zero."""
        self.program.emit(
            "clear_columns", batch.shard, source=None, out=state, rows=batch.rows, F=self.Hp, lds=0, ldo=self.Hp
        )

    def backward(self, run: DirectionPass, dout: MatrixView | None, first: int, start: bool, fresh: bool) -> None:
        """Emit the backward pass: dout are derivatives by the outputs of steps first .. T.

        start : go on to the derivatives by the initial states. fresh : gradients that the kernel adds up begin here.
        """
        batch = run.batch
        if self.plain:
            run.z = self._own(batch, "dz", (batch.steps, batch.rows, self.Hp))
        B, carried = batch.rows, self.plan.kernels.source.carried
        fields: dict[str, Field] = {
            "z": run.z, "T": batch.steps, "B": B, "dout": dout.place if dout else None,
            "first": first if dout else batch.steps, "start": int(start), "fresh": int(fresh),
            "work": self._own(batch, "work", (B, self.Hp)) if self.masked else None,
            "dmixed": self._own(batch, "dmixed", (B, self.Hp)) if run.mixed else None,
            "carried": self._own(batch, "carried", (B, carried, self.Hp)) if carried else None,
        }  # fmt: skip
        fields |= {f"d{name}": state for name, state in zip(self.plan.kernels.source.states, run.d_states.values())}
        products = {total.packed for total in self.plan.sums}
        for block in self.plan.blocks:  # of weights that are no operand of a product the kernel finds the gradients
            if block.packed not in products:
                fields[f"d{block.packed}"] = self._gradient_place(block.packed, self.height(block), block.slots, batch)
        self._emit(self.plan.backward, run, fields)

    def _gradient_place(self, packed: str, K: int, slots: int, batch: Batch) -> Place:
        size = self.P * slots * K * self.L
        if packed not in self.grads:
            self.grads[packed] = self._shared(f"grad_{packed}", (self.shards, size))
        return self.grads[packed].at(batch.shard * size)

    def _dz(self, run: DirectionPass, slot: int) -> tuple[Place, int, int]:
        """Where slot `slot` of dz begins, numbers from row to row, and from vector to vector of units."""
        assert run.z is not None
        layout = self._layout(run.batch)
        return run.z.at(slot * self.L), layout["ldz"], layout["gap"]

    def weight_gradients(self, run: DirectionPass, fresh: bool) -> None:
        """Emit the gradients of all weights: products over all time steps and rows; not `fresh`: added up."""
        operands = {
            "x": (run.x.place, self.I, run.x.ld), "state": (run.hr or run.output, self.H, self.Hp),
            "mixed": (run.mixed, self.H, self.Hp), "one": (self.one, 1, 0),
        }  # fmt: skip
        for total in self.plan.sums:
            place, K, lda = operands[total.operand]
            dz, ldz, gap = self._dz(run, total.slot)
            block = next(b for b in self.plan.blocks if b.packed == total.packed)
            self.program.emit(
                "weight_gradient", run.batch.shard, a=place, dz=dz, zero=self.zero,
                grad=self._gradient_place(total.packed, K, total.slots, run.batch),
                rows=run.batch.steps * run.batch.rows, K=K, lda=lda, vecs=self.P, wide=self.wide(block),
                slots=total.slots, ldz=ldz, gap=gap, fresh=int(fresh),
            )  # fmt: skip

    def input_gradient(self, run: DirectionPass) -> MatrixView:
        """Emit dx = dz Wx^T for all steps; rows padded to whole vectors."""
        rows, ld = run.batch.steps * run.batch.rows, padded(self.I, self.program.dtype)
        dx = self._own(run.batch, "dx", (rows, ld))
        dz, ldz, gap = self._dz(run, 0)
        blocks, depth = (1, self.Hp) if self.plain else (self.P, self.plan.x_block.gates * self.L)
        self.program.emit(
            "product", run.batch.shard, a=dz, packed=self.packed["transposed_x"], init=self.zero_row(ld), c=dx,
            rows=rows, lda=ldz, blocks=blocks, block=0 if self.plain else gap, depth=depth, ldi=0, ldc=ld,
            vecs=ld // self.L,
        )  # fmt: skip
        return MatrixView(dx, ld, self.I)

    def zero_row(self, n: int) -> Buffer:
        """A row of n zeros."""
        return self.program.shared(f"{self.name}zeros{n}", (n + VECS * self.L,))

    def unpack(self, grad: dict[str, Place], sums: Buffer, shard: int) -> None:
        """Emit the sums over shards of this piece's part of each parameter's rows."""
        for block in self.plan.blocks:
            K, packed = self.height(block), self.grads[block.packed]
            self.program.emit(
                "unpack", shard, packed=packed, grad=grad[block.parameter], sums=sums, K=K,
                slots=block.slots, first=block.first, wide=self.wide(block), shards=self.shards,
                stride=packed.shape[1], lo=K * shard // self.shards, hi=K * (shard + 1) // self.shards,
                **self.geometry(block),
            )  # fmt: skip


@dataclass
class DirectionPass:
    """Buffers of one pass of a direction over a shard."""

    batch: Batch
    x: MatrixView
    states: dict[str, Buffer]
    hr: Buffer | None = None  # the last state as products read it, with recurrent dropout
    mask: Buffer | None = None
    z: Buffer | None = None
    mixed: Buffer | None = None  # what the second product reads
    d_states: dict[str, Buffer] = field(default_factory=dict)  # set by prepare_backward

    @property
    def output(self) -> Buffer:
        """The last state, which the layer puts out."""
        return list(self.states.values())[-1]

    @property
    def d_output(self) -> Buffer:
        """The derivative by the last step's output."""
        return list(self.d_states.values())[-1]
