"""Sequences in every box that users have: lists of lists, of Series, object arrays, pandas columns, nested frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import train_test_split

from forecastrnn import RNNClassifier, RNNRegressor, RNNSeq2Seq

RNG = np.random.default_rng(3)
LENGTHS = RNG.integers(2, 6, 12)
ONE = [RNG.normal(size=n) for n in LENGTHS]  # one channel
TWO = [RNG.normal(size=(n, 2)) for n in LENGTHS]
Y = np.array([row.sum() for row in ONE])


def small(kind: type = RNNRegressor, **options: Any) -> Any:
    return kind(**{"cell": "rnn", "hidden_layer_sizes": 3, "max_iter": 1, "random_state": 0, "n_jobs": 1} | options)


def boxed(rows: list) -> np.ndarray:
    cells = np.empty(len(rows), dtype=object)
    cells[:] = rows
    return cells


def nested(rows: list) -> pd.DataFrame:
    """Each cell a Series, each column a channel, as sktime has it."""
    columns = range(np.ndim(rows[0]) and np.atleast_2d(rows[0].T).shape[0])
    return pd.DataFrame({f"dim_{c}": [pd.Series(np.atleast_2d(row.T)[c]) for row in rows] for c in columns})


ONE_CHANNEL: dict[str, Callable[[list], Any]] = {
    "lists": lambda rows: [row.tolist() for row in rows],
    "tuples": lambda rows: tuple(tuple(row) for row in rows),
    "Series": lambda rows: [pd.Series(row, index=pd.date_range("2024", periods=len(row))) for row in rows],
    "objects": boxed,
    "objects in a column": lambda rows: boxed(rows)[:, None],
    "column of arrays": lambda rows: pd.Series(rows),
    "column of lists": lambda rows: pd.Series([row.tolist() for row in rows], index=range(5, 5 + len(rows))),
    "nullable": lambda rows: [pd.Series(row).astype("Float64") for row in rows],
    "mixed": lambda rows: [(list, np.asarray, pd.Series, tuple, boxed)[k % 5](row) for k, row in enumerate(rows)],
    "tables": lambda rows: [row[:, None].tolist() if k % 2 else row for k, row in enumerate(rows)],
}
TWO_CHANNELS: dict[str, Callable[[list], Any]] = {
    "objects": boxed,
    "column": lambda rows: pd.Series([row.tolist() for row in rows]),
    "frames": lambda rows: pd.Series([pd.DataFrame(row) for row in rows]),
    "steps in boxes": lambda rows: [boxed(list(row)) for row in rows],
    "tuples": lambda rows: tuple(tuple(map(tuple, row)) for row in rows),
}


@pytest.mark.parametrize("box", ONE_CHANNEL.values(), ids=ONE_CHANNEL)
def test_one_channel_in_any_box(box: Callable) -> None:
    """The same bits as of a list of arrays; also of a few rows that happen to be equally long."""
    expected = small().fit(ONE, Y)
    model = small().fit(box(ONE), Y)
    even = [ONE[k][:2] for k in range(3)]
    for rows in (ONE, ONE[:1], even):
        np.testing.assert_array_equal(model.predict(box(rows)), expected.predict(rows))
    assert model.n_features_in_ == 1


@pytest.mark.parametrize("box", TWO_CHANNELS.values(), ids=TWO_CHANNELS)
def test_two_channels_in_any_box(box: Callable) -> None:
    expected = small().fit(TWO, Y).predict(TWO)
    np.testing.assert_array_equal(small().fit(box(TWO), Y).predict(box(TWO)), expected)


def test_a_nested_frame_has_a_channel_in_each_column() -> None:
    frame = nested(TWO)
    model = small().fit(frame, Y)
    assert model.feature_names_in_.tolist() == ["dim_0", "dim_1"] and model.n_features_in_ == 2
    np.testing.assert_array_equal(model.predict(frame), small().fit(TWO, Y).predict(TWO))
    with pytest.raises(ValueError, match="Feature names must be in the same order"):
        model.predict(frame[["dim_1", "dim_0"]])


def test_a_frame_that_is_split() -> None:
    """Rows of a frame with a column of lists, drawn at random: as the list of them."""
    frame = pd.DataFrame({"values": [row.tolist() for row in ONE], "target": Y})
    train, test = train_test_split(frame, test_size=4, random_state=1)
    model = small().fit(train["values"], train["target"])
    rows = small().fit([ONE[k] for k in train.index], Y[train.index])
    np.testing.assert_array_equal(model.predict(test["values"]), rows.predict([ONE[k] for k in test.index]))
    assert model.score(test["values"], test["target"]) == rows.score([ONE[k] for k in test.index], Y[test.index])
    labels = small(RNNClassifier).fit(train["values"], train["target"] > 0)
    assert set(labels.predict(test[["values"]].set_axis(["x"], axis=1)["x"])) <= {True, False}


def test_equally_long_boxes_are_sequences() -> None:
    """A model of them reads boxes of another length, arrays (n, time), and `lengths` beside boxes."""
    rows = [row for row in RNG.normal(size=(12, 4))]
    model = small().fit(boxed(rows), Y)
    np.testing.assert_array_equal(model.predict(np.stack(rows)), model.predict(rows))
    assert model.predict(boxed([np.ones(7)])).shape == (1,)
    ends = np.full(12, 3)
    padded = [[*row[:3], None] for row in rows]
    short = [row[:3] for row in rows]
    np.testing.assert_array_equal(model.predict(pd.Series(padded), lengths=ends), model.predict(short))


def test_words_in_boxes() -> None:
    words = [["a", "b"], ["c"], ["a", "c", "b"]] * 4
    options: dict[str, Any] = {"categorical_features": [0]}
    expected = small(**options).fit(words, Y).predict(words)
    for box in (boxed(words), pd.DataFrame({"text": words}), pd.Series([pd.Series(row) for row in words])):
        np.testing.assert_array_equal(small(**options).fit(box, Y).predict(box), expected)
    frame = pd.DataFrame({"word": words, "size": [[len(row)] * len(row) for row in words]})
    model = small(categorical_features=["word", "size"]).fit(frame, Y)
    assert [found.tolist() for found in model.categories_] == [["a", "b", "c"], [1, 2, 3]]
    assert np.isfinite(model.predict(frame)).all()


@pytest.mark.filterwarnings("ignore:.*did not end within max_length")
def test_pairs_in_boxes() -> None:
    sources, targets = [[1, 2], [2], [3, 1, 2]] * 4, [[1], [2, 2], [3]] * 4
    expected = small(RNNSeq2Seq).fit(sources, targets)
    frame = pd.DataFrame({"source": sources, "target": targets})
    for X, y in [
        (frame["source"], frame["target"]),
        (frame[["source"]], boxed(targets)),
        (boxed(sources)[:, None], frame[["target"]]),
    ]:
        model = small(RNNSeq2Seq).fit(X, y)
        assert model.predict(X) == expected.predict(sources) and model.score(X, y) == expected.score(sources, targets)


BAD: dict[str, tuple[Any, type[Exception], str]] = {
    "empty": ([], ValueError, r"X is empty, it has 0 sample\(s\): .*at least 1 sequence"),
    "empty column": (pd.Series([], dtype=object), ValueError, r"X is empty, it has 0 sample\(s\)"),
    "an empty row": ([[1.0, 2.0], []], ValueError, r"X\[1\] must have shape .* at least one step. Got \(0,\)"),
    "a value among rows": ([[1.0, 2.0], 3.0], TypeError, r"X\[1\] is 3\.0\. Put single values into a list"),
    "a gap in a column": (pd.Series([[1.0], np.nan, [2.0]]), TypeError,
                        r"X\[0\] is \[1\.0\], of type list, but X\[1\] is nan"),
    "channels at a step": ([[[1.0, 2.0], [3.0]], [[1.0, 2.0], [3.0, 4.0]]], ValueError,
                           r"X\[0\] must have as many channels .* 2 at step 0, but 1 at step 1"),
    "channels of a row": ([TWO[0], ONE[1]], ValueError, r"X\[1\] has 1 channels, but X\[0\] has 2"),
    "columns": (pd.DataFrame({"a": [[1.0, 2.0]], "b": [[1.0]]}), ValueError,
                r"X\[0\] has 2 steps in column 'a', but 1 in column 'b'"),
    "NaN": ([[1.0], [2.0, 3.0, np.nan]], ValueError,
            r"Input X\[1\] contains NaN. It stands at step 2, in channel 0.*lengths"),
    "infinity": (boxed([np.ones(2), np.array([np.inf])]), ValueError, r"Input X\[1\] contains infinity .*at step 0"),
    "text": ([[1.0], [2.0, "x"]], ValueError, r"could not convert string to float: 'x' at X\[1\]\[1\]"),
    "an object": ([[1.0], [2.0, {}]], TypeError, r"X\[1\] must hold numbers. Got {}, of type dict at X\[1\]\[1, 0\]"),
    "dates": ([[1.0], pd.date_range("2024", periods=2)], TypeError, r"X\[1\] holds datetime"),
    "three dimensions": ([np.ones((2, 2, 2)), np.ones((3, 2, 2))], ValueError,
                         r"X\[0\] must have shape .* Got \(2, 2, 2\)"),
}  # fmt: skip


@pytest.mark.parametrize(("X", "kind", "message"), BAD.values(), ids=BAD)
def test_bad_boxes(X: Any, kind: type[Exception], message: str) -> None:
    """The same words in fit and predict, of both estimators; nothing is left behind."""
    fitted = small().fit(ONE, Y)
    for call in (
        lambda: small().fit(X, Y[: len(X)]),
        lambda: small(RNNClassifier).partial_fit(X, Y[: len(X)] > 0, classes=[False, True]),
        lambda: fitted.predict(X),
    ):
        with pytest.raises(kind, match=f"(?s){message}"):
            call()


def test_empty_lists_of_pairs() -> None:
    fitted = small(RNNSeq2Seq).fit(["ab", "b"], ["a", "b"])
    for call in (lambda: small(RNNSeq2Seq).fit([], []), lambda: fitted.predict([])):
        with pytest.raises(ValueError, match="X must be a list of sequences of tokens.*Got 0 sequences"):
            call()


def test_ragged_labels_are_refused_in_our_own_words() -> None:
    from forecastrnn.data.targets import read_labels

    with pytest.raises(ValueError, match="y holds parts of different lengths or kinds, which are no labels. Give one"):
        read_labels([np.ones((1, 2)), np.ones((2, 2)), np.ones((3, 2))], 1)


def test_records_and_numbers_that_no_float_holds_are_refused() -> None:
    model = RNNRegressor(hidden_layer_sizes=2, max_iter=1)
    with pytest.raises(TypeError, match="X must hold numbers, but its cells are records or raw bytes: dtype"):
        model.fit(np.zeros((3, 4), "V8"), np.zeros(3))
    with pytest.raises(TypeError, match="X must hold numbers. Got 1000.*, of type int at X"):
        model.fit(np.array([[10**400, 1], [2, 3]], object), np.zeros(2))


NAMED = [pd.DataFrame(cube, columns=["a", "b"]) for cube in np.random.default_rng(0).normal(size=(6, 4, 2))]
TURNED = [frame[["b", "a"]] for frame in NAMED]
SMALL: dict[str, Any] = {"hidden_layer_sizes": 2, "max_iter": 1, "random_state": 0}


@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("options", [{}, {"categorical_features": ["b"]}])
def test_channels_of_frames_in_a_list_go_by_their_names(ragged: bool, options: dict) -> None:
    """Frames whose columns stand in another order were read by their places, in silence."""
    cut = [4, 3, 4, 2, 4, 4] if ragged else [4] * 6
    frames, turned = ([one.round()[:k] for one, k in zip(which, cut)] for which in (NAMED, TURNED))
    y = np.arange(6.0)
    model = RNNRegressor(**SMALL, **options).fit(frames, y)
    expected = model.predict(frames)
    assert model.feature_names_in_.tolist() == ["a", "b"]
    with pytest.raises(ValueError, match="must be in the same order as they were in fit"):
        model.predict(turned)
    with pytest.raises(ValueError, match="feature names should match"):
        model.partial_fit([frame.rename(columns={"a": "c"}) for frame in frames], y)
    for mixed in (frames[:4] + turned[4:], [frames[0].to_numpy(), frames[1], *turned[2:]]):
        with pytest.raises(
            ValueError, match=r"X\[\d\] has the columns \['b', 'a'\], but a frame before it has \['a', 'b'\]"
        ):
            RNNRegressor(**SMALL, **options).fit(mixed, y)
    np.testing.assert_array_equal(model.predict([frame.to_numpy() for frame in frames]), expected)  # without names


def test_targets_of_frames_go_by_their_names() -> None:
    with pytest.raises(ValueError, match=r"y\[5\] has the columns \['b', 'a'\]"):
        RNNRegressor(**SMALL).fit(NAMED, NAMED[:5] + TURNED[5:])


def test_one_channel_may_be_called_as_its_sequence_is() -> None:
    frames = [frame[["a"]].rename(columns={"a": f"series {k}"}) for k, frame in enumerate(NAMED)]
    model = RNNRegressor(**SMALL).fit(frames, np.arange(6.0))
    np.testing.assert_array_equal(model.predict(frames), model.predict([frame.to_numpy() for frame in frames]))


def test_prompts_and_steps_go_by_the_names_of_channels() -> None:
    """Frames of a prompt, and rows of pandas; what has no names goes by its place."""
    model = RNNRegressor(**SMALL).fit(NAMED, NAMED)
    expected = model.generate(3, NAMED[0])
    np.testing.assert_array_equal(model.generate(3, NAMED[0].to_numpy()), expected)
    for prompt in (TURNED[0], TURNED[:2]):
        with pytest.raises(ValueError, match="must be in the same order as they were in fit"):
            model.generate(3, prompt)
    with pytest.raises(ValueError, match=r"prompt\[1\] has the columns \['b', 'a'\]"):
        model.generate(3, [NAMED[0], TURNED[0]])
    stream, row = model.stream(), NAMED[0].iloc[0]
    with pytest.raises(ValueError, match=r"x has the channels \['b', 'a'\], but fit had \['a', 'b'\]"):
        stream.step(row[["b", "a"]])
    first = stream.step(row)
    np.testing.assert_array_equal(model.stream().step(row.to_numpy()), first)
    np.testing.assert_array_equal(model.stream().step(pd.Series(row.to_numpy())), first)


def test_scored_labels_are_of_the_kind_of_those_of_fit() -> None:
    cubes, y = [frame.to_numpy() for frame in NAMED], np.arange(6) % 2
    model = RNNClassifier(**SMALL).fit(cubes, y)
    assert model.score(cubes, y.astype(float)) == model.score(cubes, y)
    with pytest.raises(ValueError, match="y must hold labels such as 0, as in fit. Got '0'"):
        model.score(cubes, y.astype(str))
    with pytest.raises(ValueError, match="y must hold labels such as 'a', as in fit. Got 0"):
        RNNClassifier(**SMALL).fit(cubes, [["a", "b"] * 2] * 6).score(cubes, [[0, 1] * 2] * 6)


@pytest.mark.frames
@pytest.mark.parametrize("ragged", [False, True])
def test_frames_of_polars_in_a_list(ragged: bool) -> None:
    """As those of pandas, by their names too."""
    polars = pytest.importorskip("polars")
    frames = [frame[: 3 + k % 2 if ragged else 4] for k, frame in enumerate(NAMED)]
    others = [polars.from_pandas(frame) for frame in frames]
    model, y = RNNRegressor(**SMALL).fit(others, np.arange(6.0)), np.arange(6.0)
    assert model.feature_names_in_.tolist() == ["a", "b"]
    np.testing.assert_array_equal(model.predict(others), RNNRegressor(**SMALL).fit(frames, y).predict(frames))
    with pytest.raises(ValueError, match="must be in the same order as they were in fit"):
        model.predict([frame.select("b", "a") for frame in others])
