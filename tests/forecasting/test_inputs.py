"""What the network reads, against a slow restatement."""

from __future__ import annotations

import numpy as np
import pytest

from forecastrnn.forecasting.inputs import build_inputs
from forecastrnn.forecasting.preparation import Prepared, prepare
from support.naive_seasonal import SEASONS, trailing_mean
from support.panels import put_together, random_panel


def naive_row(p: Prepared, i: int, z: np.ndarray, t: int, with_lags: bool) -> np.ndarray:
    """Columns at time t of the padded series z, to forecast t + 1."""
    m, period = p.layout.season, int(p.period_of[i])
    a = trailing_mean(z, p.layout.mean_width)
    row = [z[t] - a[t], a[t] - a[t - m], a[t] - a[t - period]]
    if with_lags:
        row += [z[t + 1 - m] - a[t - m], z[t + 1 - period] - a[t - period], z[t + 1 - p.layout.second_lag] - a[t - m]]
    if m >= 2:
        angle = 2 * np.pi * ((t + 1 - p.pads[i]) % m) / m
        row += [np.sin(angle), np.cos(angle), np.sin(2 * angle), np.cos(2 * angle)]
    row += [np.log(p.scale[i]) + 3, float(p.linear[i]), np.log(period / m)]
    return np.concatenate([row, np.arcsinh(row)])


@pytest.mark.parametrize("with_lags", [False, True], ids=["plain", "lags"])
@pytest.mark.parametrize("season", SEASONS)
def test_rows_equal_the_slow_ones(season: int, with_lags: bool) -> None:
    p = prepare(*put_together(random_panel(season, True)), season).read_with(lags=with_lags)
    rows = build_inputs(p, "float64")
    assert rows.shape == (len(p.z), 2 * p.layout.n_columns)
    rng = np.random.default_rng(season)
    for i in range(p.n_series):
        lo, hi = p.starts[i], p.starts[i + 1]
        first = p.layout.mean_width + max(p.period_of[i], p.layout.second_lag)
        times = np.r_[first, rng.integers(first, hi - lo - 1, 12), hi - lo - 2]
        for t in times:
            expected = naive_row(p, i, p.z[lo:hi], int(t), with_lags)
            np.testing.assert_allclose(rows[lo + t], expected, atol=1e-8)


@pytest.mark.parametrize("season", SEASONS)
def test_rows_without_a_past_or_a_future_stay_zero(season: int) -> None:
    p = prepare(*put_together(random_panel(season, False)), season).read_with(lags=True)
    rows = build_inputs(p, "float32")
    for i in range(p.n_series):
        assert not rows[
            p.starts[i] : p.starts[i] + p.layout.mean_width + max(p.period_of[i], p.layout.second_lag)
        ].any()
        assert not rows[p.starts[i + 1] - 1].any()


def test_windows_never_reach_the_empty_rows() -> None:
    """All rows that a window of context + ahead steps can read are written."""
    p = prepare(*put_together(random_panel(4, False)), 4).read_with(lags=True)
    rows = build_inputs(p, "float64")
    for i in range(p.n_series):
        written = np.flatnonzero(rows[p.starts[i] : p.starts[i + 1]].any(axis=1))
        assert written[0] <= p.pads[i] - p.context - p.ahead
        np.testing.assert_array_equal(np.diff(written), 1)


def test_float32_is_near_float64() -> None:
    p = prepare(*put_together(random_panel(12, True)), 12).read_with(lags=True)
    np.testing.assert_allclose(build_inputs(p, "float32"), build_inputs(p, "float64"), rtol=1e-6)
