"""Calls with strange inputs, and whether what came of them is an answer or an error in our own words."""

from __future__ import annotations

import contextlib
import copy
import linecache
import multiprocessing
import os
import re
import signal
import traceback
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import forecastrnn
from forecastrnn import RNNClassifier, RNNForecaster, RNNRegressor, RNNSeq2Seq, metrics
from support.strange_sequences import CHANNELS, STEPS, N, rows, sequences, targets, texts
from support.strange_series import any_series
from support.strange_values import ODD, PROFILES, Draw

TOO_LONG = 120  # seconds of a processor for a call, the compilation of what it is the first to need among them
PACKAGE = str(Path(forecastrnn.__file__).parent)
SMALL = {"hidden_layer_sizes": 2, "random_state": 0, "max_iter": 1}
FORECASTS = {"hidden_layer_sizes": 2, "n_members": 1, "max_steps": 2, "random_state": 0, "intervals": None}
STEPS_AHEAD = [
    3,
    1,
    0,
    -1,
    1.5,
    "2020-03-01",
    "x",
    [1, 3],
    [3, 1],
    [1, 1],
    [],
    None,
    True,
    np.nan,
    np.inf,
    10**12,
    10**400,
    pd.Timestamp("2020-03-05"),
    pd.Period("2020-03"),
    pd.NaT,
    np.int8(2),
    np.array([2]),
    "9999",
    "1999",
    {1},
]

# Texts of NumPy and scikit-learn that say what is wrong with the argument; all others speak of their own affairs.
PLAIN = re.compile(
    r"could not convert string to|Complex data not supported|must be a string or a (real )?number|must be real number|"
    r"not 'NAType'|np\.matrix is not supported|Expected a? ?2"
)
INNER = re.compile(
    r"HistGradient|test_size|setting an array element|narwhals|ufunc|numba|has no attribute|unsupported operand|"
    r"is not iterable|not subscriptable|out of bounds|broadcast|unhashable|positional argument|'<' not supported|"
    r"boolean value of NA|"
    r"truth value of|cannot convert NaN|zero-size|unpack|concatenate",
    re.IGNORECASE,
)


# Models -----------------------------------------------------------------------------------------------
def _wave(n: int = 30) -> pd.Series:
    return pd.Series(
        PROFILES["wave"](np.random.default_rng(0), n), pd.date_range("2020-01-31", periods=n), name="sales"
    )


@cache
def models() -> dict[str, Any]:
    """What calls with strange inputs ask, all fitted at once, before there are other processes."""
    x = np.random.default_rng(1).normal(size=(N, STEPS, CHANNELS))
    wide = pd.DataFrame({"s0": _wave(), "s1": 2 * _wave()})
    made = {
        "regressor": lambda: RNNRegressor(**SMALL).fit(x, x[:, 0, 0]),
        "classifier": lambda: RNNClassifier(**SMALL).fit(x, np.arange(N) % 2),
        "steps": lambda: RNNRegressor(**SMALL).fit(x, x),
        "seq2seq": lambda: RNNSeq2Seq(**SMALL, embedding_dim=2).fit(["ab", "ba", "b"], ["b", "a", "b"]),
        "series": lambda: RNNForecaster(**FORECASTS, candidates="network").fit(_wave()),
        "wide": lambda: RNNForecaster(**FORECASTS, missing="mask").fit(wide),
        "array": lambda: RNNForecaster(**FORECASTS, candidates="network").fit(_wave().to_numpy()),
        "covariates": lambda: RNNForecaster(**FORECASTS, candidates="network").fit(_wave(), X=_wave().rename("x") * 2),
    }
    return {key: make() for key, make in made.items()}


# Calls ------------------------------------------------------------------------------------------------
def _forecaster(draw: Draw) -> RNNForecaster:
    return RNNForecaster(
        **FORECASTS,
        candidates=draw.value("candidates", ["network", "auto"], "network", 0.8),
        missing=draw.value("missing", ["raise", "mask", "zero"], "raise", 0.6),
        short=draw.value("short", ["raise", "mask"], "raise", 0.7),
        global_model=draw.value("global", [True, False], True, 0.9),
        bounds=draw.value("bounds", ["auto", None], "auto", 0.9),
    )


def fit_series(draw: Draw) -> Any:
    y, model = any_series(draw), _forecaster(draw)
    beside = {name: any_series(draw) for name in ("X", "static") if draw.often(0.08)}
    return model.fit(y, **beside).predict(draw.value("h", STEPS_AHEAD, 3, 0.7))


def predict_series(draw: Draw) -> Any:
    model, options = models()[draw.value("model", ["series", "wide", "array", "covariates"])], {}
    for name in ("y", "X"):
        if draw.often(0.6 if name == "y" else 0.25):
            options[name] = any_series(draw)
    if draw.often(0.1):
        options["ids"] = draw.value(
            "ids", [["s0"], ["z"], "s0", [], None, [None], [["s0"]], {"s0"}, 3, ["s0", "s0"], [np.nan]]
        )
    if draw.often(0.1):
        options["level"] = draw.value("level", [80, [80, 95], 0, 100, 1.0, -1, "80", [], None, [80, 80], np.nan, {80}])
    return model.predict(draw.value("h", STEPS_AHEAD, 3, 0.5), **options)


def update_series(draw: Draw) -> Any:
    model = copy.deepcopy(models()[draw.value("model", ["series", "wide", "array", "covariates"])])
    y = any_series(draw)
    if isinstance(y, pd.Series | pd.DataFrame) and isinstance(y.index, pd.DatetimeIndex) and draw.often(0.7) and len(y):
        with contextlib.suppress(Exception):
            y.index = y.index + (pd.Timestamp("2020-03-01") - y.index[0])  # behind the end
    return model.update(y, train=draw.value("train", [False, True, 1, -1, "yes", None], False, 0.8)).predict(2)


def paths(draw: Draw) -> Any:
    model = models()[draw.value("model", ["series", "wide", "array"])]
    count = draw.value("n_paths", [2, 0, -1, 1.5, "2", None, 10**9, 10**30, True], 2, 0.6)
    options = {"y": any_series(draw)} if draw.often(0.5) else {}
    return model.sample_paths(draw.value("h", STEPS_AHEAD, 3, 0.6), count, calibrated=False, random_state=0, **options)


def backtest(draw: Draw) -> Any:
    y, model = any_series(draw), _forecaster(draw)
    return model.cross_validation(
        y,
        draw.value("h", STEPS_AHEAD, 3, 0.7),
        n_windows=draw.value("n_windows", [1, 2, 0, -1, 2.5, "3", None, 10**9], 1, 0.7),
        step_size=draw.value("step_size", [None, 1, 0, -2, 1.5, "1"], None, 0.8),
        refit=draw.value("refit", [False, "update", 0, -1, "no", None], False, 0.8),
    ).drop(columns="y", errors="ignore")


def evaluated(draw: Draw) -> Any:
    names = ["mae", "rmse", "mape", "smape", "wape", "mase", "bias", "crps", "coverage", "nothing", None, [], len]
    options = {"metrics": [draw.value("metric", names, "mae", 0.5)]}
    for name in ("train", "truth"):
        if draw.often(0.5):
            options[name] = any_series(draw)
    metrics.evaluate(any_series(draw), **options)  # NaN is an answer here: rows without a truth have no score


def step_of_stream(draw: Draw) -> Any:
    stream = models()[draw.value("model", ["series", "array"])].stream()
    found = []
    for _ in range(3):
        value = draw.value(
            "value", [10.0, 1e300, -1e300, 1e-300, 0, True, np.float32(9), np.array(9.0), *ODD], 10.0, 0.4
        )
        found.append(stream.step(value))
    return found


def fit_sequences(draw: Draw) -> Any:
    model = draw.value("estimator", [RNNRegressor, RNNClassifier])(**SMALL, early_stopping=draw.often(0.15))
    x, beside = sequences(draw), {name: rows(draw, name) for name in ("lengths", "sample_weight")}
    lesson = draw.value("lesson", ["fit", "partial_fit"], "fit", 0.9)
    model = getattr(model, lesson)(x, targets(draw), **beside)
    return [model.weights_, model.predict(x, lengths=beside["lengths"])]


def ask_sequences(draw: Draw) -> Any:
    model, x = models()[draw.value("model", ["regressor", "classifier", "steps"])], sequences(draw)
    lengths = rows(draw, "lengths")
    if draw.often(0.25):
        return model.score(x, targets(draw), sample_weight=rows(draw, "weight"), lengths=lengths)
    return model.predict(x, lengths=lengths)


def generate(draw: Draw) -> Any:
    count = draw.value("n_steps", [3, 0, -1, 1.5, "3", None, True, np.int8(2), 10**30], 3, 0.7)
    return models()["steps"].generate(
        count, sequences(draw), context_length=draw.value("context", [None, 2, 0, -1, "2", 1.5, 99], None, 0.7)
    )


def step_of_sequence(draw: Draw) -> Any:
    stream, options = (
        models()[draw.value("model", ["regressor", "steps"])].stream(),
        [[1.0, 2.0], [[1.0, 2.0]], [1.0], 5.0, [], "ab"],
    )
    return [
        stream.step(
            draw.value(
                "x", [*options, [1e300, -1e300], [np.nan, 1.0], [np.inf, 1.0], ["1", "2"], *ODD], [1.0, 2.0], 0.4
            )
        )
        for _ in range(2)
    ]


def fit_pairs(draw: Draw) -> Any:
    x, beside = texts(draw, "X"), {"sample_weight": rows(draw, "sample_weight", 4)}
    model = RNNSeq2Seq(**SMALL, embedding_dim=2).fit(x, texts(draw, "y"), **beside)
    model.predict(x)
    return model.weights_


def ask_pairs(draw: Draw) -> Any:
    model, width = models()["seq2seq"], draw.value("width", [None, 2, 0, -1, 1.5, "2", 10**9, True], None, 0.7)
    model.predict(texts(draw, "X"), beam_width=width)
    return model.score(texts(draw, "X"), texts(draw, "y"))


CALLS: dict[str, tuple[Callable[[Draw], Any], int]] = {
    "fit of series": (fit_series, 4),
    "predict of series": (predict_series, 6),
    "update": (update_series, 3),
    "sample_paths": (paths, 2),
    "cross_validation": (backtest, 2),
    "evaluate": (evaluated, 4),
    "stream": (step_of_stream, 1),
    "fit of sequences": (fit_sequences, 4),
    "predict of sequences": (ask_sequences, 5),
    "generate": (generate, 1),
    "stream of sequences": (step_of_sequence, 1),
    "fit of pairs": (fit_pairs, 1),
    "predict of pairs": (ask_pairs, 2),
}
WEIGHED = [name for name, (_, weight) in CALLS.items() for _ in range(weight)]


# What came of it --------------------------------------------------------------------------------------
def numbers_in(value: Any) -> Iterator[np.ndarray]:
    """All that must be finite."""
    if isinstance(value, pd.DataFrame):
        value = value.select_dtypes("number").to_numpy()
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for one in value:
            yield from numbers_in(one)
    elif isinstance(value, np.ndarray | np.generic | float | pd.Series) and np.asarray(value).dtype.kind == "f":
        yield value.compressed() if isinstance(value, np.ma.MaskedArray) else np.asarray(value)


def fault_of(error: BaseException) -> str | None:
    """Why an error is not one of ours; None if it is."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{type(error).__name__} at {os.path.relpath(place.filename, PACKAGE)}:{place.lineno}: {str(error)[:150]!r}"
    if not isinstance(error, ValueError | TypeError | FileNotFoundError) or type(error).__module__.split(".")[0] in (
        "numpy",
        "pandas",
        "numba",
    ):
        return where
    if INNER.search(str(error)) or not str(error):
        return where
    ours = place.filename.startswith(PACKAGE) and linecache.getline(
        place.filename, place.lineno or 0
    ).strip().startswith("raise")
    return None if ours or "sklearn" in place.filename or PLAIN.search(str(error)) else where


class TooLong(BaseException):
    """A call does not come back."""


def _late(*_: Any) -> None:
    raise TooLong(f"more than {TOO_LONG} s")


def name_of(seed: int, number: int) -> str:
    """Which call it is."""
    return WEIGHED[np.random.default_rng([seed, number, 1]).integers(len(WEIGHED))]


def called(seed: int, number: int) -> tuple[str, str] | None:
    """The fault of one call, and what was drawn; None if all is well."""
    draw, name = Draw(seed, number), name_of(seed, number)
    signal.signal(signal.SIGPROF, _late)
    signal.setitimer(signal.ITIMER_PROF, TOO_LONG)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            answer = CALLS[name][0](draw)
        bad = not all(np.isfinite(array).all() for array in numbers_in(answer))
        fault = "an answer that is not finite" if bad else None
    except MemoryError as error:
        fault = f"MemoryError: {error}"
    except (Exception, TooLong) as error:
        fault = None if drawn_in_vain(error) else fault_of(error)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return fault and (fault, f"case {number}: {name}; " + "; ".join(draw.told))


def drawn_in_vain(error: BaseException) -> bool:
    """Whether pandas or NumPy could not even make the input: an error that never came into the package."""
    return not any(frame.filename.startswith(PACKAGE) for frame in traceback.extract_tb(error.__traceback__))


def faults(seed: int, first: int, count: int, but: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """Of so many calls, without those of some names."""
    found = [called(seed, number) for number in range(first, first + count) if name_of(seed, number) not in but]
    return [one for one in found if one]


def faults_apart(seed: int, first: int, count: int) -> list[tuple[str, str]]:
    """In a process of its own, whose end by a signal is a fault as well."""
    models()
    near, far = multiprocessing.Pipe(duplex=False)

    def work() -> None:
        for number in range(first, first + count):
            far.send((number, called(seed, number)))

    worker = multiprocessing.get_context("fork").Process(target=work)
    worker.start()
    far.close()
    found, last = [], first - 1
    with contextlib.suppress(EOFError):
        while last < first + count - 1:
            last, fault = near.recv()
            found += [fault] if fault else []
    worker.join()
    return found if worker.exitcode == 0 else [*found, (f"a crash: {worker.exitcode}", f"case {last + 1}")]
