"""`predict` of a module of a forecaster: the text at its end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from forecastrnn.numpy_predictor.candidate_forecasts import CANDIDATES, candidate_of, mixed
from forecastrnn.numpy_predictor.forecasts import WEIGHTS, Ends, network_median, take
from forecastrnn.numpy_predictor.past_values import end_of
from forecastrnn.numpy_predictor.runtime import Array
from forecastrnn.numpy_predictor.spreads import spread_of

# What a module sets.
ALIAS, MOST_STEPS, LEAST, MISSING, SYMMETRIC, IS_ONE = "RNN", 0, 4, "raise", True, False
BOUNDS: tuple[float, float] | str | None = None
NO_LEVEL, NO_LEVEL_OF_Y, NEEDS_IDS = "", "", False
KEPT, FURTHEST = 199, 30.0


# module: begin
def predict(h: int, y: Any = None, *, ids: Sequence[Any] | None = None, level: Any = None) -> Any:
    """Forecast the h values behind the end of each series.

    y : None: the series of fit, all or `ids` of them, in that order. Otherwise past values of others, or of these with
    what is new: an array (time,), or an array (n, time) or list of n arrays of any lengths, oldest first, NaN where a
    value is missing; `ids` then says which series of fit they are, if they are; each must end with a known value.
    level : one or more, in percent; of y that is given, errors of forecasts of its last values say how wide.

    Gives an array (h,) for one series, (n, h) for several; with `level` a dict of such arrays by name: the forecast,
    and both ends of each interval.
    """
    if not isinstance(h, int | np.integer) or not 1 <= h <= (MOST_STEPS or h):
        most = f"an int from 1 to {MOST_STEPS}, the horizon of fit" if MOST_STEPS else "an int, 1 or more"
        raise ValueError(f"h must be {most}. Got {h!r}")
    if y is not None and (isinstance(y, str) or not hasattr(y, "__len__") or len(y) == 0):
        raise ValueError(f"y must be an array (time,), or several of them, that are not empty. Got {y!r}")
    shares = shares_of(level, NO_LEVEL if y is None else NO_LEVEL_OF_Y)
    is_one = IS_ONE and ids is None if y is None else np.ndim(next(iter(y))) == 0
    if y is None:
        rows = rows_of(ids) if ids is not None else np.arange(len(WEIGHTS["ends.z"]))
        columns = columns_of(take(ends_of_fit(), rows), rows, h, shares)
    else:
        each = [np.asarray(one, np.float64) for one in ([y] if is_one else y)]
        rows = (
            rows_of(ids, len(each))
            if ids is not None
            else np.full(len(each), 0 if IS_ONE else len(WEIGHTS["codes"]) - 1)
        )
        found = [columns_of_y(one, k, rows[k : k + 1], h, shares) for k, one in enumerate(each)]
        columns = {name: np.concatenate([one[name] for one in found]) for name in found[0]}
    columns = {name: values[0] if is_one else values for name, values in columns.items()}
    return columns if shares else columns[ALIAS]


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


def rows_of(ids: Sequence[Any], n: int | None = None) -> Array:
    """Which series of fit these are; beside y, the row behind the last for those that it has not had."""
    places = {name: k for k, name in enumerate(WEIGHTS["ids"].tolist())}
    if n is not None and len(ids) != n:
        raise ValueError(f"ids must have a name for each series of y: {n}. Got {len(ids)}")
    unknown = [name for name in ids if name not in places]
    if unknown and n is None:
        raise ValueError(f"unknown series: {unknown[0]!r}; the known ones are {list(places)[:5]}")
    return np.array([places.get(name, len(places)) for name in ids], int)


def ends_of_fit() -> Ends:
    """The ends of all series of fit."""
    return {name.removeprefix("ends."): w for name, w in WEIGHTS.items() if name.startswith("ends.")}


def columns_of_y(values: Array, number: int, rows: Array, h: int, shares: dict[str, float]) -> dict[str, Array]:
    """Forecasts and quantiles (1, h) of a series that is given, number `number` of them; rows (1,): its one in fit."""
    values, row = checked(values, number, is_new=rows[0] == len(WEIGHTS["codes"]) - 1), int(rows[0])
    ends = end_with(values, row)
    if shares:
        if np.isnan(values).any():
            raise ValueError(f"level: y[{number}] has missing values: ask forecastrnn itself, or leave level out")

        def forecast(before: Array, steps: int) -> Array:
            return np.asarray(point_of(end_with(before, row), rows, steps)[0])

        ends |= spread_of(values, ends, forecast)
    return columns_of(ends, rows, h, shares)


def checked(values: Array, number: int, is_new: bool) -> Array:
    """Values of a series that is given, from the first known one on."""
    if values.ndim != 1 or len(values) == 0 or not np.isfinite(values[-1]):
        raise ValueError(f"y[{number}] must be an array (time,) that ends with a known value")
    if np.isinf(values).any() or MISSING == "raise" and np.isnan(values).any():
        raise ValueError(f"y[{number}] has a value that is missing or infinite")
    if is_new and NEEDS_IDS:
        raise ValueError(f"y[{number}] must be a series of fit, which `ids` names: the model needs it to be")
    values = np.nan_to_num(values) if MISSING == "zero" else values[int(np.argmax(np.isfinite(values))) :]
    if len(values) < LEAST or np.isfinite(values).sum() < 4:
        raise ValueError(f"y[{number}] is too short: it needs {LEAST} values, from the first known to the last")
    return values


def end_with(values: Array, row: int) -> Ends:
    """The end of a series that is given, with all that is mixed into its forecast; row: its one in fit."""
    ends, weights = end_of(values, WEIGHTS["codes"][row]), WEIGHTS["weights"][row]
    for k, name in enumerate(CANDIDATES):
        if weights[1 + k] > 0.0:
            ends[f"candidate.{name}"] = candidate_of(name, values, int(ends["period"][0]))
    floors, guessed = np.array([np.nanmin(values) >= 0.0]), np.zeros(1, int)
    return ends | {"weights": weights[None], "floors": floors, "guessed": guessed}


def point_of(ends: Ends, rows: Array, h: int) -> Array:
    """The forecast (n, h) of series; rows (n,): theirs in fit."""
    point = network_median(ends, rows % len(WEIGHTS["ends.z"]), h)
    return mixed(point, ends, h) if CANDIDATES else point


def columns_of(ends: Ends, rows: Array, h: int, shares: dict[str, float]) -> dict[str, Array]:
    """Forecasts and quantiles (n, h) of series, by name; rows (n,): theirs in fit."""
    point = point_of(ends, rows, h)
    found = {ALIAS: point} | {name: quantile_of(share, point, ends, rows, h) for name, share in shares.items()}
    low, high = BOUNDS if isinstance(BOUNDS, tuple) else (-np.inf, np.inf)
    least = np.where(ends["floors"], 0.0, -np.inf)[:, None] if BOUNDS == "auto" else low
    found = {name: np.clip(values, least, high) for name, values in found.items()}
    if not all(np.isfinite(values).all() for values in found.values()):
        raise ValueError("a forecast is no finite number: values are too large to compute with; give another unit")
    return found


def quantile_of(share: float, point: Array, ends: Ends, rows: Array, h: int) -> Array:
    """A quantile (n, h) around the forecast: errors of forecasts of the last windows before the end of fit."""
    place = (
        int(np.clip(np.ceil((abs(2 * share - 1) if SYMMETRIC else max(share, 1 - share)) * (KEPT + 1) - 1e-9), 1, KEPT))
        - 1
    )
    place = place if SYMMETRIC or share > 0.5 else KEPT - 1 - place
    size, growth = WEIGHTS["bands.table"][place], WEIGHTS["bands.growth"]
    size = size if SYMMETRIC else np.maximum(size if share > 0.5 else -size, 0.0)
    size = size[rows] if len(size) > 1 else size
    steps = ends["guessed"][:, None] + np.arange(h)
    beyond = growth[-1] * np.sqrt((steps + 1) / len(growth))
    grown = np.where(steps < len(growth), growth[np.minimum(steps, len(growth) - 1)], beyond)
    linear, sign = ends["linear"][:, None], 1.0 if share > 0.5 else -1.0
    middle = np.where(linear, point, np.log(np.where(linear, 1.0, point)))
    away = sign * size[:, None] * grown * ends["band.scale"][:, None]
    away = np.clip(middle + away, ends["band.low"][:, None], ends["band.high"][:, None]) - middle
    factor = np.exp(np.where(linear, 0.0, np.clip(away, -FURTHEST, FURTHEST)))
    found = np.where(linear, point + away, point * factor)
    return np.minimum(found, point) if share < 0.5 else np.maximum(found, point)
