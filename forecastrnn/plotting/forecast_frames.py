"""Frames that a forecaster gives, in any of their forms: how they are read for a picture."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

import numpy as np
import pandas as pd

from forecastrnn.metrics.forms import PATH, Data, Names, long_forecasts, names_of
from forecastrnn.plotting.estimator import Forecaster

USUAL_LEVELS = (80, 95)

Frame: TypeAlias = pd.Series | pd.DataFrame


def usual_levels(estimator: Forecaster) -> tuple[int, ...] | None:
    """Levels of a forecaster that has intervals."""
    drawn = estimator.intervals in ("paths", "head")
    return USUAL_LEVELS if drawn or estimator.intervals_ is not None else None


def names_for(estimator: Forecaster, kept: pd.DataFrame, found: Frame, *, y: Data | None, truth: Data | None) -> Names:
    """Columns as the forecaster calls them; what has no ids is its only series."""
    id_col, time_col, target_col = kept.columns
    names = replace(names_of((found, y), None, (id_col, time_col, target_col)), model=estimator.alias)
    if y is None and kept[id_col].nunique() == 1:
        names = replace(names, series=kept[id_col].iloc[0])
    if isinstance(truth, list | tuple | np.ndarray) and isinstance(found.index, pd.RangeIndex):
        names = replace(names, begin=found.index[0])
    return names


def levels_of_columns(found: Frame, has_bands: bool) -> int:
    """Levels of the columns of forecasts that name series; 0 for one series, whose columns are those of a model."""
    return found.columns.nlevels - has_bands if isinstance(found, pd.DataFrame) else 0


def rows_of_paths(paths: Data, names: Names) -> pd.DataFrame:
    """Paths in rows; their columns may be called as levels of an index were."""
    if isinstance(paths, pd.DataFrame) and PATH in paths.columns:
        return paths.set_axis([names.id, names.time, PATH, names.model][-paths.shape[1] :], axis=1)
    return long_forecasts(paths, names, 0)
