"""A forecast as a picture: what was observed, the forecast with its bands, and what came."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Self, TypeAlias

import pandas as pd

from forecastrnn.data.arrays import check_count
from forecastrnn.metrics.forms import Data, Names, levels_of_series, long_forecasts, names_of
from forecastrnn.native_frames import as_pandas
from forecastrnn.plotting.beside import covariate_rows
from forecastrnn.plotting.canvas import Artist, GivenAxes, legend_above, named, named_apart, panels
from forecastrnn.plotting.display import Display
from forecastrnn.plotting.estimator import Forecaster, check_drawn
from forecastrnn.plotting.forecast_frames import levels_of_columns, names_for, rows_of_paths, usual_levels
from forecastrnn.plotting.forecast_panel import Panel
from forecastrnn.plotting.frames import (
    Levels,
    by_series,
    check_named,
    check_one_origin,
    columns_of,
    fan_of,
    largest_errors_first,
    values_beside,
    warn_of_none,
)

MOST_SERIES = 8

Ids: TypeAlias = Hashable | Sequence[Hashable] | None


class ForecastDisplay(Display):
    """The end of each series, its forecast with nested bands, and what came.

    Make it with `from_estimator` or `from_predictions`; `plot` draws the same again, on other axes or with other
    levels.

    Parameters
    ----------
    forecasts, history, truth, paths, covariates : DataFrame
        Long frames; all but the first may be None.
    names : Names
        Their columns.
    ids : list
        The series to draw.

    Attributes
    ----------
    ax_ : Axes
        The axes of the first series.
    axes_ : list of Axes
        Those of all series.
    covariate_axes_ : list of Axes
        Those below, series by series.
    figure_ : Figure

    Examples
    --------
    >>> from forecastrnn import RNNForecaster
    >>> from forecastrnn.datasets import load_airline
    >>> from forecastrnn.plotting import ForecastDisplay
    >>> y = load_airline()
    >>> model = RNNForecaster(n_members=1, max_steps=20, random_state=0).fit(y[:-12])
    >>> display = ForecastDisplay.from_estimator(model, 12, level=[50, 80, 95], truth=y[-12:])
    >>> display.ax_.get_ylabel(), len(display.ax_.collections)
    ('airline', 3)
    >>> display.close()
    """

    def __init__(
        self, forecasts: pd.DataFrame, *, names: Names, ids: Sequence[Hashable], history: pd.DataFrame | None = None,
        truth: pd.DataFrame | None = None, paths: pd.DataFrame | None = None, covariates: pd.DataFrame | None = None,
    ) -> None:  # fmt: skip
        self.forecasts, self.history, self.truth, self.paths = forecasts, history, truth, paths
        self.covariates, self.names, self.ids = covariates, names, list(ids)

    # Made of ----------------------------------------------------------------------------------------------------
    @classmethod
    def from_estimator(
        cls, estimator: Forecaster, h: object, *, y: Data | None = None, history: Data | None = None,
        truth: Data | None = None, X: object = None, past: object = None, static: object = None, ids: Ids = None,
        level: Levels | str = "auto", quantiles: Levels = None, n_paths: int = 0, random_state: object = None,
        covariates: Sequence[Hashable] = (), max_series: int = MOST_SERIES, n_history: int | None = None,
        ax: GivenAxes = None,
    ) -> Self:  # fmt: skip
        """Forecast, and draw it.

        Parameters
        ----------
        estimator : RNNForecaster
            Fitted.
        h : int, list of int, or time
            How far, as in `predict`.
        y, X, past, static, quantiles
            As in `predict`.
        history : like the y of `fit`, optional
            What is drawn before the forecast. None: y, or else the last values, which the forecaster keeps
            (`RNNForecaster.history`): two contexts.
        truth : like the y of `fit`, optional
            What came. Rows at other times than those of the forecast are drawn as well.
        ids : list, optional
            Which series, in this order. None: with `truth` those whose errors are largest, else the first ones.
        level : float, list of float, "auto" or None
            Bands, in percent. "auto": 80 and 95 where the forecaster has intervals.
        n_paths : int
            So many possible futures (`sample_paths`) as thin lines; 8 are drawn at most.
        random_state : int, RandomState or None
            Their seed.
        covariates : list of str
            Columns of X to draw below, with what they are in the steps ahead; rows of X before these are drawn too.
        max_series : int
            Panels, at most, where no `ids` are named.
        n_history : int, optional
            Rows of history, as in `plot`.
        ax : Axes or array of Axes, optional
            Where to draw, as in `plot`. None: in a new figure.

        Returns
        -------
        ForecastDisplay

        Raises
        ------
        ValueError, TypeError
            As `predict` and `sample_paths` raise them; for a series that there is not, a column that X has not, and
            another number of axes than of series.
        NotFittedError
            Before `fit`.
        """
        check_drawn(estimator, "history")
        (y, _), (history, _), (truth, _) = (as_pandas(given, "y") for given in (y, history, truth))
        kept, _ = as_pandas(estimator.history(), "history")
        bands = usual_levels(estimator) if isinstance(level, str) and level == "auto" else level
        given = {"y": y, "X": X, "past": past, "static": static}
        asked = {name: value for name, value in given.items() if value is not None}
        found, _ = as_pandas(estimator.predict(h, **asked, level=bands, quantiles=quantiles, ids=ids), "forecasts")
        names = names_for(estimator, kept, found, y=y, truth=truth)
        forecasts = long_forecasts(found, names, levels_of_columns(found, bands is not None or quantiles is not None))
        known = history if history is not None else kept if y is None else y
        display = cls._of(
            forecasts, names, history=known, truth=truth, X=X, covariates=covariates, ids=ids, max_series=max_series
        )
        if n_paths:
            several = forecasts[names.id].nunique() > 1
            calibrated, chosen = estimator.intervals_ is not None, display.ids if several else None
            found = estimator.sample_paths(
                h, n_paths, **asked, ids=chosen, calibrated=calibrated, random_state=random_state
            )
            display.paths = rows_of_paths(as_pandas(found, "paths")[0], names)
        return display.plot(ax, n_history=n_history)

    @classmethod
    def from_predictions(
        cls, forecasts: Data, history: Data | None = None, *, truth: Data | None = None, paths: Data | None = None,
        X: object = None, covariates: Sequence[Hashable] = (), ids: Ids = None, max_series: int = MOST_SERIES,
        level: Levels = None, models: Sequence[Hashable] | None = None, n_history: int | None = None,
        id_col: Hashable = None, time_col: Hashable = None, target_col: Hashable = None, ax: GivenAxes = None,
    ) -> Self:  # fmt: skip
        """Draw forecasts that are there, of any model.

        Parameters
        ----------
        forecasts : DataFrame or Series
            As `predict` gives them, in any form, with intervals (`RNN-lo-80`, `RNN-hi-80`) or quantiles (`RNN_ql0.1`).
            Columns of other models are more lines; the first has the bands. A column of what came is the truth.
        history, truth : like the y of `fit`, optional
            What is drawn before, and what came. Without either, columns of a frame with one level are models.
        paths : DataFrame, optional
            As `sample_paths` gives them.
        X : DataFrame, optional
            Where the columns of `covariates` are.
        id_col, time_col, target_col : hashable
            Columns of long frames, as in `evaluate`.
        covariates, ids, max_series
            As in `from_estimator`.
        level, models, n_history, ax
            As in `plot`.

        Returns
        -------
        ForecastDisplay

        Raises
        ------
        ValueError
            If there are no forecasts of a series, or those of several cutoffs; for axes and levels as in `plot`.
        TypeError
            If the times are not of one kind.

        Examples
        --------
        >>> import pandas as pd
        >>> from forecastrnn.plotting import ForecastDisplay
        >>> months = pd.date_range("2024-01-01", periods=6, freq="MS")
        >>> y = pd.Series([1.0, 2.0, 4.0, 5.0, 7.0, 8.0], index=months, name="sales")
        >>> forecast = pd.DataFrame({"me": [5.0, 6.0], "me-lo-80": [4.0, 4.5], "me-hi-80": [7.0, 8.5]}, months[4:])
        >>> display = ForecastDisplay.from_predictions(forecast, history=y[:4], truth=y[4:])
        >>> display.ax_.get_legend_handles_labels()[1]
        ['observed', 'truth', 'forecast', '80% interval']
        >>> display.close()
        """
        given = {"forecasts": forecasts, "history": history, "truth": truth, "paths": paths}
        forecasts, history, truth, paths = (as_pandas(frame, name)[0] for name, frame in given.items())
        names = names_of((truth, forecasts), history, (id_col, time_col, target_col))
        levels = max(levels_of_series(truth, names), levels_of_series(history, names))
        frame = long_forecasts(forecasts, names, levels)
        found = cls._of(
            frame, names, history=history, truth=truth, X=X, covariates=covariates, ids=ids, max_series=max_series
        )
        found.paths = None if paths is None else rows_of_paths(paths, found.names)
        return found.plot(ax, level=level, models=models, n_history=n_history)

    @classmethod
    def _of(
        cls, forecasts: pd.DataFrame, names: Names, *, history: Data | None, truth: Data | None, X: object,
        covariates: Sequence[Hashable], ids: Ids, max_series: int,
    ) -> Self:  # fmt: skip
        """All in long form, and the series to draw."""
        there = pd.Index(forecasts[names.id].unique())
        names = replace(names, series=there[0]) if len(there) == 1 else names
        check_one_origin(forecasts)
        came = forecasts if truth is None and names.target in forecasts else truth
        known = None if history is None else values_beside(history, forecasts, names, "history")
        if came is not None:
            came = values_beside(came, forecasts, names, "truth")
            warn_of_none(came, forecasts, names)
        check_count(max_series, "max_series")
        if ids is not None:
            shown = check_named(ids, list(there), "ids")
        elif came is None:
            shown = list(there[:max_series])
        else:
            model = columns_of(forecasts, names).models[0]
            shown = largest_errors_first(forecasts, model, came, known, names)[:max_series]
        beside = covariate_rows(X, covariates, names) if len(covariates) else None
        return cls(forecasts, names=names, ids=shown, history=known, truth=came, covariates=beside)

    # Drawn ------------------------------------------------------------------------------------------------------
    def plot(
        self, ax: GivenAxes = None, *, level: Levels = None, models: Sequence[Hashable] | None = None,
        n_history: int | None = None,
    ) -> Self:  # fmt: skip
        """Draw it.

        Parameters
        ----------
        ax : Axes or array of Axes, optional
            One for each series, behind it one for each covariate; None: in a new figure.
        level : float or list of float, optional
            Bands, in percent; None: all that there are.
        models : list of hashable, optional
            Columns of forecasts, the first with bands; None: all.
        n_history : int, optional
            Rows of history; None: three times as many as are forecast, at least 24.

        Returns
        -------
        ForecastDisplay

        Raises
        ------
        ValueError
            If there is no such level or model, or another number of axes than of series.
        """
        if n_history is not None and n_history != 0:
            check_count(n_history, "n_history")
        columns = columns_of(self.forecasts, self.names)
        wanted = check_named(list(columns.models if models is None else models), columns.models, "models")
        fans = [fan_of(columns, model, level if model == wanted[0] else ()) for model in wanted]
        below = [] if self.covariates is None else self._covariate_names()
        axes = panels(len(self.ids), ax, len(below))
        self._drawn_on([own[0] for own in axes])
        self.covariate_axes_ = [one for own in axes for one in own[1:]]
        parts = {name: self._parts(name) for name in ("forecasts", "history", "truth", "paths", "covariates")}
        swatches: dict[str, Artist] = {}
        for own, name in zip(axes, self.ids):
            rows = {kind: found[name] for kind, found in parts.items() if name in found}
            panel = Panel(rows=rows, names=self.names)
            panel.draw_below(own, panel.draw(own[0], fans, n_history), below)
            swatches |= panel.swatches
        self._label()
        self.figure_.align_ylabels([one for own in axes for one in own])
        legend_above(self.axes_, own=ax is None, swatches=swatches)
        return self

    def _label(self) -> None:
        """What the values are: the name of the series beside one panel, above each of several."""
        if len(self.ids) == 1:
            self.ax_.set_ylabel(named(self.ids[0]))
            return
        for ax, name in zip(self.axes_, named_apart(self.ids), strict=True):
            ax.set_title(name, loc="left", fontsize="medium")

    def _covariate_names(self) -> list[Hashable]:
        assert self.covariates is not None
        return [name for name in self.covariates.columns if name not in (self.names.id, self.names.time)]

    def _parts(self, kind: str) -> dict[Hashable, pd.DataFrame]:
        """Rows of each series that is drawn; covariates without ids are for all."""
        frame: pd.DataFrame | None = getattr(self, kind)
        if frame is not None and self.names.id not in frame.columns:
            shared = frame.set_index(self.names.time).sort_index()
            return dict.fromkeys(self.ids, shared)
        return by_series(frame, self.names, self.ids)
