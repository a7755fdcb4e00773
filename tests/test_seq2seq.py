"""Training of encoder and decoder beside the oracle and central differences; bits by threads; scheduled sampling."""

from __future__ import annotations

import pytest

from cases import CELLS, worst
from pair_cases import by_name, draw_pairs, pair_gradients, small

ATTENTIONS = [None, "dot", "additive"]
TOLERANCE = {"float32": 3e-5, "float64": 1e-11}
CHOSEN = [name for name in CELLS if name not in ("relu", "logistic")]


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("name", CHOSEN)
def test_gradients(name: str, layers: int, attention: str | None, dtype: str) -> None:
    """Loss and gradients of every cell, rows ragged on both sides, are the oracle's."""
    problem = draw_pairs(small(name, layers=layers), attention, weighted=layers == 2)
    expected, (loss, found) = problem.solve(), pair_gradients(problem, dtype)
    assert loss == pytest.approx(expected.loss, rel=TOLERANCE[dtype])
    assert worst(found, by_name(expected.d_theta)) < TOLERANCE[dtype]
