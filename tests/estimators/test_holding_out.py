"""What early stopping holds out of few rows, and of classes that are rare."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from forecastrnn import EarlyStopping, RNNClassifier, RNNRegressor, RNNSeq2Seq
from forecastrnn.estimators.holding_out import last_rows, random_rows, stratified_rows


@pytest.mark.parametrize(
    ("labels", "share"),
    [("a" * 39 + "b", 0.1), ("abc" * 4, 0.1), ("abcdefgh" * 2, 0.9), ("aab", 0.1), ("aab", 0.9),
     ("a" * 20 + "bcdefgh", 0.5)],
)  # fmt: skip
def test_each_class_trains_and_something_is_held_out(labels: str, share: float) -> None:
    codes = np.array([ord(label) - 97.0 for label in labels])
    for seed in range(5):
        train, held = stratified_rows(codes, share, np.array([*"abcdefgh"]), seed)
        assert sorted([*train, *held]) == [*range(len(codes))] and len(held) >= 1
        assert set(codes[train]) == set(codes)
        assert len(held) <= np.ceil(share * len(codes))


def test_classes_with_enough_rows_have_their_shares() -> None:
    codes = np.repeat([0.0, 1.0], [30, 10])
    expected = train_test_split(np.arange(40), test_size=0.2, stratify=codes, random_state=3)
    assert [found.tolist() for found in stratified_rows(codes, 0.2, np.array(["a", "b"]), 3)] == [
        e.tolist() for e in expected
    ]
    assert np.bincount(codes[expected[1]].astype(int)).tolist() == [6, 2]


def test_classes_of_one_row_each_are_refused() -> None:
    X = np.arange(6.0).reshape(3, 2)
    model = RNNClassifier(early_stopping=True, hidden_layer_sizes=2, max_iter=1)
    with pytest.raises(ValueError, match=r"early_stopping holds out rows.*each class of y has one row.*'rare'.*False"):
        model.fit(X, ["rare", "usual", "odd"])
    with pytest.raises(ValueError, match=r"early_stopping needs at least 2 sequences, got 1"):
        model.fit(X[:1, :, None], [["a", "b"]])


@pytest.mark.parametrize("n", [2, 3, 5])
@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_a_row_is_left_to_train_on(n: int, share: float) -> None:
    for train, held in (last_rows(n, share, "rows"), random_rows(n, share, "rows", 0)):
        assert len(train) >= 1 and len(held) >= 1 and sorted([*train, *held]) == [*range(n)]


def test_a_rare_class_is_learned() -> None:
    X = np.random.default_rng(0).normal(size=(12, 3))
    options: dict[str, Any] = {"hidden_layer_sizes": 2, "max_iter": 1, "n_jobs": 1, "random_state": 0}
    y = ["usual"] * 11 + ["rare"]
    model = RNNClassifier(early_stopping=EarlyStopping(fraction=0.3), **options).fit(X, y)
    assert model.classes_.tolist() == ["rare", "usual"] and len(model.validation_scores_) == 1
    RNNRegressor(early_stopping=EarlyStopping(fraction=0.9), **options).fit(X[:2], [1.0, 2.0])
    RNNSeq2Seq(early_stopping=EarlyStopping(fraction=0.9), **options).fit(["a", "b"], ["b", "a"])


@pytest.mark.parametrize("kind", [RNNRegressor, RNNClassifier])
@pytest.mark.parametrize("out", [slice(0, 18), slice(12, 20), slice(1, 20, 2)])
def test_a_weight_of_0_leaves_a_row_out_of_what_is_held_out_too(kind: Any, out: slice) -> None:
    """The fit is that of the rows that count: the same rows train, are held out, and give the same scores."""
    rng = np.random.default_rng(1)
    X, weight = rng.normal(size=(30, 3)), np.ones(30)
    y = np.arange(30) % 2
    weight[out] = 0.0
    options: dict[str, Any] = {"hidden_layer_sizes": 2, "max_iter": 3, "random_state": 0, "batch_size": 4}
    wild = np.where(weight[:, None] > 0, X, 1e6)  # counts for nothing
    model = kind(early_stopping=True, **options).fit(wild, y, sample_weight=weight)
    few = kind(early_stopping=True, **options).fit(X[weight > 0], y[weight > 0])
    assert model.validation_scores_ == few.validation_scores_
    np.testing.assert_allclose(model.loss_curve_, few.loss_curve_, rtol=1e-12)
    with pytest.raises(ValueError, match="early_stopping needs at least 2 sequences, got 1"):
        RNNRegressor(early_stopping=True, **options).fit(X, y, sample_weight=np.arange(30) == 3)
