"""What stands in padding does not matter, in X and in y; targets at each step of ragged sequences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecastrnn import RNNClassifier, RNNRegressor

RNG = np.random.default_rng(4)
LENGTHS = np.append(RNG.integers(2, 6, 11), 6)
VALID = np.arange(6) < LENGTHS[:, None]
CUBE = np.where(VALID[:, :, None], RNG.normal(size=(12, 6, 2)), 0.0)
STEPS = np.where(VALID[:, :, None], CUBE[:, :, :1].cumsum(axis=1), 0.0)
Y = CUBE.sum(axis=(1, 2))
ROWS = [row[:n] for row, n in zip(CUBE, LENGTHS, strict=True)]
TARGETS = [row[:n] for row, n in zip(STEPS, LENGTHS, strict=True)]


def small(kind: type = RNNRegressor, **options: Any) -> Any:
    return kind(**{"cell": "rnn", "hidden_layer_sizes": 3, "max_iter": 1, "random_state": 0, "n_jobs": 1} | options)


def filled(values: np.ndarray, what: Any) -> Any:
    """Values with something in their padding."""
    if what == "masked":
        mask = np.broadcast_to(~VALID.reshape(*VALID.shape, *(1,) * (values.ndim - 2)), values.shape)
        return np.ma.MaskedArray(np.where(mask, 7.0, values), mask=mask)
    found = values.astype(object if what in (None, "text") else float)
    found[~VALID] = what
    return found


@pytest.mark.parametrize("what", [np.nan, np.inf, None, "text", "masked"])
def test_anything_may_stand_in_padding(what: Any) -> None:
    X, y = filled(CUBE, what), filled(STEPS, what)
    expected, model = small().fit(CUBE, STEPS, lengths=LENGTHS), small().fit(X, y, lengths=LENGTHS)
    np.testing.assert_array_equal(model.predict(X, LENGTHS), expected.predict(CUBE, LENGTHS))
    assert model.score(X, y, lengths=LENGTHS) == expected.score(CUBE, STEPS, lengths=LENGTHS)
    model.partial_fit(X, y, lengths=LENGTHS)
    expected.partial_fit(CUBE, STEPS, lengths=LENGTHS)
    np.testing.assert_array_equal(model.predict(ROWS), expected.predict(ROWS))
    listed = list(X) if what == "masked" else X.tolist()
    np.testing.assert_array_equal(model.predict(listed, LENGTHS), model.predict(ROWS))


def test_a_frame_with_padding_keeps_its_names() -> None:
    X = pd.DataFrame(filled(CUBE[:, :, 0], np.nan), columns=list("abcdef"))
    model = small().fit(X, Y, lengths=LENGTHS)
    assert model.feature_names_in_.tolist() == list("abcdef")
    np.testing.assert_array_equal(
        model.predict(X.astype("Float64"), LENGTHS),
        small().fit(X.fillna(9), Y, lengths=LENGTHS).predict(X.fillna(1), LENGTHS),
    )


def test_words_in_padding() -> None:
    words = np.where(CUBE[:, :, :1] > 0, "up", "down").astype(object)
    mask = ~VALID[:, :, None]
    options: dict[str, Any] = {"categorical_features": [0]}
    expected = small(**options).fit(words, Y, lengths=LENGTHS).predict(words, LENGTHS)
    for X in (np.where(mask, None, words), np.ma.MaskedArray(words, mask=mask)):
        np.testing.assert_array_equal(small(**options).fit(X, Y, lengths=LENGTHS).predict(X, LENGTHS), expected)
    with pytest.raises(ValueError, match=r"X has masked cells, the first at X\[0, 0, 0\]"):
        small(**options).fit(np.ma.MaskedArray(words, mask=~mask), Y, lengths=LENGTHS)


@pytest.mark.parametrize(
    ("value", "message"),
    [(np.nan, r"Input X contains NaN. It stands in row 3, at step 1, in channel 0. .*SimpleImputer.*lengths"),
     (-np.inf, r"Input X contains infinity or a value too large .*in row 3, at step 1"),
     ("masked", r"X has masked cells, the first at X\[3, 1, 0\]")],
)  # fmt: skip
def test_a_valid_step_is_still_checked(value: Any, message: str) -> None:
    X = filled(CUBE, np.nan)
    if value == "masked":
        X = np.ma.MaskedArray(X, mask=~VALID[:, :, None] | np.zeros(X.shape, bool))
        X[3, 1, 0] = np.ma.masked
    else:
        X[3, 1, 0] = value
    model = small().fit(CUBE, Y, lengths=LENGTHS)
    for call in (model.fit, model.partial_fit, model.score):
        with pytest.raises(ValueError, match=f"(?s){message}"):
            call(X, Y, lengths=LENGTHS)


@pytest.mark.parametrize(
    ("value", "message"),
    [(np.nan, "Input y contains NaN. It stands in row 3, at step 1, in output 0. A target is needed"),
     ("masked", r"y has masked cells, the first at y\[3, 1, 0\]")],
)  # fmt: skip
def test_a_target_of_a_valid_step_is_still_checked(value: Any, message: str) -> None:
    y = np.ma.MaskedArray(STEPS.copy(), mask=~VALID[:, :, None])
    y[3, 1, 0] = np.ma.masked if value == "masked" else value
    with pytest.raises(ValueError, match=message):
        small().fit(CUBE, y, lengths=LENGTHS)


# Targets at each step ------------------------------------------------------------------------------------
def test_targets_of_a_list_are_those_of_padded_ones() -> None:
    expected, boxes = small().fit(ROWS, STEPS), pd.Series(TARGETS)
    for y in (
        TARGETS,
        [t[:, 0] for t in TARGETS],
        [t[:, 0].tolist() for t in TARGETS],
        boxes,
        [pd.DataFrame(t) for t in TARGETS],
    ):
        model = small().fit(ROWS, y)
        np.testing.assert_array_equal(model.predict(ROWS), expected.predict(ROWS))
        assert model.score(ROWS, y) == expected.score(ROWS, STEPS)


def test_a_few_sequences_of_one_length() -> None:
    """What is (time,) in fit stays that in later calls, though it could be several outputs."""
    flat = [t[:, 0] for t in TARGETS]
    model = small().fit(ROWS, flat)
    few = [row[:2] for row in ROWS[:3]]
    some = [t[:2] for t in flat[:3]]
    assert model.score(few, some) == model.score(few, np.stack(some)[:, :, None])
    assert model.partial_fit(few, some).predict(few).shape == (3, 2, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [(lambda y: [*y[:3], y[3][:-1], *y[4:]], r"y\[3\] must have a target for each of the \d steps of X\[3\]. Got \d"),
     (lambda y: y[:-1], "y has targets of 11 sequences, but X has 12 sequences"),
     (lambda y: [*y[:3], y[3] * np.nan, *y[4:]], r"Input y\[3\] contains NaN. It stands at step 0"),
     (lambda y: [*y[:3], np.hstack([y[3], y[3]]), *y[4:]], r"y\[3\] has 2 channels, but y\[0\] has 1"),
     (lambda y: [*y[:3], 1.0, *y[4:]], r"y\[3\] is 1.0. Put single values into a list")],
)  # fmt: skip
def test_targets_that_do_not_fit(change: Any, message: str) -> None:
    model = small().fit(ROWS, TARGETS)
    for call in (small().fit, model.score):
        with pytest.raises((ValueError, TypeError), match=message):
            call(ROWS, change(TARGETS))


def test_numbers_behind_the_end_are_no_predictions() -> None:
    """Masked, NaN below the mask; so is what arithmetic makes of them, and each sample of dropout."""
    model = small(dropout=0.5).fit(ROWS, TARGETS)
    guess = model.predict(ROWS)
    inside = VALID[:, : guess.shape[1]]
    assert np.array_equal(np.ma.getmaskarray(guess)[:, :, 0], ~inside)
    assert np.isnan(guess.data[~inside]).all() and np.isfinite(guess.data[inside]).all()
    assert np.isnan(guess.filled()[~inside]).all()
    alone = [model.predict(row[None])[0] for row in ROWS]
    errors = [np.abs(one - target).sum() for one, target in zip(alone, TARGETS, strict=True)]
    assert np.abs(guess - STEPS).sum() == pytest.approx(sum(errors), rel=1e-5)
    assert model.score(ROWS, guess) == 1.0  # which goes back as it is
    drawn = model.predict(ROWS, n_samples=3, random_state=0)
    assert np.array_equal(np.ma.getmaskarray(drawn), np.stack([np.ma.getmaskarray(guess)] * 3))
    assert not isinstance(model.predict(CUBE), np.ma.MaskedArray)
    assert not isinstance(small().fit(ROWS, Y).predict(ROWS), np.ma.MaskedArray)


def test_sequences_of_vectors_in_a_list() -> None:
    vectors, curves = RNG.normal(size=(12, 3)), [t[:, 0] for t in TARGETS]
    expected = small(vector_input=True).fit(vectors, STEPS[:, :, 0], lengths=LENGTHS)
    model = small(vector_input=True).fit(vectors, curves)
    np.testing.assert_array_equal(model.predict(vectors), expected.predict(vectors))
    assert model.score(vectors, curves) == expected.score(vectors, filled(STEPS[:, :, 0], np.nan), lengths=LENGTHS)
    labels = [np.where(c > 0, "up", "down") for c in curves]
    assert small(RNNClassifier, vector_input=True).fit(vectors, pd.Series(labels)).score(vectors, labels) > 0


# Labels at each step -------------------------------------------------------------------------------------
@pytest.mark.parametrize("classes", [[-7, 3], ["down", "up"], [0.5 * 2, 4.0], [False, True], [0, 255]], ids=str)
def test_labels_behind_the_end_are_no_labels(classes: list) -> None:
    kind = np.uint8 if classes == [0, 255] else None
    labels = [np.array(classes, dtype=kind)[(t[:, 0] > 0).astype(int)] for t in TARGETS]
    model = small(RNNClassifier).fit(ROWS, labels)
    guess, share = model.predict(ROWS), model.predict_proba(ROWS)
    inside = VALID[:, : guess.shape[1]]
    assert np.array_equal(np.ma.getmaskarray(guess), ~inside) and guess.dtype == model.classes_.dtype
    assert np.isin(guess.data[inside], classes).all()
    assert classes == [False, True] or not np.isin(guess.data[~inside], classes).any()
    assert (share[~inside] == 0).all() and np.allclose(share[inside].sum(axis=1), 1)
    assert model.score(ROWS, labels) == pytest.approx(np.mean(np.concatenate(labels) == guess.compressed()))
    assert model.score(ROWS, guess) == 1.0  # which goes back as it is
    assert not isinstance(model.predict(CUBE), np.ma.MaskedArray)


def test_labels_with_anything_in_their_padding() -> None:
    labels = np.where(STEPS[:, :, 0] > 0, "up", "down").astype(object)
    expected = small(RNNClassifier).fit(CUBE, labels, lengths=LENGTHS)
    for nothing in (None, np.nan, 3, "masked"):
        y = np.ma.MaskedArray(labels, mask=~VALID) if nothing == "masked" else np.where(VALID, labels, nothing)
        model = small(RNNClassifier).fit(CUBE, y, lengths=LENGTHS)
        assert model.classes_.tolist() == ["down", "up"]
        assert model.score(CUBE, y, lengths=LENGTHS) == expected.score(CUBE, labels, lengths=LENGTHS)
    with pytest.raises(ValueError, match=r"y has masked cells, the first at y\[0, 0\]"):
        small(RNNClassifier).fit(CUBE, np.ma.MaskedArray(labels, mask=VALID), lengths=LENGTHS)
    with pytest.raises(TypeError, match="y must be uniformly strings or numbers"):
        small(RNNClassifier).fit(ROWS, [[1] * n if k else ["a"] * n for k, n in enumerate(LENGTHS)])
