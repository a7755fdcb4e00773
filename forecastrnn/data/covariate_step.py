"""Covariates of one time, as streams take them: a mapping, or numbers and labels in the order of the fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Real
from typing import Any

import numpy as np

from forecastrnn.data.caller_warnings import warn_caller
from forecastrnn.data.covariate_values import UNKNOWN, Covariate, Covariates
from forecastrnn.masks import refuse_masked


@dataclass(frozen=True)
class StepReader:
    """Reads what X says of one time, for the columns of a fit.

    Examples
    --------
    >>> price, day = Covariate("price", "known", "number"), Covariate("day", "known", "category", ("free", "work"))
    >>> found = StepReader((price, day))({"day": "work", "price": 9.5})
    >>> found.numbers, found.codes
    (array([[9.5]]), array([[1]]))
    """

    fitted: tuple[Covariate, ...]

    @cached_property
    def known(self) -> tuple[Covariate, ...]:
        """The columns that are asked for."""
        return tuple(one for one in self.fitted if one.role == "known" and one.kind != "plain")

    @cached_property
    def _places(self) -> dict[Covariate, int]:
        """Where each column lies among the numbers, or among the codes."""
        counts, found = {True: 0, False: 0}, {}
        for one in self.fitted:
            is_code = one.kind == "category"
            found[one], counts[is_code] = counts[is_code], counts[is_code] + 1
        return found

    def __call__(self, given: object) -> Covariates:
        """One row of covariates; what is not known ahead is missing in it.

        Raises TypeError for something else than numbers and labels, ValueError for a column that is missing.
        """
        n_codes = sum(one.kind == "category" for one in self.fitted)
        numbers = np.full((1, len(self.fitted) - n_codes), np.nan)
        codes = np.full((1, n_codes), UNKNOWN)
        for one, value in zip(self.known, self._values(given), strict=True):
            if one.kind == "category":
                codes[0, self._places[one]] = _code(one, value)
            else:
                numbers[0, self._places[one]] = _number(one, value)
        return Covariates(self.fitted, numbers, codes)

    def _values(self, given: object) -> Sequence:
        names = [one.name for one in self.known]
        refuse_masked(given, "X")
        given = _as_mapping(given)
        if isinstance(given, Mapping):
            lacking = [name for name in names if name not in given]
            if lacking:
                raise ValueError(f"X lacks {lacking[0]!r}: the model was fitted with {names}")
            return [given[name] for name in names]
        if isinstance(given, np.ndarray) and given.ndim == 1:
            given = given.tolist()
        if not isinstance(given, list | tuple):
            raise TypeError(f"X must be a mapping, a row of pandas, or an array of {names}. Got {type(given).__name__}")
        if len(given) != len(names):
            raise ValueError(f"X must have {len(names)} values, of {names}. Got {len(given)}")
        return given


def _as_mapping(given: Any) -> Any:
    """A row of pandas, a Series by its labels or a frame of one row, as a mapping; anything else as it is."""
    if not hasattr(given, "iloc"):
        return given
    if not hasattr(given, "columns"):
        return dict(zip(given.index.tolist(), given.tolist(), strict=True))
    if len(given) != 1:
        raise ValueError(f"X must be the values of one time, such as frame.loc[time]. Got a frame of {len(given)} rows")
    return {name: given[name].iloc[0] for name in given.columns}


def _number(one: Covariate, value: object) -> float:
    if not isinstance(value, Real | np.bool_):
        raise TypeError(f"{one.name!r} of X must be a number, as in fit. Got {value!r}")
    number = float(value)
    if not np.isfinite(number):
        raise ValueError(f"{one.name!r} of X must be a finite number. Got {value!r}")
    return number


def _code(one: Covariate, value: object) -> int:
    if value in one.categories:
        return one.categories.index(value)
    if isinstance(value, str) != isinstance(one.categories[0], str) or value != value:
        raise TypeError(f"{one.name!r} of X must be a category such as {one.categories[0]!r}. Got {value!r}")
    warn_caller(f"X: {one.name!r} is {value!r}, which fit has not seen: networks read the mean of the known vectors")
    return UNKNOWN
