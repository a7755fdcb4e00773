"""Small real series of the package, synthetic ones of all kinds, the curve of the first examples, grammars, dates."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import pandas as pd

from forecastrnn import seeds
from forecastrnn.datasets.dates import make_dates as make_dates
from forecastrnn.datasets.grammars import encode_reber as encode_reber
from forecastrnn.datasets.grammars import make_reber as make_reber
from forecastrnn.datasets.synthetic.making import make_series as make_series
from forecastrnn.datasets.whole_numbers import check_whole

_CURVE_END = 30.0
_CURVE_STEP = 0.1


def _load(name: str, freq: str) -> pd.Series:
    with (files("forecastrnn.datasets") / f"{name}.csv").open(encoding="utf-8") as file:
        table = pd.read_csv(file, dtype={name: np.float64}, parse_dates=["date"])
    index = pd.DatetimeIndex(table["date"], freq=freq, name="date")
    return pd.Series(table[name].to_numpy(), index=index, name=name)


def load_airline() -> pd.Series:
    """Thousands of international airline passengers a month, 1949 to 1960.

    Series G of Box and Jenkins, Time Series Analysis: Forecasting and Control (1970), as distributed with
    sktime under the BSD 3-clause licence.

    Returns
    -------
    Series of 144 float64, freq MS

    Examples
    --------
    >>> load_airline().head(2)
    date
    1949-01-01    112.0
    1949-02-01    118.0
    Freq: MS, Name: airline, dtype: float64
    """
    return _load("airline", "MS")


def load_sunspots() -> pd.Series:
    """Mean number of sunspots a year, 1700 to 2008.

    As distributed with statsmodels, in the public domain.

    Returns
    -------
    Series of 309 float64, freq YS

    Examples
    --------
    >>> load_sunspots().index[-1].year
    2008
    """
    return _load("sunspots", "YS")


def load_lynx() -> pd.Series:
    """Lynx trapped a year in the Mackenzie River district of Canada, 1821 to 1934.

    As distributed with sktime under the BSD 3-clause licence.

    Returns
    -------
    Series of 114 float64, freq YS

    Examples
    --------
    >>> int(load_lynx().max())
    6991
    """
    return _load("lynx", "YS")


def load_co2() -> pd.Series:
    """Weekly carbon dioxide in the air at Mauna Loa in parts per million, 1958 to 2001, with gaps.

    Weeks end on Saturdays; the 59 that were not measured are NaN. As distributed with statsmodels, in the
    public domain.

    Returns
    -------
    Series of 2284 float64, freq W-SAT

    Examples
    --------
    >>> int(load_co2().isna().sum())
    59
    """
    return _load("co2", "W-SAT")


def load_births() -> pd.Series:
    """Children born a day in the United States, 1998 to 2003.

    Fewer on weekends and holidays. Of the National Center for Health Statistics, in the public domain, as put together
    by FiveThirtyEight under CC BY 4.0.

    Returns
    -------
    Series of 2191 float64, freq D

    Examples
    --------
    >>> births = load_births()
    >>> births["2003-12-24":"2003-12-26"].astype(int).tolist()
    [9096, 6628, 10218]
    """
    return _load("births", "D")


def _curve(times: np.ndarray) -> np.ndarray:
    return times * np.sin(times) / 3 + 2 * np.sin(5 * times)


def make_sine(
    n_series: int = 50, n_steps: int = 20, random_state: int | np.random.RandomState | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Random windows of t sin(t) / 3 + 2 sin(5 t), and the same windows one step later.

    Each window starts anywhere in [0, 30] such that both fit, and takes steps of 0.1.

    Parameters
    ----------
    n_series : int, default=50
        Number of windows.
    n_steps : int, default=20
        Length of a window, at most 300.
    random_state : int, RandomState instance or None, default=None
        Draws the starts.

    Returns
    -------
    X : ndarray of shape (n_series, n_steps, 1), float32
    y : ndarray of shape (n_series, n_steps, 1), float32

    Raises
    ------
    ValueError
        If `n_series` or `n_steps` is not an integer within its range.

    Examples
    --------
    >>> X, y = make_sine(4, 20, random_state=0)
    >>> X.shape, bool((X[:, 1:] == y[:, :-1]).all())
    ((4, 20, 1), True)
    """
    largest = round(_CURVE_END / _CURVE_STEP)
    check_whole("n_series", n_series)
    check_whole("n_steps", n_steps, most=largest)
    latest = _CURVE_END - n_steps * _CURVE_STEP
    starts = seeds.check_draws(random_state).uniform(0.0, max(latest, 0.0), size=(n_series, 1))
    windows = _curve(starts + _CURVE_STEP * np.arange(n_steps + 1)).astype(np.float32)[:, :, None]
    return windows[:, :-1].copy(), windows[:, 1:].copy()


def make_sine_series() -> pd.Series:
    """The whole curve t sin(t) / 3 + 2 sin(5 t): value number k is that at t = k / 10, up to t = 30.

    Returns
    -------
    Series of 301 float64 with a RangeIndex

    Examples
    --------
    >>> make_sine_series().round(3).head(3)
    0    0.000
    1    0.962
    2    1.696
    Name: sine, dtype: float64
    """
    times = np.arange(round(_CURVE_END / _CURVE_STEP) + 1) / 10
    return pd.Series(_curve(times), name="sine")
