"""Layers on devices by name: what is asked for, and how a round is cut into stages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from forecastrnn import RNNForecaster, RNNRegressor
from forecastrnn.datasets import load_airline
from forecastrnn.engine.buffers import Operation
from forecastrnn.engine.cpu.build import KERNELS
from forecastrnn.engine.placed import cut

X = np.random.default_rng(0).standard_normal((20, 6, 2))
Y = X[:, :, 0].cumsum(axis=1)[:, -1]


def model(**options: Any) -> RNNRegressor:
    return RNNRegressor(**{"hidden_layer_sizes": (4, 3), "max_iter": 2, "random_state": 0} | options)


def test_one_device_for_all_layers_by_a_list() -> None:
    """A list of one name, over and over, is that name."""
    one, listed = model().fit(X, Y), model(device=["cpu", "cpu"]).fit(X, Y)
    assert listed.device_ == "cpu"
    assert np.array_equal(one.predict(X), listed.predict(X))
    options = {
        "hidden_layer_sizes": (4, 4),
        "n_members": 1,
        "max_steps": 2,
        "random_state": 0,
        "intervals": None,
        "candidates": "network",
    }
    forecasts = [RNNForecaster(device=d, **options).fit(load_airline()).predict(2) for d in ("cpu", ["cpu", "auto"])]
    assert np.allclose(*forecasts, rtol=1e-5)


@pytest.mark.parametrize(
    ("device", "message"),
    [
        (["cpu"], r"'device' parameter of RNNRegressor must be one name or a list of 2, one for each of hidden_l"),
        (
            ("cpu", "gpu"),
            r"device\[1\] of RNNRegressor must be 'cpu', 'cuda', 'cuda:1' .* Got 'gpu'",
        ),
        ([0, "cpu"], r"device\[0\] of RNNRegressor must be .* Got 0"),
        ("gpu", "'device' parameter of RNNRegressor must be"),
        (3, "'device' parameter of RNNRegressor must be"),
    ],
)
def test_devices_that_are_none(device: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        model(device=device).fit(X, Y)


def test_a_round_is_cut_where_devices_change() -> None:
    """Shards go as far as they can on one device before the other one's turn comes; their order is kept."""
    names = {"drop": "cpu", "carry": "cpu", "embed": "cuda:0", "sgd": "cpu"}
    made = [Operation(KERNELS[name], {}, device) for name, device in names.items()]
    found = cut([made, made[2:], []])
    assert [(device, [[o.kernel for o in ops] for ops in lists]) for device, lists in found] == [
        ("cpu", [["drop", "carry"], [], []]),
        ("cuda:0", [["embed"], ["embed"], []]),
        ("cpu", [["sgd"], ["sgd"], []]),
    ]
