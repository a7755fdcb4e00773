"""`predict` of a module of a forecaster: the text at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from forecastrnn.numpy_predictor.bands import point_of
from forecastrnn.numpy_predictor.candidate_forecasts import CANDIDATES, candidate_of
from forecastrnn.numpy_predictor.covariates import (
    CATEGORY_COLUMNS,
    NUMBER_COLUMNS,
    Beside,
    Steps,
    beside_of,
    rows_ahead,
    rows_of,
    until,
)
from forecastrnn.numpy_predictor.forecasts import SEASON, WEIGHTS, Ends, take
from forecastrnn.numpy_predictor.given_series import (
    ALIAS,
    LEAST,
    STATIC_COLUMNS,
    check_known,
    checked,
    places_of,
    series_of,
    shares_of,
    static_codes,
)
from forecastrnn.numpy_predictor.past_values import end_of
from forecastrnn.numpy_predictor.runtime import Array
from forecastrnn.numpy_predictor.spreads import quantiles_of, spread_of

# What a module sets.
MOST_STEPS, SHORT, IS_ONE, NO_LEVEL, NO_LEVEL_OF_Y, DONORS = 0, "raise", False, "", "", 100
BOUNDS: tuple[float, float] | str | None = None


# module: begin
def predict(
    h: int, y: Any = None, *, ids: Sequence[Any] | None = None, level: Any = None, X: Any = None, times: Any = None
) -> Any:
    """Forecast the h values behind the end of each series.

    y : None: the series of fit, all or `ids` of them, in that order. Otherwise past values of others, or of these with
    what is new: an array (time,), or an array (n, time) or list of n arrays of any lengths, oldest first, NaN where a
    value is missing; `ids` then says which series of fit they are, if they are; each must end with a known value.
    level : one or more, in percent; of y that is given, errors of forecasts of its last values say how wide.
    X : of a model with covariates, a dict of arrays by the names of columns: (h,) of what is known ahead; with y
    (time + h,), (time,) of what is known until now, and a value of what is static; of several series one behind the
    other, as y. times : of a model with a calendar, the dates of the steps ahead (h,), or with y of all (time + h,).

    Gives an array (h,) for one series, (n, h) for several; with `level` a dict of such arrays by name: the forecast,
    and both ends of each interval.
    """
    if isinstance(h, bool) or not isinstance(h, int | np.integer) or not 1 <= h <= (MOST_STEPS or h):
        most = f"an int from 1 to {MOST_STEPS}, the horizon of fit" if MOST_STEPS else "an int, 1 or more"
        raise ValueError(f"h must be {most}. Got {h!r}")
    shares = shares_of(level, NO_LEVEL if y is None else NO_LEVEL_OF_Y)
    count = len(WEIGHTS["rows"]) - 1
    if y is None:
        is_one, places = IS_ONE and ids is None, np.arange(count) if ids is None else places_of(ids)
        besides = [beside(X, times, (k, is_one, 0, h), place) for k, place in enumerate(places)]
        found = columns_of_fit(places, h, shares, besides)
    else:
        each, is_one = series_of(y)
        places = np.full(len(each), 0 if IS_ONE else count) if ids is None else places_of(ids, len(each))
        besides = [beside(X, times, (k, is_one, len(one), h), places[k]) for k, one in enumerate(each)]
        static = [static_codes(X, k, is_one) for k in range(len(each))]
        found = columns_of_others(each, places, h, shares, besides=besides, static=static)
    found = {name: values[0] if is_one else values for name, values in found.items()}
    return found if shares else found[ALIAS]


def beside(X: Any, times: Any, steps: tuple[int, bool, int, int], place: int) -> Beside | None:
    """What is known beside a series: its number, whether it is one alone, values and steps ahead; place: in fit."""
    if isinstance(X, Mapping):
        X = {name: values for name, values in X.items() if name not in STATIC_COLUMNS} or None
    if NUMBER_COLUMNS or CATEGORY_COLUMNS:
        return beside_of(X, times, Steps(*steps), place)
    for name, given in {"X": X, "times": times}.items():
        if given is not None:
            raise ValueError(f"{name}: the model was fitted without, and reads the values of y alone: leave it out")
    return None


def ends_of_fit(rows: Array, h: int, besides: Sequence[Beside] | None) -> Ends:
    """The ends of some series of fit; besides: what is known of the steps ahead, None: it stays as it was."""
    ends = take({name.removeprefix("ends."): w for name, w in WEIGHTS.items() if name.startswith("ends.")}, rows)
    return ends | rows_ahead(ends, h, besides) if NUMBER_COLUMNS or CATEGORY_COLUMNS else ends


def columns_of_fit(
    places: Array, h: int, shares: dict[str, float], besides: Sequence[Beside | None]
) -> dict[str, Array]:
    """Forecasts and quantiles (n, h) of series of fit."""
    rows = WEIGHTS["rows"][places]
    learned = rows < len(WEIGHTS["ends.z"])
    found: dict[str, Array] = {}
    if learned.any():
        own = [one for one, is_in in zip(besides, learned) if is_in and one is not None]
        ends = ends_of_fit(rows[learned], h, own)
        found = clipped(columns_of(ends, rows[learned], h, shares), ends["floors"])
    if learned.all():
        return found
    short = np.searchsorted(WEIGHTS["naive.places"], places[~learned])
    naive = naive_columns(WEIGHTS["naive.figure"][short], h, shares)
    return whole(found, learned, clipped(naive, WEIGHTS["naive.floors"][short]))


def columns_of_others(
    each: Sequence[Array], places: Array, h: int, shares: dict[str, float], *, besides: Sequence[Beside | None],
    static: Sequence[Array | None],
) -> dict[str, Array]:  # fmt: skip
    """Forecasts and quantiles (n, h) of series that are given; places (n,): theirs in fit; static: their codes."""
    values, rows = [checked(one, k) for k, one in enumerate(each)], WEIGHTS["rows"][places]
    short = np.array([len(one) < LEAST or np.isfinite(one).sum() < 4 for one in values])
    found, chance = [], np.random.RandomState(0)
    for k in np.flatnonzero(~short | (SHORT != "naive")).tolist():
        check_known(values[k], k, int(rows[k]), static[k], bool(short[k]))
        own, left_out = besides[k], len(each[k]) - len(values[k])
        own = None if own is None else (own[0][left_out:], own[1][left_out:])
        if shares and "bands.growth" in WEIGHTS and np.isnan(values[k]).any():
            raise ValueError(f"level: y[{k}] has missing values: ask forecastrnn itself, or leave level out")
        found.append(columns_of_y(values[k], rows[k : k + 1], h, shares, (own, chance, left_out, static[k])))
    columns = {name: np.concatenate([one[name] for one in found]) for name in found[0]} if found else {}
    if not short.any():
        return columns
    apart = [one for one, is_in in zip(values, short) if is_in]
    naive = naive_columns(np.concatenate([figure_of(one) for one in apart]), h, shares)
    return whole(columns, ~short, clipped(naive, np.array([np.nanmin(one) >= 0.0 for one in apart])))


def columns_of_y(values: Array, rows: Array, h: int, shares: dict[str, float], given: Any) -> dict[str, Array]:
    """Forecasts and quantiles (1, h) of a series that is given; rows (1,): its one in fit.

    given : what is known beside it, what draws by chance for all series of a call, values missing before its first, and
    its static codes.
    """
    own, chance, left_out, static = given
    code = WEIGHTS["codes"][rows[0]].copy()
    if static is not None:
        code[len(code) - len(static) :] = static
    ends = end_with(values, int(rows[0]), code, own, h)
    if shares:

        def before(n: int, steps: int) -> Ends:
            known = None if own is None else until(own, len(values), n, steps)
            return end_with(values[:n], int(rows[0]), code, known, steps)

        ends |= spread_of(np.append(np.full(left_out, np.nan), values), ends, rows, before, chance)
    return clipped(columns_of(ends, rows, h, shares), ends["floors"])


def end_with(values: Array, row: int, code: Array, own: Beside | None, h: int) -> Ends:
    """The end of a series that is given, with all that is mixed into its forecast; row: its one in fit."""
    rows = {} if own is None else rows_of(own, len(values))
    ends, weights = end_of(values, code, rows), WEIGHTS["weights"][row]
    for k, name in enumerate(CANDIDATES):
        if weights[1 + k] > 0.0:
            ends[f"candidate.{name}"] = candidate_of(name, values, int(ends["period"][0]))
    floors, guessed = np.array([np.nanmin(values) >= 0.0]), np.zeros(1, int)
    return ends | {"weights": weights[None], "floors": floors, "guessed": guessed}


def columns_of(ends: Ends, rows: Array, h: int, shares: dict[str, float]) -> dict[str, Array]:
    """Forecasts and quantiles (n, h) of series, by name; rows (n,): theirs in fit."""
    point = point_of(ends, rows, h)
    return {ALIAS: point} | (quantiles_of(shares, point, ends, rows) if shares else {})


def clipped(found: dict[str, Array], floors: Array) -> dict[str, Array]:
    """Forecasts and quantiles (n, h) within their bounds; floors (n,): which series never were negative."""
    low, high = BOUNDS if isinstance(BOUNDS, tuple) else (-np.inf, np.inf)
    least = np.where(floors, 0.0, -np.inf)[:, None] if BOUNDS == "auto" else low
    found = {name: np.clip(values, least, high) for name, values in found.items()}
    if not all(np.isfinite(values).all() for values in found.values()):
        raise ValueError("a forecast is no finite number: values are too large to compute with; give another unit")
    return found


# module: short
def figure_of(values: Array) -> Array:
    """The last season (1, SEASON) of a series that is too short; its last value where one is missing, or a part."""
    own, whole_one = values[-SEASON:], len(values) >= SEASON
    return (np.where(np.isfinite(own), own, values[-1]) if whole_one else np.full(SEASON, values[-1]))[None]


def naive_columns(figure: Array, h: int, shares: dict[str, float]) -> dict[str, Array]:
    """Forecasts and quantiles (m, h) of series with these figures (m, SEASON): these lie as those of fit usually do."""
    point, size = figure[:, np.arange(h) % SEASON], np.abs(figure).mean(axis=1)[:, None]
    if not shares:
        return {ALIAS: point}
    count = len(WEIGHTS["ends.z"])
    rows = np.unique(np.linspace(0, count - 1, min(count, DONORS)).astype(int))
    ends = ends_of_fit(rows, h, None)
    usual, level = columns_of(ends, rows, h, shares), np.maximum(ends["level"], np.abs(ends["shift"]))[:, None]
    away = {name: np.median((usual[name] - usual[ALIAS]) / level, axis=0) for name in shares}
    return {ALIAS: point} | {name: point + size * one for name, one in away.items()}


def whole(found: dict[str, Array], learned: Array, naive: dict[str, Array]) -> dict[str, Array]:
    """Those of all series (n, h), of which networks forecast those that are learned (n,)."""
    every = {}
    for name, values in naive.items():
        every[name] = np.empty((len(learned), values.shape[1]))
        every[name][learned], every[name][~learned] = found.get(name, np.empty((0, values.shape[1]))), values
    return every
