"""Covariates below a forecast: numbers as lines, truth values as bars, categories as rows of steps."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd

from forecastrnn.data.frame_columns import first_few
from forecastrnn.metrics.forms import Names
from forecastrnn.native_frames import as_pandas
from forecastrnn.plotting.canvas import Axes, date_numbers, named, time_axis

MOST_CATEGORIES = 8  # names beside an axis


def covariate_rows(X: object, columns: Sequence[Hashable], names: Names) -> pd.DataFrame:
    """Ids (or none: rows for all series), times, and the columns wanted, of X in any form that `predict` takes."""
    if X is None:
        raise ValueError("covariates: there is no X to draw them from")
    X, _ = as_pandas(X, "X")
    frame = X.to_frame() if isinstance(X, pd.Series) else X
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"covariates: X must be a pandas Series or DataFrame to draw them. Got {type(X).__name__}")
    if frame.columns.nlevels > 1:
        frame = frame.stack(level=list(range(frame.columns.nlevels - 1)), future_stack=True)
        frame.index = frame.index.set_names([names.time, names.id]).swaplevel()
    if isinstance(frame.index, pd.MultiIndex):
        frame = frame.rename_axis([names.id, names.time]).reset_index()
    elif names.time not in frame.columns:
        frame = frame.rename_axis(names.time).reset_index()
    absent = [name for name in columns if name not in frame.columns]
    if absent:
        raise ValueError(f"covariates: X has no column {absent[0]!r}; its columns are {first_few(frame.columns)}")
    return frame[[*(name for name in (names.id, names.time) if name in frame.columns), *columns]]


def share_times(axes: list[Axes]) -> None:
    """One axis of times for all of these, below the last."""
    for one in axes[:-1]:
        one.sharex(axes[-1])
        one.tick_params(labelbottom=False)
        one.xaxis.get_offset_text().set_visible(False)
        one.set_xlabel("")


def draw_covariate(ax: Axes, values: pd.Series, begin: float, end: float) -> None:
    """One covariate over times; what lies ahead is shaded."""
    x = date_numbers(values.index)
    time_axis(ax, values.index)
    ax.axvspan(begin, end, color="0.5", alpha=0.15, linewidth=0)
    kind = values.infer_objects().dtype
    if pd.api.types.is_bool_dtype(kind):
        ax.fill_between(x, values.to_numpy(dtype=float), step="mid", alpha=0.6, linewidth=0)
        ax.set_yticks([0, 1], ["no", "yes"])
    elif pd.api.types.is_numeric_dtype(kind):
        ax.plot(x, values.to_numpy(dtype=float), linewidth=1.0)
        ax.locator_params(axis="y", nbins=3)
    else:
        codes, found = pd.factorize(values, sort=True)
        ax.step(x, np.where(codes < 0, np.nan, codes), where="mid", linewidth=1.0)
        ax.set_yticks(range(len(found))[:MOST_CATEGORIES], [named(name, 16) for name in found[:MOST_CATEGORIES]])
    ax.tick_params(axis="y", labelsize="small")
    ax.set_ylabel(named(values.name, 16), fontsize="small")
