"""LSTM layer, with or without peepholes; slots [i | f | g | o]."""

from forecastrnn.engine import formulas
from forecastrnn.engine.cpu.build import fast, kernel
from forecastrnn.engine.cpu.layer_norm import normalise, normalise_back
from forecastrnn.engine.cpu.recurrent import BACKWARD, FORWARD, Slots, backward, forward
from forecastrnn.engine.cpu.simd import lanes, load, splat, store

SLOTS = Slots(count=4, inputs=4, states=4, diagonals=3)


@fast
def four(z, k):
    """The four vectors at z[k]."""
    L = lanes(z)
    return load(z, k), load(z, k + L), load(z, k + 2 * L), load(z, k + 3 * L)


@fast
def put_four(z, k, a, b, c, d):
    """Write four vectors at z[k]."""
    L = lanes(z)
    store(z, k, a)
    store(z, k + L, b)
    store(z, k + 2 * L, c)
    store(z, k + 3 * L, d)


@fast
def panel(n, z, now, u):
    """Sums in z -> gates in z, new c, new h."""
    N, Hp, q = 4 * lanes(z), now.width, now.peephole
    for r in range(n):
        k = r * Hp + u
        i, f, g, o = four(z, r * N)
        c = load(now.c, k)
        if now.option:
            i, f = i + load(q, u) * c, f + load(q, u + Hp) * c
        i, f, g, c = formulas.lstm_state(i, f, g, c)
        if now.option:
            o = o + load(q, u + 2 * Hp) * c
        o, out = formulas.lstm_output(o, c)
        put_four(z, r * N, i, f, g, o)
        store(now.c, k + now.later, c)
        store(now.h, k + now.later, out)


@fast
def panel_back(n, z, now, by, u):
    """Gates in z -> derivatives by the sums in z; that by c goes one step back; peephole gradients are added up."""
    N, Hp, q, dq = 4 * lanes(z), now.width, now.peephole, by.peephole
    di_sum, df_sum, do_sum = splat(z, 0.0), splat(z, 0.0), splat(z, 0.0)
    for r in range(n):
        k = r * Hp + u
        i, f, g, o = four(z, r * N)
        old, new, d = load(now.c, k), load(now.c, k + now.later), load(by.c, k)
        do, direct = formulas.lstm_output_back(o, new, load(by.h, k))
        d = d + direct
        if now.option:
            d = d + do * load(q, u + 2 * Hp)
        di, df, dg, d = formulas.lstm_state_back(i, f, g, old, d)
        if now.option:
            d = d + (di * load(q, u) + df * load(q, u + Hp))
            di_sum, df_sum, do_sum = di_sum + di * old, df_sum + df * old, do_sum + do * new
        put_four(z, r * N, di, df, dg, do)
        store(by.c, k, d)
    if now.option:
        store(dq, u, load(dq, u) + di_sum)
        store(dq, u + Hp, load(dq, u + Hp) + df_sum)
        store(dq, u + 2 * Hp, load(dq, u + 2 * Hp) + do_sum)


@kernel(FORWARD)
def lstm_forward(record, step):
    """All steps."""
    forward(record, step, SLOTS, panel, None, None)


@kernel(BACKWARD)
def lstm_backward(record, step):
    """All steps back."""
    backward(record, step, SLOTS, panel_back, None, None)


@kernel(FORWARD)
def lstm_norm_forward(record, step):
    """All steps, sums normalised."""
    forward(record, step, SLOTS, panel, None, normalise)


@kernel(BACKWARD)
def lstm_norm_backward(record, step):
    """All steps back, sums normalised."""
    backward(record, step, SLOTS, panel_back, None, normalise_back)
