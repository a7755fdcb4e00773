"""One series of a forecast display: what its panel draws."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

import pandas as pd

from forecastrnn.metrics.forms import PATH, Names
from forecastrnn.plotting.beside import draw_covariate, share_times
from forecastrnn.plotting.canvas import Artist, Axes, date_numbers, time_axis
from forecastrnn.plotting.frames import Fan, with_gaps
from forecastrnn.plotting.lines import draw_bands, draw_border, draw_history, draw_line, draw_paths, draw_truth

MOST_PATHS = 8
HORIZONS, LEAST_HISTORY = 3, 24  # rows of history: three horizons, and so many at least


@dataclass(frozen=True, eq=False, kw_only=True)
class Panel:
    """Rows of one series, by their times: those of "forecasts", and of "history", "truth", "paths", "covariates"."""

    rows: dict[str, pd.DataFrame]
    names: Names
    swatches: dict[str, Artist] = field(default_factory=dict)

    @property
    def forecasts(self) -> pd.DataFrame:
        """Those of all models."""
        return self.rows["forecasts"]

    def draw(self, ax: Axes, fans: Sequence[Fan], n_history: int | None) -> pd.Index:
        """Draw all but the covariates; returns the times from the first to the last one drawn."""
        times = self.forecasts.index
        known, came = self._known(n_history), self._came()
        if len(known):
            draw_history(ax, known)
            draw_border(ax, known.index[-1], times[0])
        if len(came):
            draw_truth(ax, came)
        self._draw_models(ax, fans)
        time_axis(ax, times)
        return known.index.append(times) if len(known) else times

    def _known(self, n_history: int | None) -> pd.Series:
        """The last values before the forecast."""
        if "history" not in self.rows:
            return pd.Series(dtype=float)
        before = self.rows["history"]
        before = before[before.index < self.forecasts.index[0]]
        count = max(HORIZONS * len(self.forecasts), LEAST_HISTORY) if n_history is None else n_history
        found = with_gaps(before, self.names.target)
        return found.iloc[max(len(found) - count, 0) :]

    def _came(self) -> pd.Series:
        """What came, at the times of the forecast."""
        if "truth" not in self.rows:
            return pd.Series(dtype=float)
        came, times = self.rows["truth"][self.names.target], self.forecasts.index
        return came[(came.index >= times[0]) & (came.index <= times[-1])]

    def _draw_models(self, ax: Axes, fans: Sequence[Fan]) -> None:
        """Forecasts as lines, the first thick, with its bands and paths."""
        for k, fan in enumerate(fans):
            label = str(fan.model) if len(fans) > 1 else "forecast"
            look = {"linewidth": 1.1, "linestyle": ("--", "-.", ":")[(k - 1) % 3]} if k else {"linewidth": 1.8}
            color = draw_line(ax, self.forecasts[fan.model], look | {"label": label, "zorder": 2.5}).get_color()
            self.swatches.update(draw_bands(ax, self.forecasts, fan, color))
        if "paths" in self.rows:
            parts = self.rows["paths"].groupby(PATH)
            draw_paths(ax, [part[self.names.model] for _, part in parts][:MOST_PATHS])

    def draw_below(self, axes: list[Axes], times: pd.Index, columns: Sequence[Hashable]) -> None:
        """Covariates over the same times, on the axes behind the first."""
        if not columns:
            return
        rows = self.rows["covariates"]
        rows = rows[(rows.index >= times[0]) & (rows.index <= times[-1])]
        begin, end = date_numbers(self.forecasts.index[[0, -1]])
        for ax, name in zip(axes[1:], columns, strict=True):
            draw_covariate(ax, rows[name], begin, end)
        share_times(axes)
