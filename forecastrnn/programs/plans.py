"""How each cell becomes operations on the CPU: its packed matrices, its two kernels, its weight gradients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
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


@dataclass(frozen=True)
class CellTables:
    """One cell's tables: `slots` gates of a unit lie side by side in z; 0: z has one plain row of units.

    gain : where layer normalisation has its factor of each slot.
    """

    forward: str
    backward: str
    slots: int
    blocks: tuple[Block, ...]
    transposed: tuple[Block, ...]
    sums: tuple[Sum, ...]
    gain: tuple[Block, ...]

    @property
    def x_block(self) -> Block:
        """The block that holds the inputs' weights."""
        return next(b for b in self.blocks if b.packed == "weights_x")


def _lstm_plan(cell: LSTM) -> CellTables:
    blocks = [
        Block("weights_x", "kernel", 4, 4),
        Block("weights_h", "recurrent_kernel", 4, 4),
        Block("bias", "bias", 4, 4),
    ]
    if cell.peepholes:
        blocks.append(Block("peephole", "peephole", 1, 1, wide=0))
    return CellTables(
        "lstm_forward",
        "lstm_backward",
        4,
        tuple(blocks),
        (Block("transposed_h", "recurrent_kernel", 4, 4),),
        (Sum("weights_x", "x", 4), Sum("weights_h", "h", 4), Sum("bias", "one", 4)),
        (Block("gain", "gain", 4, 4),),
    )


def _elman_plan(cell: Elman) -> CellTables:
    return CellTables(
        "elman_forward",
        "elman_backward",
        0,
        (
            Block("weights_x", "kernel", 1, 1, wide=VECS),
            Block("weights_h", "recurrent_kernel", 1, 1, wide=VECS),
            Block("bias", "bias", 1, 1, wide=VECS),
        ),
        (Block("transposed_h", "recurrent_kernel", 1, 1),),
        (Sum("weights_x", "x", 1), Sum("weights_h", "h", 1), Sum("bias", "one", 1)),
        (Block("gain", "gain", 1, 1, wide=VECS),),
    )


def _gru_after_plan() -> CellTables:
    return CellTables(
        "gru_after_forward",
        "gru_after_backward",
        4,
        (
            Block("weights_x", "kernel", 3, 3, shift=2),
            Block("weights_h", "recurrent_kernel", 3, 3),
            Block("bias", "bias", 3, 4, shift=2),
            Block("bias", "recurrent_bias", 3, 4, first=1, add=True),
        ),
        (Block("transposed_h", "recurrent_kernel", 3, 3),),
        (Sum("weights_x", "x", 3), Sum("weights_h", "h", 3, slot=1), Sum("bias", "one", 4)),
        (Block("gain", "gain", 3, 4, shift=2), Block("gain", "gain", 1, 4, first=3, gate=3, add=True)),
    )


def _gru_before_plan() -> CellTables:
    return CellTables(
        "gru_before_forward",
        "gru_before_backward",
        3,
        (
            Block("weights_x", "kernel", 3, 3, shift=2),
            Block("weights_h", "recurrent_kernel", 2, 2),
            Block("weights_n", "recurrent_kernel", 1, 1, gate=2),
            Block("bias", "bias", 3, 3, shift=2),
        ),
        (
            Block("transposed_h", "recurrent_kernel", 2, 2),
            Block("transposed_n", "recurrent_kernel", 1, 1, gate=2),
        ),
        (
            Sum("weights_x", "x", 3),
            Sum("weights_h", "h", 2, slot=1),
            Sum("weights_n", "reset", 1),
            Sum("bias", "one", 3),
        ),
        (Block("gain", "gain", 3, 3, shift=2),),
    )


PLANS: dict[type[Cell], Callable[[Any], CellTables]] = {
    Elman: _elman_plan,
    LSTM: _lstm_plan,
    GRU: lambda cell: _gru_after_plan() if cell.reset_after else _gru_before_plan(),
}


def plan_of(cell: Cell, layer_norm: bool = False) -> CellTables:
    """The plan of a cell; with layer normalisation the way back itself adds up the gradients of gain and bias."""
    plan = PLANS[type(cell)](cell)
    if not layer_norm:
        return plan
    return replace(
        plan,
        forward=plan.forward.replace("_forward", "_norm_forward"),
        backward=plan.backward.replace("_backward", "_norm_backward"),
        blocks=plan.blocks + plan.gain,
        sums=tuple(total for total in plan.sums if total.packed != "bias"),
    )


def cell_options(cell: Cell) -> dict[str, int]:
    """Fields of the kernels' records that stand for options of the cell."""
    if isinstance(cell, Elman):
        return {"kind": {"tanh": elman.TANH, "relu": elman.RELU, "logistic": elman.LOGISTIC}[cell.activation]}
    return {"peepholes": int(cell.peepholes)} if isinstance(cell, LSTM) else {}
