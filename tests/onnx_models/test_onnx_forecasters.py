"""Forecasters that `to_onnx` writes forecast in ONNX Runtime what the forecaster forecasts."""

from __future__ import annotations

import io
import warnings
from contextlib import nullcontext
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecastrnn import Direct, RNNForecaster
from forecastrnn.forecasting.every_candidate import CANDIDATES
from support.exported_cases import CASES, GAPS, NETWORK, OPTIONS, Y
from support.onnx_sessions import forecast, near, session_of

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.onnx

SINGLE = {"dtype": "float32"}
NAN = float("nan")
APART = Y.to_numpy().T.copy()
APART[0, :31], APART[2, :60] = NAN, NAN  # series that begin apart


@pytest.mark.parametrize("case", [name for name in CASES if name != "steady"])
def test_forecasts(case: str) -> None:
    """Of values with new ones behind those of fit, of any horizon and length."""
    y, options, given = CASES[case]
    model = RNNForecaster(**OPTIONS | options | SINGLE).fit(y[:88], **given)
    session = session_of(model)
    knows = "ids" in [one.name for one in session.get_overridable_initializers()]
    assert knows == (case not in ("direct", "seq2seq", "older"))
    ids = {"ids": [0, 1, 2]} if knows else {}
    values = y.to_numpy().T
    for h in (1, 6) if case == "direct" else (1, 30):
        near(forecast(session, values, h, **ids), model.predict(h, y=y), values)
    near(forecast(session, values[:, 7:], 3, **ids), model.predict(3, y=y[7:]), values)
    some = {"ids": [1]} if knows else {}
    near(forecast(session, values[1:2], 3, **some), model.predict(3, y=y[["signed"]]), values[1:2])
    assert forecast(session, values[:0], 3, **({"ids": np.empty(0, np.int64)} if knows else {})).shape == (0, 3)
    if case in ("static", "local"):
        with pytest.raises(Exception, match="ids must be numbers of series of fit"):
            forecast(session, values, 3)
    else:
        near(forecast(session, values, 3), model.predict(3, y=y.add_prefix("new ")), values)


@pytest.mark.parametrize("name", CANDIDATES)
def test_candidates_of_series_with_gaps(name: str) -> None:
    """Long ones, at the begin, and at places of a season that never were known; with a figure and without."""
    y = GAPS.copy()
    y.iloc[:13, 1], y.iloc[40:52, 0], y.iloc[53:99:4, 1] = NAN, NAN, NAN
    for season in ([4], [1]) if name != "second_season_ago" else ([4],):
        own = {"candidates": [name], "missing": "mask", "season_length": season, "intervals": None}
        model = RNNForecaster(**OPTIONS | SINGLE | own).fit(y[:88])
        assert model.weights_[name].max() > 0.0
        session = session_of(model)
        for known in (y, y[-46:]):
            near(forecast(session, known.to_numpy().T, 9, ids=[0, 1, 2]), model.predict(9, y=known), y.to_numpy().T)


def test_series_that_begin_apart() -> None:
    y = pd.DataFrame(APART.T, Y.index, Y.columns)
    model = RNNForecaster(**OPTIONS | SINGLE).fit(Y)
    long = y.melt(ignore_index=False, var_name="unique_id", value_name="y").dropna().rename_axis("ds").reset_index()
    wide = model.predict(9, y=long).pivot(index="ds", columns="unique_id", values="RNN")[list(Y)]
    near(forecast(session_of(model), APART, 9, ids=[0, 1, 2]), wide, APART)


def test_many_shapes() -> None:
    """Seeded draws of networks, seasons, levels and lengths."""
    rng = np.random.default_rng(0)
    for _ in range(6):
        season, n, width = int(rng.choice([1, 4, 7, 12])), int(rng.integers(60, 160)), int(rng.integers(1, 5))
        t = np.arange(n)[:, None]
        wave = np.sin(2.0 * np.pi * t / (season * int(rng.integers(1, 4)))) if season > 1 else 0.0
        values = rng.choice([0.0, 40.0, 1e6]) + rng.normal(0.0, 1.0, (n, width)).cumsum(axis=0) + 4.0 * wave
        y = pd.DataFrame(values, pd.date_range("2020-01-01", periods=n, freq="D"), [f"s{k}" for k in range(width)])
        own = {
            "cell": str(rng.choice(["gru", "lstm", "mgu"])),
            "hidden_layer_sizes": tuple(rng.integers(2, 9, 2).tolist()),
            "season_length": season, "n_members": int(rng.integers(1, 4)), "intervals": None,
            "strategy": Direct(5) if rng.random() < 0.3 else "recursive",
        }  # fmt: skip
        model = RNNForecaster(**OPTIONS | SINGLE | own).fit(y)
        found = forecast(session_of(model), values.T, 5, ids=list(range(width)))
        near(found, model.predict(5, y=y), values.T)


@pytest.mark.filterwarnings("ignore:level")
@pytest.mark.parametrize("case", ["mixed", "direct", "static", "local", "steady", "pretrained", "zero"])
def test_intervals(case: str) -> None:
    """Symmetric ones and others, of values with new ones behind those of fit."""
    y, options, given = CASES[case]
    model = RNNForecaster(**OPTIONS | options | SINGLE).fit(y[:88], **given)
    session, values = session_of(model, level=[80, 50], horizon=6), y.to_numpy().T
    names = [one.name for one in session.get_outputs()]
    assert names == ["forecast", "lo-80", "lo-50", "hi-50", "hi-80"]
    knows = "ids" in [one.name for one in session.get_overridable_initializers()]
    for known in (y, y[40:]):
        given_y = {"y": known.to_numpy().T.copy()} | ({"ids": np.arange(3)} if knows else {})
        wide = model.predict(6, y=known, level=[50, 80])
        for name, found in zip(names, session.run(None, given_y), strict=True):
            column = "RNN" if name == "forecast" else f"RNN-{name}"
            near(found, wide.xs(column, axis=1, level=1), values)


def test_levels_that_are_refused() -> None:
    model = RNNForecaster(**OPTIONS | SINGLE | NETWORK | {"intervals": None}).fit(Y)
    for message, level in {
        "fit with intervals='conformal'": 80,
        r"level must be one or more numbers in \(0, 100\)": [80, 100],
    }.items():
        with pytest.raises(ValueError, match=message):
            model.to_onnx(io.BytesIO(), level=level)
    model = RNNForecaster(**OPTIONS | SINGLE | NETWORK).fit(Y)
    with pytest.raises(Exception, match="intervals are of values that all are known"):
        forecast(session_of(model, level=80), APART, 2)


def test_intervals_of_a_model_of_gaps() -> None:
    """Of values without any."""
    model = RNNForecaster(**OPTIONS | SINGLE | NETWORK | {"missing": "mask"}).fit(GAPS)
    found = session_of(model, level=80, horizon=3).run(None, {"y": Y.to_numpy().T.copy()})
    for name, own in zip(("RNN", "RNN-lo-80", "RNN-hi-80"), found, strict=True):
        near(own, model.predict(3, y=Y, level=80).xs(name, axis=1, level=1), Y.to_numpy().T)


def test_a_fixed_horizon() -> None:
    model = RNNForecaster(**OPTIONS | SINGLE).fit(Y)
    session = session_of(model, horizon=4)
    assert [one.name for one in session.get_inputs()] == ["y"] and session.get_outputs()[0].shape == ["series", 4]
    near(forecast(session, Y.to_numpy().T, None, ids=[0, 1, 2]), model.predict(4, y=Y), Y.to_numpy().T)
    direct = RNNForecaster(**OPTIONS | SINGLE | {"strategy": Direct(3), "intervals": None}).fit(Y)
    assert forecast(session_of(direct), Y.to_numpy().T, None).shape == (3, 3)
    with pytest.raises(ValueError, match="horizon=4 is more than horizon=3, which"):
        direct.to_onnx(io.BytesIO(), horizon=4)


@pytest.mark.parametrize("options", [{"candidates": ["theta"]}, NETWORK | {"global_model": False}], ids=str)
def test_a_mean_that_stays(options: dict) -> None:
    """Paths of noise as they are drawn for so many steps; of series that fit has not had by errors of the first one."""
    own = {"loss": "squared_error", "n_members": 2, "intervals": None}
    model, values = RNNForecaster(**OPTIONS | SINGLE | own | options).fit(Y[:88]), Y.to_numpy().T
    for horizon in (1, 7):
        session = session_of(model, horizon=horizon)
        near(forecast(session, values, None, ids=[0, 1, 2]), model.predict(horizon, y=Y), values)
    if "global_model" not in options:
        near(forecast(session, values, None), model.predict(7, y=Y.add_prefix("new ")), values)


@pytest.mark.parametrize(
    "options",
    [{"missing": "mask"}, {"missing": "zero", "candidates": ["theta"]}, {"global_model": False, "missing": "mask"}],
    ids=["mask", "zero", "local"],
)
def test_short_series(options: dict) -> None:
    """Of fit, which have no networks and are counted, and of a call."""
    wide = GAPS.assign(new=np.nan)[["grows", "new", "signed", "counts"]]
    wide.iloc[-5:, 1] = [3.0, 5.0, NAN, NAN, -2.0]
    long = wide.melt(ignore_index=False, var_name="unique_id", value_name="y").rename_axis("ds").reset_index()
    own = {"short": "naive", "season_length": 4, "intervals": None, "max_steps": 20}
    with pytest.warns(UserWarning, match="too short") if options["missing"] != "zero" else nullcontext():
        model = RNNForecaster(**OPTIONS | SINGLE | NETWORK | own | options).fit(long)
    session, ids = session_of(model), {} if len(options) == 1 else {"ids": [0, 1, 2, 3]}
    for y in (wide, wide[-9:], wide[-3:]):
        own_rows = long[long["ds"] >= y.index[0]]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = model.predict(6, y=own_rows).pivot(index="ds", columns="unique_id", values="RNN")[list(wide)]
        near(forecast(session, y.to_numpy().T, 6, **ids), found, wide.to_numpy().T)
    if "global_model" in options:
        with pytest.raises(Exception, match="a series that was too short in fit has no network"):
            forecast(session, Y.to_numpy().T[:1], 6, ids=[1])


def test_what_a_file_refuses() -> None:
    values, gaps = Y.to_numpy().T, GAPS.to_numpy().T
    model = RNNForecaster(**OPTIONS | SINGLE | {"strategy": Direct(3), "intervals": None}).fit(Y)
    session = session_of(model)
    unknown_end = np.where(np.arange(100) > 97, NAN, values)
    for message, (y, h) in {
        "h must be from 1 to 3, the horizon of fit": (values, 4),
        "each series must end with a known value": (unknown_end, 3),
        "a value is missing: fit with missing='mask' or 'zero'": (gaps, 3),
        "a series needs 4 values": (values[:, :3], 3),
        "a series needs 4 values, from the first known one on": (np.where(np.arange(100) < 97, NAN, values), 3),
    }.items():
        with pytest.raises(Exception, match=message):
            forecast(session, y, h)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (NETWORK | {"loss": "squared_error"}, 'Say how many with horizon, or fit with loss="absolute_error"'),
    ],
)
def test_what_cannot_be_written(options: dict, message: str) -> None:
    model = RNNForecaster(**OPTIONS | {"intervals": None} | options).fit(Y)
    file = io.BytesIO()
    with pytest.raises(ValueError, match=message):
        model.to_onnx(file)
    assert file.getvalue() == b""


@pytest.mark.parametrize("season", [[1], 12])
def test_a_pretrained_network(season: Any) -> None:
    """Of any season, and of series that it never saw."""
    y = Y[["grows", "signed"]]
    model = RNNForecaster.pretrained(max_steps=0, intervals=None, season_length=season).fit(y[:88])
    values = y.to_numpy().T
    near(forecast(session_of(model), values, 4), model.predict(4, y=y), values)


def test_large_arrays_are_kept_once() -> None:
    """Although series that have gaps, others, and the windows of intervals are read each in a part of the graph."""
    model = RNNForecaster.pretrained(max_steps=0).fit(Y[["grows"]])
    file = io.BytesIO()
    model.to_onnx(file, level=80)
    arrays = [one.raw_data for one in onnx.load_from_string(file.getvalue()).graph.initializer]
    large = [one for one in arrays if len(one) > 4096]
    assert len(large) == len({*large}) > 3
