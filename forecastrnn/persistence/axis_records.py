"""The time axis of series in a model file: names, ids, their dtype, the clock with its frequency and time zone."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from pandas.tseries.frequencies import to_offset

from forecastrnn.data.frequency import PER_DAY
from forecastrnn.data.series_input import TimeAxis
from forecastrnn.data.time_index import Clock, to_index
from forecastrnn.exceptions import ModelFileError
from forecastrnn.persistence.model_file import Tensor, parse_header
from forecastrnn.persistence.model_records import Fields, pack_texts, text_tensors, unpack_texts

Values = dict[str, np.ndarray]
FORMS = {"series", "wide", "long", "multi_series", "multi_frame", "array"}
_PLAIN = {"object", "bool", "boolean", "str", "string", "float32", "float64", "Float32", "Float64"}
DTYPES = _PLAIN | {f"{sign}{bits}" for sign in ("int", "uint", "Int", "UInt") for bits in (8, 16, 32, 64)}
_ALIAS = re.compile(r"-?\d{0,9}[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8}){0,4}")
_ZONE = re.compile(r"[A-Za-z0-9_+\-]{1,32}(/[A-Za-z0-9_+\-]{1,32}){0,3}")
_PARTS = {"years", "months", "weeks", "days", "hours", "minutes", "seconds", "microseconds", "nanoseconds"}
_DAY = 86_400  # seconds


# Labels: names and ids ------------------------------------------------------------------------------------
def encode_label(label: Any) -> Any:
    """A name or id as JSON: text, number, boolean, None, time, or a tuple of them."""
    if isinstance(label, np.generic) and not isinstance(label, np.datetime64):
        label = label.item()
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


def decode_label(raw: Any) -> Any:
    """The label that `encode_label` was given."""
    if raw is None or isinstance(raw, bool | str | int | float):
        return raw
    if isinstance(raw, dict) and list(raw) == ["tuple"] and isinstance(raw["tuple"], list):
        return tuple(decode_label(part) for part in raw["tuple"])
    if isinstance(raw, dict) and list(raw) == ["time"] and isinstance(raw["time"], list) and len(raw["time"]) == 3:
        ordinal, unit, zone = raw["time"]
        clock = Clock("datetime", unit=_check_unit(unit), tz=_decode_zone(zone))
        return _index_of(clock, np.array([_check_ordinal(ordinal)]))[0]
    raise ModelFileError(f"{str(raw)[:80]} is not the name of a series or a column")


def pack_labels(name: str, labels: Any) -> tuple[dict, Values]:
    """Many labels: all texts, all int64, or each as JSON."""
    if all(type(label) is str for label in labels):
        values, kind = pack_texts(name, list(labels)), "text"
    elif all(type(label) is int and abs(label) < 2**63 for label in labels):
        return {"kind": "int", "count": len(labels), "size": 0}, {f"{name}.numbers": np.array(labels, np.int64)}
    else:
        texts = [json.dumps(encode_label(label), allow_nan=False) for label in labels]
        values, kind = pack_texts(name, texts), "json"
    return {"kind": kind, "count": len(labels), "size": len(values[f"{name}.text"])}, values


def label_tensors(name: str, raw: Any) -> list[Tensor]:
    """The tensors of many labels."""
    described = Fields(raw, name, "kind count size")
    count, size = described.count("count"), described.count("size")
    if described.text("kind", {"text", "int", "json"}) == "int":
        return [Tensor(f"{name}.numbers", "<i8", (count,))]
    return text_tensors(name, count, size)


def unpack_labels(name: str, raw: Any, values: Values) -> tuple:
    """The labels that `pack_labels` was given, all different."""
    if raw["kind"] == "int":
        labels = tuple(values[f"{name}.numbers"].tolist())
    else:
        texts = unpack_texts(name, values)
        labels = tuple(
            texts if raw["kind"] == "text" else [decode_label(parse_header(t.encode(), name)) for t in texts]
        )
    if len(set(labels)) < len(labels):
        raise ModelFileError(f"{name}: a name is there twice")
    return labels


# Clocks ---------------------------------------------------------------------------------------------------
def _encode_zone(tz: Any) -> Any:
    """None, the name of a zone, or seconds from UTC."""
    if tz is None:
        return None
    name = getattr(tz, "key", None) or getattr(tz, "zone", None)
    if name is not None and _ZONE.fullmatch(name):
        return name
    if isinstance(tz, timezone):
        return tz.utcoffset(None).total_seconds()
    raise TypeError(f"the time zone {tz!r} cannot be saved: use one with a name (tz_convert), and fit again.")


def _decode_zone(raw: Any) -> Any:
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


def _check_unit(raw: Any) -> str:
    if not isinstance(raw, str) or raw not in PER_DAY:
        raise ModelFileError(f"{str(raw)[:80]} is not a unit of time")
    return raw


def _check_ordinal(raw: Any) -> int:
    if type(raw) is not int or abs(raw) >= 2**63:
        raise ModelFileError(f"{str(raw)[:80]} is not a time")
    return raw


def _is_positive(value: Any) -> bool:
    return type(value) is int and value > 0


def _encode_freq(freq: Any) -> Any:
    """None, pandas' name of an offset, or how many times which parts of a date."""
    if freq is None:
        return None
    name = freq.freqstr
    if _ALIAS.fullmatch(name) and to_offset(name) == freq:
        return name
    plain = {part: value for part, value in freq.kwds.items() if part in _PARTS and _is_positive(value)}
    if type(freq) is pd.DateOffset and plain == freq.kwds and pd.DateOffset(n=freq.n, **plain) == freq:
        return {"times": freq.n, "parts": plain}
    raise TypeError(
        f"the frequency {freq!r} cannot be saved: it has no name of its own. Fit on an index with another freq."
    )


def _decode_freq(raw: Any) -> Any:
    if raw is None:
        return None
    try:
        if isinstance(raw, str) and _ALIAS.fullmatch(raw):
            return to_offset(raw)
        described = Fields(raw, "the frequency", "times parts")
        parts = described["parts"]
        if isinstance(parts, dict) and set(parts) <= _PARTS and all(map(_is_positive, parts.values())):
            return pd.DateOffset(n=described.count("times", 1, 2**31), **parts)
    except (ValueError, OverflowError, TypeError) as error:
        raise ModelFileError(f"pandas {pd.__version__} does not know the frequency {str(raw)[:80]}") from error
    raise ModelFileError(f"{str(raw)[:80]} is not a frequency")


def _read_clock(raw: Any) -> Clock:
    clock = Fields(raw, "the clock", "kind step freq unit tz")
    kind = clock.text("kind", {"datetime", "period", "integer"})
    freq = _decode_freq(clock["freq"])
    if (freq is None) != (kind == "integer") or freq is not None and freq.n < 1:
        raise ModelFileError(f"the clock has a wrong frequency: {str(clock['freq'])[:80]}")
    zone = _decode_zone(clock["tz"]) if kind == "datetime" else None
    return Clock(kind, clock.count("step", 1), freq, _check_unit(clock["unit"]), zone)


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
def _pack_dtype(dtype: Any) -> tuple[Any, Values]:
    """The dtype of the ids by name; a categorical one with its categories."""
    if dtype is None:
        return None, {}
    if isinstance(dtype, pd.CategoricalDtype):
        labels, values = pack_labels("categories", dtype.categories.tolist())
        return {"labels": labels, "of": _name_dtype(dtype.categories.dtype), "ordered": bool(dtype.ordered)}, values
    return _name_dtype(dtype), {}


def _name_dtype(dtype: Any) -> Any:
    if str(dtype) in DTYPES:
        return str(dtype)
    if isinstance(dtype, pd.DatetimeTZDtype):
        return {"unit": dtype.unit, "tz": _encode_zone(dtype.tz)}
    if dtype.kind == "M" and isinstance(dtype, np.dtype):
        return {"unit": np.datetime_data(dtype)[0], "tz": None}
    raise TypeError(f"ids of dtype {dtype} cannot be saved: convert them, for example with astype(str), and fit again.")


def _read_dtype(raw: Any) -> Any:
    if isinstance(raw, str) and raw in DTYPES:
        return pd.api.types.pandas_dtype(raw)
    described = Fields(raw, "the dtype of the ids", "unit tz")
    unit, zone = _check_unit(described["unit"]), _decode_zone(described["tz"])
    return np.dtype(f"datetime64[{unit}]") if zone is None else pd.DatetimeTZDtype(unit, zone)


def _unpack_dtype(raw: Any, values: Values) -> Any:
    if raw is None:
        return None
    if not isinstance(raw, dict) or "labels" not in raw:
        return _read_dtype(raw)
    described = Fields(raw, "the dtype of the ids", "labels of ordered")
    labels = pd.Index(unpack_labels("categories", raw["labels"], values), dtype=_read_dtype(raw["of"]))
    return pd.CategoricalDtype(labels, described.flag("ordered"))


# The axis -------------------------------------------------------------------------------------------------
def pack_axis(axis: TimeAxis) -> tuple[dict, Values]:
    """The header's part, and the tensors."""
    clock = axis.clock
    ids, values = pack_labels("ids", axis.ids)
    dtype, more = _pack_dtype(axis.id_dtype)
    described = {
        "form": axis.form, "ids": ids, "id_dtype": dtype,
        "clock": {
            "kind": clock.kind, "step": int(clock.step), "freq": _encode_freq(clock.freq), "unit": clock.unit,
            "tz": _encode_zone(clock.tz),
        },
    }  # fmt: skip
    names = {name: encode_label(getattr(axis, name)) for name in ("time_name", "id_name", "value_name")}
    return described | names, {"last": axis.last} | values | more


def axis_tensors(raw: Any, n_series: int) -> list[Tensor]:
    """Names, dtypes and shapes of the tensors of an axis."""
    axis = Fields(raw, "the axis", "form ids id_dtype clock time_name id_name value_name")
    axis.text("form", FORMS)
    found = [Tensor("last", "<i8", (n_series,)), *label_tensors("ids", axis["ids"])]
    if axis["ids"]["count"] != n_series:
        raise ModelFileError(f"there are {axis['ids']['count']} ids for {n_series} series")
    dtype = axis["id_dtype"]
    categorical = isinstance(dtype, dict) and "labels" in dtype
    return found + (label_tensors("categories", dtype["labels"]) if categorical else [])


def _check_last(form: str, clock: Clock, last: np.ndarray) -> None:
    """Last times, from which forecasts go on: shared by columns, and on the grid of the frequency."""
    times = _index_of(clock, np.unique(last))
    if form in ("series", "array") and len(last) > 1 or form == "wide" and len(times) > 1:
        raise ModelFileError("the series do not end together")
    if isinstance(times, pd.DatetimeIndex):
        wall = times.tz_localize(None)
        if not all(clock.freq.is_on_offset(time) for time in wall):
            raise ModelFileError("the last times do not belong to the frequency")


def unpack_axis(raw: Any, values: Values) -> TimeAxis:
    """The axis that `pack_axis` was given."""
    clock = _read_clock(raw["clock"])
    _check_last(raw["form"], clock, values["last"])
    ids = unpack_labels("ids", raw["ids"], values)
    id_name = decode_label(raw["id_name"])
    if raw["form"] == "wide":
        levels = {len(name) if isinstance(name, tuple) else 1 for name in ids}
        if not isinstance(id_name, tuple) or not id_name or len(id_name) > 1 and levels != {len(id_name)}:
            raise ModelFileError("the names of the columns do not fit the columns")
    try:
        dtype = _unpack_dtype(raw["id_dtype"], values)
        pd.Index(ids, dtype=dtype, tupleize_cols=False)
    except (ValueError, TypeError, OverflowError) as error:
        raise ModelFileError(f"the ids are not of their dtype: {error}") from error
    time_name, value_name = decode_label(raw["time_name"]), decode_label(raw["value_name"])
    return TimeAxis(raw["form"], ids, clock, values["last"], time_name, id_name, value_name, dtype)
