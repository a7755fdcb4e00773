"""Steps with scheduled sampling, by the engine and the oracle."""

from __future__ import annotations

from typing import Any

from forecastrnn.training.optimizers import Rule
from forecastrnn.training.own_inputs import OwnInput, Sampling
from forecastrnn.training.stepping import TrainingProgram, dropout_seeds
from support.naive_seq2seq import Result, replaced, sampled_inputs
from support.pair_cases import PairProblem, pair_program


def sampled(problem: PairProblem, own: OwnInput, rate: float, **options: Any) -> TrainingProgram:
    """A program with that chance."""
    sampling = Sampling(own, rate, "constant")
    return pair_program(problem, "float64", seed=7, rule=Rule("sgd", 0.0), sampling=sampling, **options)


def solved(problem: PairProblem, kind: str, rate: float) -> Result:
    """The oracle's two passes, on pairs in the order of the mini-batch."""
    pairs, seed = problem.pairs, int(dropout_seeds(7, 0, 1)[0])
    chosen = replaced(seed, *pairs.x_out.shape[:2], rate)
    return problem.solve(pairs._replace(x_out=sampled_inputs(pairs.x_out, problem.solve().outputs, chosen, kind)))
