"""The windows that intervals are calibrated on: the last values of series, forecast from what lies before them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from forecastrnn.engine.memory import check_fits
from forecastrnn.forecasting.calibration import SMALLEST
from forecastrnn.forecasting.choosing import ends_of_others
from forecastrnn.forecasting.conformal import WindowPlan
from forecastrnn.forecasting.drawn_places import DrawnPlaces
from forecastrnn.forecasting.ends import SeriesEnds
from forecastrnn.forecasting.model import Model
from forecastrnn.forecasting.preparation import Prepared
from forecastrnn.forecasting.reading import cut

if TYPE_CHECKING:
    from forecastrnn.data.covariate_values import Covariates
    from forecastrnn.data.series import SeriesSet

SHARE = 3  # windows lie in the last third of a series
MANY, FEWEST, MOST = 240, 14, 40  # windows of n series: MANY / sqrt(n), within these bounds
LONG = 12  # a horizon is as long as a window of the training, or the median series over this if that is longer
DRAWS = 60  # futures of a window among which a likelihood's values are placed
ERROR_BYTES = 48  # of an error: itself, where its value and that a season before lie, and what they are
AT_ONCE = 2**21  # values of series that are cut and prepared in one call


@dataclass(frozen=True)
class Windows:
    """Where windows lie: of `horizon` steps, beginning `starts` (n_windows,) values before the end, most first.

    there (n_series, n_windows): which windows each series is long enough for.
    """

    horizon: int
    starts: np.ndarray
    there: np.ndarray

    @property
    def reach(self) -> np.ndarray:
        """Values (n_series,) at the end of each series that lie in its windows."""
        return (self.there * self.starts).max(axis=1)


def lengths_of(read: SeriesSet) -> np.ndarray:
    """Values (n_series,) of each series from its first known one on."""
    known = np.flatnonzero(np.isfinite(read.values))
    first = known[np.searchsorted(known, read.offsets[:-1])]
    return read.offsets[1:] - first


def place_windows(lengths: np.ndarray, asked: WindowPlan, usual: int, least: int, most: int | None = None) -> Windows:
    """Windows in series of these lengths: `usual` steps where none are asked for, `most` at most.

    least : values that a series needs before its windows.
    """
    middle = int(np.median(lengths))
    room = max(1, middle // SHARE)
    horizon = asked.horizon or max(1, min(2 * room // 3, max(usual, middle // LONG), most or middle))
    if asked.n_windows == "auto":
        count = int(np.clip(round(MANY / np.sqrt(len(lengths))), FEWEST, MOST))
        starts = np.arange(room, 0, -int(asked.step_size or max(1, room // count)))
        free = np.minimum(lengths - least, np.maximum(1, lengths // SHARE))
    else:
        count, free = min(int(asked.n_windows), int(lengths.max())), lengths - least  # no series has room for more
        step = int(asked.step_size or np.clip((room - horizon) // max(count - 1, 1), 1, horizon))
        starts = horizon + step * np.arange(count)[::-1]
    return Windows(int(horizon), starts, starts <= free[:, None])


@dataclass(frozen=True, kw_only=True)
class WindowPart:
    """Some windows: of which series, and which of its windows, each (m,) is; truth (m, horizon), NaN: not known.

    tail, own : the ends of the series before them, and their rows in fit; ahead : covariates of their steps.
    """

    rows: np.ndarray
    which: np.ndarray
    truth: np.ndarray
    tail: SeriesEnds
    own: np.ndarray
    ahead: Covariates | None


def parts_of(model: Model, read: SeriesSet, windows: Windows, static: object = None) -> Iterator[WindowPart]:
    """The windows of series, as many at once as memory should hold."""
    if not windows.there.any():
        return
    read, steps = model.dated(read), np.arange(windows.horizon)
    rows, which = np.nonzero(windows.there)
    starts = windows.starts[which]
    length = np.cumsum(np.diff(read.offsets)[rows] - starts)
    for part in np.split(np.arange(len(rows)), np.flatnonzero(np.diff(length // AT_ONCE)) + 1):
        row, behind = rows[part], starts[part]
        tail, own = ends_of_others(model, cut(read, row, behind), static)
        at = (read.offsets[row + 1] - behind)[:, None] + steps
        ends = read.offsets[row + 1, None]
        there = np.minimum(at, ends - 1)
        yield WindowPart(
            rows=row, which=which[part], truth=np.where(at < ends, read.values[there], np.nan), tail=tail, own=own,
            ahead=read.covariates and read.covariates.take(there.reshape(-1)),
        )  # fmt: skip


def check_windows(windows: Windows) -> None:
    """Refuse more errors than memory can hold."""
    series, count = windows.there.shape
    what = f"intervals: errors of {series} series in {count} windows of {windows.horizon} steps"
    advice = "Take a smaller Conformal(n_windows=...) or Conformal(horizon=...), or intervals=None."
    check_fits(ERROR_BYTES * series * count * windows.horizon, what, advice)


def errors_of(
    model: Model, read: SeriesSet, windows: Windows, linear: np.ndarray, device: str, static: object = None
) -> np.ndarray:
    """Errors (n_series, n_windows, horizon) of a model's forecasts of the windows, NaN where no value is known.

    Of the logarithm, where a series is not linear (n_series,): bands are laid there; with a likelihood, the normal
    scores of the values among its draws.
    """
    found = np.full((*windows.there.shape, windows.horizon), np.nan)
    for part in parts_of(model, read, windows, static):
        tail, own, ahead = part.tail, part.own, part.ahead
        if model.settings.likelihood is not None:
            draws = model.draw_alike(tail, own, windows.horizon, DRAWS, known=True, device=device, ahead=ahead)
            places = DrawnPlaces.of(draws, is_counted=model.settings.is_counted)
            found[part.rows, part.which] = places.scores_of(part.truth, np.random.RandomState(0))
            continue
        forecast, lin = model.median(tail, own, windows.horizon, device, ahead), linear[part.rows, None]
        found[part.rows, part.which] = in_space(part.truth, lin) - in_space(forecast, lin)
    return found


def in_space(values: np.ndarray, linear: np.ndarray) -> np.ndarray:
    """Values where bands are laid: as they are, or their logarithms."""
    return np.where(linear, values, np.log(np.where(linear, 1.0, values)))


def values_in_space(read: SeriesSet, linear: np.ndarray) -> np.ndarray:
    """All values (total,) of series where their bands are laid."""
    return in_space(read.values, np.repeat(linear, np.diff(read.offsets)))


def seasonal_errors(read: SeriesSet, prepared: Prepared, *, is_scored: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Mean change (n_series,) of each series over a season, of neighbours in a short one, and the least scale.

    In the space of its bands; a series that hardly changes has the least. is_scored : that is the space of scores.
    """
    if is_scored:
        return np.ones(read.n_series), np.full(read.n_series, SMALLEST)
    count, season, z = np.diff(read.offsets), prepared.layout.season, values_in_space(read, prepared.linear)
    each = np.repeat(np.where(count > season + 1, season, 1), count)
    place = np.arange(len(z)) - np.repeat(read.offsets[:-1], count)
    change = np.abs(z - z[np.maximum(np.arange(len(z)) - each, 0)])
    there = np.isfinite(change) & (place >= each)
    total = np.add.reduceat(np.where(there, change, 0.0), read.offsets[:-1])
    known = np.add.reduceat(there.astype(float), read.offsets[:-1])
    least = SMALLEST * np.where(prepared.linear, prepared.level, 1.0)
    return np.maximum(total / np.maximum(known, 1.0), least), least


def compared_with_naive(
    read: SeriesSet, prepared: Prepared, windows: Windows, errors: np.ndarray, changes: tuple[np.ndarray, np.ndarray]
) -> np.ndarray | None:
    """Mean size of errors (n_series, n_windows, horizon), and of those of seasonal naive forecasts of the same values.

    changes : of each series within a season, and the least that counts as one, as `seasonal_errors` finds them; errors
    are over the first.
    """
    naive, (change, least) = _errors_of_naive(read, prepared, windows), changes
    both = np.isfinite(errors) & np.isfinite(naive) & (change > least)[:, None, None]
    count = both.sum(axis=(1, 2))
    if not count.any():
        return None
    sizes = np.stack([np.where(both, np.abs(each), 0.0).sum(axis=(1, 2)) for each in (errors, naive)])
    return (sizes[:, count > 0] / (count * change)[count > 0]).mean(axis=1)


def _errors_of_naive(read: SeriesSet, prepared: Prepared, windows: Windows) -> np.ndarray:
    """Errors (n_series, n_windows, horizon) of the value a season before, NaN where either is not known."""
    z, season, steps = values_in_space(read, prepared.linear), prepared.layout.season, np.arange(windows.horizon)
    begin, end = read.offsets[:-1, None, None], read.offsets[1:, None, None]
    first = end - windows.starts[:, None]
    at, before = first + steps, first - season + steps % season
    there = windows.there[..., None] & (at < end) & (before >= begin)
    value, last = (z[np.clip(places, 0, len(z) - 1)] for places in (at, before))
    return np.where(there, value - last, np.nan)
