"""Kernels of likelihoods on the device: the functions of the CPU's text, a thread a row, in float64 as there."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from types import FunctionType

from numba import cuda, float64

from forecastrnn.engine import quantile_formulas, scalar_formulas
from forecastrnn.engine.cpu.heads import MIDDLE, NEAR, HeadSource, scalars
from forecastrnn.engine.cuda.build import DeviceKernel, Planner, device_function, device_kernel, rebuilt
from forecastrnn.engine.cuda.losses import MOST_BLOCKS, add_up, row_weight
from forecastrnn.engine.cuda.registry import Twin
from forecastrnn.networks.tracing.head_text import LOSS, VALUE

RESIDENT = 256  # threads that a multiprocessor has room for: series and fractions need many registers


# ruff: noqa: F821  # names of templates
def loss_rows(
    out, o0, target, t0, weights, w0, dout, d0, valid, v0, parts, p0, k, B, O, ldo, ldd, first, last, weighted
):  # fmt: skip
    """Gradients of rows, last to first; parts (threads, 2): each thread's weighted loss and weight."""
    loss, weight, count = 0.0, 0.0, O // NUMBERS
    e = cuda.grid(1)
    while e < k * B:
        row = k * B - 1 - e
        w = row_weight(row // B, row % B, first, last, valid, v0, weights, w0, weighted)
        for j in range(count):
            place, own = t0 + (row * count + j) * VALUES, d0 + row * ldd + j * NUMBERS
            y, share = float64(target[place]), w / count
            if w != 0.0 and y == y:
                shift = float64(target[place + 1]) if WITH_SHIFT else 0.0
                gain = float64(target[place + 2]) if WITH_SHIFT else 1.0
                loss += share * loss_of(y, shift, gain, share, out, o0 + row * ldo + j * NUMBERS, dout, own)
                weight += share
            else:
                for o in range(NUMBERS):
                    dout[own + o] = 0.0
        e += cuda.gridsize(1)
    me = p0 + 2 * cuda.grid(1)
    parts[me], parts[me + 1] = loss, weight


def raw_value(share, out, at, last, shift, figure, unit, gain):
    """A count or amount in the scale of its series, whose last value there is `last`; unit 0: of logarithms."""
    if unit > 0.0:
        return value_at(share, shift, gain, out, at) * unit - figure
    value = value_at(share, shift + gain * last, gain, out, at)
    return (math.log(value if value > NEAR else NEAR) - shift) / gain


def next_values(
    z, z0, a, a0, out, o0, shares, s0, shift, i0, figure, f0, unit, u0, gain, g0, step, n0, B, ldo, width, length, now,
    h, drawn,
):  # fmt: skip
    """z (B, length)[:, t]: quantiles; a (B, length): trailing means."""
    s = step[n0]
    r = cuda.grid(1)
    while r < B:
        row, place = r * length + now + s + 1, r * h + s
        share = float64(shares[s0 + place]) if drawn != 0 else MIDDLE
        value = float64(z[z0 + row - 1])
        if WITH_SHIFT:
            value = raw_value(
                share, out, o0 + r * ldo, value, float64(shift[i0 + place]), float64(figure[f0 + place]),
                float64(unit[u0 + r]), float64(gain[g0 + r]),
            )  # fmt: skip
        else:
            value += value_at(share, 0.0, 1.0, out, o0 + r * ldo)
        z[z0 + row] = value
        a[a0 + row] = a[a0 + row - 1] + (z[z0 + row] - z[z0 + row - width]) / width
        r += cuda.gridsize(1)


def all_values(
    z, z0, result, q0, out, o0, shares, s0, shift, i0, figure, f0, unit, u0, gain, g0, B, ldo, length, now, steps, h,
    drawn,
):  # fmt: skip
    """result (B, steps): quantiles of all steps, relative to the last value."""
    e = cuda.grid(1)
    while e < B * h:
        r, j = e // h, e % h
        share = float64(shares[s0 + e]) if drawn != 0 else MIDDLE
        last, own = float64(z[z0 + r * length + now]), o0 + r * ldo + j * NUMBERS
        if WITH_SHIFT:
            value = raw_value(
                share, out, own, last, float64(shift[i0 + e]), float64(figure[f0 + e]), float64(unit[u0 + r]),
                float64(gain[g0 + r]),
            )  # fmt: skip
            value -= last
        else:
            value = value_at(share, 0.0, 1.0, out, own)
        result[q0 + r * steps + j] = value
        e += cuda.gridsize(1)


@lru_cache
def device_scalars() -> dict[str, Callable[..., object]]:
    """The formulas as device functions; each one calls those in front of it."""
    made: dict[str, Callable[..., object]] = {}
    for module in (scalar_formulas, quantile_formulas):
        for name, one in scalars(module).items():
            if name not in made and name != "scalar":
                made[name] = rebuilt(one, **made)
    return made


@lru_cache
def _device_kernel(source: HeadSource, template: Callable[..., object]) -> DeviceKernel:
    found = source.functions(device_scalars())
    names = source.constants | {LOSS: device_function(found[LOSS]), VALUE: device_function(found[VALUE])}
    names["raw_value"] = rebuilt(raw_value, **names)
    name = f"{source.label}_{template.__name__}"
    function = FunctionType(template.__code__, template.__globals__ | names, name)
    return device_kernel(double=True, resident=RESIDENT)(function)


@lru_cache
def twin_of_head(source: HeadSource, what: str) -> Twin:
    """The twin of a kernel of `cpu.heads`."""
    if what == "loss":
        return Twin(lambda plan, **fields: _plan_loss(plan, source, fields), ("dout", "sums"))
    template = next_values if what == "next_value" else all_values
    return Twin(
        lambda plan, **fields: _plan_values(plan, _device_kernel(source, template), fields),
        ("z", "a") if what == "next_value" else ("result",),
    )


def _plan_loss(plan: Planner, source: HeadSource, f: dict) -> None:
    parts = plan.work("loss", 2 * MOST_BLOCKS * 256, "float64")
    names = "k B O ldo ldd first last weighted".split()
    count = plan.each(
        _device_kernel(source, loss_rows), f["k"] * f["B"], f["out"], f["target"], f["weights"], f["dout"],
        f["valid"], parts, *(f[name] for name in names), most=MOST_BLOCKS,
    )  # fmt: skip
    plan.blocks(
        add_up, (1,), parts, f["sums"], plan.step, count, f["shards"], f["piece"], 2, f["fresh"]
    )  # fmt: skip


def _plan_values(plan: Planner, kernel: DeviceKernel, f: dict) -> None:
    values = list(f.values())  # places in front, then numbers
    if "a" in f:
        plan.each(kernel, f["B"], *values[:8], plan.step, *values[8:])
    else:
        plan.each(kernel, f["B"] * f["h"], *values)
