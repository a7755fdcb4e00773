"""Whether the times of series are regular, and what is said where they are not."""

from __future__ import annotations

from typing import NoReturn

import numpy as np
import pandas as pd

from forecastrnn.data.continuation import continue_times
from forecastrnn.data.frequency import is_business
from forecastrnn.data.gaps import are_date_numbers, infer_with_gaps, places_with_gaps
from forecastrnn.data.steps import Times, asked, infer
from forecastrnn.data.time_index import Clock
from forecastrnn.date_texts import KINDS
from forecastrnn.naming import counted


def find_step(
    times: Times, freq: object = None, usual: Clock | None = None, gaps: bool = False
) -> tuple[Clock, np.ndarray | None]:
    """The clock with its one step for all series, and, if rows are absent, the places (total,) of those that are there.

    freq : the step asked for; usual : that of series read before, which these have too if it fits; gaps : whether rows
    may be absent. Raises where there is no such step.
    """
    _check_order(times)
    if freq is not None:
        return _as_asked(times, asked(times.clock, freq, times.label), gaps)
    clock = times.clock
    if clock.step < 0 or (clock.freq is not None and clock.freq.n < 0):
        raise ValueError(f"{times.label} is unsorted: its step {clock.freqstr} goes back in time; give a step forward")
    if clock.kind == "datetime" and clock.freq is not None:
        return clock, None  # pandas has checked every time against it
    known = None
    if usual is not None and usual.kind == clock.kind == "datetime":
        known = asked(clock, usual.freq, times.label)
    if known is not None and times.follow(known):
        return known, None
    found = infer(times)
    if found is not None:
        return found, None
    if known is None or not times.places(known)[1].all():
        known = infer_with_gaps(times)
    if not gaps or known is None:
        _raise_irregular(times, known)
    return known, places_with_gaps(times, known)


def _as_asked(times: Times, clock: Clock, gaps: bool) -> tuple[Clock, np.ndarray | None]:
    if times.follow(clock):
        return clock, None
    places, on = times.places(clock)
    if not gaps or not on.all():
        _raise_absent(times, clock)
    return clock, places


def _check_order(times: Times) -> None:
    ordinals, label, describe = times.ordinals, times.label, times.clock.describe
    wrong = (ordinals[1:] <= ordinals[:-1]) & times.inside
    if not wrong.any():
        return
    row = int(np.argmax(wrong)) + 1
    series = times.series_of(row)
    own = ordinals[times.offsets[series] : times.offsets[series + 1]]
    repeated = pd.Index(own).duplicated()
    if repeated.any():
        first = describe(own[np.argmax(repeated)])
        raise ValueError(
            f"{label} has duplicate times: series {times.ids[series]!r} has {first} more than once "
            f"({counted(int(repeated.sum()), 'duplicate row')}); keep one row for each time"
            f"{_of_clock(times.clock, own)}"
        )
    raise ValueError(
        f"{label} is unsorted: in series {times.ids[series]!r}, {describe(ordinals[row])} comes after "
        f"{describe(ordinals[row - 1])}; times must increase, so call sort_index or sort_values first"
    )


def _of_clock(clock: Clock, own: np.ndarray) -> str:
    """What else to do where hours, or parts of one, may be those of a clock that was put back."""
    steps = np.diff(np.unique(own))
    if clock.kind != "datetime" or clock.tz is not None or not len(steps) or np.median(steps) > _hour(clock):
        return ""
    return "; if the clock was put back then, say of which zone it is: tz_localize(zone, ambiguous='infer')"


def _hour(clock: Clock) -> int:
    """Ordinals of a clock of dates that an hour has."""
    return int(pd.Timedelta("1h") // pd.Timedelta(1, unit=clock.unit))


def _raise_absent(times: Times, clock: Clock) -> NoReturn:
    """Say which row a frequency wants, or which it has no place for."""
    steps, on = times.places(clock)
    if not on.all():
        row = int(np.argmin(on))
        raise ValueError(
            f"{times.label}: freq={clock.freqstr} has no {clock.describe(times.ordinals[row])}, which is a time of "
            f"series {times.ids[times.series_of(row)]!r}; drop such rows, or give the freq that they have"
        )
    absent = np.where(times.inside, np.diff(steps) - 1, 0)
    row = int(np.argmax(absent > 0))
    series = len(np.unique(np.searchsorted(times.offsets, np.flatnonzero(absent), side="right")))
    next_one = continue_times(clock, times.ordinals[row : row + 1], np.array([1]))[0]
    count, name = int(absent.sum()), times.ids[times.series_of(row)]
    rows = "a row" if count == 1 else "rows"
    raise ValueError(
        f"{times.label} lacks {rows} of freq={clock.freqstr}: series {name!r} has none at {next_one}"
        f"{_more(count, series)}{_what_to_do(clock, count)}"
    )


def _more(absent: int, series: int) -> str:
    """What else is absent beside the row that was named."""
    return "" if absent == 1 else f", and {absent:,} are absent in {series:,} series"


def _what_to_do(clock: Clock, absent: int) -> str:
    by = f"asfreq({clock.freqstr!r})" if clock.kind == "datetime" and " " not in clock.freqstr else "reindex"
    it, a_gap, a_zero = ("it", "it be a gap", "zero") if absent == 1 else ("them", "them be gaps", "zeros")
    said = f": add {it} ({by}), or let {a_gap} with missing='mask', {a_zero} with 'zero'"
    if not is_business(clock.freq):
        return said
    return f"{said}; if they are holidays, give freq=pandas.offsets.CustomBusinessDay(weekmask=..., holidays=[...])"


def _raise_irregular(times: Times, likely: Clock | None) -> NoReturn:
    """Blame the first series that does not fit those before it; `likely`: the step, if rows are absent."""
    if not times.inside.any():
        raise ValueError(
            f"{times.label} has no freq, and no series is long enough to tell it: there must be at least 2 "
            f"observations, got {int(np.diff(times.offsets).max(initial=0))}; give freq="
        )
    # A step that fits the first k series fits fewer too: the first misfit is found by halving.
    offsets, ids, describe = times.offsets, times.ids, times.clock.describe
    low, high = 0, len(offsets) - 2
    while low < high:
        middle = (low + high) // 2
        some = times.until(0, middle)
        fits = infer(some) is not None or not some.inside.any()
        low, high = (middle + 1, high) if fits else (low, middle)
    own = infer(times.until(low, low))
    if low > 0 and (own is not None or offsets[low + 1] - offsets[low] == 1):
        before = infer(times.until(0, low - 1))
        freq, first_freq = (found.freqstr if found else "unknown" for found in (own, before))
        raise ValueError(
            f"{times.label} must have one freq for all series: series {ids[low]!r} has freq {freq} from "
            f"{describe(times.ordinals[offsets[low]])}, series {ids[0]!r} has freq {first_freq} from "
            f"{describe(times.ordinals[0])}; resample to one freq, or forecast them apart"
        )
    _raise_gap(times, low, likely)


def _raise_gap(times: Times, series: int, likely: Clock | None) -> NoReturn:
    own = times.until(series, series).ordinals
    steps, clock = np.diff(own), times.clock
    short, long = int(np.argmin(steps)), int(np.argmax(steps))

    def say(at: int) -> str:
        size = pd.Timedelta(int(steps[at]), unit=clock.unit) if clock.kind == "datetime" else steps[at]
        return f"{size} (after {clock.describe(own[at])})"

    if likely is None:
        what = (
            f"It must be {KINDS} without gaps: add the missing rows (asfreq or reindex), or give freq= (trading days: "
            "freq=pandas.offsets.CustomBusinessDay(holidays=[...]))"
        )
        if clock.kind == "integer" and are_date_numbers(own):
            what += (
                f"; if {own[0]} is a date, convert it first, with pandas.to_datetime(..., format='%Y%m%d' or '%Y%m')"
            )
    else:
        count = int((np.diff(times.places(likely)[0]) - 1)[times.inside].sum())
        absent = f"{counted(count, 'row')} {'is' if count == 1 else 'are'} absent"
        what = f"It would be {KINDS} with steps of {likely.freqstr}, but {absent}"
        what += _what_to_do(likely, count)
        if clock.tz is None and likely.tick and int(steps[long]) - likely.tick == _hour(clock):
            what += "; if the clock was put forward then, say of which zone it is: tz_localize(zone)"
    raise ValueError(
        f"{times.label} has no constant step: in series {times.ids[series]!r} the steps go from {say(short)} to "
        f"{say(long)}. {what}"
    )
