"""What networks read of dates, from the times of steps: the text before `covariates` in a module with a calendar."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forecastrnn.data.calendar_features import CYCLE_PLACES
from forecastrnn.numpy_predictor.forecasts import WEIGHTS
from forecastrnn.numpy_predictor.runtime import Array

# What a module sets: columns of cycles, with the cycle, the wave and the number of its harmonic; and of special days,
# which are known from one day to before another.
WAVES: Sequence[tuple[str, str, str, int]] = ()
SPECIAL: Sequence[str] = ()
WITHIN: tuple[int, int] | None = None


# module: begin
def calendar_of(times: Array, place: int) -> dict[str, Array]:
    """The columns (t,) by name at times (t,) of the wall's clock, of a series with this place among those of fit."""
    found, days = {}, times.astype("datetime64[D]").astype(np.int64)
    for column, cycle, wave, k in WAVES:
        found[column] = (np.sin if wave == "sin" else np.cos)(k * (2.0 * np.pi * CYCLE_PLACES[cycle](times)))
    if WITHIN is not None and not ((days >= WITHIN[0]) & (days < WITHIN[1])).all():
        first, last = (np.datetime64(day, "D") for day in (WITHIN[0], WITHIN[1] - 1))
        wrong = times[(days < WITHIN[0]) | (days >= WITHIN[1])][0]
        raise ValueError(f"times: holidays are known from {first} to {last}, but not for {wrong}: fit on later values")
    for number, column in enumerate(SPECIAL):
        owner = WEIGHTS["calendar.owner"]
        own = (owner < 0) | (owner == WEIGHTS["calendar.places"][place])
        here = np.sort(WEIGHTS["calendar.days"][(WEIGHTS["calendar.channel"] == number) & own])
        found[column] = (np.searchsorted(here, days + 1) - np.searchsorted(here, days)).astype(float)
    return found
