"""Elman layer: h_t = act(x_t W + h_(t-1) U + b). The sums go straight to their place in h."""

from forecastrnn.engine import formulas
from forecastrnn.engine.cpu.build import fast, kernel
from forecastrnn.engine.cpu.layer_norm import normalise, normalise_back
from forecastrnn.engine.cpu.recurrent import BACKWARD, FORWARD, Slots, backward, forward, leave
from forecastrnn.engine.cpu.simd import lanes, load, store

SLOTS = Slots(count=1, inputs=1, states=1)
TANH, RELU, LOGISTIC = 0, 1, 2


@fast
def activate(kind, s):
    """The activation of a sum."""
    if kind == RELU:
        return formulas.relu(s)
    return formulas.tanh(s) if kind == TANH else formulas.sigmoid(s)


@fast
def slope(kind, y):
    """The activation's derivative, by its result."""
    if kind == RELU:
        return formulas.positive(y)
    return formulas.tanh_slope(y) if kind == TANH else formulas.sigmoid_slope(y)


@fast
def panel(n, z, now, u):
    """Sums -> states, in place."""
    for j in range(0, n * now.width, lanes(z)):
        store(z, j, activate(now.option, load(z, j)))


@fast
def panel_back(n, z, now, by, u):
    """Derivatives by the states -> by the sums."""
    for j in range(0, n * now.width, lanes(z)):
        store(z, j, load(by.h, j) * slope(now.option, load(now.h, now.later + j)))


@kernel(FORWARD)
def elman_forward(record, step):
    """All steps."""
    forward(record, step, SLOTS, panel, None, leave)


@kernel(BACKWARD)
def elman_backward(record, step):
    """All steps back."""
    backward(record, step, SLOTS, panel_back, None, None)


@kernel(FORWARD)
def elman_norm_forward(record, step):
    """All steps, sums normalised."""
    forward(record, step, SLOTS, panel, None, normalise)


@kernel(BACKWARD)
def elman_norm_backward(record, step):
    """All steps back, sums normalised."""
    backward(record, step, SLOTS, panel_back, None, normalise_back)
