"""Categorical channels of the estimators over arrays: what is learned, read, kept and refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import forecastrnn
from forecastrnn import Embedding, RNNClassifier, RNNRegressor
from forecastrnn.data.coding import auto_dim

RNG = np.random.default_rng(0)
GOOD, BAD = ["good", "fine", "superb"], ["bad", "dull", "poor"]
SMALL: dict[str, Any] = {"hidden_layer_sizes": 4, "max_iter": 2, "random_state": 0, "n_jobs": 1}


def texts(n: int, seed: int = 0) -> tuple[list[list[str]], np.ndarray]:
    """Sequences of words of which one says what the label is."""
    rng = np.random.default_rng(seed)
    X = [list(rng.choice(["the", "film", "was", "a", "story"], rng.integers(3, 9))) for _ in range(n)]
    y = rng.integers(2, size=n)
    for row, positive in zip(X, y, strict=True):
        row[rng.integers(len(row))] = str(rng.choice(GOOD if positive else BAD))
    return X, np.array(["no", "yes"])[y]


def cube(n: int = 12, T: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """A channel of numbers, and one of the categories 3, 7, 20; targets."""
    X = np.stack([RNG.standard_normal((n, T)), RNG.choice([3, 7, 20], (n, T))], axis=2)
    X[0, :3, 1] = 3, 7, 20
    return X, X[:, -1, 0]


def test_words_are_learned() -> None:
    X, y = texts(300)
    model = RNNClassifier(cell="gru", categorical_features=[0], max_iter=25, learning_rate_init=0.02, **{
        name: value for name, value in SMALL.items() if name != "max_iter"}).fit(X[:200], y[:200])  # fmt: skip
    assert model.score(X[200:], y[200:]) > 0.95
    assert model.categories_[0].tolist() == sorted({*GOOD, *BAD, "the", "film", "was", "a", "story"})
    assert model.is_categorical_.tolist() == [True]
    assert model.n_features_in_ == 1 and model.embedding_weights_[0].shape == (12, auto_dim(11))


def test_every_form_of_X() -> None:
    """Lists, padded arrays with what they want past the end, columns of lists, and codes: the same bits."""
    X, y = texts(20)
    lengths, steps = np.array([len(x) for x in X]), max(map(len, X))
    padded: Any = np.full((20, steps), None, object)
    for row, x in zip(padded, X, strict=True):
        row[: len(x)] = x
    fixed = np.where(padded == None, "past the end", padded).astype(str)  # noqa: E711
    words = sorted({word for x in X for word in x})
    numbers = [np.array([words.index(word) for word in x]) for x in X]
    options = SMALL | {"categorical_features": [0]}
    expected = RNNClassifier(**options).fit(X, y).predict_proba(X)
    for other, ends in [
        (padded, lengths), (fixed, lengths), (fixed[:, :, None], lengths), (pd.Series(X), None), (numbers, None),
        ([np.array(x) for x in X], None), ([pd.DataFrame({"word": x}) for x in X], None), (tuple(X), None),
    ]:  # fmt: skip
        model = RNNClassifier(**options).fit(other, y, lengths=ends)
        np.testing.assert_array_equal(model.predict_proba(other, ends), expected)
        assert model.score(other, y, lengths=ends) == (model.predict(other, ends) == y).mean()
    by_name = RNNClassifier(**options | {"categorical_features": ["word"]})
    frames = [pd.DataFrame({"word": x}) for x in X]
    np.testing.assert_array_equal(by_name.fit(frames, y).predict_proba(X), expected)


def test_rows_of_fixed_length() -> None:
    """A 2-D X keeps the number and the names of its columns."""
    frame = pd.DataFrame(RNG.choice(["a", "b", "c"], (12, 4)), columns=list("pqrs"))
    y = np.arange(12.0)
    model = RNNRegressor(**SMALL, categorical_features=[0]).fit(frame, y)
    assert (model.n_features_in_, model.n_channels_in_) == (4, 1)
    assert model.feature_names_in_.tolist() == list("pqrs")
    np.testing.assert_array_equal(
        RNNRegressor(**SMALL, categorical_features=[True]).fit(frame.to_numpy(), y).predict(frame.to_numpy()),
        model.predict(frame),
    )
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame[list("qprs")])
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame[list("pqr")])
    plain = RNNRegressor(**SMALL, categorical_features=[0]).fit(frame.to_numpy(), y)
    with pytest.raises(ValueError, match="3 features"):
        plain.predict(frame.to_numpy()[:, :3])
    with pytest.raises(ValueError, match="2 channels"):
        model.predict(np.zeros((2, 4, 2)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numbers_beside_categories(dtype: type) -> None:
    """Only the numbers are standardised; the order of the categories' values means nothing."""
    X, y = cube()
    X = X.astype(dtype)
    model = RNNRegressor(**SMALL, categorical_features=[1]).fit(X, y)
    scaler = model._fitted.x_scaler
    assert (scaler.mean_[1], scaler.scale_[1]) == (0.0, 1.0)
    assert scaler.mean_[0] == pytest.approx(X[:, :, 0].mean(), rel=1e-5)
    assert model.categories_[0].tolist() == [3, 7, 20] and model.embedding_weights_[0].dtype == dtype
    shifted = X.copy()
    shifted[:, :, 1] = X[:, :, 1] * 100 + 7
    other = RNNRegressor(**SMALL, categorical_features=[False, True]).fit(shifted, y)
    np.testing.assert_array_equal(other.predict(shifted), model.predict(X))


def test_unseen_categories_read_the_mean() -> None:
    X, y = cube()
    model = RNNRegressor(**SMALL, categorical_features=[1]).fit(X, y)
    vectors = model.embedding_weights_[0]
    np.testing.assert_allclose(vectors[-1], vectors[:-1].mean(axis=0), rtol=1e-12)
    strange = X.copy()
    strange[:, :2, 1], strange[:, 2:, 1] = 20, 4
    before = model.predict(strange)
    vectors[1] = vectors[-1]  # now 7 reads the same
    seen = np.where(strange == 4, 7, strange)
    np.testing.assert_array_equal(model.predict(seen), before)
    assert (model.predict(X) != before).all()


@pytest.mark.parametrize("partial", [False, True], ids=["warm start", "partial_fit"])
def test_later_fits_keep_the_categories(partial: bool) -> None:
    """A category that only comes later reads the mean, and its vector stays the mean."""
    X, y = cube()
    model = RNNRegressor(**SMALL, categorical_features=[1], warm_start=True).fit(X, y)
    later, before = np.where(X == 20, 21, X), model.embedding_weights_[0].copy()
    (model.partial_fit if partial else model.fit)(later, y)
    after = model.embedding_weights_[0]
    assert model.categories_[0].tolist() == [3, 7, 20] and (after[:2] != before[:2]).any()
    np.testing.assert_allclose(after[-1], after[:-1].mean(axis=0), rtol=1e-12)
    for name, value, message in [
        ("categorical_features", [0, 1], "categorical_features must stay"),
        ("categorical_features", None, "categorical_features must stay"),
        ("embedding__dim", 9, "asks? for"),
    ]:
        other = RNNRegressor(**SMALL, categorical_features=[1], warm_start=True).fit(X, y).set_params(**{name: value})
        with pytest.raises(ValueError, match=message):
            other.fit(X, y)
        assert np.isfinite(other.predict(X)).all()
    plain = RNNRegressor(**SMALL, warm_start=True).fit(X, y).set_params(categorical_features=[1])
    with pytest.raises(ValueError, match="categorical_features must stay"):
        plain.fit(X, y)


@pytest.mark.parametrize("mapping", [False, True], ids=["array", "mapping"])
def test_given_vectors(mapping: bool) -> None:
    """They are where training begins, or, frozen, where it ends; a mapping may know more than the data."""
    X, y = cube()
    rows = RNG.standard_normal((3, 5))
    given: Any = {3: rows[0], 20: rows[2], 50: rows[1]} if mapping else rows
    options = SMALL | {"categorical_features": [1], "embedding": Embedding(weights={1: given})}
    frozen = RNNRegressor(**options).set_params(embedding__frozen=True).fit(X, y)
    expected = np.stack([rows[0], rows.mean(axis=0), rows[2], rows[1]]) if mapping else rows
    assert frozen.categories_[0].tolist() == ([3, 7, 20, 50] if mapping else [3, 7, 20])
    np.testing.assert_allclose(frozen.embedding_weights_[0][:-1], expected, rtol=1e-12)
    np.testing.assert_allclose(frozen.embedding_weights_[0][-1], expected.mean(axis=0), rtol=1e-12)
    learned = RNNRegressor(**options).fit(X, y)
    moved = np.abs(learned.embedding_weights_[0][:-1] - expected)
    assert 0 < moved.max() < 0.1
    tuned = frozen.set_params(warm_start=True, embedding__frozen=False).fit(X, y)
    assert 0 < np.abs(tuned.embedding_weights_[0][:-1] - expected).max() < 0.1


def test_dims() -> None:
    assert [auto_dim(n) for n in (1, 2, 10, 100, 1000, 10**6)] == [2, 2, 6, 21, 50, 50]
    X, y = cube()
    model = RNNRegressor(**SMALL, categorical_features=[1], embedding=Embedding(dim=7)).fit(X, y)
    assert model.embedding_weights_[0].shape == (4, 7)


@pytest.mark.parametrize("kind", ["texts", "array", "mapping", "wide texts"])
def test_saved_and_loaded(kind: str, tmp_path: Path) -> None:
    X, y = texts(20)
    options: dict[str, Any] = SMALL | {"categorical_features": [0]}
    if kind == "array":
        X = [np.array([len(word) for word in x]) for x in X]
        options["embedding"] = Embedding(weights={0: np.eye(len({int(k) for x in X for k in x}))})
    if kind == "mapping":
        options |= {"embedding": Embedding(weights={0: {"zebra": [1.0, 2], "film": [0.5, 3]}}, frozen=True)}
    if kind == "wide texts":
        X = [np.array(x) for x in X]
    model = RNNClassifier(**options).fit(X, y)
    model.save(tmp_path / "m.rnn")
    again = forecastrnn.load(tmp_path / "m.rnn")
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert again.categories_[0].tolist() == model.categories_[0].tolist()
    assert again.categories_[0].dtype == model.categories_[0].dtype
    for one in (model, again):
        one.partial_fit(X, y)
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(again.fit(X, y).predict_proba(X), model.fit(X, y).predict_proba(X))


def test_streams() -> None:
    """A stream takes categories as they are, also those that it does not know."""
    codes = RNG.integers(3, size=(12, 5))
    X = np.array(["a", "b", "c"], object)[codes]
    model = RNNRegressor(**SMALL, categorical_features=[0]).fit(X, RNG.standard_normal((12, 5, 1)))
    X[0, 2] = "new"
    stream = model.stream()
    found = [stream.step(word) for word in X[0]]
    np.testing.assert_allclose(np.array(found), model.predict(X[:1])[0], rtol=1e-9)
    for wrong in (3, None, np.nan):
        with pytest.raises(ValueError, match="must be a category such as 'a'"):
            stream.step(wrong)
    with pytest.raises(ValueError, match="1 finite numbers or categories"):
        stream.step(["a", "b"])
    with pytest.raises(ValueError, match="channel 0 of X is categorical"):
        model.generate(3)


SYMBOLS = np.array(["a", "b", "c", "d"])


@pytest.mark.parametrize("prompt", [None, list("abca"), SYMBOLS[np.arange(6).reshape(3, 2) % 4]], ids=str)
def test_generated_symbols_are_those_of_one_hot_inputs(prompt: Any) -> None:
    """With given vectors that are one-hot, the same numbers go in, and so the same symbols come out."""
    codes = np.random.default_rng(1).integers(4, size=(20, 7))
    y = SYMBOLS[codes[:, 1:]]
    options = SMALL | {"standardize": False}
    hot = RNNClassifier(**options).fit(np.eye(4)[codes[:, :-1]], y)
    coded = RNNClassifier(
        **options, categorical_features=[0], embedding=Embedding(weights={0: np.eye(4)}, frozen=True)
    ).fit(SYMBOLS[codes[:, :-1]], y)
    draws = [model.generate(9, prompt, n_sequences=3, temperature=1.5, random_state=3) for model in (hot, coded)]
    np.testing.assert_array_equal(*draws)
    assert len(set(draws[0].ravel())) > 2


def test_symbols_that_are_only_read_or_only_drawn() -> None:
    """A start symbol is no class; a class that X never had reads the mean."""
    X = np.array([["<s>", "a", "b"], ["<s>", "b", "a"]] * 5)
    y = np.array([["a", "b", "end"], ["b", "a", "end"]] * 5)
    model = RNNClassifier(**SMALL, categorical_features=[0]).fit(X, y)
    drawn = model.generate(20, ["<s>"], random_state=0)
    assert set(drawn) <= {"a", "b", "end"} and "end" in drawn
    with pytest.raises(ValueError, match=r"'end' at \[0\], which is not among categories_"):
        model.generate(2, ["end"])
    numbers = RNNClassifier(**SMALL, categorical_features=[0]).fit(X, np.arange(3) * np.ones((10, 1), int))
    with pytest.raises(ValueError, match="none of classes_ is among them"):
        numbers.generate(2)
    both = RNNClassifier(**SMALL, categorical_features=[0, 1]).fit(np.stack([X, X], axis=2), y)
    with pytest.raises(ValueError, match="X had 2 channels"):
        both.generate(2)


WORDS = np.array([["a", "b"], ["b", "c"], ["c", "a"]], object)
MIXED = np.stack([WORDS, np.ones((3, 2), object)], axis=2)
REFUSED = {
    "a missing value": (
        np.array([["a", "b"], ["a", None]], object),
        {},
        "NaN among .*None in channel 0 at step 1 of",
    ),
    "NaN among texts": (np.array([["a", "b"], [np.nan, "a"]], object), {}, "nan in channel 0 at step 0 of sequence 1"),
    "NA": (pd.DataFrame({"p": pd.array(["a", None], "string"), "q": ["a", "b"]}), {}, "NA.* at step 0 of sequence 1"),
    "NaN": (np.array([[1.0, np.nan], [2, 3]]), {}, "nan in channel 0 at step 1 of sequence 0"),
    "infinity": (np.array([[1.0, 2], [np.inf, 3]]), {}, "infinity"),
    "texts and numbers": (np.array([["a", 1], ["b", "c"]], object), {}, "must be texts, .*Got 1, of type int"),
    "dates": (np.array([["2024"], ["2025"]], "M8[D]"), {}, "datetime"),
    "bytes": (np.array([[b"a"], [b"b"]]), {}, "texts or numbers. Got .*b'a'"),
    "a channel of numbers": (MIXED, {}, "'a' in channel 0 .* channel 1 is not categorical.*OrdinalEncoder"),
    "a text, not words": (["the cat", "a dog"], {}, r"X\[0\] must be a sequence .*'the cat'.*Split"),
    "one list of words": ([1.0, 2.0], {}, r"X\[0\] must be a sequence"),
    "an empty sequence": ([["a"], []], {}, r"X\[1\].*at least one step"),
    "nothing": ([], {}, "0 sample"),
    "channels that differ": ([[["a", "b"]], [["a"]]], {}, r"X\[1\] has 1 channels, but X\[0\] has 2"),
    "four dimensions": (np.zeros((2, 2, 2, 2)), {}, "dim 4"),
    "no steps": (np.zeros((2, 0, 1)), {}, "0 sample"),
    "index": (WORDS, {"categorical_features": [1]}, "0 .. 0. Got 1.*one channel, 0"),
    "negative": (WORDS, {"categorical_features": [-1]}, "Got -1"),
    "a short mask": (MIXED, {"categorical_features": [True]}, "mask of 1 values, but X has 2"),
    "no names": (WORDS, {"categorical_features": ["word"]}, "'word', but the channels of X have no names"),
    "an unknown name": (
        [pd.DataFrame({"w": ["a"]}), pd.DataFrame({"w": ["b", "c"]})],
        {"categorical_features": ["x"]},
        r"'x'.*\['w'\]",
    ),
    "fractions": (WORDS, {"categorical_features": [0.0]}, "indexes, a mask or names"),
    "no list": (WORDS, {"categorical_features": 0}, "categorical_features.*Got 0"),
    "dim": (WORDS, {"embedding": Embedding(dim=0)}, "embedding__dim.*Got 0"),
    "dim as a bool": (WORDS, {"embedding": Embedding(dim=True)}, "embedding__dim.*not a bool"),
    "frozen without vectors": (WORDS, {"embedding": Embedding(frozen=True)}, "needs embedding__weights"),
    "vectors of another channel": (WORDS, {"embedding": Embedding(weights={1: np.eye(3)})}, r"key 1, but .*\[0\]"),
    "no mapping": (WORDS, {"embedding": Embedding(weights=np.eye(3))}, "embedding__weights.*dict"),
    "too few rows": (WORDS, {"embedding": Embedding(weights={0: np.eye(2)})}, "has 2 rows, but channel 0 of X has 3"),
    "one vector": (WORDS, {"embedding": Embedding(weights={0: np.ones(3)})}, r"Got \(3,\)"),
    "ragged vectors": (
        WORDS,
        {"embedding": Embedding(weights={0: {"a": [1], "b": [1, 2]}})},
        r"\(1,\) for 'a' and \(2,\) for 'b'",
    ),
    "texts for vectors": (WORDS, {"embedding": Embedding(weights={0: [["x"], [1]]})}, r"length. Got \['x'\] for 0"),
    "an object for vectors": (WORDS, {"embedding": Embedding(weights={0: object()})}, "of one length. Got object"),
    "no vectors": (WORDS, {"embedding": Embedding(weights={0: {}})}, "empty mapping"),
    "NaN vectors": (
        WORDS,
        {"embedding": Embedding(weights={0: np.full((3, 2), np.nan)})},
        "NaN or infinity, first in row 0",
    ),
    "another dim": (WORDS, {"embedding": Embedding(dim=2, weights={0: np.eye(3)})}, "vectors of 3 numbers"),
    "keys of another kind": (WORDS, {"embedding": Embedding(weights={0: {1: [1.0]}})}, "keys such as 1, .*such as 'a'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    """At once, with what is wrong and where; nothing fitted is left behind."""
    X, options, message = REFUSED[name]
    model = RNNRegressor(**SMALL | {"categorical_features": [0]} | options)
    with pytest.raises((ValueError, TypeError), match=f"(?s){message}"):
        model.fit(X, np.arange(float(max(len(X), 2)))[: len(X)])
    assert [name for name in vars(model) if name.endswith("_")] == []


def test_refused_by_predict() -> None:
    model = RNNRegressor(**SMALL, categorical_features=[0]).fit(WORDS, np.arange(3.0))
    with pytest.raises(TypeError, match="X has numbers in channel 0, such as 1, .* are texts, such as 'a'"):
        model.predict(np.ones((3, 2), int))
    with pytest.raises(ValueError, match="lengths must be 3 integers"):
        model.predict(WORDS, lengths=[1])
    with pytest.raises(ValueError, match="embedding__weights has the key 0"):
        RNNRegressor(**SMALL, embedding=Embedding(weights={0: np.eye(3)})).fit(np.ones((3, 2)), np.arange(3.0))


def test_what_does_not_fit_into_float32() -> None:
    """A given number that is too large for the type to compute in is named."""
    X = np.ones((3, 2, 1), np.float32)
    with pytest.raises(ValueError, match="a number too large for float32"):
        RNNRegressor(**SMALL, categorical_features=[0], embedding=Embedding(weights={0: [[1e300]]})).fit(
            X, np.arange(3.0)
        )
