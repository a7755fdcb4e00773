"""Errors of point forecasts, on arrays. scikit-learn has the mean absolute and squared error, and the root of that."""

from __future__ import annotations

import warnings

from numpy.typing import ArrayLike

from forecastrnn.metrics import formulas
from forecastrnn.metrics.checks import Weights, whole


def bias(y_true: ArrayLike, y_pred: ArrayLike, *, sample_weight: Weights = None) -> float:
    """Mean of forecast less truth: positive where forecasts are too high.

    mean(f - y).

    Parameters
    ----------
    y_true : array-like, of any shape
        What came. NaN is left out.
    y_pred : array-like, of the shape of `y_true`
        The forecast, in the same unit.
    sample_weight : array-like, of the shape of `y_true` or (n,), default=None
        Weights, not negative.

    Returns
    -------
    bias : float
        In the unit of `y_true`; NaN without a value.

    Raises
    ------
    ValueError
        If shapes or labels differ, a forecast is NaN where `y_true` is known, or a weight is negative.
    TypeError
        If something does not hold numbers.

    Examples
    --------
    >>> bias([1.0, 2.0], [2.0, 2.0])
    0.5
    """
    return float(formulas.bias(whole(y_true, sample_weight, forecast=y_pred))[0])


def mape(y_true: ArrayLike, y_pred: ArrayLike, *, sample_weight: Weights = None) -> float:
    """Mean absolute error in percent of each value.

    100 mean(abs(y - f) / abs(y)). scikit-learn's `mean_absolute_percentage_error` is a fraction, and divides by a tiny
    number where a value is 0.

    Parameters
    ----------
    y_true, y_pred, sample_weight
        As in `bias`, which also says what is refused.

    Returns
    -------
    mape : float
        In percent. If some value is 0: NaN and a UserWarning, never infinity, and never a mean over what is left.

    Examples
    --------
    >>> mape([1.0, 2.0], [2.0, 2.0])
    50.0
    """
    rows = whole(y_true, sample_weight, forecast=y_pred)
    zeros = int((rows.y == 0.0).sum())
    if zeros:
        warnings.warn(f"mape is NaN: {zeros} of {len(rows.y)} values are 0. See smape, wape or mase", stacklevel=2)
    return float(formulas.mape(rows)[0])


def smape(y_true: ArrayLike, y_pred: ArrayLike, *, sample_weight: Weights = None) -> float:
    """Mean absolute error in percent of the mean size of truth and forecast [1]_.

    200 mean(abs(y - f) / (abs(y) + abs(f))), 0 / 0 being 0: as in the M3 and M4 competitions. utilsforecast's is a
    fraction, this one over 200.

    Parameters
    ----------
    y_true, y_pred, sample_weight
        As in `bias`, with its errors.

    Returns
    -------
    smape : float
        In percent, 0 to 200.

    References
    ----------
    .. [1] S. Makridakis, M. Hibon. The M3-Competition: results, conclusions and implications. *International Journal
       of Forecasting* 16, 2000.

    Examples
    --------
    >>> smape([1.0, 0.0], [3.0, 0.0])
    50.0
    """
    return float(formulas.smape(whole(y_true, sample_weight, forecast=y_pred))[0])


def wape(y_true: ArrayLike, y_pred: ArrayLike, *, sample_weight: Weights = None) -> float:
    """Sum of absolute errors in percent of the sum of absolute values [1]_; also called normalized deviation.

    100 sum(abs(y - f)) / sum(abs(y)).

    Parameters
    ----------
    y_true, y_pred, sample_weight
        As in `bias`; it raises the same errors.

    Returns
    -------
    wape : float
        In percent; NaN if all values are 0.

    References
    ----------
    .. [1] S. Kolassa, W. Schütz. Advantages of the MAD/mean ratio over the MAPE. *Foresight* 6, 2007.

    Examples
    --------
    >>> wape([1.0, 3.0], [2.0, 2.0])
    50.0
    """
    return float(formulas.wape(whole(y_true, sample_weight, forecast=y_pred))[0])


def relative_mae(y_true: ArrayLike, y_pred: ArrayLike, benchmark: ArrayLike, *, sample_weight: Weights = None) -> float:
    """Mean absolute error over that of a simpler forecast: below 1 where `y_pred` is better.

    Over many series its geometric mean tells, which `evaluate` takes [1]_.

    Parameters
    ----------
    y_true, y_pred, sample_weight
        As in `bias`, and refused as there.
    benchmark : array-like, of the shape of `y_true`
        The forecast to compare with.

    Returns
    -------
    relative_mae : float
        NaN if the benchmark makes no error.

    References
    ----------
    .. [1] A. Davydenko, R. Fildes. Measuring forecasting accuracy: the case of judgmental adjustments to SKU-level
       demand forecasts. *International Journal of Forecasting* 29, 2013.

    Examples
    --------
    >>> relative_mae([1.0, 3.0], [1.0, 2.0], [2.0, 2.0])
    0.5
    """
    rows = whole(y_true, sample_weight, forecast=y_pred, benchmark=benchmark)
    return float(formulas.relative_mae(rows)[0])
