"""How good the forecasts of a fitted forecaster are, as scikit-learn's searches ask it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from forecastrnn.data.caller_warnings import warn_caller
from forecastrnn.estimators.covariate_reading import Given, ahead_of, read_to_score
from forecastrnn.estimators.device_choice import device_to_predict
from forecastrnn.estimators.fitted_forecaster import FittedForecaster
from forecastrnn.estimators.fittedness import check_is_fitted
from forecastrnn.estimators.forecast_settings import read_by
from forecastrnn.forecasting.naive_series import Chosen
from forecastrnn.forecasting.reach import checked
from forecastrnn.metrics.checks import in_unit
from forecastrnn.naming import is_among

if TYPE_CHECKING:
    import pandas as pd

    from forecastrnn.data.series import SeriesSet, TimeAxis


ERRORS = ("mase", "mae", "mse", "rmse", "mape", "smape", "wape")  # of points, the lower the better


class Scores(FittedForecaster):
    """`score`."""

    def score(
        self, y: Any, X: Any = None, *, sample_weight: Mapping[Hashable, float] | pd.Series | None = None,
        metric: str = "mase",
    ) -> float:  # fmt: skip
        """Minus MASE, or another error, of the forecast of all values of y.

        By it `GridSearchCV` and `cross_val_score` work on series: on one or a wide frame with `TimeSeriesSplit`, and on
        those and long frames with `forecastrnn.model_selection.RollingOrigin`, as in `GridSearchCV(model, {...},
        cv=RollingOrigin(12)).fit(y)`.

        Parameters
        ----------
        y : like the y of `fit`
            What came right behind the end of `fit`, of all its series, or of some: then a warning says so. Lists and
            arrays, which have no times, are taken to.
        X : like the X of `fit`, optional
            Where `fit` had it: its columns at the times of y, a frame or names of columns of y.
        sample_weight : dict or Series, optional
            A weight for each series of y, by its id: what it sells for, for example. None: all count alike.
        metric : {"mase", "mae", "mse", "rmse", "mape", "smape", "wape"}
            The error, by the name that it has in `forecastrnn.metrics.evaluate`. Searches are told of it by
            `forecastrnn.model_selection.ForecastScore`.

        Returns
        -------
        float
            The mean over the series; of MASE each scaled by its seasonal naive error in `fit`, as
            `forecastrnn.metrics.mase` says. Series that have no such scale or no percentage, and missing values, are
            left out. NaN if nothing is left.

        Raises
        ------
        ValueError
            If y does not begin one step behind the end of `fit`, has other steps, a series that `fit` had not or that
            has no weight; for another metric, or MASE of a forecaster from a file, which does not keep the scales.
        NotFittedError
            Before `fit`.

        Examples
        --------
        >>> from sklearn.model_selection import cross_val_score
        >>> from forecastrnn import RNNForecaster
        >>> from forecastrnn.datasets import load_airline
        >>> from forecastrnn.model_selection import RollingOrigin
        >>> model = RNNForecaster(n_members=1, max_steps=20, random_state=0)
        >>> cross_val_score(model, load_airline(), cv=RollingOrigin(6, n_windows=2)) > -1
        array([ True,  True])
        """
        check_is_fitted(self)
        model = self._model
        if not is_among(metric, ERRORS):
            raise ValueError(
                f"metric must be one of {', '.join(map(repr, ERRORS))}. Got {metric!r:.80}. Others are those of "
                "forecastrnn.metrics.evaluate, for frames of forecasts."
            )
        errors = model.naive_errors
        if errors is None and metric == "mase":
            raise ValueError(
                "score needs the errors of the seasonal naive forecast in fit, which model files do not keep: fit "
                "again, use metric='mae', or forecastrnn.metrics.evaluate(predict(h), truth=y, train=...)"
            )
        read_as = partial(
            read_by, replace(model.reading, least=1), argument="y of score", usual=model.axis.clock, alias=self.alias,
        )  # fmt: skip
        read, X = read_to_score(model, Given.of(y, X, columns=model.reading.columns), read_as)
        weights = _weights(read.ids, sample_weight)
        chosen = self._choose(Given(y=None))
        _warn_of_left_out(chosen.axis, read)
        chosen = chosen.take(_rows_of_fit(chosen.axis, read))
        _check_begin(chosen.axis, read)
        forecasts, scales = self._forecasts_of(chosen, X, int(np.diff(read.offsets).max())), np.ones(read.n_series)
        if metric == "mase" and errors is not None:
            scales = chosen.whole(errors[chosen.own, None], np.nan)[:, 0]
        found = _scores(read, forecasts, scales, metric)
        there = np.isfinite(found)
        return -float(found[there] @ weights[there] / weights[there].sum()) if weights[there].any() else float("nan")

    def _forecasts_of(self, chosen: Chosen, X: object, h: int) -> np.ndarray:
        """Forecasts (n, h) of some series of fit."""
        self._model.check_horizon(h)
        ahead = ahead_of(self._model, X, chosen.axis, h, h)
        return checked(chosen, self._model.point(chosen, h, device_to_predict(self), ahead), "score")


def _weights(ids: tuple, given: Mapping[Hashable, float] | pd.Series | None) -> np.ndarray:
    """The weight (n,) of each series."""
    if given is None:
        return np.ones(len(ids))
    if not hasattr(given, "keys"):  # a dict or a Series
        raise TypeError(f"sample_weight must be a dict or a Series of weights, by the ids of series. Got {given!r:.80}")
    without = next((name for name in ids if name not in given), None)
    if without is not None:
        raise ValueError(f"sample_weight has none for series {without!r}; give one for each series of y, by its id")
    weights = np.array([given[name] for name in ids], dtype=float)
    if not (np.isfinite(weights) & (weights >= 0)).all():
        raise ValueError(f"sample_weight must be finite and >= 0. Got {weights.min()} .. {weights.max()}")
    return in_unit(weights)


def _rows_of_fit(fitted: TimeAxis, read: SeriesSet) -> np.ndarray:
    """Which series of fit these are; one alone, that comes without a column of ids, is that one, whatever its name."""
    alone = fitted.n_series == 1 and read.axis.form in ("series", "dated", "array")
    return np.zeros(1, np.int64) if alone else fitted.position(read.ids)


def _warn_of_left_out(fitted: TimeAxis, read: SeriesSet) -> None:
    """Splitters that count rows of a long frame give the end of its last series alone, where scores look the same."""
    if read.n_series < fitted.n_series:
        warn_caller(
            f"score: y has {read.n_series} of the {fitted.n_series} series of fit, and the others do not count. "
            "Splits of series for searches are those of forecastrnn.model_selection.RollingOrigin; TimeSeriesSplit "
            "counts the rows of a long frame"
        )


def _check_begin(fitted: TimeAxis, read: SeriesSet) -> None:
    """Refuse values that are not those right behind the end of fit, step by step."""
    from forecastrnn.data.series import refuse_other_step
    from forecastrnn.data.time_index import to_index

    if read.axis.form == "array":
        return
    begins = to_index(read.axis.clock, read.times(read.offsets[:-1]))
    expected = replace(fitted, form="long").after(np.array([1]))
    wrong = np.flatnonzero(begins != expected)
    if len(wrong):
        first = wrong[0]
        raise ValueError(
            f"score: y must begin one step behind the end of fit, for series {read.ids[first]!r} at {expected[first]}. "
            f"Got {begins[first]}. Splits of series for searches are those of forecastrnn.model_selection.RollingOrigin"
        )
    refuse_other_step(read.axis, fitted, "y of score")


def _scores(read: SeriesSet, forecasts: np.ndarray, scales: np.ndarray, metric: str) -> np.ndarray:
    """A metric (n_series,) of forecasts (n_series, h) whose first steps are those of the series."""
    from forecastrnn.metrics.formulas import METRICS
    from forecastrnn.metrics.rows import Rows

    series = read.owners
    step = np.arange(len(series)) - read.offsets[series]
    known = np.flatnonzero(np.isfinite(read.values))
    series, step = series[known], step[known]
    return METRICS[metric].formula(
        Rows(
            y=read.values[known], forecast=forecasts[series, step], scale=scales[series], group=series,
            n_groups=read.n_series,
        )
    )  # fmt: skip
