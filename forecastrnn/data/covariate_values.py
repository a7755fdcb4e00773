"""Covariates as arrays: a value of each column at each row of series that lie end to end."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace

import numpy as np

ROLES = ("known", "past", "static")
KINDS = ("number", "plain", "category")
UNKNOWN = -1  # the code of a category that is missing, or that fit has not seen


@dataclass(frozen=True)
class Covariate:
    """One column that networks read beside the series.

    role : "known" ahead, known until now ("past"), or "static", the same at all times of a series. kind : "number",
    which is centred and scaled; "plain", read as it is (a sine, or 0 and 1); "category", for which a vector is learned.
    categories : those of the fit, sorted; a code counts them, and one that the fit has not seen, or that is missing, is
    `UNKNOWN`. shared : whether it was given once for all series.
    """

    name: Hashable
    role: str
    kind: str
    categories: tuple[str | float | bool, ...] = field(default=(), repr=False)  # there may be thousands
    shared: bool = field(default=False, repr=False)


@dataclass(frozen=True, eq=False)
class Covariates:
    """What is known beside the values of series: numbers (rows, k) float64, codes (rows, c) int64.

    numbers has the columns of kind "number" and "plain", codes those of kind "category", each in the order of
    `columns`; NaN is a number that is not known.

    Examples
    --------
    >>> import numpy as np
    >>> columns = (Covariate("price", "known", "number"), Covariate("shop", "static", "category"))
    >>> found = Covariates(columns, np.array([[9.5], [9.9]]), np.array([[0], [0]]))
    >>> found.take(np.array([1])).numbers
    array([[9.9]])
    """

    columns: tuple[Covariate, ...]
    numbers: np.ndarray
    codes: np.ndarray

    def take(self, rows: np.ndarray) -> Covariates:
        """Those of some rows."""
        return replace(self, numbers=self.numbers[rows], codes=self.codes[rows])


def is_missing(values: np.ndarray) -> np.ndarray:
    """Which numbers or codes (n,) of a column are not known."""
    return np.isnan(values) if values.dtype.kind == "f" else values == UNKNOWN
