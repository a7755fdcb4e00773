"""A fitted forecaster shows what it forecasts, and what it goes on from."""

from __future__ import annotations

from collections.abc import Hashable
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from forecastrnn.estimators.fitted_forecaster import FittedForecaster
from forecastrnn.estimators.fittedness import check_is_fitted
from forecastrnn.forecasting.read_states import states_while_reading
from forecastrnn.forecasting.training_curves import curves_of
from forecastrnn.training.curves import TrainingCurves

if TYPE_CHECKING:
    import pandas as pd

    from forecastrnn.plotting import ForecastDisplay


class Pictures(FittedForecaster):
    """`plot`, and what pictures are made of: `history`, `states_while_reading` and `training_curves_`."""

    @property
    def training_curves_(self) -> TrainingCurves:
        """How the members were trained, every 50 updates: what `LossCurveDisplay` draws."""
        check_is_fitted(self)
        return curves_of(self._model)

    def plot(self, h: Any, **options: Any) -> ForecastDisplay:
        """Draw the end of each series and its forecast with bands: short for `ForecastDisplay.from_estimator`.

        Parameters
        ----------
        h : int, list of int, or time
            How far, as in `predict`.
        **options
            As `forecastrnn.plotting.ForecastDisplay.from_estimator` takes them: `level`, `truth`, `n_paths`, `ids`,
            `covariates`, `ax`, ...

        Returns
        -------
        ForecastDisplay
            With the axes `ax_` and the figure `figure_`, which is not shown or saved: `display.figure_.savefig(...)`.

        Raises
        ------
        ImportError
            Where Matplotlib cannot be imported.
        ValueError, NotFittedError
            As `predict` raises them, and for series or levels that there are not.

        Examples
        --------
        >>> from forecastrnn import RNNForecaster
        >>> from forecastrnn.datasets import load_airline
        >>> y = load_airline()
        >>> model = RNNForecaster(n_members=1, max_steps=20, random_state=0).fit(y[:-12])
        >>> display = model.plot(12, truth=y[-12:])
        >>> [text.get_text() for text in display.ax_.get_legend().get_texts()]
        ['observed', 'truth', 'forecast', '80% interval', '95% interval']
        >>> display.close()
        """
        check_is_fitted(self)
        from forecastrnn.plotting import ForecastDisplay  # brings Matplotlib with it

        return ForecastDisplay.from_estimator(self, h, **options)

    def states_while_reading(self, series: Hashable = None, *, member: int = 0) -> pd.DataFrame:
        """What a network holds in its states while it reads the context of a series: what `StateDisplay` draws.

        Parameters
        ----------
        series : hashable, optional
            Which series of `fit`; needed if there were several.
        member : int
            Which of the networks.

        Returns
        -------
        DataFrame
            A row for each time of the context but the last one, which a forecast begins with; columns of layer, name
            ("h", "c", "gate i") and unit. With strategy="seq2seq" of the encoder. Gates are not told of layers that are
            normalised, nor of networks that read categories.

        Raises
        ------
        ValueError, NotFittedError
            If there is no such series or member, or the series was too short to learn from; before `fit`.
        """
        from forecastrnn.data.state_frames import write_states

        check_is_fitted(self)
        model = self._model
        whole = isinstance(member, Integral) and not isinstance(member, bool | np.bool_ | np.timedelta64)
        if not whole or not 0 <= member < model.n_members:
            raise ValueError(f"member must be one of 0 .. {model.n_members - 1}. Got {member!r:.80}")
        if series is None and model.n_series > 1:
            raise ValueError(f"series must name one of the {model.n_series} series of fit")
        named = model.axis.ids[0] if series is None else series
        model.check_learned([named], "states_while_reading")
        row = int(model.axis.position([named])[0])
        states, gates = states_while_reading(model, row, member)
        named = [of | {f"gate {name}": values for name, values in own.items()} for of, own in zip(states, gates)]
        return write_states(model.axis.take([row]), named)

    def history(self, ids: Any = None) -> pd.DataFrame:
        """The last values of each series, as `fit` and `update` were given them: what a picture begins with.

        Parameters
        ----------
        ids : list, optional
            Of which series, in this order; None: of all.

        Returns
        -------
        DataFrame
            A long frame of the library of y, whatever its form, with the columns `id_col`, `time_col` and `target_col`
            of `fit`: two contexts of each series, or fewer of shorter ones, NaN where a value is missing. Without rows
            if the forecaster was loaded from a file of a version that did not keep them.

        Raises
        ------
        ValueError, NotFittedError
            If there is no series of ids; before `fit`.

        Examples
        --------
        >>> from forecastrnn import RNNForecaster
        >>> model = RNNForecaster(n_members=1, max_steps=5).fit([3.0, 4.0, 5.0, 4.0] * 9)
        >>> model.history()["ds"].tolist()[-2:]
        [34, 35]
        """
        from forecastrnn.data.past_rows import write_past
        from forecastrnn.native_frames import as_pandas, in_library

        check_is_fitted(self)
        model = self._model
        axis, recent = model.whole_axis, model.recent
        if ids is not None:
            from forecastrnn.data.series import ids_of

            rows = axis.position(ids_of(as_pandas(ids, "ids")[0]))
            axis, recent = axis.take(rows), None if recent is None else recent[rows]
        return in_library(write_past(axis, recent, **model.reading.columns), model.library)
