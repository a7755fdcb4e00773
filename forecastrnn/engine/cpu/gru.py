"""GRU layers: `after` resets the recurrent product, `before` (the original form) resets the state.

Sizes as in elman.py. Panels as in lstm.py, with slots [n | r | z | m] for `after`, where m is the recurrent part
of n, and [n | r | z] for `before`. The inputs' weights fill slots n, r, z.
"""

from forecastrnn.engine import formulas
from forecastrnn.engine.cpu.build import fast, integers, kernel, pointers, sizes
from forecastrnn.engine.cpu.elman import add_output_gradient, mask_state, state_gradient
from forecastrnn.engine.cpu.lstm import four, put_four
from forecastrnn.engine.cpu.packing import clear
from forecastrnn.engine.cpu.products import multiply
from forecastrnn.engine.cpu.simd import at, lanes, load, store
from forecastrnn.engine.cpu.tile import gemm


@fast
def after_panel(n, Hp, z, old, h):
    """Sums in z -> gates in z, and the new h, for n rows of one panel."""
    N = 4 * lanes(z)
    for r in range(n):
        a, b, c, m = four(z, r * N)
        a, b, c, out = formulas.gru_after(a, b, c, m, load(old, r * Hp))
        put_four(z, r * N, a, b, c, m)
        store(h, r * Hp, out)


@fast
def after_back_panel(n, Hp, z, old, dh):
    """Gates in z -> derivatives by the sums in z; dh keeps the part that z lets through."""
    N = 4 * lanes(z)
    for r in range(n):
        a, b, c, m = four(z, r * N)
        a, b, c, m, d = formulas.gru_after_back(a, b, c, m, load(old, r * Hp), load(dh, r * Hp))
        put_four(z, r * N, a, b, c, m)
        store(dh, r * Hp, d)


@kernel("x weights_x bias weights_h h hr mask z active | T B I Hp depth ldx masked keep")
def gru_after_forward(record, step):
    """x (T, B, ldx) -> h (T + 1, B, Hp), whose first step is the initial state; gates in z if `keep`.

    hr: h as the recurrence reads it.
    """
    x, wx, bias, wh, h, hr, mask, z = pointers(record, 0, 8)
    (active,) = integers(record, 8, 1)
    T, B, I, Hp, H, ldx, masked, keep = sizes(record, 9, 8)
    L = lanes(h)
    N = 4 * L
    mask_state(masked, B * Hp, h, mask, hr)
    for t in range(T):
        n = active[t]
        for p in range(Hp // L):
            zp, old = at(z, (p * T + t) * B * N if keep else 0), at(h, t * B * Hp)
            wx_p = at(wx, p * I * 3 * L)
            gemm(n, 3, at(bias, p * N), 0, at(x, t * B * ldx), ldx, 1, 1, 0, I, wx_p, 3 * L, zp, N)
            for r in range(n):
                store(zp, r * N + 3 * L, load(bias, p * N + 3 * L))
            hr_t = at(hr, t * B * Hp)
            gemm(n, 3, at(zp, L), N, hr_t, Hp, 1, 1, 0, H, at(wh, p * H * 3 * L), 3 * L, at(zp, L), N)
            after_panel(n, Hp, zp, at(old, p * L), at(h, (t + 1) * B * Hp + p * L))
        mask_state(masked, n * Hp, at(h, (t + 1) * B * Hp), mask, at(hr, (t + 1) * B * Hp))


@kernel("h z transposed_h dout dh zero mask work active | T B Hp first start masked")
def gru_after_backward(record, step):
    """dout (T - first, B, Hp), dh (B, Hp) by the final state -> dz in z, dh by the initial state."""
    h, z, wt, dout, dh, zero, mask, work = pointers(record, 0, 8)
    (active,) = integers(record, 8, 1)
    T, B, Hp, first, start, masked = sizes(record, 9, 6)
    L = lanes(h)
    N, P = 4 * L, Hp // L
    for t in range(T - 1, -1, -1):
        n = active[t]
        add_output_gradient(t, first, n, B, Hp, dout, dh)
        for p in range(P):
            zp = at(z, (p * T + t) * B * N)
            after_back_panel(n, Hp, zp, at(h, t * B * Hp + p * L), at(dh, p * L))
            clear(zp, n * N, B * N)
        if t > 0 or start > 0:
            dz = at(z, t * B * N + L)
            state_gradient(n, dz, N, P, T * B * N, 3 * L, wt, zero, True, dh, Hp, masked, mask, work)


@fast
def reset_panel(n, Hp, z, old, reset):
    """Sums of r and z -> gates, and the reset state r * h, for n rows of one panel."""
    L = lanes(z)
    for row in range(n):
        k = row * 3 * L
        r = formulas.sigmoid(load(z, k + L))
        store(z, k + L, r)
        store(z, k + 2 * L, formulas.sigmoid(load(z, k + 2 * L)))
        store(reset, row * Hp, r * load(old, row * Hp))


@fast
def mix_panel(n, Hp, z, old, h):
    """Sums of n in z -> gates in z, and the new h, for n rows of one panel."""
    L = lanes(z)
    for row in range(n):
        k = row * 3 * L
        new = formulas.tanh(load(z, k))
        store(z, k, new)
        store(h, row * Hp, formulas.gru_mix(load(z, k + 2 * L), new, load(old, row * Hp)))


@kernel("x weights_x bias weights_h weights_n h hr mask z reset active | T B I Hp depth ldx masked keep")
def gru_before_forward(record, step):
    """As gru_after_forward; `reset` (T, B, Hp) keeps r * h."""
    x, wx, bias, wh, wn, h, hr, mask, z, reset = pointers(record, 0, 10)
    (active,) = integers(record, 10, 1)
    T, B, I, Hp, H, ldx, masked, keep = sizes(record, 11, 8)
    L = lanes(h)
    N, P = 3 * L, Hp // L
    mask_state(masked, B * Hp, h, mask, hr)
    for t in range(T):
        n, old, rh = active[t], at(h, t * B * Hp), at(reset, t * B * Hp if keep else 0)
        seen = at(hr, t * B * Hp)
        for p in range(P):
            zp = at(z, (p * T + t) * B * N if keep else p * B * N)
            gemm(n, 3, at(bias, p * N), 0, at(x, t * B * ldx), ldx, 1, 1, 0, I, at(wx, p * I * N), N, zp, N)
            gemm(n, 2, at(zp, L), N, seen, Hp, 1, 1, 0, H, at(wh, p * H * 2 * L), 2 * L, at(zp, L), N)
            reset_panel(n, Hp, zp, at(seen, p * L), at(rh, p * L))
        for p in range(P):
            zp = at(z, (p * T + t) * B * N if keep else p * B * N)
            gemm(n, 1, zp, N, rh, Hp, 1, 1, 0, H, at(wn, p * H * L), L, zp, N)
            mix_panel(n, Hp, zp, at(old, p * L), at(h, (t + 1) * B * Hp + p * L))
        mask_state(masked, n * Hp, at(h, (t + 1) * B * Hp), mask, at(hr, (t + 1) * B * Hp))


@fast
def mix_back_panel(n, Hp, z, old, dh):
    """Derivatives by the sums of n and z in z; dh keeps the part that z lets through."""
    L = lanes(z)
    for row in range(n):
        k = row * 3 * L
        a, c, h = load(z, k), load(z, k + 2 * L), load(old, row * Hp)
        a, c, d = formulas.gru_mix_back(c, a, h, load(dh, row * Hp))
        store(z, k, a)
        store(z, k + 2 * L, c)
        store(dh, row * Hp, d)


@fast
def reset_back_panel(n, Hp, z, seen, dreset, dh, masked, mask):
    """Derivative by r * h -> by the sum of r in z, and added to dh, through the mask of recurrent dropout."""
    L = lanes(z)
    for row in range(n):
        k = row * 3 * L + L
        r, d = load(z, k), load(dreset, row * Hp)
        store(z, k, d * load(seen, row * Hp) * formulas.sigmoid_slope(r))
        own = d * r
        if masked != 0:
            own = own * load(mask, row * Hp)
        store(dh, row * Hp, load(dh, row * Hp) + own)


@kernel("h hr z transposed_h transposed_n dout dh dreset zero mask work active | T B Hp first start masked")
def gru_before_backward(record, step):
    """As gru_after_backward; dreset (B, Hp) is work space."""
    h, hr, z, wt, wt_n, dout, dh, dreset, zero, mask, work = pointers(record, 0, 11)
    (active,) = integers(record, 11, 1)
    T, B, Hp, first, start, masked = sizes(record, 12, 6)
    L = lanes(h)
    N, P = 3 * L, Hp // L
    for t in range(T - 1, -1, -1):
        n, old, zt = active[t], at(h, t * B * Hp), at(z, t * B * N)
        add_output_gradient(t, first, n, B, Hp, dout, dh)
        for p in range(P):
            mix_back_panel(n, Hp, at(zt, p * T * B * N), at(old, p * L), at(dh, p * L))
        multiply(n, zt, N, P, T * B * N, L, wt_n, zero, 0, dreset, Hp, P)
        for p in range(P):
            zp = at(zt, p * T * B * N)
            seen, k = at(hr, t * B * Hp + p * L), p * L
            reset_back_panel(n, Hp, zp, seen, at(dreset, k), at(dh, k), masked, at(mask, k))
            clear(zp, n * N, B * N)
        if t > 0 or start > 0:
            state_gradient(n, at(zt, L), N, P, T * B * N, 2 * L, wt, zero, True, dh, Hp, masked, mask, work)
