"""mlforecast with LightGBM and neuralforecast's GRU, with and without covariates: what covariates.py compares.

They want an environment of their own (pandas < 3):

python -m venv peers && peers/bin/pip install holidays lightgbm "mlforecast==1.1.0" "neuralforecast==3.3.0" "pandas<3"
FORECASTRNN_DATA=folder OMP_NUM_THREADS=1 peers/bin/python benchmarks/covariate_peers.py nn5 > covariates/nn5.csv
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
import warnings
from collections.abc import Callable
from importlib import import_module

import pandas as pd
from covariate_tasks import TASKS, Task

TRAINER = {"accelerator": "cpu", "devices": 1, "logger": False, "enable_progress_bar": False,
           "enable_model_summary": False, "enable_checkpointing": False}  # fmt: skip
DATES = {24: ["hour", "dayofweek", "dayofyear"], 7: ["dayofweek", "day", "dayofyear"]}  # by season
READ = {24: 72, 7: 56}  # steps that are read
Predict = Callable[[Task], pd.DataFrame]  # forecasts, in the last column


def lightgbm(task: Task, with_covariates: bool) -> Predict:
    """Lags of two seasons and of a longer one, date features and the covariates."""
    light, lag_models = import_module("lightgbm"), import_module("mlforecast")
    differences = import_module("mlforecast.target_transforms").LocalStandardScaler
    freq, reach = ("h" if task.season == 24 else "D"), 2 * task.season
    model = lag_models.MLForecast(
        {"LightGBM": light.LGBMRegressor(n_estimators=300, verbose=-1, n_jobs=1, random_state=0)}, freq=freq,
        lags=[*range(1, reach + 1), 7 * task.season], date_features=DATES[task.season] if with_covariates else [],
        target_transforms=[differences()],
    )  # fmt: skip
    columns = ["unique_id", "ds", "y", *(task.covariates if with_covariates else [])]
    model.fit(task.known[columns], static_features=[])
    return lambda asked: model.predict(asked.h, X_df=asked.plan if with_covariates else None)


def gru(task: Task, with_covariates: bool) -> Predict:
    """Its recurrent network, with the covariates and sines of the calendar as known in the future."""
    core, models = import_module("neuralforecast"), import_module("neuralforecast.models")
    freq, reach = ("h" if task.season == 24 else "D"), READ[task.season]

    def dated(frame: pd.DataFrame) -> pd.DataFrame:
        """With a column for each date feature, as its documentation does."""
        names = DATES[task.season] if with_covariates else []
        return frame.assign(**{name: getattr(frame["ds"].dt, name).astype(float) for name in names})

    exog = [*task.covariates, *DATES[task.season]] if with_covariates else None
    network = models.GRU(
        h=task.h, input_size=reach, futr_exog_list=exog, max_steps=300, batch_size=32, windows_batch_size=64,
        encoder_hidden_size=64, encoder_n_layers=1, scaler_type="robust", random_seed=0, alias="GRU", **TRAINER,
    )  # fmt: skip
    model = core.NeuralForecast([network], freq=freq)
    columns = ["unique_id", "ds", "y", *(task.covariates if with_covariates else [])]
    model.fit(dated(task.known[columns]))
    return lambda asked: model.predict(futr_df=dated(asked.plan) if with_covariates else None)


def main() -> None:
    """Forecast with and without covariates, and with each of them a unit higher; write all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=TASKS)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    task, parts = TASKS[options.name](), []
    for name, library in {"mlforecast, LightGBM": lightgbm, "neuralforecast, GRU": gru}.items():
        for with_covariates in (False, True):
            begun = time.process_time()
            predict = library(task, with_covariates)
            found = predict(task)
            seconds = time.process_time() - begun
            changed = task.changes if with_covariates else {}
            for change, frame in {"": found, **{name: predict(other) for name, other in changed.items()}}.items():
                table = frame.reset_index(drop="unique_id" in frame)[["unique_id", "ds", frame.columns[-1]]]
                table = table.set_axis(["unique_id", "ds", "yhat"], axis=1)
                parts.append(table.assign(model=name, covariates=with_covariates, change=change, seconds=seconds))
            print(f"{name}, {with_covariates}: {seconds:.1f} s", file=sys.stderr)
    pd.concat(parts).to_csv(sys.stdout, index=False, float_format="%.8g")


if __name__ == "__main__":
    main()
