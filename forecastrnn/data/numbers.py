"""Numbers at the door: values turned into floats, and what is none of them refused with its place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NoReturn

import numpy as np
from sklearn.utils import check_array

from forecastrnn.data.arrays import FLOATS, as_array, dtypes_of, refuse_records

Place = Callable[[tuple[int, ...]], str]  # says in words where an index lies
AXES = ("in row {}", "at step {}", "in channel {}")


def refuse_non_numbers(X: object, name: str) -> None:
    """Raise for complex numbers, dates in lists, and strings: scikit-learn would read "1.5" without a word."""
    dtypes = dtypes_of(X)
    if dtypes and all(getattr(dtype, "kind", "O") in "biuf" for dtype in dtypes):
        return
    try:
        values = as_array(X)
    except ValueError as error:
        raise ValueError(
            f"{name} holds parts of different lengths or kinds, which make no array: give parts of one shape."
        ) from error
    if values.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: {name} must hold real numbers. Give parts as two channels.")
    if values.dtype.kind in "Mm":
        raise TypeError(f"{name} holds datetime values, which are not numeric. Turn them into numbers first.")
    if values.dtype.kind not in "OUS":
        return
    for position, value in enumerate(values.ravel()):
        if isinstance(value, str | bytes):
            or_else = ", or name their channels in categorical_features" if name == "X" else ""
            raise ValueError(
                f"could not convert string to float: {str(value)!r:.80}{_at(values, position, name)}. {name} must hold "
                f"numbers, not strings: turn texts into numbers first{or_else}."
            )
        if isinstance(value, np.datetime64 | np.timedelta64):
            raise TypeError(
                f"{name} holds datetime values ({value!r}{_at(values, position, name)}), which are not numeric. "
                "Turn them into numbers first."
            )


def _at(values: np.ndarray, position: int, name: str) -> str:
    """Where a value of all stands, as an index."""
    if not values.ndim:
        return ""
    index = np.unravel_index(position, values.shape)
    return f" at {name}[{', '.join(map(str, map(int, index)))}]"


def floats_of(values: object, name: str) -> np.ndarray:
    """Values as float32 where they are that, else as float64; NaN and infinities are left in.

    Raises TypeError for objects that are no numbers, whose place it says.
    """
    if type(values) is np.ndarray and values.dtype in FLOATS:
        return values
    refuse_records(values, name)
    if getattr(values, "dtype", None) in (object,) or isinstance(values, list | tuple):
        values = _without_none(values)
    try:
        return check_array(
            values, dtype=FLOATS, allow_nd=True, ensure_2d=False, ensure_all_finite=False, ensure_min_samples=0,
            ensure_min_features=0, input_name=name,
        )  # fmt: skip
    except (TypeError, ValueError, OverflowError) as error:
        if hasattr(values, "toarray"):
            raise
        _refuse_object(np.asarray(values, dtype=object), name, error)


def _without_none(values: object) -> object:
    """Objects with NaN in place of None and NA, which say the same."""
    array = np.asarray(values)
    if array.dtype != object:
        return values
    flat = [np.nan if value is None or type(value).__name__ == "NAType" else value for value in array.ravel()]
    found = np.empty(array.size, dtype=object)
    found[:] = flat
    return found.reshape(array.shape)


def _refuse_object(values: np.ndarray, name: str, error: Exception) -> NoReturn:
    """Raise for the first value that is no number."""
    for position, value in enumerate(values.ravel()):
        try:
            float(value)
        except (TypeError, ValueError, OverflowError) as why:
            raise TypeError(
                f"{name} must hold numbers. Got {value!r:.80}, of type {type(value).__name__}"
                f"{_at(values, position, name)} ({why})."
            ) from None
    raise TypeError(f"{name} must hold numbers: {error}") from None


def refuse_non_finite(array: np.ndarray, name: str, place: Place, cure: str) -> None:
    """Raise for NaN and infinities, with the place of the first and what to do about it."""
    finite = np.isfinite(array)
    if finite.all():
        return
    missing = np.isnan(array)
    what = "NaN" if missing.any() else f"infinity or a value too large for dtype('{array.dtype}')"
    count = int((missing if missing.any() else ~finite).sum())
    where = np.argwhere(missing if missing.any() else ~finite)[0]
    many = "" if count == 1 else f", the first of {count:,} such values"
    raise ValueError(f"Input {name} contains {what}. It stands {place(tuple(where.tolist()))}{many}. {cure}")


def in_words(axes: Sequence[str], columns: Sequence | None = None) -> Place:
    """What says where an index lies, axis by axis; `columns` are names of the second axis."""

    def place(index: tuple[int, ...]) -> str:
        words = [axis.format(k) for axis, k in zip(axes, index, strict=False)]
        if columns is not None and len(index) > 1:
            words[1] = f"in column {columns[index[1]]!r}"
        return ", ".join(words)

    return place
