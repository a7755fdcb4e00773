"""What there is to learn: the steps behind a random end of synthetic series, as a forecast meets them.

Level, season and scale are those of what lies before the end, as in use, so that the network also learns how far these
can be trusted. Behind the end it reads not what came but what it forecast itself, step by step: so it learns from where
its own forecasts lead (DAgger; Ross, Gordon and Bagnell 2011, AISTATS), however many steps ahead. With the true values
in their place, forecasts of long horizons left all that training had seen, and grew worse the longer it took.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from forecastrnn.data.row_ranges import rows_between
from forecastrnn.datasets.synthetic.panels import draw_panel
from forecastrnn.forecasting.inputs import SeriesInputs
from forecastrnn.forecasting.preparation import QUIETEST, Prepared
from forecastrnn.forecasting.start import prepare_for_any

SEASONS = {1: 0.16, 12: 0.26, 4: 0.13, 7: 0.15, 24: 0.12, 52: 0.06, 48: 0.05, 5: 0.02, 6: 0.02, 10: 0.02, 30: 0.01}
STEPS = {12: 0.3, 24: 0.37, 48: 0.2, 96: 0.1, 192: 0.03}  # behind the end, and how often
VALUES = 100_000  # of a panel, about
SHORTEST, LONGEST = 16, 2500  # values of series before their end
LONG = 0.1  # share of lessons whose series may be as long as that; others have about 14 seasons at most
FEWEST_SHARE = 0.35  # of the longest series that the shortest has at least
FURTHEST = 30.0  # usual changes from the last value: what lies beyond teaches nothing that can be known
Ahead = Callable[[Prepared, int], np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """Windows of series: what networks read, the true values (total,) at all times, NaN where they do not count.

    starts (n,) : where windows begin; steps : of each, behind the context.
    """

    series: SeriesInputs
    truth: np.ndarray
    starts: np.ndarray
    steps: int


def draw_lesson(rng: np.random.Generator, context: int, ahead: Ahead) -> Lesson:
    """A lesson of a panel with one season; ahead : forecasts (n, steps) behind the ends of prepared series."""
    season = int(rng.choice(list(SEASONS), p=list(SEASONS.values())))
    steps = int(rng.choice(list(STEPS), p=list(STEPS.values())))
    values, lengths = draw_cut(rng, season, steps)
    known, offsets = _before(values, lengths)
    prepared = prepare_for_any(known, offsets, season, context)
    coming = values[np.arange(len(values))[:, None], np.diff(offsets)[:, None] + np.arange(steps)]
    return lesson_of(prepared, coming, ahead(prepared, steps))


def draw_cut(rng: np.random.Generator, season: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Series (n, length + steps), each twice, and how many values (n,) are known of each."""
    most = LONGEST if rng.random() < LONG else max(14 * season, 300)
    length = int(np.clip(np.exp(rng.uniform(np.log(max(3 * season, 20)), np.log(most))), SHORTEST, LONGEST))
    n = int(np.clip(VALUES // (length + steps), 64, 512)) // 2
    values = np.repeat(draw_panel(rng, n, length + steps, season), 2, axis=0)
    return values, np.maximum((length * rng.uniform(FEWEST_SHARE, 1.0, 2 * n)).astype(int), 10)


def _before(values: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The known values end to end, up to the last one that is there, and where each series begins."""
    known = np.isfinite(values) & (np.arange(values.shape[1]) < lengths[:, None])
    last = values.shape[1] - np.argmax(known[:, ::-1], axis=1)
    begin = np.arange(len(values)) * values.shape[1]
    return values.reshape(-1)[rows_between(begin, begin + last)[0]], np.concatenate([[0], np.cumsum(last)])


def lesson_of(prepared: Prepared, coming: np.ndarray, path: np.ndarray) -> Lesson:
    """The windows behind prepared series, of which `coming` (n, steps) follows and `path` is forecast, scaled."""
    steps = coming.shape[1]
    truth, last = scaled(prepared, coming), prepared.z[prepared.starts[1:] - 1, None]
    near = np.abs(np.where(np.isfinite(truth), truth - last, 0.0)).max(axis=1, keepdims=True) < FURTHEST
    counts = np.isfinite(truth) & near & (prepared.scale > 2.0 * QUIETEST)[:, None]
    is_sound = np.isfinite(path) & (np.abs(path - last) < 3.0 * FURTHEST)
    read = _longer(prepared, np.where(is_sound, path, last))
    whole = np.full(len(read.z), np.nan)
    whole[read.starts[1:, None] - steps + np.arange(steps)] = np.where(counts, truth, np.nan)
    starts = read.starts[1:] - steps - prepared.context - 1
    return Lesson(series=SeriesInputs(read, "float32"), truth=whole, starts=starts[counts.any(axis=1)], steps=steps)


def scaled(prepared: Prepared, values: np.ndarray) -> np.ndarray:
    """Values (n, steps) behind the ends of series as networks have them; NaN where they are missing."""
    p = prepared
    shift = 0.0 if p.shift is None else p.shift[:, None]
    found = (values - shift) / p.level[:, None]
    z = np.where(p.linear[:, None], found, np.log(np.maximum(found, 1e-3)))
    return np.asarray((z - p.season_ahead(values.shape[1])) / p.scale[:, None])


def _longer(prepared: Prepared, path: np.ndarray) -> Prepared:
    """The series with so many more values (n, steps), of which none counts."""
    (n, steps), ends = path.shape, prepared.starts[1:]
    z = np.insert(prepared.z, np.repeat(ends, steps), path.reshape(-1))
    starts = prepared.starts + steps * np.arange(n + 1)
    return replace(prepared, z=z, observed=np.zeros(len(z), bool), starts=starts)
