"""Forecasts to files: in long form, times as ISO 8601, whole or not at all."""

from __future__ import annotations

import gzip
import io
import sys
from argparse import Namespace

import pandas as pd

from forecastrnn.cli.failures import DASH
from forecastrnn.cli.paths import ending_of
from forecastrnn.persistence.replacing import replace_file, target_of


def write_table(frame: pd.DataFrame, args: Namespace, *, days: bool = True) -> None:
    """A table to `args.output`, or to standard output; days: times that are all midnights are written as dates."""
    path = args.output or DASH
    ending, buffer = ending_of(path), io.BytesIO()
    if ending == ".parquet":
        frame.to_parquet(buffer)
    elif ending == ".feather":
        frame.to_feather(buffer)
    else:
        form = {"sep": args.sep or ("\t" if ending == ".tsv" else ","), "decimal": args.decimal, "index": False}
        table = _with_texts(frame, days)
        if path == DASH:
            table.to_csv(sys.stdout, lineterminator="\n", **form)
            return
        text = table.to_csv(lineterminator="\n", **form).encode()
        buffer.write(gzip.compress(text, mtime=0) if path.endswith(".gz") else text)
    replace_file(target_of(path), [buffer.getvalue()])


def in_long_form(forecast: pd.Series | pd.DataFrame, alias: str, keys: tuple[str, str]) -> pd.DataFrame:
    """A forecast as a frame with the columns of series and times, `keys`, whatever the form of the series."""
    if isinstance(forecast, pd.Series):
        forecast = forecast.to_frame(alias)
    elif isinstance(forecast.index, pd.RangeIndex):
        return forecast
    are_paths = "path" in forecast.columns.names
    if isinstance(forecast.columns, pd.MultiIndex):
        forecast = pd.concat({name: forecast[name] for name in forecast.columns.unique(0)})
    elif alias not in forecast.columns and not are_paths:  # a column for each series
        forecast = forecast.unstack().to_frame(alias)
    standing = keys if forecast.index.nlevels == 2 else keys[1:]
    names = [own if own is not None else key for own, key in zip(forecast.index.names, standing)]
    if are_paths:
        forecast, names = forecast.stack(future_stack=True).to_frame(alias), [*names, "path"]
    return forecast.rename_axis(names).reset_index()


def _with_texts(frame: pd.DataFrame, days: bool) -> pd.DataFrame:
    """The same with times as texts."""
    times = {name: column for name, column in frame.items() if _holds_times(column)}
    days = days and all(map(_are_midnights, times.values()))
    return frame.assign(**{str(name): _texts(column, days) for name, column in times.items()})


def _holds_times(column: pd.Series) -> bool:
    return pd.api.types.is_datetime64_any_dtype(column.dtype) or isinstance(column.dtype, pd.PeriodDtype)


def _are_midnights(column: pd.Series) -> bool:
    if isinstance(column.dtype, pd.PeriodDtype):
        return True
    return column.dt.tz is None and bool((column == column.dt.normalize()).all())


def _texts(column: pd.Series, days: bool) -> pd.Series:
    codes, unique = pd.factorize(column)
    if isinstance(column.dtype, pd.PeriodDtype):
        texts = unique.astype(str)
    else:
        texts = pd.Index([time.date().isoformat() if days else time.isoformat() for time in unique], dtype=object)
    return pd.Series(texts.take(codes), index=column.index, dtype=object)
