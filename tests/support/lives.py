"""Small models of every kind with what a life needs: data, new rows, bad calls, and all that can be asked of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from forecastrnn import Direct, RNNClassifier, RNNForecaster, RNNRegressor, RNNSeq2Seq, Seq2Seq
from support.forecaster_cases import long_of

N, STEPS, OLD = 12, 5, 40  # sequences and their steps; rows of a series in a fit
QUICK = {"hidden_layer_sizes": 8, "max_iter": 2, "random_state": 0}
FORECASTS = {"hidden_layer_sizes": 8, "n_members": 1, "max_steps": 3, "random_state": 0, "candidates": "network"}
WORDS = ["ab", "ba", "aab", "abba", "b", "bab"]

Call = tuple[tuple, dict[str, Any]]  # arguments, by position and by name


@dataclass(frozen=True)
class Kind:
    """One kind of model, and how it is used."""

    make: Callable[[], Any]
    data: Callable[[int], Call]  # of a fit, by its number
    asks: Callable[[Any], list[Any]]  # what it answers when fitted
    bad: tuple[Call, ...]  # of a fit, which must refuse them
    wrong_questions: tuple[Callable[[Any], Any], ...]
    changes: tuple[dict[str, Any], ...]  # parameters that a fitted model may be given
    rows: Callable[[int, int, int], Any] | None = None  # so many rows of series number i behind a time, for `update`
    partial: Callable[[int], Call] | None = None  # data of `partial_fit`
    told: bool = True  # its `fit` tells a callback of each epoch


# Sequences --------------------------------------------------------------------------------------------
def _x(seed: int, channels: int = 2) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(N, STEPS, channels))


def _y(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed + 50).normal(size=(N, *shape))


def _labels(seed: int, *shape: int) -> np.ndarray:
    classes = np.array(["down", "same", "up"])
    drawn = np.random.default_rng(seed + 90).integers(3, size=(N, *shape))
    drawn.flat[:6] = [0, 1, 2] * 2
    return classes[drawn]


def _bad_sequences(y: np.ndarray) -> tuple[Call, ...]:
    broken = _x(0)
    broken[3, 2, 1] = np.nan
    return (((broken, y), {}), ((_x(0), y[:-1]), {}), ((_x(0)[:0], y[:0]), {}), ((_x(0), None), {}),
            ((_x(0), y), {"sample_weight": np.full(N, -1.0)}), ((_x(0), y), {"lengths": [0] * N}))  # fmt: skip


CHANGES = ({"verbose": 0}, {"n_jobs": 2}, {"max_iter": 3}, {"batch_size": 5}, {"hidden_layer_sizes": 4},
           {"solver__learning_rate": 0.05}, {"random_state": 9}, {"cell": "gru"})  # fmt: skip


def _questions(x: np.ndarray) -> tuple[Callable[[Any], Any], ...]:
    return (lambda m: m.predict(x[:, :, :1]), lambda m: m.predict(x * np.inf), lambda m: m.predict(None),
            lambda m: m.score(x, None), lambda m: m.set_params(nothing=1))  # fmt: skip


def _sequences(make: Callable[..., Any], targets: Callable[..., np.ndarray], *shape: int, **options: Any) -> Kind:
    """Of (N, STEPS, 2) to targets of this shape behind N."""
    x, repeated = _x(7), shape and shape[0] == STEPS
    lengths = {"lengths": np.arange(N) % STEPS + 1} if repeated else {}

    def data(seed: int) -> Call:
        return (_x(seed), targets(seed, *shape)), {"sample_weight": np.linspace(0.5, 2.0, N)} | lengths

    def asks(model: Any) -> list[Any]:
        stream = model.stream()
        found = [model.predict(x, **lengths), model.predict(x[:1]), *(stream.step(x[0, t]) for t in range(3))]
        found += [model.predict_proba(x)] if isinstance(model, RNNClassifier) else []
        return found + [model.score(*data(1)[0], **lengths), model.loss_curve_]

    return Kind(
        lambda: make(**QUICK | options), data, asks, _bad_sequences(targets(0, *shape)), _questions(x), CHANGES,
        partial=data,
    )  # fmt: skip


def _generating() -> Kind:
    """A regressor whose targets are the next values."""
    base = _sequences(RNNRegressor, _y, STEPS, 2)
    prompt = _x(3)[0]

    def asks(model: Any) -> list[Any]:
        return [*base.asks(model), model.generate(4, prompt), model.generate(3, prompt, context_length=2)]

    return Kind(base.make, base.data, asks, base.bad, (*base.wrong_questions, lambda m: m.generate(0)), CHANGES,
                partial=base.partial)  # fmt: skip


def _dropped() -> Kind:
    """With dropout, early stopping and several samples of a prediction."""
    options = {"dropout": 0.3, "early_stopping": True, "bidirectional": True, "layer_norm": True}
    base, x = _sequences(RNNRegressor, _y, **options), _x(7)

    def asks(model: Any) -> list[Any]:
        return [model.predict(x), model.predict(x, n_samples=2, random_state=1), model.loss_curve_]

    return Kind(base.make, base.data, asks, base.bad, base.wrong_questions, CHANGES)


# Pairs ------------------------------------------------------------------------------------------------
def _pairs(**options: Any) -> Kind:
    """Words that are turned round."""

    def data(seed: int) -> Call:
        sources = np.random.default_rng(seed).permutation(WORDS).tolist() + WORDS
        return (sources, [word[::-1] for word in sources]), {}

    def asks(model: Any) -> list[Any]:
        found = model.decode(WORDS[:3])
        return [np.array(model.predict(WORDS), dtype=object), repr(found), model.score(*data(1)[0]), model.loss_curve_]

    bad = (((WORDS, WORDS[:2]), {}), (([1.5], ["a"]), {}), (([], []), {}), ((WORDS, None), {}), ((None, WORDS), {}))
    wrong = (lambda m: m.predict(["xyz"]), lambda m: m.predict(None), lambda m: m.predict(["a"], beam_width=0))
    changes = tuple(change for change in CHANGES if "cell" not in change)
    made = QUICK | {"max_iter": 1, "embedding_dim": 3} | options
    return Kind(lambda: RNNSeq2Seq(**made), data, asks, bad, wrong, changes, partial=data)


# Series -----------------------------------------------------------------------------------------------
def _values(seed: int, n: int = 120) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 10 + np.sin(np.arange(n) * 2 * np.pi / 7) + 0.1 * rng.normal(size=n)


def _wide(seed: int, first: int, count: int) -> pd.DataFrame:
    index = pd.date_range("2024", periods=120, freq="D")
    frame = pd.DataFrame({"a": _values(seed), "b": 3 * _values(seed + 1) - 40}, index)
    return frame[first : first + count]


def _single(seed: int, first: int, count: int) -> pd.Series:
    return _wide(seed, first, count)["a"].rename("sales")


def _long(seed: int, first: int, count: int) -> pd.DataFrame:
    frame = _wide(seed, first, count)
    return long_of({name: frame[name] for name in frame})


def _listed(seed: int, first: int, count: int) -> np.ndarray:
    return _values(seed)[first : first + count]


def _endless(rows: Any) -> Any:
    """The same with an infinity, which is refused whatever `missing` says."""
    found = rows.copy()
    places = found if isinstance(found, np.ndarray) else found.iloc
    places[(9, -1) if found.ndim == 2 else 9] = np.inf
    return found


def _forecasts(rows: Callable[[int, int, int], Any], *, calibrated: bool = False, **options: Any) -> Kind:
    """Series of this form."""
    one = rows in (_single, _listed)
    recursive = "strategy" not in options

    def asks(model: Any) -> list[Any]:
        found = [model.predict(4), model.predict([2, 3], y=rows(5, 3, 30)), model.loss_curve_]
        if calibrated:
            found += [model.predict(3, level=[80]), model.sample_paths(3, 2, random_state=1)]
        elif recursive:
            found.append(model.sample_paths(3, 2, calibrated=False, random_state=1))
        if recursive:
            stream = model.stream(None if one else "b")
            found += [stream.step(10.5), stream.step(9.0)]
        return found

    broken = _endless(rows(0, 0, OLD))
    bad = (((broken,), {}), ((rows(0, 0, 0),), {}), ((None,), {}), ((rows(0, 0, OLD),), {"X": ["nothing"]}))
    late = ["x"] if rows is _listed else rows(0, 110, 2)
    wrong = (lambda m: m.predict(0), lambda m: m.predict(10**12), lambda m: m.predict(2, ids=["z"]),
             lambda m: m.update(late), lambda m: m.predict(2, y=broken), lambda m: m.stream("z"),
             lambda m: m.predict(2, level=101))  # fmt: skip
    changes = ({"verbose": 0}, {"n_jobs": 2}, {"max_steps": 4}, {"hidden_layer_sizes": 4}, {"season_length": 3},
               {"random_state": 9}, {"missing": "mask"}, {"n_members": 2})  # fmt: skip
    intervals = {} if calibrated else {"intervals": None}
    return Kind(
        lambda: RNNForecaster(**FORECASTS | intervals | options), lambda seed: ((rows(seed, 0, OLD),), {}), asks, bad,
        wrong, changes, rows, told=options.get("global_model", True),
    )  # fmt: skip


KINDS: dict[str, dict[str, Kind]] = {
    "regressor": {
        "numbers": _sequences(RNNRegressor, _y),
        "numbers at each step": _generating(),
        "dropout and early stopping": _dropped(),
        "two outputs, in float32": _sequences(RNNRegressor, _y, 2, dtype="float32", cell="gru"),
    },
    "classifier": {
        "labels": _sequences(RNNClassifier, _labels),
        "labels at each step": _sequences(RNNClassifier, _labels, STEPS, bptt_steps=3),
    },
    "seq2seq": {"words": _pairs(), "words without attention": _pairs(attention=None, cell="gru")},
    "forecaster": {
        "one series": _forecasts(_single),
        "an array": _forecasts(_listed, early_stopping=True, n_members=2),
        "a wide frame with intervals": _forecasts(_wide, calibrated=True),
        "a long frame, local": _forecasts(_long, global_model=False),
        "seq2seq": _forecasts(_wide, strategy=Seq2Seq(3)),
        "direct": _forecasts(_single, strategy=Direct(4)),
    },
}


# What is compared -------------------------------------------------------------------------------------
def bits(value: Any) -> Any:
    """What is equal only if every bit is."""
    if isinstance(value, pd.DataFrame | pd.Series):
        dtypes = value.dtypes if isinstance(value, pd.DataFrame) else value.dtype
        return type(value).__name__, repr(value.axes), repr(dtypes), bits(value.to_numpy())
    array = np.asarray(value)
    return (str(array.dtype), array.shape, repr(array.tolist()) if array.dtype == object else array.tobytes())


def frozen(call: Call) -> Call:
    """The same arguments, arrays read-only, as pandas and joblib hand them out."""
    for value in [*call[0], *call[1].values()]:
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
    return call


def described(call: Call) -> Any:
    """All that was given, to see whether it has been touched."""
    values = [*call[0], *call[1].items()]
    return [
        bits(value) if isinstance(value, np.ndarray | pd.DataFrame | pd.Series) else repr(value) for value in values
    ]
