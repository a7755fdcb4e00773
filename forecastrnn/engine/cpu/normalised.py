"""The cells with layer normalisation: as their plain kernels, whose panels they share, but that all panels' sums
come first, without a bias, and layer_norm.py turns them into what the gates read.

Fields as in the plain kernels, and: gain and bias (P, slots, lanes); zero, a row of zeros; normed, laid out as z (in
an Elman layer as dz), and scale (T, B, slots) are what the way back needs; dgain, dbias grow over steps, from zero
if `fresh`. All loops over slots run in layer_norm.py: a cell says which of its slots are sums by now.
"""

from forecastrnn.engine.cpu.build import fast, integers, kernel, pointers, sizes
from forecastrnn.engine.cpu.elman import activate, add_output_gradient, mask_state, slope, state_gradient
from forecastrnn.engine.cpu.gru import (
    after_back_panel,
    after_panel,
    mix_back_panel,
    mix_panel,
    reset_back_panel,
    reset_panel,
)
from forecastrnn.engine.cpu.layer_norm import normalise, normalise_back
from forecastrnn.engine.cpu.lstm import backward_panel, forward_panel
from forecastrnn.engine.cpu.packing import clear
from forecastrnn.engine.cpu.products import multiply
from forecastrnn.engine.cpu.simd import at, lanes, load, splat, store
from forecastrnn.engine.cpu.tile import VECS, gemm


@kernel(
    "x weights_x bias gain weights_h h hr mask normed scale zero active | T B I Hp depth ldx masked kind keep"
)  # fmt: skip
def elman_norm_forward(record, step):
    """x (T, B, ldx) -> h (T + 1, B, Hp), as elman_forward."""
    x, wx, bias, gain, wh, h, hr, mask, normed, scale, zero = pointers(record, 0, 11)
    (active,) = integers(record, 11, 1)
    T, B, I, Hp, H, ldx, masked, kind, keep = sizes(record, 12, 9)
    L = lanes(h)
    P = Hp // L
    mask_state(masked, B * Hp, h, mask, hr)
    for t in range(T):
        n, new = active[t], at(h, (t + 1) * B * Hp)
        multiply(n, at(x, t * B * ldx), ldx, 1, 0, I, wx, zero, 0, new, Hp, P)
        multiply(n, at(hr, t * B * Hp), Hp, 1, 0, H, wh, new, Hp, new, Hp, P)
        normalise(n, P, 1, 1, new, Hp, L, H, gain, bias, at(normed, t * B * Hp), at(scale, t * B), keep)
        for j in range(0, n * Hp, L):
            store(new, j, activate(kind, load(new, j)))
        mask_state(masked, n * Hp, new, mask, at(hr, (t + 1) * B * Hp))


@kernel(
    "h transposed_h gain normed scale dgain dbias dout dh dz zero mask work active"
    " | T B H Hp first kind start fresh masked"
)
def elman_norm_backward(record, step):
    """dout (T - first, B, Hp), dh (B, Hp) by the final state -> dz (T, B, Hp), dh by the initial state."""
    h, wt, gain, normed, scale, dgain, dbias, dout, dh, dz, zero, mask, work = pointers(record, 0, 13)
    (active,) = integers(record, 13, 1)
    T, B, H, Hp, first, kind, start, fresh, masked = sizes(record, 14, 9)
    L = lanes(h)
    begin(fresh, Hp, dgain, dbias)
    for t in range(T - 1, -1, -1):
        n, new, now = active[t], at(h, (t + 1) * B * Hp), at(dz, t * B * Hp)
        add_output_gradient(t, first, n, B, Hp, dout, dh)
        for j in range(0, n * Hp, L):
            store(now, j, load(dh, j) * slope(kind, load(new, j)))
        x, factors = at(normed, t * B * Hp), at(scale, t * B)
        normalise_back(n, Hp // L, 1, 1, now, Hp, L, H, gain, x, factors, dgain, dbias)
        clear(now, n * Hp, B * Hp)
        if t > 0 or start > 0:
            state_gradient(n, now, Hp, 1, 0, Hp, wt, zero, False, dh, Hp, masked, mask, work)


@fast
def begin(fresh, size, dgain, dbias):
    """Gradients that begin here are zero."""
    if fresh:
        clear(dgain, 0, size)
        clear(dbias, 0, size)


@kernel(
    "x weights_x bias gain weights_h h hr mask c z normed scale zero peephole active"
    " | T B I Hp depth ldx masked peepholes keep"
)
def lstm_norm_forward(record, step):
    """x (T, B, ldx) -> h, c (T + 1, B, Hp), as lstm_forward."""
    x, wx, bias, gain, wh, h, hr, mask, c, z, normed, scale, zero, peephole = pointers(record, 0, 14)
    (active,) = integers(record, 14, 1)
    T, B, I, Hp, H, ldx, masked, peepholes, keep = sizes(record, 15, 9)
    L = lanes(h)
    N, P = VECS * L, Hp // L
    gap = (T if keep else 1) * B * N
    mask_state(masked, B * Hp, h, mask, hr)
    for t in range(T):
        n, zt, old = active[t], at(z, t * B * N if keep else 0), t * B * Hp
        for p in range(P):
            zp = at(zt, p * gap)
            gemm(n, VECS, zero, 0, at(x, t * B * ldx), ldx, 1, 1, 0, I, at(wx, p * I * N), N, zp, N)
            gemm(n, VECS, zp, N, at(hr, old), Hp, 1, 1, 0, H, at(wh, p * H * N), N, zp, N)
        saved, factors = at(normed, t * B * N), at(scale, t * B * VECS)
        normalise(n, P, VECS, VECS, zt, N, gap, H, gain, bias, saved, factors, keep)
        for p in range(P):
            k, new = old + p * L, old + B * Hp + p * L
            forward_panel(n, Hp, at(zt, p * gap), at(c, k), at(c, new), at(h, new), at(peephole, p * L), peepholes)
        mask_state(masked, n * Hp, at(h, old + B * Hp), mask, at(hr, old + B * Hp))


@kernel(
    "c z transposed_h gain normed scale dgain dbias dout dh dc peephole dpeephole zero mask work active"
    " | T B H Hp first peepholes start fresh masked"
)
def lstm_norm_backward(record, step):
    """dout (T - first, B, Hp), dh, dc (B, Hp) by the final state -> dz in z, dh, dc by the initial state."""
    c, z, wt, gain, normed, scale, dgain, dbias, dout, dh, dc, peephole, dpeephole, zero, mask, work = pointers(
        record, 0, 16
    )
    (active,) = integers(record, 16, 1)
    T, B, H, Hp, first, peepholes, start, fresh, masked = sizes(record, 17, 9)
    L = lanes(c)
    N, P = VECS * L, Hp // L
    gap = T * B * N
    begin(fresh, P * N, dgain, dbias)
    if peepholes and fresh:
        clear(dpeephole, 0, 3 * Hp)
    for t in range(T - 1, -1, -1):
        n, zt = active[t], at(z, t * B * N)
        add_output_gradient(t, first, n, B, Hp, dout, dh)
        for p in range(P):
            k = t * B * Hp + p * L
            backward_panel(
                n, Hp, at(zt, p * gap), at(c, k), at(c, k + B * Hp), at(dh, p * L), at(dc, p * L),
                at(peephole, p * L), at(dpeephole, p * L), peepholes,
            )  # fmt: skip
        saved, factors = at(normed, t * B * N), at(scale, t * B * VECS)
        normalise_back(n, P, VECS, VECS, zt, N, gap, H, gain, saved, factors, dgain, dbias)
        clear_rest(n, B, P, N, zt, gap)
        if t > 0 or start > 0:
            state_gradient(n, zt, N, P, gap, N, wt, zero, False, dh, Hp, masked, mask, work)


@fast
def clear_rest(n, B, P, N, z, gap):
    """Rows n .. B of all panels become zero: they have ended, or have not begun."""
    for p in range(P):
        clear(at(z, p * gap), n * N, B * N)


@kernel(
    "x weights_x bias gain weights_h h hr mask z normed scale zero active | T B I Hp depth ldx masked keep"
)  # fmt: skip
def gru_after_norm_forward(record, step):
    """x (T, B, ldx) -> h (T + 1, B, Hp), as gru_after_forward; m, the recurrent part of n, is normalised by itself."""
    x, wx, bias, gain, wh, h, hr, mask, z, normed, scale, zero = pointers(record, 0, 12)
    (active,) = integers(record, 12, 1)
    T, B, I, Hp, H, ldx, masked, keep = sizes(record, 13, 8)
    L = lanes(h)
    N, D, P = 4 * L, 3 * L, Hp // L
    gap = (T if keep else 1) * B * N
    mask_state(masked, B * Hp, h, mask, hr)
    for t in range(T):
        n, zt, old = active[t], at(z, t * B * N if keep else 0), t * B * Hp
        for p in range(P):
            zp = at(zt, p * gap)
            gemm(n, 3, zero, 0, at(x, t * B * ldx), ldx, 1, 1, 0, I, at(wx, p * I * D), D, zp, N)
            for r in range(n):
                store(zp, r * N + D, splat(z, 0.0))
            gemm(n, 3, at(zp, L), N, at(hr, old), Hp, 1, 1, 0, H, at(wh, p * H * D), D, at(zp, L), N)
        normalise(n, P, 4, 4, zt, N, gap, H, gain, bias, at(normed, t * B * N), at(scale, t * B * 4), keep)
        for p in range(P):
            after_panel(n, Hp, at(zt, p * gap), at(h, old + p * L), at(h, old + B * Hp + p * L))
        mask_state(masked, n * Hp, at(h, old + B * Hp), mask, at(hr, old + B * Hp))


@kernel(
    "h z transposed_h gain normed scale dgain dbias dout dh zero mask work active | T B H Hp first start fresh masked"
)
def gru_after_norm_backward(record, step):
    """dout (T - first, B, Hp), dh (B, Hp) by the final state -> dz in z, dh by the initial state."""
    h, z, wt, gain, normed, scale, dgain, dbias, dout, dh, zero, mask, work = pointers(record, 0, 13)
    (active,) = integers(record, 13, 1)
    T, B, H, Hp, first, start, fresh, masked = sizes(record, 14, 8)
    L = lanes(h)
    N, P = 4 * L, Hp // L
    gap = T * B * N
    begin(fresh, P * N, dgain, dbias)
    for t in range(T - 1, -1, -1):
        n, zt = active[t], at(z, t * B * N)
        add_output_gradient(t, first, n, B, Hp, dout, dh)
        for p in range(P):
            after_back_panel(n, Hp, at(zt, p * gap), at(h, t * B * Hp + p * L), at(dh, p * L))
        saved, factors = at(normed, t * B * N), at(scale, t * B * 4)
        normalise_back(n, P, 4, 4, zt, N, gap, H, gain, saved, factors, dgain, dbias)
        clear_rest(n, B, P, N, zt, gap)
        if t > 0 or start > 0:
            state_gradient(n, at(zt, L), N, P, gap, 3 * L, wt, zero, True, dh, Hp, masked, mask, work)


@kernel(
    "x weights_x bias gain weights_h weights_n h hr mask z reset normed scale zero active"
    " | T B I Hp depth ldx masked keep"
)
def gru_before_norm_forward(record, step):
    """As gru_before_forward: r and z are normalised before the reset, n after its recurrent product."""
    x, wx, bias, gain, wh, wn, h, hr, mask, z, reset, normed, scale, zero = pointers(record, 0, 14)
    (active,) = integers(record, 14, 1)
    T, B, I, Hp, H, ldx, masked, keep = sizes(record, 15, 8)
    L = lanes(h)
    N, D, P = 3 * L, 2 * L, Hp // L
    gap = (T if keep else 1) * B * N
    mask_state(masked, B * Hp, h, mask, hr)
    for t in range(T):
        n, zt, old, rh = active[t], at(z, t * B * N if keep else 0), t * B * Hp, at(reset, t * B * Hp if keep else 0)
        saved, factors = at(normed, t * B * N), at(scale, t * B * 3)
        for p in range(P):
            zp = at(zt, p * gap)
            gemm(n, 3, zero, 0, at(x, t * B * ldx), ldx, 1, 1, 0, I, at(wx, p * I * N), N, zp, N)
            gemm(n, 2, at(zp, L), N, at(hr, old), Hp, 1, 1, 0, H, at(wh, p * H * D), D, at(zp, L), N)
        normalise(
            n, P, 2, 3, at(zt, L), N, gap, H, at(gain, L), at(bias, L), at(saved, L), at(factors, 1), keep
        )  # fmt: skip
        for p in range(P):
            reset_panel(n, Hp, at(zt, p * gap), at(hr, old + p * L), at(rh, p * L))
        for p in range(P):
            gemm(n, 1, at(zt, p * gap), N, rh, Hp, 1, 1, 0, H, at(wn, p * H * L), L, at(zt, p * gap), N)
        normalise(n, P, 1, 3, zt, N, gap, H, gain, bias, saved, factors, keep)
        for p in range(P):
            mix_panel(n, Hp, at(zt, p * gap), at(h, old + p * L), at(h, old + B * Hp + p * L))
        mask_state(masked, n * Hp, at(h, old + B * Hp), mask, at(hr, old + B * Hp))


@kernel(
    "h hr z transposed_h transposed_n gain normed scale dgain dbias dout dh dreset zero mask work active"
    " | T B H Hp first start fresh masked"
)
def gru_before_norm_backward(record, step):
    """As gru_after_norm_backward; dreset (B, Hp) is work space."""
    h, hr, z, wt, wt_n, gain, normed, scale, dgain, dbias, dout, dh, dreset, zero, mask, work = pointers(record, 0, 16)
    (active,) = integers(record, 16, 1)
    T, B, H, Hp, first, start, fresh, masked = sizes(record, 17, 8)
    L = lanes(h)
    N, P = 3 * L, Hp // L
    gap = T * B * N
    begin(fresh, P * N, dgain, dbias)
    for t in range(T - 1, -1, -1):
        n, zt, old = active[t], at(z, t * B * N), t * B * Hp
        saved, factors = at(normed, t * B * N), at(scale, t * B * 3)
        add_output_gradient(t, first, n, B, Hp, dout, dh)
        for p in range(P):
            mix_back_panel(n, Hp, at(zt, p * gap), at(h, old + p * L), at(dh, p * L))
        normalise_back(n, P, 1, 3, zt, N, gap, H, gain, saved, factors, dgain, dbias)
        multiply(n, zt, N, P, gap, L, wt_n, zero, 0, dreset, Hp, P)
        for p in range(P):
            k = p * L
            reset_back_panel(
                n, Hp, at(zt, p * gap), at(hr, old + k), at(dreset, k), at(dh, k), masked, at(mask, k)
            )  # fmt: skip
        # by now there are the derivatives by both gates: z's from mix_back_panel, r's from reset_back_panel
        normalise_back(
            n, P, 2, 3, at(zt, L), N, gap, H, at(gain, L), at(saved, L), at(factors, 1), at(dgain, L), at(dbias, L)
        )  # fmt: skip
        clear_rest(n, B, P, N, zt, gap)
        if t > 0 or start > 0:
            state_gradient(n, at(zt, L), N, P, gap, 2 * L, wt, zero, True, dh, Hp, masked, mask, work)
