"""Which columns of a frame hold ids, times and values, and whether it is one series, a long or a wide frame."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from numbers import Real
from typing import NoReturn

import pandas as pd

from forecastrnn.date_texts import are_dates

_DATED = 2  # columns of one series: times and values
_NUMBERS = {"integer", "floating", "mixed-integer-float", "boolean", "decimal", "empty"}
_MADE_OF_ALIAS = r"(-(path|lo|hi)-.*|_ql.*)?"  # the rest of the names of a forecast's columns


@dataclass(frozen=True)
class Names:
    """What the columns of a long frame are called; `id_col` is None where there is none, as in one series."""

    id_col: Hashable = "unique_id"
    time_col: Hashable = "ds"
    target_col: Hashable = "y"

    def check(self) -> None:
        """Refuse names that cannot be those of three columns."""
        for parameter, name in vars(self).items():
            if not isinstance(name, Hashable):
                raise TypeError(
                    f"{parameter} must name one column. Got {name!r}: where several say which series it is, join them "
                    "first, as in y.assign(unique_id=y['store'] + ' ' + y['item'])"
                )
        if len(set(vars(self).values())) < len(vars(self)):
            raise ValueError(
                f"id_col, time_col and target_col must differ. Got {self.id_col!r}, {self.time_col!r} and "
                f"{self.target_col!r}"
            )

    def of_frame(self, y: pd.DataFrame, argument: str, alias: str = "RNN") -> Names | None:
        """The names of a long frame, or of one series; None: it is a wide frame."""
        named = {self.id_col, self.time_col} & set(y.columns)
        text = None if named else first_not_numeric(y)
        if not named and text is None:
            return None
        found = self if self.id_col in y.columns else self._of_one_series(y)
        if found is None or not {found.time_col, found.target_col} <= set(y.columns):
            self._refuse(y, text, argument)
        found._check_forecast(alias)
        return found

    def _of_one_series(self, y: pd.DataFrame) -> Names | None:
        """Names of times and values where there are no ids: those given, else the two columns that a frame has."""
        if self.id_col not in (None, Names.id_col):
            return None
        one = replace(self, id_col=None)
        if y.shape[1] != _DATED:
            return one if self.id_col is None else None
        first, second = y.columns
        swapped = self.time_col == second or self.target_col == first
        if self.time_col not in y.columns and not swapped:
            swapped = not are_dates(y[first])
        time, target = (second, first) if swapped else (first, second)
        if time != self.time_col and (self.time_col != Names.time_col or not are_dates(y[time])):
            return None
        if target != self.target_col and self.target_col != Names.target_col:
            return None
        return replace(one, time_col=time, target_col=target)

    def _check_forecast(self, alias: str) -> None:
        for parameter in ("id_col", "time_col"):
            name = getattr(self, parameter)
            if isinstance(name, str) and re.fullmatch(re.escape(alias) + _MADE_OF_ALIAS, name):
                raise ValueError(
                    f"{parameter}={name!r} would be the name of two columns of a forecast, where its values are called "
                    f"so: give them another name, alias='model', or rename the column, for example "
                    f"y.rename(columns={{{name!r}: 'id'}})"
                )

    def _refuse(self, y: pd.DataFrame, text: int | None, argument: str) -> NoReturn:
        """Say which column there is not, and what could be meant."""
        missing = [item for item in vars(self).items() if item[1] not in (None, *y.columns)]
        given = [item for item in missing if item[1] != getattr(Names, item[0])]  # a slip of the pen, most likely
        parameter, name = (given or missing or [("id_col", self.id_col)])[0]
        why = "it" if text is None else f"column {y.columns[text]!r} is not numeric, so it"
        raise ValueError(
            f"{argument} has no column {name!r} ({parameter}): {why} is read as a long frame; its columns are "
            f"{first_few(y.columns)}{'' if given and name not in y.index.names else self._hint(y, name)}"
        )

    def _hint(self, y: pd.DataFrame, missing: Hashable) -> str:
        if missing is not None and missing in y.index.names:
            return "; call reset_index first, it is in the index"
        if {self.time_col, self.target_col} <= set(y.columns):
            return "; if it is one series, say so with id_col=None; else name the column of the ids"
        dates = [name for name in y.columns if are_dates(y[name])]
        if len(dates) == 1 and first_not_numeric(y.drop(columns=dates)) is None:
            return f"; set_index({dates[0]!r}) makes it a wide frame, each column a series"
        texts = [name for name in y.columns if not pd.api.types.is_numeric_dtype(y[name])]
        if y.shape[1] == _DATED and len(texts) == 1 and not dates and len(y):
            return (
                f"; {y[texts[0]].iloc[0]!r} in column {texts[0]!r} is no date of a form that is known: "
                "pandas.to_datetime(..., format=...) reads dates of any form"
            )
        return ""


def check_apart(names: Iterable[Hashable], where: str = "the forecast") -> None:
    """Refuse two columns of one name: one would be lost, in silence."""
    listed = list(names)
    twice = [name for name in listed if listed.count(name) > 1]
    if twice:
        raise ValueError(
            f"{where}: two columns would be called {twice[0]!r}; rename that of y, or give another alias, as in "
            "set_params(alias='model')"
        )


def first_not_numeric(y: pd.DataFrame) -> int | None:
    """Place of the first column that does not hold real numbers, or None."""
    kinds = {dtype: _is_number(dtype) for dtype in y.dtypes.unique()}
    for place, dtype in enumerate(y.dtypes):
        if pd.api.types.is_object_dtype(dtype):
            if not _holds_numbers(y.iloc[:, place]):
                return place
        elif not kinds[dtype]:
            return place
    return None


def first_text(column: pd.Series) -> str:
    """The first value of a column that is no number, and its row, in words."""
    for row, value in enumerate(column):
        if value is not None and not isinstance(value, Real | Decimal):
            return f", the first is {value!r:.40} in row {row}"
    return ""


def _holds_numbers(column: pd.Series) -> bool:
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind in ("mixed", "mixed-integer"):
        return all(isinstance(value, Real | Decimal) for value in column.dropna())
    return kind in _NUMBERS


def _is_number(dtype: object) -> bool:
    return pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_complex_dtype(dtype)


def names_nothing(name: Hashable) -> bool:
    """Whether a series has no name: NaN names nothing either."""
    return bool(pd.api.types.is_scalar(name) and pd.isna(name))


def first_few(names: Iterable[Hashable]) -> str:
    """Names for a message."""
    listed = list(names)
    return ", ".join(repr(name) for name in listed[:5]) + (", ..." if len(listed) > 5 else "")
