"""class_weight of RNNClassifier: weights by label, balanced ones, what they may not be, and that files keep them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score
from sklearn.utils.class_weight import compute_sample_weight

import forecastrnn
from forecastrnn import RNNClassifier

RNG = np.random.default_rng(0)
X = RNG.standard_normal((30, 5))
LABELS = np.array(["often", "rare", "some"])[np.repeat([0, 1, 2], [18, 4, 8])]
NUMBERS = np.repeat([7, -1, 3], [18, 4, 8])
WEIGHT = RNG.uniform(0.5, 2.0, 30)


def small(**options: Any) -> RNNClassifier:
    return RNNClassifier(
        **{"cell": "rnn", "hidden_layer_sizes": 3, "max_iter": 3, "random_state": 0, "n_jobs": 1} | options
    )


def same(one: RNNClassifier, other: RNNClassifier) -> bool:
    return bool(np.array_equal(one.predict_proba(X), other.predict_proba(X))) and one.loss_curve_ == other.loss_curve_


@pytest.mark.parametrize("y", [LABELS, NUMBERS, NUMBERS == 7], ids=["texts", "numbers", "booleans"])
def test_balanced_weights_are_those_of_scikit_learn(y: np.ndarray) -> None:
    model = small(class_weight="balanced").fit(X, y)
    assert same(model, small().fit(X, y, sample_weight=compute_sample_weight("balanced", y)))


def test_weights_by_label_multiply_those_of_rows() -> None:
    model = small(class_weight={"rare": 4.0, "some": np.float32(0.5)}).fit(X, LABELS, sample_weight=WEIGHT)
    each = np.select([LABELS == "rare", LABELS == "some"], [4.0, 0.5], 1.0)
    assert same(model, small().fit(X, LABELS, sample_weight=each * WEIGHT))
    assert same(
        small(class_weight={-1: 2}).partial_fit(X, NUMBERS), small().partial_fit(X, NUMBERS, None, 1 + (NUMBERS < 0))
    )


def test_a_row_of_weight_two_counts_twice() -> None:
    twice = np.r_[0:30, 20:30]
    weight = 1 + (np.arange(30) >= 20)
    one = small(class_weight="balanced", batch_size=40, shuffle=False).fit(X[twice], LABELS[twice])
    other = small(class_weight="balanced", batch_size=30, shuffle=False).fit(X, LABELS, sample_weight=weight)
    np.testing.assert_allclose(one.predict_proba(X), other.predict_proba(X), rtol=1e-9)


def test_rare_classes_are_found_by_it() -> None:
    """Two classes that overlap, 12 to 1: without weights nearly all is the frequent one."""
    rng = np.random.default_rng(1)
    y = (np.arange(390) % 13 == 0).astype(int)
    x = rng.standard_normal((390, 4)) + 0.7 * y[:, None]
    plain, balanced = (
        balanced_accuracy_score(y, small(max_iter=30, class_weight=one).fit(x, y).predict(x))
        for one in (None, "balanced")
    )
    assert plain < 0.65 < 0.75 < balanced


def test_labels_that_this_y_has_not() -> None:
    """As in a fold of a search: no error where each class has a weight."""
    weights = {"often": 1, "rare": 5, "some": 2}
    assert small(class_weight=weights).fit(X[:20], LABELS[:20]).classes_.tolist() == ["often", "rare"]
    model = small(class_weight=weights | {"some": 0}).partial_fit(X[:20], LABELS[:20], classes=np.unique(LABELS))
    assert model.classes_.tolist() == ["often", "rare", "some"]


BAD: dict[str, tuple[Any, str]] = {
    "a name": ("ballanced", "The 'class_weight' parameter of RNNClassifier must be .*'balanced'.*Got 'ballanced'"),
    "a number": (2.0, "The 'class_weight' parameter"),
    "a text": ({"rare": "2"}, r"class_weight\['rare'\] must be a number. Got '2', of type str"),
    "a boolean": ({"rare": True}, r"class_weight\['rare'\] must be a number. Got True"),
    "negative": ({"rare": -1.0}, r"class_weight\['rare'\] must be a finite number >= 0. Got -1.0"),
    "NaN": ({"rare": np.nan}, r"class_weight\['rare'\] must be a finite number >= 0. Got nan"),
    "no class": ({"rear": 2}, "a weight for 'rear', which is no class of y; classes are 'often', 'rare', 'some'"),
    "nothing left": ({"often": 0, "rare": 0, "some": 0}, "class_weight gives each row of y .* a weight of 0"),
}


@pytest.mark.parametrize(("weights", "message"), BAD.values(), ids=BAD)
def test_bad_weights(weights: Any, message: str) -> None:
    model = small().fit(X, LABELS)
    before = model.predict_proba(X)
    with pytest.raises((ValueError, TypeError), match=f"(?s){message}"):
        model.set_params(class_weight=weights).fit(X, LABELS)
    assert np.array_equal(model.predict_proba(X), before)


def test_what_it_is_not_for() -> None:
    with pytest.raises(ValueError, match="class_weight is for one label a sequence, but y has a label at each step"):
        small(class_weight="balanced").fit(X, X > 0)
    with pytest.raises(ValueError, match="partial_fit does not support class_weight='balanced'.*Give a dict"):
        small(class_weight="balanced").partial_fit(X, LABELS)


@pytest.mark.parametrize("weights", ["balanced", {-1: 2.5, 7: 1}], ids=str)
def test_files_keep_it(weights: Any, tmp_path: Path) -> None:
    model = small(class_weight=weights, warm_start=True).fit(X, NUMBERS)
    model.save(tmp_path / "model.rnn")
    again = forecastrnn.load(tmp_path / "model.rnn")
    assert again.class_weight == weights
    assert same(again.fit(X, NUMBERS), model.fit(X, NUMBERS))
