"""Covariates behind the end of series: what a forecast needs to know of its own steps."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NoReturn

import numpy as np

from forecastrnn.data.covariate_columns import as_fitted, read_column
from forecastrnn.data.covariate_input import Reading, Values, Wanted, joined, nothing
from forecastrnn.data.covariate_tables import CovariateTable
from forecastrnn.data.covariate_values import Covariate, Covariates
from forecastrnn.data.horizon import is_time, last_of
from forecastrnn.data.series_input import TimeAxis
from forecastrnn.naming import counted


def wanted_behind(axis: TimeAxis, steps: int) -> Wanted:
    """All series and the times (n_series * steps,) of so many steps behind their ends."""
    ordinals = axis.ordinals_after(np.arange(1, steps + 1))
    if len(ordinals) < axis.n_series * steps:
        ordinals = np.tile(ordinals, axis.n_series)
    return Wanted(axis, np.arange(axis.n_series).repeat(steps), ordinals)


def needed_until(axis: TimeAxis, h: object, wanted: Wanted) -> np.ndarray:
    """Which of the rows (n,) that are wanted a forecast reads: none behind a last time, which series reach apart."""
    if not is_time(h):
        return np.ones(len(wanted.ordinals), bool)
    last = last_of(axis, h)
    steps = len(wanted.ordinals) // axis.n_series
    index = axis.after(np.arange(1, steps + 1))
    there = np.asarray(index <= last)
    return there if len(there) == len(wanted.ordinals) else np.tile(there, axis.n_series)


def read_ahead(table: CovariateTable, axis: TimeAxis, h: object, steps: int, reading: Reading) -> Covariates:
    """Covariates (n_series * steps rows) of the steps behind the ends of series; those known until now are missing.

    Raises ValueError for a row or a value that X lacks, whatever `missing` says: a hole in a plan is a slip, and who
    does not know the future of a column gives it as `past`.
    """
    wanted = wanted_behind(axis, steps)
    needed = needed_until(axis, h, wanted)
    rows = table.keys.find(wanted.series, wanted.ordinals)
    known = {one.name: one for one in reading.of_role("known")}
    names, argument = reading.names("known", table), table.argument
    columns = {name: read_column(table.values[name], rows, argument) for name in names}
    lacks = {name: column.missing & needed for name, column in columns.items()}
    if any(missing.any() for missing in lacks.values()):
        _refuse_holes(table, wanted, rows, lacks, h)
    found = [(known[name], as_fitted(column, known[name], argument)) for name, column in columns.items()]
    return as_read(found, reading, len(rows))


def as_read(known: Sequence[Values], reading: Reading, rows: int) -> Covariates:
    """Columns known ahead among all columns of the fit, of which the others are missing there."""
    found = dict(known)
    return joined([(one, found[one] if one in found else nothing(one, rows)) for one in reading.fitted or ()], rows)


def nothing_ahead(columns: tuple[Covariate, ...], rows: int) -> Covariates | None:
    """Rows in which all is missing; None if there are no columns."""
    return joined([(one, nothing(one, rows)) for one in columns], rows) if columns else None


def _refuse_holes(
    table: CovariateTable, wanted: Wanted, rows: np.ndarray, lacks: dict[Hashable, np.ndarray], h: object
) -> NoReturn:
    """Say what is missing first, how much more, and up to where all is known."""
    wrong = np.logical_or.reduce(list(lacks.values()))
    first = int(np.argmax(wrong))
    known = int(np.argmax(wrong.reshape(wanted.axis.n_series, -1).any(axis=0)))
    what = "a row" if rows[first] < 0 else repr(next(name for name, missing in lacks.items() if missing[first]))
    more = len(np.unique(wanted.ordinals[wrong])) if table.is_shared else int(wrong.sum())
    of = wanted.axis.clock.describe(int(wanted.ordinals[first])) if table.is_shared else wanted.describe(first)
    others = f" (and {counted(more - 1, 'more row')})" if more > 1 else ""
    said = f"{table.argument} lacks {what} {'at' if table.is_shared else 'of'} {of}{others}"
    nearest = wanted.nearest(table, wrong) if rows[first] < 0 and not known else ""
    raise ValueError(f"{said}{nearest}. {_what_to_do(table.argument, h, known)}")


def _what_to_do(argument: str, h: object, known: int) -> str:
    """Advice where so many steps are known for all series."""
    if argument != "X":  # what a function said of a cutoff
        return f"A function of the cutoff must give the rows of all {h} steps behind it"
    see = f"see make_future_frame({h!r}, X)"
    if not known:
        return f"No step is known for all series: {see}"
    return f"All series are known for {counted(known, 'step')}: lower h to {known}, or {see}"
