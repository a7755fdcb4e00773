"""Sequences that lie in boxes: the cells of a column, of an object array or of a nested frame, or a list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from forecastrnn.data.arrays import as_array, dtypes_of, refuse_odd_types


def is_sequence(value: object) -> bool:
    """Whether a value is a sequence of others: a list, tuple, array, Series or frame, and no text."""
    if isinstance(value, str | bytes | dict | set | frozenset) or not hasattr(value, "__len__"):
        return False
    return int(getattr(value, "ndim", 1)) > 0


def opened(X: object) -> object:
    """What cells of a column of polars or of Arrow hold as an array, awkward arrays as lists, others as they are."""
    like_numpy = hasattr(X, "ndim") and (hasattr(X, "dtype") or hasattr(X, "iloc"))
    if like_numpy or not hasattr(X, "__array__"):
        return X
    if hasattr(X, "columns"):
        return X
    try:
        return np.asarray(X)
    except (TypeError, ValueError):
        return X.to_list() if hasattr(X, "to_list") else X  # rows of different lengths


def unboxed(X: object, name: str) -> list | None:
    """The sequences of X, if each of its cells holds one; None where cells hold single values, and for lists.

    Columns of a nested frame, or of a 2-D object array, are channels. Raises TypeError where only some cells hold
    sequences, ValueError where those of a row differ in length.
    """
    cells = _cells_of(X)
    if cells is None or not cells.size:
        return None
    holds = np.fromiter(map(is_sequence, cells.ravel()), bool, cells.size).reshape(cells.shape)
    if not holds.any():
        return None
    if not holds.all():
        _refuse_mixture(cells, holds, name)
    if cells.ndim == 1 or cells.shape[1] == 1:
        return list(cells.ravel())
    columns = list(getattr(X, "columns", range(cells.shape[1])))
    return [_side_by_side(row, columns, f"{name}[{number}]") for number, row in enumerate(cells)]


def _cells_of(X: object) -> np.ndarray | None:
    """Cells (n,) or (n, columns) of an array or a frame that may hold anything."""
    if isinstance(X, list | tuple) or len(getattr(X, "shape", ())) not in (1, 2):
        return None
    if not any(getattr(dtype, "kind", "O" if hasattr(dtype, "inner") else "") == "O" for dtype in dtypes_of(X)):
        return None  # those of polars have no kind, but lists have types of what is in them
    return np.asarray(X, dtype=object)


def _refuse_mixture(cells: np.ndarray, holds: np.ndarray, name: str) -> None:
    """Raise for single values beside sequences."""
    places = [tuple(np.argwhere(chosen)[0].tolist()) for chosen in (holds, ~holds)]
    many, one = (f"{name}[{', '.join(map(str, at))}] is {cells[at]!r:.40}" for at in places)
    raise TypeError(
        f"{name} holds sequences in some of its cells and single values in others: {many}, of type "
        f"{type(cells[places[0]]).__name__}, but {one}. Give a number in each cell, or a sequence in each."
    )


def _side_by_side(cells: Sequence, columns: list, place: str) -> np.ndarray:
    """The channels of one sequence as (time, channels)."""
    parts = []
    for cell, column in zip(cells, columns, strict=True):
        refuse_odd_types(cell, f"{place} in column {column!r}")
        parts.append(np.asarray(cell))
        if parts[-1].ndim != 1:
            raise ValueError(
                f"{place} in column {column!r} must be the steps of one channel, 1-D. Got shape {parts[-1].shape}."
            )
        if len(parts[-1]) != len(parts[0]):
            raise ValueError(
                f"{place} has {len(parts[0])} steps in column {columns[0]!r}, but {len(parts[-1])} in column "
                f"{column!r}: the channels of a sequence must be equally long."
            )
    if len({part.dtype.kind in "OUS" for part in parts}) > 1:  # NumPy would turn numbers into texts
        parts = [part.astype(object) for part in parts]
    return np.stack(parts, axis=1)


def depth_of(value: object) -> int:
    """Dimensions of a sequence: 1 of single values, 2 of (time, channels)."""
    if hasattr(value, "columns"):
        return 2  # a frame, of polars too, whose rows are frames again
    if hasattr(value, "ndim"):
        own = int(value.ndim)
        kind = getattr(getattr(value, "dtype", None), "kind", "")
        boxed = own == 1 and kind == "O" and len(cast(Sequence, value)) > 0
        return 2 if boxed and is_sequence(np.asarray(value)[0]) else own
    rows = cast(Sequence, value)
    return 1 + depth_of(rows[0]) if len(rows) > 0 and is_sequence(rows[0]) else 1


def are_rows(X: object, name: str) -> bool:
    """Whether X is a list of sequences; raises TypeError if only some of its items are."""
    if not isinstance(X, list | tuple):
        return False
    holds = np.fromiter(map(is_sequence, X), bool, len(X))
    if holds.any() and not holds.all():
        _refuse_items(X, holds, name)
    return bool(len(X)) and bool(holds.all())


def _refuse_items(X: Sequence, holds: np.ndarray, name: str) -> None:
    """Raise for single values beside sequences in a list."""
    many, one = int(np.argmax(holds)), int(np.argmin(holds))
    raise TypeError(
        f"{name} must be a list of sequences or an array of numbers: {name}[{many}] is a sequence, of type "
        f"{type(X[many]).__name__}, but {name}[{one}] is {X[one]!r:.40}. Put single values into a list, too."
    )


def are_uneven(rows: Sequence) -> bool:
    """Whether sequences are not all of one length and one kind, so that no table can be made of them."""
    return len({len(row) for row in rows}) > 1 or len({depth_of(row) for row in rows}) > 1


def array_of(row: object, place: str) -> np.ndarray:
    """One sequence as an array (time,) or (time, channels) of whatever it holds; a ValueError if it is none."""
    refuse_odd_types(row, place)
    row = opened(row)
    if depth_of(row) == 2 and getattr(row, "ndim", 0) == 1:
        row = list(cast(Sequence, row))
    try:
        return as_array(row)
    except ValueError:
        steps = cast(Sequence, row)
        sizes = [len(step) if is_sequence(step) else 1 for step in steps]
        odd = next((k for k, size in enumerate(sizes) if size != sizes[0]), 0)
    raise ValueError(
        f"{place} must have as many channels at each step. Got {sizes[0]} at step 0, but {sizes[odd]} at step {odd}."
    )
