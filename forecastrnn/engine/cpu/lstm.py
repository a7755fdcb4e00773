"""LSTM layer, with or without peepholes.

Sizes as in elman.py. A panel holds the four gates of one vector of units, so that a tile ends with all that the
cell needs: gate sums, later gates, later derivatives z[panel, t, row] = [i | f | g | o].
"""

from forecastrnn.engine import formulas
from forecastrnn.engine.cpu.build import fast, integers, kernel, pointers, sizes
from forecastrnn.engine.cpu.elman import add_output_gradient, mask_state, state_gradient
from forecastrnn.engine.cpu.packing import clear
from forecastrnn.engine.cpu.simd import at, lanes, load, splat, store
from forecastrnn.engine.cpu.tile import VECS, gemm


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
def forward_panel(n, Hp, z, c_old, c_new, h, peephole, peepholes):
    """Sums in z -> gates in z, new c, new h, for n rows of one panel."""
    N = VECS * lanes(z)
    for r in range(n):
        i, f, g, o = four(z, r * N)
        c = load(c_old, r * Hp)
        if peepholes:
            i, f = i + load(peephole, 0) * c, f + load(peephole, Hp) * c
        i, f, g, c = formulas.lstm_state(i, f, g, c)
        if peepholes:
            o = o + load(peephole, 2 * Hp) * c
        o, out = formulas.lstm_output(o, c)
        put_four(z, r * N, i, f, g, o)
        store(c_new, r * Hp, c)
        store(h, r * Hp, out)


@kernel("x weights_x bias weights_h h hr mask c z peephole active | T B I Hp depth ldx masked peepholes keep")
def lstm_forward(record, step):
    """x (T, B, ldx) -> h, c (T + 1, B, Hp), whose first steps are the initial state; gates in z if `keep`.

    hr: h as the recurrence reads it.
    """
    x, wx, bias, wh, h, hr, mask, c, z, peephole = pointers(record, 0, 10)
    (active,) = integers(record, 10, 1)
    T, B, I, Hp, H, ldx, masked, peepholes, keep = sizes(record, 11, 9)
    L = lanes(h)
    N = VECS * L
    mask_state(masked, B * Hp, h, mask, hr)
    for t in range(T):
        n, state = active[t], at(c, t * B * Hp)
        for p in range(Hp // L):
            zp = at(z, (p * T + t) * B * N if keep else 0)
            gemm(n, VECS, at(bias, p * N), 0, at(x, t * B * ldx), ldx, 1, 1, 0, I, at(wx, p * I * N), N, zp, N)
            gemm(n, VECS, zp, N, at(hr, t * B * Hp), Hp, 1, 1, 0, H, at(wh, p * H * N), N, zp, N)
            out = at(h, (t + 1) * B * Hp + p * L)
            forward_panel(n, Hp, zp, at(state, p * L), at(state, B * Hp + p * L), out, at(peephole, p * L), peepholes)
        mask_state(masked, n * Hp, at(h, (t + 1) * B * Hp), mask, at(hr, (t + 1) * B * Hp))


@fast
def backward_panel(n, Hp, z, c_old, c_new, dh, dc, peephole, dpeephole, peepholes):
    """Gates in z -> derivatives by the sums in z; dc goes one step back; peephole gradients are added up."""
    N = VECS * lanes(z)
    di_sum, df_sum, do_sum = splat(z, 0.0), splat(z, 0.0), splat(z, 0.0)
    for r in range(n):
        k = r * Hp
        i, f, g, o = four(z, r * N)
        old, new, d = load(c_old, k), load(c_new, k), load(dc, k)
        do, direct = formulas.lstm_output_back(o, new, load(dh, k))
        d = d + direct
        if peepholes:
            d = d + do * load(peephole, 2 * Hp)
        di, df, dg, d = formulas.lstm_state_back(i, f, g, old, d)
        if peepholes:
            d = d + (di * load(peephole, 0) + df * load(peephole, Hp))
            di_sum, df_sum, do_sum = di_sum + di * old, df_sum + df * old, do_sum + do * new
        put_four(z, r * N, di, df, dg, do)
        store(dc, k, d)
    if peepholes:
        store(dpeephole, 0, load(dpeephole, 0) + di_sum)
        store(dpeephole, Hp, load(dpeephole, Hp) + df_sum)
        store(dpeephole, 2 * Hp, load(dpeephole, 2 * Hp) + do_sum)


@kernel(
    "c z transposed_h dout dh dc peephole dpeephole zero mask work active | T B Hp first peepholes start fresh masked"
)
def lstm_backward(record, step):
    """dout (T - first, B, Hp), dh, dc (B, Hp) by the final state -> dz in z, dh, dc by the initial state."""
    c, z, wt, dout, dh, dc, peephole, dpeephole, zero, mask, work = pointers(record, 0, 11)
    (active,) = integers(record, 11, 1)
    T, B, Hp, first, peepholes, start, fresh, masked = sizes(record, 12, 8)
    L = lanes(c)
    N, P = VECS * L, Hp // L
    if peepholes and fresh:
        clear(dpeephole, 0, 3 * Hp)
    for t in range(T - 1, -1, -1):
        n = active[t]
        add_output_gradient(t, first, n, B, Hp, dout, dh)
        for p in range(P):
            zp, k = at(z, (p * T + t) * B * N), t * B * Hp + p * L
            backward_panel(
                n, Hp, zp, at(c, k), at(c, k + B * Hp), at(dh, p * L), at(dc, p * L),
                at(peephole, p * L), at(dpeephole, p * L), peepholes,
            )  # fmt: skip
            clear(zp, n * N, B * N)
        if t > 0 or start > 0:
            dz = at(z, t * B * N)
            state_gradient(n, dz, N, P, T * B * N, N, wt, zero, False, dh, Hp, masked, mask, work)
