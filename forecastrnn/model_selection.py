"""Splits and scores of series for scikit-learn's searches."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.model_selection import BaseCrossValidator

from forecastrnn.data.arrays import check_count

__all__ = ["ForecastScore", "RollingOrigin"]


@dataclass(frozen=True)
class ForecastScore:
    """A metric by its name, for the `scoring` of `GridSearchCV` and others: minus that error of what was forecast.

    scikit-learn's own names, such as "neg_mean_absolute_error", need predictions row by row, which a forecaster has
    not; this calls `RNNForecaster.score`.

    Parameters
    ----------
    metric : {"mase", "mae", "mse", "rmse", "mape", "smape", "wape"}
        By the name that it has in `forecastrnn.metrics.evaluate`.

    Examples
    --------
    >>> from sklearn.model_selection import cross_validate
    >>> from forecastrnn import RNNForecaster
    >>> from forecastrnn.datasets import load_airline
    >>> from forecastrnn.model_selection import ForecastScore, RollingOrigin
    >>> model = RNNForecaster(n_members=1, max_steps=20, random_state=0)
    >>> scoring = {"mae": ForecastScore("mae"), "smape": ForecastScore("smape")}
    >>> found = cross_validate(model, load_airline(), cv=RollingOrigin(6, n_windows=2), scoring=scoring)
    >>> found["test_mae"].shape, bool((found["test_smape"] < 0).all())
    ((2,), True)
    """

    metric: str = "mase"

    def __call__(self, estimator: Any, y: Any, X: Any = None) -> float:
        """The score of a fitted forecaster.

        Parameters
        ----------
        estimator : RNNForecaster
            Fitted on what comes before y.
        y, X
            As in `RNNForecaster.score`.

        Returns
        -------
        float
        """
        return float(estimator.score(y, X, metric=self.metric))


class RollingOrigin(BaseCrossValidator):
    """Splits of series in time: learn from what comes before a cutoff, score the h rows behind it.

    A splitter as scikit-learn has them, for the `cv` of `GridSearchCV`, `cross_val_score` and others. It counts rows
    from the end of each series, as `RNNForecaster.cross_validation` does; of one series or a wide frame it makes the
    splits of `TimeSeriesSplit(n_windows, test_size=h)`.

    Parameters
    ----------
    h : int
        Rows of each series that are scored.
    n_windows : int, default=3
        Cutoffs of each series.
    step_size : int, default=None
        Rows between two cutoffs. None: h.
    max_length : int, default=None
        Rows of a series to learn from at most, the last ones before its cutoff. None: all.
    min_length : int, default=4
        Rows of a series to learn from at least; with fewer it is left out of that split, and a warning counts such
        series. The default is what `RNNForecaster` needs, unless its `context_length` or `horizon` need more.
    id_col : hashable, default="unique_id"
        Column of a long frame that says which series a row belongs to. A frame without it is wide.

    Examples
    --------
    >>> from sklearn.model_selection import GridSearchCV
    >>> from forecastrnn import RNNForecaster
    >>> from forecastrnn.datasets import load_airline
    >>> y = load_airline()
    >>> [(len(train), test.tolist()) for train, test in RollingOrigin(3, n_windows=2).split(y)]
    [(138, [138, 139, 140]), (141, [141, 142, 143])]
    >>> model = RNNForecaster(n_members=1, max_steps=20, random_state=0)
    >>> search = GridSearchCV(model, {"context_length": [12, 24]}, cv=RollingOrigin(12, n_windows=2)).fit(y)
    >>> sorted(search.best_params_)
    ['context_length']
    """

    def __init__(
        self, h: int, n_windows: int = 3, step_size: int | None = None, *, max_length: int | None = None,
        min_length: int = 4, id_col: Hashable = "unique_id",
    ) -> None:  # fmt: skip
        self.h, self.n_windows, self.step_size = h, n_windows, step_size
        self.max_length, self.min_length, self.id_col = max_length, min_length, id_col

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Number of splits, which is `n_windows`.

        Parameters
        ----------
        X, y, groups : object
            Not used: scikit-learn hands them on.

        Returns
        -------
        int
        """
        return check_count(self.n_windows, "n_windows")

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Row numbers to learn from, and to score; the earliest cutoff first.

        Parameters
        ----------
        X : Series, DataFrame, list or ndarray
            The series, in the order of time: what is given to `fit` first.
        y : object
            Not used: scikit-learn hands it on.
        groups : array-like of shape (n_rows,), optional
            Which series each row belongs to, if X does not say it.

        Yields
        ------
        train, test : ndarray of int

        Raises
        ------
        ValueError
            If no series is long enough for one of the splits, or an option is not possible.
        """
        from forecastrnn.data.row_ranks import numbered, rows_behind, series_of_rows

        h, n, least = (check_count(getattr(self, name), name) for name in ("h", "n_windows", "min_length"))
        step = check_count(h if self.step_size is None else self.step_size, "step_size")
        most = np.inf if self.max_length is None else check_count(self.max_length, "max_length")
        series = series_of_rows(X, self.id_col) if groups is None else numbered(groups)
        behind, lengths = rows_behind(series), np.bincount(series)
        self._check(lengths, least + h + step * np.arange(n)[::-1])
        for window in reversed(range(n)):
            first = window * step  # rows behind the split
            used = (lengths >= first + h + least)[series]
            yield (
                np.flatnonzero(used & (behind >= first + h) & (behind < first + h + most)),
                np.flatnonzero(used & (behind >= first) & (behind < first + h)),
            )

    def _check(self, lengths: np.ndarray, needed: np.ndarray) -> None:
        """Refuse a split without series, and warn of series that are too short for some; needed (n_windows,) rows."""
        if not len(lengths) or lengths.max() < needed[0]:
            raise ValueError(
                f"RollingOrigin: the longest series has {lengths.max(initial=0)} rows, but {self.n_windows} windows of "
                f"h={self.h} behind at least {self.min_length} rows need {needed[0]}"
            )
        short = int((lengths < needed[0]).sum())
        if short:
            warnings.warn(
                f"RollingOrigin: {short} of {len(lengths)} series have fewer than the {needed[0]} rows of all "
                f"{self.n_windows} windows, and are left out of those that they are too short for",
                UserWarning,
                stacklevel=3,
            )
