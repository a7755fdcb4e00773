"""Model files: what comes back is what was saved, to the bit; what cannot be kept is said."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

import forecastrnn
from forecastrnn import (
    GRU,
    LSTM,
    Adam,
    Calendar,
    Conformal,
    Direct,
    Dropout,
    EarlyStopping,
    Elman,
    ModelFileError,
    RNNClassifier,
    RNNForecaster,
    RNNRegressor,
)
from forecastrnn.data.calendar import CalendarColumns
from forecastrnn.data.covariate_values import Covariate
from forecastrnn.data.series_input import TimeAxis
from forecastrnn.data.special_days import SpecialDays
from forecastrnn.data.time_index import Clock
from forecastrnn.forecasting import model as forecast_model
from forecastrnn.forecasting.candidates.candidate_ends import CandidateEnds
from forecastrnn.forecasting.covariates import CovariateScales, ScaledCovariates
from forecastrnn.forecasting.ends import Carried, SeriesEnds
from forecastrnn.forecasting.mixture import Mixture
from forecastrnn.forecasting.naive_series import NaiveSeries
from forecastrnn.forecasting.preparation import Prepared
from forecastrnn.forecasting.trained import Trained
from forecastrnn.networks.cells import CELLS
from forecastrnn.networks.network import Layer
from forecastrnn.persistence import codec, plain_values
from forecastrnn.persistence.model_file import open_model
from forecastrnn.sequences.fitting import Fitted
from forecastrnn.sequences.state import STATE
from forecastrnn.training.network_progress import Progress
from forecastrnn.training.optimizers import OptimizerState
from support.forecaster_cases import long_of, monthly, quick
from support.model_cases import LONG, SERIES, WIDE, X, classifier, dates, figures, regressor
from support.saved_models import assert_same, plain

STACK = ["peephole_lstm", GRU(reset_after=False)]
ARRAYS: dict[str, Callable[[], Any]] = {
    "one number": lambda: regressor().fit(X, X[:, -1, 0]),
    "each step, float32, no scalers": lambda: regressor(standardize=False, dtype="float32").fit(X, X),
    "stack": lambda: regressor(cell=["peephole_lstm", GRU(reset_after=False)], hidden_layer_sizes=(3, 2)).fit(
        X, X[:, -3:]
    ),
    "bidirectional": lambda: regressor(cell=LSTM(forget_bias=0.25), bidirectional=True).fit(X, X[:, -1]),
    "layer norm": lambda: regressor(cell=["gru", "lstm"], hidden_layer_sizes=(3, 2), layer_norm=True).fit(X, X),
    "early stopping, sgd": lambda: regressor(solver="sgd", early_stopping=True, cell=Elman("relu")).fit(X, X[:, -1]),
    "array parameter": lambda: regressor(hidden_layer_sizes=np.array([3]), solver=Adam(l2=np.float64(0.1))).fit(
        X, X[:, -1]
    ),
    "column names": lambda: regressor().fit(pd.DataFrame(X[:, :, 0], columns=list("pqrsté")), X[:, -1, 0]),
    "dropout": lambda: regressor(dropout=Dropout(between=0.25, recurrent=0.5)).fit(X, X),
    "texts": lambda: classifier(["no", "yes, très"]),
    "labels at each step, sampled": lambda: RNNClassifier(
        hidden_layer_sizes=3, max_iter=2, random_state=0, n_sampled_classes=2
    ).fit(X, np.arange(X.shape[0] * X.shape[1]).reshape(X.shape[:2]) % 5),
    "objects": lambda: classifier(np.array(["no", "yes"], object)),
    "ints": lambda: classifier(np.array([3, -1, 7], np.int32)),
    "floats": lambda: classifier(np.array([0.0, 2.0])),
    "booleans": lambda: classifier([True, False], early_stopping=EarlyStopping(fraction=0.4)),
}
SMALL: dict[str, Any] = {"max_steps": 2, "hidden_layer_sizes": 2}
FORECASTS: dict[str, Callable[[], Any]] = {
    "a series": lambda: quick(n_members=2).fit(monthly(60)),
    "times and values": lambda: quick().fit(monthly(60).rename("sold").rename_axis("month").reset_index()),
    "direct": lambda: quick(strategy=Direct(4)).fit(monthly(60)),
    "wide, masked, early stopping": lambda: quick(missing="mask", early_stopping=True).fit(
        WIDE.mask(WIDE == WIDE.iloc[9, 0])
    ),
    "long": lambda: quick(dtype="float64").fit(long_of({"x": monthly(60), "ÿ": monthly(48, 2)})),
    "local": lambda: quick(global_model=False, n_members=2).fit(WIDE),
    "local, layer norm": lambda: quick(global_model=False, layer_norm=True).fit(WIDE),
    "local, direct": lambda: quick(global_model=False, strategy=Direct(3)).fit(WIDE),
    "seq2seq": lambda: quick(strategy="seq2seq", n_members=2, hidden_layer_sizes=3, early_stopping=True).fit(WIDE),
    "older means": lambda: quick(older_means=[(4, 3), (6, 2)]).fit(WIDE),
    "long-run mean": lambda: quick(long_run_mean=True, global_model=False).fit(WIDE),
    "conformal": lambda: quick(intervals=Conformal(n_windows=4), **SMALL).fit(monthly(60)),
    "conformal, adaptive": lambda: quick(intervals=Conformal(adaptive=True), **SMALL).fit(WIDE),
    "conformal, each series": lambda: quick(intervals=Conformal(pool="series", symmetric=False), **SMALL).fit(WIDE),
    "too short for windows": lambda: quick(intervals="conformal", **SMALL).fit(monthly(4)),
    "paths": lambda: quick(intervals="paths", **SMALL).fit(WIDE),
    "calendar": lambda: quick(calendar=Calendar(["month"], holidays="FR"), **SMALL).fit(WIDE),
    "a gap at the end": lambda: quick(missing="mask", **SMALL).fit(WIDE.mask(WIDE == WIDE.iloc[-1, 0])),
    "stack of cells": lambda: quick(cell=["gru", LSTM()], hidden_layer_sizes=(3, 2), batch_size=8).fit(monthly(60)),
}
# fmt: skip


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Any, Any]]:
    """Name of a case -> the estimator that was saved, and the one that came back; each fitted once."""
    folder, found = tmp_path_factory.mktemp("models"), {}

    def get(name: str) -> tuple[Any, Any]:
        if name not in found:
            model = (ARRAYS | FORECASTS)[name]()
            model.save(folder / "model.rnn")
            found[name] = model, forecastrnn.load(folder / "model.rnn")
        return found[name]

    return get


@pytest.mark.parametrize("name", [*ARRAYS, *FORECASTS])
def test_everything_comes_back(saved: Callable[[str], tuple], name: str) -> None:
    model, again = saved(name)
    assert_same(plain(model), plain(again))


@pytest.mark.parametrize("name", ["one number", "each step, float32, no scalers", "dropout", "texts"])
def test_a_warm_start_goes_on_with_the_same_bits(saved: Callable[[str], tuple], name: str) -> None:
    y = {"one number": X[:, -1, 0], "texts": np.resize(["no", "yes, très"], len(X))}.get(name, X)
    thetas = []
    for model in saved(name):
        fitted, before = model._fitted, len(model.loss_curve_)
        thetas.append(model.set_params(warm_start=True, max_iter=3).fit(X, y)._fitted.progress.theta)
        assert len(model.loss_curve_) == before + 3
        model._fitted = fitted
    assert thetas[0].tobytes() == thetas[1].tobytes()


@pytest.mark.parametrize(("name", "y"), [("a series", monthly(60)), ("local", WIDE), ("seq2seq", WIDE)])
def test_a_forecaster_goes_on_with_the_same_bits(saved: Callable[[str], tuple], name: str, y: Any) -> None:
    went_on = [model.set_params(warm_start=True).fit(y)._model.trained.thetas for model in saved(name)]
    assert went_on[0].tobytes() == went_on[1].tobytes()


@pytest.mark.parametrize("name", ["conformal", "conformal, each series", "paths"])
def test_intervals_come_back(saved: Callable[[str], tuple], name: str) -> None:
    first, second = (model.predict(3, level=50, quantiles=0.3) for model in saved(name))
    assert first.equals(second)


def test_why_there_are_no_intervals_comes_back(saved: Callable[[str], tuple]) -> None:
    for model in saved("too short for windows"):
        with pytest.raises(ValueError, match="could not be calibrated in fit: even the longest series, 's0', has 4"):
            model.predict(3, level=80)


OTHER_PROCESS = """
import sys, numpy as np, forecastrnn
folder = {folder!r}
from support.model_cases import figures
for name in ("regressor", "classifier", "forecaster"):
    print(figures(forecastrnn.load(f"{{folder}}/{{name}}.rnn")))
"""


def test_another_process_gets_the_same_figures(run_script: Callable[..., str], tmp_path: Path) -> None:
    models = {
        "regressor": regressor().fit(X, X),
        "classifier": classifier(["a", "b"]),
        "forecaster": quick(n_members=2).fit(monthly(60)),
    }
    for name, model in models.items():
        model.save(tmp_path / f"{name}.rnn")
    printed = run_script(OTHER_PROCESS.format(folder=str(tmp_path))).split("\n")
    assert printed[:-1] == [figures(model) for model in models.values()]


@pytest.fixture(scope="module")
def trained() -> dict[str, RNNForecaster]:
    return {name: quick(max_steps=2, hidden_layer_sizes=2).fit(y) for name, y in SERIES.items()}


@pytest.mark.parametrize("name", SERIES)
def test_series_of_every_form_come_back(trained: dict[str, RNNForecaster], name: str, tmp_path: Path) -> None:
    trained[name].save(tmp_path / "model.rnn")
    again = RNNForecaster.load(tmp_path / "model.rnn")
    for h in (3, [2, 5]):
        expected, found = trained[name].predict(h), again.predict(h)
        same = pd.testing.assert_series_equal if isinstance(found, pd.Series) else pd.testing.assert_frame_equal
        same(found, expected, check_exact=True, check_freq=True)
    assert again.predict(2, y=SERIES[name]).equals(trained[name].predict(2, y=SERIES[name]))


def test_other_column_names_come_back(tmp_path: Path) -> None:
    columns = {"id_col": "shop", "time_col": 3, "target_col": ("net", "sum")}
    frame = LONG.set_axis(list(columns.values()), axis=1)
    model = quick(max_steps=2, hidden_layer_sizes=2).fit(frame, **columns)
    model.save(tmp_path / "model.rnn")
    assert forecastrnn.load(tmp_path / "model.rnn").predict(2, y=frame).equals(model.predict(2, y=frame))


def test_a_freq_is_kept_with_the_model(tmp_path: Path) -> None:
    """A long frame cannot have one of its own: of trading days, and of a working week that was found."""
    trading = pd.offsets.CustomBusinessDay(weekmask="Mon Tue Wed Thu Fri Sat", holidays=["2024-01-15", "2024-02-19"])
    days = pd.date_range("2024-01-02", periods=52, freq=trading)
    frame = pd.DataFrame({"unique_id": "a", "ds": list(days[:40]), "y": np.arange(40.0) % 6})
    with pytest.raises(ValueError, match="no constant step.*CustomBusinessDay"):
        quick().fit(frame)
    model = quick(max_steps=2, hidden_layer_sizes=2, freq=trading).fit(frame)
    model.save(tmp_path / "model.rnn")
    again = forecastrnn.load(tmp_path / "model.rnn")
    assert again.predict(12)["ds"].tolist() == days[40:].tolist() and again.season_length_ == 6
    few = frame.assign(unique_id="b")[-5:]
    assert again.predict(12, y=few)["ds"].tolist() == days[40:].tolist()
    assert again.fit(frame).predict(12).equals(model.predict(12)) and again.freq.calendar.weekmask.sum() == 6


# What a file cannot keep ----------------------------------------------------------------------------------
class Mine(RNNRegressor):
    pass


def test_what_cannot_be_kept_is_said(tmp_path: Path) -> None:
    path = tmp_path / "model.rnn"
    with pytest.raises(NotFittedError):
        RNNRegressor().save(path)
    with pytest.raises(TypeError, match="random_state=RandomState.*set_params"):
        regressor(random_state=np.random.RandomState(0)).fit(X, X).save(path)
    with pytest.raises(TypeError, match="not Mine"):
        Mine(max_iter=1).fit(X, X).save(path)
    with pytest.raises(ValueError, match="'solver__l2' parameter"):
        regressor().fit(X, X).set_params(solver__l2=-1.0).save(path)
    fifteenth = pd.DateOffset(months=1, day=15)
    with pytest.raises(TypeError, match="frequency .* cannot be saved"):
        quick(max_steps=1).fit(dates(fifteenth)).save(path)
    with pytest.raises(TypeError, match="the name Period"):
        quick(max_steps=1).fit(WIDE.set_axis(pd.period_range("2024", periods=2, freq="M"), axis=1)).save(path)
    broken = regressor().fit(X, X)
    broken._fitted.progress.theta[3] = np.nan
    with pytest.raises(ValueError, match="non-finite values"):
        broken.save(path)
    assert not list(tmp_path.iterdir())


def test_every_field_is_kept() -> None:
    """A field that is added to one of these must be added to the file too, with a new format version."""
    kept = {
        Fitted: "network progress x_scaler y_scaler loss last target_ndim seed dropout coding repeats",
        Progress: "theta optimizer loss_curve validation_scores best_iter stopped",
        OptimizerState: "moments count since_start",
        forecast_model.Model: (
            "network trained settings tail residuals axis reading strategy static naive_errors intervals naive floors "
            "calendar mixture recent seen library"
        ),
        CalendarColumns: "waves special years country",
        SpecialDays: "names days channel owner series",
        NaiveSeries: "axis places figure floors",
        Trained: "thetas curves updates members",
        forecast_model.ReadingOptions: "columns missing least needs short",
        SeriesEnds: "prepared z inputs phase first carried so_far guessed candidates hulls",
        CandidateEnds: "weights states",
        Mixture: "names usual",
        Carried: "means sums since states",
        Prepared: (
            "layout context ahead z observed starts pads period_of scale level linear after n_observations covariates "
            "figure shift"
        ),
        ScaledCovariates: "scales centre numbers codes",
        CovariateScales: "columns centred middle spread gaps seen in_encoder",
        Covariate: "name role kind categories shared",
        TimeAxis: "form ids clock last time_name id_name value_name id_dtype late",
        Clock: "kind step freq unit tz",
    }
    for kind, names in kept.items():
        assert [field.name for field in dataclasses.fields(kind)] == names.split(), kind


@dataclasses.dataclass(frozen=True)
class Slow(Elman):
    """A cell of one's own."""

    share: float = 0.5


def test_a_registered_cell_is_kept_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert plain_values.encode(Slow(), "cell")["class"] == "Slow"  # with its formula, as nothing else knows it
    monkeypatch.setitem(CELLS, "slow", Slow())
    raw = plain_values.encode([Slow("relu", 0.25), "slow"], "cell")
    assert raw[0] == {"record": "Slow", "activation": "relu", "share": 0.25}
    assert plain_values.decode(raw) == [Slow("relu", 0.25), "slow"]
    assert plain_values.decode(plain_values.encode(Layer(Slow(), 3), "layer"), [Layer]) == Layer(Slow(), 3)


# Records ------------------------------------------------------------------------------------------------------------
@dataclasses.dataclass
class Wheel:
    radius: np.ndarray
    spokes: int = 8


@dataclasses.dataclass
class Cart:
    name: str
    wheels: list[Wheel]
    load: np.ndarray | None
    is_new: bool = True


WHEEL = codec.record(Wheel, radius=codec.array("<f8", codec.Size("n_radius", 1)))
CART = codec.record(
    Cart, wheels=codec.joint(WHEEL, "a wheel"), load=codec.optional("has_load", codec.array("<i8", "wheels"))
)
CARTS = codec.State(CART, lambda cart: None, lambda part: None, order="load radius")


def test_a_record_described_once_comes_back() -> None:
    """Bounds and lengths are in the header; tensors are as the header says."""
    cart = Cart("left", [Wheel(np.array([0.5, 2.0]), 3), Wheel(np.array([4.0]))], np.array([7, 1]), False)
    header, tensors, values = CARTS.write(cart, "Cart")
    assert header == {
        "name": "left", "wheels": [{"n_radius": 2, "spokes": 3}, {"n_radius": 1, "spokes": 8}], "has_load": True,
        "is_new": False,
    }  # fmt: skip
    assert [(tensor.name, tensor.dtype, tensor.shape) for tensor in tensors] == [
        ("load", "<i8", (2,)), ("radius", "<f8", (3,)),
    ]  # fmt: skip
    again, make = CARTS.read(json.loads(json.dumps(header)), "Cart")
    assert again == tensors
    assert_same(make(values), cart)


@pytest.mark.parametrize(
    ("word", "value", "message"),
    [("name", 3, "name must be a string"), ("wheels", [{"n_radius": 0, "spokes": 1}], "n_radius must be an int from 1"),
     ("wheels", [3], "a wheel must have the fields"), ("more", 3, "the model must have the fields")],
)  # fmt: skip
def test_a_wrong_record_is_refused_before_its_tensors(word: str, value: Any, message: str) -> None:
    header, _, _ = CARTS.write(Cart("left", [], None), "Cart")
    with pytest.raises(ModelFileError, match=message):
        CARTS.read(header | {word: value}, "Cart")


def test_a_new_field_has_its_default_in_an_older_file(tmp_path: Path) -> None:
    header, _, _ = CARTS.write(Cart("left", [], None, False), "Cart")
    del header["is_new"]
    tensors, make = CARTS.read(header, "Cart")
    assert not [tensor for tensor in tensors if tensor.nbytes] and make({}) == Cart("left", [], None, True)
    model = regressor().fit(X, X)
    model.save(tmp_path / "model.rnn")
    with open_model(tmp_path / "model.rnn") as file:
        state, (tensors, _) = file.header["state"], STATE.read(file.header["state"], "RNNRegressor")
        values = file.read(tensors)
    for name in ("repeats", "categories", "given"):
        del state[name]
    tensors, make = STATE.read(state, "RNNRegressor")
    assert make(values)["_fitted"].repeats == 0 and make(values)["embedding_weights"] is None


def test_a_field_of_another_type_needs_a_kind() -> None:
    with pytest.raises(TypeError, match="Wheel.radius needs a kind in its record.*: it is no int, bool or str"):
        codec.record(Wheel)
