"""Errors over those of the seasonal naive forecast in the past, on arrays of one series."""

from __future__ import annotations

from dataclasses import replace

from numpy.typing import ArrayLike

from forecastrnn.metrics import formulas
from forecastrnn.metrics.checks import Weights, whole, with_past


def mase(
    y_true: ArrayLike, y_pred: ArrayLike, *, train: ArrayLike, season_length: int, sample_weight: Weights = None
) -> float:
    """Mean absolute error over that of the seasonal naive forecast in the past, one step ahead [1]_.

    mean(abs(y - f)) / q with q = mean(abs(train[t] - train[t - season_length])).

    Parameters
    ----------
    y_true, y_pred, sample_weight
        As in `bias`, of one series.
    train : array-like of shape (time,)
        What was known when the forecast was made. Differences from or to NaN are left out.
    season_length : int
        Steps of a season: 12 for months, 7 for days, 1 where there is none.

    Returns
    -------
    mase : float
        NaN if q is 0 (also where the error is 0) or unknown: fewer than `season_length` + 1 values.

    Raises
    ------
    ValueError
        As `bias`; if `train` is not one series or `season_length` not an integer >= 1.
    TypeError
        If something does not hold numbers.

    References
    ----------
    .. [1] R. J. Hyndman, A. B. Koehler. Another look at measures of forecast accuracy. *International Journal of
       Forecasting* 22, 2006.

    Examples
    --------
    >>> mase([5.0, 6.0], [5.0, 5.0], train=[1.0, 2.0, 3.0, 4.0], season_length=2)
    0.25
    """
    rows = with_past(whole(y_true, sample_weight, forecast=y_pred), train, season_length)
    return float(formulas.mase(rows)[0])


def rmsse(
    y_true: ArrayLike, y_pred: ArrayLike, *, train: ArrayLike, season_length: int, sample_weight: Weights = None
) -> float:
    """Root of the mean squared error over that of the seasonal naive forecast in the past [1]_.

    The root of mean((y - f)²) / mean((train[t] - train[t - season_length])²).

    Parameters
    ----------
    y_true, y_pred, train, season_length, sample_weight
        As in `mase`, which says what is refused.

    Returns
    -------
    rmsse : float
        NaN where `mase` is.

    References
    ----------
    .. [1] S. Makridakis, E. Spiliotis, V. Assimakopoulos. M5 accuracy competition: results, findings, and conclusions.
       *International Journal of Forecasting* 38, 2022.

    Examples
    --------
    >>> rmsse([5.0, 6.0], [5.0, 4.0], train=[1.0, 2.0, 1.0], season_length=1)
    1.4142135623730951
    """
    rows = with_past(whole(y_true, sample_weight, forecast=y_pred), train, season_length)
    return float(formulas.rmsse(rows)[0])


def owa(y_true: ArrayLike, y_pred: ArrayLike, benchmark: ArrayLike, *, train: ArrayLike, season_length: int) -> float:
    """sMAPE and MASE, each over that of a benchmark, and the mean of both [1]_.

    Over many series the M4 competition divides means by means, and so does `evaluate`; of a single one this is it.

    Parameters
    ----------
    y_true, y_pred, train, season_length
        As in `mase`, with its errors.
    benchmark : array-like, of the shape of `y_true`
        The forecast to compare with: in M4 that of Naive2, the naive one of the seasonally adjusted series.

    Returns
    -------
    owa : float
        1 if both are equally good; NaN where `mase` is, or if the benchmark makes no error.

    References
    ----------
    .. [1] S. Makridakis, E. Spiliotis, V. Assimakopoulos. The M4 Competition: 100,000 time series and 61 forecasting
       methods. *International Journal of Forecasting* 36, 2020.

    Examples
    --------
    >>> owa([3.0, 3.0], [3.0, 2.0], [2.0, 2.0], train=[1.0, 2.0], season_length=1)
    0.5
    """
    rows = with_past(whole(y_true, forecast=y_pred, benchmark=benchmark), train, season_length)
    pairs = (rows, replace(rows, forecast=rows.benchmark))
    return float(formulas.owa(*(part(each) for each in pairs for part in formulas.PARTS))[0])
