"""What the default forecaster's network reads at each time, from scaled values and their trailing means.

At time t, to forecast t + 1: z_t - a_t, a_t - a_(t-m), a_t - a_(t-L); with lags also the values one season, one
period and two seasons before t + 1, relative to the trailing means; with older means those of blocks of values, one
behind the other from t back, relative to a_t; two harmonics of the phase of t + 1; log of the scale, whether the series
is linear, log(L / m). First the raw columns (for the linear skip), then asinh of them.
"""

import numpy as np

from forecastrnn.engine.compiling import jitted
from forecastrnn.engine.input_formulas import LAGS, PHASE, PLAIN, STATIC, write_inputs
from forecastrnn.engine.memory import check_fits


def n_columns(season: int, with_lags: bool, older_means: tuple[int, ...] = ()) -> int:
    """Raw columns; the network reads as many again, squashed. older_means: length, count of blocks, and so on."""
    return PLAIN + (LAGS if with_lags else 0) + sum(older_means[1::2]) + (PHASE if season >= 2 else 0) + STATIC


def reach_of(older_means: tuple[int, ...]) -> int:
    """Values from time t back that the blocks cover."""
    return sum(length * count for length, count in zip(older_means[::2], older_means[1::2], strict=True))


@jitted
def fill_inputs(z, a, sums, starts, pads, season, width, periods, two, with_lags, blocks, static, out):
    """Rows of all padded times of all series; out (total, 2 columns + k) flat. Rows without enough past stay zero.

    sums: scratch for one more value than the longest series has, or empty where there are no blocks.
    """
    columns, groups = len(out) // len(z), len(blocks) // 2
    for i in range(len(starts) - 1):
        lo, hi = starts[i], starts[i + 1]
        total = 0.0
        if groups > 0:
            sums[0] = 0.0
            for t in range(lo, hi):
                sums[t - lo + 1] = sums[t - lo] + z[t]
        for t in range(lo, hi):
            total += z[t]
            if t - lo >= width:
                total -= z[t - width]
            a[t] = total / (width if t - lo >= width else t - lo + 1)
        past = width + (periods[i] if periods[i] > two else two)
        phase = (past - pads[i]) % season
        for t in range(lo + past, hi - 1):
            phase = phase + 1 if phase + 1 < season else 0
            write_inputs(
                z, a, sums, -lo, t, lo + pads[i], phase, season, periods[i], two, with_lags, blocks, groups, static,
                i * STATIC, out, t * columns,
            )  # fmt: skip


def build_inputs(
    prepared: object, with_lags: bool, dtype: str, codes: np.ndarray | None = None, older_means: tuple[int, ...] = ()
) -> np.ndarray:  # fmt: skip
    """Input rows (total, 2 columns + k) of all padded times of a `Prepared`; codes (n_series, k) come last."""
    columns = 2 * n_columns(prepared.season, with_lags, older_means) + (0 if codes is None else codes.shape[1])
    blocks = np.array(older_means, np.int64)
    if older_means:
        need = len(prepared.z) * columns * np.dtype(dtype).itemsize
        check_fits(need, f"older_means: {columns} inputs of {len(prepared.z)} values", "Take fewer blocks.")
    out = np.zeros(len(prepared.z) * columns, dtype)
    means, sums = np.zeros(len(prepared.z)), np.zeros(np.diff(prepared.starts).max() + 1 if older_means else 0)
    fill_inputs(
        prepared.z, means, sums, prepared.starts, prepared.pads, prepared.season, prepared.width, prepared.periods,
        prepared.two, with_lags, blocks, prepared.static.reshape(-1), out,
    )  # fmt: skip
    rows = out.reshape(-1, columns)
    if codes is not None:
        rows[:, columns - codes.shape[1] :] = np.repeat(codes, np.diff(prepared.starts), axis=0)
    return rows
