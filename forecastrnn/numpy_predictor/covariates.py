"""What is known beside series, as rows that networks read: the text that follows `past_values` where they read any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from forecastrnn.numpy_predictor.calendars import calendar_of
from forecastrnn.numpy_predictor.forecasts import WEIGHTS, Ends
from forecastrnn.numpy_predictor.past_values import CONTEXT, DTYPE
from forecastrnn.numpy_predictor.runtime import Array

# What a module sets: names and roles of columns of numbers and of categories, in the order of fit.
NUMBER_COLUMNS: Sequence[tuple[str, str]] = ()
CATEGORY_COLUMNS: Sequence[tuple[str, str]] = ()
MADE: Sequence[str] = ()
IN_ENCODER, MOST_SPREADS, MISSING = False, 1e6, "raise"


# module: begin
Beside = tuple[Array, Array]  # numbers (n + h, k) and codes (n + h, c) of the times of a series and of the steps ahead


class Steps(NamedTuple):
    """Of which series of a call, whether that is of one; n values that are given, 0 behind fit, and h steps ahead."""

    k: int
    is_one: bool
    n: int
    h: int


def beside_of(X: Any, times: Any, steps: Steps, place: int) -> Beside:
    """What is known beside a series, whose place among those of fit is given."""
    every = dict((*NUMBER_COLUMNS, *CATEGORY_COLUMNS))
    wanted = [name for name, role in every.items() if name not in MADE and (steps.n or role == "known")]
    given = X if isinstance(X, Mapping) else {}
    other, lacks = [name for name in given if name not in every], [name for name in wanted if name not in given]
    if other or lacks or not (X is None or isinstance(X, Mapping)):
        said = f"has {other[0]!r}" if other else f"lacks {lacks[0]!r}" if lacks else ""
        said = said if X is None or isinstance(X, Mapping) else f"is {type(X).__name__}"
        names = ", ".join(f"{name!r} ({every[name]})" for name in wanted) or "none"
        raise ValueError(f"X must be a dict of arrays by names of columns, which here are {names}. Got one that {said}")
    made = calendar_of(times_of(times, steps), place) if MADE else {}
    empty = np.empty((steps.n + steps.h, 0))
    numbers = [made[name] if name in made else numbers_of(given, name, steps) for name, _ in NUMBER_COLUMNS]
    codes = [codes_of(given, number, steps) for number in range(len(CATEGORY_COLUMNS))]
    return np.stack(numbers, axis=1) if numbers else empty, np.stack(codes, axis=1) if codes else empty


def column_of(given: Mapping[str, Any], name: str, role: str, steps: Steps) -> Array:
    """The values of a column, as many as its role says: none, where they stay as they were in fit."""
    k, is_one, n, h = steps
    if not n and role != "known":
        return np.empty(0, object)
    size, what = {"known": (n + h, "time + h" if n else "h"), "past": (n, "time"), "static": (1, "one")}[role]
    values = given[name]
    if not is_one:
        if not hasattr(values, "__len__") or isinstance(values, str) or len(values) <= k:
            raise ValueError(f"X[{name!r}] must have values for each series. It has none for series {k}")
        values = list(values)[k]
    own = np.array([values], dtype=object) if np.ndim(values) == 0 else np.asarray(values, dtype=object)
    if own.shape != (size,):
        raise ValueError(f"X[{name!r}] must have {size} values ({what}) for series {k}. Got {own.shape}")
    lacks = [at for at, value in enumerate(own.tolist()) if value is None or value != value]
    lacks = [at for at in lacks if MISSING != "mask" or role == "known" and at >= n]
    if lacks:
        raise ValueError(f"X[{name!r}]: value {lacks[0]} of series {k} is missing: give one")
    return own


def along(own: Array, role: str, steps: Steps, missing: Any) -> Array:
    """Values (n + h,) of a column at all times."""
    size = steps.n + steps.h
    return np.repeat(own, size) if role == "static" and len(own) else np.append(own, [missing] * (size - len(own)))


def numbers_of(given: Mapping[str, Any], name: str, steps: Steps) -> Array:
    """A column (n + h,) of numbers, NaN where it is not known."""
    role = dict(NUMBER_COLUMNS)[name]
    own = column_of(given, name, role, steps)
    there = [value for value in own.tolist() if value is not None]
    wrong = [
        value for value in there if not isinstance(value, int | float | np.number | np.bool_) or abs(value) == np.inf
    ]
    if wrong:
        raise ValueError(f"X[{name!r}] must be of finite numbers. Series {steps.k} has {wrong[0]!r}")
    return along(own.astype(np.float64), role, steps, np.nan)


def codes_of(given: Mapping[str, Any], number: int, steps: Steps) -> Array:
    """A column (n + h,) of categories as codes, that behind the last where it is none of fit."""
    name, role = CATEGORY_COLUMNS[number]
    known = {value: code for code, value in enumerate(WEIGHTS[f"beside.categories.{number}"].tolist())}
    own = column_of(given, name, role, steps).tolist()
    return along(np.array([known.get(value, len(known)) for value in own], int), role, steps, len(known))


def times_of(times: Any, steps: Steps) -> Array:
    """Times (n + h,) of a series: of all series, where there is one row of them."""
    size = steps.n + steps.h
    try:
        whole = np.asarray(times if np.ndim(times) == 1 else times[steps.k])
        whole = whole.astype("datetime64[us]") if whole.dtype.kind in "MUO" else np.empty(0, "datetime64[us]")
    except (TypeError, ValueError, IndexError):
        whole = np.empty(0, "datetime64[us]")
    if whole.shape != (size,) or np.isnat(whole).any():
        raise ValueError(
            f"times must be {size} dates ({'time + h' if steps.n else 'h'}) on the clock of the wall, datetime64 or "
            f"texts as '2024-01-31T18:00', or so many for each series. Got {times!r:.80} for series {steps.k}"
        )
    return whole


def scaled(beside: Beside, centre: Array) -> Beside:
    """Numbers and codes as networks read them; centre (k,)."""
    numbers, spread = beside[0], WEIGHTS["beside.spread"]
    there, moves = np.isfinite(numbers), spread > 0.0
    away = np.where(there & moves, numbers - centre, 0.0) / np.where(moves, spread, 1.0)
    columns = np.concatenate([np.clip(away, -MOST_SPREADS, MOST_SPREADS), there[:, WEIGHTS["beside.gaps"]]], axis=1)
    return columns[:, WEIGHTS["beside.order"]], beside[1]


def centre_of(past: Array) -> Array:
    """The centre (k,) of numbers (n, k) of a series."""
    centre = WEIGHTS["beside.middle"].copy()
    for column in np.flatnonzero(WEIGHTS["beside.centred"]):
        own = np.sort(past[np.isfinite(past[:, column]), column])
        if len(own):
            centre[column] = 0.5 * own[(len(own) - 1) // 2] + 0.5 * own[len(own) // 2]
    return centre


def rows_of(beside: Beside, n: int) -> Ends:
    """What a network reads beside n values of a series: in its context (context, ..), and ahead (1, h, ..)."""
    found = {}
    for name, values, fill in zip(("numbers", "codes"), scaled(beside, centre_of(beside[0][:n])), fills()):
        roles, times = WEIGHTS[f"beside.{name}"], n - CONTEXT + np.arange(CONTEXT)
        following, now = (_at(values, each, roles if name == "numbers" else None) for each in (times, times - 1))
        found[f"context.{name}"] = following if IN_ENCODER else np.where(roles == "past", now, following)
        last = np.where(roles == "past", fill, values[n - 1]) if IN_ENCODER else values[n - 1]
        found[f"ahead.{name}"] = np.where(roles == "known", values[n:], last)[None].astype(DTYPE)
    return found


def _at(values: Array, times: Array, roles: Array | None) -> Array:
    """Values at times, before the first of them 0, if they are numbers."""
    found = values[np.maximum(times, 0)]
    return found if roles is None else np.where((times >= 0)[:, None] | (roles == "static"), found, 0.0)


def fills() -> tuple[Array, Array]:
    """What a decoder reads of what is known until now."""
    return np.zeros(1), np.array(
        [len(WEIGHTS[f"beside.categories.{number}"]) for number in range(len(CATEGORY_COLUMNS))]
    )


def rows_ahead(ends: Ends, h: int, found: Sequence[Beside] | None) -> Ends:
    """What networks read beside series of fit in h steps; found: what is known of these, None: it stays as it was."""
    out = {}
    for which, (name, fill) in enumerate(zip(("numbers", "codes"), fills())):
        roles, last = WEIGHTS[f"beside.{name}"], ends[f"last.{name}"][:, None].repeat(h, axis=1)
        last = np.where(roles == "past", fill, last) if IN_ENCODER else last
        if found:
            each = [scaled(one, centre)[which] for one, centre in zip(found, ends["centre"])]
            last = np.where(roles == "known", np.stack(each), last)
        out[f"ahead.{name}"] = last.astype(DTYPE)
    return out


def until(beside: Beside, total: int, n: int, h: int) -> Beside:
    """What is known beside the first n of so many values, and h steps behind them as far as it was known then."""
    times = np.minimum(np.arange(n + h), total - 1)
    return beside[0][times], beside[1][times]
