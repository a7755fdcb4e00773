"""Two cells, two losses and two update rules made outside the package, by the recipes of CONTRIBUTING.md.

Importing this module registers them: tests take it from `support.registration`, which takes them out again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from forecastrnn import Cell
from forecastrnn.engine.cpu.build import fast, kernel, pointers
from forecastrnn.engine.cpu.losses import FIELDS, each_output, each_row
from forecastrnn.engine.cpu.update import EPSILON, FIRST, SECOND, update_each
from forecastrnn.formulas import sigmoid, tanh
from forecastrnn.networks.cells import CELLS
from forecastrnn.networks.losses import LOSSES, Loss
from forecastrnn.training.optimizers import SOLVERS, Solver


# Cells ----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Leaky(Cell):
    """A leaky integrator: h goes sigmoid(a) / delay of the way to tanh(x W + h U + b); a is learned, one a unit."""

    delay: int = 1
    gates = ("s",)
    diagonals = ("a",)
    diagonal_name = "share"

    def step(self, s, h, a):
        return h + sigmoid(a) * (1.0 / self.delay) * (tanh(s) - h)


@dataclass(frozen=True)
class Coupled(Cell):
    """One gate says what stays and what comes: h = f * h_old + (1 - f) * n."""

    gates = ("f", "n")

    def step(self, f, n, h):
        f = sigmoid(f)
        return f * h + (1.0 - f) * tanh(n)


CELLS["leaky"] = Leaky()
CELLS["coupled"] = Coupled()


# Losses ---------------------------------------------------------------------------------------------------
@fast
def log_cosh_of(kind, e):
    """Loss of an error, and its slope."""
    size = math.fabs(e)
    return size + math.log1p(math.exp(-2.0 * size)) - math.log(2.0), math.tanh(e)


@kernel(FIELDS)
def log_cosh(record, step):
    """out (k, B, ldo), target (k, B, O) -> dout (k, B, ldd)."""
    each_row(record, step, each_output, log_cosh_of)


@fast
def hinge_row(element, kind, w, O, out, target, row, dout):
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
    each_row(record, step, hinge_row, None)


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
