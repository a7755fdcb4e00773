"""The median of the last values, where values are mostly zero."""

from __future__ import annotations

import numpy as np
import pytest

from forecastrnn.forecasting.candidates.recent_median import RECENT_MEDIAN, RECENT_MEDIAN_ROUNDED
from support.candidate_cases import known


@pytest.mark.parametrize(("season", "width"), [(1, 24), (7, 28), (12, 24), (30, 60)])
def test_is_the_median_of_the_last_values(season: int, width: int) -> None:
    rng = np.random.default_rng(season)
    lengths = [9, 25, 70]
    series = [np.where(rng.random(n) < 0.45, rng.poisson(3.0, n), 0).astype(float) for n in lengths]
    series[1][3] = series[1][-2] = np.nan
    series = [np.where(np.arange(len(y)) < 0.7 * len(y), 0.0 * y, y) for y in series]  # the zeros first
    states = RECENT_MEDIAN.begin(known(*series, season=season))
    new = np.array([5.0, np.nan, 4.0, 7.0, 0.0])
    moved = RECENT_MEDIAN.behind(states, new, np.array([0, 5]), np.array([2]))
    for found, y in zip(RECENT_MEDIAN.ahead(moved, 3), [*series[:2], np.append(series[2], new)]):
        n = min(width, len(y))
        for gap in np.flatnonzero(np.isnan(y[n:])) + n:
            y[gap] = y[gap - n]  # what is not known leaves the last value of its place
        assert found.tolist() == [np.nanmedian(y[-n:])] * 3


def test_only_series_with_zeros_have_one() -> None:
    often = np.repeat([1.0, 0.0, 1.0, 0.0], [16, 11, 12, 1])  # 12 of 40, and half of the last 24
    weekends = np.tile([0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0], 4)
    states = RECENT_MEDIAN.begin(known(often, weekends, often + 1.0))
    assert RECENT_MEDIAN.ahead(states, 1).ravel().tolist()[:1] == [0.5]
    assert np.isnan(RECENT_MEDIAN.ahead(states, 1)[1:]).all()
    assert RECENT_MEDIAN_ROUNDED.ahead(states, 1)[0, 0] == 0.0
