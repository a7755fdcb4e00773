"""What the tests of backtests share: a tiny forecaster, a ragged panel, and the loop that a user writes by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from forecastrnn import RNNForecaster
from support.forecaster_cases import long_of, monthly, quick

LENGTHS = {"b": 44, "a": 60, 7: 38}


def tiny(**options: Any) -> RNNForecaster:
    """Without intervals, which cost more than such a fit."""
    return quick(**{"hidden_layer_sizes": 8, "max_steps": 10, "intervals": None} | options)


def ragged(**lengths: int) -> pd.DataFrame:
    """A long frame of series of several lengths that end at one time."""
    held = lengths or LENGTHS
    return long_of({name: monthly(60, seed)[-n:] for seed, (name, n) in enumerate(held.items())})


def ends_of_series(frame: pd.DataFrame, behind: int) -> pd.DataFrame:
    """The rows of a long frame without the last ones of each series."""
    back = frame.groupby("unique_id", sort=False).cumcount(ascending=False)
    return frame[back >= behind]


def by_hand(model: RNNForecaster, y: pd.DataFrame, h: int, *, n_windows: int = 3, step_size: int | None = None,
            gap: int = 0, refit: int = 1, update: bool = False, **predict: Any) -> pd.DataFrame:  # fmt: skip
    """Fits and forecasts in a loop, with the rows of each window as a user would slice them."""
    parts, taken = [], y
    for window in range(n_windows):
        behind = h + gap + (n_windows - 1 - window) * (step_size or h)
        known = ends_of_series(y, behind)
        if window % refit == 0:
            fitted = model.fit(known)
            forecast = fitted.predict(h + gap, **predict)
        elif update:
            fitted.update(known.drop(taken.index))
            forecast = fitted.predict(h + gap, **predict)
        else:
            forecast = fitted.predict(h + gap, y=known, **predict)
        taken = known
        forecast = forecast.groupby("unique_id", sort=False).tail(h)
        last = known.groupby("unique_id", sort=False)["ds"].max().rename("cutoff")
        parts.append(forecast.merge(last, on="unique_id"))
    found = pd.concat(parts).merge(y, how="left", on=["unique_id", "ds"])
    return found


def same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """The same rows, matched by keys, with the same bits."""
    keys = ["unique_id", "ds", "cutoff"]
    assert len(found) == len(expected) and not found.duplicated(keys).any()
    both = found.merge(expected, on=keys, suffixes=("", " of loop"), validate="1:1")
    assert len(both) == len(found)
    for name in expected.columns.drop(keys):
        np.testing.assert_array_equal(both[name], both[f"{name} of loop"])
