"""Which columns are covariates: those that the caller names, each in one role."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

import pandas as pd

from forecastrnn.data.caller_warnings import warn_caller
from forecastrnn.data.covariate_tables import CovariateTable, read_table
from forecastrnn.data.frame_columns import Names, first_few
from forecastrnn.data.series_input import TimeAxis

ARGUMENT = {"known": "X", "past": "past"}  # what each role is called by callers


@dataclass(frozen=True, eq=False)
class Beside:
    """What a caller gave beside y: X and past, frames or names of columns of y, which `y` still has."""

    y: object
    X: object = None
    past: object = None

    @classmethod
    def of(cls, y: object, X: object, past: object, names: Names) -> Beside:
        """Those given, one name made a list; raises for names that are no columns of y, or those of other things."""
        X, past = ([given] if isinstance(given, str) else given for given in (X, past))
        for argument, given in zip(ARGUMENT.values(), (X, past), strict=True):
            if isinstance(given, list | tuple):
                _check_named(y, list(given), names, argument)
        return cls(y, X, past)

    def named(self) -> list:
        """Columns of y that are covariates."""
        return [name for given in (self.X, self.past) if isinstance(given, list | tuple) for name in given]

    def in_frames(self) -> list:
        """Columns of the frames."""
        return [name for given in (self.X, self.past) for name in getattr(given, "columns", ())]

    def series(self, others: Iterable[Hashable] = ()) -> object:
        """What y has but for covariates, those that are named here and `others`, which a fit has been given."""
        if not isinstance(self.y, pd.DataFrame) or self.y.columns.nlevels > 1:
            return self.y
        dropped = [name for name in dict.fromkeys([*self.named(), *others]) if name in self.y.columns]
        return self.y.drop(columns=dropped) if dropped else self.y

    def tables(self, axis: TimeAxis, names: Names) -> list[tuple[str, CovariateTable]]:
        """Their rows, by role."""
        return [
            (role, read_table(self.frame(given, axis), axis, names, argument))
            for (role, argument), given in zip(ARGUMENT.items(), (self.X, self.past), strict=True)
            if given is not None
        ]

    def frame(self, given: object, axis: TimeAxis) -> object:
        """The columns of y that are named, with those of ids and times; anything else as it is."""
        if not isinstance(given, list | tuple) or not isinstance(self.y, pd.DataFrame):
            return given
        keys = [axis.id_name, axis.time_name] if axis.form in ("long", "dated") else []
        return self.y[[name for name in keys if name in self.y.columns] + list(given)]


def _check_named(y: object, given: list, names: Names, argument: str) -> None:
    if not isinstance(y, pd.DataFrame) or y.columns.nlevels > 1:
        raise TypeError(
            f"{argument} is a list, which names columns of y, but y has no such columns: give pandas, a DataFrame with "
            f"a row for each time, so that rows can be matched by time. Got {first_few(given)}"
        )
    for name in given:
        if not isinstance(name, Hashable) or name not in y.columns:
            raise ValueError(f"{argument} names {name!r}, which is no column of y; they are {first_few(y.columns)}")
        if given.count(name) > 1:
            raise ValueError(f"{argument} names {name!r} twice")
        parameter = next((word for word, own in vars(names).items() if own == name), None)
        if parameter is not None:
            raise ValueError(f"{argument} names {name!r}, which is {parameter}: it cannot be a covariate as well")


def check_roles(tables: list[tuple[str, CovariateTable]], axis: TimeAxis, static: Iterable[Hashable] = ()) -> None:
    """Refuse a column in two roles: among covariates, or the target as one."""
    seen: dict[Hashable, str] = dict.fromkeys(static, "static")
    targets = axis.ids if axis.form == "wide" else (axis.value_name,)
    for _, table in tables:
        for name in table.columns:
            if name is not None and name in targets:
                _refuse_target(table, name, axis)
            if name in seen:
                raise ValueError(
                    f"column {name!r} is in {seen[name]} and in {table.argument}: a covariate has one role. X is known "
                    "ahead, past until now, static stays the same"
                )
        seen |= dict.fromkeys(table.columns, table.argument)


def _refuse_target(table: CovariateTable, name: Hashable, axis: TimeAxis) -> None:
    own = (
        f": a covariate that each series has its own of has columns (series, covariate), as of "
        f"pandas.concat({{'name': {table.argument}}}, axis=1).swaplevel(axis=1)"
        if axis.form == "wide" else "; drop it"
    )  # fmt: skip
    raise ValueError(f"{table.argument} has the column {name!r}, which is what y holds and is to be forecast{own}")


def warn_unnamed(beside: Beside, axis: TimeAxis, names: Names, static: Iterable[Hashable]) -> None:
    """Say which columns of y nobody named, neither as columns of y nor as those of another frame.

    In a wide frame each column is a series: a warning tells what is meant by one beside the target.
    """
    y = beside.y
    if not isinstance(y, pd.DataFrame):
        return
    if axis.form in ("long", "dated"):
        known = {axis.id_name, axis.time_name, axis.value_name, *static, *beside.named(), *beside.in_frames()}
        others = [name for name in y.columns if name not in known]
        if others:
            several = f"columns {first_few(others)} are" if len(others) > 1 else f"column {others[0]!r} is"
            warn_caller(
                f"y: {several} not used; name such in X= (known ahead) or past= (known until now), or drop them"
            )  # fmt: skip
    elif axis.form == "wide" and names.target_col in axis.ids and axis.n_series > 1:
        others = [name for name in axis.ids if name != names.target_col]
        warn_caller(
            f"y is read as a wide frame, each column a series, so {first_few(others)} will be forecast beside "
            f"{names.target_col!r}. If it is a covariate, name it: X=[{others[0]!r}] where its future will be known, "
            f"past=[{others[0]!r}] where not. If all are series, say so with target_col=None"
        )  # fmt: skip
