"""Outputs of several times ahead, each made with the inputs of its own time: values and gradients, in plain loops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from forecastrnn.networks.network import Network
from forecastrnn.programs.inference import forward
from forecastrnn.training.sequence_task import TrainingData
from forecastrnn.training.stepping import TrainingProgram
from forecastrnn.training.window_batches import window_index
from support.ahead_cases import AHEAD, ROWS, STEPS, network, problem


def naive_loss(made: Network, theta: np.ndarray, rows: np.ndarray, z: np.ndarray, starts: np.ndarray) -> float:
    """The mean of all squared errors whose value is known."""
    plain, weights, wrong = replace(made, ahead=None), made.views(theta), []
    for start in starts:
        outputs = forward(plain, theta[: plain.size], rows[None, start : start + STEPS]).outputs[0]
        for t in range(STEPS):
            for j in range(AHEAD):
                own, found = rows[start + t + j], outputs[t, j]
                found += sum(weights["ahead.kernel"][k, 0] * own[k] for k in range(made.ahead.numbers))
                found += sum(weights[f"ahead.{k}.scalars"][int(own[8 + k]), 0] for k in range(made.ahead.categories))
                wrong.append(found - (z[start + t + 1 + j] - np.nan_to_num(z[start + t])))
    wrong = np.array(wrong)
    return float(np.mean(wrong[np.isfinite(wrong)] ** 2))


@pytest.mark.parametrize("numbers, categories", [(2, 2), (0, 1), (3, 0)])
def test_losses_and_gradients_equal_naive_ones(numbers: int, categories: int) -> None:
    made = network(numbers, categories)
    theta, rows, z = problem(made)
    source = TrainingData(rows, z, base=np.nan_to_num(z))
    starts = np.array([0, 11, 25, ROWS - STEPS - AHEAD, 7])  # in two shards; the last window has no row to spare
    program = TrainingProgram(made, theta, None, source, steps=STEPS, rows=len(starts), loss="squared_error")
    loss = program.run(window_index(starts[None], STEPS), 1, 2)[0]
    assert loss == pytest.approx(naive_loss(made, theta, rows, z, starts), rel=1e-12)
    learned = np.concatenate([
        np.arange(p.offset, p.offset + p.size - p.fixed_rows * p.shape[-1]) for p in made.layout.values()
    ])  # fmt: skip
    assert not np.delete(program.grad, learned).any()
    for k in [*learned[:20], *learned[-15:]]:
        step = np.zeros(made.size)
        step[k] = 1e-6
        high, low = (naive_loss(made, theta + side * step, rows, z, starts) for side in (1.0, -1.0))
        assert program.grad[k] == pytest.approx((high - low) / 2e-6, abs=1e-7)


def test_unknown_categories_add_the_mean() -> None:
    made = network(1, 1)
    theta = made.init_theta(0, "float64")
    assert not made.views(theta)["ahead.kernel"].any() and not made.views(theta)["ahead.0.scalars"].any()
    made.views(theta)["ahead.0.scalars"][:3, 0] = [1.0, 2.0, 6.0]
    made.set_unknown(theta)
    assert made.views(theta)["ahead.0.scalars"][3, 0] == 3.0
