"""Static columns of numbers, which networks read as they read other numbers, apart from those of categories."""

from __future__ import annotations

import warnings
from collections.abc import Hashable
from typing import Any

import numpy as np

from forecastrnn.data.covariate_values import Covariate
from forecastrnn.data.static_input import rows_of


def one_row(static: Any, ids: tuple, make: Any) -> object:
    """Static of one series, which may be a mapping, or a frame of one row whatever its index, as a frame by its id."""
    if isinstance(static, dict):
        return make(static, index=list(ids))
    return static.set_axis(list(ids)) if isinstance(static, make) and len(static) == 1 else static


def split_static(
    static: Any, ids: tuple, id_col: Hashable, needed: np.ndarray, missing: str, *, is_fit: bool
) -> tuple[object, list[tuple[Covariate, np.ndarray]]]:
    """The frame of categories, None if there are none, and the columns of numbers with their values (n_series,).

    Floats are numbers; texts, truth values and pandas categories are categories. Integers are still categories, of
    which a warning tells in a fit, since they are to become numbers. needed (n_series,) : which series need a row.
    """
    frame, rows = rows_of(static, tuple(np.array([*ids, None], object)[:-1][needed]), id_col)
    names = [name for name in frame.columns if _kind(frame, name) == "f"]
    if is_fit:
        for name in frame.columns:
            if _kind(frame, name) in "iu":
                _warn_of_integers(name)
    found = []
    for name in names:
        values = np.full(len(ids), np.nan)
        values[needed] = frame[name].to_numpy(dtype=np.float64, na_value=np.nan)[rows]
        _check(values, name, ids, needed & (missing != "mask"))
        found.append((Covariate(name, "static", "number"), values))
    others = static.drop(columns=names)
    return None if len(names) == frame.shape[1] and names else others, found


def _kind(frame: Any, name: Hashable) -> str:
    """The kind of a column's dtype as NumPy has it; "" where it has none, or the column is there twice."""
    return getattr(getattr(frame[name], "dtype", None), "kind", "")


def _warn_of_integers(name: Hashable) -> None:
    warnings.warn(
        f"static: column {name!r} holds integers, which are categories now and will be numbers from version 0.4 on. "
        "astype('category') keeps them, astype(float) makes them numbers today",
        FutureWarning,
        stacklevel=6,
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
