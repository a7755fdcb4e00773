"""What is known beside series as inputs of a file: covariates by their names, and times, that calendars read."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecastrnn import Calendar, Direct, RNNForecaster
from support.exported_beside import CALENDARS, COVARIATES, PAST, STATIC, TIMES, X, dated, long, series, wall_of, wide
from support.exported_cases import NETWORK, OPTIONS, Y
from support.onnx_sessions import forecast, near, session_of

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.onnx

SINGLE: dict[str, Any] = OPTIONS | NETWORK | {"dtype": "float32", "max_steps": 20}


def inputs(session: Any, y: pd.DataFrame, X: pd.DataFrame, h: int) -> dict[str, Any]:
    """All that a file wants."""
    found: dict[str, Any] = {name: wide(X, name, len(y) + h) for name in X}
    found |= {name: wide(PAST, name, len(y)) for name in PAST} | {"area": STATIC["area"].to_numpy()}
    wanted = [one.name for one in (*session.get_inputs(), *session.get_overridable_initializers())]
    return {name: values for name, values in (found | {"ids": [0, 1, 2]}).items() if name in wanted}


@pytest.mark.parametrize("case", COVARIATES)
def test_covariates(case: str) -> None:
    """Known ahead, known until now and static, numbers and categories, of values with new ones behind those of fit."""
    y, beside, options = COVARIATES[case]
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


@pytest.mark.parametrize("kind", CALENDARS)
def test_calendars(kind: str) -> None:
    """Of seconds on the clock of the wall, before 1970, across leap days and into summer time."""
    index, calendar = CALENDARS[kind]
    y = dated(index)
    values = y.to_numpy()
    options = SINGLE | {"season_length": 1, "calendar": calendar, "intervals": None, "max_steps": 30}
    model = RNNForecaster(**options).fit(y[:-20])
    session, expected = session_of(model), model.predict(9, y=y)
    times = wall_of(index.append(expected.index)).astype(np.int64)[None]
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
