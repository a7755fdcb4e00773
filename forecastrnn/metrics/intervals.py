"""Scores of intervals, on arrays."""

from __future__ import annotations

from dataclasses import replace

from numpy.typing import ArrayLike

from forecastrnn.metrics import formulas
from forecastrnn.metrics.checks import Weights, check_level, whole, with_past


def coverage(y_true: ArrayLike, lower: ArrayLike, upper: ArrayLike, *, sample_weight: Weights = None) -> float:
    """Percent of values inside their intervals; the ends belong to them.

    100 mean(lower <= y <= upper), to be compared with the level.

    Parameters
    ----------
    y_true, sample_weight
        As in `bias`.
    lower, upper : array-like, of the shape of `y_true`
        The intervals.

    Returns
    -------
    coverage : float
        In percent; NaN without a value.

    Raises
    ------
    ValueError, TypeError
        As `bias`.

    Examples
    --------
    >>> coverage([1.0, 2.0, 3.0, 4.0], [0.0, 2.0, 2.0, 5.0], [1.0, 3.0, 5.0, 6.0])
    75.0
    """
    return float(formulas.coverage(whole(y_true, sample_weight, lower=lower, upper=upper))[0])


def width(lower: ArrayLike, upper: ArrayLike, *, sample_weight: Weights = None) -> float:
    """Mean width of intervals: of two that cover as much, the narrower one is better.

    Parameters
    ----------
    lower, upper : array-like, of one shape
        The intervals.
    sample_weight : array-like, of that shape or (n,), default=None
        Weights, not negative; all else that is refused is in `bias`.

    Returns
    -------
    width : float
        In the unit of the values.

    Examples
    --------
    >>> width([0.0, 1.0], [2.0, 5.0])
    3.0
    """
    return float(formulas.width(whole(lower, sample_weight, lower=lower, upper=upper))[0])


def scaled_width(lower: ArrayLike, upper: ArrayLike, *, train: ArrayLike, season_length: int) -> float:
    """Mean width of intervals over the mean absolute error of the seasonal naive forecast in the past.

    Parameters
    ----------
    lower, upper
        As in `width`, of one series.
    train, season_length
        As in `mase`, which says what is refused.

    Returns
    -------
    scaled_width : float
        NaN where `mase` is.

    Examples
    --------
    >>> scaled_width([0.0, 1.0], [2.0, 5.0], train=[1.0, 3.0, 1.0], season_length=1)
    1.5
    """
    rows = with_past(whole(lower, lower=lower, upper=upper), train, season_length)
    return float(formulas.scaled_width(rows)[0])


def interval_score(
    y_true: ArrayLike, lower: ArrayLike, upper: ArrayLike, *, level: float, sample_weight: Weights = None
) -> float:
    """Width of intervals and a fine for what lies outside, smallest for the true quantiles [1]_.

    mean(upper - lower + 2 / a (lower - y)+ + 2 / a (y - upper)+) with a = 1 - level / 100; also called Winkler score.

    Parameters
    ----------
    y_true, lower, upper, sample_weight
        As in `coverage`.
    level : float
        In percent: 80 for intervals from the 10% to the 90% quantile.

    Returns
    -------
    interval_score : float
        In the unit of the values.

    Raises
    ------
    ValueError
        As `bias`; if `level` is not between 0 and 100, or was given as a fraction.
    TypeError
        If something is not numbers.

    References
    ----------
    .. [1] T. Gneiting, A. E. Raftery. Strictly proper scoring rules, prediction, and estimation. *Journal of the
       American Statistical Association* 102, 2007.

    Examples
    --------
    >>> interval_score([1.0, 5.0], [0.0, 0.0], [2.0, 4.0], level=80)
    8.0
    """
    rows = whole(y_true, sample_weight, lower=lower, upper=upper)
    return float(formulas.interval_score(replace(rows, level=check_level(level)))[0])


def msis(
    y_true: ArrayLike, lower: ArrayLike, upper: ArrayLike, *, level: float, train: ArrayLike, season_length: int
) -> float:
    """Interval score over the mean absolute error of the seasonal naive forecast in the past, as in M4.

    Parameters
    ----------
    y_true, lower, upper, level
        As in `interval_score`, of one series.
    train, season_length
        As in `mase`; both say what is refused.

    Returns
    -------
    msis : float
        NaN where `mase` is.

    Examples
    --------
    >>> msis([1.0, 5.0], [0.0, 0.0], [2.0, 4.0], level=80, train=[1.0, 3.0], season_length=1)
    4.0
    """
    rows = with_past(whole(y_true, lower=lower, upper=upper), train, season_length)
    return float(formulas.msis(replace(rows, level=check_level(level)))[0])
