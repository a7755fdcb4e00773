"""Models that `to_onnx` writes give in ONNX Runtime what the estimator predicts."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forecastrnn import RNNClassifier, RNNRegressor
from forecastrnn.networks.cells import CELLS, GRU, Elman
from support.formula_cells import SharedBetween
from support.users_file import Counted

pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.onnx

RNG = np.random.default_rng(0)
X = RNG.normal(2.0, 3.0, size=(12, 7, 2))
Y = X.sum(axis=(1, 2))
LENGTHS = np.array([7, 3, 1, 5, 7, 2, 6, 4, 7, 1, 3, 5])
OPTIONS: dict[str, Any] = {"hidden_layer_sizes": 5, "max_iter": 3, "random_state": 0}
NAN = float("nan")


def ran(model: Any, X: np.ndarray, **others: Any) -> list[np.ndarray]:
    """What ONNX Runtime makes of the file of a model."""
    file = io.BytesIO()
    model.to_onnx(file)
    options = ort.SessionOptions()
    options.log_severity_level = 4
    session = ort.InferenceSession(file.getvalue(), options, providers=["CPUExecutionProvider"])
    given = {"X": X if X.dtype == object else np.asarray(X, np.float64)} | {
        name: np.asarray(v, np.int64) for name, v in others.items()
    }
    return session.run(None, given)


def close(found: np.ndarray, expected: np.ndarray, spread: float = 1.0) -> None:
    """To 1e-5 of the spread of what is predicted."""
    expected = np.ma.filled(expected, NAN) if isinstance(expected, np.ma.MaskedArray) else expected
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * spread)
    assert found.shape == expected.shape


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", [{}, {"layer_norm": True}], ids=["plain", "layer_norm"])
@pytest.mark.parametrize(
    "cell", [*CELLS, GRU(reset_after=False), Elman("relu"), Elman("logistic"), SharedBetween(), Counted()], ids=str
)
def test_every_cell(cell: Any, kind: dict, bidirectional: bool) -> None:
    """With lengths and without, whatever is behind the end of a row, on other batches and times than those of fit."""
    model = RNNRegressor(cell=cell, bidirectional=bidirectional, **OPTIONS, **kind).fit(X, Y)
    close(ran(model, X)[0], model.predict(X), Y.std())
    garbage = np.where(np.arange(7)[:, None] < LENGTHS[:, None, None], X, NAN)
    close(ran(model, garbage, lengths=LENGTHS)[0], model.predict(X, LENGTHS), Y.std())
    for rows, steps in ((1, 1), (3, 23)):
        other = RNG.normal(2.0, 3.0, size=(rows, steps, 2))
        close(ran(model, other)[0], model.predict(other), Y.std())


@pytest.mark.parametrize("last", ["one", "some", "all"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_stacks_and_steps(last: str, bidirectional: bool) -> None:
    steps = {"one": Y, "some": np.cumsum(X, axis=1)[:, :3], "all": np.cumsum(X, axis=1)}[last]
    lengths = np.maximum(LENGTHS, 3)
    options = OPTIONS | {"hidden_layer_sizes": (5, 3, 4), "cell": ["gru", "mgu", "peephole_lstm"]}
    model = RNNRegressor(**options, bidirectional=bidirectional).fit(X, steps, lengths=lengths)
    close(ran(model, X)[0], model.predict(X), steps.std())
    close(ran(model, X, lengths=lengths)[0], model.predict(X, lengths), steps.std())
    close(ran(model, X[:, :5])[0], model.predict(X[:, :5]), steps.std())


def test_levels_far_from_zero() -> None:
    """What float32 could not tell apart is scaled in float64."""
    model = RNNRegressor(**OPTIONS).fit(X + 1e7, Y + 1e7)
    close(ran(model, X + 1e7)[0], model.predict(X + 1e7), Y.std())


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("labels", [["a", "bcd", "ef"], [3, 1, 7], [False, True, True]])
def test_classes(labels: list, standardize: bool) -> None:
    y = np.array(labels, dtype=object if isinstance(labels[0], str) else None)[RNG.integers(0, 3, (12, 7))]
    for target in (y[:, 0], y):
        model = RNNClassifier(**OPTIONS, standardize=standardize).fit(X, target)
        label, shares = ran(model, X)
        close(shares, model.predict_proba(X))
        assert label.tolist() == model.predict(X).tolist()
        label, shares = ran(model, X, lengths=LENGTHS)
        close(shares, model.predict_proba(X, LENGTHS))
        expected = model.predict(X, LENGTHS)
        there = ~np.ma.getmaskarray(expected)
        assert label[there].tolist() == np.ma.getdata(expected)[there].tolist()


def test_categories_and_vectors() -> None:
    mixed = np.concatenate([RNG.integers(0, 9, (12, 7, 1)), X], axis=2)
    model = RNNRegressor(**OPTIONS, categorical_features=[0]).fit(mixed, Y)
    close(ran(model, mixed)[0], model.predict(mixed), Y.std())
    close(ran(model, -mixed)[0], model.predict(-mixed), Y.std())
    for target in (X[:, :, 0], X):
        vectors = RNNRegressor(**OPTIONS, vector_input=True).fit(X[:, 0], target)
        close(ran(vectors, X[:, 0])[0], vectors.predict(X[:, 0]), X.std())
        close(ran(vectors, X[:, 0], n_steps=[9])[0], vectors.predict(X[:, 0], n_steps=9), X.std())


@pytest.mark.parametrize("cell", ["lstm", "mgu"])
def test_no_rows_and_wrong_lengths(cell: str) -> None:
    """An empty batch gives empty results; lengths that no row can have stop the runtime, and it says why."""
    by_step = RNNRegressor(cell=cell, **OPTIONS).fit(X, np.cumsum(X, axis=1))
    assert ran(by_step, X[:0])[0].shape == (0, 7, 2)
    assert ran(by_step, X[:0], lengths=[])[0].shape == (0, 7, 2)
    labels = RNNClassifier(cell=cell, bidirectional=True, **OPTIONS).fit(X, Y > Y.mean())
    assert [found.shape for found in ran(labels, X[:0])] == [(0,), (0, 2)]
    for length in (0, -2, 8):
        with pytest.raises(Exception, match="lengths must be from 1 to the number of steps"):
            ran(labels, X[:2], lengths=[3, length])


@pytest.mark.parametrize("channels", [1, 2])
def test_texts(channels: int) -> None:
    """As categories, some of which fit has not seen; what fills a row is not read."""
    words = np.array(["on", "off", "out"], dtype=object)[RNG.integers(0, 3, (12, 7, channels))]
    for target in (Y, X):
        model = RNNRegressor(**OPTIONS, categorical_features=list(range(channels))).fit(words, target)
        for given in (words, np.where(RNG.random(words.shape) < 0.2, "new", words)[:5, :4]):
            close(ran(model, given)[0], model.predict(given), np.std(target))
        close(ran(model, words, lengths=LENGTHS)[0], model.predict(words, LENGTHS), np.std(target))
        assert len(ran(model, words[:0])[0]) == 0


def test_texts_beside_numbers_are_refused(tmp_path: Path) -> None:
    both = np.empty((12, 7, 2), object)
    both[..., 0], both[..., 1] = "on", RNG.integers(0, 3, (12, 7)).astype(float)
    model = RNNRegressor(**OPTIONS, categorical_features=[0, 1]).fit(both, Y)
    with pytest.raises(ValueError, match="texts in some channels and numbers in others"):
        model.to_onnx(tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_an_own_file_is_not_read_again_and_says_what_to_do(tmp_path: Path) -> None:
    model = RNNRegressor(hidden_layer_sizes=2, max_iter=1, random_state=0).fit(np.eye(4)[:, :, None], np.arange(4.0))
    model.to_onnx(tmp_path / "own.onnx")
    with pytest.raises(ValueError, match="to_onnx has written this model.*keep it with save and load"):
        RNNRegressor.from_onnx(tmp_path / "own.onnx")


def test_operators_where_there_are() -> None:
    onnx = pytest.importorskip("onnx")
    for cell, name in {"rnn": "RNN", "lstm": "LSTM", "peephole_lstm": "LSTM", "gru": "GRU", "mgu": "Scan"}.items():
        file = io.BytesIO()
        RNNRegressor(cell=cell, **OPTIONS).fit(X, Y).to_onnx(file)
        model = onnx.load_from_string(file.getvalue())
        assert name in {node.op_type for node in model.graph.node}
        assert [one.version for one in model.opset_import] == [17]
