"""Dates that are held as text or as objects become times, where all of them are dates in one way only."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import NoReturn

import pandas as pd

KINDS = "a DatetimeIndex, a PeriodIndex or a RangeIndex (integers with a constant step)"
_YEAR_FIRST = re.compile(r"\d{4}(\d{4})?([-/T ]|$)")
_YEAR = re.compile(r".*\d{4}")  # pandas reads "today" and "" as well
_DAY_FIRST = re.compile(r"\d{1,2}\.\d{1,2}\.\d")  # with dots nobody writes the month first
_MONTHS = ("%b %Y", "%B %Y", "%b-%Y", "%Y %b", "%m/%Y", "%YM%m")  # which pandas does not guess
# Quarters and weeks, as dates by which pandas knows them: the first day of each.
_PARTS = (
    (re.compile(r"(\d{4})[- ]?[Qq]([1-4])$"), lambda found: f"{found[1]}-{3 * int(found[2]) - 2}", "%Y-%m"),
    (re.compile(r"[Qq]([1-4])[- ]?(\d{4})$"), lambda found: f"{found[2]}-{3 * int(found[1]) - 2}", "%Y-%m"),
    (re.compile(r"(\d{4})-?W(\d\d)$"), lambda found: f"{found[1]}-{found[2]}-1", "%G-%V-%u"),
)


def read_dates(index: pd.Index, label: str) -> pd.Index:
    """Texts, dates and periods in an index of objects or categories as times; any other index as it is.

    Categories that are numbers are no times: they have no step.

    Raises TypeError for texts that are no dates, ValueError for those that are dates in two ways.
    """
    if isinstance(index.dtype, pd.ArrowDtype) and index.dtype.kind == "M":
        return pd.DatetimeIndex(index)
    if isinstance(index.dtype, pd.CategoricalDtype) and not pd.api.types.is_integer_dtype(index.categories.dtype):
        index = index.astype(index.categories.dtype)
    if not (pd.api.types.is_object_dtype(index.dtype) or pd.api.types.is_string_dtype(index.dtype)):
        return index
    kind = pd.api.types.infer_dtype(index, skipna=False)
    if kind == "string" and len(index):
        codes, texts = pd.factorize(index)  # in a panel most are there many times
        return _parse(pd.Index(texts, dtype=object), index, label).take(codes)
    if kind == "period":
        return pd.PeriodIndex(index)
    return _instants(index, label) if kind in ("date", "datetime", "datetime64") else index


def are_dates(column: pd.Series) -> bool:
    """Whether a column holds dates, of whatever type; numbers are none."""
    if isinstance(column.dtype, pd.PeriodDtype) or pd.api.types.is_datetime64_any_dtype(column.dtype):
        return True
    known = pd.Index(column.dropna())
    try:
        return isinstance(read_dates(known, ""), pd.DatetimeIndex | pd.PeriodIndex)
    except TypeError:
        return False
    except ValueError:
        return True  # in two ways


def _instants(index: pd.Index, label: str) -> pd.DatetimeIndex:
    try:
        return pd.DatetimeIndex(index)
    except ValueError as error:
        raise ValueError(
            f"{label} holds dates that are no times of one time zone, such as {index[0]!s} and {index[-1]!s}: convert "
            "them with pandas.to_datetime(..., utc=True), and then tz_convert to their time zone"
        ) from error


def _parse(texts: pd.Index, index: pd.Index, label: str) -> pd.DatetimeIndex:
    """The times that texts (n,), all different, stand for."""
    parts = next((part for part in _PARTS if part[0].match(texts[0])), None)
    if parts is not None:
        return _parse_parts(texts, index, label, *parts)
    formats = _formats(texts[0])
    found = [times for form in formats if (times := _times(texts, form)) is not None]
    if not found:
        _refuse_texts(texts, index, formats, label)
    one, other = found[0], found[-1]
    unlike = (one != other).argmax() if not one.equals(other) else -1
    if unlike >= 0:
        raise ValueError(
            f"{label} holds texts that may have the day or the month first: {texts[unlike]!r} is "
            f"{one[unlike]:%Y-%m-%d} or {other[unlike]:%Y-%m-%d}. Say which: pandas.to_datetime(..., dayfirst=True), "
            "or False"
        )
    return one


def _parse_parts(
    texts: pd.Index, index: pd.Index, label: str, pattern: re.Pattern, written: Callable[[re.Match], str], form: str
) -> pd.DatetimeIndex:
    """The first days of the quarters, or weeks, that texts (n,) name."""
    found = [pattern.match(text) for text in texts]
    times = pd.to_datetime(pd.Index([written(one) if one else None for one in found]), format=form, errors="coerce")
    if times.hasnans:
        _refuse(texts[int(times.isna().argmax())], index, label)
    return pd.DatetimeIndex(times)


def _formats(text: str) -> list[str]:
    """The ways in which a text may be a date, which all must share."""
    if _YEAR_FIRST.match(text):
        return ["ISO8601"]
    days_first = [True] if _DAY_FIRST.match(text) else [False, True]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that one of the two does not fit
        guesses = [pd.tseries.api.guess_datetime_format(text, dayfirst=first) for first in days_first]
    return [*dict.fromkeys(form for form in (*guesses, *_MONTHS) if form)]


def _times(texts: pd.Index, form: str, utc: bool = False) -> pd.DatetimeIndex | None:
    if not all(map(_pattern(form).match, texts)):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of several offsets, in older pandas: they are no index
        try:
            return pd.DatetimeIndex(pd.to_datetime(texts, format=form, utc=utc))
        except ValueError:
            return None


def _pattern(form: str) -> re.Pattern:
    return _YEAR_FIRST if form == "ISO8601" else _YEAR


def _refuse_texts(texts: pd.Index, index: pd.Index, formats: list[str], label: str) -> NoReturn:
    """Blame the first text that is no date, or the offsets that differ."""
    form = formats[0]
    if _times(texts, form, utc=True) is not None:
        raise ValueError(
            f"{label} holds times with several offsets from UTC, such as {texts[0]!r}: convert them with "
            "pandas.to_datetime(..., utc=True), and then tz_convert to their time zone"
        )
    good = pd.to_datetime(texts, format=form, errors="coerce", utc=True).notna()
    good &= [_pattern(form).match(text) is not None for text in texts]
    _refuse(texts[int((~good).argmax())], index, label)


def _refuse(text: str, index: pd.Index, label: str) -> NoReturn:
    row = int((index == text).argmax())
    raise TypeError(
        f"{label} must be an index of times: {KINDS}; got texts, of which {text!r} (row {row}) is no date"
        f"{' in the form of those before' if row else ''}. pandas.to_datetime(..., format=...) reads dates of any form"
    )
