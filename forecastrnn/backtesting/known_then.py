"""What is known beside series at an earlier time: until its cutoff, and ahead for the steps of its horizon."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace

import numpy as np

from forecastrnn.backtesting.origins import Origins
from forecastrnn.data.covariate_ahead import read_ahead
from forecastrnn.data.covariate_coding import recoded, united
from forecastrnn.data.covariate_input import Reading, apart, columns_of, joined
from forecastrnn.data.covariate_roles import check_roles
from forecastrnn.data.covariate_tables import read_table
from forecastrnn.data.covariate_values import Covariates, is_missing
from forecastrnn.data.frame_columns import Names
from forecastrnn.data.series_input import SeriesSet, TimeAxis
from forecastrnn.data.time_index import to_index


@dataclass(frozen=True, eq=False)
class Known:
    """Series up to their cutoffs, and covariates (n_series * steps rows) of the steps behind them."""

    series: SeriesSet
    ahead: Covariates | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class KnownThen:
    """Covariates of series as they are known at cutoffs.

    steps : behind a cutoff. as_of : makes the frame of X as it was known at a cutoff. Without it what X says of a time
    is taken to have been known before, as its role says. axis : of the series in the form that they came in.
    """

    read: SeriesSet
    axis: TimeAxis
    steps: int
    missing: str
    names: Names
    as_of: Callable[[Hashable], object] | None = None

    def beside(self, part: SeriesSet, origins: Origins) -> Known:
        """The series that have been cut at origins, with what is known beside them."""
        if self.as_of is not None:
            return self._as_of(part, origins, self.as_of)
        found = self.read.covariates
        if found is None or all(one.role != "known" for one in found.columns):
            return Known(part)
        rows = (origins.end[:, None] + np.arange(self.steps)).ravel()
        for one, values in apart(found):
            if one.role == "known":
                self._check_whole(one.name, rows, values[rows], origins)
        return Known(part, found.take(rows))

    def _check_whole(self, name: Hashable, rows: np.ndarray, values: np.ndarray, origins: Origins) -> None:
        """Refuse a missing value among steps that are forecast, whatever `missing` says."""
        wrong = is_missing(values)
        if not wrong.any():
            return
        first = int(np.argmax(wrong))
        series, clock = self.read.ids[origins.series[first // self.steps]], self.read.axis.clock
        raise ValueError(
            f"cross_validation: X lacks {name!r} of series {series!r} at "
            f"{clock.describe(int(self.read.times(rows[first : first + 1])[0]))}, a step that is forecast: fill it, or "
            "give the column as past"
        )

    def _as_of(self, part: SeriesSet, origins: Origins, as_of: Callable[[Hashable], object]) -> Known:
        """With X as it was at each cutoff; series may end at several ones."""
        ends = self.read.times(origins.end - 1)
        found, ahead, rows, steps = [], [], [], []
        for end in np.unique(ends).tolist():
            then = ends == end
            own = part.where(then)
            argument = f"X({self.axis.clock.describe(end)})"
            given = as_of(to_index(self.axis.clock, np.array([end]))[0])
            axis = self.axis.take(origins.series[then])
            table = read_table(given, axis, self.names, argument)
            check_roles([("known", table)], axis)
            found.append(joined(columns_of(own, [("known", table)], Reading(self.missing)), len(own.values)))
            reading = Reading(self.missing, found[-1].columns)
            ahead.append(read_ahead(table, own.axis, self.steps, self.steps, reading))
            rows.append(np.flatnonzero(then[part.owners]))
            steps.append(np.flatnonzero(then.repeat(self.steps)))
        beside = _in_rows(found, rows)
        past = apart(part.covariates) if part.covariates else []
        series = replace(part, covariates=joined([*apart(beside), *past], len(part.values)))
        return Known(series, _in_rows(ahead, steps))


def _in_rows(found: list[Covariates], rows: list[np.ndarray]) -> Covariates:
    """Covariates of some rows each as those of all, with the categories of all."""
    columns = united([each.columns for each in found])
    parts = [joined(recoded(each, columns), len(own)) for each, own in zip(found, rows, strict=True)]
    order = np.argsort(np.concatenate(rows), kind="stable")
    numbers, codes = (np.concatenate([getattr(part, name) for part in parts]) for name in ("numbers", "codes"))
    return Covariates(columns, numbers[order], codes[order])
