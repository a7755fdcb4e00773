"""What is known beside series as inputs of a file: covariates by their names, and times, that calendars read."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecastrnn import Calendar, Direct, RNNForecaster
from support.exported_cases import GAPS, NETWORK, OPTIONS, Y
from support.onnx_sessions import forecast, near, session_of

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.onnx

RNG = np.random.default_rng(1)
SINGLE: dict[str, Any] = OPTIONS | NETWORK | {"dtype": "float32", "max_steps": 20}
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
CASES: dict[str, tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]] = {
    "recursive": (Y, X, {}), "direct": (Y, X, {"strategy": Direct(6)}),
    "seq2seq": (Y, X, {"strategy": "seq2seq"}), "gaussian": (Y, X, {"strategy": Direct(6), "loss": "gaussian"}),
    "mixed": (Y, X, {"candidates": ["theta"]}), "gaps": (BEGUN, HOLES, {"missing": "mask"}),
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


def inputs(session: Any, y: pd.DataFrame, X: pd.DataFrame, h: int) -> dict[str, Any]:
    """All that a file wants."""
    found: dict[str, Any] = {name: wide(X, name, len(y) + h) for name in X}
    found |= {name: wide(PAST, name, len(y)) for name in PAST} | {"area": STATIC["area"].to_numpy()}
    wanted = [one.name for one in (*session.get_inputs(), *session.get_overridable_initializers())]
    return {name: values for name, values in (found | {"ids": [0, 1, 2]}).items() if name in wanted}


@pytest.mark.parametrize("case", CASES)
def test_covariates(case: str) -> None:
    """Known ahead, known until now and static, numbers and categories, of values with new ones behind those of fit."""
    y, beside, options = CASES[case]
    past = {} if options.get("strategy") is None else {"past": PAST}
    model, end = RNNForecaster(**SINGLE | {"intervals": None} | options), Y.index[87]
    model.fit(series(y[:88]), long(beside, end), **{k: long(v, end) for k, v in past.items()}, static=STATIC)
    session = session_of(model)
    for h in (1, 6):
        own = inputs(session, y, beside, h)
        found = forecast(session, y.to_numpy().T, h, **own)
        later = {name: long(frame, Y.index[-1]) for name, frame in past.items()}
        expected = model.predict(h, y=series(y), X=long(beside, TIMES[99 + h]), **later, static=STATIC)
        near(found, expected.pivot(index="ds", columns="unique_id", values="RNN")[list(Y)], y.to_numpy().T)
    for name in own.keys() - {"ids", "day", "kind"}:  # all are read
        assert (forecast(session, y.to_numpy().T, 6, **own | {name: 1.0 - own[name]}) != found).any(), name
    with pytest.raises(Exception, match="must have time . h values for each series"):
        forecast(session, y.to_numpy().T, 3, **own)


def test_intervals() -> None:
    """Windows read what was known ahead of them."""
    model = RNNForecaster(**SINGLE | {"strategy": Direct(6)}).fit(series(Y[:88]), long(X, Y.index[87]), static=STATIC)
    session = session_of(model, level=80, horizon=4)
    found = session.run(None, {"y": Y.to_numpy().T.copy()} | inputs(session, Y, X, 4) | {"ids": np.arange(3)})
    bands = model.predict(4, y=series(Y), X=long(X, TIMES[103]), static=STATIC, level=80)
    for name, own in zip(("RNN", "RNN-lo-80", "RNN-hi-80"), found, strict=True):
        near(own, bands.pivot(index="ds", columns="unique_id", values=name)[list(Y)], Y.to_numpy().T)


EVENTS = pd.DataFrame(
    {"name": ["sale", "sale", "fair", "fair"], "series": ["a", "a", "b", "b"],
     "time": pd.to_datetime(["1968-05-10", "1968-07-18", "1968-02-20", "1968-07-16"])}
)  # fmt: skip


@pytest.mark.parametrize(
    ("index", "calendar"),
    [
        (pd.date_range("1968-02-10", periods=160, freq="D"), ["weekday", "day_of_month", "month", "day_of_year"]),
        (pd.date_range("1968-02-10", periods=155, freq="D"), Calendar(["weekday"], holidays="US", events=EVENTS)),
        (pd.date_range("2020-03-25", periods=400, freq="h", tz="Europe/Berlin"), ["hour", "weekday", "day_of_year"]),
        (pd.date_range("2000-02-28", periods=300, freq="7min"), ["minute", "hour"]),
        (pd.period_range("1890-03", periods=150, freq="M"), ["month"]),
    ],
    ids=["days", "special", "hours", "minutes", "periods"],
)
def test_calendars(index: Any, calendar: Any) -> None:
    """Of seconds on the clock of the wall, before 1970, across leap days and into summer time."""
    rng, n = np.random.default_rng(0), len(index)
    values = rng.normal(size=(n, 3)) + (np.arange(n) % 7)[:, None]
    y = pd.DataFrame(values, index, ["a", "b", "c"])
    options = SINGLE | {"season_length": 1, "calendar": calendar, "intervals": None, "max_steps": 30}
    model = RNNForecaster(**options).fit(y[:-20])
    session, expected = session_of(model), model.predict(9, y=y)
    dates = index.append(expected.index)
    dates = dates.to_timestamp() if isinstance(dates, pd.PeriodIndex) else dates.tz_localize(None)
    times = dates.to_numpy("datetime64[s]").astype(np.int64)[None]
    ids = {"ids": [0, 1, 2]} if isinstance(calendar, Calendar) else {}
    near(forecast(session, values.T, 9, times=times, **ids), expected, values.T)
    near(
        forecast(session, values.T[1:], 9, times=times, **{k: [1, 2] for k in ids}), expected[["b", "c"]], values.T[1:]
    )
    if ids:
        with pytest.raises(Exception, match="times must lie in years whose holidays are known in fit"):
            forecast(session, values.T, 9, times=times + 40 * 366 * 86400, **ids)


def test_days_of_longer_steps_are_given() -> None:
    """Holidays of a week are counted outside, by the name of their column."""
    index = pd.date_range("2010-01-03", periods=150, freq="W")
    y = pd.DataFrame(np.random.default_rng(0).normal(size=(150, 1)), index, ["a"])
    model = RNNForecaster(**SINGLE | {"season_length": 1, "calendar": Calendar(None, holidays="US"), "intervals": None})
    names = [one.name for one in session_of(model.fit(y)).get_inputs()]
    assert names == ["y", "h", "times", "holiday"]


def test_names_that_are_taken() -> None:
    beside = X.rename(columns={"price": "h"})
    model = RNNForecaster(**SINGLE | {"intervals": None}).fit(series(Y), long(beside, Y.index[-1]))
    file = io.BytesIO()
    with pytest.raises(ValueError, match="the covariate 'h' would be an input of the file"):
        model.to_onnx(file)
    assert file.getvalue() == b""
