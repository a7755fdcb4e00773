"""The calendar in a model file: the events that were asked for, and what networks read of dates."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from forecastrnn.data.calendar import CalendarColumns
from forecastrnn.data.calendar_features import CYCLES
from forecastrnn.data.special_days import SpecialDays
from forecastrnn.date_texts import read_dates
from forecastrnn.exceptions import ModelFileError
from forecastrnn.persistence import codec
from forecastrnn.persistence.axis_records import decode_label, encode_label

_WAVE = re.compile(rf"({'|'.join(CYCLES)})_(sin|cos)[1-9]")
_DAYS = (1 - 2**22, 2**22 - 1)  # from 1970


# Events, a frame ----------------------------------------------------------------------------------------------------
def encode_events(events: pd.DataFrame) -> dict[str, list]:
    """Its columns as labels; periods as texts."""
    times = read_dates(pd.Index(events["time"]), "the events of calendar")
    times = times.astype(str) if isinstance(times, pd.PeriodIndex) else times
    columns = {name: events[name].tolist() for name in events.columns} | {"time": times.tolist()}
    return {
        name: [encode_label(None if pd.isna(each) else each) for each in values] for name, values in columns.items()
    }


def decode_events(raw: Any) -> pd.DataFrame:
    """The frame that `encode_events` was given."""
    good = isinstance(raw, dict) and {"name", "time"} <= set(raw) <= {"name", "time", "series"}
    if not good or not all(isinstance(values, list) for values in raw.values()) or len(set(map(len, raw.values()))) > 1:
        raise ModelFileError("the events of calendar are no frame")
    return pd.DataFrame({name: [decode_label(each) for each in values] for name, values in raw.items()})


# Columns that networks read -----------------------------------------------------------------------------------------
def _read_texts(part: codec.Part, word: str, raw: Any) -> tuple[str, ...]:
    if not isinstance(raw, list) or not all(isinstance(each, str) for each in raw) or len(set(raw)) < len(raw):
        part.refuse(word, "a list of texts, all different")
    return tuple(raw)


def _read_waves(part: codec.Part, word: str, raw: Any) -> tuple[str, ...]:
    found = _read_texts(part, word, raw)
    return found if all(map(_WAVE.fullmatch, found)) else part.refuse(word, "sines and cosines of the calendar")


def _read_series(part: codec.Part, word: str, raw: Any) -> tuple:
    return tuple(map(decode_label, raw if isinstance(raw, list) else part.refuse(word, "a list")))


def _read_years(part: codec.Part, word: str, raw: Any) -> tuple[int, ...]:
    good = isinstance(raw, list) and all(type(year) is int and 1 <= year <= 9999 for year in raw)
    if not good or len(raw) not in (0, 2) or raw != sorted(raw):
        part.refuse(word, "a first and a last year, or none")
    return tuple(raw)


def _make_special(**kept: Any) -> SpecialDays:
    """Places by which days find their channels and series are within these."""
    found = SpecialDays(**kept)
    good = (found.channel < len(found.names)).all() and (found.owner < len(found.series)).all()
    if not found.names or not good:
        raise ModelFileError("the special days of the calendar do not fit together")
    return found


_SPECIAL = codec.record(
    SpecialDays,
    _make_special,
    names=codec.entry(_read_texts, list),
    days=codec.array("<i8", codec.Size("n_days"), within=_DAYS),
    channel=codec.array("<i8", "n_days", within=(0, codec.MOST)),
    owner=codec.array("<i8", "n_days", within=(-1, codec.MOST)),
    series=codec.entry(_read_series, lambda series: [*map(encode_label, series)]),
)
CALENDAR = codec.record(
    CalendarColumns,
    waves=codec.entry(_read_waves, list),
    special=codec.unless(None, codec.nested(_SPECIAL)),
    years=codec.entry(_read_years, list),
)
