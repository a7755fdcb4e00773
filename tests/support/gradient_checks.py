"""The engine's loss and gradients beside the oracle's, and stacks to try."""

from __future__ import annotations

import pytest

from support.cases import (
    CELLS,
    Problem,
    by_name,
    gradients,
    layer,
    worst,
)
from support.naive_training import flatten

TOLERANCE = {"float32": 3e-5, "float64": 1e-10}


STACKS = {
    "three sizes": (layer("tanh", 33), layer("lstm", 17), layer("gru_before", 70)),
    "both ways below": (layer("lstm", 20, True), layer("gru", 9)),
    "both ways above": (layer("relu", 9), layer("peephole_lstm", 5, True)),
    "both ways twice": (layer("gru_before", 3, True), layer("logistic", 17, True)),
    "normalised": (layer("gru+norm", 33, True), layer("lstm", 5), layer("gru_before+norm", 17)),
    "all cells": tuple(layer(name, units) for name, units in zip(CELLS, (5, 17, 3, 16, 9, 1, 20), strict=True)),
}


def check(problem: Problem, dtype: str, device: str = "cpu") -> None:
    """The engine's loss and gradients of parameters, inputs and initial states are the oracle's."""
    expected, found, tolerance = problem.solve(), gradients(problem, dtype, device), TOLERANCE[dtype]
    if any(one.layer_norm for one in problem.layers):
        tolerance *= 4  # rounding is divided by the deviation of sums that may nearly agree
    assert found.loss == pytest.approx(expected.loss, rel=tolerance)
    assert worst(found.d_theta, by_name(expected.d_theta)) < tolerance
    assert worst(flatten(found.d_states), flatten(expected.d_states)) < tolerance
    if "skip" not in problem.theta["head"]:
        assert worst({"x": found.d_x}, {"x": expected.d_x}) < tolerance
