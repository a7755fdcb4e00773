"""GRU layers: `after` resets the recurrent product, `before` (the original form) resets the state.

Slots [n | r | z | m] for `after`, where m is the recurrent part of n, and [n | r | z] for `before`, whose n has a
product of its own, with the reset state. The inputs' weights fill slots n, r, z.
"""

from forecastrnn.engine import formulas
from forecastrnn.engine.cpu.build import fast, kernel
from forecastrnn.engine.cpu.layer_norm import normalise, normalise_back
from forecastrnn.engine.cpu.lstm import four, put_four
from forecastrnn.engine.cpu.recurrent import BACKWARD, FORWARD, Slots, backward, forward
from forecastrnn.engine.cpu.simd import lanes, load, store

AFTER = Slots(count=4, inputs=3, states=3, first=1, through=1)
BEFORE = Slots(count=3, inputs=3, states=2, first=1, second=1, through=1)


@fast
def after_panel(n, z, now, u):
    """Sums in z -> gates in z, and the new h."""
    N = 4 * lanes(z)
    for r in range(n):
        k = r * now.width + u
        a, b, c, m = four(z, r * N)
        a, b, c, out = formulas.gru_after(a, b, c, m, load(now.h, k))
        put_four(z, r * N, a, b, c, m)
        store(now.h, k + now.later, out)


@fast
def after_panel_back(n, z, now, by, u):
    """Gates in z -> derivatives by the sums in z; that by h keeps the part that z lets through."""
    N = 4 * lanes(z)
    for r in range(n):
        k = r * now.width + u
        a, b, c, m = four(z, r * N)
        a, b, c, m, d = formulas.gru_after_back(a, b, c, m, load(now.h, k), load(by.h, k))
        put_four(z, r * N, a, b, c, m)
        store(by.h, k, d)


@fast
def reset_panel(n, z, now, u):
    """Sums of r and z -> gates, and the reset state r * h."""
    L = lanes(z)
    for row in range(n):
        k, own = row * 3 * L, row * now.width + u
        r = formulas.sigmoid(load(z, k + L))
        store(z, k + L, r)
        store(z, k + 2 * L, formulas.sigmoid(load(z, k + 2 * L)))
        store(now.reset, own, r * load(now.seen, own))


@fast
def mix_panel(n, z, now, u):
    """The sum of n in z -> the candidate, and the new h."""
    L = lanes(z)
    for row in range(n):
        k, own = row * 3 * L, row * now.width + u
        new = formulas.tanh(load(z, k))
        store(z, k, new)
        store(now.h, own + now.later, formulas.gru_mix(load(z, k + 2 * L), new, load(now.h, own)))


@fast
def mix_panel_back(n, z, now, by, u):
    """Derivatives by the sums of n and z in z; that by h keeps the part that z lets through."""
    L = lanes(z)
    for row in range(n):
        k, own = row * 3 * L, row * now.width + u
        a, c, h = load(z, k), load(z, k + 2 * L), load(now.h, own)
        a, c, d = formulas.gru_mix_back(c, a, h, load(by.h, own))
        store(z, k, a)
        store(z, k + 2 * L, c)
        store(by.h, own, d)


@fast
def reset_panel_back(n, z, now, by, u):
    """Derivative by r * h -> by the sum of r in z, and added to that by h, through the mask of recurrent dropout."""
    L = lanes(z)
    for row in range(n):
        k, own = row * 3 * L + L, row * now.width + u
        r, d = load(z, k), load(by.reset, own)
        store(z, k, d * load(now.seen, own) * formulas.sigmoid_slope(r))
        back = d * r
        if by.masked != 0:
            back = back * load(by.mask, own)
        store(by.h, own, load(by.h, own) + back)


@kernel(FORWARD)
def gru_after_forward(record, step):
    """All steps."""
    forward(record, step, AFTER, after_panel, None, None)


@kernel(BACKWARD)
def gru_after_backward(record, step):
    """All steps back."""
    backward(record, step, AFTER, after_panel_back, None, None)


@kernel(FORWARD)
def gru_after_norm_forward(record, step):
    """All steps, sums normalised; m, the recurrent part of n, by itself."""
    forward(record, step, AFTER, after_panel, None, normalise)


@kernel(BACKWARD)
def gru_after_norm_backward(record, step):
    """All steps back, sums normalised."""
    backward(record, step, AFTER, after_panel_back, None, normalise_back)


@kernel(FORWARD)
def gru_before_forward(record, step):
    """All steps."""
    forward(record, step, BEFORE, reset_panel, mix_panel, None)


@kernel(BACKWARD)
def gru_before_backward(record, step):
    """All steps back."""
    backward(record, step, BEFORE, mix_panel_back, reset_panel_back, None)


@kernel(FORWARD)
def gru_before_norm_forward(record, step):
    """All steps: r and z are normalised before the reset, n after its recurrent product."""
    forward(record, step, BEFORE, reset_panel, mix_panel, normalise)


@kernel(BACKWARD)
def gru_before_norm_backward(record, step):
    """All steps back, sums normalised."""
    backward(record, step, BEFORE, mix_panel_back, reset_panel_back, normalise_back)
