"""Update rules beside the oracle, and learning-rate schedules."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from forecastrnn import Adam, RNNRegressor
from forecastrnn.training.optimizers import SCHEDULES, SOLVERS, OptimizerState, Rule
from support.cases import draw, index_of, layer, program_of
from support.naive_training import Update
from support.update_checks import RULES, check, engine, small_problem


@pytest.mark.parametrize("clip", [None, 0.05, 1e6])
@pytest.mark.parametrize("alpha", [0.0, 0.1])
@pytest.mark.parametrize("name", RULES)
def test_five_updates(name: str, alpha: float, clip: float | None) -> None:
    """Every solver; L2 is added after the clipping, and spares biases and peepholes."""
    rule, how = RULES[name]
    if rule.solver != "adamw":  # whose alpha is its decay
        rule, how = replace(rule, alpha=alpha), how._replace(alpha=alpha)
    check(replace(rule, clip_norm=clip), how._replace(clip=clip))


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_updates_follow_the_schedule(schedule: str) -> None:
    """The rate of each update is that of its number."""
    check(Rule("adam", 0.05, learning_rate=schedule), Update("adam"), total=7)


@pytest.mark.parametrize("solver", SOLVERS)
def test_calls_add_up(solver: str) -> None:
    """Five updates in one call are two and three: moments and count go on, to the same bits."""
    problem, rule = small_problem(), Rule(solver, 0.02, learning_rate="cosine", alpha=0.1, clip_norm=0.05)
    once, twice = engine(problem, rule, [5], 8), engine(problem, rule, [2, 3], 8)
    np.testing.assert_array_equal(once.theta, twice.theta)
    assert twice.optimizer.count == 5


def test_first_moments() -> None:
    """They begin as zeros of the parameters' type, each in its own memory."""
    theta = np.ones(3, np.float32)
    state = OptimizerState.zeros(theta)
    assert state.count == 0
    m, v = state.moments["m"], state.moments["v"]
    assert m.dtype == v.dtype == np.float32
    assert not (m.any() or v.any() or np.shares_memory(m, v))


TOTAL = 100
EXPECTED = {  # update: share of the initial rate
    "constant": {0: 1.0, 50: 1.0, 99: 1.0},
    "invscaling": {0: 1.0, 3: 0.5, 99: 0.1},
    "cosine": {0: 1.0, 50: 0.5, 100: 0.0, 120: 0.0},
    "step": {0: 1.0, 49: 1.0, 50: 0.1, 74: 0.1, 75: 0.01, 99: 0.01},
    "one_cycle": {0: 1 / 25, 7: 0.52, 14: 1.0, 99: 1 / 250_000},
}


@pytest.mark.parametrize("name", EXPECTED)
def test_schedules(name: str) -> None:
    """Values at the start, in the middle and at the end."""
    updates = np.array(list(EXPECTED[name]))
    np.testing.assert_allclose(SCHEDULES[name](updates, TOTAL), list(EXPECTED[name].values()), rtol=1e-12, atol=1e-15)


def test_every_schedule_is_tested() -> None:
    """No name is left out above."""
    assert EXPECTED.keys() == SCHEDULES.keys()


@pytest.mark.parametrize("total", [1, 2, 3])
@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_of_few_updates(name: str, total: int) -> None:
    """Finite rates between 0 and 1."""
    rates = SCHEDULES[name](np.arange(total), total)
    assert rates.shape == (total,)
    assert ((rates >= 0.0) & (rates <= 1.0)).all()


@pytest.mark.torch
@pytest.mark.parametrize("total", [40, 100, 1000])
def test_one_cycle_beside_pytorch(total: int) -> None:
    """OneCycleLR with a warm-up of 15%."""
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.3, total_steps=total, pct_start=0.15, cycle_momentum=False
    )
    expected = []
    for _ in range(total):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if len(expected) < total:
            schedule.step()
    rates = Rule(learning_rate_init=0.3, learning_rate="one_cycle").rates(0, total, total)
    np.testing.assert_allclose(rates, expected, rtol=1e-12)


# Gradient noise.


def noisy(noise: float, steps: int, seed: int = 3, n_threads: int = 1) -> np.ndarray:
    """What SGD of rate 1 adds to the parameters in `steps` updates, beyond the gradients: (parameters,)."""
    problem, found = draw((layer("lstm", 20),), n=4, T=2), []
    for own in (noise, 0.0):
        rule = Rule("sgd", 1e-3, momentum=0.0, nesterovs_momentum=False, gradient_noise=own)
        program = program_of(problem, "float64", rule=rule, seed=seed)
        order = np.tile(np.arange(4), (steps, 1))
        program.run(index_of(problem, program, order), steps, n_threads)
        found.append(program.theta)
    return (found[1] - found[0]) / 1e-3


def test_gradient_noise() -> None:
    """Normal, of the variance asked for, other numbers for every parameter, seeded, in every number of threads."""
    first = noisy(0.3, 1)
    n = len(first)
    assert abs(first.mean()) < 5 * np.sqrt(0.3 / n)
    assert np.square(first).mean() == pytest.approx(0.3, rel=5 * np.sqrt(2 / n))
    assert np.mean(np.square(first) > 0.3 * 3.84) == pytest.approx(0.05, abs=5 * np.sqrt(0.05 / n))
    assert len(np.unique(first)) == n
    np.testing.assert_array_equal(noisy(0.3, 1, n_threads=2), first)
    assert abs(np.corrcoef(noisy(0.3, 1, seed=4), first)[0, 1]) < 5 / np.sqrt(n)


def test_gradient_noise_fades() -> None:
    """The variance of the update behind 200 others is smaller by 201^0.55."""
    last = noisy(1e-6, 201) - noisy(1e-6, 200)
    assert np.square(last).mean() == pytest.approx(1e-6 / 201**0.55, rel=0.2)


def test_gradient_noise_of_an_estimator() -> None:
    """It changes the fit, by the seed."""
    X = np.random.default_rng(0).standard_normal((30, 5)).astype(np.float32)
    plain, one, again, other = (
        RNNRegressor(max_iter=3, solver=Adam(noise=noise), random_state=seed).fit(X, X[:, 0]).predict(X)
        for noise, seed in ((0.0, 0), (0.1, 0), (0.1, 0), (0.1, 1))
    )
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - plain).max() > 1e-4
    assert np.abs(one - other).max() > 1e-4
