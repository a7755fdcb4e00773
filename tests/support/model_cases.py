"""What the tests of model files share: quick models, and series of every form."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd

from forecastrnn import RNNClassifier, RNNForecaster, RNNRegressor
from support.forecaster_cases import long_of, monthly

RNG = np.random.default_rng(5)
X = RNG.normal(size=(12, 6, 2))
WIDE = pd.DataFrame({"a": monthly(60), "b": monthly(60, 1)})


def regressor(**options: Any) -> RNNRegressor:
    return RNNRegressor(**{"hidden_layer_sizes": 3, "max_iter": 2, "random_state": 0} | options)


def classifier(labels: Any, **options: Any) -> RNNClassifier:
    y = np.resize(np.asarray(labels, dtype=getattr(labels, "dtype", None)), len(X))
    return RNNClassifier(hidden_layer_sizes=3, max_iter=2, random_state=0, **options).fit(X, y)


def dates(freq: Any, n: int = 40, **options: Any) -> pd.Series:
    values = np.sin(np.arange(n)) + RNG.normal(size=n)
    return pd.Series(values, index=pd.date_range("2024-01-01", periods=n, freq=freq, **options))


LONG = long_of({"x": monthly(40), "y": monthly(36, 2)})
MULTI = pd.MultiIndex.from_product([["north", "south"], [1, 2]], names=["region", None])
HAVANA = pd.date_range("2024-01-31", "2024-03-10").tz_localize("America/Havana", nonexistent="shift_forward")
LATE = pd.Series(np.arange(40.0) % 7, index=HAVANA)
SERIES: dict[str, Any] = {
    "numbers": np.arange(40.0) % 7,
    "hours in a zone": dates("h", tz="Europe/Berlin"),
    "fixed offset, seconds": dates("15min", tz="UTC+02:00", unit="s"),
    "UTC": dates("D", tz="UTC"),
    "semi-months": dates("SMS"),
    "third Fridays": dates("WOM-3FRI"),
    "the 15th": dates(pd.DateOffset(months=2), 40),
    "two weeks": dates("2W-TUE"),
    "periods": pd.Series(np.arange(40.0) % 5, index=pd.period_range("2020Q1", periods=40, freq="Q-NOV"), name=7),
    "range": pd.Series(np.arange(40.0) % 5, index=pd.RangeIndex(3, 83, 2, name="t")),
    "numbered columns": WIDE.set_axis([1, 2], axis=1).rename_axis(columns="id", index="when"),
    "mixed columns": WIDE.set_axis(["a", 2], axis=1),
    "dated columns": WIDE.set_axis(pd.date_range("2024", periods=2, tz="Asia/Tokyo"), axis=1),
    "columns of two levels": pd.DataFrame(RNG.normal(size=(40, 4)), dates("D").index, MULTI),
    "categories": LONG.astype({"unique_id": pd.CategoricalDtype(["y", "x", "unused"], ordered=True)}),
    "nullable ids": LONG.assign(unique_id=pd.array([4 if i == "x" else 5 for i in LONG["unique_id"]], "Int64")),
    "two index levels": LONG.set_index(["unique_id", "ds"])["y"],
    "frame of two index levels": LONG.set_index(["unique_id", "ds"]),
    "trading days": dates(pd.offsets.CustomBusinessDay(holidays=["2024-01-15", "2024-02-19", "2025-01-01"])),
    "every other day of six": dates(2 * pd.offsets.CustomBusinessDay(weekmask="Mon Tue Wed Thu Fri Sat")),
    "last trading days": dates(pd.offsets.CustomBusinessMonthEnd(holidays=["2024-05-31"])),
    "first trading days": dates(pd.offsets.CustomBusinessMonthBegin(weekmask="Sun Mon Tue Wed Thu")),
    "hours of an exchange": dates(pd.offsets.BusinessHour(start=["09:30", "14:00"], end=["12:30", "17:00"])),
    "hours of trading days": dates(pd.offsets.CustomBusinessHour(start="10:00", end="16:00", holidays=["2024-01-08"])),
    "a last day that begins at one": LATE,
}


def figures(model: Any) -> str:
    """Predictions, drawn and streamed values to the last digit."""
    if isinstance(model, RNNForecaster):
        stream = model.stream()
        values = [
            model.predict(5),
            model.sample_paths(4, 2, calibrated=False, random_state=3),
            stream.step(250.0),
            stream.step(99),
        ]
    else:
        stream = model.stream()
        values = [model.predict(X), stream.step(X[0, 0]), stream.step(X[0, 1])]
        values += [model.generate(3)] if isinstance(model, RNNRegressor) else [model.predict_proba(X)]
    return json.dumps([np.asarray(value).tolist() for value in values])
