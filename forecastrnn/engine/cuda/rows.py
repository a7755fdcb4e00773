"""Moving rows on the device: the twins of `forecastrnn.engine.cpu.rows`, where their formulas stand."""

from __future__ import annotations

from numba import cuda
from numpy.typing import DTypeLike

from forecastrnn.engine.cuda.build import Planner, Spot, device_kernel
from forecastrnn.engine.cuda.registry import twin


@device_kernel()
def gather_rows(source, s0, out, o0, starts, i0, step, c0, T, B, F, lds, stride, every):
    """out (T, B, F) from rows of source, chosen by starts (steps, stride)."""
    k = cuda.grid(1)
    while k < T * B * F:
        row, f = k // F, k % F
        t, r = row // B, row % B
        begin = starts[i0 + step[c0] * stride + r] + t * every
        out[o0 + k] = source[s0 + begin * lds + f]
        k += cuda.gridsize(1)


@twin("out")
def gather(plan, source, out, starts, T, B, F, lds, stride, every):
    """Windows by index."""
    plan.each(gather_rows, T * B * F, source, out, starts, plan.step, T, B, F, lds, stride, every)


@device_kernel()
def gather_next(source, s0, target, t0, out, o0, starts, i0, step, c0, T, B, F, stride, first):
    """out (T, B, F): the F values behind each time, relative to the one there."""
    k = cuda.grid(1)
    while k < T * B * F:
        row, f = k // F, k % F
        t, r = row // B, row % B
        s = starts[i0 + step[c0] * stride + r] + first + t
        out[o0 + k] = target[t0 + s + 1 + f] - source[s0 + s]
        k += cuda.gridsize(1)


@twin("out")
def gather_ahead(plan, source, target, out, starts, T, B, F, stride, first):
    """Targets of a forecaster."""
    plan.each(gather_next, T * B * F, source, target, out, starts, plan.step, T, B, F, stride, first)


@device_kernel()
def count_longer(lengths, l0, valid, v0, active, a0, step, c0, T, B, stride):
    """valid (B,) of this step; active (T,): how many of them are larger than t."""
    begin = l0 + step[c0] * stride
    k = cuda.grid(1)
    while k < T + B:
        if k < B:
            valid[v0 + k] = lengths[begin + k]
        else:
            n = 0
            for r in range(B):
                n += 1 if lengths[begin + r] > k - B else 0
            active[a0 + k - B] = n
        k += cuda.gridsize(1)


@twin("valid active")
def count_active(plan, lengths, valid, active, T, B, stride):
    """Rows that are still running at each time."""
    plan.each(count_longer, T + B, lengths, valid, active, plan.step, T, B, stride)


@device_kernel()
def reverse_rows(source, s0, out, o0, valid, v0, T, B, F, lds, ldo, add):
    """out (T, B, ldo)[t, r] = or += source (T, B, lds)[valid[r] - 1 - t, r], where that is."""
    k = cuda.grid(1)
    while k < T * B * F:
        row, f = k // F, k % F
        t, r = row // B, row % B
        back = valid[v0 + r] - 1 - t
        if back >= 0:
            value = source[s0 + (back * B + r) * lds + f]
            place = o0 + row * ldo + f
            out[place] = value + out[place] if add != 0 else value
        k += cuda.gridsize(1)


@twin("out")
def reverse(plan, source, out, valid, T, B, F, lds, ldo, add):
    """Sequences from their end."""
    plan.each(reverse_rows, T * B * F, source, out, valid, T, B, F, lds, ldo, add)


@device_kernel()
def copy_rows(source, s0, out, o0, rows, F, lds, ldo):
    """out (rows, ldo)[:, :F] = source (rows, lds)[:, :F]; lds 0: one row for all."""
    k = cuda.grid(1)
    while k < rows * F:
        r, f = k // F, k % F
        out[o0 + r * ldo + f] = source[s0 + r * lds + f]
        k += cuda.gridsize(1)


@twin("out")
def copy_columns(plan, source, out, rows, F, lds, ldo):
    """Columns."""
    plan.each(copy_rows, rows * F, source, out, rows, F, lds, ldo)


@device_kernel()
def clear_rows(out, o0, rows, F, ldo):
    """out (rows, ldo)[:, :F] = 0."""
    k = cuda.grid(1)
    while k < rows * F:
        out[o0 + k // F * ldo + k % F] = 0
        k += cuda.gridsize(1)


def zeros(plan: Planner, name: str, size: int, dtype: DTypeLike | None = None) -> Spot:
    """Plan room of so many zeros."""
    found = plan.work(name, size, dtype)
    plan.each(clear_rows, size, found, 1, size, 0)
    return found


@twin("out")
def clear_columns(plan, source, out, rows, F, lds, ldo):
    """Columns."""
    plan.each(clear_rows, rows * F, out, rows, F, ldo)


@device_kernel()
def take_rows(h, h0, out, o0, valid, v0, T, B, F, ldh, ldo, first):
    """out (B, ldo)[r] = h (T + 1, B, ldh)[valid[r] - first, r], where that step is one of these."""
    k = cuda.grid(1)
    while k < B * F:
        r, f = k // F, k % F
        t = valid[v0 + r] - first
        if t <= T and (t > 0 or (t == 0 and first == 0)):
            out[o0 + r * ldo + f] = h[h0 + (t * B + r) * ldh + f]
        k += cuda.gridsize(1)


@twin("out")
def take_last(plan, h, out, valid, T, B, F, ldh, ldo, first):
    """States at each row's own end."""
    plan.each(take_rows, B * F, h, out, valid, T, B, F, ldh, ldo, first)


@device_kernel()
def carry_rows(last, l0, first, f0, keep, k0, step, c0, n, stride):
    """first (n,) = last (n,) where keep[step] is not 0, else 0."""
    kept, zero = keep[k0 + step[c0] * stride] != 0, last.dtype.type(0)
    k = cuda.grid(1)
    while k < n:
        first[f0 + k] = last[l0 + k] if kept else zero
        k += cuda.gridsize(1)


@twin("first")
def carry(plan, last, first, keep, B, F, stride):
    """States from one mini-batch to the next."""
    plan.each(carry_rows, B * F, last, first, keep, plan.step, B * F, stride)


@device_kernel()
def feed_rows(out, o0, result, r0, x, x0, gain, g0, shift, s0, step, c0, B, F, ldo, ldx, total, first):
    """result (B, total, F)[:, first + step] = out (B, ldo); x (B, ldx) = that times gain plus shift."""
    k = cuda.grid(1)
    while k < B * F:
        r, f = k // F, k % F
        value = out[o0 + r * ldo + f]
        result[r0 + (r * total + first + step[c0]) * F + f] = value
        x[x0 + r * ldx + f] = value * gain[g0 + f] + shift[s0 + f]
        k += cuda.gridsize(1)


@twin("result x")
def feed_back(plan, out, result, x, gain, shift, B, F, ldo, ldx, total, first):
    """Outputs become the next inputs."""
    plan.each(feed_rows, B * F, out, result, x, gain, shift, plan.step, B, F, ldo, ldx, total, first)


@device_kernel()
def append_rows(out, o0, result, r0, history, h0, gain, g0, shift, s0, step, c0, B, F, ldo, total, known):
    """result (B, total, F)[:, step] = out (B, ldo); history (B, known + total, F)[:, known + step] as an input."""
    now = step[c0]
    k = cuda.grid(1)
    while k < B * F:
        r, f = k // F, k % F
        value = out[o0 + r * ldo + f]
        result[r0 + (r * total + now) * F + f] = value
        history[h0 + (r * (known + total) + known + now) * F + f] = value * gain[g0 + f] + shift[s0 + f]
        k += cuda.gridsize(1)


@twin("result history")
def append_output(plan, out, result, history, gain, shift, B, F, ldo, total, known):
    """Outputs lengthen the window."""
    plan.each(append_rows, B * F, out, result, history, gain, shift, plan.step, B, F, ldo, total, known)
