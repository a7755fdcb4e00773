"""Tables from files: ids are texts as they stand there, times are read."""

from __future__ import annotations

import gzip
import io
import re
import sys
from argparse import Namespace
from collections.abc import Iterable

import numpy as np
import pandas as pd

from forecastrnn.cli.failures import DASH, USAGE, Failure, of_file
from forecastrnn.cli.paths import ending_of
from forecastrnn.data.grid import time_errors
from forecastrnn.date_texts import read_dates
from forecastrnn.naming import counted

MISSING = ["", "NA", "N/A", "#N/A", "n/a", "<NA>", "NaN", "nan", "-nan", "NULL", "null", "None"]
_DATE = re.compile(r"(\d{4}-\d\d-\d\d|\d\d?[./]\d\d?[./]\d{2,4})([ T]\d.*)?$")
_NAMELESS = re.compile(r"Unnamed: \d+$")  # as pandas calls a column without a name
_OFFSET = r"\d(?:Z|[+-]\d\d:?\d\d)$"  # behind a time, its distance from UTC


def read_table(
    path: str, args: Namespace, *, time_col: str, id_col: str | None = None, numbers: Iterable[str] = ()
) -> pd.DataFrame:
    """A table whose column `id_col` holds texts, if it has one; the columns `numbers` may hold nothing but these."""
    ending = ending_of(path)
    with of_file(path):
        if ending == ".parquet":
            return pd.read_parquet(path)
        if ending == ".feather":
            return pd.read_feather(path)
        frame = _read_text(_bytes_of(path), args, "\t" if ending == ".tsv" else ",", id_col)
        for name in numbers:
            if name in frame:
                check_numbers(frame[name])
        return with_times(frame, time_col, args) if time_col in frame else frame


def _read_text(raw: bytes, args: Namespace, sep: str, id_col: str | None) -> pd.DataFrame:
    options = {"sep": args.sep or sep, "decimal": args.decimal, "encoding": "utf-8-sig", "keep_default_na": False}
    try:
        header = pd.read_csv(io.BytesIO(raw), nrows=0, **options).columns
        if len(header) == 1 and not args.sep:
            raise ValueError(
                f"there is one column, {header[0]!r}: say what parts columns, as in --sep ';', or add one of times"
            )
        _check_names(header)
        missing = {name: MISSING for name in header if name != id_col}  # an id may be "NA"
        text = {id_col: str} if id_col in header else {}
        return _named(pd.read_csv(io.BytesIO(raw), dtype=text, na_values=missing, **options))
    except pd.errors.EmptyDataError:
        raise ValueError("there is nothing in it") from None
    except pd.errors.ParserError as error:
        raise ValueError(_of_parser(str(error))) from None
    except UnicodeDecodeError as error:
        raise ValueError(f"no text in UTF-8 (byte {error.start}); save it as such") from None


def _check_names(header: pd.Index) -> None:
    """Refuse a first line of values, which would be lost."""
    dates = [name for name in header if _DATE.match(name)]
    if dates:
        raise ValueError(f"line 1 holds values, such as {dates[0]!r}: put a line with names of the columns above it")


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    """Without what programs leave in a table: the numbers of its rows, and the nothing behind a last separator."""
    if not isinstance(frame.index, pd.RangeIndex):  # of the values that stand before the others
        raise ValueError("its lines have more values than line 1 has names: give each column one")
    nameless = [name for name in frame.columns if _NAMELESS.match(name)]
    empty = [name for name in nameless if frame[name].isin(["", *MISSING]).all() or frame[name].isna().all()]
    counts = [name for name in nameless[:1] if name == frame.columns[0] and frame[name].equals(pd.Series(frame.index))]
    return frame.drop(columns=empty or counts)


def _of_parser(said: str) -> str:
    """What is wrong with the lines of a table."""
    wide = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", said)
    quote = re.search(r"starting at row (\d+)", said)
    if wide:
        return (
            f"line {wide[2]} has {wide[3]} values, those before have {wide[1]}: put texts that hold what parts columns "
            "into quotes, or say what does, as in --sep ';'"
        )
    if quote:
        return f"line {int(quote[1]) + 1}: the quote that begins there has no end"
    return "its lines are no table: each needs as many values as there are columns"


def _bytes_of(path: str) -> bytes:
    if path == DASH:
        return sys.stdin.buffer.read()
    with open(path, "rb") as file:
        raw = file.read()
    try:
        return gzip.decompress(raw) if path.endswith(".gz") else raw
    except (gzip.BadGzipFile, EOFError) as error:
        raise ValueError(f"no whole gzip file: {error}") from None


def check_numbers(column: pd.Series) -> None:
    """Blame the first line with a text for a number."""
    if pd.api.types.is_numeric_dtype(column) or not len(column):
        return
    bad = (pd.to_numeric(column, errors="coerce").isna() & column.notna()).to_numpy()
    row = int(bad.argmax())
    if bad[row]:
        raise ValueError(
            f"line {row + 2}: column {column.name!r} holds {column.iloc[row]!r}, which is no number "
            f"({counted(int(bad.sum()), 'such value')}); --decimal says what is before decimals"
        )


def with_times(frame: pd.DataFrame, name: str, args: Namespace) -> pd.DataFrame:
    """The same frame with the texts of a column as times, of the form and in the zone that were given."""
    column, form, zone = frame[name], args.date_format, args.tz
    if pd.api.types.is_numeric_dtype(column) and not form:
        return frame  # a count of steps, or years
    try:
        if form:
            times = _of_form(column, form)
        elif zone and column.astype(str).str.contains(_OFFSET).any():
            times = pd.DatetimeIndex(pd.to_datetime(column, utc=True))
        else:
            times = pd.DatetimeIndex(read_dates(pd.Index(column), f"column {name!r}"))
    except (ValueError, TypeError) as error:
        said = re.sub(r"\(row (\d+)\)", lambda found: f"(line {int(found[1]) + 2})", str(error))
        raise ValueError(f"{'' if 'column' in said else f'column {name!r}: '}{said}") from None
    return frame.assign(**{name: _in_zone(times, zone, str(name)) if zone else times})


def with_dates(frame: pd.DataFrame, args: Namespace) -> pd.DataFrame:
    """The same frame with the first column whose values all have the form that was given as times."""
    if not args.date_format or not len(frame):
        return frame
    name = next((name for name in frame.columns if not _in_form(frame[name], args.date_format).isna().any()), None)
    return frame if name is None else with_times(frame, name, args)


def _of_form(column: pd.Series, form: str) -> pd.DatetimeIndex:
    """Times of a form that was given; the first that is none of it is blamed."""
    times = _in_form(column, form)
    bad = (times.isna() & column.notna()).to_numpy()
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(
            f"column {column.name!r} holds {str(column.iloc[row])!r} (line {row + 2}), which has not the form {form} "
            "(--date-format)"
        )
    return pd.DatetimeIndex(times)


def _in_form(column: pd.Series, form: str) -> pd.Series:
    """Times of a form, NaT where there is none; a Failure for a form that is none."""
    try:
        return pd.to_datetime(column, format=form, utc="%z" in form, errors="coerce")
    except ValueError as error:
        raise Failure(USAGE, f"--date-format {form}: {error}") from error


def _in_zone(times: pd.DatetimeIndex, zone: str, name: str) -> pd.DatetimeIndex:
    """Times as the clocks of a zone show them; each must be there, and once."""
    try:
        pd.Timestamp(0, tz=zone)
    except Exception:  # pandas, zoneinfo and pytz each have an error of their own
        raise Failure(USAGE, f"--tz {zone} is no time zone; it has a name such as Europe/Paris") from None
    if times.tz is not None:
        return times.tz_convert(zone)
    if (times == times.normalize()).all():  # days, some of which may have no midnight
        return times.tz_localize(zone, ambiguous=np.ones(len(times), bool), nonexistent="shift_forward")
    try:
        return times.tz_localize(zone, ambiguous="infer")
    except time_errors():
        found = times.tz_localize(zone, ambiguous=np.ones(len(times), bool), nonexistent="NaT")
        away = times[found.isna() & times.notna()]
        what = f"has no {away[0]}" if len(away) else "has an hour twice, and the rows do not say which is which"
        raise ValueError(
            f"column {name!r}: the clock of {zone} {what}. Write times with their distance from UTC, such as "
            "2024-10-27T02:00+01:00"
        ) from None
