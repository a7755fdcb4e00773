"""How each cell becomes operations on the CPU: its packed matrices, its two kernels, its weight gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any

from forecastrnn.engine.cpu import elman
from forecastrnn.engine.cpu.tile import VECS
from forecastrnn.networks.cells import GRU, LSTM, Cell, Elman


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
    """One cell's tables: `slots` gates of a unit lie side by side in z; 0: z has one plain row of units.

    kernel : kernels `..._forward` and `..._backward`; with layer normalisation `..._norm_forward` and so on.
    gain : where layer normalisation has its factor of each slot; empty where there are no kernels for it.
    options : fields of the kernels' records that stand for options of the cell.
    """

    kernel: str
    slots: int
    blocks: tuple[Block, ...]
    sums: tuple[Sum, ...]
    gain: tuple[Block, ...] = ()
    options: Mapping[str, int] = field(default_factory=dict)

    @property
    def forward(self) -> str:
        """The kernel that runs it."""
        return f"{self.kernel}_forward"

    @property
    def backward(self) -> str:
        """The kernel that differentiates it."""
        return f"{self.kernel}_backward"

    @property
    def x_block(self) -> Block:
        """The block that holds the inputs' weights."""
        return next(b for b in self.blocks if b.packed == "weights_x")

    @property
    def transposed(self) -> tuple[Block, ...]:
        """The recurrent weights as the way back reads them."""
        recurrent = [block for block in self.blocks if block.parameter == "recurrent_kernel"]
        return tuple(replace(block, packed=block.packed.replace("weights", "transposed")) for block in recurrent)


def _lstm_plan(cell: LSTM) -> CellTables:
    peephole = (Block("peephole", "peephole", 1, 1, wide=0),) if cell.peepholes else ()
    return CellTables(
        kernel="lstm",
        slots=4,
        blocks=(
            Block("weights_x", "kernel", 4, 4),
            Block("weights_h", "recurrent_kernel", 4, 4),
            Block("bias", "bias", 4, 4),
            *peephole,
        ),
        sums=(Sum("weights_x", "x", 4), Sum("weights_h", "h", 4), Sum("bias", "one", 4)),
        gain=(Block("gain", "gain", 4, 4),),
        options={"peepholes": int(cell.peepholes)},
    )


def _elman_plan(cell: Elman) -> CellTables:
    return CellTables(
        kernel="elman",
        slots=0,
        blocks=(
            Block("weights_x", "kernel", 1, 1, wide=VECS),
            Block("weights_h", "recurrent_kernel", 1, 1, wide=VECS),
            Block("bias", "bias", 1, 1, wide=VECS),
        ),
        sums=(Sum("weights_x", "x", 1), Sum("weights_h", "h", 1), Sum("bias", "one", 1)),
        gain=(Block("gain", "gain", 1, 1, wide=VECS),),
        options={"kind": {"tanh": elman.TANH, "relu": elman.RELU, "logistic": elman.LOGISTIC}[cell.activation]},
    )


def _gru_plan(cell: GRU) -> CellTables:
    x, sum_x = Block("weights_x", "kernel", 3, 3, shift=2), Sum("weights_x", "x", 3)
    if cell.reset_after:
        bias = Block("bias", "bias", 3, 4, shift=2), Block("bias", "recurrent_bias", 3, 4, first=1, add=True)
        return CellTables(
            kernel="gru_after",
            slots=4,
            blocks=(x, Block("weights_h", "recurrent_kernel", 3, 3), *bias),
            sums=(sum_x, Sum("weights_h", "h", 3, slot=1), Sum("bias", "one", 4)),
            gain=(Block("gain", "gain", 3, 4, shift=2), Block("gain", "gain", 1, 4, first=3, gate=3, add=True)),
        )
    gates = Block("weights_h", "recurrent_kernel", 2, 2), Block("weights_n", "recurrent_kernel", 1, 1, gate=2)
    return CellTables(
        kernel="gru_before",
        slots=3,
        blocks=(x, *gates, Block("bias", "bias", 3, 3, shift=2)),
        sums=(sum_x, Sum("weights_h", "h", 2, slot=1), Sum("weights_n", "reset", 1), Sum("bias", "one", 3)),
        gain=(Block("gain", "gain", 3, 3, shift=2),),
    )


PLANS: dict[type[Cell], Callable[[Any], CellTables]] = {Elman: _elman_plan, LSTM: _lstm_plan, GRU: _gru_plan}


def plan_of(cell: Cell, layer_norm: bool = False) -> CellTables:
    """The plan of a cell; with layer normalisation the way back itself adds up the gradients of gain and bias."""
    if type(cell) not in PLANS:
        raise ValueError(f"cell {cell!r} has no plan. Add one to PLANS in forecastrnn/programs/plans.py.")
    plan = PLANS[type(cell)](cell)
    if not layer_norm:
        return plan
    if not plan.gain:
        raise ValueError(f"cell {cell!r} has no kernels for layer_norm=True.")
    sums = tuple(total for total in plan.sums if total.packed != "bias")
    return replace(plan, kernel=f"{plan.kernel}_norm", blocks=plan.blocks + plan.gain, sums=sums)
