"""Covariates at the door: frames of them become arrays with a row for each value of series."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from forecastrnn.data.caller_warnings import warn_caller
from forecastrnn.data.covariate_columns import Column, as_fitted, read_column
from forecastrnn.data.covariate_tables import CovariateTable
from forecastrnn.data.covariate_values import UNKNOWN, Covariate, Covariates
from forecastrnn.data.frame_columns import first_few
from forecastrnn.data.series_input import SeriesSet, TimeAxis


@dataclass(frozen=True, eq=False)
class Wanted:
    """Series (n,), by their places on the axis, and times (n,) for which covariates are asked."""

    axis: TimeAxis
    series: np.ndarray
    ordinals: np.ndarray

    @classmethod
    def of(cls, read: SeriesSet) -> Wanted:
        """Those of all values of series."""
        return cls(read.axis, read.owners, read.times(np.arange(len(read.values))))

    def describe(self, row: int) -> str:
        """One of them as text."""
        time = self.axis.clock.describe(int(self.ordinals[row]))
        return f"series {self.axis.ids[self.series[row]]!r} at {time}"

    def count(self, wrong: np.ndarray) -> str:
        """Which series and time is the first of some (n,), and how many more there are."""
        first, several = int(np.argmax(wrong)), int(wrong.sum())
        said = self.describe(first)
        if several == 1:
            return said
        series = len(np.unique(self.series[wrong]))
        return f"{said} (and {several - 1} more" + (f", in {series} series)" if series > 1 else ")")

    def nearest(self, table: CovariateTable, wrong: np.ndarray) -> str:
        """What row a table has instead of the first of some (n,), for a message."""
        first = int(np.argmax(wrong))
        name, ordinal = self.axis.ids[self.series[first]], int(self.ordinals[first])
        return table.nearest(name, ordinal, self.axis)


@dataclass(frozen=True, eq=False)
class Reading:
    """How covariates of series are read: what is missing, and the columns of the fit where this is none.

    others : names that have another role: categories of static, and after the fit also series and times, which are
    passed over. is_fit : it is one, which goes on from another; then columns that this had not are an error.
    """

    missing: str = "raise"
    fitted: tuple[Covariate, ...] | None = None
    others: tuple = ()
    is_fit: bool = False

    def of_role(self, role: str) -> list[Covariate]:
        """The columns of the fit that a caller gives in a role; plain ones are found from the times."""
        return [one for one in self.fitted or () if one.role == role and one.kind != "plain"]

    def names(self, role: str, table: CovariateTable) -> list:
        """Columns of a table that have a role: all of them in a fit, in another call those of the fit."""
        if self.fitted is None:
            return table.columns
        names = [one.name for one in self.of_role(role)]
        lacking = [name for name in names if name not in table.columns]
        if lacking:
            raise ValueError(
                f"{table.argument} lacks the column {lacking[0]!r}: the model was fitted with {first_few(names)}"
            )
        known = {*self.others, *(one.name for one in self.fitted)}
        unknown = [name for name in table.columns if name not in known]
        if unknown and self.is_fit:
            raise ValueError(
                f"warm_start=True: {table.argument} must have the columns of the first fit, {first_few(names)}. Got "
                f"{unknown[0]!r}"
            )
        if unknown:
            _warn_unknown(unknown, names, table.argument)
        return names

    def column(self, role: str, name: Hashable, found: Column, table: CovariateTable) -> tuple[Covariate, np.ndarray]:
        """A covariate and its values, as the fit has them where this is none."""
        if self.fitted is None:
            labels = () if found.labels is None else tuple(found.labels.tolist())
            own = Covariate(name, role, found.kind, labels, table.is_shared)
            return own, found.values
        fitted = next(one for one in self.of_role(role) if one.name == name)
        return fitted, as_fitted(found, fitted, table.argument)


Values = tuple[Covariate, np.ndarray]  # a column, and its values at each row


def columns_of(read: SeriesSet, tables: Sequence[tuple[str, CovariateTable]], reading: Reading) -> list[Values]:
    """Covariates at all values of series, of tables with their roles, in the order of these.

    Raises ValueError for a time without a row, and for missing values unless they are masked.
    """
    wanted, found = Wanted.of(read), []  # type: tuple[Wanted, list[Values]]
    for role, table in tables:
        rows = table.keys.find(wanted.series, wanted.ordinals)
        absent = rows < 0
        if reading.missing == "mask":
            absent &= ~np.isnan(read.values)  # where nothing is known of the series nothing need be known beside it
        if absent.any():
            raise ValueError(
                f"{table.argument} has no row for {wanted.count(absent)}; covariates need a value at each time of y"
                f"{wanted.nearest(table, absent)}"
            )
        for name in reading.names(role, table):
            column = read_column(table.values[name], rows, table.argument)
            if reading.missing != "mask":
                _refuse_missing(column, name, table.argument, wanted, reading.missing)
            found.append(reading.column(role, name, column, table))
    return found


def joined(found: Sequence[Values], rows: int) -> Covariates:
    """Columns beside each other, numbers and codes apart."""
    numbers = [values for one, values in found if one.kind != "category"]
    codes = [values for one, values in found if one.kind == "category"]
    return Covariates(
        tuple(one for one, _ in found),
        np.stack(numbers, axis=1) if numbers else np.empty((rows, 0)),
        np.stack(codes, axis=1) if codes else np.empty((rows, 0), np.int64),
    )


def nothing(one: Covariate, rows: int) -> np.ndarray:
    """Values (rows,) of a column of which nothing is known."""
    return np.full(rows, UNKNOWN) if one.kind == "category" else np.full(rows, np.nan)


def apart(found: Covariates) -> list[Values]:
    """The columns of covariates, each with its values."""
    numbers, codes = iter(found.numbers.T), iter(found.codes.T)
    return [(one, next(codes if one.kind == "category" else numbers)) for one in found.columns]


def _warn_unknown(unknown: list, names: list, argument: str) -> None:
    several = f"columns {first_few(unknown)} are" if len(unknown) > 1 else f"column {unknown[0]!r} is"
    warn_caller(f"{argument}: {several} unknown to the model, which was fitted with {first_few(names)}, and not used")


def _refuse_missing(column: Column, name: Hashable, argument: str, wanted: Wanted, missing: str) -> None:
    """Refuse missing values, with the ways out."""
    wrong = column.missing
    if not wrong.any():
        return
    zero = "missing='zero' is for y alone; " if missing == "zero" else ""
    raise ValueError(
        f"{argument} contains NaN in column {name!r}: {wanted.count(wrong)}; {zero}fill them (ffill, interpolate), or "
        "let networks read that they are missing with missing='mask'"
    )
