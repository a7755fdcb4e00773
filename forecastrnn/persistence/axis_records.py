"""The time axis of series in a model file: names, ids, their dtype, the clock with its frequency and time zone."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, timedelta, timezone, tzinfo
from functools import partial
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from pandas.tseries.frequencies import to_offset

from forecastrnn.data.frequency import PER_DAY
from forecastrnn.data.series_input import TimeAxis
from forecastrnn.data.time_index import Clock, to_index
from forecastrnn.exceptions import ModelFileError
from forecastrnn.persistence import codec
from forecastrnn.persistence.codec import Kind, Make, Part
from forecastrnn.persistence.labels import described
from forecastrnn.persistence.model_file import parse_header
from forecastrnn.persistence.utf8 import utf8

_PLAIN = {"object", "bool", "boolean", "str", "string", "float32", "float64", "Float32", "Float64"}
DTYPES = _PLAIN | {f"{sign}{bits}" for sign in ("int", "uint", "Int", "UInt") for bits in (8, 16, 32, 64)}
_ALIAS = re.compile(r"-?\d{0,9}[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8}){0,4}")
_ZONE = re.compile(r"[A-Za-z0-9_+\-]{1,32}(/[A-Za-z0-9_+\-]{1,32}){0,3}")
_PARTS = {"years", "months", "weeks", "days", "hours", "minutes", "seconds", "microseconds", "nanoseconds"}
_DAY = 86_400  # seconds
_MOST_DAYS = 2**20  # from 1970 to a holiday
_WEEK = re.compile(r"(?=.*1)[01]{7}|(?!$)(\b ?(Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b)+")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_FORMS = ("series", "dated", "wide", "long", "multi_series", "multi_frame", "array")
_BUSINESS = {
    "C": pd.offsets.CustomBusinessDay,
    "CBMS": pd.offsets.CustomBusinessMonthBegin,
    "CBME": pd.offsets.CustomBusinessMonthEnd,
    "bh": pd.offsets.BusinessHour,
    "cbh": pd.offsets.CustomBusinessHour,
}


# Labels: names and ids ------------------------------------------------------------------------------------
def encode_label(label: object) -> object:
    """A name or id as JSON: text, number, boolean, None, time, or a tuple of them."""
    if isinstance(label, np.generic) and not isinstance(label, np.datetime64):
        label = label.item()
    if isinstance(label, str):
        utf8(label, "the name")
    if label is None or isinstance(label, bool | str) or isinstance(label, int) and abs(label) < 2**64:
        return label
    if isinstance(label, float) and math.isfinite(label):
        return label
    if isinstance(label, pd.Timestamp) and label is not pd.NaT:
        return {"time": [int(label.asm8.astype(np.int64)), label.unit, _encode_zone(label.tzinfo)]}
    if isinstance(label, tuple):
        return {"tuple": [encode_label(part) for part in label]}
    raise TypeError(
        f"the name {label!r} ({type(label).__name__}) cannot be saved: names of series and columns must be texts, "
        "numbers, times or tuples of them. Rename it, for example with astype(str), and fit again."
    )


def decode_label(raw: object) -> object:
    """The label that `encode_label` was given."""
    if raw is None or isinstance(raw, bool | str | int | float):
        return raw
    if isinstance(raw, dict) and list(raw) == ["tuple"] and isinstance(raw["tuple"], list):
        return tuple(decode_label(part) for part in raw["tuple"])
    if isinstance(raw, dict) and list(raw) == ["time"] and isinstance(raw["time"], list) and len(raw["time"]) == 3:
        time = Part(dict(zip(("ordinal", "unit", "tz"), raw["time"], strict=True)), "the time in a name")
        clock = Clock("datetime", unit=UNIT.read(time, "unit"), tz=ZONE.read(time, "tz"))
        return _index_of(clock, np.array([codec.count(1 - 2**63).read(time, "ordinal")]))[0]
    raise ModelFileError(f"{str(raw)[:80]} is not the name of a series or a column")


def _split_ids(word: str, ids: tuple) -> tuple[str, list | np.ndarray]:
    """All texts, all int64, or each as JSON."""
    if all(type(label) is str for label in ids):
        return "text", list(ids)
    if all(type(label) is int and abs(label) < 2**63 for label in ids):
        return "int", np.array(ids, np.int64)
    return "json", [json.dumps(encode_label(label), allow_nan=False) for label in ids]


def _join_ids(word: str, kind: str, kept: list | np.ndarray) -> tuple:
    labels = tuple(kept.tolist() if isinstance(kept, np.ndarray) else kept)
    if kind == "json":
        labels = tuple(decode_label(parse_header(text.encode(), word)) for text in labels)
    if len(set(labels)) < len(labels):
        raise ModelFileError(f"{word}: a name is there twice")
    return labels


def ids(least: int | str = 0, most: int | str = codec.LARGEST - 1, tensors: str = "") -> Kind:
    """Many names, all different."""
    return described(("text", "int", "json"), (least, most), _split_ids, _join_ids, tensors)


LABEL = codec.entry(lambda part, word, raw: decode_label(raw), encode_label)


# Clocks ---------------------------------------------------------------------------------------------------
def _encode_zone(tz: tzinfo | None) -> object:
    """None, the name of a zone, or seconds from UTC."""
    if tz is None:
        return None
    name = getattr(tz, "key", None) or getattr(tz, "zone", None)
    if name is not None and _ZONE.fullmatch(name):
        return name
    if isinstance(tz, timezone):
        return tz.utcoffset(None).total_seconds()
    raise TypeError(f"the time zone {tz!r} cannot be saved: use one with a name (tz_convert), and fit again.")


def _decode_zone(raw: object) -> tzinfo | None:
    if raw is None:
        return None
    if isinstance(raw, float) and abs(raw) < _DAY:
        return timezone(timedelta(seconds=raw)) if raw else UTC
    if not isinstance(raw, str) or not _ZONE.fullmatch(raw):
        raise ModelFileError(f"{str(raw)[:80]} is not a time zone")
    try:
        ZoneInfo(raw)  # looks it up, and knows no other names
        return pd.Timestamp(0, tz=raw).tz  # pandas 2 has classes of its own
    except (OSError, ValueError, KeyError) as error:
        raise ModelFileError(f"the time zone {raw!r} is not known here; install tzdata.") from error


def _is_positive(value: object) -> bool:
    return type(value) is int and value > 0


def encode_freq(freq: pd.DateOffset | None) -> object:
    """None, pandas' name of an offset, its business days and hours, or how many times which parts of a date."""
    if freq is None:
        return None
    freq = to_offset(freq)  # a timedelta is one as well
    name = freq.freqstr
    if _ALIAS.fullmatch(name) and _same(to_offset(name), freq):
        return name
    kind = next((name for name, kind in _BUSINESS.items() if type(freq) is kind), None)
    if kind and not freq.offset and not freq.normalize:
        return {"times": freq.n, "business": kind} | _encode_business(freq)
    plain = {part: value for part, value in freq.kwds.items() if part in _PARTS and _is_positive(value)}
    if type(freq) is pd.DateOffset and plain == freq.kwds and pd.DateOffset(n=freq.n, **plain) == freq:
        return {"times": freq.n, "parts": plain}
    raise TypeError(
        f"the frequency {freq!r} cannot be saved: it has no name of its own. Fit on an index with another freq."
    )


def _same(one: pd.DateOffset, other: pd.DateOffset) -> bool:
    """Whether offsets are equal; pandas cannot compare those whose week is a list."""
    try:
        return bool(one == other)
    except TypeError:
        return False


def _encode_business(freq: pd.DateOffset) -> dict[str, object]:
    """The working week, the holidays as days since 1970, and the hours of a day, where an offset has them."""
    found = {}
    if freq.calendar is not None:
        week = freq.weekmask if isinstance(freq.weekmask, str) else ""
        week = week if _WEEK.fullmatch(week) else "".join("01"[int(works)] for works in freq.calendar.weekmask)
        found = {"week": week, "holidays": freq.calendar.holidays.astype(np.int64).tolist()}
    if hasattr(freq, "start"):
        found["hours"] = [[f"{time:%H:%M}" for time in span] for span in zip(freq.start, freq.end, strict=True)]
    return found


def _decode_business(part: Part, times: int) -> pd.DateOffset:
    kind = codec.choice(*_BUSINESS).read(part, "business")
    given: dict[str, object] = {}
    if kind != "bh":
        week, days = part.take("week", str), part.items("holidays", list)
        if not isinstance(week, str) or not _WEEK.fullmatch(week):
            part.refuse("week", "the seven days of a week, of which some are worked on")
        if not all(type(day) is int and abs(day) < _MOST_DAYS for day in days):
            part.refuse("holidays", "days since 1970")
        given = {"weekmask": week, "holidays": [np.datetime64(day, "D") for day in days]}
    if kind in ("bh", "cbh"):
        hours = part.items("hours", list)
        if not all(isinstance(h, list) and len(h) == 2 and all(map(_is_time, h)) for h in hours):
            part.refuse("hours", "pairs of times of a day")
        given |= {"start": [span[0] for span in hours], "end": [span[1] for span in hours]}
    return _BUSINESS[kind](n=times, **given)


def _is_time(text: object) -> bool:
    return isinstance(text, str) and _TIME.fullmatch(text) is not None


def decode_freq(raw: object) -> pd.DateOffset | None:
    """The frequency that `encode_freq` was given."""
    if raw is None:
        return None
    try:
        if isinstance(raw, str) and _ALIAS.fullmatch(raw):
            return to_offset(raw)
        part = Part(raw, "the frequency")
        times = codec.count(1, 2**31).read(part, "times")
        if "business" in part.raw:
            offset = _decode_business(part, times)
            part.close()
            return offset
        parts = part.take("parts", dict)
        part.close()
        if isinstance(parts, dict) and set(parts) <= _PARTS and all(map(_is_positive, parts.values())):
            return pd.DateOffset(n=times, **parts)
    except (ValueError, OverflowError, TypeError) as error:
        raise ModelFileError(f"pandas {pd.__version__} does not know the frequency {str(raw)[:80]}") from error
    raise ModelFileError(f"{str(raw)[:80]} is not a frequency")


def _make_clock(freq: pd.DateOffset | None, kind: str, tz: tzinfo | None, **others: Any) -> Clock:
    if (freq is None) != (kind == "integer") or freq is not None and freq.n < 1:
        raise ModelFileError(f"the clock has a wrong frequency: {str(freq)[:80]}")
    return Clock(freq=freq, kind=kind, tz=tz if kind == "datetime" else None, **others)


UNIT = codec.choice(*PER_DAY)
ZONE = codec.entry(lambda part, word, raw: _decode_zone(raw), _encode_zone)
CLOCK = codec.record(
    Clock,
    _make_clock,
    kind=codec.choice("datetime", "period", "integer"),
    step=codec.count(1),
    freq=codec.entry(lambda part, word, raw: decode_freq(raw), encode_freq),
    unit=UNIT,
    tz=ZONE,
)


def _index_of(clock: Clock, ordinals: np.ndarray) -> pd.Index:
    """Times, which pandas must be able to hold."""
    try:
        index = to_index(clock, ordinals)
        index.astype(str)
    except (ValueError, OverflowError, TypeError, AttributeError) as error:
        raise ModelFileError(f"a time cannot be read: {error}") from error
    if index.hasnans:
        raise ModelFileError("a time is missing")
    return index


# Dtypes of ids --------------------------------------------------------------------------------------------
def _name_dtype(dtype: np.dtype | pd.api.extensions.ExtensionDtype) -> object:
    if str(dtype) in DTYPES:
        return str(dtype)
    if isinstance(dtype, pd.DatetimeTZDtype):
        return {"unit": dtype.unit, "tz": _encode_zone(dtype.tz)}
    if dtype.kind == "M" and isinstance(dtype, np.dtype):
        return {"unit": np.datetime_data(dtype)[0], "tz": None}
    raise TypeError(f"ids of dtype {dtype} cannot be saved: convert them, for example with astype(str), and fit again.")


def _read_dtype(part: Part, word: str, raw: object) -> object:
    if isinstance(raw, str) and raw in DTYPES:
        return pd.api.types.pandas_dtype(raw)
    inner = Part(raw, "the dtype of the ids")
    unit, zone = UNIT.read(inner, "unit"), ZONE.read(inner, "tz")
    inner.close()
    return np.dtype(f"datetime64[{unit}]") if zone is None else pd.DatetimeTZDtype(unit, zone)


def _of_dtype(labels: tuple, of: object, ordered: bool | None = None) -> object:
    """Labels as an index of their dtype, or, where they have an order or none, as the dtype of such categories."""
    try:
        index = pd.Index(labels, dtype=of, tupleize_cols=False)
        return index if ordered is None else pd.CategoricalDtype(index, ordered)
    except (ValueError, TypeError, OverflowError) as error:
        raise ModelFileError(f"the ids are not of their dtype: {error}") from error


_DTYPE = codec.entry(_read_dtype, _name_dtype)
_CATEGORIES = codec.nested(
    codec.record(dict, _of_dtype, labels=ids(tensors="categories"), of=_DTYPE, ordered=codec.FLAG),
    "the dtype of the ids",
)


def _walk_id_dtype(part: Part, word: str, value: Any) -> Make:
    """By name; a categorical one with its categories."""
    is_categorical = isinstance(value, pd.CategoricalDtype)
    if part.values is None:
        is_categorical = isinstance(part.raw.get(word), dict) and "labels" in part.raw[word]
    elif is_categorical:
        labels = value.categories
        value = SimpleNamespace(labels=labels.tolist(), of=labels.dtype, ordered=bool(value.ordered))
    return (_CATEGORIES if is_categorical else codec.maybe(_DTYPE)).walk(part, word, value)


# The axis -------------------------------------------------------------------------------------------------
def _check_last(form: str, clock: Clock, last: np.ndarray) -> None:
    """Last times, from which forecasts go on: shared by columns, and on the grid of the frequency."""
    times = _index_of(clock, np.unique(last))
    if form in ("series", "dated", "array") and len(last) > 1 or form == "wide" and len(times) > 1:
        raise ModelFileError("the series do not end together")
    if isinstance(times, pd.DatetimeIndex) and not all(map(partial(_is_on, clock.freq), times.tz_localize(None))):
        raise ModelFileError("the last times do not belong to the frequency")


def _is_on(freq: pd.DateOffset, time: pd.Timestamp) -> bool:
    """Whether a frequency has a time; it may not be able to tell of years that Python's dates have not."""
    try:
        return bool(freq.is_on_offset(time))
    except (NotImplementedError, ValueError, OverflowError):
        return False


def _make_axis(**kept: Any) -> TimeAxis:
    """The axis, of parts that must fit together."""
    axis = TimeAxis(**kept)
    _check_last(axis.form, axis.clock, axis.last)
    if axis.form == "wide":
        levels = {len(name) if isinstance(name, tuple) else 1 for name in axis.ids}
        name = axis.id_name
        if not isinstance(name, tuple) or levels != {len(name)}:
            raise ModelFileError("the names of the columns do not fit the columns")
    if axis.late is not None and not ((axis.late >= 0) & (axis.late < PER_DAY[axis.clock.unit])).all():
        raise ModelFileError("clocks have moved the last times by more than a day")
    _of_dtype(axis.ids, axis.id_dtype)
    return axis


AXIS = codec.record(
    TimeAxis,
    _make_axis,
    form=codec.choice(*_FORMS),
    last=codec.array("<i8", "n_series"),
    ids=ids("n_series", "n_series"),
    id_dtype=Kind(_walk_id_dtype),
    clock=codec.nested(CLOCK, "the clock"),
    time_name=LABEL,
    id_name=LABEL,
    value_name=LABEL,
    late=codec.unless(None, codec.optional("has_late", codec.array("<i8", "n_series"))),
)
