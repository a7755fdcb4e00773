"""Update rules of the engine beside the oracle's."""

from __future__ import annotations

import numpy as np

from forecastrnn.training.optimizers import Rule
from forecastrnn.training.stepping import TrainingProgram
from support.cases import Problem, by_name, draw, index_of, layer, program_of
from support.naive_training import Update, loss_and_gradients, update

STEPS, ROWS = 5, 3


NESTEROV = {"momentum": 0.8, "nesterov": True}


RULES = {
    "adam": (Rule("adam", 0.02), Update("adam", 0.02)),
    "adam, other constants": (
        Rule("adam", 0.02, beta_1=0.7, beta_2=0.9, epsilon=1e-3),
        Update("adam", 0.02, options={"betas": (0.7, 0.9), "eps": 1e-3}),
    ),
    "adamw": (Rule("adamw", 0.02, alpha=0.1), Update("adamw", 0.02, options={"decay": 0.1})),
    "sgd": (Rule("sgd", 0.1, momentum=0.0, nesterovs_momentum=False), Update("sgd", 0.1)),
    "sgd, momentum": (
        Rule("sgd", 0.1, momentum=0.8, nesterovs_momentum=False),
        Update("sgd", 0.1, options={"momentum": 0.8}),
    ),
    "sgd, Nesterov": (Rule("sgd", 0.1, momentum=0.8), Update("sgd", 0.1, options=NESTEROV)),
    "rmsprop": (Rule("rmsprop", 0.02), Update("rmsprop", 0.02)),
}


def small_problem() -> Problem:
    """15 rows for an LSTM with peepholes."""
    return draw((layer("peephole_lstm", 4),), n=STEPS * ROWS, T=4, ragged=True, weighted=True, skip=True, steps="all")


def batches(problem: Problem) -> np.ndarray:
    """Every row once, in mini-batches (STEPS, ROWS)."""
    return np.random.default_rng(1).permutation(len(problem.x)).reshape(STEPS, ROWS)


def engine(
    problem: Problem, rule: Rule, calls: list[int], total: int = 1, device: str = "cpu", dtype: str = "float64"
) -> TrainingProgram:
    """The program after STEPS updates, in calls of so many."""
    program = program_of(problem, dtype, rows=ROWS, rule=rule, device=device)
    index, done = index_of(problem, program, batches(problem)), 0
    for steps in calls:
        program.run(index.part(done, done + steps), total, 2)
        done += steps
    return program


def oracle(problem: Problem, how: Update, rates: np.ndarray) -> dict[str, np.ndarray]:
    """The parameters after STEPS updates with these learning rates."""
    theta, moments = problem.theta, None
    for step, (rows, rate) in enumerate(zip(batches(problem), rates, strict=True), start=1):
        weights = np.repeat(problem.weights[rows, None], problem.x.shape[1], axis=1)
        data = problem.x[rows], problem.y[rows], weights, problem.lengths[rows]
        result = loss_and_gradients(problem.oracle_network, theta, *data)
        theta, moments = update(how._replace(learning_rate=rate), theta, result.d_theta, moments, step)
    return by_name(theta)


def check(rule: Rule, how: Update, total: int = 1, device: str = "cpu") -> None:
    """Parameters after five updates agree to 1e-11."""
    problem = small_problem()
    rates = rule.rates(0, STEPS, total)
    found = problem.network.views(engine(problem, rule, [STEPS], total, device).theta)
    for name, w in oracle(problem, how, rates).items():
        np.testing.assert_allclose(found[name], w, rtol=0.0, atol=1e-11, err_msg=name)
        assert np.abs(w - by_name(problem.theta)[name]).max() > 1e-6
