"""What a forecast will ask for: the rows of X, to be filled in."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from forecastrnn.data.covariate_step import StepReader
from forecastrnn.estimators.covariate_reading import Given, read_to_plan
from forecastrnn.estimators.fitted_forecaster import FittedForecaster
from forecastrnn.estimators.fittedness import check_is_fitted
from forecastrnn.estimators.forecast_settings import read_other

if TYPE_CHECKING:
    import pandas as pd


class Plans(FittedForecaster):
    """`make_future_frame`."""

    def make_future_frame(self, h: Any, X: Any = None, y: Any = None) -> pd.DataFrame:
        """The rows that `predict(h)` needs in X, with what is known of them.

        Parameters
        ----------
        h : int, list of int, or time
            How far to forecast, as in `predict`; of a list all steps up to its last one, since a forecast reads them.
        X : like the X of `fit`, optional
            What is known already.
        y : like the y of `fit`, optional
            Other series, which `predict(h, y=y)` is to forecast.

        Returns
        -------
        DataFrame
            The index of `predict(h)`, or its columns of ids and times, and the columns of X: values where X has them,
            NaN (None among categories) where they are to be filled in. Of a wide frame they are those of all series, or
            (series, covariate), as in `fit`. Without X in `fit` the times alone.

        Raises
        ------
        TypeError, ValueError
            As `predict` raises them for h, y and X, but for what X lacks.
        NotFittedError
            Before `fit`.

        Examples
        --------
        >>> from forecastrnn.datasets import load_airline
        >>> y = load_airline()
        >>> workdays = (y.index + y.index.freq - y.index).days.to_series(y.index, name="days")
        >>> from forecastrnn import RNNForecaster
        >>> model = RNNForecaster(n_members=1, max_steps=20, random_state=0).fit(y, workdays)
        >>> plan = model.make_future_frame(3)
        >>> plan["days"] = plan.index.days_in_month
        >>> model.predict(3, X=plan).index.equals(plan.index)
        True
        """
        from forecastrnn.data.future_frame import write_future
        from forecastrnn.data.series import read_horizon

        check_is_fitted(self)
        model = self._model
        given = Given.of(y, X, columns=model.reading.columns)
        axis, table = read_to_plan(model, given, partial(read_other, model, alias=self.alias))
        steps = int(read_horizon(axis, h)[-1])
        model.check_horizon(steps)
        return given.written(write_future(axis, h, steps, StepReader(model.given_covariates).known, table), model)
