"""The estimators inside scikit-learn's own: searches, calibration, stacking, voting, of sequences in any box."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import StackingClassifier, StackingRegressor, VotingClassifier, VotingRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    GroupKFold,
    KFold,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_validate,
    learning_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier

from forecastrnn import RNNClassifier, RNNRegressor

RNG = np.random.default_rng(0)
N = 36
LENGTHS = RNG.integers(2, 6, N)
FLAT = RNG.normal(size=(N, 5))
CUBE = RNG.normal(size=(N, 5, 2))
ROWS = [row[:n] for row, n in zip(CUBE, LENGTHS, strict=True)]
PADDED = np.where((np.arange(5) < LENGTHS[:, None])[:, :, None], CUBE, np.nan)
Y = FLAT.sum(axis=1)
LABELS = np.where(Y > 0, "up", "down")
WEIGHT, GROUPS = RNG.uniform(0.5, 2.0, N), np.arange(N) // 4


def small(kind: type = RNNRegressor, **options: Any) -> Any:
    return kind(**{"cell": "rnn", "hidden_layer_sizes": 3, "max_iter": 1, "random_state": 0, "n_jobs": 1} | options)


def boxed(rows: list) -> np.ndarray:
    cells = np.empty(len(rows), dtype=object)
    cells[:] = rows
    return cells


BOXES: dict[str, Any] = {
    "rows": FLAT,
    "array": CUBE,
    "frame": pd.DataFrame(FLAT, columns=list("abcde")),
    "list": ROWS,
    "objects": boxed(ROWS),
    "column": pd.Series(ROWS),
    "nested frame": pd.DataFrame({f"c{k}": [row[:, k] for row in ROWS] for k in range(2)}),
}
R, C = small(), small(RNNClassifier)
CLASSIFIERS: dict[str, Callable[[], Any]] = {
    "calibrated": lambda: CalibratedClassifierCV(C, cv=2),
    "calibrated, no ensemble": lambda: CalibratedClassifierCV(C, cv=2, ensemble=False),
    "stacked": lambda: StackingClassifier([("a", C), ("b", C)], LogisticRegression(), cv=2),
    "voting": lambda: VotingClassifier([("a", C), ("b", C)], voting="soft"),
    "one against rest": lambda: OneVsRestClassifier(C),
    "tuned threshold": lambda: TunedThresholdClassifierCV(C, cv=2),
    "fixed threshold": lambda: FixedThresholdClassifier(C, threshold=0.4),
    "search": lambda: GridSearchCV(
        C, {"hidden_layer_sizes": [2]}, scoring=["accuracy", "roc_auc", "neg_log_loss"], refit="roc_auc", cv=2,
        error_score="raise",
    ),
}  # fmt: skip
REGRESSORS: dict[str, Callable[[], Any]] = {
    "stacked": lambda: StackingRegressor([("a", R), ("b", R)], Ridge(), cv=2),
    "voting": lambda: VotingRegressor([("a", R), ("b", R)]),
    "transformed target": lambda: TransformedTargetRegressor(R, func=np.arcsinh, inverse_func=np.sinh),
    "search": lambda: GridSearchCV(
        R, {"hidden_layer_sizes": [2]}, scoring="neg_mean_absolute_error", cv=2, error_score="raise"
    ),
}


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifiers_of_classifiers(name: str, box: str) -> None:
    X, model = BOXES[box], CLASSIFIERS[name]()
    shares = model.fit(X, LABELS).predict_proba(X)
    assert shares.shape == (N, 2) and np.allclose(shares.sum(axis=1), 1)
    assert set(model.predict(X)) <= {"up", "down"}


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("name", REGRESSORS)
def test_regressors_of_regressors(name: str, box: str) -> None:
    X = BOXES[box]
    assert np.isfinite(REGRESSORS[name]().fit(X, Y).predict(X)).all()


@pytest.mark.parametrize("box", BOXES)
def test_splits_cut_boxes_like_rows(box: str) -> None:
    """What a fold predicts is what a fit on the other folds by hand predicts."""
    X = BOXES[box]
    found = cross_val_predict(C, X, LABELS, cv=KFold(2), method="predict_proba")
    for train, test in KFold(2).split(FLAT):
        part = [X.iloc[k] if hasattr(X, "iloc") else [X[i] for i in k] for k in (train, test)]
        part = [np.stack(one) if box in ("rows", "array") else one for one in part]
        np.testing.assert_array_equal(
            found[test], small(RNNClassifier).fit(part[0], LABELS[train]).predict_proba(part[1])
        )
    assert learning_curve(R, X, Y, cv=2, train_sizes=[0.5, 1.0], error_score="raise")[1].shape == (2, 2)


def test_models_that_are_fitted_already() -> None:
    fitted = small(RNNClassifier).fit(ROWS, LABELS)
    frozen = FrozenEstimator(fitted).fit(ROWS, LABELS)
    np.testing.assert_array_equal(frozen.predict_proba(ROWS), fitted.predict_proba(ROWS))
    assert CalibratedClassifierCV(frozen).fit(ROWS, LABELS).predict_proba(ROWS).shape == (N, 2)
    learned = SelfTrainingClassifier(C).fit(FLAT, np.where(np.arange(N) % 3, LABELS == "up", -1).astype(int))
    assert set(learned.predict(FLAT)) <= {0, 1}
    assert MultiOutputRegressor(R).fit(ROWS, np.c_[Y, -Y]).predict(ROWS).shape == (N, 2)


def test_logarithms_of_probabilities() -> None:
    """As those of other classifiers of scikit-learn; without a warning where there are no steps."""
    model = small(RNNClassifier).fit(ROWS, LABELS)
    np.testing.assert_array_equal(np.exp(model.predict_log_proba(ROWS)).round(12), model.predict_proba(ROWS).round(12))
    labels = [list(np.where(row[:, 0] > 0, "up", "down")) for row in ROWS]
    steps = small(RNNClassifier).fit(ROWS, labels)
    logs, shares = steps.predict_log_proba(ROWS), steps.predict_proba(ROWS)
    assert np.isneginf(logs[shares == 0.0]).all() and (shares == 0.0).any()


def test_importance_of_steps_and_of_channels() -> None:
    """Channels are columns whose cells are sequences; the one that says nothing is told from the other."""
    assert permutation_importance(small().fit(FLAT, Y), FLAT, Y, n_repeats=2).importances.shape == (5, 2)
    frame = pd.DataFrame({"sum": list(CUBE[:, :, 0]), "noise": list(CUBE[:, :, 1])})
    target = CUBE[:, :, 0].sum(axis=1)
    model = small(max_iter=60, solver="adam", learning_rate_init=0.03).fit(frame, target)
    found = permutation_importance(model, frame, target, n_repeats=3, random_state=0).importances_mean
    assert found[0] > 3 * abs(found[1])


def test_labels_at_each_step_in_folds() -> None:
    """scikit-learn cannot stratify lists of labels; folds in order it can."""
    labels = [list(np.where(row[:, 0] > 0, "up", "down")) for row in ROWS]
    assert cross_validate(C, ROWS, labels, cv=KFold(3), error_score="raise")["test_score"].shape == (3,)


# Metadata ------------------------------------------------------------------------------------------------
def asking(kind: type = RNNRegressor) -> Any:
    """All of it, wherever scikit-learn can hand it over."""
    model = small(kind).set_fit_request(sample_weight=True, lengths=True).set_predict_request(lengths=True)
    model.set_score_request(sample_weight=True, lengths=True)
    return model.set_predict_proba_request(lengths=True) if kind is RNNClassifier else model


@pytest.fixture
def routed() -> Any:
    with sklearn.config_context(enable_metadata_routing=True):
        yield {"sample_weight": WEIGHT, "lengths": LENGTHS}


@pytest.mark.parametrize("X", [PADDED, PADDED.tolist()], ids=["array", "list"])
def test_weights_lengths_and_groups_are_cut_like_rows(X: Any, routed: dict) -> None:
    """Scores of folds are those of fits by hand; groups go to the splitter."""
    cv = GroupKFold(3)
    found = cross_validate(asking(), X, Y, cv=cv, params=routed | {"groups": GROUPS}, error_score="raise")["test_score"]
    by_hand = [
        small().fit(PADDED[a], Y[a], WEIGHT[a], LENGTHS[a]).score(PADDED[b], Y[b], WEIGHT[b], LENGTHS[b])
        for a, b in cv.split(FLAT, Y, GROUPS)
    ]
    np.testing.assert_array_equal(found, by_hand)
    search = GridSearchCV(asking(RNNClassifier), {"hidden_layer_sizes": [2, 3]}, cv=cv, error_score="raise")
    search.fit(X, LABELS, groups=GROUPS, **routed)
    best = small(RNNClassifier, **search.best_params_).fit(PADDED, LABELS, **routed)
    np.testing.assert_array_equal(search.predict_proba(ROWS), best.predict_proba(ROWS))


def test_pipelines_hand_lengths_to_all_methods(routed: dict) -> None:
    pipeline = make_pipeline(FunctionTransformer(), asking(RNNClassifier)).fit(PADDED, LABELS, **routed)
    direct = small(RNNClassifier).fit(ROWS, LABELS, WEIGHT)
    np.testing.assert_array_equal(pipeline.predict_proba(PADDED, lengths=LENGTHS), direct.predict_proba(ROWS))
    np.testing.assert_array_equal(pipeline.predict(PADDED, lengths=LENGTHS), direct.predict(ROWS))
    assert pipeline.score(PADDED, LABELS, **routed) == direct.score(ROWS, LABELS, WEIGHT)


def test_where_lengths_are_not_handed_on_padding_is_told_of(routed: dict) -> None:
    """scikit-learn's scorers and calibration predict without them: NaN in the padding stops that, a list needs none."""
    model = asking(RNNClassifier)
    for call in (
        lambda: cross_val_predict(model, PADDED, LABELS, cv=2, params=routed),
        lambda: CalibratedClassifierCV(model, cv=2).fit(PADDED, LABELS, **routed),
    ):
        with pytest.raises(
            ValueError, match="(?s)Input X contains NaN.*say so by lengths.*or give a list of sequences"
        ):
            call()
    weighted = small(RNNClassifier).set_fit_request(sample_weight=True)
    calibrated = CalibratedClassifierCV(weighted, cv=2).fit(ROWS, LABELS, sample_weight=WEIGHT)
    assert calibrated.predict_proba(ROWS).shape == (N, 2)


# Frames --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("form", ["pandas", "polars"])
def test_steps_of_a_pipeline_that_give_frames(form: str) -> None:
    pytest.importorskip(form)
    frame = BOXES["frame"]
    pipeline = make_pipeline(StandardScaler(), small()).set_output(transform=form).fit(frame, Y)
    assert pipeline[-1].feature_names_in_.tolist() == list("abcde")
    expected = make_pipeline(StandardScaler(), small()).fit(FLAT, Y).predict(FLAT)
    np.testing.assert_allclose(pipeline.predict(frame), expected, rtol=1e-12)
    with sklearn.config_context(transform_output=form):
        assert make_pipeline(StandardScaler(), small()).fit(frame, Y)[-1].n_features_in_ == 5
