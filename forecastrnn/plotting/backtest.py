"""A backtest as a picture: forecasts from several times over what came, and how errors grow with the step."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Self

import numpy as np
import pandas as pd

from forecastrnn.data.arrays import check_count
from forecastrnn.metrics.forms import CUTOFF, Data
from forecastrnn.plotting.canvas import (
    Axes,
    GivenAxes,
    date_numbers,
    legend_above,
    named_apart,
    stacked,
    step_axis,
    time_axis,
)
from forecastrnn.plotting.display import Display
from forecastrnn.plotting.estimator import Backtested, check_drawn
from forecastrnn.plotting.frames import Fan, Levels, by_series, check_named, fan_of, values_beside, with_gaps
from forecastrnn.plotting.lines import draw_bands, draw_history, draw_line
from forecastrnn.plotting.origins import Origins, read_origins

OUTER = (0.1, 0.9)  # quantiles of errors beside their mean
BEFORE = 2  # horizons of history before the first cutoff


class BacktestDisplay(Display):
    """What came, the forecast of each cutoff in a colour of its own with its band, and below errors by step.

    Parameters
    ----------
    origins : Origins
        Forecasts and what came.
    history : DataFrame or None
        The whole series as a long frame, of which the part around the forecasts is drawn.
    ids : list
        The series to draw; errors are those of all.

    Attributes
    ----------
    ax_ : Axes
        Of the first series.
    axes_ : list of Axes
        Of each series, and of errors by step: the mean, and shaded the part between the quantiles of 10 and 90%. Of
        several series they are in units of each series' mean change from one time to the next.
    figure_ : Figure

    Examples
    --------
    >>> from forecastrnn import RNNForecaster
    >>> from forecastrnn.datasets import load_airline
    >>> from forecastrnn.plotting import BacktestDisplay
    >>> y = load_airline()
    >>> model = RNNForecaster(n_members=1, max_steps=20, random_state=0, intervals=None)
    >>> cv = model.cross_validation(y, 6, n_windows=2, baselines="seasonal_naive")
    >>> display = BacktestDisplay.from_predictions(cv, history=y)
    >>> [line.get_label() for line in display.axes_[-1].lines]
    ['RNN', 'SeasonalNaive']
    >>> display.close()
    """

    def __init__(self, origins: Origins, *, history: pd.DataFrame | None, ids: Sequence[Hashable]) -> None:
        self.origins, self.history, self.ids = origins, history, list(ids)

    @classmethod
    def from_estimator(
        cls, estimator: Backtested, y: Data, h: int, *, ids: Hashable | Sequence[Hashable] | None = None,
        max_series: int = 1, ax: GivenAxes = None, **backtest: object,
    ) -> Self:  # fmt: skip
        """Test a forecaster on the past, and draw it.

        Parameters
        ----------
        estimator : RNNForecaster
            Need not be fitted.
        y, h
            As in `cross_validation`.
        ids, max_series, ax
            As in `from_predictions`.
        **backtest
            As `cross_validation` takes them: `n_windows`, `refit`, `level`, `baselines`, ...

        Returns
        -------
        BacktestDisplay

        Raises
        ------
        ValueError, TypeError
            As `cross_validation` raises them, and `from_predictions`.
        """
        check_drawn(estimator, "cross_validation")
        found = estimator.cross_validation(y, h, **backtest)
        return cls.from_predictions(found, history=y, ids=ids, max_series=max_series, ax=ax)

    @classmethod
    def from_predictions(
        cls, forecasts: Data, history: Data | None = None, *, truth: Data | None = None,
        ids: Hashable | Sequence[Hashable] | None = None, max_series: int = 1, level: Levels = None,
        models: Sequence[Hashable] | None = None, id_col: Hashable = None, time_col: Hashable = None,
        target_col: Hashable = None, ax: GivenAxes = None,
    ) -> Self:  # fmt: skip
        """Draw a frame of `cross_validation`, or of another package with the same columns.

        Parameters
        ----------
        forecasts : DataFrame
            With columns of series, time, `cutoff`, what came, and a column for each model, perhaps of intervals.
        history : like the y of `fit`, optional
            The whole series, to draw what came before and between.
        truth : like the y of `fit`, optional
            What came, if the frame has no column of it.
        ids : list, optional
            Series to draw. None: those with the largest errors, `max_series` of them.
        max_series : int
            Series, at most, where no `ids` are named.
        level, models, ax
            As in `plot`.
        id_col, time_col, target_col : hashable
            Columns of long frames, as in `evaluate`.

        Returns
        -------
        BacktestDisplay

        Raises
        ------
        ValueError
            If there is no truth, no such series, level or model, or another number of axes than is drawn on.
        """
        origins = read_origins(forecasts, truth, (id_col, time_col, target_col))
        names = origins.names
        known = None if history is None else values_beside(history, origins.frame, names, "history")
        check_count(max_series, "max_series")
        if ids is not None:
            shown = check_named(ids, origins.ids, "ids")
        else:
            size = np.abs(origins.errors(origins.models(models)[0])) / origins.scales()
            mean = pd.Series(size).groupby(origins.frame[names.id].to_numpy(), sort=False).mean()
            shown = list(mean.sort_values(ascending=False, kind="stable").index[:max_series])
        return cls(origins, history=known, ids=shown).plot(ax, level=level, models=models)

    def plot(
        self, ax: GivenAxes = None, *, level: Levels = None, models: Sequence[Hashable] | None = None
    ) -> Self:  # fmt: skip
        """Draw it.

        Parameters
        ----------
        ax : array of Axes, optional
            One for each series and one for errors by step; None: in a new figure.
        level : float or list of float, optional
            Bands, in percent; None: all that there are.
        models : list of hashable, optional
            The first is drawn over time, with bands; the errors of all by step. None: all.

        Returns
        -------
        BacktestDisplay
            This one; it raises as `from_predictions` does.
        """
        wanted = self.origins.models(models)
        fan = fan_of(self.origins.columns, wanted[0], level)
        axes = stacked([1.0] * len(self.ids) + [0.55], ax)
        parts = by_series(self.origins.frame, self.origins.names, self.ids)
        known = by_series(self.history, self.origins.names, self.ids)
        self._drawn_on(axes)
        for one, name, said in zip(axes, self.ids, named_apart(self.ids)):
            one.set_ylabel(said)
            self._draw_series(one, parts[name], known.get(name), fan)
        self._draw_errors(axes[-1], wanted)
        legend_above(axes[:1])
        legend_above(axes[-1:])
        return self

    def _draw_series(self, ax: Axes, part: pd.DataFrame, known: pd.DataFrame | None, fan: Fan) -> None:
        """What came, and the forecast of each cutoff."""
        target = self.origins.names.target
        windows = [*part.groupby(CUTOFF)] if CUTOFF in part else [(None, part)]
        steps = max(len(window) for _, window in windows)
        source = part[~part.index.duplicated()].sort_index() if known is None else known
        values = with_gaps(source, target)
        first = max(int(values.index.searchsorted(part.index.min())) - BEFORE * steps, 0)
        draw_history(ax, values.iloc[first:])
        for k, (cutoff, window) in enumerate(windows):
            label = "_" if k else "forecasts, a colour for each cutoff"
            color = draw_line(ax, window[fan.model], {"linewidth": 1.6, "label": label, "zorder": 2.5}).get_color()
            draw_bands(ax, window, fan, color, is_labelled=False)
            if cutoff is not None:
                at = date_numbers(pd.Index([cutoff]))[0]
                ax.axvline(at, color=color, alpha=0.7, linewidth=0.9, linestyle=":")
        time_axis(ax, part.index)

    def _draw_errors(self, ax: Axes, models: Sequence[Hashable]) -> None:
        """Mean absolute errors by step, with the spread of the first model's."""
        several = len(self.origins.ids) > 1
        scale = self.origins.scales() if several else 1.0
        steps = pd.Series(self.origins.step)
        for k, model in enumerate(models):
            size = pd.Series(np.abs(self.origins.errors(model)) / scale).groupby(steps)
            mean = size.mean()
            look = {"label": str(model), "linewidth": 1.2 if k else 1.8, "linestyle": ("-", "--", "-.", ":")[k % 4]}
            color = draw_line(ax, mean, look).get_color()
            if not k:
                ends = size.quantile(OUTER[0]), size.quantile(OUTER[1])
                ax.fill_between(mean.index, *ends, color=color, alpha=0.2, linewidth=0, label="10% to 90% of errors")
        ax.set_ylim(bottom=0)
        ax.set_ylabel("error / mean change" if several else "absolute error", fontsize="small")
        step_axis(ax, "step ahead")
