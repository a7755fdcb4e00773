"""A fitted forecaster goes on: new values of the series that it knows."""

from __future__ import annotations

from functools import partial
from numbers import Integral
from typing import Any, Self

import numpy as np

from forecastrnn.data.covariate_step import StepReader
from forecastrnn.estimators.covariate_reading import Given, read_further
from forecastrnn.estimators.device_choice import device_to_predict
from forecastrnn.estimators.fitted_forecaster import FittedForecaster
from forecastrnn.estimators.fittedness import check_is_fitted
from forecastrnn.estimators.forecast_settings import bounds_of, check_within
from forecastrnn.estimators.loss_settings import check_values
from forecastrnn.estimators.telling import telling
from forecastrnn.forecasting.stray_values import warn_of_new_strays
from forecastrnn.forecasting.stream import ForecastStream
from forecastrnn.forecasting.updating import updated

MOST_UPDATES = 200  # with train=True
ROWS_AN_UPDATE = 10


def _updates_of(train: object, n_new: int) -> int:
    """Updates of each member that new rows give cause for."""
    if isinstance(train, bool):
        return int(np.clip(n_new // ROWS_AN_UPDATE, 1, MOST_UPDATES)) if train else 0
    if not isinstance(train, Integral) or train < 1:
        raise ValueError(f"train must be False, True or an int in the range [1, inf). Got {train!r}.")
    return int(train)


class GoesOn(FittedForecaster):
    """`update` and `stream`."""

    def update(self, y_new: Any, X: Any = None, *, past: Any = None, train: bool | int = False) -> Self:
        """Take in the rows behind the end of each series: `predict`, `sample_paths` and `stream` then go on from there.

        What a `stream` does with one value of one series, for any number of rows of all of them: level, scale and the
        seasonal figure stay those of `fit`, as do weights and residuals; the state of the networks goes on. Rows in one
        call, in many, or step by step in a stream give the same bits. With strategy="direct" and "seq2seq" the
        networks read the context anew, its end being the new one: a decoder that goes on and on, as in a stream, was
        in backtests worse by 2 to 4%. `predict(y=whole series)` finds level, scale and figure anew instead: take it
        where they have changed.

        Parameters
        ----------
        y_new : like the y of `fit`
            One row or more of some or all series, each beginning one step behind the end of its series; of a wide
            frame all columns. Lists and arrays count on. NaN, with missing="mask", is a value that nobody knows: its
            forecast takes its place.
        X, past : like the X and past of `fit`, optional
            Where `fit` had them: their columns at the times of y_new, frames or names of columns of it.
        train : bool or int
            So many more updates of each member; True: a tenth of the new values, within 1 .. 200; False: weights stay.
            The series of `fit` are not kept, and so members learn from windows that end in the new rows: the context,
            and behind it up to as many rows as in `fit`. They do so at the last rate of the schedule or, where that is
            less, a tenth of the first, and with the moments that the optimizer had. Good where series have changed; in
            a backtest in which nothing had, errors grew by a tenth. Needs global_model=True.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            As `fit` raises them; if y_new has another form, a series that `fit` has not seen, does not begin one step
            behind the end, or has a value outside of `bounds`, one that is not positive in a series whose logarithm
            is forecast, or one of 10^13 times the level of `fit`; for `train` of local networks. No series has then
            moved.
        TrainingDivergedError
            As in `fit`; the forecaster stays as it was.
        NotFittedError
            Before `fit`.

        Examples
        --------
        >>> from forecastrnn import RNNForecaster
        >>> model = RNNForecaster(n_members=1, max_steps=5).fit([3.0, 4.0, 5.0, 4.0] * 9)
        >>> model.update([3.0, 4.0]).predict(2).index.tolist()
        [38, 39]
        """
        from forecastrnn.data.new_rows import read_new_rows
        from forecastrnn.data.series_input import SeriesSet

        check_is_fitted(self)
        held, rule = self._model, bounds_of(self)
        read_as = partial(
            read_new_rows, axis=held.whole_axis, columns=held.reading.columns, missing=held.reading.missing,
            alias=self.alias,
        )  # fmt: skip
        given = Given.of(y_new, X, past, name="y_new", columns=held.reading.columns)
        new = read_further(held, given, read_as)
        check_within(rule, new.read)
        check_values(held.settings, new.read, new.read.argument)
        updates = _updates_of(train, len(new.read.values))
        if updates and held.settings.is_raw:
            raise ValueError(
                f"train: networks with loss={held.settings.loss!r} do not learn from new rows alone. Go on with "
                "train=False, or fit anew (warm_start=True) on all rows."
            )
        if updates and held.trained.is_local:
            raise ValueError(
                f"train={train!r} needs global_model=True: of local networks no optimizer is kept. Use update(y_new), "
                "or fit with warm_start=True"
            )
        with telling(self.verbose):
            moved = updated(held, new, rule, updates=updates, device=device_to_predict(self))
        is_told = isinstance(y_new, SeriesSet)  # by a backtest, which reads once
        if held.recent is not None and len(new.series) and not is_told:
            warn_of_new_strays(held.recent, new.read, new.series)
        self._model = moved
        self._publish(self.device_)
        return self

    def stream(self, series: Any = None, X: Any = None) -> ForecastStream:
        """An object that takes one new value at a time and forecasts the next; no pandas on that path.

        Parameters
        ----------
        series : hashable, optional
            Which series of `fit` to go on with; needed if there were several.
        X : mapping or array, optional
            Where `fit` had X: its columns at the first time behind the end, by their names or in the order of
            `feature_names_in_`.

        Returns
        -------
        ForecastStream
            `step(value)` takes the next observed value and returns the forecast of the one behind it. Where `fit` had
            X, `step(value, X)` also takes what is known of the time that is forecast, as here.

        Raises
        ------
        ValueError
            If `series` or X is needed and not given, or X is given although `fit` had none; for a direct strategy.
        TypeError
            If X is neither a mapping nor an array, or holds texts for numbers.
        NotFittedError
            Before `fit`.
        """
        check_is_fitted(self)
        model = self._model
        model.check_recursive("stream", "it forecasts one step ahead")
        read = StepReader(model.given_covariates)
        if X is not None and not read.known:
            raise ValueError("stream: X must not be given here: the model was fitted without X")
        return model.stream(series, bounds_of(self), None if X is None else read(X), read)
