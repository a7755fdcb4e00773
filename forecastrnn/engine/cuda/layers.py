"""The loops over time that all recurrent layers share on the device: launches for each step, there and back.

A step is its products, and a kernel for all its sums; another one behind a second product. Going back, the kernel of a
step writes the derivatives by its sums twice: where they stay, and as plain rows `flat`, of which the product makes
`onward`, the derivative by the state before. Rows that end earlier than the step are left alone. A kernel's parameters
have the names of what they are given: fields of the operation's record, and what is planned here.
"""

from __future__ import annotations

from functools import lru_cache
from types import SimpleNamespace

from forecastrnn.engine.cpu.build import Kernel
from forecastrnn.engine.cpu.cell_source import CellSource
from forecastrnn.engine.cuda.build import Planner, Spot
from forecastrnn.engine.cuda.heads import twin_of_head
from forecastrnn.engine.cuda.layer_norm import MOST_PIECES, MOST_ROWS, Gains
from forecastrnn.engine.cuda.matrix import Matrix
from forecastrnn.engine.cuda.persistent import Small, plan_forward, small
from forecastrnn.engine.cuda.persistent_back import plan_backward
from forecastrnn.engine.cuda.products import add_pieces, by_panels, multiply
from forecastrnn.engine.cuda.recurrent import finish_gradient, project, scale_state, spread_bias
from forecastrnn.engine.cuda.registry import Twin, twin_of
from forecastrnn.engine.cuda.rows import copy_rows, zeros
from forecastrnn.engine.cuda.source import NamedKernel
from forecastrnn.engine.cuda.steps import step_kernels

NARROW = 16  # inputs up to which the projection is one kernel with the bias, instead of a product


def twin_of_kernel(kernel: Kernel) -> Twin:
    """The twin of any kernel; those of layers and likelihoods follow from what their kernels were made of."""
    if kernel.head is not None:
        return twin_of_head(*kernel.head)
    return twin_of(kernel.name) if kernel.cell is None else _twin_of_layer(kernel.cell, "dout" in kernel.fields)


@lru_cache
def _twin_of_layer(cell: CellSource, back: bool) -> Twin:
    if back:
        slopes = (f"d{state}" for state in cell.states)
        writes = ("z", "dmixed", "carried", "ddiagonal", "dgain", "dbias", *slopes)
        return Twin(lambda plan, **fields: LayerPass(plan, cell, fields).backward(), writes)
    writes = ("hr", "z", "mixed", "normed", "scale", *cell.states)
    return Twin(lambda plan, **fields: LayerPass(plan, cell, fields).forward(), writes)


class LayerPass:
    """Plans the pass of a layer; `fields` are those of the operation's record."""

    def __init__(self, plan: Planner, cell: CellSource, fields: dict[str, object]) -> None:
        self.plan, self.cell, self.slots = plan, cell, cell.slots
        self.kernels = step_kernels(cell, plan.dtype.name)
        self.plain = bool(self.slots.plain)
        last = cell.states[-1]
        self.values = fields | {"bits": plan.bits}
        self.f = SimpleNamespace(**fields, h=fields[last], dh=fields.get(f"d{last}"))
        self.vecs = self.f.Hp >> plan.bits

    def launch(self, kernel: NamedKernel, most: int, **more: object) -> None:
        """Plan a step's kernel; `most` of its blocks have rows of their own."""
        values, f = self.values | more, self.f
        args = [values[name] for name in kernel.takes]
        if self.cell.layer_norm:
            self.plan.rows(kernel.kernel, f.B, f.Hp, most, *args)
        else:
            self.plan.units(kernel.kernel, f.B, f.Hp, *args, most=most)

    def small(self, units: int, inputs: int, keep: int = 1) -> Small | None:
        """The kernel that takes the whole layer through all steps, where it is small enough."""
        return small(self.plan, self.cell, H=units, I=inputs, B=self.f.B, masked=self.f.masked, keep=keep)

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
            plan_forward(plan, made, **self.values)
            return
        step, *second = self.kernels.forward
        for t in range(f.T):
            turn = t if f.keep else 0
            self._add_products(t, f.hr.at(t * f.B * f.Hp), f.weights_h, self.slots.first, self.slots.states)
            self.launch(step, MOST_ROWS, t=t, turn=turn)
            for kernel in second:
                self._add_products(t, f.mixed.at(turn * f.B * f.Hp), f.weights_n, 0, self.slots.second)
                self.launch(kernel, MOST_ROWS, t=t)

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
        if not slots:
            return
        n, width = slots * plan.lanes, self.slots.count * plan.lanes
        if self.plain:
            by_panels(plan, f.B, Matrix(h, f.Hp), f.H, weights, f.z.at(t * f.B * f.Hp), f.Hp, self.vecs, add=True)
            return
        out = Matrix(f.z.at(t * f.B * width + first * plan.lanes), width, 1, f.T * f.B * width)
        multiply(plan, f.B, n, f.H, Matrix(h, f.Hp), Matrix(weights, n, 1, n * f.H), out, self.vecs, True)

    def backward(self) -> None:
        """All steps back."""
        plan, f, B = self.plan, self.f, self.f.B
        made = self.small(f.Hp, 0)
        gains = Gains(plan, B, self.slots.count * f.Hp) if self.cell.layer_norm else None
        weights, pieces = self.slots.diagonals * f.Hp, made.blocks(B) if made else min(B, MOST_PIECES)
        looks = zeros(plan, "column_sums", pieces * weights) if weights else None  # each block has its own sums
        if made:
            plan_backward(plan, made, **self.values, looks=looks)
        else:
            self._steps_back(looks=looks, parts=gains.parts if gains else None)
        if gains:
            gains.finish(f.dgain, f.dbias, f.fresh)
        if weights:
            add = int(not f.fresh)
            plan.each(add_pieces, weights, looks, f.ddiagonal, weights, 0, 1, weights, 1, pieces, add)

    def _steps_back(self, **more: object) -> None:
        plan, f, slots = self.plan, self.f, self.slots
        flat = None if self.plain else plan.work("flat", f.B * max(slots.states, slots.second) * f.Hp)
        onward = plan.work("onward", f.B * f.Hp)
        more |= {"flat": flat, "onward": onward}
        most = MOST_PIECES if slots.diagonals or self.cell.layer_norm else MOST_ROWS
        step, *second = self.kernels.backward
        for t in range(f.T - 1, -1, -1):
            self.launch(step, most, t=t, **more)
            for kernel in second:
                self._product(flat, slots.second, f.transposed_n, f.dmixed)
                self.launch(kernel, most, t=t, **more)
            if slots.states and (t > 0 or f.start):
                self._product(flat or f.z.at(t * f.B * f.Hp), slots.states, f.transposed_h, onward)
        if f.start and slots.states:
            keeps = slots.through
            plan.each(finish_gradient, f.B * f.Hp, f.dh, onward, f.mask, f.active, f.B, f.Hp, keeps, f.masked)

    def _product(self, dz: Spot, slots: int, weights: Spot, out: Spot) -> None:
        """Plan out (B, Hp) = dz (B, slots * Hp) weights."""
        depth = slots * self.f.Hp
        by_panels(self.plan, self.f.B, Matrix(dz, depth), depth, weights, out, self.f.Hp, self.vecs, add=False)
