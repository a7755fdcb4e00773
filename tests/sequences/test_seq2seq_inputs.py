"""RNNSeq2Seq: what it refuses, and how it says so; what model files keep of it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.utils._param_validation import InvalidParameterError

import forecastrnn
from forecastrnn import LSTM, SGD, Adam, EarlyStopping, ModelFileError, RNNSeq2Seq
from forecastrnn.engine import devices
from forecastrnn.persistence.model_file import open_model, write_model
from forecastrnn.sequences.seq2seq_state import STATE
from support.saved_models import assert_same, plain

X, Y = ["ab", "ba", "abba"], ["x", "yx", "xy"]
SMALL: dict[str, Any] = {"hidden_layer_sizes": 3, "embedding_dim": 2, "max_iter": 2, "random_state": 0}


def small(**options: Any) -> RNNSeq2Seq:
    return RNNSeq2Seq(**SMALL | options)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        *[("hidden_layer_sizes", value, "hidden_layer_sizes.*Got") for value in (0, (), [8, 0], "8", True, 2.5)],
        *[("embedding_dim", value, "embedding_dim.*Got") for value in (0, -1, 2.5, True, "auto", None)],
        *[("attention", value, "attention.*must be a str among {.*} or None.*Got") for value in ("dots", True, 1)],
        *[("scheduled_sampling", value, r"scheduled_sampling.*Got") for value in (-0.1, 1.0, np.nan, "x", True)],
        *[("n_sampled_tokens", value, "n_sampled_tokens.*Got") for value in (0, -1, 2.5, "x", True)],
        *[("max_length", value, "max_length.*Got") for value in (0, -1, 2.5, "x", True)],
        *[("beam_width", value, "beam_width.*Got") for value in (0, -1, 2.5, None, True)],
        *[("length_penalty", value, "length_penalty.*Got") for value in (-0.1, np.nan, np.inf, "x", True)],
        *[("reverse_source", value, "reverse_source.*Got") for value in ("yes", None, 2)],
        ("unknown", "ignore", r"unknown.*must be a str among {.*'mean'.*Got 'ignore'"),
        ("cell", "lsmt", "cell.*must be a str among {"),
        ("clip_norm", 0, "clip_norm"),
        ("learning_rate_init", np.inf, "learning_rate_init"),
        ("dtype", "float128", "dtype"),
        ("n_jobs", 0, "n_jobs"),
    ],
)
def test_parameters_are_refused_by_fit(name: str, value: Any, message: str) -> None:
    with pytest.raises(InvalidParameterError, match=message):
        small(**{name: value}).fit(X, Y)


@pytest.mark.parametrize(
    ("sources", "targets", "error", "message"),
    [
        (X, None, ValueError, "requires y to be passed, but the target y is None"),
        (X, Y[:2], ValueError, "X and y must have as many sequences. Got 3 and 2"),
        (["ab", "", "a"], Y, ValueError, r"X\[1\] is empty"),
        (X, ["x", "y", ""], ValueError, r"y\[2\] is empty"),
        ("abc", Y, TypeError, "X must be a list of sequences.*Got one str"),
        (X, "abc", TypeError, "y must be a list of sequences.*Got one str"),
        ([], [], ValueError, "X must be a list.*Got 0 sequences"),
        (X, [1, 2, 3], TypeError, r"y\[0\] must be a sequence of tokens.*Got int"),
        (X, [[1.5], [1], [2]], TypeError, r"y\[0\]\[0\] is 1.5, of type float"),
        (np.zeros((3, 2)), Y, TypeError, r"X\[0\]\[0\] is 0.0, of type float"),
        (X, [["x"], ["y", 1], ["z"]], TypeError, r"y\[1\]\[1\] is 1, of type int where others are str"),
        (X, pd.Series([pd.NA, "x", "y"], dtype=object), TypeError, r"y\[0\] must be a sequence of tokens.*Got NAType"),
        (np.ma.array([[1, 2], [3, 4], [5, 6]], mask=np.eye(3, 2)), Y, ValueError, r"masked cells.*X\[0, 0\]"),
    ],
)
def test_data_are_refused_by_fit(sources: Any, targets: Any, error: type[Exception], message: str) -> None:
    model = small()
    with pytest.raises(error, match=message):
        model.fit(sources, targets)
    assert not [name for name in vars(model) if name.endswith("_") or name == "_fitted"]


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([1.0, -1.0, 1.0], "sample_weight must not be negative. Got -1 at index 1; 0 leaves a row out"),
        ([0.0, 0.0, 0.0], "at least one non-zero"),
        ([1.0, 2.0], "sample_weight must have one weight for each of the 3 rows"),
        ([1.0, np.nan, 1.0], "NaN"),
    ],
)
def test_weights_are_refused(weight: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small().fit(X, Y, sample_weight=weight)


@pytest.fixture(scope="module")
def model() -> RNNSeq2Seq:
    return small(attention=None).fit(X, Y)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m: m.predict(["a", "c"]), ValueError, r"X\[1\] has the token 'c' at place 0.*unknown='mean'"),
        (lambda m: m.predict([[1, 2]]), ValueError, r"X\[0\] has the token 1 at place 0"),
        (lambda m: m.predict("ab"), TypeError, "Got one str"),
        (lambda m: m.predict([]), ValueError, "Got 0 sequences"),
        (lambda m: m.predict([""]), ValueError, r"X\[0\] is empty"),
        (lambda m: m.predict(X, beam_width=0), ValueError, "beam_width must be an int >= 1. Got 0"),
        (lambda m: m.predict(X, beam_width=1.5), TypeError, "beam_width must be an int >= 1. Got 1.5"),
        (lambda m: m.predict(X, beam_width=2**24), ValueError, "beam_width must be at most 10000, .* Got 16777216"),
        (lambda m: m.decode(X, max_length=0), ValueError, "max_length must be an int >= 1. Got 0"),
        (lambda m: m.decode(X, max_length=True), TypeError, "max_length must be an int >= 1. Got True"),
        (lambda m: m.decode(X, max_length=10**13), ValueError, "10000000000001 symbols.*GiB.*max_length"),
        (lambda m: m.decode(X, length_penalty=-1), ValueError, "length_penalty must be a finite number >= 0. Got -1"),
        (lambda m: m.decode(X, length_penalty="x"), ValueError, "length_penalty must be a finite number >= 0"),
        (
            lambda m: m.decode(X, return_attention=True),
            ValueError,
            "return_attention=True needs a model fitted with",
        ),
        (lambda m: m.score(X, Y[:1]), ValueError, "as many sequences. Got 3 and 1"),
        (lambda m: m.score(X, ["x", "", "y"]), ValueError, r"y\[1\] is empty"),
        (lambda m: m.score(X, Y, sample_weight=[0, 0, 0]), ValueError, "non-zero"),
    ],
)
def test_calls_are_refused(model: RNNSeq2Seq, call: Callable, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(model)


def test_a_large_batch_is_clipped() -> None:
    with pytest.warns(UserWarning, match="batch_size=9 is larger than the number of pairs, 3: clipped") as seen:
        small(batch_size=9).fit(X, Y)
    assert seen[0].filename == __file__


def test_a_missing_gpu_is_said(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Fit raises; what is fitted predicts on the CPU, with a warning in the log; "auto" takes the CPU."""
    monkeypatch.setattr(devices, "gpus", lambda: (0, "there is no driver"))
    with pytest.raises(RuntimeError, match='device="cuda": CUDA is not available: there is no driver'):
        small(device="cuda").fit(X, Y)
    model = small(device="auto").fit(X, Y)
    assert model.device_ == "cpu"
    found = model.decode(X).sequences
    devices.log_once.cache_clear()
    assert model.set_params(device="cuda:1").decode(X).sequences == found
    assert 'predictions take the CPU: device="cuda:1": CUDA is not available: there is no driver' in caplog.text


def test_one_token_and_one_pair() -> None:
    """The least there can be."""
    model = small(max_iter=60, solver=Adam(0.1), early_stopping=EarlyStopping(None, patience=99)).fit(["a"], ["b"])
    assert model.predict(["a", "aaa"]) == ["b", "b"]
    assert model.target_tokens_.tolist() == ["b"]


def test_training_that_diverges_is_an_error() -> None:
    with pytest.raises(forecastrnn.TrainingDivergedError, match="solver__learning_rate"):
        small(solver=SGD(1e30, clip_norm=None), max_iter=20).fit(X, Y)


def test_nothing_given_is_changed() -> None:
    sources, targets = [[1, 2], (3,), np.array([2, 2])], [["x"], ["y", "x"], ["y"]]
    sources[2].flags.writeable = False
    small().fit(sources, targets)
    assert sources[:2] == [[1, 2], (3,)] and sources[2].tolist() == [2, 2] and targets[1] == ["y", "x"]


# Model files ------------------------------------------------------------------------------------------------------

KEPT: dict[str, Callable[[], RNNSeq2Seq]] = {
    "texts": lambda: small(attention="additive").fit(X, Y),
    "numbers": lambda: small(attention=None, reverse_source=False).fit([[1, 2], [7]], [[-3], [5, 5]]),
    "words": lambda: small(cell=LSTM(), bidirectional=True, unknown="mean").fit([["zwölf", "a"]], [["𝄞", ""]]),
    "stack, float64": lambda: small(hidden_layer_sizes=(3, 2), dtype="float64", dropout=0.1).fit(X, Y),
    "layer normalisation": lambda: small(layer_norm=True).fit(X, Y),
    "early stopping": lambda: small(early_stopping=True, decoding=2).fit(X * 3, Y * 3),
}


@pytest.mark.parametrize("name", KEPT)
def test_everything_comes_back(name: str, tmp_path: Path) -> None:
    """Also the bits of a training that goes on."""
    model = KEPT[name]()
    model.save(tmp_path / "model.rnn")
    again = forecastrnn.load(tmp_path / "model.rnn")
    assert type(again) is RNNSeq2Seq
    assert_same(plain(model), plain(again))
    sources = [[token] for token in model.source_tokens_.tolist()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        assert model.predict(sources) == RNNSeq2Seq.load(tmp_path / "model.rnn").predict(sources)
    targets = [[model.target_tokens_.tolist()[0]]] * len(sources)
    thetas = [
        m.set_params(warm_start=True).fit(sources * 2, targets * 2)._fitted.progress.theta for m in (model, again)
    ]
    assert thetas[0].tobytes() == thetas[1].tobytes()


def _nested(state: dict, *path: str) -> dict:
    for name in path:
        state = state[name]
    return state


def _set(*path_and_value: Any) -> Callable[[dict], None]:
    *path, name, value = path_and_value

    def change(state: dict) -> None:
        _nested(state, *path)[name] = value

    return change


DAMAGED: dict[str, tuple[Callable[[dict], None], str]] = {
    "no network": (_set("network", None), "no description of an encoder"),
    "another attention": (_set("network", "attention", "softer"), "attention must be one of"),
    "units that do not fit": (_set("network", "encoder", "n_inputs", 2), "each read one column, of tokens"),
    "no layers": (_set("network", "encoder", "layers", {"tuple": []}), "the encoder has 0 layers"),
    "a vocabulary of another size": (_set("source", "count", 3), "count must be an int from 2 to 2"),
    "tokens of another kind": (_set("target", "kind", "<f8"), "kind must be one of"),
    "texts of numbers": (_set("target", {"kind": "<i8", "count": 2, "size": 0}), "only texts can be put together"),
    "no longest": (_set("longest", 0), "longest must be an int"),
    "odd flag": (_set("reverse", 1), "reverse must be true or false"),
    "another dtype": (_set("dtype", "float16"), "dtype must be one of"),
    "no device": (_set("device", "tpu"), "device must be the name of a device"),
    "a field too many": (_set("extra", 1), "must have the fields"),
    "dropout of one": (_set("dropout", "inputs", 1.0), r"dropout must lie in \[0, 1\)"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_headers_are_refused(name: str, tmp_path: Path) -> None:
    """Whatever the header says, it is a ModelFileError."""
    change, message = DAMAGED[name]
    KEPT["texts"]().save(tmp_path / "model.rnn")
    with open_model(str(tmp_path / "model.rnn")) as file:
        header = file.header
        tensors, _ = STATE.read(header["state"], "RNNSeq2Seq")
        values = file.read(tensors)
    change(header["state"])
    write_model(tmp_path / "changed.rnn", header, tensors, values)
    with pytest.raises(ModelFileError, match=message):
        forecastrnn.load(tmp_path / "changed.rnn")


def test_other_classes_refuse_its_files(tmp_path: Path) -> None:
    KEPT["texts"]().save(tmp_path / "model.rnn")
    with pytest.raises(ModelFileError, match="it holds RNNSeq2Seq, not RNNClassifier. Load it with RNNSeq2Seq.load"):
        forecastrnn.RNNClassifier.load(tmp_path / "model.rnn")
