"""One step of a forecast that feeds itself: inputs from the values so far, and the next value appended.

z, a (B, length): scaled values and their trailing means, known up to time `now` before step 0.
"""

from forecastrnn.cpu.build import integers, kernel, pointers, sizes
from forecastrnn.cpu.simd import at
from forecastrnn.inputs import STATIC, write_inputs


@kernel("z a static x phase period | B season two with_lags columns length now")
def forecast_inputs(record, step):
    """x (B, columns): what the network reads to forecast time now + step + 1; phase: that of step 0.

    Codes of the series, behind the inputs that are written here, stay in x as they are.
    """
    z, a, static, x = pointers(record, 0, 4)
    phase, period = integers(record, 4, 2)
    B, season, two, with_lags, columns, length, now = sizes(record, 6, 7)
    for r in range(B):
        write_inputs(
            at(z, r * length), at(a, r * length), now + step, (phase[r] + step) % season, season, period[r], two,
            with_lags != 0, static, r * STATIC, x, r * columns,
        )  # fmt: skip


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
