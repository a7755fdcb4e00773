"""Whether intervals keep their promise: coverage by level and by step, and where the truth lies in the forecast."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Self

import numpy as np

from forecastrnn.metrics.forms import CUTOFF, Data
from forecastrnn.plotting.canvas import Axes, GivenAxes, in_rows, ink, legend_above, step_axis
from forecastrnn.plotting.display import Display
from forecastrnn.plotting.estimator import Backtested, check_drawn
from forecastrnn.plotting.origins import Origins, read_origins

LEVELS = (5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 99)
BY_STEP = (80, 95)  # or those next to them
NARROWEST = 0.015  # share of values in a bar: of fewer the frequency says nothing
NORMAL_95 = 1.96  # standard deviations on either side that hold 95%


class CoverageDisplay(Display):
    """How many of the values that came lie in the intervals that were to hold them.

    Three panels: the share of values inside by the level of the interval, with the band in which 95 of 100 shares lie
    by chance, if each series and cutoff counts once; that share by step, for two levels; and how often the truth was
    between which quantiles of the forecast (the probability integral transform), which is flat for a forecast that is
    right, high in the middle where intervals are too wide, and at the ends where they are too narrow.

    Parameters
    ----------
    origins : Origins
        Forecasts with intervals, and what came.
    model : hashable
        Whose intervals.

    Attributes
    ----------
    ax_, axes_ : Axes, list of Axes
        The first, and all three.
    figure_ : Figure
    levels_, coverage_ : ndarray
        What the first panel draws, as shares.

    Examples
    --------
    >>> from forecastrnn import RNNForecaster
    >>> from forecastrnn.datasets import load_airline
    >>> from forecastrnn.plotting import CoverageDisplay
    >>> model = RNNForecaster(n_members=1, max_steps=20, random_state=0)
    >>> display = CoverageDisplay.from_estimator(model, load_airline(), 6, refit=False, level=[50, 80, 95])
    >>> display.levels_.tolist(), display.coverage_.shape
    ([0.5, 0.8, 0.95], (3,))
    >>> display.close()
    """

    levels_: np.ndarray
    coverage_: np.ndarray

    def __init__(self, origins: Origins, *, model: Hashable) -> None:
        self.origins, self.model = origins, model

    @classmethod
    def from_estimator(
        cls, estimator: Backtested, y: Data, h: int, *, level: Sequence[float] = LEVELS, ax: GivenAxes = None,
        **backtest: object,
    ) -> Self:  # fmt: skip
        """Test the intervals of a forecaster on the past, and draw it.

        Parameters
        ----------
        estimator : RNNForecaster
            Need not be fitted; with intervals.
        y, h
            As in `cross_validation`.
        level : list of float
            Intervals to look at, in percent.
        ax : array of 3 Axes, optional
            None: in a new figure.
        **backtest
            As `cross_validation` takes them: `n_windows`, `refit`, `X`, ...

        Returns
        -------
        CoverageDisplay

        Raises
        ------
        ValueError, TypeError
            As `cross_validation` raises them.
        """
        check_drawn(estimator, "cross_validation")
        found = estimator.cross_validation(y, h, level=level, **backtest)
        return cls.from_predictions(found, ax=ax)

    @classmethod
    def from_predictions(
        cls, forecasts: Data, *, truth: Data | None = None, model: Hashable | None = None,
        id_col: Hashable = None, time_col: Hashable = None, target_col: Hashable = None, ax: GivenAxes = None,
    ) -> Self:  # fmt: skip
        """Draw forecasts with intervals, of any model, beside what came.

        Parameters
        ----------
        forecasts : DataFrame
            As `cross_validation(level=...)` or `predict(level=...)` gives it.
        truth : like the y of `fit`, optional
            What came, if the frame has no column of it.
        model : hashable, optional
            Whose intervals; None: the first one's.
        ax, id_col, time_col, target_col
            Three axes, or a new figure; the columns of long frames.

        Returns
        -------
        CoverageDisplay

        Raises
        ------
        ValueError
            If there is no truth or no interval, or another number of axes.
        """
        origins = read_origins(forecasts, truth, (id_col, time_col, target_col))
        chosen = origins.columns.models[0] if model is None else model
        if not [one for one in origins.columns.intervals if one[0] == chosen]:
            raise ValueError(
                f"forecasts has no intervals of {chosen!r}; cross_validation(level=[80, 95]) and "
                "predict(level=[80, 95]) give them"
            )
        return cls(origins, model=chosen).plot(ax)

    def plot(self, ax: GivenAxes = None) -> Self:
        """Draw the same again, on 3 axes or in a new figure.

        Raises
        ------
        ValueError
            For another number of axes.
        """
        inside = self._inside()
        self.levels_ = np.array(sorted(inside)) / 100
        self.coverage_ = np.array([inside[level].mean() for level in sorted(inside)])
        axes = in_rows("ab;cc", ax)
        self._drawn_on(axes)
        self._draw_levels(axes[0])
        self._draw_steps(axes[1], inside)
        self._draw_places(axes[2])
        for one in axes[:2]:
            legend_above([one])
        return self

    def _inside(self) -> dict[float, np.ndarray]:
        """Whether each truth is within the interval of each level."""
        frame, y, columns = self.origins.frame, self.origins.truth, self.origins.columns
        found = {}
        for level in (one for name, one in columns.intervals if name == self.model):
            low, high = (frame[end].to_numpy(dtype=float) for end in columns.interval(self.model, level))
            found[level] = (y >= low) & (y <= high)
        return found

    def _n_origins(self) -> int:
        """Series and cutoffs, each of which counts once: its steps go together."""
        names = self.origins.names
        keys = [name for name in (names.id, CUTOFF) if name in self.origins.frame]
        return len(self.origins.frame[keys].drop_duplicates())

    def _draw_levels(self, ax: Axes) -> None:
        share = np.linspace(0, 1, 101)
        chance = NORMAL_95 * np.sqrt(share * (1 - share) / self._n_origins())
        low, high = (np.clip(share + sign * chance, 0, 1) * 100 for sign in (-1, 1))
        ax.fill_between(100 * share, low, high, color=ink(), alpha=0.12, linewidth=0, label="by chance")
        ax.plot([0, 100], [0, 100], color=ink(), linewidth=0.8, linestyle="--", label="as promised")
        ax.plot(100 * self.levels_, 100 * self.coverage_, marker="o", markersize=3.5, label="found")
        ax.set(xlabel="level, %", ylabel="values inside, %", xlim=(0, 100), ylim=(0, 102))

    def _draw_steps(self, ax: Axes, inside: dict[float, np.ndarray]) -> None:
        there, steps = np.array(sorted(inside)), np.unique(self.origins.step)
        for level in dict.fromkeys(float(there[np.abs(there - one).argmin()]) for one in BY_STEP):
            shares = [100 * inside[level][self.origins.step == step].mean() for step in steps]
            (line,) = ax.plot(steps, shares, marker="o", markersize=3, label=f"{level:g}% interval")
            ax.axhline(level, color=line.get_color(), linewidth=0.8, linestyle="--")
        ax.set_ylim(top=102)
        step_axis(ax, "step ahead")

    def _draw_places(self, ax: Axes) -> None:
        """How often the truth lies between neighbouring quantiles, for a share of 1 in each."""
        frame, columns = self.origins.frame, self.origins.columns
        ends = {}
        for level in (one for name, one in columns.intervals if name == self.model):
            low, high = columns.interval(self.model, level)
            ends[0.5 - level / 200], ends[0.5 + level / 200] = low, high
        shares = np.array([share for share in sorted(ends) if NARROWEST < share < 1 - NARROWEST])
        quantiles = frame[[ends[share] for share in shares]].to_numpy(dtype=float)
        place = (self.origins.truth[:, None] > quantiles).sum(axis=1)
        edges = np.concatenate([[0.0], shares, [1.0]])
        density = np.bincount(place, minlength=len(edges) - 1) / len(place) / np.diff(edges)
        ax.stairs(density, edges, fill=True, alpha=0.5)
        ax.axhline(1.0, color=ink(), linewidth=0.8, linestyle="--")
        ax.set(xlabel="quantile of the forecast", ylabel="frequency of the truth", xlim=(0, 1))
