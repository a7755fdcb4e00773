"""What lies beside series of forecasters that are exported: covariates in frames, and calendars."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from forecastrnn import Calendar, Direct
from support.exported_cases import GAPS, Y

RNG = np.random.default_rng(1)
TIMES = pd.date_range(Y.index[0], periods=106, freq="MS")
ROWS = pd.MultiIndex.from_product([list(Y), TIMES], names=["unique_id", "ds"])
X = pd.DataFrame(
    {"price": RNG.normal(5.0, 2.0, len(ROWS)), "promo": RNG.integers(0, 2, len(ROWS)),
     "day": np.array(["mon", "tue", "wed"])[RNG.integers(0, 3, len(ROWS))]}, index=ROWS,
)  # fmt: skip
PAST = pd.DataFrame(
    {"visits": RNG.normal(100.0, 20.0, len(ROWS)), "kind": RNG.integers(0, 2, len(ROWS)) == 1}, index=ROWS
)
STATIC = pd.DataFrame({"area": [1.0, 5.0, 3.0], "shop": ["x", "y", "x"]}, pd.Index(list(Y), name="unique_id"))
BEGUN = GAPS.copy()
BEGUN.iloc[:31, 0] = np.nan
HOLES = X.assign(price=X["price"].where((RNG.random(len(X)) > 0.1) | (ROWS.get_level_values(1) > Y.index[-1])))
COVARIATES: dict[str, tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]] = {
    "recursive": (Y, X, {}), "direct": (Y, X, {"strategy": Direct(6)}),
    "seq2seq": (Y, X, {"strategy": "seq2seq"}), "gaussian": (Y, X, {"strategy": Direct(6), "loss": "gaussian"}),
    "mixed": (Y, X, {"candidates": ["theta"]}), "gaps": (BEGUN, HOLES, {"missing": "mask"}),
}  # fmt: skip
EVENTS = pd.DataFrame(
    {"name": ["sale", "sale", "fair", "fair"], "series": ["a", "a", "b", "b"],
     "time": pd.to_datetime(["1968-05-10", "1968-07-18", "1968-02-20", "1968-07-16"])}
)  # fmt: skip
CALENDARS: dict[str, tuple[Any, Any]] = {
    "days": (
        pd.date_range("1968-02-10", periods=160, freq="D"), ["weekday", "day_of_month", "month", "day_of_year"]
    ),
    "special": (
        pd.date_range("1968-02-10", periods=155, freq="D"), Calendar(["weekday"], holidays="US", events=EVENTS)
    ),
    "hours": (
        pd.date_range("2020-03-25", periods=400, freq="h", tz="Europe/Berlin"), ["hour", "weekday", "day_of_year"]
    ),
    "minutes": (pd.date_range("2000-02-28", periods=300, freq="7min"), ["minute", "hour"]),
    "periods": (pd.period_range("1890-03", periods=150, freq="M"), ["month"]),
}  # fmt: skip


def long(frame: pd.DataFrame, until: pd.Timestamp) -> pd.DataFrame:
    """A frame with rows of series and times up to one of these."""
    return frame[frame.index.get_level_values(1) <= until].reset_index()


def series(y: pd.DataFrame) -> pd.DataFrame:
    """Wide values as a long frame."""
    return y.melt(ignore_index=False, var_name="unique_id", value_name="y").rename_axis("ds").reset_index()


def wide(frame: pd.DataFrame, column: str, steps: int) -> np.ndarray:
    """A column (series, steps)."""
    found = np.array(frame[column].to_list(), dtype=object).reshape(3, -1)[:, :steps]
    return found if isinstance(found[0, 0], str) else found.astype(np.float64)


def dated(index: Any) -> pd.DataFrame:
    """Three series along an index."""
    n = len(index)
    values = np.random.default_rng(0).normal(size=(n, 3)) + (np.arange(n) % 7)[:, None]
    return pd.DataFrame(values, index, ["a", "b", "c"])


def wall_of(index: Any) -> np.ndarray:
    """Times on the clock of the wall."""
    dates = index.to_timestamp() if isinstance(index, pd.PeriodIndex) else index.tz_localize(None)
    return dates.to_numpy("datetime64[s]")
