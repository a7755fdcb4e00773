"""Long jobs in processes of their own, which tests interrupt: each says when it heard of it, and what is left.

A job is a function that makes what it needs and returns what takes long, and what tells numbers of the model that was
there before.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from forecastrnn import RNNClassifier, RNNForecaster, RNNRegressor, RNNSeq2Seq, load

NEVER = 10**6
Work = tuple[Callable[[], object], Callable[[], object]]
JOBS: dict[str, Callable[[], Work]] = {}


def job(make: Callable[[], Work]) -> Callable[[], Work]:
    """An entry of the table."""
    JOBS[make.__name__] = make
    return make


def noisy(n: int, seed: int = 0) -> np.ndarray:
    return 10.0 + np.sin(np.arange(n) / 5.0) + 0.1 * np.random.default_rng(seed).standard_normal(n)


def panel(n_series: int, n: int, first: int = 0) -> pd.DataFrame:
    values = noisy(n)[None] + 0.1 * np.random.default_rng(1).standard_normal((n_series, n))
    ids, times = np.repeat(np.arange(n_series), n), np.tile(np.arange(first, first + n), n_series)
    return pd.DataFrame({"unique_id": ids, "ds": times, "y": values.reshape(-1)})


def forecaster(**options: object) -> RNNForecaster:
    settings = {"hidden_layer_sizes": 8, "n_members": 1, "max_steps": 5, "random_state": 0, "season_length": 12}
    return RNNForecaster(**(settings | options))


def regressor(**options: object) -> RNNRegressor:
    return RNNRegressor(**({"hidden_layer_sizes": 16, "max_iter": 1, "random_state": 0} | options))


def fitted_forecaster(**options: object) -> RNNForecaster:
    return forecaster(intervals=None, candidates="network", **options).fit(noisy(120))


def again(model: RNNForecaster, y: object, **options: object) -> Work:
    """Another fit of a fitted forecaster."""
    return lambda: model.set_params(**options).fit(y), lambda: model.predict(3).to_numpy()


@job
def local_networks_of_long_series() -> Work:
    return again(fitted_forecaster(), noisy(10**7), global_model=False)


@job
def candidates_and_calibration_of_a_long_series() -> Work:
    return again(fitted_forecaster(), noisy(2 * 10**6), candidates="auto", intervals="conformal")


@job
def many_series() -> Work:
    return again(fitted_forecaster(), panel(20_000, 100), candidates="auto", intervals="conformal")


@job
def local_networks_of_many_series() -> Work:
    return again(fitted_forecaster(), panel(2000, 100), global_model=False, max_steps=2000)


@job
def period_search() -> Work:
    y = pd.Series(noisy(3 * 10**6), pd.date_range("2000", periods=3 * 10**6, freq="min"))
    return again(fitted_forecaster(), y, season_length=None)


@job
def backtest() -> Work:
    model = fitted_forecaster(max_steps=50)
    return lambda: model.cross_validation(panel(200, 200), 12, n_windows=10), lambda: model.predict(3)


@job
def sample_paths() -> Work:
    model = forecaster(intervals=None).fit(panel(500, 60))
    return lambda: model.sample_paths(48, 2000, calibrated=False), lambda: model.predict(3)


@job
def update() -> Work:
    model = fitted_forecaster()
    return lambda: model.update(noisy(3 * 10**6, seed=1)), lambda: model.predict(3).to_numpy()


@job
def large_network() -> Work:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((400, 60)), rng.standard_normal(400)
    model = regressor().fit(x, y)
    options = {"hidden_layer_sizes": 256, "max_iter": NEVER, "tol": 0.0, "initializer": "uniform"}
    return lambda: model.set_params(**options).fit(x, y), lambda: model.predict(x)


@job
def first_values_of_many_units() -> Work:
    x = np.ones((4, 5))
    model = regressor(cell="rnn").fit(x, np.arange(4.0))
    return lambda: model.set_params(hidden_layer_sizes=7000).fit(x, np.arange(4.0)), lambda: model.predict(x)


@job
def one_long_sequence() -> Work:
    x, few = np.sin(np.arange(10**6))[None], np.sin(np.arange(50.0))[None]
    model = regressor().fit(few, [1.0])
    return lambda: model.set_params(max_iter=NEVER).fit(x, [1.0]), lambda: model.predict(few)


@job
def predictions_of_many_rows() -> Work:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((400_000, 50))
    model = regressor(hidden_layer_sizes=64).fit(x[:50], x[:50, 0])
    return lambda: model.predict(x), lambda: model.predict(x[:5])


@job
def score() -> Work:
    x = np.random.default_rng(0).standard_normal((200_000, 50))
    model = regressor(hidden_layer_sizes=64).fit(x[:50], x[:50, 0])
    return lambda: model.score(x, x[:, 0]), lambda: model.predict(x[:5])


@job
def generation() -> Work:
    x = np.sin(np.arange(200.0) / 5.0)[None, :, None]
    model = regressor().fit(x[:, :-1], x[:, 1:])
    return lambda: model.generate(10**7, x[0]), lambda: model.predict(x[:, :9])


@job
def categories() -> Work:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 9, (2, 10**6))
    options = {"categorical_features": [0], "hidden_layer_sizes": 16, "random_state": 0}
    model = RNNClassifier(max_iter=1, **options).fit(x[:, :50], ["a", "b"])
    return lambda: model.set_params(max_iter=NEVER).fit(x, ["a", "b"]), lambda: model.predict_proba(x[:, :50])


@job
def pairs() -> Work:
    few, many = (["abc", "bca"], ["cba", "acb"]), (["abcdef" * 9] * 400, ["fedcba" * 9] * 400)
    model = RNNSeq2Seq(hidden_layer_sizes=64, max_iter=1, random_state=0).fit(*few)
    return lambda: model.set_params(max_iter=NEVER).fit(*many), lambda: model.decode(few[0]).log_probabilities


@job
def beams() -> Work:
    words = ["abcdef" * 4] * 200
    model = RNNSeq2Seq(hidden_layer_sizes=64, max_iter=1, random_state=0).fit(words, words)
    return lambda: model.decode(words * 20, beam_width=8), lambda: model.decode(words[:2]).log_probabilities


@job
def saves() -> Work:
    model = regressor(hidden_layer_sizes=300).fit(np.ones((4, 5)), np.arange(4.0))
    place = Path(tempfile.mkdtemp()) / "model"
    model.save(place)

    def run() -> None:
        while True:
            model.save(place)

    return run, lambda: load(place).predict(np.ones((4, 5)))


@job
def plain_python() -> Work:
    """How late any loop hears of it on a busy machine."""

    def run() -> None:
        while True:
            sum(range(1000))

    return run, lambda: 0.0


def main() -> None:
    """Run the job that is named, again and again, and say when it was interrupted and whether all is as it was."""
    run, look = JOBS[sys.argv[1]]()
    before: np.ndarray | None = np.asarray(look(), dtype=float)
    said: dict[str, object] = {}
    print("begun", flush=True)
    try:
        while True:
            run()
            before = None  # while it is asked: another model than that before
            before = np.asarray(look(), dtype=float)
    except KeyboardInterrupt:
        said = {"end": "heard", "at": time.perf_counter()}
    except BaseException as error:
        said = {"end": repr(error)[:300]}
    said["same"] = before is None or bool(np.array_equal(before, np.asarray(look(), dtype=float)))
    said["threads"] = sorted(thread.name for thread in threading.enumerate() if thread.name.startswith("Timer"))
    print(json.dumps(said | {"last": time.perf_counter()}), flush=True)


if __name__ == "__main__":
    main()
