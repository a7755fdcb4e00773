"""Denormals: no kernel makes them, so gradients that fade cost no time, and Python's arithmetic keeps them."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from numba import int64, types

from forecastrnn.engine.compiling import compile_njit
from forecastrnn.engine.cpu import rounding, tape
from forecastrnn.training.stepping import TrainingProgram
from support.cases import Problem, by_name, draw, gradients, index_of, layer, program_of, worst

FLOAT32 = np.finfo(np.float32)
pytestmark = pytest.mark.skipif(rounding._mode is None, reason="no such mode on this CPU")


def fading(name: str) -> Problem:
    """The last of 300 outputs counts, and its gradient shrinks to nothing on its way back."""
    problem = draw((layer(name, 16),), n=16, T=300, steps="last", seed=1)
    theta = problem.theta
    for part in theta["layers"]:
        part["recurrent_kernel"] *= 0.2
    return problem


def even(inputs: float, units: int = 64) -> Problem:
    """A relu network that passes on what comes in, at the size that it has; the target is zero."""
    problem = draw((layer("relu", units),), n=32, T=100, steps="last")
    part, head = problem.theta["layers"][0], problem.theta["head"]
    part["kernel"][:], part["recurrent_kernel"][:], part["bias"][:] = 0.25, 1 / units, 0
    head["kernel"][:], head["bias"][:] = 1 / units, 0
    return replace(problem, x=np.full_like(problem.x, inputs), y=np.zeros_like(problem.y))


def run_once(problem: Problem) -> tuple[TrainingProgram, Callable[[], np.ndarray]]:
    """A program, and a call that makes one training step."""
    program = program_of(problem, "float32")
    index = index_of(problem, program, np.arange(len(problem.x))[None])
    return program, lambda: program.run(index, 1, 1)


def denormals(program: TrainingProgram) -> int:
    """How many numbers that kernels computed are denormal; inputs and copies of them are not counted."""
    arrays = [b.array for name, b in program.program.buffers.items() if name != "X" and not name.startswith("x[")]
    sizes = [np.abs(a[a != 0]) for a in arrays if a.dtype == np.float32]
    return sum(int((size < FLOAT32.smallest_normal).sum()) for size in sizes)


@pytest.fixture
def unflushed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The interpreter without the mode, to see that it is the mode that does it."""
    words = types.Array(int64, 1, "C")
    plain = compile_njit(tape.walk, types.void(words, words, int64, int64, int64, int64))
    monkeypatch.setattr(tape, "interpreter", lambda: plain)


PROBLEMS = {"tanh": fading("tanh"), "lstm": fading("lstm"), "gru": fading("gru"), "inputs": even(1e-39)}


@pytest.mark.parametrize("name", PROBLEMS)
def test_kernels_make_no_denormals(name: str) -> None:
    program, step = run_once(PROBLEMS[name])
    step()
    assert denormals(program) == 0


@pytest.mark.parametrize("name", PROBLEMS)
def test_without_the_mode_they_would(name: str, unflushed: None) -> None:
    program, step = run_once(PROBLEMS[name])
    step()
    assert denormals(program) > 0


@pytest.mark.parametrize("name", ["tanh", "lstm", "gru"])
def test_a_faded_gradient_is_that_of_the_oracle(name: str) -> None:
    problem = fading(name)
    assert worst(gradients(problem, "float32").d_theta, by_name(problem.solve().d_theta)) < 3e-5


def survives() -> bool:
    """Whether a product of NumPy and one of Python may be denormal."""
    small, tiny = np.full(64, 1e-40, np.float32), 5e-324
    return bool((small * np.float32(1) == small).all()) and np.float32(1e-40) * 1 > 0 and tiny * 1.0 > 0


@pytest.mark.parametrize("supervised", [False, True])
def test_arithmetic_of_python_keeps_its_denormals(supervised: bool) -> None:
    program, step = run_once(PROBLEMS["lstm"])

    def look() -> bool:
        step()
        return survives()

    step()
    program.program.prepare().seconds = 1.0 if supervised else 0.0
    with ThreadPoolExecutor(1) as other:
        assert look() and other.submit(look).result() and tape._invite(1, survives).result()


def ratio(repeats: int = 25) -> float:
    """Time of a step full of denormals over that of the same step with common numbers."""
    steps = [run_once(even(inputs))[1] for inputs in (1.0, 1e-39)]
    times = np.empty((repeats, 2))
    for row in times:
        for k, step in enumerate(steps):
            begun = time.perf_counter()
            step()
            row[k] = time.perf_counter() - begun
    common, denormal = times[2:].min(axis=0)
    return denormal / common


def test_denormals_take_no_more_time() -> None:
    assert min(ratio() for _ in range(3)) < 1.5
