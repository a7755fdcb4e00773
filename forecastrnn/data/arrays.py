"""Validation of arrays at the door: sequences, lengths, targets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from numbers import Integral

import numpy as np
from sklearn.utils import check_array

from forecastrnn.data.coding import CategoryCoding

FLOATS = [np.float64, np.float32]  # types that are read as they are; others become the first


@dataclass(frozen=True)
class Sequences:
    """Values (n, time, channels), padded with zeros; lengths of the rows if they differ."""

    values: np.ndarray
    lengths: np.ndarray | None
    flat: bool  # the input was 2-D: rows of one channel and fixed length
    coding: CategoryCoding | None = None  # of the channels that are categorical
    repeats: int = 0  # each row is one vector, values (n, 1, channels), read at so many steps

    @property
    def n(self) -> int:
        """Number of sequences."""
        return len(self.values)

    @property
    def steps(self) -> int:
        """Time steps, of the longest sequence."""
        return self.repeats or int(self.values.shape[1])

    def take(self, rows: np.ndarray) -> Sequences:
        """Some of the sequences."""
        lengths = None if self.lengths is None else self.lengths[rows]
        return replace(self, values=self.values[rows], lengths=lengths)


def dimensions_of(X: object) -> int:
    """Dimensions of X; objects that are only array-like are converted to see."""
    return int(X.ndim) if hasattr(X, "ndim") else np.asarray(X).ndim


def needs_no_check(X: object, columns: int) -> bool:
    """Whether all checks would let X pass as it is: an array of finite floats, 2-D or 3-D, with so many columns."""
    if type(X) is not np.ndarray or X.ndim not in (2, 3) or X.dtype not in FLOATS:
        return False
    return X.shape[-1] == columns and X.size > 0 and bool(np.isfinite(X).all())


def in_dtype(array: np.ndarray, dtype: str) -> np.ndarray:
    """The array in the type to compute in, as `compute_dtype` says; a number that does not fit is an error."""
    if array.dtype == compute_dtype(array, dtype):
        return array
    with np.errstate(over="ignore"):
        cast = array.astype(compute_dtype(array, dtype), copy=False)
    if cast is not array and not np.isfinite(cast).all():
        where = np.argwhere(~np.isfinite(cast))[0].tolist()
        raise ValueError(f"Input X contains a value too large for dtype('float32'), first at index {where}.")
    return cast


def compute_dtype(array: np.ndarray, dtype: str) -> str:
    """With "auto" float32 for float32 input and float64 for the rest."""
    if dtype != "auto":
        return dtype
    return "float32" if array.dtype == np.float32 else "float64"


def refuse_odd_types(X: object, name: str) -> None:
    """Raise for what NumPy would turn into wrong numbers or into one object: masks, dates, generators, dicts."""
    if isinstance(X, np.matrix):
        raise TypeError("np.matrix is not supported. Use np.asarray(X) instead.")
    if any(isinstance(part, np.ma.MaskedArray) and np.ma.is_masked(part) for part in _parts(X)):
        raise ValueError(f"{name} has masked cells. Fill them first, for example with {name}.filled(...).")
    if hasattr(X, "__next__") or type(X) in (set, dict, frozenset):
        raise TypeError(f"{name} must be an array or a list, not {type(X).__name__}.")
    for dtype in _dtypes_of(X):
        if getattr(dtype, "kind", "") in ("M", "m"):
            raise TypeError(
                f"{name} holds datetime values ({dtype}), which are not numeric. Turn them into numbers first."
            )
    columns = getattr(X, "columns", None)
    if columns is not None and len(set(columns)) < len(columns):
        names = list(columns)
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{name} must have unique column names; duplicate column {twice!r}.")


def _parts(X: object) -> list:
    """X, or what a list or tuple holds."""
    return list(X) if isinstance(X, list | tuple) else [X]


def _dtypes_of(X: object) -> list:
    """Types of an array or of the columns of a frame; none for lists."""
    several = getattr(X, "dtypes", None)
    return list(several) if np.iterable(several) else [X.dtype] if hasattr(X, "dtype") else []


def refuse_non_numbers(X: object, name: str) -> None:
    """Raise for complex numbers, dates in lists, and strings: scikit-learn would read "1.5" without a word."""
    dtypes = _dtypes_of(X)
    if dtypes and all(getattr(dtype, "kind", "O") in "biuf" for dtype in dtypes):
        return
    values = np.asarray(X)
    if values.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: {name} must hold real numbers.")
    if values.dtype.kind in "Mm":
        raise TypeError(f"{name} holds datetime values, which are not numeric. Turn them into numbers first.")
    if values.dtype.kind not in "OUS":
        return
    for value in values.ravel():
        if isinstance(value, str | bytes):
            raise ValueError(f"could not convert string to float: {value!r}. {name} must hold numbers, not strings.")
        if isinstance(value, np.datetime64 | np.timedelta64):
            raise TypeError(f"{name} holds datetime values ({value!r}), which are not numeric.")


def are_ragged(X: object, rows_differ: bool) -> bool:
    """Whether X is a list of sequences of different lengths; with `rows_differ`, any list of arrays (time,)."""
    if not isinstance(X, (list, tuple)) or not X or not all(hasattr(x, "__len__") for x in X):
        return False
    if any(isinstance(x, (str, bytes, dict)) for x in X):
        return False
    if rows_differ and all(isinstance(x, np.ndarray) and x.ndim == 1 for x in X):
        return True
    return len({len(x) for x in X}) > 1 and all(isinstance(x, np.ndarray) or _is_table(x) for x in X)


def _is_table(x: object) -> bool:
    """A list of lists (time, channels), or a frame."""
    return getattr(x, "ndim", 0) == 2 or isinstance(x, (list, tuple)) and len(x) > 0 and hasattr(x[0], "__len__")


def read_ragged(X: Iterable[object]) -> list[np.ndarray]:
    """Sequences (time, channels) of a list, all of the same channels.

    Raises ValueError or TypeError for other shapes, NaN, infinities, dates and masked cells.
    """
    parts: list[np.ndarray] = []
    for number, x in enumerate(X):
        refuse_odd_types(x, f"X[{number}]")
        refuse_non_numbers(x, f"X[{number}]")
        own = np.asarray(x)
        own = own[:, None] if own.ndim == 1 else own
        if own.ndim != 2 or own.shape[0] == 0:
            raise ValueError(
                f"X[{number}] must have shape (time, channels), at least one step. Got {np.asarray(x).shape}."
            )
        parts.append(check_array(own, dtype=FLOATS, input_name=f"X[{number}]"))
        if parts[-1].shape[1] != parts[0].shape[1]:
            raise ValueError(f"X[{number}] has {own.shape[1]} channels, but X[0] has {parts[0].shape[1]}.")
    return parts


def padded(parts: list[np.ndarray], dtype: str) -> Sequences:
    """Sequences (time, channels) as one array, zero past the end of the shorter ones."""
    lengths = np.array([len(p) for p in parts], np.int64)
    longest = int(np.max(lengths))
    values = np.zeros((len(parts), longest, parts[0].shape[1]), compute_dtype(parts[0], dtype))
    values[np.arange(longest) < lengths[:, None]] = in_dtype(np.concatenate(parts), dtype)
    return Sequences(values, lengths, False)


def read_cube(X: object, reader: str) -> np.ndarray:
    """X (n, time, channels); `reader` is who expects it, in messages."""
    if isinstance(X, list | tuple) and all(getattr(x, "dtype", None) == np.float32 for x in X):
        X = np.stack(X)  # scikit-learn would read a list as float64
    array = check_array(X, dtype=FLOATS, allow_nd=True, input_name="X", estimator=reader)
    if 0 in array.shape:
        raise ValueError(f"Found array with 0 sample(s), steps or channels (shape={array.shape}), at least 1 needed.")
    return array


def read_lengths(lengths: object, n: int, steps: int, each: str = "row of X") -> np.ndarray | None:
    """Valid steps of each row, or None."""
    if lengths is None:
        return None
    array = np.asarray(lengths)
    if array.shape != (n,) or array.dtype.kind not in "iu":
        raise ValueError(f"lengths must be {n} integers, one a {each}. Got {array.dtype} of shape {array.shape}.")
    bad = np.flatnonzero((array < 1) | (array > steps))
    if len(bad):
        raise ValueError(f"lengths must be in 1 .. {steps}. Got {array[bad[0]]} in row {bad[0]}, of {steps} steps.")
    return array.astype(np.int64)


LARGEST = 2**60  # some of such numbers are added up in int64


def check_count(value: object, name: str) -> int:
    """A positive int; anything else is an error that says so."""
    if isinstance(value, bool | np.bool_ | np.timedelta64) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be an int >= 1. Got {value!r}.")
    count = int(value)
    if count < 1:
        raise ValueError(f"{name} must be an int >= 1. Got {value}.")
    if count >= LARGEST:
        raise ValueError(f"{name} is too large: a number of {count.bit_length()} bits.")
    return count
