"""Forecasts from several times as a long frame: what displays of errors are made of."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from forecastrnn.metrics.columns import Columns
from forecastrnn.metrics.forms import CUTOFF, Data, Names, levels_of_series, long_forecasts, names_of
from forecastrnn.native_frames import as_pandas
from forecastrnn.plotting.frames import check_named, columns_of, mean_changes, values_beside


@dataclass(frozen=True, eq=False, kw_only=True)
class Origins:
    """Rows in the order of series, cutoff and time, whose truth is known; `step` (rows,) counts from 1."""

    frame: pd.DataFrame
    names: Names
    columns: Columns
    step: np.ndarray

    @property
    def ids(self) -> list[Hashable]:
        """Names of series."""
        return list(self.frame[self.names.id].unique())

    @property
    def truth(self) -> np.ndarray:
        """What came (rows,)."""
        return self.frame[self.names.target].to_numpy(dtype=float)

    def errors(self, model: Hashable) -> np.ndarray:
        """What came less what was forecast (rows,)."""
        return self.truth - self.frame[self.columns.point(model)].to_numpy(dtype=float)

    def models(self, asked: Sequence[Hashable] | None) -> list[Hashable]:
        """Models by name, or all that have a point forecast."""
        there = [name for name in self.columns.models if name in self.columns.plain]
        return check_named(list(there if asked is None else asked), there, "models")

    def scales(self) -> np.ndarray:
        """Mean absolute change (rows,) of each row's series from one time to the next, by which errors compare."""
        each = self.frame.drop_duplicates([self.names.id, self.names.time]).sort_values(
            [self.names.id, self.names.time]
        )
        found = mean_changes(each, self.names).replace(0.0, np.nan)
        return self.frame[self.names.id].map(found).to_numpy(dtype=float)


def read_origins(forecasts: Data, truth: Data | None, columns: tuple[Hashable, Hashable, Hashable]) -> Origins:
    """Forecasts of any form beside what came, which may be a column of theirs."""
    (forecasts, _), (truth, _) = as_pandas(forecasts, "forecasts"), as_pandas(truth, "truth")
    names = names_of((truth, forecasts), None, columns)
    frame = long_forecasts(forecasts, names, levels_of_series(truth, names))
    if frame[names.id].nunique() == 1:
        names = replace(names, series=frame[names.id].iloc[0])
    if truth is not None:
        came = values_beside(truth, frame, names, "truth")
        frame = frame.drop(columns=names.target, errors="ignore").merge(came, on=[names.id, names.time])
    if names.target not in frame:
        raise ValueError(
            f"forecasts has no column {names.target!r} (target_col) of what came; give truth=, or a frame of "
            "cross_validation"
        )
    keys = [name for name in (names.id, CUTOFF, names.time) if name in frame]
    frame = frame.sort_values(keys, kind="stable").reset_index(drop=True)
    step = frame.groupby(keys[:-1], sort=False, observed=True).cumcount().to_numpy() + 1
    known = frame[names.target].notna().to_numpy()
    if not known.any():
        raise ValueError("what came is known at no time of the forecasts")
    found = frame[known].reset_index(drop=True)
    return Origins(frame=found, names=names, columns=columns_of(found, names), step=step[known])
