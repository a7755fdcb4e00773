"""Baselines against their formulas, written again series by series, with gaps and short series."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest

from forecastrnn.backtesting.baselines import columns_of, forecasts_of
from forecastrnn.backtesting.origins import Needs, origins_of
from forecastrnn.backtesting.windows import windows_of
from forecastrnn.data.series import read_series
from support.backtest_cases import tiny
from support.forecaster_cases import long_of, monthly

NAMES = ["naive", "seasonal_naive", "drift"]
COLUMNS = ["Naive", "SeasonalNaive", "Drift"]
SEASON = 4


def with_gaps() -> pd.DataFrame:
    y = long_of({"a": monthly(30, 1), "b": monthly(21, 2), "c": monthly(13, 3)})
    y.loc[[3, 17, 18, 21, 29, 33, 45, 46, 60], "y"] = np.nan  # at cutoffs, at the beginning, a place of the season
    return y


def slow(known: np.ndarray, step: int, name: str) -> tuple[float, float]:
    """The forecast of one step, and its standard deviation."""
    n, there = len(known), [k for k in range(len(known)) if not math.isnan(known[k])]
    first, last = there[0], there[-1]

    def changes(m: int) -> list[float]:
        return [known[k] - known[k - m] for k in there if k - m in there]

    def size(m: int) -> float:
        return math.sqrt(sum(change**2 for change in changes(m)) / len(changes(m))) if changes(m) else math.nan

    ahead = n - 1 - last + step
    naive = known[last], size(1) * math.sqrt(ahead)
    if name == "Naive":
        return naive
    if name == "Drift":
        slope = (known[last] - known[first]) / (last - first)
        spread = math.sqrt(max(size(1) ** 2 - slope**2, 0))
        return known[last] + slope * ahead, spread * math.sqrt(ahead * (1 + ahead / (last - first)))
    same = [k for k in there if (k - (n - 1 + step)) % SEASON == 0]
    return (known[same[-1]], size(SEASON) * math.sqrt(math.ceil(step / SEASON))) if same else naive


@pytest.mark.parametrize("max_length", [None, 6])
def test_formulas(max_length: int | None) -> None:
    read = read_series(with_gaps(), missing="mask")
    windows = windows_of(6, n_windows=3, step_size=1, gap=1, max_length=max_length, refit=True)
    with pytest.warns(UserWarning, match="1 of 3 series"):
        origins, _ = origins_of(read, windows, Needs(fit=5, forecast=5))
    assert columns_of(NAMES) == COLUMNS and columns_of("drift") == ["Drift"] and columns_of(()) == []
    ends = ["-lo-80", "-hi-80", "_ql0.1", "_ql0.75"]
    found = forecasts_of(COLUMNS, read, origins, windows.steps, season=SEASON, ends=ends)
    assert list(found)[:6] == ["Naive", *[f"Naive{end}" for end in ends], "SeasonalNaive"]
    for name in COLUMNS:
        pairs = [
            slow(read.values[begin:end].tolist(), step, name)
            for begin, end in zip(origins.begin.tolist(), origins.end.tolist(), strict=True)
            for step in windows.steps
        ]
        middle, spread = np.array(pairs).T
        np.testing.assert_allclose(found[name], middle, rtol=1e-12)
        for end, chance in zip(ends, (0.1, 0.9, 0.1, 0.75), strict=True):
            expected = middle + NormalDist().inv_cdf(chance) * spread
            np.testing.assert_allclose(found[f"{name}{end}"], expected, rtol=1e-9)


def test_columns_stand_behind_those_of_the_network() -> None:
    """In the order asked for, with the season of the fit; alone, without intervals."""
    y = monthly(60)
    cv = tiny(alias="GRU").cross_validation(y, 12, n_windows=1, baselines=["drift", "seasonal_naive"])
    assert cv.columns.tolist()[4:] == ["GRU", "Drift", "SeasonalNaive"]
    np.testing.assert_array_equal(cv["SeasonalNaive"], y[-24:-12])


def test_they_see_no_other_series() -> None:
    """Their bits do not depend on what comes before in the array."""
    one, big = monthly(40, 1), monthly(50, 2) * 1e12
    alone = tiny(season_length=3).cross_validation(one.rename("one"), 5, n_windows=2, refit=False, baselines=NAMES)
    wide = long_of({"big": big, "one": one})
    both = tiny(season_length=3).cross_validation(wide, 5, n_windows=2, refit=False, baselines=NAMES)
    np.testing.assert_array_equal(both[both["unique_id"] == "one"][COLUMNS], alone[COLUMNS])


def test_one_that_is_named_twice() -> None:
    with pytest.raises(ValueError, match="^baselines names 'drift' twice; name it once$"):
        columns_of(["drift", "naive", "drift"])
