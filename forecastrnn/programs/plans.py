"""How a cell becomes operations on the CPU: its packed matrices, its two kernels, its weight gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from functools import cached_property

from forecastrnn.engine.cpu.build import Kernel
from forecastrnn.engine.cpu.cell_source import Slots
from forecastrnn.engine.cpu.generated import CellKernels, kernels_of
from forecastrnn.engine.cpu.packing import order_of
from forecastrnn.engine.cpu.tile import VECS
from forecastrnn.networks.cell import Cell


@dataclass(frozen=True)
class Block:
    """Gates of one parameter as they stand in a packed matrix (see packing.py).

    columns : which of the parameter's blocks of columns each slot holds, from slot `first` on.
    """

    packed: str
    parameter: str
    columns: tuple[int, ...]
    slots: int
    _: KW_ONLY
    first: int = 0
    wide: int = 1  # vectors of units in a panel; 0: all of them
    add: bool = False

    @property
    def gates(self) -> int:
        """How many they are."""
        return len(self.columns)

    @property
    def order(self) -> int:
        """The columns as packing reads them."""
        return order_of(self.columns)


@dataclass(frozen=True)
class Sum:
    """A weight gradient: packed = operand^T dz, from slot `slot` of dz on."""

    packed: str
    operand: str  # x, state, mixed, or one (a bias)
    slots: int
    slot: int = 0


@dataclass(frozen=True)
class CellPlan:
    """A cell's kernels and matrices, from how its sums lie side by side."""

    cell: Cell
    layer_norm: bool = False

    @cached_property
    def kernels(self) -> CellKernels:
        """Those that run it and differentiate it."""
        cell = self.cell
        frame, stages = cell.frame, cell.stages
        return kernels_of(frame, stages, self.layer_norm, type(cell).__name__)

    @property
    def forward(self) -> Kernel:
        """The kernel that runs it."""
        return self.kernels.forward

    @property
    def backward(self) -> Kernel:
        """The kernel that differentiates it."""
        return self.kernels.backward

    @property
    def slots(self) -> Slots:
        """The sums of a unit."""
        return self.kernels.source.slots

    @property
    def wide(self) -> int:
        """Vectors of units in a panel: only plain rows of units, without slots, have several."""
        return VECS if self.slots.plain else 1

    @property
    def by_inputs(self) -> tuple[int, ...]:
        """Gates in the slots that the inputs fill."""
        return self.cell.frame.order[: self.slots.inputs]

    @property
    def by_state(self) -> tuple[int, ...]:
        """Gates in the slots that the state fills."""
        return self.cell.frame.order[self.slots.first :]

    @cached_property
    def x_block(self) -> Block:
        """The block that holds the inputs' weights."""
        columns = _columns(self.by_inputs, self.cell.frame.input_gates)
        return Block("weights_x", "kernel", columns, self.slots.inputs, wide=self.wide)

    @cached_property
    def recurrent(self) -> tuple[Block, ...]:
        """The recurrent weights, by product."""
        frame, name = self.cell.frame, "recurrent_kernel"
        products = {"weights_h": self.by_state, "weights_n": frame.order[: frame.second]}
        found = {packed: _columns(gates, frame.recurrent_gates) for packed, gates in products.items()}
        return tuple(Block(p, name, columns, len(columns), wide=self.wide) for p, columns in found.items() if columns)

    @cached_property
    def transposed(self) -> tuple[Block, ...]:
        """The recurrent weights as the way back reads them."""
        return tuple(replace(block, packed=block.packed.replace("weights", "transposed")) for block in self.recurrent)

    @cached_property
    def bias(self) -> tuple[Block, ...]:
        """What sums begin with."""
        frame, count = self.cell.frame, self.slots.count
        first = replace(self.x_block, packed="bias", parameter="bias", slots=count)
        if frame.inputs == count:
            return (first,)
        columns = _columns(self.by_state, frame.state_gates)
        return first, Block("bias", "recurrent_bias", columns, count, first=frame.first, wide=self.wide, add=True)

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """All parameters as they are packed."""
        found = [self.x_block, *self.recurrent, *self.bias]
        if self.slots.diagonals:
            found.append(Block("diagonal", self.cell.diagonal_name, (0,), 1, wide=0))
        if self.layer_norm:
            found.append(Block("gain", "gain", self.cell.frame.order, self.slots.count, wide=self.wide))
        return tuple(found)

    @cached_property
    def sums(self) -> tuple[Sum, ...]:
        """The products that are weight gradients; layer normalisation itself adds up those of gain and bias."""
        slots = self.slots
        found = [Sum("weights_x", "x", slots.inputs), Sum("weights_h", "state", slots.states, slot=slots.first)]
        found += [Sum("weights_n", "mixed", slots.second), Sum("bias", "one", 0 if self.layer_norm else slots.count)]
        return tuple(one for one in found if one.slots)


def _columns(gates: Sequence[int], there: Sequence[int]) -> tuple[int, ...]:
    """Where gates stand among those that a parameter has."""
    return tuple(there.index(gate) for gate in gates)
