"""Problems with a sampled softmax, for the engine and the oracle."""

from __future__ import annotations

from typing import Any

import numpy as np

from forecastrnn.training.stepping import TrainingProgram
from support.cases import Problem, draw, index_of, layer, program_of

Array = np.ndarray


V, S = 37, 11  # classes, drawn ones


ORDER = np.random.default_rng(3).permutation(V)


def problem_of(**options: Any) -> Problem:
    """Classes of every kind: drawn, drawn twice, and not drawn."""
    return draw((layer("gru", 5),), **{"outputs": V, "loss": "cross_entropy", "n": 7, "T": 5} | options)


def sampled(problem: Problem, dtype: str = "float64", n_sampled: int = S, **options: Any) -> TrainingProgram:
    return program_of(problem, dtype, class_order=ORDER, n_sampled=n_sampled, **options)


def fixed(program: TrainingProgram, classes: Array, shift: Array) -> TrainingProgram:
    """The program with this sample in every step."""
    rounds = program.program.rounds
    rounds[0] = [[o for o in piece if o.kernel != "draw_classes"] for piece in rounds[0]]
    for name, values in (("classes", classes), ("shift", shift)):
        program.program.buffers[name].array[:] = values
    return program


def whole(problem: Problem, program: TrainingProgram) -> Any:
    """The index of one mini-batch of all rows."""
    return index_of(problem, program, np.arange(len(problem.x))[None])


TWICE = np.array([5, 5, 30, 1, 2, 8, 9, 20, 21, 22, 36])


SHIFT = np.linspace(-1.5, 1.0, S)
