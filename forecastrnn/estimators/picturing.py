"""A fitted forecaster shows what it forecasts, and what it goes on from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sklearn.utils.validation import check_is_fitted

from forecastrnn.estimators.fitted_forecaster import FittedForecaster
from forecastrnn.forecasting.training_curves import curves_of
from forecastrnn.training.curves import TrainingCurves

if TYPE_CHECKING:
    import pandas as pd

    from forecastrnn.plotting import ForecastDisplay


class Pictures(FittedForecaster):
    """`plot`, `history` and `training_curves_`."""

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

    def history(self, ids: Any = None) -> pd.DataFrame:
        """The last values of each series, as `fit` and `update` were given them: what a picture begins with.

        Parameters
        ----------
        ids : list, optional
            Of which series, in this order; None: of all.

        Returns
        -------
        DataFrame
            A long frame, whatever the form of y, with the columns `id_col`, `time_col` and `target_col` of `fit`: two
            contexts of each series, or fewer of shorter ones, NaN where a value is missing. Without rows if the
            forecaster was loaded from a file of a version that did not keep them.

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

        check_is_fitted(self)
        model = self._model
        axis, recent = model.whole_axis, model.recent
        if ids is not None:
            from forecastrnn.data.series import ids_of

            rows = axis.position(ids_of(ids))
            axis, recent = axis.take(rows), None if recent is None else recent[rows]
        return write_past(axis, recent, **model.reading.columns)
