"""Two cells, two losses and two update rules made outside the package, by the recipes of CONTRIBUTING.md.

Importing this module registers them: tests take it from `support.registration`, which takes them out again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from forecastrnn.engine import formulas
from forecastrnn.engine.cpu.build import fast, integers, kernel, pointers, sizes
from forecastrnn.engine.cpu.layer_norm import normalise, normalise_back
from forecastrnn.engine.cpu.losses import FIELDS, each_output, each_row
from forecastrnn.engine.cpu.packing import clear
from forecastrnn.engine.cpu.products import multiply
from forecastrnn.engine.cpu.recurrent import (
    BACKWARD,
    FORWARD,
    Slots,
    add_output_gradient,
    backward,
    forward,
    mask_state,
    state_gradient,
)
from forecastrnn.engine.cpu.simd import at, lanes, load, store
from forecastrnn.engine.cpu.update import EPSILON, FIRST, SECOND, update_each
from forecastrnn.networks.cell import Cell
from forecastrnn.networks.cells import CELLS
from forecastrnn.networks.losses import LOSSES, Loss
from forecastrnn.programs.plans import PLANS, Block, CellTables
from forecastrnn.training.optimizers import SOLVERS, Solver


# A cell ---------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Leaky(Cell):
    """A leaky integrator: h goes sigmoid(a) / delay of the way to tanh(x W + h U + b), a (units,) is learned."""

    delay: int = 1
    gates: ClassVar[tuple[str, ...]] = ("s",)

    def __post_init__(self) -> None:
        """Its kernels are written by hand."""

    def parameter_shapes(self, n_inputs: int, units: int) -> dict[str, tuple[int, ...]]:
        return {**super().parameter_shapes(n_inputs, units), "share": (units,)}


@kernel("x weights_x bias weights_h share h hr mask active | T B I Hp H ldx masked delay")
def leaky_forward(record, step):
    """x (T, B, ldx) -> h (T + 1, B, Hp), whose first step is the initial state."""
    x, wx, bias, wh, share, h, hr, mask = pointers(record, 0, 8)
    (active,) = integers(record, 8, 1)
    T, B, I, Hp, H, ldx, masked, delay = sizes(record, 9, 8)
    L = lanes(h)
    mask_state(masked, B * Hp, h, mask, hr)
    for t in range(T):
        n, old, new = active[t], at(h, t * B * Hp), at(h, (t + 1) * B * Hp)
        multiply(n, at(x, t * B * ldx), ldx, 1, 0, I, wx, bias, 0, new, Hp, Hp // L)
        multiply(n, at(hr, t * B * Hp), Hp, 1, 0, H, wh, new, Hp, new, Hp, Hp // L)
        for j in range(0, n * Hp, L):
            part = formulas.sigmoid(load(share, j % Hp)) * (1.0 / delay)
            store(new, j, load(old, j) + part * (formulas.tanh(load(new, j)) - load(old, j)))
        mask_state(masked, n * Hp, new, mask, at(hr, (t + 1) * B * Hp))


@kernel("h transposed_h share dshare dout dh z zero mask work active | T B Hp first start fresh masked delay")
def leaky_backward(record, step):
    """dout (T - first, B, Hp), dh (B, Hp) by the final state -> dz (T, B, Hp), dh by the initial state, dshare."""
    h, wt, share, dshare, dout, dh, dz, zero, mask, work = pointers(record, 0, 10)
    (active,) = integers(record, 10, 1)
    T, B, Hp, first, start, fresh, masked, delay = sizes(record, 11, 8)
    if fresh > 0:
        clear(dshare, 0, Hp)
    for t in range(T - 1, -1, -1):
        n, old, new, now = active[t], at(h, t * B * Hp), at(h, (t + 1) * B * Hp), at(dz, t * B * Hp)
        add_output_gradient(t, first, n, B, Hp, dout, dh)
        for j in range(0, n * Hp, lanes(h)):
            gate, d = formulas.sigmoid(load(share, j % Hp)), load(dh, j)
            way = (load(new, j) - load(old, j)) / gate * float(delay)
            part = gate * (1.0 / delay)
            slope = way * formulas.sigmoid_slope(gate) * (1.0 / delay)
            store(now, j, d * part * formulas.tanh_slope(load(old, j) + way))
            store(dshare, j % Hp, load(dshare, j % Hp) + d * slope)
            store(dh, j, d - d * part)
        clear(now, n * Hp, B * Hp)
        if t > 0 or start > 0:
            state_gradient(n, now, Hp, 1, 0, Hp, wt, zero, True, dh, Hp, masked, mask, work)


def leaky_tables(cell: Leaky) -> CellTables:
    share = Block("share", "share", 1, 1, wide=0)
    slots = Slots(count=1, inputs=1, states=1)
    return CellTables(kernel="leaky", slots=slots, more=(share,), options={"delay": cell.delay})


CELLS["leaky"] = Leaky()
PLANS[Leaky] = leaky_tables


@dataclass(frozen=True)
class Coupled(Cell):
    """One gate says what stays and what comes: h = f * h_old + (1 - f) * tanh(x W + h U + b), by the shared loops."""

    gates: ClassVar[tuple[str, ...]] = ("f", "n")

    def __post_init__(self) -> None:
        """Its kernels are written by hand."""


COUPLED = Slots(count=2, inputs=2, states=2, through=1)


@fast
def coupled_panel(n, z, now, u):
    """Sums in z -> gates in z, and the new h."""
    L = lanes(z)
    for r in range(n):
        k, own = r * 2 * L, r * now.width + u
        f, new, old = formulas.sigmoid(load(z, k)), formulas.tanh(load(z, k + L)), load(now.h, own)
        store(z, k, f)
        store(z, k + L, new)
        store(now.h, own + now.later, new + f * (old - new))


@fast
def coupled_panel_back(n, z, now, by, u):
    """Gates in z -> derivatives by the sums in z; that by h keeps the part that the gate lets through."""
    L = lanes(z)
    for r in range(n):
        k, own = r * 2 * L, r * now.width + u
        f, new, old, d = load(z, k), load(z, k + L), load(now.h, own), load(by.h, own)
        store(z, k, d * (old - new) * formulas.sigmoid_slope(f))
        store(z, k + L, (d - d * f) * formulas.tanh_slope(new))
        store(by.h, own, d * f)


@kernel(FORWARD)
def coupled_forward(record, step):
    """All steps."""
    forward(record, step, COUPLED, coupled_panel, None, None)


@kernel(BACKWARD)
def coupled_backward(record, step):
    """All steps back."""
    backward(record, step, COUPLED, coupled_panel_back, None, None)


@kernel(FORWARD)
def coupled_norm_forward(record, step):
    """All steps, sums normalised."""
    forward(record, step, COUPLED, coupled_panel, None, normalise)


@kernel(BACKWARD)
def coupled_norm_backward(record, step):
    """All steps back, sums normalised."""
    backward(record, step, COUPLED, coupled_panel_back, None, normalise_back)


CELLS["coupled"] = Coupled()
PLANS[Coupled] = lambda cell: CellTables(kernel="coupled", slots=COUPLED)


# Losses ---------------------------------------------------------------------------------------------------
@fast
def log_cosh_of(kind, e):
    """Loss of an error, and its slope."""
    size = math.fabs(e)
    return size + math.log1p(math.exp(-2.0 * size)) - math.log(2.0), math.tanh(e)


@fast
def log_cosh_row(kind, w, O, out, target, row, dout):
    """A row's loss is the mean over its outputs."""
    return each_output(log_cosh_of, kind, w, O, out, target, row, dout)


@kernel(FIELDS)
def log_cosh(record, step):
    """out (k, B, ldo), target (k, B, O) -> dout (k, B, ldd)."""
    each_row(record, step, log_cosh_row)


@fast
def hinge_row(kind, w, O, out, target, row, dout):
    """Squared hinge, one class against all others: max(0, 1 - s out)^2, s = 1 for the class of the row, else -1."""
    loss, label = 0.0, int(target[row])
    for o in range(O):
        side = 1.0 if o == label else -1.0
        miss = max(0.0, 1.0 - side * float(out[o]))
        loss += miss * miss
        dout[o] = -2.0 * w * side * miss
    return w * loss, w


@kernel(FIELDS)
def squared_hinge(record, step):
    """out (k, B, ldo) of scores, target (k, B, 1) of class numbers -> dout (k, B, ldd)."""
    each_row(record, step, hinge_row)


LOSSES["log_cosh"] = Loss("log_cosh")
LOSSES["squared_hinge"] = Loss("squared_hinge", tasks=("classification",))


# Update rules -----------------------------------------------------------------------------------------------
@fast
def lion_change(j, g, m, rate, options):
    """The sign of a mean of the gradient and its running mean."""
    mean = options[FIRST] * m[j] + (1.0 - options[FIRST]) * g
    m[j] = options[SECOND] * m[j] + (1.0 - options[SECOND]) * g
    return rate * (1.0 if mean > 0.0 else (-1.0 if mean < 0.0 else 0.0))


@kernel("theta grad rates options partial | lo hi shards matrix | m")
def lion(record, step):
    """Lion (Chen et al. 2023)."""
    (m,) = pointers(record, 9, 1)
    update_each(record, step, m, lion_change)


@fast
def amsgrad_change(j, g, moments, rate, options):
    """The mean of the gradient over the root of the largest mean square so far."""
    m, v, top = moments
    m[j] = options[FIRST] * m[j] + (1.0 - options[FIRST]) * g
    v[j] = options[SECOND] * v[j] + (1.0 - options[SECOND]) * g * g
    top[j] = max(top[j], v[j])
    return rate * m[j] / (math.sqrt(top[j]) + options[EPSILON])


@kernel("theta grad rates options partial | lo hi shards matrix | m v top")
def amsgrad(record, step):
    """AMSGrad (Reddi, Kale & Kumar 2018), whose means are not corrected for their zero start."""
    update_each(record, step, pointers(record, 9, 3), amsgrad_change)


SOLVERS["lion"] = Solver("lion", moments=("m",), decoupled=True)
SOLVERS["amsgrad"] = Solver("amsgrad", moments=("m", "v", "top"))
