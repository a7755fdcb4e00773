"""Layer normalisation on Numba's CUDA simulator, beside the oracle and the CPU engine.

Run by test_cuda_simulator.py in a process of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cuda_simulator  # noqa: F401  (before the first launch)
from cases import NORMED, draw, index_of, layer, program_of
from forecastrnn.optimizers import Rule
from forecastrnn.shapes import Dropout
from test_gradients import check

GPU = "cuda:0"


@pytest.mark.parametrize("both", [False, True], ids=["forward", "bidirectional"])
@pytest.mark.parametrize("name", NORMED)
def test_a_layer(name: str, both: bool) -> None:
    """Every pair of kernels, rows of different lengths, from a state that is given."""
    check(draw((layer(name, 5, both),), n=4, T=4, ragged=True, started=True), "float64", GPU)


@pytest.mark.parametrize("name", NORMED)
def test_a_layer_in_float32(name: str) -> None:
    """More units than a vector has, more inputs than are projected without a product, under the last state."""
    problem = draw((layer(name, 18),), n=3, T=3, inputs=17, steps="last", ragged=True, started=True)
    check(problem, "float32", GPU)


def test_a_stack() -> None:
    """Normalised layers above, below and beside plain ones, an LSTM without peepholes, weights of the rows."""
    layers = (layer("gru+norm", 9, True), layer("lstm+norm", 5), layer("relu", 4), layer("logistic+norm", 3))
    check(draw(layers, n=4, T=4, steps=3, ragged=True, weighted=True, started=True), "float64", GPU)


@pytest.mark.parametrize("options", [
    {"dropout": Dropout(0.2, 0.3, 0.4), "seed": 3}, {"checkpoint_steps": 2}, {"carry": True, "steps": 2},
], ids=["dropout", "checkpoints", "truncated"])  # fmt: skip
def test_options_of_training(options: dict[str, Any]) -> None:
    """Two updates are those of the CPU: the same numbers are dropped, the same states kept and carried."""
    layers = (layer("gru_before+norm", 5), layer("peephole_lstm+norm", 6), layer("tanh+norm", 3), layer("gru+norm", 4))
    problem = draw(layers, n=6, T=4)
    found = {}
    for device in ("cpu", GPU):
        program = program_of(problem, "float64", rows=3, rule=Rule("adam", 0.1), device=device, **options)
        index = index_of(problem, program, np.arange(6).reshape(2, 3))
        if "carry" in options:
            index.keep = np.array([0.0, 1.0])
        found[device] = np.concatenate([program.run(index, 1, 1), program.theta])
    np.testing.assert_allclose(found[GPU], found["cpu"], rtol=0.0, atol=1e-10)
