"""Static categories of series at the door: a frame with a row for each series becomes codes."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np

from forecastrnn.data.labels import are_texts, as_labels, codes_of, sorted_labels
from forecastrnn.naming import looked_up


@dataclass(frozen=True)
class StaticCoding:
    """Names of the columns, and the sorted categories of each."""

    names: tuple
    categories: tuple[np.ndarray, ...]


def read_static(
    static: object, ids: tuple, id_col: Hashable, coding: StaticCoding | None = None, *, missing: str = "raise"
) -> tuple[StaticCoding, np.ndarray]:
    """Codes (n_series, columns) of the series `ids`; `coding`: of the fit, where this is not one.

    With missing="mask" a value that is missing has the code of a category that fit has not seen. Raises ValueError or
    TypeError for something other than a frame, a series without a row or with two, other columns than in the fit,
    missing values, and columns that are not categories.
    """
    frame, rows = rows_of(static, ids, id_col)
    names = tuple(frame.columns)
    if coding is None:
        _check_names(names)
    elif set(names) != set(coding.names) or len(names) != len(coding.names):
        odd = [name for name in names if name not in coding.names] or [n for n in coding.names if n not in names]
        raise ValueError(
            f"static must have the columns of fit, {list(coding.names)}. Got {list(names)}: look at {odd[:1] or names}."
        )
    names = names if coding is None else coding.names
    known = [_known(frame, name, rows, missing) for name in names]
    labels = [_labels_of(frame, name, rows[there], [*compress(ids, there)]) for name, there in zip(names, known)]
    if coding is None:
        coding = StaticCoding(names, tuple(sorted_labels(each) for each in labels))
    for name, each, categories in zip(names, labels, coding.categories, strict=True):
        if len(each) and are_texts(each) != are_texts(categories):
            raise TypeError(
                f"column {name!r} of static has values such as {each.tolist()[0]!r}, but in fit such as "
                f"{categories.tolist()[0]!r}: both must be texts, or numbers."
            )
    codes = np.tile([len(categories) for categories in coding.categories], (len(ids), 1))
    for column, (each, there, categories) in enumerate(zip(labels, known, coding.categories, strict=True)):
        codes[there, column] = codes_of(each, categories)
    return coding, codes


def rows_of(static: object, ids: tuple, id_col: Hashable) -> tuple[Any, np.ndarray]:
    """The frame without a column of ids, and the row of each series."""
    if not hasattr(static, "columns") or not hasattr(static, "iloc"):
        raise TypeError(
            f"static must be a DataFrame with a row for each series, its index (or a column {id_col!r}) the ids. "
            f"Got {type(static).__name__}{_of_names(static, id_col)}."
        )
    given: Any = static
    has_ids = list(given.columns).count(id_col) == 1
    names = (given[id_col] if has_ids else given.index).tolist()
    frame = given.drop(columns=[id_col]) if has_ids else given
    with looked_up(names, f"the index (or column {id_col!r}) of static"):
        known = dict(zip(names, range(len(names)), strict=True))
    missing = next((name for name in ids if name not in known), None)
    if missing is not None:
        advice = "" if has_ids else f", or put the ids into its index or a column {id_col!r}"
        raise ValueError(
            f"static has no row for series {missing!r}; it has rows for {names[:3]!r}{' ...' if names[3:] else ''}: "
            f"add one{advice}."
        )
    twice = next((name for name in ids if names.count(name) > 1), None) if len(known) < len(names) else None
    if twice is not None:
        raise ValueError(f"static has {names.count(twice)} rows for series {twice!r}; give one for each.")
    return frame, np.array([known[name] for name in ids])


def _of_names(static: object, id_col: Hashable) -> str:
    """What to do with names, which X and past may be."""
    if not isinstance(static, str | list | tuple):
        return ""
    names = [static] if isinstance(static, str) else list(static)
    return f": where these are columns of y, y[{[id_col, *names]!r}].drop_duplicates() is such a frame"


def _check_names(names: tuple) -> None:
    if not names:
        raise ValueError("static must have at least one column of categories. Got none.")
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(f"static must have unique column names. Got {twice[0]!r} twice.")


def _known(frame: Any, name: Hashable, rows: np.ndarray, missing: str) -> np.ndarray:
    """Which series (n,) have a value that is read: all, unless missing ones may be masked."""
    there = np.asarray(frame[name].notna())[rows] if missing == "mask" else np.ones(len(rows), bool)
    if not there.any():
        raise ValueError(f"column {name!r} of static has no value; drop it")
    return there


def _labels_of(frame: Any, name: Hashable, rows: np.ndarray, ids: Sequence) -> np.ndarray:
    """The categories of the series in a column."""
    values = np.asarray(frame[name].astype(object))[rows]
    labels = as_labels(values, lambda k: f"for series {ids[k]!r} in column {name!r} of static")
    if labels.dtype.kind == "f":
        raise TypeError(
            f"column {name!r} of static holds floats, such as {labels[0].item()!r}, as categories: astype(float) makes "
            "it a column of numbers; or cut them into classes, for example with pandas.cut."
        )
    return labels
