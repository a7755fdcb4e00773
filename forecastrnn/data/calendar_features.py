"""Cycles of the calendar as sines and cosines: the time of day, the weekday, the day of the year."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from forecastrnn.data.continuation import pace_of
from forecastrnn.data.time_index import Clock, to_index, wall_of

_HALF_MORE = 1.5  # a cycle of fewer steps than this is none
_SAME = 0.02  # cycles that differ by less are one: 52 weeks are a year


@dataclass(frozen=True)
class Cycle:
    """A cycle of so many days, of which networks read `pairs` harmonics."""

    days: float
    pairs: int


def within(wall: np.ndarray, unit: str) -> np.ndarray:
    """Share of an hour, day, month or year that has gone by at local times."""
    begin, one = wall.astype(f"datetime64[{unit}]"), np.array(1, f"timedelta64[{unit}]")
    first, following = (each.astype(wall.dtype) for each in (begin, begin + one))
    return (wall - first) / (following - first)


def day_within(wall: np.ndarray, unit: str) -> np.ndarray:
    """The same of whole days: it does not change within one."""
    return within(wall.astype("datetime64[D]"), unit)


CYCLE_PLACES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "minute": lambda wall: within(wall, "h"),
    "hour": lambda wall: within(wall, "D"),
    "weekday": lambda wall: (wall.astype("datetime64[D]").astype(np.int64) + 3) % 7 / 7,
    "day_of_month": lambda wall: day_within(wall, "M"),
    "month": lambda wall: wall.astype("datetime64[M]").astype(np.int64) % 12 / 12,
    "day_of_year": lambda wall: day_within(wall, "Y"),
}  # where in its cycle a local time is, in [0, 1)
# Pairs: three are all that seven weekdays can differ by; two, as those of a season, where a cycle is smooth.
CYCLES: dict[str, Cycle] = {
    "minute": Cycle(1 / 24, 2),
    "hour": Cycle(1.0, 2),
    "weekday": Cycle(7.0, 3),
    "day_of_month": Cycle(30.436875, 2),
    "month": Cycle(365.2425, 2),
    "day_of_year": Cycle(365.2425, 2),
}
AUTO = ("minute", "hour", "weekday", "day_of_year")  # a month is a habit of accounts, of few series


def local_times(clock: Clock, ordinals: np.ndarray) -> np.ndarray:
    """Times (n,) datetime64 on the clock of the wall; of a period its begin."""
    if clock.kind == "period":
        return to_index(clock, ordinals).to_timestamp().to_numpy()
    return wall_of(ordinals, clock).astype(f"datetime64[{clock.unit}]")


def choose_cycles(clock: Clock, longest: int, seasons: Sequence[int]) -> tuple[str, ...]:
    """Cycles that are longer than a step, shorter than half of `longest` steps, and none of the seasons (steps).

    Examples
    --------
    >>> from forecastrnn.data.frequency import to_offset
    >>> choose_cycles(Clock("datetime", freq=to_offset("h")), 24 * 30, [24])
    ('weekday',)
    """
    pace = pace_of(clock)
    return tuple(
        name
        for name in AUTO
        if _HALF_MORE * pace < CYCLES[name].days < longest * pace / 2
        and all(abs(CYCLES[name].days / (season * pace) - 1) > _SAME for season in seasons)
    )


def waves_of(names: Sequence[str], clock: Clock) -> list[str]:
    """Columns of cycles: "weekday_sin1" is the first sine; no more than the steps of a cycle can tell apart."""
    pace = pace_of(clock)
    return [
        f"{name}_{wave}{k}"
        for name in names
        for k in range(1, 1 + min(CYCLES[name].pairs, int(CYCLES[name].days / pace / 2 + _SAME)))
        for wave in ("sin", "cos")
    ]


def wave_values(columns: Sequence[str], wall: np.ndarray) -> np.ndarray:
    """Those columns (n, k) at local times (n,)."""
    out = np.empty((len(wall), len(columns)))
    angles: dict[str, np.ndarray] = {}
    for at, column in enumerate(columns):
        name, wave, k = split_wave(column)
        if name not in angles:
            angles[name] = 2.0 * np.pi * CYCLE_PLACES[name](wall)
        out[:, at] = (np.sin if wave == "sin" else np.cos)(k * angles[name])
    return out


def split_wave(column: str) -> tuple[str, str, int]:
    """The cycle, "sin" or "cos", and the number of the harmonic."""
    name, _, wave = column.rpartition("_")
    return name, wave[:3], int(wave[3:])


def check_names(features: object, clock: Clock) -> tuple[str, ...]:
    """Names of cycles that were asked for; a ValueError or TypeError for one that there is not, or that says nothing.

    Raises
    ------
    TypeError, ValueError
        For something other than a list of names, or names of other things.
    """
    if not isinstance(features, list | tuple) or not all(isinstance(name, str) for name in features):
        raise TypeError(
            f"calendar: features must be 'auto' or a list of {', '.join(map(repr, CYCLES))}; got {features!r}"
        )
    for name in features:
        if name not in CYCLES:
            raise ValueError(f"calendar: {name!r} is no feature; there are {', '.join(map(repr, CYCLES))}")
        if CYCLES[name].days < _HALF_MORE * pace_of(clock):
            raise ValueError(
                f"calendar: {name!r} says nothing of series with steps of {clock.freqstr}, which all have the same; "
                "leave it out"
            )
    return tuple(dict.fromkeys(features))
