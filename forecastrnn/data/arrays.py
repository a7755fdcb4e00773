"""Validation of arrays at the door: sequences, lengths, targets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from numbers import Integral

import numpy as np

from forecastrnn.data.coding import CategoryCoding
from forecastrnn.masks import refuse_masked

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


def as_array(X: object) -> np.ndarray:
    """X as an array; of a list with texts as objects, since NumPy would turn the numbers beside them into texts."""
    array = np.asarray(X)
    is_mixture = isinstance(X, list | tuple) and array.dtype.kind in "US"
    return np.asarray(X, dtype=object) if is_mixture else array


def dimensions_of(X: object) -> int:
    """Dimensions of X; objects that are only array-like are converted to see."""
    return int(X.ndim) if hasattr(X, "ndim") else np.asarray(X).ndim


def refuse_shape(X: object, ndim: int, reader: str) -> None:
    """Raise for what is neither 2-D nor 3-D; `reader` is who expects it."""
    if ndim in (2, 3):
        return
    shapes = "X must have shape (n, time) or (n, time, channels), or be a list of sequences"
    if not ndim:
        raise ValueError(f"Expected 2D array, got scalar array instead: {shapes}. Got {X!r:.40}.")
    shape = np.asarray(X).shape
    if not shape[0]:
        raise ValueError(f"X is empty, it has 0 sample(s): {shapes}, of at least 1 sequence.")
    if ndim == 1:
        raise ValueError(
            f"Expected 2D array, got 1D array instead: {shapes}. Got shape {shape}. Reshape your data: "
            "X.reshape(1, -1) if it is one sequence, X.reshape(-1, 1) if each value is a sequence of one step."
        )
    raise ValueError(f"Found array with dim {ndim}, {reader} expected 2 or 3: {shapes}. Got shape {shape}.")


def refuse_empty(shape: tuple[int, ...], name: str) -> None:
    """Raise for an array without sequences, steps or channels."""
    if 0 not in shape:
        return
    axis = shape.index(0)
    what = "sample(s)" if not axis else "feature(s)" if len(shape) == 2 else "sample(s), steps or channels"
    raise ValueError(
        f"Found array with 0 {what} (shape={shape}) while a minimum of 1 is required. {name} must have at least 1 "
        "sequence of at least 1 step and channel."
    )


def needs_no_check(X: object, columns: int) -> bool:
    """Whether all checks would let X pass as it is: an array of finite floats, 2-D or 3-D, with so many columns."""
    if type(X) is not np.ndarray or X.ndim not in (2, 3) or X.dtype not in FLOATS:
        return False
    return X.shape[-1] == columns and X.size > 0 and bool(np.isfinite(X).all())


def in_dtype(array: np.ndarray, dtype: str, name: str = "X") -> np.ndarray:
    """The array in the type to compute in, as `compute_dtype` says; a number that does not fit is an error."""
    if array.dtype == compute_dtype(array, dtype):
        return array
    with np.errstate(over="ignore"):
        cast = array.astype(compute_dtype(array, dtype), copy=False)
    if cast is not array and not np.isfinite(cast).all():
        where = np.argwhere(~np.isfinite(cast))[0].tolist()
        raise ValueError(
            f"Input {name} contains a value too large for dtype('float32'), first at {name}{where}. Use "
            "dtype='float64', or numbers in a larger unit."
        )
    return cast


def compute_dtype(array: np.ndarray, dtype: str) -> str:
    """With "auto" float32 for float32 input and float64 for the rest."""
    if dtype != "auto":
        return dtype
    return "float32" if array.dtype == np.float32 else "float64"


def refuse_odd_types(X: object, name: str, *, masks: bool = False) -> None:
    """Raise for what NumPy would turn into wrong numbers or into one object: dates, generators, dicts, masked cells.

    `masks`: masked cells are looked at elsewhere, where it is known which of them are padding.
    """
    if isinstance(X, np.matrix):
        raise TypeError(f"{name}: np.matrix is not supported. Use np.asarray({name}) instead.")
    if not masks:
        refuse_masks(X, name)
    if hasattr(X, "__next__") or type(X) in (set, dict, frozenset) or isinstance(X, type):
        raise TypeError(f"{name} must be an array or a list, not {type(X).__name__}.")
    if hasattr(X, "collect") and hasattr(X, "lazy"):
        raise TypeError(f"{name} must be data that are there, no {type(X).__name__}: give what its collect() makes.")
    for dtype in dtypes_of(X):
        if getattr(dtype, "kind", "") in ("M", "m"):
            raise TypeError(
                f"{name} holds datetime values ({dtype}), which are not numeric. Turn them into numbers first."
            )
    refuse_records(X, name)
    if hasattr(X, "column_names") and hasattr(X, "to_pandas"):
        raise TypeError(f"{name} must be no {type(X).__name__} of Arrow: give the frame that its to_pandas() makes.")
    columns = getattr(X, "columns", None)
    if columns is not None and len(set(columns)) < len(columns):
        names = list(columns)
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{name} must have unique column names; duplicate column {twice!r}.")


def refuse_records(X: object, name: str) -> None:
    """Raise for structured arrays and raw bytes, whose cells are no numbers."""
    if isinstance(X, memoryview) and X.format.startswith("T{"):
        raise TypeError(f"{name} must hold numbers, but its cells are records: format {X.format:.80}.")
    for dtype in dtypes_of(X):
        if getattr(dtype, "kind", "") == "V":
            raise TypeError(f"{name} must hold numbers, but its cells are records or raw bytes: dtype {dtype!s:.80}.")


def refuse_masks(X: object, name: str) -> None:
    """Raise for masked cells of what has rows, whose padding may be masked."""
    refuse_masked(X, name, "; where they pad rows to one length, give lengths")


def dtypes_of(X: object) -> list:
    """Types of an array or of the columns of a frame; none for lists."""
    several = getattr(X, "dtypes", None)
    return list(several) if np.iterable(several) else [X.dtype] if hasattr(X, "dtype") else []


def read_lengths(lengths: object, n: int, steps: int, each: str = "row of X") -> np.ndarray | None:
    """Valid steps of each row, or None."""
    if lengths is None:
        return None
    refuse_masked(lengths, "lengths")
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
