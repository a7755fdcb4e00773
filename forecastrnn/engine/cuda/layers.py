"""The loops over time that all recurrent layers share on the device: launches for each step, there and back.

A step is its products, and a kernel for all its gates. Going back, the kernel of a step writes the derivatives by its
gate sums twice: where they stay, and as plain rows `flat`, of which the product makes `onward`, the derivative by the
state before. Rows that end earlier than the step are left alone. A kernel's parameters have the names of what they are
given: fields of the operation's record, and what is planned here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from types import SimpleNamespace
from typing import Any

from forecastrnn.engine.cpu.recurrent import Slots
from forecastrnn.engine.cuda.build import DeviceKernel, Planner, Spot
from forecastrnn.engine.cuda.layer_norm import MOST_PIECES, MOST_ROWS, Gains
from forecastrnn.engine.cuda.matrix import Matrix
from forecastrnn.engine.cuda.normalised import norm_back, norm_step
from forecastrnn.engine.cuda.persistent import Small, plan_forward, small
from forecastrnn.engine.cuda.persistent_back import plan_backward
from forecastrnn.engine.cuda.products import add_pieces, by_panels, multiply
from forecastrnn.engine.cuda.recurrent import finish_gradient, project, scale_state, spread_bias
from forecastrnn.engine.cuda.registry import TWINS, Twin
from forecastrnn.engine.cuda.rows import copy_rows, zeros

NARROW = 16  # inputs up to which the projection is one kernel with the bias, instead of a product


@dataclass(frozen=True, kw_only=True)
class DeviceCell:
    """A cell's kernels of a step, there and back; the second ones stand behind the second product.

    diagonal_sums : plans parts of the gradients of weights that are one number a unit, and says how many parts.
    add_diagonals : device function that adds them up in each step, where the normalisation then changes z.
    """

    name: str
    slots: Slots
    step: DeviceKernel
    back: DeviceKernel
    second: DeviceKernel | None = None
    second_back: DeviceKernel | None = None
    diagonal_sums: Callable[[Planner, SimpleNamespace], tuple[Spot, int]] | None = None
    add_diagonals: Callable[..., None] | None = None
    layer_norm: bool = False

    def normed(self) -> DeviceCell:
        """The same with layer normalisation."""
        slots, first = self.slots, self.slots.second
        rest = first, slots.count - first
        own, other = ((0, first), rest) if first else (rest, rest)
        return replace(
            self, layer_norm=True,
            step=norm_step(self.step, slots, *rest),
            second=norm_step(self.second, slots, *own) if self.second else None,
            back=norm_back(self.back, slots, *own, self.add_diagonals),
            second_back=norm_back(self.second_back, slots, *other, None) if self.second_back else None,
        )  # fmt: skip


def register(cell: DeviceCell) -> None:
    """Make its loops the twins of the cell's kernels."""
    for one, name in ((cell, cell.name), (cell.normed(), f"{cell.name}_norm")):
        CELLS[name] = one
        forward, backward = (_pass_of(one, which) for which in (LayerPass.forward, LayerPass.backward))
        TWINS[f"{name}_forward"] = Twin(forward, ("h", "hr", "c", "z", "reset", "normed", "scale"))
        TWINS[f"{name}_backward"] = Twin(backward, ("z", "dh", "dc", "dreset", "dpeephole", "dgain", "dbias"))


CELLS: dict[str, DeviceCell] = {}


def _pass_of(cell: DeviceCell, which: Callable[[LayerPass], None]) -> Callable[..., None]:
    return lambda plan, **fields: which(LayerPass(plan, cell, fields))


@cache
def names_of(kernel: DeviceKernel) -> tuple[str, ...]:
    """What a kernel is to be given: its parameters but for the offsets behind arrays."""
    return tuple(name for name in inspect.signature(kernel.function).parameters if not name.endswith("0"))


class LayerPass:
    """Plans the pass of a layer; `fields` are those of the operation's record."""

    def __init__(self, plan: Planner, cell: DeviceCell, fields: dict[str, Any]) -> None:
        self.plan, self.cell, self.slots = plan, cell, cell.slots
        self.plain = cell.slots.count == 1
        self.values = fields | {"bits": plan.bits}
        self.f = SimpleNamespace(**fields)
        self.vecs = self.f.Hp >> plan.bits

    def launch(self, kernel: DeviceKernel, most: int, **more: Any) -> None:
        """Plan a step's kernel; with normalisation `most` of its blocks take a row each."""
        values, f = self.values | more, self.f
        args = [values[name] for name in names_of(kernel)]
        if self.cell.layer_norm:
            self.plan.rows(kernel, f.B, f.Hp, most, *args)
        else:
            self.plan.units(kernel, f.B, f.Hp, *args)

    def small(self, units: int, inputs: int, keep: int = 1) -> Small | None:
        """The kernel that takes the whole layer through all steps, where it is small enough."""
        f = self.f
        if self.cell.layer_norm:
            return None
        return small(self.plan, self.cell.name, units, inputs, f.B, f.masked, keep=keep, option=f.option)

    def forward(self) -> None:
        """All steps forward."""
        plan, f = self.plan, self.f
        if not f.keep and not self.plain:
            f.z = self.values["z"] = plan.work("z", f.T * f.B * self.slots.count * f.Hp)
        made = self.small(f.H, f.I, 0 if self.plain else f.keep)
        if not made or not made.inputs:
            self._project()
        if f.masked:
            plan.each(scale_state, f.B * f.Hp, f.h, f.mask, f.hr, f.B * f.Hp)
        if made:
            names = "x weights_x bias weights_h weights_n h hr mask z c reset peephole"
            plan_forward(plan, made, f.B, f.T, f.ldx, f.active, **{name: self.values[name] for name in names.split()})
            return
        for t in range(f.T):
            kept = t if f.keep else 0
            self._add_products(t, f.hr.at(t * f.B * f.Hp), f.weights_h, self.slots.first, self.slots.states)
            self.launch(self.cell.step, MOST_ROWS, t=t, kept=kept)
            if self.cell.second:
                self._add_products(t, f.reset.at(kept * f.B * f.Hp), f.weights_n, 0, self.slots.second)
                self.launch(self.cell.second, MOST_ROWS, t=t)

    def _project(self) -> None:
        """Plan the part of all gate sums that no state is needed for."""
        plan, f, rows = self.plan, self.f, self.f.T * self.f.B
        x, n, width = Matrix(f.x, f.ldx), self.slots.inputs * plan.lanes, self.slots.count * plan.lanes
        if self.plain:
            plan.each(copy_rows, rows * f.Hp, f.init, f.z, rows, f.Hp, 0, f.Hp)
            by_panels(plan, rows, x, f.I, f.weights_x, f.z, f.Hp, self.vecs, add=True)
        elif f.I <= NARROW:
            plan.units(
                project, rows, width, f.x, f.weights_x, f.init, f.z, rows, f.I, f.ldx, self.slots.inputs,
                self.slots.count, plan.bits, panels=self.vecs,
            )  # fmt: skip
        else:
            plan.units(spread_bias, rows, width, f.init, f.z, rows, width, panels=self.vecs)
            weights, out = Matrix(f.weights_x, n, 1, n * f.I), Matrix(f.z, width, 1, rows * width)
            multiply(plan, rows, n, f.I, x, weights, out, self.vecs, True)

    def _add_products(self, t: int, h: Spot, weights: Spot, first: int, slots: int) -> None:
        """Plan: sums of step t += h (B, Hp) weights, in so many slots from `first` on."""
        plan, f = self.plan, self.f
        n, width = slots * plan.lanes, self.slots.count * plan.lanes
        if self.plain:
            by_panels(plan, f.B, Matrix(h, f.Hp), f.H, weights, f.z.at(t * f.B * f.Hp), f.Hp, self.vecs, add=True)
            return
        out = Matrix(f.z.at(t * f.B * width + first * plan.lanes), width, 1, f.T * f.B * width)
        multiply(plan, f.B, n, f.H, Matrix(h, f.Hp), Matrix(weights, n, 1, n * f.H), out, self.vecs, True)

    def backward(self) -> None:
        """All steps back."""
        plan, f, cell = self.plan, self.f, self.cell
        made = self.small(f.Hp, 0)
        gains = Gains(plan, f.B, self.slots.count * f.Hp) if cell.layer_norm else None
        diagonals = self.slots.diagonals * f.Hp if f.option else 0
        looks = zeros(plan, "column_sums", gains.blocks * diagonals) if gains and diagonals else None
        if made:
            names = "z transposed_h transposed_n dout dh dc h c mask peephole"
            arrays = {name: self.values[name] for name in names.split()}
            plan_backward(plan, made, f.B, f.T, f.first, f.start, f.active, **arrays)
        else:
            self._steps_back(looks=looks, parts=gains.parts if gains else None)
        if gains:
            gains.finish(f.dgain, f.dbias, f.fresh)
        if diagonals:
            parts, pieces = (looks, gains.blocks) if gains else cell.diagonal_sums(plan, f)
            add = int(not f.fresh)
            plan.each(add_pieces, diagonals, parts, f.dpeephole, diagonals, 0, 1, diagonals, 1, pieces, add)

    def _steps_back(self, **more: Any) -> None:
        plan, f, slots = self.plan, self.f, self.slots
        flat = None if self.plain else plan.work("flat", f.B * slots.states * f.Hp)
        onward = plan.work("onward", f.B * f.Hp)
        more |= {"flat": flat, "onward": onward}
        for t in range(f.T - 1, -1, -1):
            self.launch(self.cell.back, MOST_PIECES, t=t, **more)
            if self.cell.second_back:
                self._product(flat, slots.second, f.transposed_n, f.dreset)
                self.launch(self.cell.second_back, MOST_PIECES, t=t, **more)
            if t > 0 or f.start:
                self._product(flat or f.z.at(t * f.B * f.Hp), slots.states, f.transposed_h, onward)
        if f.start:
            keeps = slots.through
            plan.each(finish_gradient, f.B * f.Hp, f.dh, onward, f.mask, f.active, f.B, f.Hp, keeps, f.masked)

    def _product(self, dz: Spot, slots: int, weights: Spot, out: Spot) -> None:
        """Plan out (B, Hp) = dz (B, slots * Hp) weights."""
        depth = slots * self.f.Hp
        by_panels(self.plan, self.f.B, Matrix(dz, depth), depth, weights, out, self.f.Hp, self.vecs, add=False)
