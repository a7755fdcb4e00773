"""Static columns of numbers, which networks read as they read other numbers, apart from those of categories."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from forecastrnn.data.caller_warnings import warn_caller
from forecastrnn.data.covariate_values import Covariate
from forecastrnn.data.static_input import rows_of


def of_one_series(static: object, name: Hashable, id_col: Hashable) -> object:
    """Static of one series, a mapping or a frame of one row whatever its index, as a frame by its name."""
    if isinstance(static, dict):
        for column, value in static.items():
            if not pd.api.types.is_scalar(value) and np.size(value) != 1:
                raise ValueError(f"static of one series is one value a column, but {column!r} has {np.size(value)}.")
        return pd.DataFrame(static, index=[name])
    if isinstance(static, pd.DataFrame) and len(static) == 1:
        return static.drop(columns=[id_col], errors="ignore").set_axis([name])
    return static


def split_static(
    static: Any, ids: tuple, id_col: Hashable, needed: np.ndarray, missing: str, *, fitted: Sequence | None = None
) -> tuple[pd.DataFrame | None, list[tuple[Covariate, np.ndarray]]]:
    """The frame of categories, None if there are none, and the columns of numbers with their values (n_series,).

    Floats are numbers; texts, truth values and pandas categories are categories. Integers are still categories, of
    which a warning tells in a fit, since they are to become numbers. needed (n_series,) : which series need a row;
    fitted : names of the columns that were numbers in the fit, where this is none.

    Raises TypeError and ValueError as `read_static`, and for numbers that are missing without missing="mask".
    """
    frame, rows = rows_of(static, tuple(np.array([*ids, None], object)[:-1][needed]), id_col)
    names = [name for name in frame.columns if _kind(frame, name) == "f"] if fitted is None else list(fitted)
    lacking = [name for name in names if name not in frame.columns]
    if lacking:
        raise ValueError(f"static lacks the column {lacking[0]!r}, with which the model was fitted")
    if fitted is None:
        for name in frame.columns:
            if _kind(frame, name) in ("i", "u"):
                _warn_of_integers(name)
    found = []
    for name in names:
        values = np.full(len(ids), np.nan)
        values[needed] = _numbers(frame[name], name)[rows]
        _check(values, name, ids, needed & (missing != "mask"))
        found.append((Covariate(name, "static", "number"), values))
    others = static.drop(columns=names)
    return None if len(names) == frame.shape[1] and names else others, found


def _numbers(column: Any, name: Hashable) -> np.ndarray:
    try:
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise TypeError(f"column {name!r} of static holds {column.dtype} values; in fit it held numbers") from error


def _kind(frame: Any, name: Hashable) -> str:
    """The kind of a column's dtype as NumPy has it; "" where it has none, or the column is there twice."""
    return getattr(getattr(frame[name], "dtype", None), "kind", "")


def _warn_of_integers(name: Hashable) -> None:
    warn_caller(
        f"static: column {name!r} holds integers, which are categories now and will be numbers from version 0.4 on. "
        "astype('category') keeps them, astype(float) makes them numbers today",
        FutureWarning,
    )


def _check(values: np.ndarray, name: Hashable, ids: tuple, wanted: np.ndarray) -> None:
    """Refuse infinity, and NaN in series of which a value is wanted."""
    wrong = np.isinf(values) | np.isnan(values) & wanted
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            f"static contains {'infinity' if np.isinf(values[row]) else 'NaN'} in column {name!r}, first for series "
            f"{ids[row]!r}: fill it, or let networks read that it is missing with missing='mask'"
        )
