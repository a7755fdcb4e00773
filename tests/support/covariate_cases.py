"""Covariates for tests: the same ones in every form, and series beside them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from forecastrnn.data.covariate_input import Reading
from forecastrnn.data.covariate_roles import Beside
from forecastrnn.data.covariates import with_covariates
from forecastrnn.data.frame_columns import Names
from forecastrnn.data.series import SeriesSet, read_series

NAMES = Names()
IDS = (10, 9, "T11")  # ids in no order, of two kinds
DAYS = pd.date_range("2024-01-01", periods=40)
KNOWN = 30  # days of the series; covariates are there for all


def long_covariates(days: pd.DatetimeIndex = DAYS) -> pd.DataFrame:
    """A price of each series, a promotion and the kind of the day."""
    n = len(days)
    parts = [
        pd.DataFrame({
            "unique_id": pd.Series([name] * n, dtype=object), "ds": days, "price": 10.0 * k + np.arange(n),
            "promo": np.arange(n) % 3 == k, "kind": np.where(np.arange(n) % 7 < 5, "work", "free"),
        })
        for k, name in enumerate(IDS)
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def long_series(days: pd.DatetimeIndex = DAYS[:KNOWN]) -> pd.DataFrame:
    """A value of each series and day."""
    frame = long_covariates(days)
    return frame[["unique_id", "ds"]].assign(y=np.arange(float(len(frame))))


def beside(y: Any, X: Any = None, past: Any = None, names: Names = NAMES, **reading: Any) -> SeriesSet:
    """Series read with covariates."""
    given = Beside.of(y, X, past, names)
    columns = {"id_col": names.id_col, "time_col": names.time_col, "target_col": names.target_col}
    read = read_series(given.series(), missing=reading.get("missing", "raise"), **columns)
    return with_covariates(read, given, names, Reading(**reading))
