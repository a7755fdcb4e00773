"""What a type checker knows of the public names: read by `mypy --strict`, run by nobody."""

from __future__ import annotations

import io
from pathlib import Path
from typing import assert_type

import numpy as np

import forecastrnn
from forecastrnn import (
    GRU,
    LSTM,
    Adam,
    AdamW,
    Beam,
    Calendar,
    Checkpoint,
    Conformal,
    Cosine,
    Direct,
    Dropout,
    EarlyStopping,
    Elman,
    Embedding,
    Gaussian,
    Holidays,
    ModelFileError,
    OneCycle,
    RNNClassifier,
    RNNForecaster,
    RNNRegressor,
    RNNSeq2Seq,
    TrainingDivergedError,
    Truncated,
    check_gradients,
    load,
)
from forecastrnn.callbacks import Epoch
from forecastrnn.datasets import load_airline, make_sine
from forecastrnn.functional import dynamic_rnn
from forecastrnn.metrics import evaluate, mape
from forecastrnn.model_selection import ForecastScore, RollingOrigin
from forecastrnn.plotting import BacktestDisplay, CoverageDisplay, ForecastDisplay, LossCurveDisplay

X, Y = np.zeros((4, 3)), np.zeros(4)


def forecasts() -> None:
    """Estimators stay what they are through `fit`, `update` and files; parameters are known by name."""
    y = load_airline()
    model = RNNForecaster(
        cell=GRU(), loss=Gaussian(), solver=Adam(OneCycle(0.01), clip_norm=1.0), strategy=Direct(12),
        calendar=Calendar(holidays=Holidays("FR")), intervals=Conformal(), random_state=0,
    )  # fmt: skip
    assert_type(model.fit(y, checkpoint=Checkpoint("run.ckpt")), RNNForecaster)
    assert_type(model.update(y), RNNForecaster)
    assert_type(model.export_numpy("folder"), Path)
    assert_type(model.set_params(cell="lstm"), RNNForecaster)
    assert_type(model.score(y, metric="mae"), float)
    print(model.predict(12, level=[80, 95]), model.sample_paths(12, 100, random_state=0), model.make_future_frame(3))
    print(model.summary(), model.history, model.training_curves_, model.weights_, model.season_length_)
    print(model.stream().step(1.0), ForecastScore("mae")(model, y), list(RollingOrigin(3).split(y)))
    RNNForecaster(cel="gru")  # type: ignore[call-arg]  # names of parameters are known


def backtests_and_pictures() -> None:
    """Frames in and out, and what is drawn of them."""
    y = load_airline()
    model = RNNForecaster(random_state=0).fit(y)
    cv = model.cross_validation(y, 12, n_windows=2, baselines="seasonal_naive", level=[80])
    print(evaluate(cv, ["mase", "smape"], train=y, by="cutoff"))
    display = model.plot(12, truth=y)
    assert_type(display, ForecastDisplay)
    display.figure_.savefig("picture.png")
    BacktestDisplay.from_predictions(cv).figure_.savefig("backtest.png")
    CoverageDisplay.from_predictions(cv).close()
    LossCurveDisplay.from_estimator(model).close()


def arrays() -> None:
    """Arrays in, arrays out."""

    def stop(epoch: Epoch) -> bool:
        return epoch.loss < 0.1

    regressor = RNNRegressor(
        cell=[LSTM(), "gru"], hidden_layer_sizes=[4, 4], solver=AdamW(Cosine(0.01)), dropout=Dropout(between=0.1),
        bptt=Truncated(20), early_stopping=EarlyStopping(0.1), embedding=Embedding(3),
    )  # fmt: skip
    assert_type(regressor.fit(X, Y, sample_weight=Y, callback=stop), RNNRegressor)
    assert_type(regressor.partial_fit(X, Y), RNNRegressor)
    assert_type(regressor.predict(X, n_samples=3), np.ndarray)
    assert_type(regressor.generate(10, prompt=Y), np.ndarray)
    assert_type(regressor.score(X, Y), float)
    assert_type(regressor.export_numpy("folder"), Path)
    regressor.to_onnx("model.onnx")
    stream = regressor.stream()
    stream.set_state(stream.get_state())
    print(stream.step(0.5), regressor.loss_curve_, regressor.output_weights_["kernel"].shape)


def labels_and_tokens() -> None:
    """Ragged lists, labels and texts."""
    classifier = RNNClassifier(class_weight="balanced").fit([[1.0, 2.0], [3.0]], ["a", "b"])
    assert_type(classifier, RNNClassifier)
    assert_type(classifier.partial_fit(X, Y, classes=[0, 1]), RNNClassifier)
    assert_type(classifier.predict_proba(X), np.ndarray)
    assert_type(classifier.predict(X), np.ndarray)
    pairs = RNNSeq2Seq(decoding=Beam(4)).fit(["ab"], ["ba"])
    assert_type(pairs, RNNSeq2Seq)
    print(pairs.predict(["ab"]), pairs.decode(["ab"]).sequences)


def files_and_functions() -> None:
    """Estimators from files, the bare recurrence, gradients, errors."""
    kept = io.BytesIO()
    RNNRegressor().fit(X, Y).save(kept)
    assert_type(RNNRegressor.load(kept.getvalue()), RNNRegressor)
    try:
        print(load("model.rnn"), forecastrnn.__version__)
    except (ModelFileError, TrainingDivergedError) as error:
        print(error)
    outputs, state = dynamic_rnn(Elman(), np.zeros((2, 3, 2)), {"kernel": X})
    sequences, targets = make_sine(10, 5)
    print(outputs, state, sequences.shape, targets.shape, check_gradients("gru"), mape(Y, Y))
