"""Arrays and options of the metrics, checked at the door."""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral, Real
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from forecastrnn.masks import refuse_masked
from forecastrnn.metrics.rows import Rows
from forecastrnn.metrics.scales import seasonal_errors

Weights: TypeAlias = ArrayLike | None


def check_season(season_length: int) -> int:
    """A number of steps, at least 1."""
    if not isinstance(season_length, Integral) or isinstance(season_length, bool) or season_length < 1:
        raise ValueError(f"season_length must be an integer >= 1. Got {season_length!r}")
    return int(season_length)


def check_level(level: float) -> float:
    """Percent, between 0 and 100."""
    if not isinstance(level, Real) or isinstance(level, bool):
        raise TypeError(f"level must be a number, in percent. Got {level!r}")
    if 0.0 < level < 1.0:
        raise ValueError(f"level is in percent: {100.0 * level:g}, not {level!r}")
    if not 0.0 < level < 100.0:
        raise ValueError(f"level must be > 0 and < 100. Got {level!r}")
    return float(level)


def check_quantiles(quantiles: ArrayLike) -> np.ndarray:
    """Numbers between 0 and 1, (n_quantiles,)."""
    refuse_masked(quantiles, "quantiles")
    found = np.atleast_1d(np.asarray(quantiles, dtype=np.float64))
    if found.ndim != 1 or not len(found) or not ((found > 0.0) & (found < 1.0)).all():
        raise ValueError(f"quantiles must be numbers > 0 and < 1. Got {quantiles!r}")
    return found


def whole(y_true: ArrayLike, sample_weight: Weights = None, **arrays: ArrayLike) -> Rows:
    """One group of all values: `arrays` by the names of the fields of `Rows`, in the shape of `y_true`.

    Behind that shape `by_quantile` has the quantiles; `paths` come before it. Values of NaN are left out.
    """
    y = _floats(y_true, "y_true")
    use = np.isfinite(y)
    if np.isinf(y).any():
        raise ValueError("y_true contains infinity")
    fields: dict[str, Any] = {}
    for name, given in arrays.items():
        _check_labels(y_true, given, name)
        fields[name] = _like_truth(_floats(given, _SAID.get(name, name)), y.shape, use, name)
    weight = None if sample_weight is None else _weights(sample_weight, y.shape)[use]
    if "lower" in fields:
        refuse_swapped(fields["lower"], fields["upper"])
    return Rows(y=y[use], group=np.zeros(int(use.sum()), dtype=np.int64), weight=weight, **fields)


def refuse_swapped(lower: np.ndarray, upper: np.ndarray) -> None:
    """Refuse intervals (n,) that all end below where they begin; some may, as quantiles that cross."""
    if len(lower) and (lower >= upper).all() and (lower > upper).any():
        raise ValueError("no lower end of the intervals is below its upper end: are they swapped?")


_SAID = {"forecast": "y_pred", "by_quantile": "y_pred"}


def with_past(rows: Rows, train: ArrayLike, season_length: int) -> Rows:
    """The rows of one series with the scales of its past."""
    values = _floats(train, "train")
    season = check_season(season_length)
    if values.ndim != 1:
        raise ValueError(f"train must be one series, of one dimension; it has {values.ndim}. See evaluate for many")
    if np.isinf(values).any():
        raise ValueError("train contains infinity")
    absolute, squared = seasonal_errors(values, np.zeros(len(values)), season, np.array([[0, len(values)]]))
    n = len(rows.y)
    return replace(rows, scale=np.repeat(absolute, n), squared_scale=np.repeat(squared, n))


def _floats(given: ArrayLike, name: str) -> np.ndarray:
    refuse_masked(given, name)
    try:
        return np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        why = "its rows are not of one length" if "array element" in str(error) else error  # NumPy's words help nobody
        raise TypeError(f"{name} must hold numbers. Got {type(given).__name__}: {why}") from error


def _like_truth(values: np.ndarray, shape: tuple[int, ...], use: np.ndarray, name: str) -> np.ndarray:
    """The rows in use, (n,); (n, n_quantiles) of quantiles, (n_paths, n) of paths."""
    said = _SAID.get(name, name)
    before, behind = int(name == "paths"), int(name == "by_quantile")
    inner = values.shape[before : values.ndim - behind]
    if values.ndim != len(shape) + before + behind or inner != shape:
        wanted = ", ".join([*["n_paths"] * before, *map(str, shape), *["n_quantiles"] * behind])
        raise ValueError(f"{said} must have shape ({wanted}), that of y_true. Got {values.shape}")
    if before and not len(values):
        raise ValueError("paths must hold at least one path")
    taken = values[:, use] if before else values[use]
    if not np.isfinite(taken).all():
        raise ValueError(f"{said} contains NaN or infinity where y_true is known; only y_true may be missing")
    return taken


def _check_labels(y_true: ArrayLike, given: ArrayLike, name: str) -> None:
    """Two pandas objects must have the same labels: they are read by position."""
    for axis in ("index", "columns"):
        ours, theirs = getattr(y_true, axis, None), getattr(given, axis, None)
        labelled = all(hasattr(labels, "equals") for labels in (ours, theirs))  # list.index is a method
        if labelled and not ours.equals(theirs):  # type: ignore[union-attr]
            said = _SAID.get(name, name)
            raise ValueError(f"the {axis} of {said} is not that of y_true: align them, or see evaluate")


def in_unit(weight: np.ndarray) -> np.ndarray:
    """Weights, the largest about 1: sums of 1e308 would be infinite, and float32 knows no 1e-46.

    Only their ratios count. The unit is a power of two, so nothing is rounded.
    """
    return np.ldexp(weight, -np.frexp(weight.max(initial=0.0))[1])


def _weights(sample_weight: ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
    """Weights in the shape of the truth; those of rows are for all their values."""
    found = _floats(sample_weight, "sample_weight")
    if found.shape != shape and found.shape != shape[:1]:
        raise ValueError(f"sample_weight must have shape {shape} or {shape[:1]}. Got {found.shape}")
    if not np.isfinite(found).all() or (found < 0.0).any():
        raise ValueError("sample_weight must be finite and >= 0")
    return np.broadcast_to(in_unit(found).reshape(found.shape + (1,) * (len(shape) - found.ndim)), shape)
