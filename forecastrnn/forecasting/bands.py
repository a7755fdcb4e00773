"""Quantiles of forecasts: the median, and what calibration or sample paths put around it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from forecastrnn.data.caller_warnings import warn_caller
from forecastrnn.forecasting.calibrate import spread_of_others
from forecastrnn.forecasting.calibration import Calibration, Spread
from forecastrnn.forecasting.calibration_windows import in_space
from forecastrnn.forecasting.drawn_places import DrawnPlaces
from forecastrnn.forecasting.ends import SeriesEnds, take
from forecastrnn.forecasting.model import Model
from forecastrnn.forecasting.naive_series import Chosen

if TYPE_CHECKING:
    from forecastrnn.data.covariate_values import Covariates

MOST = 100  # series whose errors stand for those of a series that is too short
PATHS = 200  # sample paths whose quantiles are intervals that are not calibrated
FURTHEST = 30.0  # of a logarithm: an end stays finite


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """The median (n, h) of some series, with all that quantiles of it are made of.

    rows (n,): their places in fit. spread : of their errors, None without a calibration. known : they are those of fit.
    ahead : covariates (n * h rows) of the times that are forecast.
    """

    median: np.ndarray
    tail: SeriesEnds
    rows: np.ndarray
    spread: Spread | None
    known: bool
    device: str
    ahead: Covariates | None = None


NO_INTERVALS = (
    "level and quantiles need intervals, and the model was fitted (or its file written) without: fit with "
    "intervals='conformal', or intervals='paths' (not calibrated)."
)


def check_intervals(model: Model) -> None:
    """Refuse quantiles of a model that has no intervals, and say why."""
    kept = model.intervals
    if kept is None:
        raise ValueError(NO_INTERVALS)
    if kept.method == "conformal" and kept.calibration is None:
        raise ValueError(
            f"level and quantiles need intervals, which could not be calibrated in fit: {kept.why}. Give longer series "
            "or shorter windows, intervals=Conformal(horizon=..., n_windows=...), or fit with intervals='paths' (not "
            "calibrated)."
        )


def with_spread(model: Model, chosen: Chosen, device: str, static: object = None) -> Chosen:
    """The same series with the spread of their errors; as they are, if there is no calibration."""
    found, read = model.intervals.calibration if model.intervals else None, chosen.read
    if found is None or read is None:
        return replace(chosen, spread=found.spread if found else None)
    if found.by_series and not model.trained.is_local:
        raise ValueError(
            "level: with Conformal(pool='series') only series of fit have errors of their own; fit with pool='auto'."
        )
    if not read.n_series:
        return chosen
    return replace(chosen, spread=spread_of_others(model, found, read, chosen.tail.prepared, device, static))


def quantiles_of_all(
    model: Model, chosen: Chosen, median: np.ndarray, shares: np.ndarray, device: str, *,
    ahead: Covariates | None = None,
) -> np.ndarray:  # fmt: skip
    """Quantiles (len(shares), n_series, h) of all series of a call around their median, all without limits.

    ahead : covariates (n_series * h rows), as the median was made with.
    """
    h, naive = median.shape[1], chosen.naive
    found = np.empty((len(shares), 0, h))
    if chosen.tail.n_series:
        forecast = Forecast(
            median=chosen.learned(median), tail=chosen.tail, rows=chosen.own, spread=chosen.spread,
            known=chosen.are_of_fit, device=device, ahead=chosen.ahead_of_learned(ahead, h),
        )  # fmt: skip
        found = quantiles_of(model, forecast, shares)
    if naive is not None:
        found = chosen.whole(found, naive.with_errors(_usual(model, shares, h, device)))
    return found


def _usual(model: Model, shares: np.ndarray, h: int, device: str) -> np.ndarray:
    """What the quantiles of a series of fit usually are away from its median, over its level: (len(shares), 1, h).

    That of the median series, of all or of MOST of them: those too short to learn from have nothing of their own.
    """
    count, found = model.tail.n_series, model.intervals.calibration if model.intervals else None
    rows = np.unique(np.linspace(0, count - 1, min(count, MOST)).astype(np.int64))
    tail = take(model.tail, rows)
    median = model.median(tail, rows, h, device)
    forecast = Forecast(
        median=median, tail=tail, rows=rows, spread=found.spread.take(rows) if found else None, known=True,
        device=device,
    )  # fmt: skip
    away = (quantiles_of(model, forecast, shares) - median) / tail.prepared.size[:, None]
    return np.median(away, axis=1, keepdims=True)


def quantiles_of(model: Model, forecast: Forecast, shares: np.ndarray) -> np.ndarray:
    """Quantiles (len(shares), n, h) of a forecast, which do not cross one another nor the median.

    Paths of another spread become calibrated ones when each value goes to the quantile here that it is among them.
    """
    kept = model.intervals
    if kept is None or kept.calibration is None:
        found = _of_paths(model, forecast, shares)
    elif model.settings.likelihood is not None:
        found = _of_likelihood(model, kept.calibration, forecast, shares)
    else:
        found = _of_scores(kept.calibration, forecast, shares)
    side = np.sign(shares - 0.5)[:, None, None]
    found = np.where(side < 0, np.minimum(found, forecast.median), np.maximum(found, forecast.median))
    return np.where(side == 0, forecast.median, found)


def _of_scores(calibration: Calibration, forecast: Forecast, shares: np.ndarray) -> np.ndarray:
    """The median and a multiple of each series' scale, of the logarithm where the series is not linear."""
    median, spread = forecast.median, forecast.spread
    assert spread is not None
    scale, low, high = spread.scale[:, None], spread.low[:, None], spread.high[:, None]
    away = np.stack([_offsets(calibration, forecast, share) * scale for share in shares])
    linear = forecast.tail.prepared.linear[:, None]
    middle = in_space(median, linear)
    away = np.clip(middle + away, low, high) - middle  # the median itself may lie beyond
    factor = np.exp(np.where(linear, 0.0, np.clip(away, -FURTHEST, FURTHEST)))
    return np.where(linear, median + away, median * factor)


def _offsets(calibration: Calibration, forecast: Forecast, share: float) -> np.ndarray:
    """From the median to a quantile: (series or 1, h). The steps of a series count from its last known value on."""
    h, before = forecast.median.shape[1], forecast.tail.guessed
    longest = 0 if before is None else int(before.max())
    found = calibration.offsets(share, h + longest, forecast.rows, known=forecast.known)
    if before is None:
        return found
    return np.take_along_axis(
        np.broadcast_to(found, (len(before), h + longest)), before[:, None] + np.arange(h), axis=1
    )


def _of_likelihood(model: Model, calibration: Calibration, forecast: Forecast, shares: np.ndarray) -> np.ndarray:
    """Quantiles of the likelihood's own draws, at the places that held-out values had among such draws."""
    spread, h = forecast.spread, forecast.median.shape[1]
    assert spread is not None
    found = [calibration.offsets(share, calibration.horizon, forecast.rows) for share in shares]
    before = 0 if forecast.tail.guessed is None else forecast.tail.guessed[:, None]
    steps = np.atleast_2d(np.minimum(before + np.arange(h), calibration.horizon - 1))  # behind, draws go on to spread
    own = (np.broadcast_to(one, (len(spread.scale), calibration.horizon)) for one in found)
    steps = np.broadcast_to(steps, (len(spread.scale), h))
    away = np.stack([np.take_along_axis(one, steps, axis=1) * spread.scale[:, None] for one in own])
    draws = DrawnPlaces.of(_draws(model, forecast, h), is_counted=model.settings.is_counted)
    limits = (0.0, np.inf) if model.settings.is_raw else (-np.inf, np.inf)
    return np.clip(draws.values_at(away), *limits)


def _draws(model: Model, forecast: Forecast, h: int) -> np.ndarray:
    """Sample paths (PATHS, n, h), drawn alike whatever the series and the horizon."""
    return model.draw_alike(
        forecast.tail, forecast.rows, h, PATHS, known=forecast.known, device=forecast.device, ahead=forecast.ahead
    )


def _of_paths(model: Model, forecast: Forecast, shares: np.ndarray) -> np.ndarray:
    """Quantiles of sample paths, drawn alike whatever the series and the horizon."""
    paths = _draws(model, forecast, forecast.median.shape[1])
    method: Any = "inverted_cdf" if model.settings.is_counted else "linear"
    return np.quantile(paths, shares, axis=0, method=method)


def warn_far(model: Model, h: int) -> None:
    """Say where intervals were never tried so far ahead."""
    found = model.intervals.calibration if model.intervals else None
    if found is not None and h > found.horizon:
        warn_caller(
            f"h={h}: the intervals were calibrated for {found.horizon} steps, behind them they grow as the square root "
            f"of the step. intervals=Conformal(horizon={h}) calibrates as many."
        )


def warn_unsupported(model: Model, levels: list[float]) -> None:
    """Say where an interval is not as wide as asked for."""
    found = model.intervals.calibration if model.intervals else None
    if found is None:
        return
    most, n = found.supported(), found.n_together
    high = max(levels)
    if high / 100 > most + 1e-9:
        needed = int(np.ceil(high / (100 - high) - 1e-9))
        why = f"needs at least {needed} errors, there are {n}" if n < needed else "is further than what is kept"
        warn_caller(f"level={high:g} {why}: the widest interval that they support, {100 * most:.3g}, is given")
