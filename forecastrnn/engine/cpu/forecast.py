"""One step of a forecast that feeds itself: inputs from the values so far, and the next value appended.

z, a (B, length): scaled values and their trailing means, known up to time `now` before step 0. sums (B, length + 1):
the sum of the k first values, in float64 whatever the type of the values.
"""

from forecastrnn.engine.cpu.build import doubles, integers, kernel, pointers, sizes
from forecastrnn.engine.cpu.simd import at
from forecastrnn.engine.fence_formula import FENCE, kept_near
from forecastrnn.engine.input_formulas import STATIC, write_inputs


@kernel(
    "z a static x sums phase period first blocks long_run"
    " | B season second_lag with_lags groups with_long_run columns length now"
)
def forecast_inputs(record, step):
    """x (B, columns): what the network reads to forecast time now + step + 1; phase: that of step 0.

    first (B,): where each series begins; blocks (2 groups): length and count of older means; both None without any.
    long_run (B,): the mean of all values that were known, where there is that column.
    Codes of the series, behind the inputs that are written here, stay in x as they are.
    """
    z, a, static, x = pointers(record, 0, 4)
    (sums,) = doubles(record, 4, 1)
    phase, period, first, blocks = integers(record, 5, 4)
    (long_run,) = doubles(record, 9, 1)
    B, season, second_lag, with_lags, groups, with_long_run, columns, length, now = sizes(record, 10, 9)
    for r in range(B):
        begin = first[r] if groups > 0 else 0
        mean = long_run[r] if with_long_run > 0 else 0.0
        write_inputs(
            at(z, r * length), at(a, r * length), sums, r * (length + 1), now + step, begin,
            (phase[r] + step) % season, season, period[r], second_lag, with_lags != 0, blocks, groups, mean,
            with_long_run, static, r * STATIC, x, r * columns,
        )  # fmt: skip


@kernel("z sums | B length now")
def append_sum(record, step):
    """The sum of the values up to time now + step + 1, z and sums as above."""
    (z,) = pointers(record, 0, 1)
    (sums,) = doubles(record, 1, 1)
    B, length, now = sizes(record, 2, 3)
    t = now + step + 1
    for r in range(B):
        k = r * (length + 1) + t
        sums[k + 1] = sums[k] + z[r * length + t]


@kernel("z a out noise | B ldo width length now noisy")
def append_value(record, step):
    """z[r, now + step + 1] = z[r, now + step] + out[r] (+ noise[r, step]); the trailing mean follows."""
    z, a, out, noise = pointers(record, 0, 4)
    B, ldo, width, length, now, noisy = sizes(record, 4, 6)
    t = now + step + 1
    for r in range(B):
        row = r * length + t
        z[row] = z[row - 1] + out[r * ldo]
        if noisy > 0:
            z[row] += noise[r * noisy + step]
        a[row] = a[row - 1] + (z[row] - z[row - width]) / width


@kernel("z a fence | B width length now")
def keep_near(record, step):
    """Bring z[r, now + step + 1] back to where fence (B, FENCE) ends, and its trailing mean; most are far within."""
    z, a, fence = pointers(record, 0, 3)
    B, width, length, now = sizes(record, 3, 4)
    t = now + step + 1
    for r in range(B):
        row = r * length + t
        value = kept_near(z[row], z[row - width], a[row - 1], fence, r * FENCE)
        if value != z[row]:
            z[row] = value
            a[row] = a[row - 1] + (value - z[row - width]) / width
