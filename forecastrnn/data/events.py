"""Events: days of the user's own, of all series or of one."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd

from forecastrnn.data.calendar_features import local_times
from forecastrnn.data.special_days import SpecialDays, days
from forecastrnn.data.time_index import Clock, read_index
from forecastrnn.native_frames import as_pandas

_COLUMNS = ("name", "time", "series")


def event_days(events: Any, clock: Clock) -> SpecialDays:
    """The days of a frame with columns name, time and, if wanted, series; each name is a channel.

    Times with a zone are days of the zone of the clock.

    Raises
    ------
    TypeError
        If it is no frame, or only the times of one of both have a zone.
    ValueError
        If a column or a name is missing, or there is no row.
    """
    frame = _checked(events)
    names, channels = _numbered(frame["name"])
    index = pd.Index(frame["time"])
    ordinals, own = read_index(index, "column 'time' of the events of calendar")
    if own.kind == "integer":
        raise TypeError("column 'time' of the events of calendar must hold dates; got integers")
    wall = local_times(_in_zone_of(clock, own), ordinals)
    series, owner = ((), np.full(len(frame), -1)) if "series" not in frame.columns else _numbered(frame["series"])
    return SpecialDays(names=tuple(map(str, names)), days=days(wall), channel=channels, owner=owner, series=series)


def _checked(events: Any) -> pd.DataFrame:
    events = as_pandas(events, "the frame of events of calendar")[0]
    if not isinstance(events, pd.DataFrame):
        raise TypeError(
            f"the events of calendar must be a frame with columns name and time; got {type(events).__name__}"
        )
    lacking = [name for name in _COLUMNS[:2] if name not in events.columns]
    odd = [name for name in events.columns if name not in _COLUMNS]
    if lacking or odd:
        raise ValueError(
            f"the events of calendar must be a frame with the columns name, time and, for those of one series, series; "
            f"{f'it lacks {lacking[0]!r}' if lacking else f'it has {odd[0]!r}'}{_as_elsewhere(events)}"
        )
    if not len(events):
        raise ValueError("the events of calendar have no row; give None where there are none")
    unnamed = events["name"].isna().to_numpy()
    if unnamed.any():
        raise ValueError(f"the events of calendar: row {int(np.argmax(unnamed))} has no name")
    return events


def _as_elsewhere(events: pd.DataFrame) -> str:
    """What makes events of a frame of Prophet's holidays."""
    if not {"holiday", "ds"} <= set(events.columns):
        return ""
    return "; of a frame of Prophet: rename(columns={'holiday': 'name', 'ds': 'time'})[['name', 'time']]"


def _numbered(column: pd.Series) -> tuple[tuple[Hashable, ...], np.ndarray]:
    """The different values, and the place of each row's (n,); -1 where there is none."""
    codes, found = pd.factorize(pd.Index(column))
    return tuple(found.tolist()), codes.astype(np.int64)


def _in_zone_of(clock: Clock, own: Clock) -> Clock:
    """How times of events are read, whose days are those of the series' zone."""
    if own.kind == "period" or own.tz is None:
        return own
    if clock.tz is None:
        raise TypeError(
            f"the times of events of calendar are in {own.tz}, those of y have no time zone: use tz_localize(None)"
        )
    return Clock("datetime", unit=own.unit, tz=clock.tz)
