"""A column of covariates as numbers, or as labels of categories, by what it holds."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
import pandas as pd

from forecastrnn.data.caller_warnings import warn_caller
from forecastrnn.data.coding import MOST_CATEGORIES
from forecastrnn.data.covariate_values import UNKNOWN, Covariate, is_missing
from forecastrnn.data.frame_columns import first_not_numeric
from forecastrnn.data.labels import are_texts, as_labels, codes_of, sorted_labels
from forecastrnn.naming import counted, looked_up


@dataclass(frozen=True, eq=False)
class Column:
    """Values of one covariate: numbers (n,) float64, or codes (n,) int64 of sorted labels, `UNKNOWN` where missing."""

    kind: str
    values: np.ndarray
    labels: np.ndarray | None = None

    @property
    def missing(self) -> np.ndarray:
        """Which values (n,) are missing."""
        return is_missing(self.values)


def read_column(column: pd.Series, rows: np.ndarray, argument: str) -> Column:
    """The values of some rows (n,) of a column; a row of -1 is one that there is not.

    Numbers and truth values are numbers, texts and pandas categories are categories. Objects are what they hold: a
    column of numbers and None would else be thousands of categories.
    """
    are_there, dtype = rows.min(initial=0) >= 0, column.dtype
    if are_there and isinstance(dtype, np.dtype) and dtype.kind in "biuf":
        return Column("number", _finite(column.to_numpy()[rows].astype(np.float64), column.name, argument, rows))
    taken = column.iloc[rows] if are_there else column.reset_index(drop=True).reindex(rows)
    if not isinstance(taken.dtype, pd.CategoricalDtype) and first_not_numeric(taken.to_frame()) is None:
        return Column("number", _numbers(taken, argument, rows))
    texts = pd.api.types.is_string_dtype(taken.dtype) or pd.api.types.is_object_dtype(taken.dtype)
    if not texts and not isinstance(taken.dtype, pd.CategoricalDtype):
        raise TypeError(
            f"column {column.name!r} of {argument} holds {taken.dtype} values: give numbers, truth values or categories"
            f"{'; weekdays, months and holidays are read by calendar=' * _is_time(taken.dtype)}"
        )
    with looked_up(taken, f"column {column.name!r} of {argument}", "texts or numbers"):
        codes, found = pd.factorize(taken)
    labels = as_labels(np.asarray(found.astype(object)), lambda _: f"in column {column.name!r} of {argument}")
    if len(labels) >= MOST_CATEGORIES:
        raise ValueError(f"column {column.name!r} of {argument} has {len(labels)} categories; give numbers")
    categories = sorted_labels(labels)
    places = np.append(codes_of(labels, categories) if len(labels) else [], UNKNOWN).astype(np.int64)
    return Column("category", places[codes], categories)


def _is_time(dtype: object) -> bool:
    return isinstance(dtype, pd.PeriodDtype) or pd.api.types.is_datetime64_any_dtype(dtype)


def _numbers(column: pd.Series, argument: str, rows: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):  # too large for float64 is reported as infinity
        try:
            values: np.ndarray = column.to_numpy(dtype=np.float64, na_value=np.nan)
        except OverflowError:
            values = np.full(len(column), np.inf)
    return _finite(values, column.name, argument, rows)


def _finite(values: np.ndarray, name: Hashable, argument: str, rows: np.ndarray) -> np.ndarray:
    """The same values, of which none is infinite; rows (n,): where they stand."""
    infinite = np.isinf(values)
    if infinite.any():
        raise ValueError(
            f"column {name!r} of {argument} contains infinity, or a number too large for float64, first in row "
            f"{int(rows[infinite.argmax()])}; replace such values, or make them missing"
        )
    return values


def as_fitted(found: Column, fitted: Covariate, argument: str) -> np.ndarray:
    """Values (n,) of a column as the fit read it: numbers, or codes of its categories.

    Raises TypeError where the column holds texts and held numbers, or the reverse; warns of labels that fit had not.
    """
    if fitted.kind != "category":
        if found.labels is None:
            return found.values
        if are_texts(found.labels):
            _refuse(fitted.name, argument, f"texts, such as {found.labels.tolist()[0]!r}", "numbers")
        return np.append(found.labels.astype(np.float64), np.nan)[found.values]
    categories = labels_of(fitted)
    labels, codes = (found.labels, found.values) if found.labels is not None else _labels_of(found.values)
    if len(labels) and are_texts(labels) != are_texts(categories):
        given, before = (f"{'texts' if are_texts(one) else 'numbers'}, such as {one.tolist()[0]!r}"
                         for one in (labels, categories))  # fmt: skip
        _refuse(fitted.name, argument, given, before)
    place = codes_of(labels, categories).astype(np.int64) if len(labels) else np.zeros(0, np.int64)
    new = place == len(categories)
    if new.any():
        _warn_unseen(labels[new].tolist(), fitted.name, argument)
    return np.append(np.where(new, UNKNOWN, place), UNKNOWN)[codes]


def _warn_unseen(new: list, name: Hashable, argument: str) -> None:
    more = f" (and {counted(len(new) - 1, 'more such value')})" if len(new) > 1 else ""
    warn_caller(
        f"{argument}: column {name!r} has {new[0]!r}{more}, which fit has not seen: networks read the mean of the "
        "vectors of the known ones"
    )


def _labels_of(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers (n,) as labels of categories, and codes (n,) of these."""
    labels, codes = np.unique(numbers, return_inverse=True)
    there = np.isfinite(labels)
    return labels[there], np.where(there[codes], codes, UNKNOWN)


def labels_of(fitted: Covariate) -> np.ndarray:
    """The sorted labels of a category."""
    is_text = bool(fitted.categories) and isinstance(fitted.categories[0], str)
    return np.array(fitted.categories, dtype=object if is_text else None)


def _refuse(name: Hashable, argument: str, given: str, before: str) -> NoReturn:
    raise TypeError(f"column {name!r} of {argument} holds {given}; in fit it held {before}: give it the same dtype")
