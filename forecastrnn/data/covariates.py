"""Covariates as callers give them: beside the series of a fit, others or new rows, and for the steps behind an end."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np

from forecastrnn.data.covariate_ahead import as_read, read_ahead
from forecastrnn.data.covariate_coding import recoded
from forecastrnn.data.covariate_input import Reading, Values, apart, columns_of, joined, nothing
from forecastrnn.data.covariate_roles import ARGUMENT, Beside, check_roles, warn_unnamed
from forecastrnn.data.covariate_tables import read_table
from forecastrnn.data.covariate_values import Covariate, Covariates
from forecastrnn.data.frame_columns import Names, first_few
from forecastrnn.data.series_input import SeriesSet, TimeAxis

__all__ = ["Beside", "Names", "Reading", "covariates_ahead", "read_table", "warn_unnamed", "with_covariates"]


def with_covariates(
    read: SeriesSet, beside: Beside, names: Names, reading: Reading, static: Sequence[tuple[Covariate, np.ndarray]] = ()
) -> SeriesSet:
    """Series with what is known beside them.

    Parameters
    ----------
    read : SeriesSet
        The series; those of a backtest have theirs already, but for static numbers.
    beside : Beside
        What the caller gave.
    names : Names
        Columns of a long frame.
    reading : Reading
        How to read it; its `fitted` columns, where there are some, must all be given, and no others.
    static : sequence of (Covariate, (n_series,))
        Columns of static numbers.

    Raises
    ------
    TypeError, ValueError
        For what cannot be matched with the series by time, is missing, is in two roles, or is not what fit had.

    Examples
    --------
    >>> import pandas as pd
    >>> from forecastrnn.data.series import read_series
    >>> days = pd.date_range("2024-01-01", periods=3)
    >>> y, price = pd.Series([5.0, 6.0, 7.0], index=days), pd.DataFrame({"price": [3.0, 1.0, 2.0]}, index=days[::-1])
    >>> beside = Beside.of(y, price, None, Names())
    >>> with_covariates(read_series(y), beside, Names(), Reading()).covariates.numbers[:, 0].tolist()
    [2.0, 1.0, 3.0]
    """
    if reading.fitted is not None and read.covariates is None:
        _check_given(beside, reading)
    tables = beside.tables(read.axis, names)
    if reading.fitted is None:
        check_roles(tables, read.axis, [*reading.others, *(one.name for one, _ in static)])
    before = read.covariates
    found: list[Values] = columns_of(read, tables, reading) if before is None else apart(before)
    if before is not None and reading.fitted is not None:  # a backtest has read them for all times
        given = {one for one, _ in static}
        found = recoded(before, tuple(one for one in reading.fitted if one not in given))
    found += [(one, values.repeat(np.diff(read.offsets))) for one, values in static]
    if reading.fitted is not None:
        found = [*found, *_nowhere(found, reading.fitted, len(read.values))]
        found.sort(key=lambda column: (reading.fitted or ()).index(column[0]))
    return replace(read, covariates=joined(found, len(read.values))) if found else read


def _nowhere(found: list[Values], fitted: tuple[Covariate, ...], rows: int) -> list[Values]:
    """Columns of the fit that nobody gives, without values: what stays the same is known of series of the fit."""
    there = {one for one, _ in found}
    return [(one, nothing(one, rows)) for one in fitted if one not in there]


def _check_given(beside: Beside, reading: Reading) -> None:
    """Refuse roles that fit had and this call lacks, or the reverse."""
    for (role, argument), given in zip(ARGUMENT.items(), (beside.X, beside.past), strict=True):
        fitted = [one.name for one in reading.of_role(role)]
        if fitted and given is None:
            raise ValueError(
                f"the model was fitted with {argument} {_listed(fitted)}: give their values for all series and "
                "times of y"
            )
        if given is not None and not fitted:
            refuse_given(argument)


def _listed(names: Sequence[Hashable]) -> str:
    return f"({first_few(names)})"


def refuse_given(argument: str) -> None:
    """Refuse covariates for a model that knows of none."""
    raise ValueError(f"{argument} must not be given here: the model was fitted without {argument}")


def covariates_ahead(
    given: object, axis: TimeAxis, h: object, steps: int, names: Names, reading: Reading
) -> Covariates | None:
    """What is known of the steps behind the ends of series, a row for each series and step; None: nothing need be.

    Parameters
    ----------
    given : DataFrame, Series, Covariates or None
        X as the caller gave it; a backtest has read it.
    axis : TimeAxis
        Of the series to forecast.
    h : int, sequence of int, or time
        As the caller said how far to forecast.
    steps : int
        The last step of it.
    names : Names
        Columns of a long frame.
    reading : Reading
        With the columns of the fit.

    Raises
    ------
    ValueError
        If X is not given where the fit had it, or is given where it had not; if a row or value is missing.
    TypeError
        If a column holds texts and held numbers, or the reverse, or times cannot be compared.

    Examples
    --------
    >>> import pandas as pd
    >>> from forecastrnn.data.series import read_series
    >>> days = pd.date_range("2024-01-01", periods=3)
    >>> axis = read_series(pd.Series(1.0, index=days)).axis
    >>> plan = pd.DataFrame({"price": [4.0, 5.0]}, index=days[1:] + pd.Timedelta("2D"))
    >>> covariates_ahead(plan, axis, 2, 2, Names(), Reading(fitted=(Covariate("price", "known", "number"),))).numbers.T
    array([[4., 5.]])
    """
    known = reading.of_role("known")
    if given is None:
        if known:
            _refuse_none(axis, h, steps, [one.name for one in known])
        return None
    if not known:
        refuse_given("X")
    if isinstance(given, Covariates):
        return as_read(recoded(given, tuple(known)), reading, len(given.numbers))
    table = read_table(given, axis, names, "X")
    return read_ahead(table, axis, h, steps, reading)


def _refuse_none(axis: TimeAxis, h: object, steps: int, names: list) -> None:
    """Say for which times X is wanted."""
    times = axis.after(np.arange(1, steps + 1))
    first, last = times.min(), times.max()
    until = f"{first}" if first == last else f"{first} .. {last}"
    raise ValueError(
        f"the model was fitted with X {_listed(names)}; give their values for {until}. make_future_frame({h!r}) lists "
        "the rows"
    )
