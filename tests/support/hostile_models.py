"""Small fitted models of every kind that a file can hold, and a use of all that each can do."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd

from forecastrnn import (
    LSTM,
    Calendar,
    Conformal,
    RNNClassifier,
    RNNForecaster,
    RNNRegressor,
    RNNSeq2Seq,
)
from support.model_cases import SERIES

RNG = np.random.default_rng(2)
X, X3, Y = RNG.normal(size=(12, 4)), RNG.normal(size=(12, 4, 2)), RNG.normal(size=12)
CODES = np.stack([RNG.integers(0, 5, (12, 4)), RNG.normal(size=(12, 4))], 2)
DAYS = pd.date_range("2024-01-01", periods=72)
WAVE = pd.Series(10 + np.sin(np.arange(60) * 2 * np.pi / 7) + RNG.normal(size=60) / 9, DAYS[:60], name="s")
WIDE = pd.DataFrame({"a": WAVE, "b": WAVE * 2 - 19, "c": np.floor(WAVE * 1.2) % 3})
LONG = WIDE.rename_axis("ds").melt(ignore_index=False, var_name="unique_id", value_name="y").reset_index()
KIND = pd.DataFrame({"kind": ["u", "v", "u"]}, index=["a", "b", "c"])
BESIDE = pd.DataFrame({
    "ds": DAYS, "price": RNG.normal(size=72), "promo": np.arange(72) % 5 == 0,
    "day": np.where(np.arange(72) % 7 < 5, "w", "f"),
})  # fmt: skip
EVENTS = pd.DataFrame({"time": DAYS[::9], "name": "e"})
_QUICK = {"hidden_layer_sizes": 3, "random_state": 0}
_PLAIN = {"n_members": 1, "max_steps": 2, "intervals": None, "candidates": "network"} | _QUICK


def _rows(name: str) -> pd.DataFrame:
    """The covariates of series of these names."""
    return pd.concat([BESIDE.assign(unique_id=one) for one in name], ignore_index=True)


_SHORT = pd.concat([LONG, pd.DataFrame({"unique_id": ["d"], "ds": DAYS[59:60], "y": [3.0]})], ignore_index=True)
_GAPS = _SHORT.assign(y=_SHORT["y"].where(_SHORT.index % 11 > 0))
_VECTORS = {0: {k: [k / 9, 1.0] for k in range(5)}}  # of channel 0
_TWO_LAYERS = {"hidden_layer_sizes": (3, 2), "cell": ["gru", "rnn"], "bidirectional": True, "layer_norm": True}
_CALENDAR = Calendar(["weekday", "day_of_year"], events=EVENTS)
_AXES = ("hours of trading days", "third Fridays", "the 15th", "periods", "range", "columns of two levels",
         "nullable ids", "dated columns", "fixed offset, seconds", "a last day that begins at one")  # fmt: skip
_LEVELS = {"intervals": Conformal(horizon=3, adaptive=True), "n_members": 2}


def _regressor(X: Any, y: Any = Y, **options: Any) -> Callable[[], Any]:
    return lambda: RNNRegressor(**_QUICK | {"max_iter": 1} | options).fit(X, y)


def _classifier(y: Any, **options: Any) -> Callable[[], Any]:
    return lambda: RNNClassifier(**_QUICK, max_iter=1, **options).fit(X, y)


def _pairs_of(X: Any, y: Any, **options: Any) -> Callable[[], Any]:
    return lambda: RNNSeq2Seq(**_QUICK, max_iter=1, embedding_dim=2, **options).fit(X, y)


def _forecaster(y: Any, beside: dict[str, Any] | None = None, **options: Any) -> Callable[[], Any]:
    return lambda: RNNForecaster(**_PLAIN | options).fit(y, **beside or {})


def _updated() -> Any:
    options = {"candidates": "auto", "older_means": [(3, 2)], "long_run_mean": True}
    return RNNForecaster(**_PLAIN | options).fit(WIDE[:-3]).update(WIDE[-3:])


FITS: dict[str, Callable[[], Any]] = {
    "regressor": _regressor(X, max_iter=2),
    "two layers": _regressor(X3, **_TWO_LAYERS, dtype="float32", dropout=0.1),
    "categories": _regressor(CODES, cell=LSTM(peepholes=True), categorical_features=[0], early_stopping=True),
    "given vectors": _regressor(CODES, categorical_features=[0], embedding_weights=_VECTORS),
    "vector in": _regressor(X, np.stack([Y] * 3, 1), vector_input=True),
    "steps ahead": _regressor(X3, np.stack([X] * 2, 2)[:, -2:]),
    "frame": _regressor(pd.DataFrame(X, columns=list("pqrs"))),
    "classes": _classifier(["a", "b", "c"] * 4),
    "weighted classes": _classifier(["a", "b", "c"] * 4, class_weight={"a": 2.0, "b": 0.5}),
    "step classes": _classifier((X > 0).astype(int)),
    "pairs": _pairs_of(["ab", "ba", "aab"], ["b", "a", "ab"]),
    "attention": _pairs_of([[1, 2], [2, 1], [1]], [[3], [4, 3], [3]], attention="additive", bidirectional=True),
    "series": _forecaster(WAVE),
    "array": _forecaster(WAVE.to_numpy()),
    "recipe": _forecaster(WIDE, intervals="conformal", candidates="auto"),
    "own levels": _forecaster(WIDE, **_LEVELS),
    "vectors of series": _forecaster(WIDE, {"static": KIND}, id_embedding_dim=2),
    "local": _forecaster(WIDE, global_model=False),
    "decoder": _forecaster(WAVE, strategy="seq2seq"),
    "direct": _forecaster(WAVE, strategy="direct", horizon=4, older_means=[(3, 2)]),
    "pre-trained": lambda: RNNForecaster.pretrained().fit(WIDE),
    "updated": _updated,
    "gaps": _forecaster(_GAPS, missing="mask", short="naive", season_length=[7, 14]),
    "covariates": _forecaster(LONG, {"X": _rows("abc")}),
    "covariates at once": _forecaster(LONG, {"X": _rows("abc")}, strategy="direct", horizon=4),
    "calendar": _forecaster(WIDE, calendar=_CALENDAR),
    "likelihood": _forecaster(WIDE, loss="student_t"),
    "counts": _forecaster(WIDE[["c"]], loss="negative_binomial"),
    "quantiles": _forecaster(WIDE, loss="quantile", strategy="direct", horizon=3),
    **{name: _forecaster(SERIES[name]) for name in _AXES},
}


def use(model: Any) -> list[np.ndarray]:
    """Numbers that come out of all that the model does: it is used, and then goes on."""
    if isinstance(model, RNNForecaster):
        found, naive = [_numbers(one) for one in _forecasts(model)], model._model.naive
        are_missing = naive is not None and np.isnan(naive.figure).any()  # a series without any value has no forecast
        return [np.where(np.isnan(one), 0.0, one) for one in found] if are_missing else found
    return _pairs(model) if isinstance(model, RNNSeq2Seq) else _sequences(model)


def _pairs(model: RNNSeq2Seq) -> list[np.ndarray]:
    words = model._fitted.writes_str
    X, y = (["ab", "b"], ["b", "a"]) if words else ([[1, 2], [2]], [[3], [4]])
    codes = [sum(map(ord, word)) if isinstance(word, str) else sum(word) for word in model.predict(X)]
    with suppress(ValueError):
        model.partial_fit(X, y)
    return [np.array(codes, float), np.array(model.loss_)]


def _sequences(model: Any) -> list[np.ndarray]:
    """Of a regressor or classifier."""
    data: Any = {1: X, 4: X, 2: CODES if model._fitted.coding is not None else X3}.get(model.n_channels_in_, X)
    data = pd.DataFrame(X, columns=list("pqrs")) if hasattr(model, "feature_names_in_") else data
    y = model.predict(data)
    found = [model.predict_proba(data) if isinstance(model, RNNClassifier) else y]
    if not model.bidirectional and not isinstance(model, RNNClassifier):
        stream = model.stream()
        found += [stream.step(row) for row in (data[:2] if model.vector_input else np.asarray(data)[0, :2])]
    if not model.early_stopping:
        with suppress(ValueError):  # parameters may be others than those of the fit, in a model of today too
            model.partial_fit(data, y)
            found.append(np.array(model.loss_))
    return found


def _forecasts(model: RNNForecaster) -> list[Any]:
    """Of a forecaster."""
    ahead = {"X": _rows("abc")[lambda frame: frame["ds"] >= DAYS[60]]} if model._model.given_covariates else {}
    is_direct, steps = model._model.strategy == "direct", model._model.settings.horizon
    h = min(3, steps) if is_direct else 3
    found = [model.predict(h, **ahead)]
    found += [] if is_direct else [model.sample_paths(h, 3, calibrated=False, random_state=1, **ahead)]
    found += [model.predict(h, level=[80], **ahead)] if model.intervals is not None else []
    return found + _moved(model, ahead)


def _moved(model: RNNForecaster, ahead: dict[str, Any]) -> list[Any]:
    """What a stream and an update make of new values: the model's own forecasts, which have its names and times."""
    names, days, found = model._model.whole_axis.ids, DAYS[60:62], []
    if model._model.strategy == "recursive" and not ahead:
        stream = model.stream(names[0]) if len(names) > 1 else model.stream()
        found += [stream.step(11.0), stream.step(12.0)]
    new = model.predict(1 if model._model.strategy == "direct" else 2, **ahead)
    new = new.to_numpy() if model._model.axis.form == "array" else new
    if isinstance(new, pd.DataFrame) and model.alias in new:
        new = new.rename(columns={model.alias: model._model.reading.columns["target_col"]})
    model.update(new, **{name: frame[frame["ds"].isin(days)] for name, frame in ahead.items()})
    later = {name: frame[frame["ds"] >= days[-1]] for name, frame in ahead.items()}
    return [*found, model.predict(1, **later)]


def _numbers(found: Any) -> np.ndarray:
    if isinstance(found, pd.DataFrame):
        found = found.select_dtypes("number")
    return np.asarray(found, float)
