"""What forecasts missed: over time, how large, and whether one error says something of the next."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Self

import numpy as np
import pandas as pd

from forecastrnn.metrics.forms import CUTOFF, Data
from forecastrnn.plotting.canvas import Axes, GivenAxes, date_numbers, in_rows, ink, step_axis, time_axis
from forecastrnn.plotting.display import Display
from forecastrnn.plotting.estimator import Backtested, check_drawn
from forecastrnn.plotting.origins import Origins, read_origins

MOST_LAGS, NORMAL_95 = 36, 1.96
LEAST_ERRORS = 3


class ResidualDisplay(Display):
    """Errors of forecasts, what came less what was forecast: over time, as a histogram, and their autocorrelation.

    Errors of one step ahead should have no pattern left: none over time, a centre at 0, and correlations within the
    band in which 95 of 100 lie by chance. Of several series they are in units of each series' mean change from one time
    to the next.

    Parameters
    ----------
    origins : Origins
        Forecasts and what came.
    model : hashable
        Whose errors.
    step : int
        How far ahead.

    Attributes
    ----------
    ax_, axes_ : Axes, list of Axes
        The first, and all three.
    figure_ : Figure
    residuals_ : ndarray
        The errors that are drawn.

    Examples
    --------
    >>> from forecastrnn import RNNForecaster
    >>> from forecastrnn.datasets import load_airline
    >>> from forecastrnn.plotting import ResidualDisplay
    >>> model = RNNForecaster(n_members=1, max_steps=20, random_state=0, intervals=None)
    >>> display = ResidualDisplay.from_estimator(model, load_airline(), n_windows=30)
    >>> display.residuals_.shape
    (30,)
    >>> display.close()
    """

    residuals_: np.ndarray

    def __init__(self, origins: Origins, *, model: Hashable, step: int) -> None:
        self.origins, self.model, self.step = origins, model, step

    @classmethod
    def from_estimator(
        cls, estimator: Backtested, y: Data, *, n_windows: int = 48, ax: GivenAxes = None, **backtest: object
    ) -> Self:
        """Forecast one step from each of the last times, with one fit before all of them, and draw the errors.

        Parameters
        ----------
        estimator : RNNForecaster
            Need not be fitted.
        y : like the y of `fit`
            The series.
        n_windows : int
            How many of its last times.
        ax : array of 3 Axes, optional
            None: in a new figure.
        **backtest
            As `cross_validation` takes them: `X`, `refit`, ...

        Returns
        -------
        ResidualDisplay

        Raises
        ------
        ValueError, TypeError
            As `cross_validation` raises them.
        """
        check_drawn(estimator, "cross_validation")
        found = estimator.cross_validation(y, 1, **{"refit": False, "n_windows": n_windows} | backtest)
        return cls.from_predictions(found, ax=ax)

    @classmethod
    def from_predictions(
        cls, forecasts: Data, *, truth: Data | None = None, model: Hashable | None = None, step: int = 1,
        id_col: Hashable = None, time_col: Hashable = None, target_col: Hashable = None, ax: GivenAxes = None,
    ) -> Self:  # fmt: skip
        """Draw the errors of forecasts that are there, of any model.

        Parameters
        ----------
        forecasts : DataFrame or Series
            As `cross_validation` gives it; of forecasts without cutoffs all steps are drawn.
        truth : like the y of `fit`, optional
            What came, if the frame has no column of it.
        model : hashable, optional
            Whose errors; None: the first one's.
        step : int
            Of several steps from each cutoff, the one whose errors are drawn.
        id_col, time_col, target_col, ax
            As in `CoverageDisplay.from_predictions`.

        Returns
        -------
        ResidualDisplay

        Raises
        ------
        ValueError
            If there is no truth, no such model or step, fewer than 3 errors, or another number of axes.
        """
        origins = read_origins(forecasts, truth, (id_col, time_col, target_col))
        chosen = origins.models(None if model is None else [model])[0]
        return cls(origins, model=chosen, step=step).plot(ax)

    def plot(self, ax: GivenAxes = None) -> Self:
        """Draw the same again, on 3 axes or in a new figure; raises as `from_predictions` does."""
        errors, several = self._errors(), len(self.origins.ids) > 1
        self.residuals_ = errors["error"].to_numpy()
        axes, what = in_rows("aa;bc", ax), "error / mean change" if several else "error"
        self._drawn_on(axes)
        draw_over_time(axes[0], errors)
        axes[0].set_ylabel(what)
        axes[1].hist(self.residuals_, bins="auto", alpha=0.7)
        axes[1].axvline(0.0, color=ink(), linewidth=0.8)
        axes[1].set(xlabel=what, ylabel="how often")
        draw_autocorrelation(axes[2], errors)
        return self

    def _errors(self) -> pd.DataFrame:
        """Series, time and error of the rows of the step."""
        frame, names = self.origins.frame, self.origins.names
        chosen = self.origins.step == self.step if CUTOFF in frame else np.ones(len(frame), bool)
        scale = self.origins.scales() if len(self.origins.ids) > 1 else 1.0
        errors = (self.origins.errors(self.model) / scale)[chosen]
        found = pd.DataFrame({"id": frame[names.id][chosen], "time": frame[names.time][chosen], "error": errors})
        found = found[np.isfinite(errors)]
        if len(found) < LEAST_ERRORS:
            raise ValueError(
                f"forecasts has {len(found)} errors of step {self.step}; there must be {LEAST_ERRORS} or more"
            )
        return found


def draw_over_time(ax: Axes, errors: pd.DataFrame) -> None:
    """Each error as a point over its time."""
    times = pd.Index(errors["time"])
    ax.axhline(0.0, color=ink(), linewidth=0.8)
    ax.plot(date_numbers(times), errors["error"], linestyle="none", marker="o", markersize=3, alpha=0.8)
    time_axis(ax, times)


def draw_autocorrelation(ax: Axes, errors: pd.DataFrame) -> None:
    """Correlations of errors with those some times before, over the series together."""
    values = errors.groupby("id", sort=False)["error"]
    centred, owner = errors["error"] - values.transform("mean"), errors["id"]
    most = min(int(values.size().max()) // 2, MOST_LAGS)
    lags = np.arange(1, max(most, 1) + 1)
    together = [np.nansum(centred * centred.groupby(owner, sort=False).shift(lag)) for lag in lags.tolist()]
    bound = NORMAL_95 / np.sqrt(len(centred))
    ax.axhspan(-bound, bound, color=ink(), alpha=0.12, linewidth=0)
    ax.axhline(0.0, color=ink(), linewidth=0.8)
    ax.vlines(lags, 0.0, np.array(together) / np.sum(centred**2), colors="C0", linewidth=2.5)
    ax.set_ylabel("autocorrelation")
    step_axis(ax, "steps between errors")
