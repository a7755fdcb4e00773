"""The forecasters of several libraries behind one face, and the timing of one of them in a process of its own.

Each gets the same long frame, cell, units, mini-batch, window and number of training steps; what it does to the
values (scaling, differences, inputs of its own), its loss and its optimizer are those it comes with.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.scoring import scores
from benchmarks.series_sets import SeriesSet, data_folder, read_set
from forecastrnn.datasets import load_airline

Forecasts = dict[str, np.ndarray]


@dataclass(frozen=True)
class Spec:
    """What all have in common. A window: `context` steps to read, then `trained` steps that are forecast."""

    cell: str = "gru"
    units: int = 64
    batch: int = 64
    context: int = 24
    trained: int = 24
    steps: int = 300


@dataclass(frozen=True)
class Fit:
    """One fit to make: what, on how many steps ahead, with which season, seed and number of threads."""

    spec: Spec
    horizon: int
    season: int
    seed: int
    threads: int


Predict = Callable[[], Forecasts]
TRAINER = {"accelerator": "cpu", "devices": 1, "logger": False, "enable_progress_bar": False,
           "enable_model_summary": False, "enable_checkpointing": False}  # fmt: skip


def by_series(table: pd.DataFrame, column: str) -> Forecasts:
    """Forecasts of a long frame by series."""
    groups = table.sort_values(["unique_id", "ds"], kind="stable").groupby("unique_id", sort=False)
    return {name: part[column].to_numpy(float) for name, part in groups}


def fit_ours(frame: pd.DataFrame, fit: Fit, **options: Any) -> Predict:
    """RNNForecaster with the common settings, or others."""
    from forecastrnn import RNNForecaster

    model = RNNForecaster(season_length=fit.season, random_state=fit.seed, n_jobs=fit.threads, **options)
    model.fit(frame)
    return lambda: by_series(model.predict(fit.horizon), "RNN")


def fit_one_member(frame: pd.DataFrame, fit: Fit) -> Predict:
    """One network of ours and nothing else, as the others: no intervals, and no candidates beside it."""
    s = fit.spec
    options: dict[str, Any] = {"context_length": s.context, "batch_size": s.batch, "max_steps": s.steps, "n_members": 1}
    options |= {"intervals": None, "candidates": "network"}
    return fit_ours(frame, fit, cell=s.cell, hidden_layer_sizes=s.units, **options)


def fit_neuralforecast(frame: pd.DataFrame, fit: Fit) -> Predict:
    """neuralforecast's recurrent model, fed back as ours; its defaults otherwise."""
    from neuralforecast import NeuralForecast, models

    s = fit.spec
    model = getattr(models, s.cell.upper())(
        h=fit.horizon, input_size=s.context, h_train=s.trained, recurrent=True, encoder_n_layers=1,
        encoder_hidden_size=s.units, max_steps=s.steps, windows_batch_size=s.batch, random_seed=fit.seed,
        alias="RNN", **TRAINER,
    )  # fmt: skip
    whole = NeuralForecast(models=[model], freq=1)
    whole.fit(frame)
    return lambda: by_series(whole.predict().reset_index(), "RNN")


def fit_darts(frame: pd.DataFrame, fit: Fit) -> Predict:
    """Darts' RNNModel on values scaled to 0 .. 1 by its Scaler, as its documentation does."""
    from darts import TimeSeries
    from darts.dataprocessing.transformers import Scaler
    from darts.models import RNNModel

    s = fit.spec
    names = list(frame["unique_id"].unique())
    series = TimeSeries.from_group_dataframe(
        frame, "unique_id", time_col="ds", value_cols="y", freq=1, drop_group_cols="unique_id"
    )
    scaler = Scaler()
    scaled = scaler.fit_transform([one.astype(np.float32) for one in series])
    model = RNNModel(
        input_chunk_length=s.context, training_length=s.context + s.trained - 1, model=s.cell.upper(),
        hidden_dim=s.units, n_rnn_layers=1, batch_size=s.batch, n_epochs=s.steps, random_state=fit.seed,
        pl_trainer_kwargs=TRAINER | {"max_steps": s.steps},
    )  # fmt: skip
    model.fit(scaled)

    def predict() -> Forecasts:
        found = scaler.inverse_transform(model.predict(fit.horizon, series=scaled, verbose=False))
        return {name: one.values()[:, 0] for name, one in zip(names, found, strict=True)}

    return predict


@dataclass(frozen=True)
class Library:
    """How to fit with it, and the modules that have to be imported before."""

    fit: Callable[[pd.DataFrame, Fit], Predict]
    modules: tuple[str, ...]
    package: str


LIBRARIES = {
    "forecastrnn, 1 member": Library(fit_one_member, ("forecastrnn.estimators.forecaster",), "forecastrnn"),
    "forecastrnn, as it comes": Library(fit_ours, ("forecastrnn.estimators.forecaster",), "forecastrnn"),
    "neuralforecast": Library(fit_neuralforecast, ("neuralforecast", "neuralforecast.models"), "neuralforecast"),
    "Darts": Library(fit_darts, ("darts.models.forecasting.rnn_model",), "darts"),
}


def read(name: str, n_series: int) -> SeriesSet:
    """The embedded airline series, its last year held out, or evenly spaced series of a set on disk."""
    if name == "airline":
        y = load_airline().to_numpy(float)
        return SeriesSet(name, 12, {name: y[:-12]}, {name: y[-12:]})
    data = read_set(data_folder(), name)
    chosen = sorted(data.train)[:: max(1, len(data.train) // n_series)][:n_series]
    train, test = ({key: part[key] for key in chosen} for part in (data.train, data.test))
    return replace(data, train=train, test=test)


def seconds_of(call: Callable[[], Any]) -> tuple[float, Any]:
    """How long a call takes, and what it returns."""
    begun = time.perf_counter()
    found = call()
    return time.perf_counter() - begun, found


def measure(library: Library, spec: Spec, data: SeriesSet, fits: int, threads: int) -> dict[str, object]:
    """Import, a first fit and predict, then `fits` more of each, all with seeds of their own."""
    frame = data.frame().rename(columns={"t": "ds"})
    imported, _ = seconds_of(lambda: [import_module(module) for module in library.modules])
    rows = []
    for seed in range(fits + 1):
        fit = Fit(spec, data.horizon, data.season, seed, threads)
        fitted, predict = seconds_of(lambda fit=fit: library.fit(frame, fit))
        predicted, found = seconds_of(predict)
        rows.append((fitted, predicted, scores(data, found)["sMAPE"]))
    fitted, predicted, smape = map(list, zip(*rows[1:], strict=True))
    return {"import_s": imported, "first_fit_s": rows[0][0], "fit_s": fitted, "predict_s": predicted, "smape": smape}


def main() -> None:
    """Measure the library that is named, on the set that is named; the last line is the result."""
    name, spec, data_name, n_series, fits, threads = json.loads(sys.argv[1])
    warnings.simplefilter("ignore")
    os.environ["OMP_NUM_THREADS"] = str(threads)  # PyTorch's threads, read when it is imported
    for noisy in ("pytorch_lightning", "lightning.pytorch", "darts", "lightning_fabric"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    found = measure(LIBRARIES[name], Spec(**spec), read(data_name, n_series), fits, threads)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
