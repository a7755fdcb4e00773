"""Sequences of different lengths: lists of them padded to one array, and arrays whose padding is left out of checks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from forecastrnn.data.arrays import Sequences, as_array, in_dtype, read_lengths, refuse_masks
from forecastrnn.data.boxes import are_rows, are_uneven, array_of, depth_of, unboxed
from forecastrnn.data.frame_names import refuse_other_columns
from forecastrnn.data.numbers import floats_of, in_words, refuse_non_finite, refuse_non_numbers

FILL = (
    "Missing values are not read: fill them first, for example by scikit-learn's SimpleImputer. Where they only pad "
    "rows to one length, say so by lengths, the valid steps of each row, or give a list of sequences."
)
LARGE = "Replace it, or leave out the sequence that has it."


def ragged_rows(X: object, name: str, *, always: bool) -> list | None:
    """The sequences of a list of which no table can be made; `always`: also those of equally long ones of one channel.

    None for tables, and for what is no list. Raises TypeError for a list of sequences and single values.
    """
    if not are_rows(X, name):
        return None
    rows: list = list(X)  # type: ignore[call-overload]
    if always and all(depth_of(row) == 1 for row in rows):
        return rows
    return rows if are_uneven(rows) or not _are_table(rows) else None


def _are_table(rows: list) -> bool:
    """Whether equally long rows are so inside as well."""
    if all(isinstance(row, np.ndarray) and row.dtype != object for row in rows):
        return True
    try:
        return np.asarray(rows).dtype != object or depth_of(rows[0]) == 1
    except ValueError:
        return False


def read_rows(X: Iterable[object], name: str) -> list[np.ndarray]:
    """Numbers (time, channels) of each sequence, all of the same channels; NaN and infinities are left in.

    Raises ValueError or TypeError for other shapes, dates, texts and masked cells.
    """
    parts: list[np.ndarray] = []
    for number, x in enumerate(X):
        own = array_of(x, f"{name}[{number}]")
        refuse_non_numbers(own, f"{name}[{number}]")
        if own.ndim not in (1, 2) or 0 in own.shape:
            raise ValueError(
                f"{name}[{number}] must have shape (time,) or (time, channels), at least one step. Got {own.shape}."
            )
        parts.append(floats_of(own[:, None] if own.ndim == 1 else own, f"{name}[{number}]"))
        if parts[-1].shape[1] != parts[0].shape[1]:
            raise ValueError(
                f"{name}[{number}] has {parts[-1].shape[1]} channels, but {name}[0] has {parts[0].shape[1]}: each "
                "must have shape (time, channels), with the same channels."
            )
    return parts


def finite_rows(parts: list[np.ndarray], name: str, cure: str = FILL) -> np.ndarray:
    """All steps end to end (total, channels); a ValueError that says where NaN or an infinity is."""
    flat = np.concatenate(parts)
    if not np.isfinite(flat).all():
        for number, part in enumerate(parts):
            refuse_non_finite(part, f"{name}[{number}]", in_words(("at step {}", "in channel {}")), cure)
    return flat


def padded(parts: list[np.ndarray], dtype: str) -> Sequences:
    """Sequences (time, channels) as one array, zero past the end of the shorter ones."""
    lengths = np.array([len(part) for part in parts], np.int64)
    flat = finite_rows(parts, "X")
    try:
        flat = in_dtype(flat, dtype)
    except ValueError:
        for number, part in enumerate(parts):  # which of them it is
            in_dtype(part, dtype, f"X[{number}]")
    return Sequences(spread(flat, lengths, int(lengths.max())), lengths, False)


def spread(flat: np.ndarray, lengths: np.ndarray, steps: int) -> np.ndarray:
    """Steps that lie end to end (total, ...) as rows (n, steps, ...), zero past their ends."""
    values = np.zeros((len(lengths), steps, *flat.shape[1:]), flat.dtype)
    values[np.arange(steps) < lengths[:, None]] = flat
    return values


def without_padding(X: object, lengths: object, name: str) -> object:
    """X (n, time, ...) with zeros behind the ends of its rows, whatever stood there: NaN, None, texts, masked cells.

    As it is where nothing has to be replaced. Raises ValueError for masked cells at valid steps and for bad lengths.
    """
    array: np.ndarray = np.empty(0) if lengths is None else X if isinstance(X, np.ndarray) else as_array(X)
    if array.ndim not in (2, 3) or 0 in array.shape:
        refuse_masks(X, name)
        return X
    ends = read_lengths(lengths, *array.shape[:2])
    valid = np.arange(array.shape[1]) < np.asarray(ends)[:, None]
    masks = _masks_of(X, array.shape)
    if masks is not None:
        refuse_masks(np.ma.array(np.ma.getdata(array), mask=masks & _like(valid, array)), name)
    elif array.dtype.kind in "biu" or array.dtype.kind == "f" and np.isfinite(array).all():
        return X
    clean = np.array(np.ma.getdata(array), dtype=object if array.dtype.kind in "OUS" else None)
    clean[~valid] = 0
    return clean


def _masks_of(X: object, shape: tuple[int, ...]) -> np.ndarray | None:
    """Which cells are masked in an array, or in one of a list; None if none are."""
    if isinstance(X, np.ma.MaskedArray):
        return np.ma.getmaskarray(X) if np.ma.is_masked(X) else None
    if not isinstance(X, list | tuple) or not any(map(np.ma.is_masked, X)):
        return None
    return np.array([np.ma.getmaskarray(np.ma.asarray(part)) for part in X]).reshape(shape)


def _like(valid: np.ndarray, array: np.ndarray) -> np.ndarray:
    """Which cells are valid, in the shape of an array."""
    return valid.reshape(*valid.shape, *(1,) * (array.ndim - 2))


def rows_of(X: object, name: str, *, always: bool = False) -> list | None:
    """The sequences of a list or of boxes; None where X is a table of single values."""
    boxes = unboxed(X, name)
    listed = X if isinstance(X, list | tuple) else boxes
    if listed is not None:
        refuse_other_columns(listed, name)
    return boxes if boxes is not None else ragged_rows(X, name, always=always)


def equally_long(rows: Sequence) -> bool:
    """Whether all sequences have one length."""
    return len({len(row) for row in rows}) == 1


def stacked(rows: Sequence, name: str) -> np.ndarray:
    """Equally long sequences as (n, time, channels) of whatever they hold."""
    parts = [array_of(row, f"{name}[{number}]") for number, row in enumerate(rows)]
    parts = [part[:, None] if part.ndim == 1 else part for part in parts]
    if len({part.shape for part in parts}) > 1:
        read_rows(rows, name)  # which says where they differ
    return np.stack(parts)


def table_of(X: object, name: str) -> np.ndarray:
    """Floats of an array, a frame or a list; a list of rows (time,) as float64, whatever they are."""
    is_list = isinstance(X, list | tuple)
    array = floats_of(np.asarray(X) if is_list else X, name)
    return array.astype(np.float64, copy=False) if is_list and array.ndim == 2 else array
