"""What must stay as it was in a fit that goes on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from forecastrnn import RNNRegressor

X = np.random.default_rng(0).normal(size=(12, 5, 2))
Y = X.sum(axis=(1, 2))
SMALL: dict[str, Any] = {"cell": "gru", "hidden_layer_sizes": 4, "max_iter": 2, "random_state": 0}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"hidden_layer_sizes": (4, 3)}, r"hidden_layer_sizes changed from \(\d+,\) to \(4, 3\)"),
        ({"cell": "mgu"}, r"cell changed from \w+\(.*\) to MGU\(.*\)"),
        ({"bidirectional": True}, "bidirectional changed from False to True"),
        ({"layer_norm": True}, "layer_norm changed from False to True"),
        ({"standardize": False}, "standardize changed from True to False"),
        ({"dtype": "float32"}, "dtype changed from float64 to float32"),
    ],
)
def test_a_fit_that_goes_on_says_what_has_changed(changes: dict[str, Any], says: str) -> None:
    """Parameters that the weights are made for, scales and their type among them, by the names that users gave."""
    model = RNNRegressor(warm_start=True, **SMALL).fit(X, Y)
    before = model.predict(X)
    with pytest.raises(ValueError, match=f"must stay as it was: {says}. Set warm_start=False"):
        model.set_params(**changes).fit(X, Y)
    assert np.array_equal(model.predict(X), before)
    with pytest.raises(ValueError, match="targets in y changed from one a sequence to one at each step"):
        RNNRegressor(**SMALL).fit(X, Y).partial_fit(X, np.zeros((*X.shape[:2], 1)))
