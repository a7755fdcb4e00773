"""What an estimator says of itself in a console and in a notebook: parameters that matter, and what was fitted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks

from forecastrnn import RNNClassifier, RNNForecaster, RNNRegressor, RNNSeq2Seq
from support.forecaster_cases import long_of, monthly, quick

SMALL = {"hidden_layer_sizes": 4, "max_iter": 3, "random_state": 0}
X = np.random.default_rng(0).normal(size=(20, 7))


def words_of(model: object) -> str:
    return " ".join(repr(model).split())


def html_of(model: RNNForecaster) -> str:
    return model._repr_mimebundle_()["text/html"]


@pytest.fixture(scope="module")
def forecaster() -> RNNForecaster:
    frame = long_of({"<b>a&": monthly(60), "c": monthly(60, 1)})
    return quick(candidates=["autoregression"], freq="MS").fit(frame)


def test_a_forecaster_tells_its_parameters_and_what_was_fitted(forecaster: RNNForecaster) -> None:
    text = words_of(forecaster)
    begin = "RNNForecaster(cell='gru', hidden_layer_sizes=8, season_length=None, loss='absolute_error', candidates=["
    assert text.startswith(begin) and "max_steps=20" in text and "alias" not in text
    assert "fitted on 2 series: 60 values each from 2015-01-01 to 2019-12-01, step MS" in text
    assert "season 12 steps, guessed from the step MS" in text
    share = forecaster.weights_["autoregression"].mean()
    assert f"mixed with autoregression {share:.0%}" in text and "20 updates of each network" in text
    assert max(map(len, repr(forecaster).splitlines())) <= 88


def test_before_a_fit_it_is_what_would_be_written_again(forecaster: RNNForecaster) -> None:
    copy = clone(forecaster)
    assert eval(repr(copy)).get_params() == copy.get_params()
    assert repr(RNNForecaster()) == "RNNForecaster()"
    assert "fitted on" not in words_of(copy) and "fitted on" not in html_of(copy)


def test_a_bad_parameter_behind_a_fit_does_not_hide_it(forecaster: RNNForecaster) -> None:
    model = quick().fit(monthly(60)).set_params(intervals="nonsense", loss=3)
    assert "loss=3" in repr(model) and "fitted on 1 series: s0: 60 values" in words_of(model)
    with pytest.raises(ValueError, match="Invalid parameter 'nothing' for estimator RNNForecaster") as error:
        model.set_params(nothing=1)
    assert "fitted on" not in str(error.value)


def test_html_escapes_what_comes_from_data(forecaster: RNNForecaster) -> None:
    one = quick(alias="<i>").fit(pd.Series(monthly(60).to_numpy(), monthly(60).index, name="<b>&</b>"))
    shown = html_of(one)
    assert "&lt;b&gt;&amp;&lt;/b&gt;: 60 values" in shown and "&lt;i&gt;" in shown
    assert "<b>&" not in shown and "'<i>'" not in shown
    assert '<th style="text-align: left">season</th>' in html_of(forecaster) and "all parameters" in shown
    with sklearn.config_context(display="text"):
        assert not hasattr(one, "_repr_html_") and one._repr_mimebundle_().keys() == {"text/plain"}
    assert "season_length" in one._repr_html_()


@pytest.mark.parametrize(
    ("model", "given", "told"),
    [
        (RNNRegressor(**SMALL), (X, X[:, 0]), "sequences of 7 steps; 1 output network LSTM(4), "),
        (RNNRegressor(early_stopping=True, **SMALL), (X[:, :, None], X[:, -2:, None]), "the last 2 steps"),
        (RNNClassifier(**SMALL), (X[..., None].repeat(2, 2), X[:, 0] > 0), "sequences of 2 channels; 2 classes"),
        (RNNSeq2Seq(**SMALL), (["ab", "ba"], ["xyz", "x"]), "sources of 2 tokens, targets of 3 network"),
    ],
    ids=["regressor", "last_steps", "classifier", "seq2seq"],
)
def test_estimators_of_sequences_tell_shapes_epochs_and_loss(model: RNNRegressor, given: tuple, told: str) -> None:
    assert "fitted on" not in repr(model)
    text = words_of(model.fit(*given))
    begin = f"{type(model).__name__}(cell={model.cell!r}, hidden_layer_sizes=4, solver={model.solver!r}, max_iter=3, "
    assert text.startswith(begin) and told in text
    assert f"3 epochs; loss {model.loss_curve_[0]:.3g} at first, {model.loss_:.3g} at last; cpu" in text
    assert ("score held out" in text) == bool(model.early_stopping)


def test_inside_others_it_stays_one_call() -> None:
    model = RNNRegressor(**SMALL).fit(X, X[:, 0])
    for outer in (GridSearchCV(model, {"max_iter": [1]}), make_pipeline(model)):
        assert "hidden_layer_sizes=4" in repr(outer) and "fitted on" not in repr(outer)


@pytest.mark.parametrize("kind", [RNNRegressor, RNNClassifier])
def test_scikit_learn_checks_of_repr_pass(kind: type) -> None:
    for name in ("check_estimator_repr", "check_estimator_cloneable", "check_get_params_invariance"):
        check = getattr(estimator_checks, name, None)
        if check is not None:
            check(kind.__name__, kind(**SMALL))
