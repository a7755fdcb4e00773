"""Scores of quantiles and of sample paths, on arrays. scikit-learn has the pinball loss of one quantile."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from forecastrnn.metrics import formulas
from forecastrnn.metrics.checks import Weights, check_quantiles, whole


def wql(y_true: ArrayLike, y_pred: ArrayLike, *, quantiles: ArrayLike, sample_weight: Weights = None) -> float:
    """Weighted quantile loss: twice the pinball losses over the sum of absolute values [1]_.

    The mean over the quantiles q of 2 sum(max(q e, (q - 1) e)) / sum(abs(y)), e = y - f. With the median alone it is
    `wape` / 100; with many quantiles it comes near the CRPS over the mean of abs(y).

    Parameters
    ----------
    y_true, sample_weight
        As in `bias`.
    y_pred : array-like, of the shape of `y_true` and a last axis of n_quantiles
        The forecast of each quantile.
    quantiles : array-like of shape (n_quantiles,)
        Between 0 and 1.

    Returns
    -------
    wql : float
        NaN if all values are 0.

    Raises
    ------
    ValueError
        As `bias`; if a quantile is not between 0 and 1.
    TypeError
        If something does not hold numbers.

    References
    ----------
    .. [1] D. Salinas, V. Flunkert, J. Gasthaus, T. Januschowski. DeepAR: probabilistic forecasting with autoregressive
       recurrent networks. *International Journal of Forecasting* 36, 2020.

    Examples
    --------
    >>> wql([1.0, 3.0], [[2.0], [2.0]], quantiles=[0.5])
    0.5
    """
    levels = check_quantiles(quantiles)
    rows = whole(y_true, sample_weight, by_quantile=y_pred)
    if rows.by_quantile.shape[-1] != len(levels):
        raise ValueError(f"y_pred has {rows.by_quantile.shape[-1]} quantiles, but quantiles names {len(levels)}")
    return float(formulas.wql(replace(rows, quantiles=levels))[0])


def crps(y_true: ArrayLike, paths: ArrayLike, *, sample_weight: Weights = None) -> float:
    """Continuous ranked probability score of sample paths [1]_.

    mean(abs(x - y)) - mean(abs(x - x')) / 2 over paths x and pairs of them, without a path and itself: so its
    expectation does not depend on the number of paths [2]_. Of one path it is the mean absolute error.

    Parameters
    ----------
    y_true, sample_weight
        As in `bias`, which also says what is refused.
    paths : array-like, of a first axis of n_paths and the shape of `y_true`
        Draws from the forecast.

    Returns
    -------
    crps : float
        In the unit of the values; NaN without a value.

    References
    ----------
    .. [1] J. E. Matheson, R. L. Winkler. Scoring rules for continuous probability distributions. *Management Science*
       22, 1976.
    .. [2] M. Zamo, P. Naveau. Estimation of the continuous ranked probability score with limited information.
       *Mathematical Geosciences* 50, 2018.

    Examples
    --------
    >>> crps([2.0], [[1.0], [2.0], [6.0]])
    0.0
    """
    return float(formulas.crps(whole(y_true, sample_weight, paths=paths))[0])


def pit(y_true: ArrayLike, paths: ArrayLike) -> np.ndarray:
    """Probability integral transform: the share of paths below each value, and half of those that equal it [1]_.

    If values are draws from the forecast these shares are uniform; a histogram with a hill means too wide a forecast,
    one with a valley too narrow.

    Parameters
    ----------
    y_true, paths
        As in `crps`, with its errors.

    Returns
    -------
    pit : ndarray, of the shape of `y_true`
        Between 0 and 1; NaN where `y_true` is.

    References
    ----------
    .. [1] A. P. Dawid. Statistical theory: the prequential approach. *Journal of the Royal Statistical Society A* 147,
       1984.

    Examples
    --------
    >>> pit([2.0, 0.0], [[1.0, 1.0], [2.0, 2.0]])
    array([0.75, 0.  ])
    """
    rows = whole(y_true, paths=paths)
    truth = np.asarray(y_true, dtype=np.float64)
    found = np.full(truth.shape, np.nan)
    found[np.isfinite(truth)] = ((rows.paths < rows.y) + 0.5 * (rows.paths == rows.y)).mean(axis=0)
    return found
