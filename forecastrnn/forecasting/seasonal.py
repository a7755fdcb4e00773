"""Which seasonal figures are removed from series: that of the season, and a longer one where it is worth it.

The first has the period of the season. A second one of period k m, k = 2 .. 7 (the week of hourly data), is fitted to
what remains, and kept if it lowers the one-step error by 7%, and by 3% if it is one of seven: the week behind the day
is common, others are mostly chance. Of held-out ends of m4_hourly those of 41 series that have the week by that were
forecast better by 4%, those of series with two or three days, and with two years of m3_monthly, worse by 6 to 14%.
Where longer seasons were asked for, those are fitted one after the other instead, and each is kept if it lowers the
error at all, as the first is.
"""

from __future__ import annotations

import numpy as np

from forecastrnn.engine.cpu.seasonal import remove_best

LONGEST = 7  # seasons in the second period, at most
WORTH, WORTH_OF_WEEK = 0.93, 0.97  # error of the second figure over that without it, at most; of seven seasons
# Shortest and longest period in seasons, relative errors to stay below.
STAGES = ((1, 1, 1.0, 1.0), (2, LONGEST, WORTH, WORTH_OF_WEEK))


def stages_of(longer: tuple[int, ...]) -> tuple[tuple[int, int, float, float], ...]:
    """Stages where longer periods were asked for, in seasons; () : where one is looked for."""
    return (STAGES[0], *((k, k, 1.0, 1.0) for k in longer)) if longer else STAGES


def longest_multiple(n: int, season: int, longer: tuple[int, ...] = ()) -> int:
    """Seasons in the longest period that a series of n values can show: three times, and a season more."""
    most = (n - season) // (3 * season)
    return max([1, *(k for k in longer or range(2, LONGEST + 1) if k <= most)])


def remove_figures(
    values: np.ndarray, offsets: np.ndarray, season: int, removed: np.ndarray, after: np.ndarray, periods: np.ndarray,
    *, longer: tuple[int, ...] = (), steady: bool = False,
) -> None:  # fmt: skip
    """For each series: the figure to remove (total,), that after the end (n_series, room), its period.

    steady : the figure is that of a mean which stays.
    """
    removed[:], after[:], periods[:] = 0.0, 0.0, season
    if season < 2:
        return
    rest = values.copy()
    lines = tuple(np.empty((3, int(np.diff(offsets).max()))))
    tables = tuple(np.empty((3, after.shape[1])))
    for stage in stages_of(longer):
        remove_best(rest, offsets, season, (*stage, steady), (lines, tables), (removed, after, periods))
