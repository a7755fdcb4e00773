"""Scores of all units of a table, one metric and one model at a time."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from forecastrnn.metrics import formulas
from forecastrnn.metrics.checks import refuse_swapped
from forecastrnn.metrics.columns import Columns
from forecastrnn.metrics.formulas import METRICS, Metric
from forecastrnn.metrics.grouping import Grouping
from forecastrnn.metrics.rows import Rows
from forecastrnn.metrics.table import Table

Function = Callable[[np.ndarray, np.ndarray], float]


@dataclass(frozen=True)
class Request:
    """One row of the result: a metric by its name, of one level if it is of intervals; or a function of one's own."""

    name: str
    level: float | None = None
    function: Function | None = None

    @property
    def label(self) -> str:
        """What the column `metric` says."""
        return self.name if self.level is None else f"{self.name}_level{self.level:g}"

    @property
    def metric(self) -> Metric:
        """The formula; of a function what it reads."""
        return METRICS["mae"] if self.function else METRICS[self.name]


@dataclass(frozen=True, eq=False, kw_only=True)
class Scorer:
    """What scores are made of. Rows whose truth is NaN are left out."""

    table: Table
    columns: Columns
    grouping: Grouping
    season: int | None
    benchmark: Hashable | None
    agg: str

    @cached_property
    def used(self) -> np.ndarray:
        """Rows whose truth is known."""
        return np.flatnonzero(~np.isnan(self.table.y))

    @cached_property
    def _common(self) -> Rows:
        """What all metrics and models have in common."""
        rows = Rows(y=self.table.y[self.used], group=self.grouping.unit[self.used], n_groups=self.grouping.n_units)
        if self.season is None:
            return rows
        scale, squared = self.table.scales(self.season)
        return replace(rows, scale=scale[self.used], squared_scale=squared[self.used])

    def scores(self, request: Request, model: Hashable) -> np.ndarray:
        """Of each unit, (n_units,); of "owa" the MASE, which says which units count."""
        rows = self._rows(request, model)
        return request.metric.formula(rows) if request.function is None else _each(request.function, rows)

    def averages(self, request: Request, model: Hashable, scores: np.ndarray) -> np.ndarray:
        """Of each group, (n_groups,)."""
        if request.name == "owa" and request.function is None:
            rows = self._rows(request, model)
            pairs = (rows, replace(rows, forecast=rows.benchmark))
            return formulas.owa(*(self._average(part(each)) for each in pairs for part in formulas.PARTS))
        return self._average(scores, geometric=request.name == "relative_mae")

    def _average(self, scores: np.ndarray, geometric: bool = False) -> np.ndarray:
        return self.grouping.average(scores, self.agg, geometric)

    def _rows(self, request: Request, model: Hashable) -> Rows:
        metric, rows = request.metric, self._common
        if metric.against:
            assert self.benchmark is not None
            rows = replace(rows, benchmark=self._numbers(self.columns.point(self.benchmark)))
        if metric.reads == "interval":
            assert request.level is not None
            lower, upper = (self._numbers(name) for name in self.columns.interval(model, request.level))
            refuse_swapped(lower, upper)
            return replace(rows, lower=lower, upper=upper, level=request.level)
        if metric.reads == "quantiles":
            values = np.stack([self._numbers(name) for name in self.columns.quantile(model)], axis=1)
            return replace(rows, by_quantile=values, quantiles=np.array(self.columns.quantile_levels()))
        values = self._numbers(self.columns.point(model))
        return replace(rows, paths=values) if metric.reads == "paths" else replace(rows, forecast=values)

    def _numbers(self, name: Hashable) -> np.ndarray:
        """A column of the rows in use, all of which must be numbers."""
        values = self.table.column(name)[..., self.used]
        wrong = ~np.isfinite(values).all(axis=tuple(range(values.ndim - 1)))
        if wrong.any():
            where = self.table.keys.describe(self.table.places.take(self.used), wrong)
            raise ValueError(f"forecasts: {name!r} is NaN or infinite for {where}; only what came may be missing")
        return values


def _each(function: Function, rows: Rows) -> np.ndarray:
    """A function that is not ours, of each unit in turn; NaN of units without rows."""
    order = np.argsort(rows.group, kind="stable")
    units, begins = np.unique(rows.group[order], return_index=True)
    parts = zip(np.split(rows.y[order], begins[1:]), np.split(rows.forecast[order], begins[1:]), strict=True)
    found = np.full(rows.n_groups, np.nan)
    try:
        found[units] = [float(function(y, forecast)) for y, forecast in parts]
    except TypeError as error:
        name = getattr(function, "__name__", repr(function))
        raise TypeError(f"metric {name} must take what came and its forecast and return a number: {error}") from error
    return found
