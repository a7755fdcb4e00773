"""Tables from files: ids are texts as they stand there, times are read."""

from __future__ import annotations

import gzip
import io
import re
import sys
from argparse import Namespace
from collections.abc import Iterable

import pandas as pd

from forecastrnn.cli.failures import DASH, of_file
from forecastrnn.cli.paths import ending_of
from forecastrnn.data.date_texts import read_dates

MISSING = ["", "NA", "N/A", "#N/A", "n/a", "<NA>", "NaN", "nan", "-nan", "NULL", "null", "None"]
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
                _check_numbers(frame[name])
        return with_times(frame, time_col, args) if time_col in frame else frame


def _read_text(raw: bytes, args: Namespace, sep: str, id_col: str | None) -> pd.DataFrame:
    options = {"sep": args.sep or sep, "decimal": args.decimal, "encoding": "utf-8-sig", "keep_default_na": False}
    try:
        header = pd.read_csv(io.BytesIO(raw), nrows=0, **options).columns
        if len(header) == 1 and not args.sep:
            raise ValueError(f"there is one column, {header[0]!r}: say what parts columns, as in --sep ';'")
        missing = {name: MISSING for name in header if name != id_col}  # an id may be "NA"
        text = {id_col: str} if id_col in header else {}
        return pd.read_csv(io.BytesIO(raw), dtype=text, na_values=missing, **options)
    except pd.errors.EmptyDataError:
        raise ValueError("there is nothing in it") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"no text in UTF-8 (byte {error.start}); save it as such") from None


def _bytes_of(path: str) -> bytes:
    if path == DASH:
        return sys.stdin.buffer.read()
    with open(path, "rb") as file:
        raw = file.read()
    try:
        return gzip.decompress(raw) if path.endswith(".gz") else raw
    except (gzip.BadGzipFile, EOFError) as error:
        raise ValueError(f"no whole gzip file: {error}") from None


def _check_numbers(column: pd.Series) -> None:
    """Blame the first line with a text for a number."""
    if pd.api.types.is_numeric_dtype(column):
        return
    bad = (pd.to_numeric(column, errors="coerce").isna() & column.notna()).to_numpy()
    row = int(bad.argmax())
    if bad[row]:
        raise ValueError(
            f"line {row + 2}: column {column.name!r} holds {column.iloc[row]!r}, which is no number ({int(bad.sum())} "
            "such values); --decimal says what is before decimals"
        )


def with_times(frame: pd.DataFrame, name: str, args: Namespace) -> pd.DataFrame:
    """The same frame with the texts of a column as times, of the form and in the zone that were given."""
    column, form, zone = frame[name], args.date_format, args.tz
    if pd.api.types.is_numeric_dtype(column) and not form:
        return frame  # a count of steps, or years
    try:
        if form or zone and column.astype(str).str.contains(_OFFSET).any():
            times = pd.DatetimeIndex(pd.to_datetime(column, format=form, utc=form is None or "%z" in form))
        else:
            times = pd.DatetimeIndex(read_dates(pd.Index(column), f"column {name!r}"))
        if zone:
            times = times.tz_localize(zone, ambiguous="infer") if times.tz is None else times.tz_convert(zone)
    except (ValueError, TypeError, KeyError) as error:
        said = re.sub(r"\(row (\d+)\)", lambda found: f"(line {int(found[1]) + 2})", str(error))
        raise ValueError(f"{'' if 'column' in said else f'column {name!r}: '}{said}") from None
    return frame.assign(**{name: times})
