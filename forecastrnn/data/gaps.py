"""Times with rows left out: the step that most of them have, and the places of those that are there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from forecastrnn.data.continuation import ordinals_behind
from forecastrnn.data.frequency import PER_DAY, infer_offset, working_days, working_week
from forecastrnn.data.steps import Times, infer
from forecastrnn.data.time_index import Clock

_TOO_MANY = 2**27  # rows, of which a hundredth are there: then the step is a slip, such as a second among days
_TELLING = 4  # rows of one series that show a step of its own


def infer_with_gaps(times: Times) -> Clock | None:
    """The clock with the commonest step, if every time is a whole number of such steps behind another; or None."""
    steps = np.diff(times.ordinals)[times.inside]
    if not len(steps) or times.clock.kind == "integer" and are_date_numbers(times.ordinals):
        return None
    found = _candidates(times) if times.clock.kind == "datetime" else [replace(times.clock, step=_commonest(steps))]
    return next((clock for clock in found if times.places(clock)[1].all()), None)


def places_with_gaps(times: Times, clock: Clock) -> np.ndarray:
    """Steps (total,) of each time behind the first of its series; a ValueError if a clock cannot be that of all."""
    places, offsets = times.places(clock)[0], times.offsets
    steps = np.where(times.inside, np.diff(places), np.iinfo(np.int64).max)
    coarse = np.minimum.reduceat(np.append(steps, np.iinfo(np.int64).max), offsets[:-1]) > 1
    for series in np.flatnonzero(coarse & (np.diff(offsets) >= _TELLING)).tolist():
        own = infer(times.until(series, series))
        if own is not None:
            raise ValueError(
                f"{times.label} must have one freq for all series: series {times.ids[series]!r} has freq "
                f"{own.freqstr}, most others {clock.freqstr}; resample to one freq, forecast them apart, or say with "
                f"freq={clock.freqstr!r} that its other rows are absent"
            )
    size = int((places[offsets[1:] - 1] + 1).sum())
    if size > _TOO_MANY and size > 100 * len(places):
        raise ValueError(
            f"{times.label}: steps of {clock.freqstr} would be {size} rows, of which {len(places)} are there; drop "
            "times that lie far from the others, or give a longer freq="
        )
    return places


def targets(places: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where rows (total,) come to lie when the absent ones are among them, and the offsets of the series then."""
    ends = np.concatenate([[0], np.cumsum(places[offsets[1:] - 1] + 1)])
    return ends[:-1].repeat(np.diff(offsets)) + places, ends


def filled(times: Times, clock: Clock, rows: np.ndarray, total: int) -> np.ndarray:
    """Ordinals (total,) of all rows: of those that are there, at `rows`, and of the absent ones behind them."""
    before = np.zeros(total, np.int64)
    before[rows] = np.arange(len(rows))
    before = np.maximum.accumulate(before)
    found, steps = times.ordinals[before], np.arange(total) - rows[before]
    absent = np.flatnonzero(steps)
    if len(absent):
        found[absent] = ordinals_behind(clock, times.unmoved[before[absent]], found[absent], steps[absent])
    return found


def are_date_numbers(numbers: np.ndarray) -> bool:
    """Whether integers are dates such as 20240131 or 202401, whose steps are none of their numbers."""
    for scale in (1, 100):
        years, months, days = numbers * scale // 10_000, numbers * scale // 100 % 100, numbers * scale % 100
        is_year = (years >= 1800) & (years < 2200)
        if (is_year & (months >= 1) & (months <= 12) & (days <= 31)).all() and ((days > 0).all() or scale == 100):
            return True
    return False


def _commonest(steps: np.ndarray) -> int:
    """The step that is there most often, of several the smallest."""
    found, counts = np.unique(steps, return_counts=True)
    return int(found[np.argmax(counts)])


def _candidates(times: Times) -> Iterator[Clock]:
    """Clocks of the commonest step in months, in local time, and in duration."""
    clock, wall = times.clock, times.unmoved
    months = wall.astype(f"datetime64[{clock.unit}]").astype("datetime64[M]").astype(np.int64)
    for numbers in (months, wall, times.ordinals):
        steps = np.diff(numbers)
        common = _commonest(steps[times.inside])
        if common == 0:
            continue
        like = times.inside & (steps == common)
        freq = infer_offset(np.diff(times.ordinals)[like], wall, like, clock.unit)
        if isinstance(freq, pd.offsets.Day):
            week = working_days(wall // PER_DAY[clock.unit], times.inside)
            freq = freq if week.all() else working_week(week)
        if freq is not None:
            yield replace(clock, freq=freq)
