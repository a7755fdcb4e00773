"""The loops over time that all recurrent layers share, there and back. A cell is its `Slots` and its panels.

Sizes: T steps, B rows of the shard, I inputs, H units, Hp = H padded to whole vectors, of which there are P.
Row r takes part in step t while r < active[t]: rows are sorted by length, longest first.

A step is products, which leave gate sums in z, and panels, which make gates and states of the sums of one vector of
units; going back, they make derivatives by the sums of the gates in z. The slots of a vector lie side by side, so that
a tile ends with all that the cell needs: rows are `ldz` apart, vectors `gap`, steps `ahead`; one place serves all steps
where nothing is kept, and all vectors where each one's gates follow at once. A cell of a single slot has plain rows of
units instead: its sums go to the place of the states, and all vectors of all rows are one panel.

Layer normalisation stands between sums and gates: sums then begin with zeros instead of the bias.
"""

from typing import Any, NamedTuple

from forecastrnn.engine.cpu.build import fast, integers, pointers, sizes
from forecastrnn.engine.cpu.packing import clear
from forecastrnn.engine.cpu.products import multiply
from forecastrnn.engine.cpu.simd import at, lanes, load, store
from forecastrnn.engine.cpu.tile import gemm, panels_of, part

# x (T, B, ldx) -> h, c (T + 1, B, Hp), whose first step is the initial state, and, if `keep`, gates in z. hr: h as the
# recurrence reads it. init: what sums begin with. gain, bias (P, slots, lanes); normed, laid out as z, and
# scale (T, B, slots) are kept of the normalisation.
FORWARD = (
    "x weights_x weights_h weights_n init bias gain h hr mask c z reset normed scale peephole active"
    " | T B I H Hp ldx ldz gap ahead masked keep option"
)
# dout (T - first, B, Hp), dh, dc (B, Hp) by the final states -> dz in z, dh, dc by the initial ones. dpeephole, dgain
# and dbias grow, from zero if `fresh`; dreset, work (B, Hp) are room.
BACKWARD = (
    "h hr c z transposed_h transposed_n dout dh dc dreset peephole dpeephole gain normed scale dgain dbias zero mask"
    " work active | T B H Hp ldz gap ahead first start fresh masked option"
)


class Slots(NamedTuple):
    """The gate sums of a unit, `count` side by side, and how many of them each product adds to."""

    count: int
    inputs: int  # by x: the first ones
    states: int  # by the state: those from `first` on
    first: int = 0
    second: int = 0  # by what the gates of the others make of the state: the first ones
    through: int = 0  # 1: a state also reaches the next one without a product
    diagonals: int = 0  # rows of weights that are one number a unit, there if the option is on


class Step(NamedTuple):
    """What panels see of a step: arrays from its first row on, and places in them."""

    c: Any  # states before the step; those behind it are `later` numbers on
    h: Any
    seen: Any  # h as the recurrence reads it
    reset: Any  # what the second product reads
    peephole: Any
    width: int  # from row to row
    later: int
    option: int


class Slopes(NamedTuple):
    """Derivatives that panels read and write, by what stands under the same name in `Step`."""

    c: Any
    h: Any
    reset: Any
    peephole: Any
    mask: Any
    masked: int


@fast
def mask_state(masked, n, h, mask, hr):
    """hr[:n] = h[:n] * mask[:n], with recurrent dropout; else hr is h itself."""
    if masked != 0:
        for j in range(0, n, lanes(h)):
            store(hr, j, load(h, j) * load(mask, j))


@fast
def gate_sums(n, slots, vecs, init, x, ldx, I, wx, seen, Hp, H, wh, z, ldz):
    """Sums of `vecs` vectors of units in z: of the inputs in the first slots, of the state from slot `first` on."""
    L = lanes(z)
    gemm(n, vecs * slots.inputs, init, 0, x, ldx, 1, 1, 0, I, wx, vecs * slots.inputs * L, z, ldz)
    for s in range(slots.inputs * L, slots.count * L, L):
        for r in range(n):
            store(z, r * ldz + s, load(init, s))
    own = at(z, slots.first * L)
    gemm(n, vecs * slots.states, own, ldz, seen, Hp, 1, 1, 0, H, wh, vecs * slots.states * L, own, ldz)


@fast
def leave(n, P, slots, count, z, ld, gap, units, gain, bias, normed, scale, keep):
    """In place of `normalise`: nothing happens between the sums of all units and their gates."""


@fast
def forward(record, step, slots, panel, second, between):
    """All steps. panel, second (n, z, Step, u): sums in z of n rows and the vector at unit u -> gates, states.

    second: behind the second product, if there is one. between: None, and the gates of a panel follow its sums at once;
    else they follow the sums of all panels, and that.
    """
    x, wx, wh, wn, init, bias, gain, h, hr, mask, c, z, reset, normed, scale, peephole = pointers(record, 0, 16)
    (active,) = integers(record, 16, 1)
    T, B, I, H, Hp, ldx, ldz, gap, ahead, masked, keep, option = sizes(record, 17, 12)
    L = lanes(h)
    P, D, plain = Hp // L, slots.second, slots.count == 1
    runs, most = (1, panels_of(P)) if plain else (P, P)
    mask_state(masked, B * Hp, h, mask, hr)
    for t in range(T):
        n, k, zt = active[t], t * B * Hp, at(z, t * ahead)
        xn, factors = at(normed, t * ahead), at(scale, t * B * slots.count)
        rh, width = at(reset, k if keep else 0), L if plain else Hp
        now = Step(at(c, k), at(h, k), at(hr, k), rh, peephole, width, B * Hp, option)
        for p in range(most):
            lo, hi = part(P, most, p), part(P, most, p + 1)
            own, wx_p, wh_p = lo * slots.count * L, at(wx, lo * I * slots.inputs * L), at(wh, lo * H * slots.states * L)
            gate_sums(
                n, slots, hi - lo, at(init, own), at(x, t * B * ldx), ldx, I, wx_p, now.seen, Hp, H, wh_p,
                at(zt, lo * gap), ldz,
            )  # fmt: skip
            if between is None:
                panel(n, at(zt, lo * gap), now, lo * L)
        if between is not None:
            between(
                n, P, slots.count - D, slots.count, at(zt, D * L), ldz, gap, H, at(gain, D * L), at(bias, D * L),
                at(xn, D * L), at(factors, D), keep,
            )  # fmt: skip
            for p in range(runs):
                panel(n * P if plain else n, at(zt, p * gap), now, p * L)
        if second is not None:
            for p in range(P):
                zp = at(zt, p * gap)
                gemm(n, D, zp, ldz, now.reset, Hp, 1, 1, 0, H, at(wn, p * H * D * L), D * L, zp, ldz)
            if between is not None:
                between(n, P, D, slots.count, zt, ldz, gap, H, gain, bias, xn, factors, keep)
            for p in range(P):
                second(n, at(zt, p * gap), now, p * L)
        mask_state(masked, n * Hp, at(h, k + B * Hp), mask, at(hr, k + B * Hp))


@fast
def add_output_gradient(t, first, n, B, Hp, dout, dh):
    """dh (n, Hp) += dout[t - first], if the loss reads the output of step t."""
    if t >= first:
        base = (t - first) * B * Hp
        for j in range(0, n * Hp, lanes(dh)):
            store(dh, j, load(dh, j) + load(dout, base + j))


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


@fast
def begin_gradients(fresh, slots, Hp, option, dpeephole, between, dgain, dbias):
    """Gradients that the steps add up are zero, if they begin here."""
    if fresh:
        if slots.diagonals != 0 and option != 0:
            clear(dpeephole, 0, slots.diagonals * Hp)
        if between is not None:
            clear(dgain, 0, slots.count * Hp)
            clear(dbias, 0, slots.count * Hp)


@fast
def backward(record, step, slots, panel, second, between):
    """All steps back. panel, second (n, z, Step, Slopes, u): gates in z -> derivatives by the sums, and by states."""
    (
        h, hr, c, z, wt, wt_n, dout, dh, dc, dreset, peephole, dpeephole, gain, normed, scale, dgain, dbias, zero, mask,
        work,
    ) = pointers(record, 0, 20)  # fmt: skip
    (active,) = integers(record, 20, 1)
    T, B, H, Hp, ldz, gap, ahead, first, start, fresh, masked, option = sizes(record, 21, 12)
    L = lanes(h)
    P, D, plain = Hp // L, slots.second, slots.count == 1
    runs, depth = (1, Hp) if plain else (P, slots.states * L)
    by = Slopes(dc, dh, dreset, dpeephole, mask, masked)
    begin_gradients(fresh, slots, Hp, option, dpeephole, between, dgain, dbias)
    for t in range(T - 1, -1, -1):
        n, k, zt = active[t], t * B * Hp, at(z, t * ahead)
        xn, factors = at(normed, t * ahead), at(scale, t * B * slots.count)
        now = Step(at(c, k), at(h, k), at(hr, k), dreset, peephole, L if plain else Hp, B * Hp, option)
        add_output_gradient(t, first, n, B, Hp, dout, dh)
        for p in range(runs):
            panel(n * P if plain else n, at(zt, p * gap), now, by, p * L)
        if second is not None:
            if between is not None:
                between(n, P, D, slots.count, zt, ldz, gap, H, gain, xn, factors, dgain, dbias)
            multiply(n, zt, ldz, P, gap, D * L, wt_n, zero, 0, dreset, Hp, P)
            for p in range(P):
                second(n, at(zt, p * gap), now, by, p * L)
        if between is not None:
            between(
                n, P, slots.count - D, slots.count, at(zt, D * L), ldz, gap, H, at(gain, D * L), at(xn, D * L),
                at(factors, D), at(dgain, D * L), at(dbias, D * L),
            )  # fmt: skip
        for p in range(runs):  # rows that have ended
            clear(at(zt, p * gap), n * ldz, B * ldz)
        if t > 0 or start > 0:
            own = at(zt, slots.first * L)
            state_gradient(n, own, ldz, runs, gap, depth, wt, zero, slots.through, dh, Hp, masked, mask, work)
