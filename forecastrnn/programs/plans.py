"""How each cell becomes operations on the CPU: its packed matrices, its two kernels, its weight gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any

from forecastrnn.engine.cpu import elman, gru, lstm
from forecastrnn.engine.cpu.build import KERNELS
from forecastrnn.engine.cpu.recurrent import Slots
from forecastrnn.engine.cpu.tile import VECS
from forecastrnn.networks.cell import Cell
from forecastrnn.networks.cells import GRU, LSTM, Elman


@dataclass(frozen=True)
class Block:
    """Gates of one parameter as they stand in a packed matrix (see packing.py)."""

    packed: str
    parameter: str
    gates: int
    slots: int
    _: KW_ONLY
    shift: int = 0
    first: int = 0
    gate: int = 0  # the first gate taken
    wide: int = 1  # vectors of units in a panel; 0: all of them
    add: bool = False


@dataclass(frozen=True)
class Sum:
    """A weight gradient: packed = operand^T dz, from slot `slot` of dz on."""

    packed: str
    operand: str  # x, h, reset, or one (a bias)
    slots: int
    slot: int = 0


@dataclass(frozen=True, kw_only=True)
class CellTables:
    """One cell's tables, from what its kernels say of the gate sums of a unit.

    kernel : kernels `..._forward` and `..._backward`; with layer normalisation `..._norm_forward` and so on.
    shift : slot g of those that the inputs fill holds gate (g + shift) % gates. more : what has no product of its own.
    options : fields of the kernels' records that stand for options of the cell.
    """

    kernel: str
    slots: Slots
    shift: int = 0
    more: tuple[Block, ...] = ()
    options: Mapping[str, int] = field(default_factory=dict)
    layer_norm: bool = False

    @property
    def forward(self) -> str:
        """The kernel that runs it."""
        return f"{self.kernel}{'_norm' * self.layer_norm}_forward"

    @property
    def backward(self) -> str:
        """The kernel that differentiates it."""
        return f"{self.kernel}{'_norm' * self.layer_norm}_backward"

    @property
    def wide(self) -> int:
        """Vectors of units in a panel: only plain rows of units, without slots, have several."""
        return VECS if self.slots.count == 1 else 1

    @property
    def x_block(self) -> Block:
        """The block that holds the inputs' weights."""
        return Block("weights_x", "kernel", self.slots.inputs, self.slots.inputs, shift=self.shift, wide=self.wide)

    @property
    def recurrent(self) -> tuple[Block, ...]:
        """The recurrent weights, by product."""
        states, second = self.slots.states, self.slots.second
        first = Block("weights_h", "recurrent_kernel", states, states, wide=self.wide)
        return (first, Block("weights_n", "recurrent_kernel", second, second, gate=states)) if second else (first,)

    @property
    def transposed(self) -> tuple[Block, ...]:
        """The recurrent weights as the way back reads them."""
        return tuple(replace(block, packed=block.packed.replace("weights", "transposed")) for block in self.recurrent)

    @property
    def gain(self) -> tuple[Block, ...]:
        """Where layer normalisation has its factor of each slot."""
        inputs, count = self.slots.inputs, self.slots.count
        gates = Block("gain", "gain", inputs, count, shift=self.shift, wide=self.wide)
        others = Block("gain", "gain", count - inputs, count, first=inputs, gate=inputs, add=True)
        return (gates, others) if count > inputs else (gates,)

    @property
    def blocks(self) -> tuple[Block, ...]:
        """All parameters as they are packed."""
        bias = Block("bias", "bias", self.slots.inputs, self.slots.count, shift=self.shift, wide=self.wide)
        return (self.x_block, *self.recurrent, bias, *self.more, *(self.gain if self.layer_norm else ()))

    @property
    def sums(self) -> tuple[Sum, ...]:
        """The products that are weight gradients; layer normalisation itself adds up those of gain and bias."""
        slots = self.slots
        found = [Sum("weights_x", "x", slots.inputs), Sum("weights_h", "h", slots.states, slot=slots.first)]
        found += [Sum("weights_n", "reset", slots.second)] if slots.second else []
        return (*found, *(() if self.layer_norm else (Sum("bias", "one", slots.count),)))


def _elman_plan(cell: Elman) -> CellTables:
    kinds = {"tanh": elman.TANH, "relu": elman.RELU, "logistic": elman.LOGISTIC}
    return CellTables(kernel="elman", slots=elman.SLOTS, options={"option": kinds[cell.activation]})


def _lstm_plan(cell: LSTM) -> CellTables:
    peephole = (Block("peephole", "peephole", 1, 1, wide=0),) if cell.peepholes else ()
    return CellTables(kernel="lstm", slots=lstm.SLOTS, more=peephole, options={"option": int(cell.peepholes)})


def _gru_plan(cell: GRU) -> CellTables:
    if not cell.reset_after:
        return CellTables(kernel="gru_before", slots=gru.BEFORE, shift=2)
    bias = Block("bias", "recurrent_bias", 3, 4, first=1, add=True)
    return CellTables(kernel="gru_after", slots=gru.AFTER, shift=2, more=(bias,))


PLANS: dict[type[Cell], Callable[[Any], CellTables]] = {Elman: _elman_plan, LSTM: _lstm_plan, GRU: _gru_plan}


def plan_of(cell: Cell, layer_norm: bool = False) -> CellTables:
    """The plan of a cell."""
    if type(cell) not in PLANS:
        raise ValueError(f"cell {cell!r} has no plan. Add one to PLANS in forecastrnn/programs/plans.py.")
    plan = replace(PLANS[type(cell)](cell), layer_norm=layer_norm)
    if plan.forward not in KERNELS and layer_norm:
        raise ValueError(f"cell {cell!r} has no kernels for layer_norm=True.")
    return plan
