"""What a type checker knows of the public names: read by mypy, run by nobody."""

from __future__ import annotations

from typing import assert_type

import numpy as np

from forecastrnn import AdamW, Conformal, RNNClassifier, RNNForecaster, RNNRegressor, RNNSeq2Seq, Truncated
from forecastrnn.datasets import load_airline
from forecastrnn.metrics import evaluate
from forecastrnn.plotting import ForecastDisplay

X, Y = np.zeros((4, 3)), np.zeros(4)


def forecasts() -> None:
    """Estimators stay what they are through `fit`."""
    y = load_airline()
    model = RNNForecaster(cell="gru", intervals=Conformal(), random_state=0).fit(y)
    assert_type(model, RNNForecaster)
    assert_type(model.plot(12), ForecastDisplay)
    print(evaluate(model.cross_validation(y, 12, n_windows=2), "mase", train=y), model.predict(12, level=[80, 95]))
    RNNForecaster(cel="gru")  # type: ignore[call-arg]  # names of parameters are known


def arrays() -> None:
    """Arrays in, arrays out."""
    regressor = RNNRegressor(solver=AdamW(learning_rate=0.01), bptt=Truncated(20)).fit(X, Y)
    assert_type(regressor, RNNRegressor)
    assert_type(regressor.predict(X), np.ndarray)
    assert_type(RNNClassifier().partial_fit(X, Y, classes=[0, 1]), RNNClassifier)
    assert_type(RNNClassifier().fit(X, Y).predict_proba(X), np.ndarray)
    assert_type(RNNSeq2Seq().fit(["ab"], ["ba"]), RNNSeq2Seq)
