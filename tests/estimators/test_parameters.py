"""Parameters of estimators: set by name as they came, whoever calls the constructor."""

from __future__ import annotations

import inspect

import pytest
from sklearn.base import BaseEstimator, clone

from forecastrnn import RNNClassifier, RNNForecaster, RNNRegressor, RNNSeq2Seq

ESTIMATORS = (RNNRegressor, RNNClassifier, RNNForecaster, RNNSeq2Seq)


def defaults_of(kind: type[BaseEstimator]) -> dict[str, object]:
    """What the signature of a constructor says."""
    named = inspect.signature(kind).parameters.items()
    return {name: one.default for name, one in named if one.kind is not one.VAR_KEYWORD}


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_defaults_are_those_of_the_signature(kind: type[BaseEstimator]) -> None:
    model = kind()
    assert vars(model) == defaults_of(kind)
    assert model.get_params(deep=False) == defaults_of(kind)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_every_parameter_is_kept_as_it_came(kind: type[BaseEstimator]) -> None:
    """The very object, unread: scikit-learn's clone compares identities."""
    given = {name: [name] for name in defaults_of(kind)}
    model = kind(**given)
    assert all(getattr(model, name) is value for name, value in given.items())
    assert clone(model).get_params(deep=False) == given


def test_a_subclass_may_have_parameters_of_its_own() -> None:
    class Wide(RNNRegressor):
        def __init__(self, *, width: int = 7) -> None:
            super().__init__(hidden_layer_sizes=(width, width))
            self.width = width

    model = Wide(width=3)
    assert model.hidden_layer_sizes == (3, 3) and model.get_params() == {"width": 3}
    assert set(vars(model)) == {*defaults_of(RNNRegressor), "width"}
