"""Elman layer: h_t = act(x_t W + h_(t-1) U + b).

Sizes: T steps, B rows of the shard, I inputs, H units, Hp = H padded to whole vectors.
The sums go straight to their place in h and are activated there; dz (T, B, Hp) is only written going back.
Row r takes part in step t while r < active[t]: rows are sorted by length, longest first.
"""

from forecastrnn.engine import formulas
from forecastrnn.engine.cpu.build import fast, integers, kernel, pointers, sizes
from forecastrnn.engine.cpu.packing import clear
from forecastrnn.engine.cpu.products import multiply
from forecastrnn.engine.cpu.simd import at, lanes, load, store

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
def mask_state(masked, n, h, mask, hr):
    """hr[:n] = h[:n] * mask[:n], with recurrent dropout; else hr is h itself."""
    if masked != 0:
        for j in range(0, n, lanes(h)):
            store(hr, j, load(h, j) * load(mask, j))


@fast
def state_gradient(n, dz, ldz, blocks, block, depth, wt, zero, keep, dh, Hp, masked, mask, work):
    """dh (n, Hp) = dz U^T, through the mask of recurrent dropout, and dh itself if `keep`."""
    L = lanes(dh)
    if masked != 0:
        multiply(n, dz, ldz, blocks, block, depth, wt, zero, 0, work, Hp, Hp // L)
        for j in range(0, n * Hp, L):
            d = load(work, j) * load(mask, j)
            store(dh, j, d + load(dh, j) if keep else d)
    elif keep:
        multiply(n, dz, ldz, blocks, block, depth, wt, dh, Hp, dh, Hp, Hp // L)
    else:
        multiply(n, dz, ldz, blocks, block, depth, wt, zero, 0, dh, Hp, Hp // L)


@kernel("x weights_x bias weights_h h hr mask active | T B I Hp depth ldx masked kind")
def elman_forward(record, step):
    """x (T, B, ldx) -> h (T + 1, B, Hp), whose first step is the initial state; hr: h as the recurrence reads it."""
    x, wx, bias, wh, h, hr, mask = pointers(record, 0, 7)
    (active,) = integers(record, 7, 1)
    T, B, I, Hp, H, ldx, masked, kind = sizes(record, 8, 8)
    L = lanes(h)
    mask_state(masked, B * Hp, h, mask, hr)
    for t in range(T):
        n, new = active[t], at(h, (t + 1) * B * Hp)
        multiply(n, at(x, t * B * ldx), ldx, 1, 0, I, wx, bias, 0, new, Hp, Hp // L)
        multiply(n, at(hr, t * B * Hp), Hp, 1, 0, H, wh, new, Hp, new, Hp, Hp // L)
        for j in range(0, n * Hp, L):
            store(new, j, activate(kind, load(new, j)))
        mask_state(masked, n * Hp, new, mask, at(hr, (t + 1) * B * Hp))


@fast
def add_output_gradient(t, first, n, B, Hp, dout, dh):
    """dh (n, Hp) += dout[t - first], if the loss reads the output of step t."""
    if t >= first:
        base = (t - first) * B * Hp
        for j in range(0, n * Hp, lanes(dh)):
            store(dh, j, load(dh, j) + load(dout, base + j))


@kernel("h transposed_h dout dh dz zero mask work active | T B Hp first kind start masked")
def elman_backward(record, step):
    """dout (T - first, B, Hp), dh (B, Hp) by the final state -> dz (T, B, Hp), dh by the initial state."""
    h, wt, dout, dh, dz, zero, mask, work = pointers(record, 0, 8)
    (active,) = integers(record, 8, 1)
    T, B, Hp, first, kind, start, masked = sizes(record, 9, 7)
    L = lanes(h)
    for t in range(T - 1, -1, -1):
        n, new, now = active[t], at(h, (t + 1) * B * Hp), at(dz, t * B * Hp)
        add_output_gradient(t, first, n, B, Hp, dout, dh)
        for j in range(0, n * Hp, L):
            store(now, j, load(dh, j) * slope(kind, load(new, j)))
        clear(now, n * Hp, B * Hp)
        if t > 0 or start > 0:
            state_gradient(n, now, Hp, 1, 0, Hp, wt, zero, False, dh, Hp, masked, mask, work)
