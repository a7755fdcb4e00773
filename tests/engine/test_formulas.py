"""The functions of formulas on arrays and numbers, and in kernels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from forecastrnn import Elman
from forecastrnn.engine import formulas
from forecastrnn.engine.program import Program
from forecastrnn.functional import dynamic_rnn
from support.cases import draw, index_of, layer, program_of
from support.naive import logistic

EXACT = {"tanh": np.tanh, "logistic": logistic, "relu": lambda x: np.maximum(x, 0.0)}
ERROR = {"float32": 4e-7, "float64": 4e-16}


def in_a_kernel(activation: str, x: np.ndarray) -> np.ndarray:
    """The activation of every number of x, by a layer of one unit whose step is nothing but that."""
    weights = {"kernel": [[1.0]], "recurrent_kernel": [[0.0]], "bias": [0.0]}
    return dynamic_rnn(Elman(activation), x.reshape(1, -1, 1), weights)[0].ravel()


@pytest.mark.parametrize("dtype", ERROR)
@pytest.mark.parametrize("activation", EXACT)
def test_error_in_a_kernel(activation: str, dtype: str) -> None:
    """A dense grid, and numbers near zero of all sizes."""
    small = np.logspace(-38, 0, 2001)
    x = np.concatenate([np.linspace(-20.0, 20.0, 400_001), small, -small, [0.0]]).astype(dtype)
    expected = EXACT[activation](x.astype(np.float64))
    assert np.abs(in_a_kernel(activation, x) - expected).max() <= ERROR[dtype]


@pytest.mark.parametrize("dtype", ERROR)
def test_relative_error_of_tanh_near_zero(dtype: str) -> None:
    """A small number is not lost in an absolute error."""
    x = np.logspace(-30, -1, 3001).astype(dtype)
    expected = np.tanh(x.astype(np.float64))
    np.testing.assert_allclose(in_a_kernel("tanh", x), expected, rtol=1e-6 if dtype == "float32" else 1e-15)


@pytest.mark.parametrize("dtype", ERROR)
def test_far_from_zero(dtype: str) -> None:
    """Sums beyond all bounds saturate, without overflow."""
    x = np.array([50.0, 100.0, 1e4, 1e30, np.finfo(dtype).max], dtype)
    for sign in (1.0, -1.0):
        np.testing.assert_allclose(in_a_kernel("tanh", sign * x), sign, rtol=ERROR[dtype])
        np.testing.assert_allclose(in_a_kernel("logistic", sign * x), sign > 0.0, atol=ERROR[dtype])
        np.testing.assert_array_equal(in_a_kernel("relu", sign * x), np.maximum(sign * x, 0.0))


@pytest.mark.parametrize("dtype", ERROR)
def test_bounds_are_kept(dtype: str) -> None:
    """|tanh| <= 1 and 0 <= logistic <= 1, so that no slope is negative; tanh is odd."""
    x = np.linspace(-20.0, 20.0, 100_001).astype(dtype)
    y, s = in_a_kernel("tanh", x), in_a_kernel("logistic", x)
    assert np.abs(y).max() <= 1.0
    assert s.min() >= 0.0
    assert s.max() <= 1.0
    np.testing.assert_array_equal(in_a_kernel("tanh", -x), -y)


def softmax_in_a_kernel(scores: np.ndarray) -> np.ndarray:
    """The gradient of the cross-entropy of one row of scores, whose true class is the first one."""
    program, n = Program(scores.dtype.name, 1), len(scores)
    arrays = {"out": scores, "target": np.zeros(1, scores.dtype), "valid": np.ones(1, np.int64), "sums": np.zeros(2)}
    bound = {name: program.bind(name, array) for name, array in arrays.items()}
    dout = program.buffer("dout", (n,))
    program.emit(
        "cross_entropy", 0, **bound, dout=dout, weights=None, k=1, B=1, O=n, ldo=n, ldd=n, first=0, last=1, weighted=0,
        kind=0, shards=1, piece=0, fresh=1,
    )  # fmt: skip
    program.run(0, 1, 1)
    return dout.array


@pytest.mark.parametrize("dtype", ERROR)
def test_exponential_in_a_kernel(dtype: str) -> None:
    """Its relative error over all that softmax asks for, and its absolute error, both below the bound."""
    scores = np.concatenate([[0.0], np.linspace(-87.0, 0.0, 400_000), np.logspace(-30, 0, 1000) * -1]).astype(dtype)
    exact = np.exp(scores.astype(np.float64))
    found = softmax_in_a_kernel(scores)[1:] * exact.sum()
    flushed = 2 * np.finfo(dtype).tiny * exact.sum()  # probabilities below the smallest normal number are 0
    np.testing.assert_allclose(found, exact[1:], rtol=1e-6 if dtype == "float32" else 1e-12, atol=flushed)
    assert np.abs(found - exact[1:]).max() <= max(ERROR[dtype], 1e-12)


@pytest.mark.parametrize("dtype", ERROR)
def test_scores_far_below_the_largest(dtype: str) -> None:
    """They have no probability, but are no error; a NaN is not hidden."""
    scores = np.full(40, -1e30, dtype)
    scores[[0, 17]] = 0.0
    found = softmax_in_a_kernel(scores)
    np.testing.assert_allclose(found[[0, 17]], [-0.5, 0.5], rtol=1e-6)
    assert np.abs(np.delete(found, [0, 17])).max() < 1e-37
    scores[30] = np.nan
    assert np.isnan(softmax_in_a_kernel(scores)[30])


@pytest.mark.parametrize("dtype", ERROR)
@pytest.mark.parametrize("classes", [2, 15, 16, 33])
def test_softmax_of_vectors_and_what_is_left(classes: int, dtype: str) -> None:
    """In whole vectors and number by number the exponential is the same function."""
    problem = draw((layer("lstm", 3),), outputs=classes, loss="cross_entropy", steps="last")
    program = program_of(problem, dtype)
    program.run(index_of(problem, program, np.arange(7)[None]), 1, 1)
    out, dout = (
        s.array[0, :, :classes] for s in (program.build.stacks[0].out.place, program.build.stacks[0].dout.place)
    )
    p = np.exp(out.astype(np.float64) - out.max(axis=1, keepdims=True))
    labels = problem.y[: len(p), 0]
    expected = p / p.sum(axis=1, keepdims=True) - np.eye(classes)[labels]
    np.testing.assert_allclose(dout, expected, atol=ERROR[dtype])


ALL: dict[str, tuple[Callable, int]] = {
    "exp": (formulas.exp, 1),
    "log": (lambda x: formulas.log(np.abs(x)), 1),
    "sqrt": (lambda x: formulas.sqrt(np.abs(x)), 1),
    "maximum": (formulas.maximum, 2),
    "minimum": (formulas.minimum, 2),
    "positive": (formulas.positive, 1),
    "tanh": (formulas.tanh, 1),
    "sigmoid": (formulas.sigmoid, 1),
    "relu": (formulas.relu, 1),
    "tanh_slope": (formulas.tanh_slope, 1),
}


@pytest.mark.parametrize("name", ALL)
def test_arrays_and_numbers(name: str) -> None:
    """A formula of arrays is that of each of their numbers."""
    formula, arity = ALL[name]
    arguments = np.random.default_rng(0).standard_normal((arity, 50))
    whole = np.atleast_2d(formula(*arguments))
    each = np.array([np.atleast_1d(formula(*column)) for column in arguments.T.tolist()]).T
    np.testing.assert_allclose(whole, each, rtol=1e-14, atol=1e-16)


def test_every_formula_is_tested() -> None:
    """No function of the module is left out above."""
    own = {n for n, f in vars(formulas).items() if getattr(f, "__module__", "") == formulas.__name__}
    assert own == ALL.keys()


def test_nan_is_kept() -> None:
    """A NaN in the first argument comes out again: a network that diverged is not hidden."""
    for name in ("maximum", "minimum"):
        assert np.isnan(ALL[name][0](np.nan, 0.0))
    assert np.isnan(formulas.relu(np.nan))
    assert np.isnan(formulas.tanh(np.nan))
