"""One step of a forecast on the device: the inputs of `input_formulas` and the next values, a thread a row."""

from __future__ import annotations

from numba import cuda, float64

from forecastrnn.engine import fence_formula, input_formulas
from forecastrnn.engine.cuda.build import device_kernel, rebuilt
from forecastrnn.engine.cuda.registry import twin
from forecastrnn.engine.fence_formula import FENCE
from forecastrnn.engine.input_formulas import STATIC

write_inputs = rebuilt(input_formulas.write_inputs, write_older_means=rebuilt(input_formulas.write_older_means))

kept_near = rebuilt(fence_formula.kept_near)


# Sums and angles; sin and cos keep large arguments on the stack, which do not come.
@device_kernel(double=True, stack=40, resident=512)
def write_rows(
    z, z0, a, a0, static, c0, x, x0, sums, s0, phase, p0, period, q0, first, f0, blocks, b0, long_run, l0, step, n0, B,
    season, second_lag, with_lags, groups, with_long_run, columns, length, now,
):  # fmt: skip
    """x (B, columns) for time now + step + 1, from z, a (B, length) and sums (B, length + 1)."""
    t = now + step[n0]
    r = cuda.grid(1)
    while r < B:
        row = r * length
        begin = first[f0 + r] if groups > 0 else 0
        mean = long_run[l0 + r] if with_long_run > 0 else 0.0
        write_inputs(
            z[z0 + row : z0 + row + length], a[a0 + row : a0 + row + length], sums, s0 + row + r, t, begin,
            (phase[p0 + r] + step[n0]) % season, season, period[q0 + r], second_lag, with_lags != 0, blocks[b0:],
            groups, mean, with_long_run, static, c0 + r * STATIC, x, x0 + r * columns,
        )  # fmt: skip
        r += cuda.gridsize(1)


@twin("x")
def forecast_inputs(
    plan, z, a, static, x, sums, phase, period, first, blocks, long_run, B, season, second_lag, with_lags, groups,
    with_long_run, columns, length, now,
):  # fmt: skip
    """Inputs of a step."""
    none = plan.work("no_blocks", 1, "int64")
    sums, long_run = (plan.work("no_sums", 1, "float64") if given is None else given for given in (sums, long_run))
    plan.each(
        write_rows, B, z, a, static, x, sums, phase, period, first or none, blocks or none, long_run, plan.step, B,
        season, second_lag, with_lags, groups, with_long_run, columns, length, now,
    )  # fmt: skip


@device_kernel(double=True)
def add_values(z, z0, sums, s0, step, n0, B, length, now):
    """sums (B, length + 1)[:, t + 1] = the same at t, and z (B, length)[:, t], at t = now + step + 1."""
    t = now + step[n0] + 1
    r = cuda.grid(1)
    while r < B:
        k = s0 + r * (length + 1) + t
        sums[k + 1] = sums[k] + float64(z[z0 + r * length + t])
        r += cuda.gridsize(1)


@twin("sums")
def append_sum(plan, z, sums, B, length, now):
    """Sums of the values so far."""
    plan.each(add_values, B, z, sums, plan.step, B, length, now)


@device_kernel()
def write_values(z, z0, a, a0, out, o0, noise, e0, step, n0, B, ldo, width, length, now, noisy):
    """z (B, length)[:, t] = the value before it, out (B, ldo) and noise (B, noisy); a (B, length): trailing means."""
    s, count = step[n0], z.dtype.type(width)
    r = cuda.grid(1)
    while r < B:
        row = r * length + now + s + 1
        value = z[z0 + row - 1] + out[o0 + r * ldo]
        if noisy > 0:
            value += noise[e0 + r * noisy + s]
        z[z0 + row] = value
        a[a0 + row] = a[a0 + row - 1] + (value - z[z0 + row - width]) / count
        r += cuda.gridsize(1)


@twin("z a")
def append_value(plan, z, a, out, noise, B, ldo, width, length, now, noisy):
    """The next value of each row."""
    plan.each(write_values, B, z, a, out, noise, plan.step, B, ldo, width, length, now, noisy)


@device_kernel()
def keep_rows(z, z0, a, a0, fence, f0, step, n0, B, width, length, now):
    """z (B, length)[:, t] within fence (B, FENCE), at t = now + step + 1; a (B, length): trailing means."""
    s, count = step[n0], z.dtype.type(width)
    r = cuda.grid(1)
    while r < B:
        row = r * length + now + s + 1
        old = z[z0 + row - width]
        value = kept_near(z[z0 + row], old, a[a0 + row - 1], fence, f0 + r * FENCE)
        if value != z[z0 + row]:
            z[z0 + row] = value
            a[a0 + row] = a[a0 + row - 1] + (value - old) / count
        r += cuda.gridsize(1)


@twin("z a")
def keep_near(plan, z, a, fence, B, width, length, now):
    """The next value of each row, near to where its series has been."""
    plan.each(keep_rows, B, z, a, fence, plan.step, B, width, length, now)
