"""Sequences in columns of polars and of Arrow, and in awkward arrays; their likeness where those are not installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecastrnn import RNNClassifier, RNNRegressor, RNNSeq2Seq
from forecastrnn.data.boxes import opened

RNG = np.random.default_rng(5)
ONE = [RNG.normal(size=n).tolist() for n in (3, 5, 2, 4, 3, 2, 5, 1, 3, 4, 2, 3)]
TWO = [np.stack([row, row[::-1]], axis=1).tolist() for row in ONE]
EVEN = RNG.normal(size=(12, 4)).tolist()
Y = np.array([sum(row) for row in ONE])


def small(kind: type = RNNRegressor, **options: Any) -> Any:
    return kind(**{"cell": "rnn", "hidden_layer_sizes": 3, "max_iter": 1, "random_state": 0, "n_jobs": 1} | options)


def cells_of(rows: list) -> np.ndarray:
    """What NumPy makes of a column of Arrow."""
    if not isinstance(rows[0], list):
        return np.array(rows)
    cells = np.empty(len(rows), dtype=object)
    for place, row in enumerate(rows):
        cells[place] = cells_of(row)
    return cells


class Column:
    """A column as polars and Arrow have it: NumPy sees objects, and nothing says how many dimensions there are."""

    def __init__(self, rows: list) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, k: int) -> Any:
        return self.rows[k]

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return cells_of(self.rows)


class Jagged(Column):
    """An awkward array: NumPy cannot see it where its rows differ in length."""

    @property
    def ndim(self) -> int:
        return 1 + (isinstance(self.rows[0], list) and Jagged(self.rows[0]).ndim)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.array(self.rows)

    def to_list(self) -> list:
        return self.rows


def polars_column(rows: list) -> Any:
    return pytest.importorskip("polars").Series("x", rows)


def polars_frame(rows: list) -> Any:
    return pytest.importorskip("polars").DataFrame({"x": rows})


def arrow(rows: list) -> Any:
    return pytest.importorskip("pyarrow").array(rows)


def arrow_chunks(rows: list) -> Any:
    return pytest.importorskip("pyarrow").chunked_array([rows[:5], rows[5:]])


def arrow_in_pandas(rows: list) -> Any:
    pa = pytest.importorskip("pyarrow")
    return pd.Series(rows, dtype=pd.ArrowDtype(pa.array(rows).type))


def awkward(rows: list) -> Any:
    return pytest.importorskip("awkward").Array(rows)


BOXES = [Column, Jagged, polars_column, polars_frame, arrow, arrow_chunks, arrow_in_pandas, awkward]


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("rows", [ONE, TWO, EVEN], ids=["one channel", "two channels", "equally long"])
def test_sequences_in_columns(box: Callable[[list], Any], rows: list) -> None:
    """The same bits as of lists, in fit, predict and score; a list of such rows too."""
    expected, model = small().fit(rows, Y), small().fit(box(rows), Y)
    np.testing.assert_array_equal(model.predict(box(rows)), expected.predict(rows))
    if box is not polars_frame:
        np.testing.assert_array_equal(expected.predict([box(row) for row in rows]), expected.predict(rows))
        assert model.score(box(rows), box(Y.tolist())) == expected.score(rows, Y)


@pytest.mark.parametrize("box", [box for box in BOXES if box is not polars_frame])
def test_targets_in_columns(box: Callable[[list], Any]) -> None:
    """At each step of ragged sequences: numbers and labels."""
    expected, model = small().fit(TWO, ONE), small().fit(box(TWO), box(ONE))
    np.testing.assert_array_equal(model.predict(TWO), expected.predict(TWO))
    assert model.score(TWO, box(ONE)) == expected.score(TWO, ONE)
    labels = [[int(value > 0) for value in row] for row in ONE]
    labelled = small(RNNClassifier).fit(box(TWO), box(labels))
    assert labelled.score(box(TWO), box(labels)) == small(RNNClassifier).fit(TWO, labels).score(TWO, labels)


@pytest.mark.parametrize("box", [polars_column, arrow, awkward])
@pytest.mark.filterwarnings("ignore:.*did not end within max_length")
def test_words_in_columns(box: Callable[[list], Any]) -> None:
    words = [["a", "b"], ["c"], ["a", "c", "b"]] * 4
    expected = small(categorical_features=[0]).fit(words, Y).predict(words)
    np.testing.assert_array_equal(small(categorical_features=[0]).fit(box(words), Y).predict(box(words)), expected)
    pairs = small(RNNSeq2Seq).fit(box(words), box(words))
    assert pairs.predict(box(words)) == small(RNNSeq2Seq).fit(words, words).predict(words)


def test_a_frame_of_polars_keeps_its_names() -> None:
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({"a": ONE, "b": [row[::-1] for row in ONE]})
    model = small().fit(frame, Y)
    assert model.feature_names_in_.tolist() == ["a", "b"]
    np.testing.assert_array_equal(model.predict(frame), small().fit(TWO, Y).predict(TWO))
    with pytest.raises(ValueError, match="Feature names must be in the same order"):
        model.predict(frame[:, ::-1])


def test_a_gap_in_a_column_is_named() -> None:
    rows = [*ONE[:3], None, *ONE[4:]]
    for box in (polars_column, arrow):
        with pytest.raises(TypeError, match=r"X\[0\] is .*but X\[3\] is None"):
            small().fit(box(rows), Y)
        with pytest.raises(ValueError, match=r"Input X\[3\] contains NaN. It stands at step 1"):
            small().fit(box([*ONE[:3], [1.0, None], *ONE[4:]]), Y)


def test_a_table_of_arrow_is_refused() -> None:
    pa = pytest.importorskip("pyarrow")
    for columns in ({"a": ONE}, {"a": Y, "b": Y}):
        with pytest.raises(TypeError, match=r"X must be no Table of Arrow: give the frame that its to_pandas\(\)"):
            small().fit(pa.table(columns), Y)


def test_a_lazy_frame_is_refused() -> None:
    pl = pytest.importorskip("polars")
    with pytest.raises(TypeError, match=r"X must be data that are there, no LazyFrame: give what its collect\(\)"):
        small().fit(pl.LazyFrame({"a": Y, "b": Y}), Y)


def test_what_numpy_knows_is_left_alone() -> None:
    for X in (ONE, np.zeros(3), pd.Series(ONE), pd.DataFrame({"a": ONE}), "text", None, 3.0):
        assert opened(X) is X
