"""Parameters in groups: short forms, searches, copies, files, the flat names of before, and what is refused."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils._param_validation import InvalidParameterError

from forecastrnn import (
    SGD,
    Adam,
    AdamW,
    Beam,
    Calendar,
    Conformal,
    Cosine,
    Direct,
    Dropout,
    EarlyStopping,
    Embedding,
    Holidays,
    InvScaling,
    OneCycle,
    Recursive,
    RMSprop,
    RNNClassifier,
    RNNForecaster,
    RNNRegressor,
    RNNSeq2Seq,
    Seq2Seq,
    Steps,
    Truncated,
    UpdateRule,
)
from forecastrnn.estimators.groups.group import Group
from forecastrnn.estimators.groups.schedules import SCHEDULE_OF
from forecastrnn.estimators.groups.solvers import SOLVER_OF
from forecastrnn.estimators.old_names import flat_of
from forecastrnn.estimators.parameters import rule_of
from forecastrnn.training.optimizers import SCHEDULES, SOLVERS, Course, Rule
from support.forecaster_cases import monthly
from support.model_cases import X, regressor

ALL = (RNNRegressor, RNNClassifier, RNNForecaster, RNNSeq2Seq)
GROUPS = [
    SGD(0.1, momentum=0.5), Adam(), AdamW(OneCycle(0.01, warmup=0.3)), RMSprop("cosine"), UpdateRule(name="sgd"),
    Cosine(), InvScaling(0.1), Steps(0.1, at=(0.2,), factor=0.5), OneCycle(), Dropout(0.1, 0.2, 0.3),
    EarlyStopping(0.2, 3, 0.1), Truncated(4), Embedding(3, frozen=True), Beam(4), Recursive(), Direct(3), Seq2Seq(),
    Conformal(3, pool="series"), Calendar(["weekday"], holidays="FR"), Calendar(None, Holidays("AU", "VIC", by="name")),
    Holidays("FR", before=0),
]  # fmt: skip


# What a group is ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("group", GROUPS, ids=repr)
def test_a_group_is_a_value(group: Group) -> None:
    assert eval(repr(group)) == group == clone(group) == pickle.loads(pickle.dumps(group))
    assert type(group)(**group.get_params(deep=False)) == group
    with pytest.raises(AttributeError):
        group.learning_rate = 3  # type: ignore[attr-defined]


def test_every_name_of_the_engine_has_a_group() -> None:
    assert SOLVER_OF.keys() == SOLVERS.keys()
    assert {"constant", *SCHEDULE_OF} == SCHEDULES.keys()


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("name", SOLVERS)
def test_a_name_is_short_for_the_rule_with_nothing_else(kind: Any, name: str) -> None:
    assert rule_of(kind(solver=name)) == rule_of(kind(solver=SOLVER_OF[name]()))


@pytest.mark.parametrize("kind", ALL)
def test_auto_is_the_estimators_own(kind: Any) -> None:
    is_forecaster = kind is RNNForecaster
    rule = rule_of(kind())
    assert (rule.solver, rule.learning_rate, rule.learning_rate_init, rule.alpha) == (
        ("adamw", "one_cycle", 0.004, 1e-4) if is_forecaster else ("adam", "constant", 0.005, 0.0)
    )
    assert rule.clip_norm == (1.0 if kind in (RNNForecaster, RNNSeq2Seq) else None)
    stopping = flat_of(kind(early_stopping=True), "early_stopping")
    assert (stopping["n_iter_no_change"], stopping["tol"]) == ((5, 0.0) if is_forecaster else (10, 1e-4))


RULES: list[tuple[Group, dict[str, Any]]] = [
    (SGD(0.1), {"solver": "sgd", "learning_rate_init": 0.1, "learning_rate": "constant"}),
    (Adam("cosine", l2=0.1), {"solver": "adam", "learning_rate": "cosine", "alpha": 0.1}),
    (Adam(Cosine(0.1)), {"learning_rate": "cosine", "learning_rate_init": 0.1}),
    (AdamW(InvScaling(), weight_decay=0.1), {"solver": "adamw", "learning_rate": "invscaling", "alpha": 0.1}),
    (AdamW(Steps(0.1)), {"solver": "adamw", "learning_rate": "step", "learning_rate_init": 0.1}),
    (RMSprop(epsilon=0.1, noise=0.2), {"solver": "rmsprop", "epsilon": 0.1, "gradient_noise": 0.2}),
    (SGD(momentum=0.1, nesterov=False, clip_norm=2), {"solver": "sgd", "momentum": 0.1, "nesterovs_momentum": False,
                                                     "clip_norm": 2}),
    (UpdateRule(name="sgd", decay=0.1), {"solver": "sgd", "alpha": 0.1}),
    (Adam(OneCycle(0.1, warmup=0.3)), {"learning_rate_init": 0.1, "learning_rate": Course("one_cycle", (0.3,))}),
    (Adam(Steps(at=[0.2], factor=0.5)), {"learning_rate": Course("step", (0.5, 0.2))}),
]  # fmt: skip


@pytest.mark.parametrize(("group", "fields"), RULES, ids=repr)
def test_what_a_solver_asks_of_the_engine(group: Group, fields: dict[str, Any]) -> None:
    assert rule_of(RNNRegressor(solver=group)) == Rule(**{"learning_rate_init": 0.005} | fields)


def test_courses_with_numbers_of_their_own() -> None:
    done = np.arange(10)
    np.testing.assert_array_equal(Course("step", (0.5, 0.2, 0.8))(done, 10), [1, 1] + [0.5] * 6 + [0.25] * 2)
    np.testing.assert_array_equal(Course("step", (0.1, 0.5, 0.75))(done, 10).round(12), Course("step")(done, 10))
    rates = Course("one_cycle", (0.5,))(np.arange(100), 100)
    assert rates.argmax() == 49 and rates.max() == 1.0 and Course("one_cycle")(np.arange(100), 100).argmax() == 14


# scikit-learn's tools -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("given", ["adam", Adam(0.5, beta_1=0.7)], ids=repr)
def test_a_search_on_either_form(given: Any) -> None:
    model = regressor(solver=given)
    grid = {"solver__learning_rate": [1e-9, 0.02], "dropout__between": [0.0]}
    search = GridSearchCV(model, grid, cv=TimeSeriesSplit(2)).fit(X, X[:, -1])
    assert search.best_params_ == {"solver__learning_rate": 0.02, "dropout__between": 0.0}
    best = search.best_estimator_.solver
    assert best == Adam(0.02, beta_1=0.9 if given == "adam" else 0.7)
    assert model.solver is given and given in ("adam", Adam(0.5, beta_1=0.7))


def test_a_search_swaps_a_solver_and_a_field_at_once() -> None:
    model = regressor(max_iter=1)
    grid = {"solver": ["adam", SGD(momentum=0.1)], "solver__learning_rate": [0.01]}
    tried = GridSearchCV(model, grid, cv=TimeSeriesSplit(2)).fit(X, X[:, -1]).best_estimator_.solver
    assert tried in (Adam(0.01), SGD(0.01, momentum=0.1))


def test_a_pipeline_leads_inside() -> None:
    pipe = make_pipeline(FunctionTransformer(), RNNRegressor())
    assert "rnnregressor__solver__learning_rate" in pipe.get_params()
    assert pipe.set_params(rnnregressor__solver__learning_rate=0.5)[-1].solver == Adam(0.5)


def test_three_levels() -> None:
    model = RNNForecaster()  # whose own course is one_cycle
    assert model.get_params()["solver__learning_rate__warmup"] == 0.15
    model.set_params(solver__learning_rate__peak=0.1, solver__beta_1=0.8)
    assert model.solver == AdamW(OneCycle(0.1), beta_1=0.8)
    assert model.set_params(solver__learning_rate=Cosine(), solver__learning_rate__start=0.3).solver.learning_rate == (
        Cosine(0.3)
    )
    assert RNNRegressor(solver=Adam("step")).set_params(solver__learning_rate__factor=0.5).solver == Adam(
        Steps(factor=0.5)
    )


@pytest.mark.parametrize("kind", ALL)
def test_clones_are_equal_and_not_shared(kind: Any) -> None:
    model = kind(solver=SGD(Cosine(0.1)), dropout=Dropout(0.1), early_stopping=EarlyStopping(0.2))
    copy = clone(model)
    assert copy.get_params() == model.get_params() == pickle.loads(pickle.dumps(model)).get_params()
    assert copy.solver is not model.solver and repr(copy) == repr(model)
    shared = kind(solver=model.solver).set_params(solver__momentum=0.2)
    assert shared.solver.momentum == 0.2 and model.solver.momentum == 0.9


def test_repr_shows_what_was_asked_for() -> None:
    assert repr(RNNRegressor(solver=SGD())) == "RNNRegressor(solver=SGD())"
    assert repr(AdamW("one_cycle", clip_norm=None)) == "AdamW(learning_rate='one_cycle', clip_norm=None)"


NO_NAMES: list[tuple[Any, dict[str, Any], str]] = [
    (RNNRegressor(), {"foo": 1}, r"Invalid parameter 'foo' for estimator RNNRegressor\(\). Valid .*'solver'"),
    (RNNRegressor(), {"solver__": 1}, "Invalid parameter 'solver__'"),
    (RNNRegressor(), {"solver____x": 1}, "Invalid parameter 'solver____x' for Adam. Valid .*'beta_1'"),
    (RNNRegressor(), {"solver__momentum": 1}, "Invalid parameter 'solver__momentum' for Adam. Valid .*'beta_1'"),
    (RNNRegressor(), {"cell__units": 1}, "'cell__units' for estimator .*cell='lstm' has no parameters"),
    (RNNRegressor(), {"solver__l2__x": 1}, "'solver__l2__x' for Adam: solver__l2=0.0 has no parameters"),
    (RNNRegressor(), {"solver__learning_rate__peak": 1}, "solver__learning_rate='constant' has no parameters"),
    (RNNRegressor(solver=Adam("step")), {"solver__learning_rate__peak": 1}, "for Steps. Valid .*'start', 'at'"),
    (RNNForecaster(), {"horizons": 1}, "Invalid parameter 'horizons'"),
    (RNNForecaster(), {"strategy__horizon": 1}, "'strategy__horizon' for Recursive"),
    (RNNForecaster(), {"bptt_steps": 1}, "Invalid parameter 'bptt_steps'"),
]


@pytest.mark.parametrize(("model", "params", "pattern"), NO_NAMES, ids=str)
def test_names_that_there_are_not(model: Any, params: dict[str, Any], pattern: str) -> None:
    before = model.get_params()
    with pytest.raises(ValueError, match=pattern):
        model.set_params(random_state=7, **params)
    assert model.get_params() == before


# What fit refuses -----------------------------------------------------------------------------------------------
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"solver": Adam(beta_1=1.5)}, r"'solver__beta_1' parameter of RNNRegressor must be a float in the range \[0.0, 1"),
    ({"solver": Adam(-0.1)}, r"'solver__learning_rate' .* Got -0.1"),
    ({"solver": Adam(True)}, "'solver__learning_rate' .* Got True"),
    ({"solver": Adam("fast")}, "'solver__learning_rate' .*'one_cycle'.* Got 'fast'"),
    ({"solver": Adam(float("inf"))}, "'solver__learning_rate' .* Got inf"),
    ({"solver": Adam(OneCycle("x"))}, "'solver__learning_rate__peak' .* Got 'x'"),
    ({"solver": Adam(OneCycle(warmup=1.0))}, "'solver__learning_rate__warmup' .* Got 1.0"),
    ({"solver": Adam(Steps(at=(0.5, 1.5)))}, r"'solver__learning_rate__at' .* a tuple of floats, each .* \(0.5, 1.5\)"),
    ({"solver": SGD(nesterov="yes")}, "'solver__nesterov' .* Got 'yes'"),
    ({"solver": AdamW(clip_norm=0)}, "'solver__clip_norm' .* Got 0"),
    ({"solver": UpdateRule(name="lyon")}, "'solver__name' .* Got 'lyon'"),
    ({"solver": Adam}, "'solver' .* Got <class"),
    ({"solver": OneCycle()}, r"'solver' .* Got OneCycle\(\)"),
    ({"dropout": Dropout(recurrent=1.0)}, "'dropout__recurrent' .* Got 1.0"),
    ({"dropout": "much"}, "'dropout' .* Got 'much'"),
    ({"early_stopping": EarlyStopping(fraction=0)}, "'early_stopping__fraction' .* Got 0"),
    ({"early_stopping": EarlyStopping(patience=0)}, "'early_stopping__patience' .* Got 0"),
    ({"early_stopping": EarlyStopping(tol=-1)}, "'early_stopping__tol' .* Got -1"),
    ({"early_stopping": 3}, "'early_stopping' .* Got 3"),
    ({"bptt": Truncated(0)}, "'bptt__steps' .* Got 0"),
    ({"bptt": 4}, "'bptt' .* Got 4"),
    ({"embedding": Embedding("wide")}, "'embedding__dim' .* Got 'wide'"),
    ({"embedding": 3}, "'embedding' .* Got 3"),
]


@pytest.mark.parametrize(("given", "pattern"), REFUSED, ids=str)
def test_fit_refuses_and_names_the_field(given: dict[str, Any], pattern: str) -> None:
    model = regressor(**given)
    for call in (model.fit, model.partial_fit):
        with pytest.raises(InvalidParameterError, match=pattern):
            call(X, X)


@pytest.mark.parametrize(
    ("model", "pattern"),
    [
        (RNNForecaster(strategy="direct"), r"'strategy__horizon' .* int in the range \[1, inf\).* Got None"),
        (RNNForecaster(strategy=Direct()), r"'strategy__horizon' .* int in the range \[1, inf\).* Got None"),
        (RNNForecaster(strategy=Direct(0)), "'strategy__horizon' .* Got 0"),
        (RNNForecaster(strategy=Seq2Seq(True)), "'strategy__horizon' .* Got True"),
        (RNNForecaster(early_stopping=True, global_model=False), "early_stopping=True needs global_model=True"),
    ],
    ids=repr,
)
def test_a_forecaster_refuses(model: Any, pattern: str) -> None:
    with pytest.raises(ValueError, match=pattern):
        model.fit(monthly(60))


def test_an_encoder_decoder_refuses() -> None:
    with pytest.raises(InvalidParameterError, match="'decoding__width' .* Got 0"):
        RNNSeq2Seq(decoding=Beam(0)).fit(["a"], ["b"])
    with pytest.raises(InvalidParameterError, match="'decoding' .* Got True"):
        RNNSeq2Seq(decoding=True).fit(["a"], ["b"])
