"""The flat parameters of before there were groups: what they mean, in constructors, fits and model files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.utils._param_validation import InvalidParameterError

import forecastrnn as rnn
from forecastrnn import RNNClassifier, RNNForecaster, RNNRegressor, RNNSeq2Seq
from forecastrnn.estimators.groups.heads import HEADS
from forecastrnn.estimators.old_names import flat_of, heads_of, modernise, old_names_of
from forecastrnn.estimators.parameters import rule_of
from forecastrnn.training.optimizers import Rule
from support.forecaster_cases import monthly, quick
from support.model_cases import X, regressor
from support.registration import registered

ALL = (RNNRegressor, RNNClassifier, RNNForecaster, RNNSeq2Seq)

# The names of before --------------------------------------------------------------------------------------------
RENAMED: list[tuple[Any, dict[str, Any], dict[str, Any]]] = [  # class, as it was, as it is
    (RNNRegressor, {"learning_rate": "cosine"}, {"solver": rnn.Adam("cosine")}),
    (RNNRegressor, {"learning_rate": "constant", "learning_rate_init": 0.01}, {"solver": rnn.Adam(0.01)}),
    (RNNRegressor, {"learning_rate": "one_cycle", "learning_rate_init": 0.1}, {"solver": rnn.Adam(rnn.OneCycle(0.1))}),
    (RNNRegressor, {"alpha": 0.1}, {"solver": rnn.Adam(l2=0.1)}),
    (RNNRegressor, {"alpha": 0.1, "solver": "adamw"}, {"solver": rnn.AdamW(weight_decay=0.1)}),
    (RNNRegressor, {"beta_1": 0.5, "beta_2": 0.6}, {"solver": rnn.Adam(beta_1=0.5, beta_2=0.6)}),
    (RNNRegressor, {"epsilon": 0.1}, {"solver": rnn.Adam(epsilon=0.1)}),
    (RNNRegressor, {"solver": "sgd", "momentum": 0.5}, {"solver": rnn.SGD(momentum=0.5)}),
    (RNNRegressor, {"solver": "sgd", "nesterovs_momentum": False}, {"solver": rnn.SGD(nesterov=False)}),
    (RNNRegressor, {"momentum": 0.5}, {"solver": "adam"}),  # which has none
    (RNNRegressor, {"clip_norm": 0.1}, {"solver": rnn.Adam(clip_norm=0.1)}),
    (RNNSeq2Seq, {"clip_norm": None}, {"solver": rnn.Adam(clip_norm=None)}),
    (RNNSeq2Seq, {"learning_rate_init": 0.01}, {"solver": rnn.Adam(0.01)}),
    (RNNRegressor, {"gradient_noise": 0.1}, {"solver": rnn.Adam(noise=0.1)}),
    (RNNClassifier, {"dropout": 0.1, "input_dropout": 0.2}, {"dropout": rnn.Dropout(0.2, 0.1)}),
    (RNNClassifier, {"recurrent_dropout": 0.3}, {"dropout": rnn.Dropout(recurrent=0.3)}),
    (RNNClassifier, {"early_stopping": True, "validation_fraction": 0.2}, {"early_stopping": rnn.EarlyStopping(0.2)}),
    (RNNClassifier, {"validation_fraction": 0.2}, {"early_stopping": False}),
    (RNNRegressor, {"tol": 0.0, "n_iter_no_change": 3}, {"early_stopping": rnn.EarlyStopping(None, 3, 0.0)}),
    (RNNRegressor, {"bptt_steps": 4}, {"bptt": rnn.Truncated(4)}),
    (RNNRegressor, {"checkpoint_steps": "auto"}, {"bptt": rnn.Truncated(checkpoint="auto")}),
    (RNNRegressor, {"embedding_dim": 4, "freeze_embeddings": True}, {"embedding": rnn.Embedding(4, frozen=True)}),
    (RNNRegressor, {"embedding_weights": None}, {"embedding": "auto"}),
    (RNNForecaster, {"strategy": "direct", "horizon": 4}, {"strategy": rnn.Direct(4)}),
    (RNNForecaster, {"strategy": "seq2seq", "horizon": 4}, {"strategy": rnn.Seq2Seq(4)}),
    (RNNForecaster, {"strategy": "seq2seq", "horizon": None}, {"strategy": "seq2seq"}),
    (RNNForecaster, {"horizon": 4}, {"strategy": "recursive"}),
    (RNNForecaster, {"learning_rate_init": 0.01}, {"solver": rnn.AdamW(rnn.OneCycle(0.01))}),
    (RNNForecaster, {"learning_rate": "constant"}, {"solver": rnn.AdamW(0.004)}),
    (RNNForecaster, {"learning_rate_init": 0.004, "alpha": 1e-4, "clip_norm": 1.0}, {"solver": "adamw"}),
    (RNNForecaster, {"n_iter_no_change": 1, "early_stopping": True}, {"early_stopping": rnn.EarlyStopping(patience=1)}),
    (RNNSeq2Seq, {"beam_width": 3}, {"decoding": 3}),
    (RNNSeq2Seq, {"length_penalty": 0.5, "max_length": 9}, {"decoding": rnn.Beam(1, 0.5, 9)}),
]  # fmt: skip
IDS = [f"{kind.__name__}-{before}" for kind, before, _ in RENAMED]


@pytest.mark.parametrize(("kind", "before", "now"), RENAMED, ids=IDS)
def test_each_old_name_and_what_it_is_now(kind: Any, before: dict[str, Any], now: dict[str, Any]) -> None:
    old, new = kind(**before), kind(**now)
    assert old.get_params(deep=False).items() >= before.items()
    assert clone(old).get_params() == old.get_params() == kind().set_params(**before).get_params()
    for head in heads_of(kind):
        if HEADS[head].flat():  # others never had a flat name
            assert flat_of(old, head) == flat_of(new, head)
    modernise(old)
    assert old.get_params() == new.get_params()


@pytest.mark.parametrize(("kind", "before", "now"), RENAMED, ids=IDS)
def test_each_old_name_is_told_with_what_to_write(kind: Any, before: dict[str, Any], now: dict[str, Any]) -> None:
    with pytest.warns(FutureWarning, match=r"becomes an error in 0\.4: write") as caught:
        kind(**before)._validate_params()
    [text] = [str(one.message) for one in caught]
    assert all(f"{name}={value!r}" in text for name, value in before.items() if name in old_names_of(kind))
    assert all(f"{head}={value!r}" in text for head, value in now.items())


def test_a_fit_warns_once_of_all_where_it_was_called() -> None:
    calls = [
        lambda: regressor(alpha=0.1, tol=0.0, bptt_steps=9).fit(X, X),
        lambda: regressor(alpha=0.1, tol=0.0, bptt_steps=9).partial_fit(X, X),
        lambda: quick(horizon=3, alpha=0.1).fit(monthly(60)),
        lambda: RNNSeq2Seq(hidden_layer_sizes=3, max_iter=1, beam_width=2, alpha=0.1).fit(["ab"], ["ba"]),
    ]
    for call in calls:
        with pytest.warns(FutureWarning, match="alpha=0.1") as caught:
            call()
        assert [one.filename for one in caught] == [__file__]


def test_a_search_over_an_old_name_works() -> None:
    search = GridSearchCV(regressor(max_iter=1), {"alpha": [0.0, 1.0]}, cv=TimeSeriesSplit(2))
    with pytest.warns(FutureWarning, match="alpha="):
        search.fit(X, X[:, -1])
    assert search.best_params_["alpha"] in (0.0, 1.0) and len(search.cv_results_["params"]) == 2


def test_no_old_name_is_left_out_above() -> None:
    kinds = {kind: {name for one, before, _ in RENAMED for name in before if one is kind} for kind in ALL}
    named = set().union(*kinds.values())
    assert {name for kind in ALL for name in old_names_of(kind)} <= named
    assert {head for kind in ALL for head in heads_of(kind)} == HEADS.keys()


@pytest.mark.parametrize(
    ("model", "pattern"),
    [
        (
            RNNRegressor(solver=rnn.Adam(), alpha=0.1),
            r"alpha=0.1 and solver=Adam\(\) .* Write solver=Adam\(l2=0.1\)",
        ),
        (
            RNNRegressor(solver=rnn.Adam(0.1), learning_rate_init=0.2),
            r"Write solver=Adam\(learning_rate=0.2\)",
        ),
        (RNNRegressor(bptt=rnn.Truncated(3), bptt_steps=4), "bptt_steps=4 and bptt=Truncated"),
        (
            RNNRegressor(early_stopping=rnn.EarlyStopping(), tol=0.0),
            r"Write early_stopping=EarlyStopping\(tol=0.0\)",
        ),
        (RNNForecaster(strategy=rnn.Direct(3), horizon=4), r"Write strategy=Direct\(horizon=4\)"),
        (RNNSeq2Seq(decoding=3, max_length=4), r"Write decoding=Beam\(width=3, max_length=4\)"),
    ],
    ids=repr,
)
def test_old_and_new_together(model: Any, pattern: str) -> None:
    data = (monthly(60),) if isinstance(model, RNNForecaster) else (["ab"], ["ba"])
    with pytest.raises(InvalidParameterError, match=f"(?s){pattern}"):
        model.fit(*data if not isinstance(model, RNNRegressor) else (X, X))


def test_an_old_name_that_an_estimator_never_had() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'tol'"):
        RNNForecaster(tol=0.1)


def test_learning_rate_init_stays_for_those_who_come_from_the_mlp() -> None:
    search = GridSearchCV(regressor(max_iter=2), {"learning_rate_init": [1e-9, 0.02]}, cv=TimeSeriesSplit(2))
    assert search.fit(X, X[:, -1]).best_params_ == {"learning_rate_init": 0.02}
    model = RNNRegressor(learning_rate_init=0.02, solver=rnn.SGD("cosine"))
    assert rule_of(model).learning_rate_init == 0.02
    assert model.set_params(solver__learning_rate=0.1).learning_rate_init is None
    assert rule_of(model.set_params(learning_rate_init=0.3)) == Rule("sgd", 0.3)
    assert rule_of(model.set_params(solver=rnn.Adam(rnn.Cosine(0.1)), learning_rate_init=0.4)) == Rule(
        "adam", 0.4, learning_rate="cosine"
    )


# Fits and files -------------------------------------------------------------------------------------------------
def test_old_and_new_spelling_fit_the_same_bits() -> None:
    before = regressor(solver="sgd", momentum=0.5, alpha=0.1, dropout=0.2, input_dropout=0.1, tol=0.1)
    with pytest.warns(FutureWarning):
        before.fit(X, X)
    now = regressor(
        solver=rnn.SGD(momentum=0.5, l2=0.1),
        dropout=rnn.Dropout(0.1, 0.2),
        early_stopping=rnn.EarlyStopping(None, tol=0.1),
    ).fit(X, X)
    assert before.loss_curve_ == now.loss_curve_ and (before.predict(X) == now.predict(X)).all()
    y = monthly(60)
    then = quick(strategy="direct", horizon=3, learning_rate_init=0.01, clip_norm=None)
    with pytest.warns(FutureWarning):
        then.fit(y)
    after = quick(strategy=rnn.Direct(3), solver=rnn.AdamW(rnn.OneCycle(0.01), clip_norm=None)).fit(y)
    assert then.predict(3).equals(after.predict(3))


SAVED: list[tuple[Any, dict[str, Any]]] = [
    (regressor, {}),
    (regressor, {"solver": rnn.AdamW(rnn.OneCycle(0.01, warmup=0.3), clip_norm=2.0)}),
    (regressor, {"solver": rnn.SGD(rnn.Steps(0.1, at=(0.2, 0.3), factor=0.5), nesterov=False)}),
    (regressor, {"dropout": rnn.Dropout(0.1, recurrent=0.2), "bptt": rnn.Truncated(checkpoint=2)}),
    (regressor, {"early_stopping": rnn.EarlyStopping(0.4, 3, 0.1)}),
    (quick, {}),
    (quick, {"early_stopping": rnn.EarlyStopping(0.2, tol=0.01), "solver": rnn.AdamW(rnn.Steps(factor=0.5))}),
    (quick, {"strategy": rnn.Direct(3), "solver": "rmsprop"}),
]


@pytest.mark.parametrize(("make", "params"), SAVED, ids=lambda part: getattr(part, "__name__", str(part)))
def test_files_keep_groups(make: Any, params: dict[str, Any], tmp_path: Path) -> None:
    model, data = make(**params), (monthly(60),) if make is quick else (X, X)
    modernise(model)
    model.fit(*data).save(tmp_path / "model.rnn")
    again = rnn.load(tmp_path / "model.rnn")
    assert again.get_params() == model.get_params()
    again.save(tmp_path / "again.rnn")
    assert (tmp_path / "again.rnn").read_bytes() == (tmp_path / "model.rnn").read_bytes()
    curves = [one.set_params(warm_start=True).fit(*data).loss_curve_ for one in (model, again)]
    assert curves[0] == curves[1]


def test_files_have_the_flat_names_and_come_back_in_groups(tmp_path: Path) -> None:
    before = regressor(alpha=0.1, solver="adamw", learning_rate="cosine", input_dropout=0.2)
    with pytest.warns(FutureWarning):
        before.fit(X, X)
    now = regressor(solver=rnn.AdamW("cosine", weight_decay=0.1), dropout=rnn.Dropout(0.2)).fit(X, X)
    for name, model in (("before", before), ("now", now)):
        model.save(tmp_path / name)
    assert (tmp_path / "before").read_bytes() == (tmp_path / "now").read_bytes()
    again = RNNRegressor.load(tmp_path / "before")
    assert again.solver == rnn.AdamW("cosine", weight_decay=0.1) and again.dropout == rnn.Dropout(0.2)
    assert not old_names_of(again) & vars(again).keys()


def test_vectors_come_back_in_their_group(tmp_path: Path) -> None:
    codes = np.arange(20).reshape(10, 2) % 4
    given = rnn.Embedding(dim=3, weights={0: np.eye(4, 3)}, frozen=True)
    model = regressor(categorical_features=[0], embedding=given).fit(codes, codes[:, 0])
    model.save(tmp_path / "model.rnn")
    again = RNNRegressor.load(tmp_path / "model.rnn").embedding
    assert (again.dim, again.frozen) == (3, True) and (again.weights[0] == np.eye(4, 3)).all()


def test_a_rule_of_ones_own_has_its_options() -> None:
    with registered("support.toys"):
        model = regressor(solver=rnn.UpdateRule(0.01, name="lion", beta_1=0.0), max_iter=9).fit(X, X)
        by_name = regressor(solver="lion", max_iter=9).set_params(solver__beta_1=0.0, solver__learning_rate=0.01)
        by_name.fit(X, X)
        assert model.solver == by_name.solver and model.loss_curve_ == by_name.loss_curve_
        assert model.loss_curve_ != regressor(solver="lion", max_iter=9, learning_rate_init=0.01).fit(X, X).loss_curve_


def test_a_forecaster_has_a_tolerance() -> None:
    y = monthly(60)
    stopped = [quick(max_steps=300, early_stopping=rnn.EarlyStopping(patience=1, tol=tol)).fit(y) for tol in (0.0, 1e9)]
    assert stopped[1].n_iter_ == 100 <= stopped[0].n_iter_
