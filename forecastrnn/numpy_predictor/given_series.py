"""What callers give, looked at before anything is computed: the text before `predictions`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from forecastrnn.numpy_predictor.forecasts import DOMAIN, IS_LOCAL, WEIGHTS
from forecastrnn.numpy_predictor.runtime import Array

# What a module sets.
ALIAS, LEAST, MISSING = "RNN", 4, "raise"
STATIC_COLUMNS: tuple[str, ...] = ()


# module: begin
def series_of(y: Any) -> tuple[list[Array], bool]:
    """Series as arrays (time,), and whether y is one alone."""
    if isinstance(y, str | Mapping) or not hasattr(y, "__len__") or len(y) == 0:
        raise ValueError(f"y must be an array (time,), or several of them, that are not empty. Got {y!r:.80}")
    is_one, found = np.ndim(next(iter(y))) == 0, []
    for k, one in enumerate([y] if is_one else y):
        own = np.asarray(one, dtype=object)
        texts = [at for at, value in enumerate(own.ravel().tolist()) if isinstance(value, str)]
        if own.ndim != 1 or len(own) == 0 or texts:
            got = f"{own.ravel()[texts[0]]!r} at {texts[0]}" if texts else f"the shape {own.shape}"
            raise ValueError(f"y[{k}] must be an array (time,) of numbers that ends with a known one. Got {got}")
        found.append(own.astype(np.float64))
    return found, is_one


def shares_of(level: Any, why_not: str) -> dict[str, float]:
    """The quantiles that are wanted, by name."""
    if level is None:
        return {}
    if why_not:
        raise ValueError(f"level: {why_not}")
    levels = sorted(float(one) for one in np.atleast_1d(level))
    if not levels or not all(1.0 < one < 100.0 for one in levels):
        raise ValueError(f"level must be in (1, 100). Got {level}")
    low = {f"{ALIAS}-lo-{one:g}": 0.5 - one / 200.0 for one in levels[::-1]}
    return low | {f"{ALIAS}-hi-{one:g}": 0.5 + one / 200.0 for one in levels}


def places_of(ids: Sequence[Any], n: int | None = None) -> Array:
    """Which series of fit these are; beside y, the place behind the last for those that it has not had."""
    places = {name: k for k, name in enumerate(WEIGHTS["ids"].tolist())}
    if n is not None and len(ids) != n:
        raise ValueError(f"ids must have a name for each series of y: {n}. Got {len(ids)}")
    unknown = [name for name in ids if name not in places]
    if unknown and n is None:
        raise ValueError(f"unknown series: {unknown[0]!r}; the known ones are {list(places)[:5]}")
    return np.array([places.get(name, len(places)) for name in ids], int)


def checked(values: Array, number: int) -> Array:
    """Values of a series that is given, from the first known one on."""
    if not np.isfinite(values[-1]):
        raise ValueError(f"y[{number}] must be an array (time,) that ends with a known value. Got {values[-1]} there")
    first = int(np.argmax(np.isfinite(values)))
    wrong = np.isinf(values) | np.isnan(values) & (MISSING == "raise") & (np.arange(len(values)) > first)
    if wrong.any():
        place = int(np.argmax(wrong))
        cure = "fill it in, or fit with missing='mask'" if MISSING == "raise" else "give a number, or nan for none"
        raise ValueError(f"y[{number}] has a value that is missing or infinite, {values[place]} at {place}: {cure}")
    if DOMAIN:
        wrong = (values < 0.0) | (values != np.rint(values)) & (DOMAIN == "counts") & np.isfinite(values)
        what = "whole numbers" if DOMAIN == "counts" else "numbers"
        if wrong.any():
            place = int(np.argmax(wrong))
            raise ValueError(f"y[{number}] must be of {what} from 0 on, as in fit. Got {values[place]} at {place}")
    return np.nan_to_num(values) if MISSING == "zero" else values[first:]


def static_codes(X: Any, k: int, is_one: bool) -> Array | None:
    """Codes of the static categories of series k of a call, which X names; None: they are those of fit."""
    given = [name for name in STATIC_COLUMNS if isinstance(X, Mapping) and name in X]
    if not given:
        return None
    lacks, found = [name for name in STATIC_COLUMNS if name not in given], []
    if lacks:
        raise ValueError(f"X must have all static categories, or none of them. It lacks {lacks[0]!r}")
    for number, name in enumerate(STATIC_COLUMNS):
        values = [X[name]] if np.ndim(X[name]) == 0 else list(X[name])
        if is_one and len(values) != 1 or len(values) <= k:
            raise ValueError(f"X[{name!r}] must have a value for each series. Got {len(values)}")
        known = WEIGHTS[f"static.{number}"].tolist()
        found.append(known.index(values[k]) if values[k] in known else len(known))
    return np.array(found, float)


def check_known(values: Array, number: int, row: int, static: Array | None, is_short: bool) -> None:
    """Refuse a series that networks cannot forecast."""
    if row == len(WEIGHTS["codes"]) - 1 and (IS_LOCAL or STATIC_COLUMNS and static is None):
        more = "a network of each" if IS_LOCAL else f"their categories: or give {STATIC_COLUMNS} in X"
        raise ValueError(
            f"y[{number}] must be a series of fit, which `ids` names, and fit must have learned from it: the model has "
            f"{more}"
        )
    if is_short:
        raise ValueError(
            f"y[{number}] is too short: it needs {LEAST} values, from the first known to the last, 4 of them known. "
            f"Got {len(values)}, {np.isfinite(values).sum()} of them known"
        )
