"""Forecasts to compare with, by one formula each: the last value, the last season, the line through both ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist

import numpy as np

from forecastrnn.backtesting.origins import Origins
from forecastrnn.data.series_input import SeriesSet
from forecastrnn.metrics.scales import seasonal_errors
from forecastrnn.naming import is_among, names_in


@dataclass(frozen=True, eq=False)
class Known:
    """What is known at each origin (n,): rows `begin` to before `end` of values (total,), NaN where one is missing."""

    values: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    series: np.ndarray  # (total,) of each row

    @cached_property
    def last(self) -> np.ndarray:
        """Row (n,) of the last known value."""
        rows = np.where(np.isfinite(self.values), np.arange(len(self.values)), 0)
        return np.maximum.accumulate(rows)[self.end - 1]

    @cached_property
    def first(self) -> np.ndarray:
        """Row (n,) of the first known value."""
        rows = np.flatnonzero(np.isfinite(self.values))
        return rows[np.searchsorted(rows, self.begin)]

    def spread(self, season: int) -> np.ndarray:
        """Root mean square (n,) of the changes over a season."""
        spans = np.stack([np.minimum(self.begin + season, self.end), self.end], axis=1)
        return np.sqrt(seasonal_errors(self.values, self.series, season, spans)[1])


Forecast = tuple[np.ndarray, np.ndarray]  # middles (n, h), and their standard deviations


def naive(known: Known, steps: np.ndarray, season: int) -> Forecast:
    """The last value."""
    behind = (known.end - 1 - known.last)[:, None] + steps
    return np.repeat(known.values[known.last][:, None], len(steps), axis=1), known.spread(1)[:, None] * np.sqrt(behind)


def drift(known: Known, steps: np.ndarray, season: int) -> Forecast:
    """On along the line from the first known value to the last."""
    length = (known.last - known.first)[:, None]
    behind = (known.end - 1 - known.last)[:, None] + steps
    slope = (known.values[known.last] - known.values[known.first])[:, None] / np.maximum(length, 1)
    spread = np.sqrt(np.maximum(known.spread(1)[:, None] ** 2 - slope**2, 0.0))
    growth = behind * (1 + behind / np.maximum(length, 1))
    return known.values[known.last][:, None] + slope * behind, spread * np.sqrt(growth)


def seasonal_naive(known: Known, steps: np.ndarray, season: int) -> Forecast:
    """The last known value of the same place in the season; the last value of all where there is none."""
    middle, spread = naive(known, steps, season)
    row = known.end[:, None] + (steps - 1) % season - season
    begin, ahead = known.begin[:, None], (steps - 1) // season + 1
    seasonal = known.spread(season)[:, None] * np.sqrt(ahead)
    missing = row >= begin
    while missing.any():  # where the value is not known, one season further back
        there = missing & np.isfinite(known.values[row])
        middle[there], spread[there] = known.values[row[there]], seasonal[there]
        row = row - season
        missing &= ~there & (row >= begin)
    return middle, spread


BASELINES: dict[str, tuple[str, Callable[[Known, np.ndarray, int], Forecast]]] = {
    "naive": ("Naive", naive),
    "seasonal_naive": ("SeasonalNaive", seasonal_naive),
    "drift": ("Drift", drift),
}


def columns_of(baselines: str | Sequence[str]) -> list[str]:
    """The columns of the baselines that were asked for; a ValueError names one that there is not."""
    asked = names_in(baselines, "baselines")
    for name in asked:
        if not is_among(name, BASELINES):
            raise ValueError(f"baselines: there is no {name!r}, but {', '.join(map(repr, BASELINES))}")
    twice = next((name for name in asked if asked.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"baselines names {twice!r} twice; name it once")
    return [BASELINES[name][0] for name in asked]


def forecasts_of(
    columns: list[str], read: SeriesSet, origins: Origins, steps: list[int], *, season: int, ends: list[str]
) -> dict[str, np.ndarray]:
    """Columns (n_origins * n_steps,) of baselines; `ends`: what stands behind their names, "-lo-80" or "_ql0.1"."""
    known, formulas = Known(read.values, origins.begin, origins.end, read.owners), dict(BASELINES.values())
    found = {}
    for name in columns:
        middle, spread = formulas[name](known, np.array(steps), season)
        found[name] = middle.ravel()
        found |= {f"{name}{end}": (middle + NormalDist().inv_cdf(_chance(end)) * spread).ravel() for end in ends}
    return found


def _chance(end: str) -> float:
    """The quantile that a column is, of "-lo-80", "-hi-80" or "_ql0.1"."""
    if end.startswith("_ql"):
        return float(end.removeprefix("_ql"))
    half = float(end.rpartition("-")[2]) / 200
    return 0.5 - half if end.startswith("-lo-") else 0.5 + half
