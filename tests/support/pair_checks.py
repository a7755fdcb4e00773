"""The engine's gradients on pairs of sequences beside the oracle's."""

from __future__ import annotations

import pytest

from support.cases import worst
from support.pair_cases import (
    PairProblem,
    by_name,
    pair_gradients,
)

ATTENTIONS = [None, "dot", "additive"]


TOLERANCE = {"float32": 3e-5, "float64": 1e-11}


def check(problem: PairProblem, dtype: str, device: str = "cpu") -> None:
    """The engine's loss and gradients are the oracle's."""
    expected, (loss, found) = problem.solve(), pair_gradients(problem, dtype, device=device)
    assert loss == pytest.approx(expected.loss, rel=TOLERANCE[dtype])
    assert worst(found, by_name(expected.d_theta)) < TOLERANCE[dtype]
