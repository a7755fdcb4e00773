"""The series that come with the package."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecastrnn import datasets
from forecastrnn.data.series import read_series, season_of

# Loader: name, length, freq, first and last time, first and last value, missing values, season.
KNOWN = {
    datasets.load_airline: ("airline", 144, "MS", "1949-01-01", "1960-12-01", 112.0, 432.0, 0, 12),
    datasets.load_sunspots: ("sunspots", 309, "YS-JAN", "1700-01-01", "2008-01-01", 5.0, 2.9, 0, 1),
    datasets.load_lynx: ("lynx", 114, "YS-JAN", "1821-01-01", "1934-01-01", 269.0, 3396.0, 0, 1),
    datasets.load_co2: ("co2", 2284, "W-SAT", "1958-03-29", "2001-12-29", 316.1, 371.5, 59, 52),
    datasets.load_births: ("births", 2191, "D", "1998-01-01", "2003-12-31", 8213.0, 12374.0, 0, 7),
}


@pytest.mark.parametrize("load", KNOWN, ids=lambda load: load.__name__)
def test_real_series(load: object) -> None:
    name, length, freq, first, last, start, end, gaps, season = KNOWN[load]
    y = load()
    assert y.name == name and len(y) == length and y.dtype == np.float64
    assert y.index.freqstr == freq and y.index.name == "date"
    assert (y.index[0], y.index[-1]) == (pd.Timestamp(first), pd.Timestamp(last))
    assert (y.iloc[0], y.iloc[-1]) == (start, end) and y.isna().sum() == gaps
    assert season_of(read_series(y, missing="mask").axis) == season


def test_sine_windows_lie_on_the_curve() -> None:
    X, y = datasets.make_sine(200, 20, random_state=3)
    assert X.shape == y.shape == (200, 20, 1) and X.dtype == y.dtype == np.float32
    np.testing.assert_array_equal(X[:, 1:], y[:, :-1])
    again, _ = datasets.make_sine(200, 20, random_state=3)
    np.testing.assert_array_equal(X, again)
    curve = datasets.make_sine_series()
    whole, following = datasets.make_sine(1, 300)
    np.testing.assert_allclose(whole[0, :, 0], curve[:-1], rtol=1e-6, atol=1e-5)
    np.testing.assert_allclose(following[0, :, 0], curve[1:], rtol=1e-6, atol=1e-5)
    assert X.min() >= curve.min() - 0.1 and X.max() <= curve.max() + 0.1 and len(curve) == 301


@pytest.mark.parametrize("arguments", [(0, 20), (5, 0), (5, 301), (5, 2.5), (True, 20)])
def test_sine_refuses_impossible_sizes(arguments: tuple) -> None:
    with pytest.raises(ValueError, match="n_(series|steps) must be an integer.*Got"):
        datasets.make_sine(*arguments)


@pytest.mark.parametrize("make", ["make_sine", "make_dates", "make_reber", "make_series"])
@pytest.mark.parametrize("seed", [-1, "a", 1.5, 2**32])
def test_a_seed_that_is_none_is_told_what_it_may_be(make: str, seed: object) -> None:
    with pytest.raises(ValueError, match="random_state must be None, an int from 0 to 4294967295"):
        getattr(datasets, make)(3, random_state=seed)
