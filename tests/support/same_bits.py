"""What every estimator and option computes, as digests of the bits: `python tests/support/same_bits.py` writes them.

A change of the code that means to change no behaviour leaves them as they are. The bits belong to a processor and to
the libraries that make machine code; elsewhere the figures beside them are compared, which any rounding leaves close.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import warnings
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numba
import numpy as np
import pandas as pd
import sklearn

import forecastrnn as rnn
from forecastrnn import RNNClassifier, RNNForecaster, RNNRegressor, RNNSeq2Seq
from forecastrnn.functional import dynamic_rnn, static_rnn

FILE = Path(__file__).with_suffix(".json")
PREAMBLE = 56  # bytes before a model file's header: checksum and lengths
RNG = np.random.default_rng(11)
X = RNG.normal(size=(20, 9, 2)).astype(np.float32)
Y = np.tanh(X.astype(float).sum(axis=(1, 2)))
STEPS = np.tanh(np.cumsum(X, axis=1).astype(float))  # (20, 9, 2): targets at each step
LENGTHS = RNG.integers(3, 10, 20)
LABELS = np.array(["low", "middle", "high"])[np.arange(20) % 3]
TOKENS = np.array(list("abcb"))[RNG.integers(4, size=(20, 9))]
VECTORS = RNG.normal(size=(20, 3))
CODES = RNG.integers(6, size=(20, 9))
WEIGHT = RNG.uniform(0.2, 2, 20)
WORDS = ["abc"[n % 3] * (1 + n % 2) + "cab"[n // 3 % 3] * (n % 3) for n in range(24)]
TURNED = [word[::-1] for word in WORDS]
DATES = pd.date_range("2015-01-01", periods=72, freq="MS")
SEASON = np.array([0, 1, 3, 4, 6, 7, 9, 7, 6, 4, 2, 1.0])[np.arange(72) % 12]
ONE = pd.Series(100 + np.arange(72) + 8 * SEASON + RNG.normal(size=72), DATES, name="sales")
WIDE = pd.DataFrame({"a": ONE, "b": 50 - ONE / 4 + RNG.normal(size=72), "c": ONE**2 / 50})
LONG = WIDE.rename_axis("ds").reset_index().melt("ds", var_name="unique_id", value_name="y").iloc[:-7]
STATIC = pd.DataFrame({"kind": ["x", "y", "x"], "open": [True, False, False]}, index=["a", "b", "c"])

SEQUENCE_OPTIONS: dict[str, dict[str, Any]] = {
    "default": {},
    **{cell: {"cell": cell} for cell in ("rnn", "peephole_lstm", "gru")},
    "relu": {"cell": rnn.Elman("relu"), "initializer": "he"},
    "gru before": {"cell": rnn.GRU(reset_after=False), "initializer": "orthogonal"},
    "lstm options": {"cell": rnn.LSTM(peepholes=True, forget_bias=0.5), "hidden_layer_sizes": (5, 4)},
    "mixed": {"cell": ["gru", "lstm"], "hidden_layer_sizes": (5, 3), "initializer": "uniform"},
    "both ways": {"bidirectional": True, "cell": "gru", "hidden_layer_sizes": (4, 3)},
    "norm": {"layer_norm": True, "hidden_layer_sizes": (5, 3)},
    "norm gru": {"layer_norm": True, "cell": "gru"},
    "norm gru before": {"layer_norm": True, "cell": rnn.GRU(reset_after=False)},
    "norm rnn": {"layer_norm": True, "cell": "rnn", "bidirectional": True},
    "dropout": {"dropout": rnn.Dropout(input=0.2, between=0.3, recurrent=0.1), "hidden_layer_sizes": (5, 4)},
    "truncated": {"bptt": rnn.Truncated(4)},
    "checkpoints": {"bptt": rnn.Truncated(checkpoint="auto")},
    "sgd": {"solver": rnn.SGD(rnn.Steps(0.05))},
    "plain sgd": {"solver": rnn.SGD("invscaling", nesterov=False)},
    "rmsprop": {"solver": rnn.RMSprop("cosine")},
    "adamw": {"solver": rnn.AdamW("one_cycle", weight_decay=0.01, clip_norm=0.5)},
    "noise": {"solver": rnn.Adam(l2=0.01, noise=0.1)},
    "early": {"early_stopping": rnn.EarlyStopping(fraction=0.2, patience=2), "max_iter": 8},
    "no scaling": {"standardize": False, "shuffle": False, "batch_size": 7},
    "float32": {"dtype": "float32"},
    "float64": {"dtype": "float64"},
    "threads": {"n_jobs": 2, "batch_size": 20},
}
# What forecasters do beside the networks, and choose by the series, is left out: digests are of what is computed.
RECIPE: dict[str, Any] = {"intervals": None, "older_means": None, "candidates": "network", "batch_size": 64}
FORECASTS: dict[str, dict[str, Any]] = {
    "default": {},
    "lstm": {"cell": "lstm", "hidden_layer_sizes": (8, 6), "layer_norm": True},
    "direct": {"strategy": rnn.Direct(6)},
    "seq2seq": {"strategy": "seq2seq"},
    "seq2seq horizon": {"strategy": rnn.Seq2Seq(5), "cell": "lstm", "season_length": [1]},
    "older means": {"older_means": [(3, 2), (6, 2)], "context_length": 15},
    "local": {"global_model": False, "batch_size": 16},
    "ids": {"id_embedding_dim": 2},
    "early": {"early_stopping": rnn.EarlyStopping(patience=1), "max_steps": 200},
    "squared": {"loss": "squared_error", "solver": rnn.Adam(0.004), "season_length": 6},
    "huber": {"loss": "huber", "dropout": rnn.Dropout(input=0.1, between=0.1, recurrent=0.1)},
    "float64": {"dtype": "float64", "batch_size": 16},
    "no season": {"season_length": [1]},
}
PAIRS: dict[str, dict[str, Any]] = {
    "default": {},
    "dot": {"attention": "dot", "cell": "gru"},
    "plain": {"attention": None, "reverse_source": True, "hidden_layer_sizes": (5, 4)},
    "both ways": {"bidirectional": True, "layer_norm": True},
    "scheduled": {"scheduled_sampling": 0.5},
    "sampled": {"n_sampled_tokens": 2},
    "buckets": {"bucket_by_length": True, "dropout": rnn.Dropout(input=0.1, between=0.2, recurrent=0.1)},
    "early": {"early_stopping": rnn.EarlyStopping(fraction=0.25, patience=2)},
}  # fmt: skip


def tensors(model: Any) -> np.ndarray:
    """The bytes that `save` writes after a `load`: header and tensors, but for the version of the package."""
    model = copy(model).set_params(verbose=False)  # what is told of a fit is none of what is computed,
    if hasattr(model, "_model"):  # nor are counts and last values of series as they were given
        model._model = replace(model._model, recent=None, seen=None)
        if model.batch_size == (64 if model.global_model else 16):  # what "auto" stood for when digests were written
            model.set_params(batch_size="auto")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.rnn"
        model.save(path)
        loaded = rnn.load(path)
        loaded.save(path)
        written = path.read_bytes()[PREAMBLE:].replace(f'"{rnn.__version__}"'.encode(), b"")
    return np.frombuffer(written, np.uint8)


def regressor(options: dict[str, Any], X: Any = X, y: Any = Y, **fit: Any) -> tuple[RNNRegressor, list[Any]]:
    """A short fit."""
    given = {"hidden_layer_sizes": 5, "max_iter": 4, "random_state": 3, "batch_size": 8} | options
    model = RNNRegressor(**given).fit(X, y, **fit)
    return model, [model.loss_curve_]


def of_regressor(options: dict[str, Any]) -> list[Any]:
    """One target, and a target at each step where the network can go on."""
    found: list[Any] = []
    if options.get("bptt") != rnn.Truncated(4):  # which is for targets at each step
        one, found = regressor(options, sample_weight=WEIGHT)
        found += [one.predict(X), tensors(one)]
    steps, curve = regressor(options, X, STEPS, lengths=LENGTHS)
    found += [curve[0], *np.ma.filled(steps.predict(X, lengths=LENGTHS), 0.0)]  # as they once were past the ends
    if not options.get("bidirectional"):
        stream = steps.stream()
        found += [steps.generate(6, prompt=X[0]), np.array([stream.step(x) for x in X[1]])]
    return found


def of_classifier(options: dict[str, Any]) -> list[Any]:
    """Labels of sequences, and of steps."""
    given = {"hidden_layer_sizes": 5, "max_iter": 4, "random_state": 3, "batch_size": 8} | options
    one = RNNClassifier(**given).fit(X, LABELS, lengths=LENGTHS)
    steps = RNNClassifier(**given).fit(X, TOKENS)
    return [one.loss_curve_, one.predict_proba(X, lengths=LENGTHS), tensors(one), steps.loss_curve_,
            *steps.predict_proba(X[:3])]  # fmt: skip


def of_forecaster(options: dict[str, Any]) -> list[Any]:
    """One series, a panel, futures, a stream, new data."""
    given = {"n_members": 2, "max_steps": 30, "hidden_layer_sizes": 8, "random_state": 1} | RECIPE | options
    found: list[Any] = []
    for data in (ONE, WIDE, LONG):
        model = RNNForecaster(**given).fit(data)
        h = getattr(options.get("strategy"), "horizon", None) or 7
        found += [model.loss_curve_, numbers(model.predict(h))]
    found.append(tensors(model))
    if not isinstance(options.get("strategy"), rnn.Direct):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # its former name
            found.append(numbers(model.generate(h, n_sequences=2, random_state=0)))
    if options.get("global_model", True):
        found.append(numbers(model.predict(h, y=WIDE.iloc[:-10])))
    if "strategy" not in options and "older_means" not in options:
        single = RNNForecaster(**given).fit(ONE[:-5])
        stream = single.stream()
        found.append(np.array([stream.step(value) for value in ONE[-5:]], dtype=float))
    return found


def of_pairs(options: dict[str, Any]) -> list[Any]:
    """Words and the same words turned."""
    given = {"hidden_layer_sizes": 6, "embedding_dim": 3, "max_iter": 5, "random_state": 2, "batch_size": 8} | options
    model = RNNSeq2Seq(**given).fit(WORDS, TURNED)
    greedy, beam = model.decode(WORDS[:5]), model.decode(WORDS[:5], beam_width=3)
    return [model.loss_curve_, greedy.log_probabilities, beam.log_probabilities, tensors(model),
            [ord(letter) for text in [*greedy.sequences, *beam.sequences] for letter in text]]  # fmt: skip


def numbers(forecast: Any) -> np.ndarray:
    """The values of a forecast of any form."""
    if isinstance(forecast, pd.DataFrame):
        forecast = forecast.select_dtypes("number")
    return np.asarray(forecast, dtype=float)


def categories() -> list[Any]:
    """Embeddings, learned and given."""
    codes = np.stack([CODES % 4, CODES], axis=2).astype(float)
    found = []
    for options in ({}, {"embedding": rnn.Embedding(dim=3, weights={0: np.eye(4, 3)}, frozen=True)}):
        model, curve = regressor({"categorical_features": [0], **options}, codes, Y)
        found += [*curve, model.predict(codes), tensors(model)]
    return found


def symbols() -> list[Any]:
    """A classifier that reads and writes letters, with the sampled softmax too."""
    model = RNNClassifier(hidden_layer_sizes=5, max_iter=4, random_state=0, categorical_features=[0])
    model.fit(TOKENS[:, :-1], TOKENS[:, 1:])
    sampled = RNNClassifier(hidden_layer_sizes=5, max_iter=4, random_state=0, n_sampled_classes=2)
    sampled.fit(X, np.arange(20) % 7)
    written = model.generate(8, prompt=list(TOKENS[0]), random_state=1)
    return [model.loss_curve_, [ord(str(letter)) for letter in np.ravel(written)], tensors(model), sampled.loss_curve_,
            sampled.predict_proba(X)]  # fmt: skip


def vectors() -> list[Any]:
    """Vector to sequence, buckets, ragged lists, rows as sequences."""
    model, curve = regressor({"vector_input": True, "cell": "gru"}, VECTORS, STEPS)
    ragged, second = regressor({"bucket_by_length": True}, [x[:n] for x, n in zip(X, LENGTHS, strict=True)], Y)
    rows, third = regressor({}, X[:, :, 0], Y)
    return [*curve, model.predict(VECTORS), *second, ragged.predict(list(X)), *third, rows.predict(X[:, :, 0])]


def going_on() -> list[Any]:
    """Warm starts of each kind, and partial_fit."""
    one, curve = regressor({"warm_start": True})
    one.fit(X, Y)
    partial = RNNRegressor(hidden_layer_sizes=5, random_state=0).partial_fit(X, Y).partial_fit(X, Y)
    forecaster = RNNForecaster(n_members=1, max_steps=20, warm_start=True, random_state=0, **RECIPE)
    forecaster.fit(ONE).fit(ONE)
    pairs = RNNSeq2Seq(hidden_layer_sizes=5, max_iter=3, warm_start=True, random_state=0)
    pairs.fit(WORDS, TURNED).fit(WORDS, TURNED)
    return [*curve, one.loss_curve_, partial.predict(X), forecaster.predict(5).to_numpy(), pairs.loss_curve_]


def gaps_and_static() -> list[Any]:
    """Masked gaps, and static categories."""
    holes = WIDE.where(np.random.default_rng(1).uniform(size=WIDE.shape) > 0.1)
    given = {"n_members": 1, "max_steps": 20, "hidden_layer_sizes": 6, "random_state": 0} | RECIPE
    masked = RNNForecaster(missing="mask", **given).fit(holes)
    known = RNNForecaster(id_embedding_dim=2, **given).fit(WIDE, static=STATIC)
    return [masked.predict(5).to_numpy(), tensors(masked), known.predict(5).to_numpy(), tensors(known)]


def functions() -> list[Any]:
    """The bare recurrence, and the check of gradients."""
    rng = np.random.default_rng(2)
    kernel, recurrent, bias = rng.normal(size=(2, 4)), rng.normal(size=(4, 4)) / 2, rng.normal(size=4)
    found: list[Any] = []
    for run, data in ((dynamic_rnn, X), (static_rnn, list(X.transpose(1, 0, 2)))):
        outputs, state = run(rnn.Elman(), data, {"kernel": kernel, "recurrent_kernel": recurrent, "bias": bias})
        found += [np.asarray(outputs), np.asarray(state)]
    for cell in ("rnn", "lstm", "gru"):
        found.append(sorted(rnn.check_gradients(cell).errors.values()))
    return found


CASES: dict[str, Callable[[], list[Any]]] = {
    **{f"regressor: {name}": lambda o=options: of_regressor(o) for name, options in SEQUENCE_OPTIONS.items()},
    **{
        f"classifier: {n}": lambda o=SEQUENCE_OPTIONS[n]: of_classifier(o) for n in ("default", "both ways", "norm gru")
    },
    **{f"loss {loss}": lambda o={"loss": loss}: of_regressor(o) for loss in ("absolute_error", "huber")},
    **{f"forecaster: {name}": lambda o=options: of_forecaster(o) for name, options in FORECASTS.items()},
    **{f"pairs: {name}": lambda o=options: of_pairs(o) for name, options in PAIRS.items()},
    **{f.__name__: f for f in (categories, symbols, vectors, going_on, gaps_and_static, functions)},
}


def here() -> dict[str, str]:
    """What the bits depend on."""
    features = ",".join(sorted(name for name, on in llvm.get_host_cpu_features().items() if on))
    return {
        "processor": f"{llvm.get_host_cpu_name()} {hashlib.sha256(features.encode()).hexdigest()[:8]}",
        "versions": " ".join(m.__version__ for m in (np, numba, pd, sklearn)),
    }


def measure(name: str) -> dict[str, Any]:
    """Digest of all bits of a case, and a figure for each array: a sum that weighs every number differently."""
    digest, figures = hashlib.sha256(), []
    for value in CASES[name]():
        array = np.ascontiguousarray(value)
        digest.update(repr((array.dtype.str, array.shape)).encode() + array.tobytes())
        if array.dtype != np.uint8:
            figures.append(float(array.ravel() @ np.cos(np.arange(array.size))))
    return {"bits": digest.hexdigest()[:16], "figures": figures}


def main() -> None:
    """Write all of them."""
    found = {"here": here(), "cases": {name: measure(name) for name in CASES}}
    FILE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
