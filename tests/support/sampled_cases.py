"""Problems with a sampled softmax, for the engine and the oracle."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from forecastrnn.training.stepping import TrainingProgram
from support import naive_training
from support.cases import Problem, by_name, draw, index_of, layer, program_of, worst

Array = np.ndarray
V, S = 37, 11  # classes, drawn ones
ORDER = np.random.default_rng(3).permutation(V)
TWICE = np.array([5, 5, 30, 1, 2, 8, 9, 20, 21, 22, 36])  # a sample that has a class twice
SHIFT = np.linspace(-1.5, 1.0, S)


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


def check(problem: Problem, dtype: str, monkeypatch: pytest.MonkeyPatch, device: str = "cpu") -> None:
    """Loss and gradients are the oracle's, with a sample that has a class twice, and some of the true ones."""
    program = fixed(sampled(problem, dtype, device=device), TWICE, SHIFT)
    loss = program.run(whole(problem, program), 1, 2)[0]
    oracle = partial(naive_training.sampled_cross_entropy, classes=TWICE, shift=SHIFT)
    monkeypatch.setitem(naive_training.LOSSES, "cross_entropy", oracle)
    expected, tolerance = problem.solve(), {"float32": 3e-5, "float64": 1e-10}[dtype]
    assert loss == pytest.approx(expected.loss, rel=tolerance)
    assert worst(problem.network.views(program.grad), by_name(expected.d_theta)) < tolerance
