"""The loops over time that all recurrent layers share, there and back. A cell is its `Slots` and its panels.

Sizes: T steps, B rows of the shard, I inputs, H units, Hp = H padded to whole vectors, of which there are P.
Row r takes part in step t while r < active[t]: rows are sorted by length, longest first.

A step is products, which leave sums in z, and panels, which make states of the sums of one vector of units (see
`generated`); going back, they make derivatives by the sums of what was kept in z. The slots of a vector lie side by
side, so that a tile ends with all that the cell needs: rows are `ldz` apart, vectors `gap`, steps `ahead`; one place
serves all steps where nothing is kept, and all vectors where each one's panel follows at once. A plain cell has plain
rows of units instead: its sums go to the place of the last state, and all vectors of all rows are one panel.

Layer normalisation stands between sums and panels: sums then begin with zeros instead of the bias.
"""

from typing import Any, NamedTuple

from forecastrnn.engine.cpu.build import fast
from forecastrnn.engine.cpu.packing import clear
from forecastrnn.engine.cpu.products import multiply
from forecastrnn.engine.cpu.simd import at, lanes, load, store
from forecastrnn.engine.cpu.stopping import must_end
from forecastrnn.engine.cpu.tile import VECS, gemm, panels_of, part

# x (T, B, ldx) -> states (T + 1, B, Hp), whose first step is the initial one, and, if `keep`, what z keeps. hr: the
# last state as products read it. init: what sums begin with. mixed (T, B, Hp): what the second product reads. gain,
# bias (P, slots, lanes); normed, laid out as z, and scale (T, B, slots) are kept of the normalisation.
FORWARD = "x weights_x weights_h weights_n init bias gain hr mask z mixed normed scale diagonal"
FORWARD_SIZES = "T B I H Hp ldx ldz gap ahead masked keep"
# dout (T - first, B, Hp), derivatives (B, Hp) by the final states -> dz in z, those by the initial ones. ddiagonal,
# dgain and dbias grow, from zero if `fresh`; dmixed, work (B, Hp) and carried (B, gates of both stages, Hp) are room.
BACKWARD = (
    "hr z transposed_h transposed_n dout dmixed carried diagonal ddiagonal gain normed scale dgain dbias zero mask work"
)
BACKWARD_SIZES = "T B H Hp ldz gap ahead first start fresh masked"


class Step(NamedTuple):
    """What panels see of a step: arrays, and where its first row is in them."""

    states: Any
    seen: Any  # the last state as products read it
    mixed: Any  # what the second product reads
    diagonal: Any
    before: int  # in states
    after: int
    reached: int  # in mixed
    width: int  # from row to row
    units: int


class Slopes(NamedTuple):
    """Derivatives that panels read and write."""

    states: Any
    mixed: Any
    diagonal: Any
    carried: Any  # from the step's panel to that of `between`: by sums that both read
    mask: Any
    masked: int


@fast
def mask_state(masked, n, h, mask, hr):
    """hr[:n] = h[:n] * mask[:n], with recurrent dropout; else hr is h itself."""
    if masked != 0:
        for j in range(0, n, lanes(h)):
            store(hr, j, load(h, j) * load(mask, j))


@fast
def add_product(n, columns, init, ldi, a, lda, depth, packed, c, ldc):
    """C (n, columns) = init + a (n, depth) packed, of one panel; columns are vectors, as many as a tile has at once."""
    L = lanes(c)
    for s in range(0, columns, VECS):
        gemm(
            n, min(VECS, columns - s), at(init, s * L), ldi, a, lda, 1, 1, 0, depth, at(packed, s * L), columns * L,
            at(c, s * L), ldc,
        )  # fmt: skip


@fast
def gate_sums(n, slots, vecs, init, x, ldx, I, wx, seen, Hp, H, wh, z, ldz):
    """Sums of `vecs` vectors of units in z: of the inputs in the first slots, of the state from slot `first` on."""
    L = lanes(z)
    add_product(n, vecs * slots.inputs, init, 0, x, ldx, I, wx, z, ldz)
    for s in range(slots.inputs * L, slots.count * L, L):
        for r in range(n):
            store(z, r * ldz + s, load(init, s))
    own = at(z, slots.first * L)
    add_product(n, vecs * slots.states, own, ldz, seen, Hp, H, wh, own, ldz)


@fast
def forward(arrays, states, active, lengths, slots, panel, second, normalise, stop):
    """All steps. panel, second (n, z, Step, u): sums in z of n rows and the vector at unit u -> what a stage returns.

    second: behind the second product, if there is one. normalise: of the sums of all panels, or None.
    stop: the word that ends it.
    """
    x, wx, wh, wn, init, bias, gain, hr, mask, z, mixed, normed, scale, diagonal = arrays
    T, B, I, H, Hp, ldx, ldz, gap, ahead, masked, keep = lengths
    h, L = states[-1], lanes(states[-1])
    P, D, plain = Hp // L, slots.second, slots.plain
    runs, most = (1, panels_of(P)) if plain else (P, P)
    mask_state(masked, B * Hp, h, mask, hr)
    for t in range(T):
        if must_end(stop, t):
            return
        n, k, zt = active[t], t * B * Hp, at(z, t * ahead)
        xn, factors = at(normed, t * ahead), at(scale, t * B * slots.count)
        reached = k if keep else 0
        now = Step(states, hr, mixed, diagonal, k, k + B * Hp, reached, L if plain else Hp, H)
        for p in range(most):
            lo, hi = part(P, most, p), part(P, most, p + 1)
            own, wx_p, wh_p = lo * slots.count * L, at(wx, lo * I * slots.inputs * L), at(wh, lo * H * slots.states * L)
            gate_sums(
                n, slots, hi - lo, at(init, own), at(x, t * B * ldx), ldx, I, wx_p, at(hr, k), Hp, H, wh_p,
                at(zt, lo * gap), ldz,
            )  # fmt: skip
            if normalise is None and not plain:
                panel(n, at(zt, lo * gap), now, lo * L)
        if normalise is not None:
            normalise(
                n, P, slots.count - D, slots.count, at(zt, D * L), ldz, gap, H, at(gain, D * L), at(bias, D * L),
                at(xn, D * L), at(factors, D), keep,
            )  # fmt: skip
        if normalise is not None or plain:
            for p in range(runs):
                panel(n * P if plain else n, at(zt, p * gap), now, p * L)
        if second is not None:
            for p in range(P):
                zp = at(zt, p * gap)
                add_product(n, D, zp, ldz, at(mixed, reached), Hp, H, at(wn, p * H * D * L), zp, ldz)
            if normalise is not None:
                normalise(n, P, D, slots.count, zt, ldz, gap, H, gain, bias, xn, factors, keep)
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
def begin_gradients(fresh, slots, Hp, ddiagonal, normalise_back, dgain, dbias):
    """Gradients that the steps add up are zero, if they begin here."""
    if fresh:
        clear(ddiagonal, 0, slots.diagonals * Hp)
        if normalise_back is not None:
            clear(dgain, 0, slots.count * Hp)
            clear(dbias, 0, slots.count * Hp)


@fast
def backward(arrays, states, dstates, active, lengths, slots, panel, second, normalise_back, stop):
    """All steps back. panel, second (n, z, Step, Slopes, u): what is kept in z -> derivatives, there and by states."""
    (
        hr, z, wt, wt_n, dout, dmixed, carried, diagonal, ddiagonal, gain, normed, scale, dgain, dbias, zero, mask, work
    ) = arrays  # fmt: skip
    T, B, H, Hp, ldz, gap, ahead, first, start, fresh, masked = lengths
    dh, L = dstates[-1], lanes(dstates[-1])
    P, D, plain = Hp // L, slots.second, slots.plain
    runs, depth = (1, Hp) if plain else (P, slots.states * L)
    by = Slopes(dstates, dmixed, ddiagonal, carried, mask, masked)
    begin_gradients(fresh, slots, Hp, ddiagonal, normalise_back, dgain, dbias)
    for t in range(T - 1, -1, -1):
        if must_end(stop, t):
            return
        n, k, zt = active[t], t * B * Hp, at(z, t * ahead)
        xn, factors = at(normed, t * ahead), at(scale, t * B * slots.count)
        now = Step(states, hr, dmixed, diagonal, k, k + B * Hp, 0, L if plain else Hp, H)
        add_output_gradient(t, first, n, B, Hp, dout, dh)
        for p in range(runs):
            panel(n * P if plain else n, at(zt, p * gap), now, by, p * L)
        if second is not None:
            if normalise_back is not None:
                normalise_back(n, P, D, slots.count, zt, ldz, gap, H, gain, xn, factors, dgain, dbias)
            multiply(n, zt, ldz, P, gap, D * L, wt_n, zero, 0, dmixed, Hp, P)
            for p in range(P):
                second(n, at(zt, p * gap), now, by, p * L)
        if normalise_back is not None:
            normalise_back(
                n, P, slots.count - D, slots.count, at(zt, D * L), ldz, gap, H, at(gain, D * L), at(xn, D * L),
                at(factors, D), at(dgain, D * L), at(dbias, D * L),
            )  # fmt: skip
        for p in range(runs):  # rows that have ended
            clear(at(zt, p * gap), n * ldz, B * ldz)
        if slots.states > 0 and (t > 0 or start > 0):
            own = at(zt, slots.first * L)
            state_gradient(n, own, ldz, runs, gap, depth, wt, zero, slots.through, dh, Hp, masked, mask, work)
