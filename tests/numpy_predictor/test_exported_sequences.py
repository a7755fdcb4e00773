"""A module that `export_numpy` writes predicts what the estimator predicts, and needs NumPy alone."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from forecastrnn import RNNClassifier, RNNRegressor
from forecastrnn.networks.cells import CELLS
from support.formula_cells import SharedBetween
from support.users_file import Counted

RNG = np.random.default_rng(0)
X = RNG.normal(2.0, 3.0, size=(12, 7, 2))
Y = X.sum(axis=(1, 2))
LENGTHS = np.array([7, 3, 1, 5, 7, 2, 6, 4, 7, 1, 3, 5])
OPTIONS: dict[str, Any] = {"hidden_layer_sizes": 5, "max_iter": 3, "random_state": 0, "dtype": "float64"}


def exported(model: Any, folder: Path) -> dict[str, Any]:
    """The names of the module of a model."""
    return runpy.run_path(str(model.export_numpy(folder)))


@pytest.mark.parametrize("cell", [*CELLS, SharedBetween(), Counted()], ids=str)
@pytest.mark.parametrize("kind", [{}, {"layer_norm": True}], ids=["plain", "layer_norm"])
def test_every_cell(cell: Any, kind: dict, tmp_path: Path) -> None:
    model = RNNRegressor(cell=cell, **OPTIONS, **kind).fit(X, Y, lengths=LENGTHS)
    predict = exported(model, tmp_path)["predict"]
    np.testing.assert_allclose(predict(X, LENGTHS), model.predict(X, LENGTHS), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("last", ["one", "some", "all"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_stacks_directions_and_steps(last: str, bidirectional: bool, tmp_path: Path) -> None:
    """Rows of their own lengths, as arrays with padding and as a list."""
    steps = {"one": Y, "some": np.cumsum(X, axis=1)[:, :3], "all": np.cumsum(X, axis=1)}[last]
    lengths = np.maximum(LENGTHS, 3)
    options = OPTIONS | {"hidden_layer_sizes": (5, 3), "cell": ["gru", "lstm"]}
    model = RNNRegressor(**options, bidirectional=bidirectional).fit(X, steps, lengths=lengths)
    predict, expected = exported(model, tmp_path)["predict"], model.predict(X, lengths)
    np.testing.assert_allclose(predict(X, lengths), expected, rtol=1e-12, atol=1e-12)
    garbage = np.where(np.arange(7)[:, None] < lengths[:, None, None], X, 1e9)
    np.testing.assert_array_equal(predict(garbage, lengths), predict(X, lengths))
    np.testing.assert_array_equal(predict([x[:k] for x, k in zip(X, lengths)]), predict(X, lengths))


@pytest.mark.parametrize("labels", [["a", "bcd", "ef"], [3, 1, 7]])
def test_classes(labels: list, tmp_path: Path) -> None:
    """Of sequences and of steps, texts and numbers, in single precision too."""
    y = np.array(labels, dtype=object if isinstance(labels[0], str) else int)[RNG.integers(0, 3, (12, 7))]
    for target, dtype, near in ((y[:, 0], "float64", 1e-12), (y, "float32", 1e-5)):
        model = RNNClassifier(**OPTIONS | {"dtype": dtype}).fit(X, target)
        module = exported(model, tmp_path)
        np.testing.assert_allclose(module["predict_proba"](X), model.predict_proba(X), rtol=near, atol=near)
        assert module["predict"](X).tolist() == model.predict(X).tolist()
        assert module["predict"](X, lengths=LENGTHS).tolist() == model.predict(X, LENGTHS).tolist()
        shares = module["predict_proba"](X, lengths=LENGTHS), model.predict_proba(X, LENGTHS)
        np.testing.assert_allclose(*shares, rtol=near, atol=near)


def test_categories_and_vectors(tmp_path: Path) -> None:
    """Unknown categories, also those of which a known one is the beginning; flat sequences; vectors."""
    words = np.array(["on", "off"], dtype=object)[RNG.integers(0, 2, (12, 7))]
    model = RNNRegressor(**OPTIONS, categorical_features=[0]).fit(words, Y)
    other = words.copy()
    other[0, 0], other[1, 0] = "online", "zebra"
    np.testing.assert_allclose(exported(model, tmp_path)["predict"](other), model.predict(other), rtol=1e-12)
    mixed = np.concatenate([RNG.integers(0, 9, (12, 7, 1)), X], axis=2)
    model = RNNRegressor(**OPTIONS, categorical_features=[0]).fit(mixed, Y)
    np.testing.assert_allclose(exported(model, tmp_path)["predict"](-mixed), model.predict(-mixed), rtol=1e-12)
    numbers = RNNClassifier(**OPTIONS, categorical_features=[0]).fit(LENGTHS[:, None] * np.ones((12, 7), int), Y > 42)
    asked = np.arange(14).reshape(2, 7)
    expected = numbers.predict_proba(asked)
    np.testing.assert_allclose(exported(numbers, tmp_path)["predict_proba"](asked), expected, rtol=1e-12)
    vectors = RNNRegressor(**OPTIONS, vector_input=True).fit(X[:, 0], X[:, :, 0])
    module = exported(vectors, tmp_path)
    np.testing.assert_allclose(module["predict"](X[:, 0]), vectors.predict(X[:, 0]), rtol=1e-12)
    np.testing.assert_allclose(module["predict"](X[:, 0], n_steps=9), vectors.predict(X[:, 0], n_steps=9), rtol=1e-12)


def test_numpy_alone(tmp_path: Path) -> None:
    """In a process that imports nothing else, from any folder."""
    model = RNNRegressor(**OPTIONS | {"cell": "lstm"}).fit(X, Y)
    module = model.export_numpy(tmp_path / "new" / "folder")
    others = {"numba", "pandas", "sklearn", "scipy", "forecastrnn"}
    code = (
        f"import runpy, sys, numpy; x = numpy.load({str(tmp_path / 'x.npy')!r}); "
        f"print(runpy.run_path({str(module)!r})['predict'](x).tolist()); "
        f"print(*{{name.partition('.')[0] for name in sys.modules}} & {others})"
    )
    np.save(tmp_path / "x.npy", X)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd="/")
    predictions, imported = done.stdout.split("\n")[:2]
    np.testing.assert_allclose(json.loads(predictions), model.predict(X), rtol=1e-12)
    assert imported == ""


def test_what_cannot_be_exported(tmp_path: Path) -> None:
    with pytest.raises(NotFittedError, match="not fitted"):
        RNNRegressor().export_numpy(tmp_path)
    model = RNNRegressor(**OPTIONS).fit(X, Y)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OSError):
        model.export_numpy(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"
    predict, wrong = exported(model, tmp_path)["predict"], X.copy()
    wrong[2, 6, 1] = np.nan
    np.testing.assert_allclose(predict(wrong, LENGTHS), model.predict(X, LENGTHS))  # behind the end of its row
    for message, call in {
        "X has 1 channels, but the model was fitted on 2": lambda: predict(X[:, :, :1]),
        r"X\[2\] has nan at step 6, channel 1: give finite numbers": lambda: predict(wrong),
        "X must be of numbers, but .* could not convert string": lambda: predict(np.full((2, 7, 2), "a")),
        r"X must have 2 or 3 dimensions, .* Got the shape \(3,\)": lambda: predict([1.0, 2.0, 3.0]),
        r"all rows of X must have as many channels. Got \[1, 2\]": lambda: predict([X[0], X[1, :3, :1]]),
        "lengths must be 12 ints from 1 to 7, the steps of X": lambda: predict(X, LENGTHS - 1),
        "lengths must be 12 ints from 1 to 7": lambda: predict(X, LENGTHS[:5]),
    }.items():
        with pytest.raises(ValueError, match=message):
            call()
    again = RNNRegressor(**OPTIONS, vector_input=True).fit(X[:, 0], X[:, :, 0])
    with pytest.raises(ValueError, match="n_steps must be an int, 1 or more. Got 0"):
        exported(again, tmp_path)["predict"](X[:, 0], n_steps=0)


@pytest.mark.parametrize("labels", [["a", "b"], [0, 1], [False, True], [1.0, 2.0]])
def test_what_stands_behind_an_end_is_no_label(labels: list, tmp_path: Path) -> None:
    """The same data below the same mask as that of the estimator."""
    y = [np.array(labels)[(x[:, 0] > 2.0).astype(int)] for x in X]
    rows = [x[:k] for x, k in zip(X, LENGTHS)]
    model = RNNClassifier(**OPTIONS).fit(rows, [row[:k] for row, k in zip(y, LENGTHS)])
    found, expected = exported(model, tmp_path)["predict"](rows), model.predict(rows)
    np.testing.assert_array_equal(found.mask, expected.mask)
    np.testing.assert_array_equal(found.data, expected.data)


def test_folders_that_cannot_be_written_in_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    model = RNNRegressor(**OPTIONS).fit(X, Y)
    for folder, error, message in (
        (None, TypeError, "folder must be a str or an os.PathLike. Got None"),
        ("a\0", ValueError, "folder has the character 0 in it"),
        (tmp_path / "file", NotADirectoryError, "this is a file; give the name of a directory"),
    ):
        (tmp_path / "file").touch()
        with pytest.raises(error, match=message):
            model.export_numpy(folder)
    (tmp_path / "here" / "predictor.py").mkdir(parents=True)
    with pytest.raises(IsADirectoryError, match="predictor.py"):
        model.export_numpy(tmp_path / "here")
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["predictor.py"]
