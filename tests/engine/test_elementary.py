"""What the operations of a cell's formula are in compiled code, on vectors and on numbers."""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Callable
from functools import cache

import numba
import numpy as np
import pytest
from numba import types

from forecastrnn.engine import formulas
from forecastrnn.engine.compiling import compilation
from forecastrnn.engine.cpu import elementary  # noqa: F401  # gives the functions their meaning
from forecastrnn.engine.cpu.build import REAL_TYPES
from forecastrnn.engine.cpu.simd import POINTERS, VECTOR_BYTES, lanes, load, store
from forecastrnn.networks.tracing.operations import OPERATIONS

SIGNS = {"neg": "-{0}", "fixed": "{0}"}  # operations that are no call
ON_VECTORS = [name for name, operation in OPERATIONS.items() if not operation.scalar]  # the others are of heads alone
UNARY = [name for name in ON_VECTORS if OPERATIONS[name].arity == 1]
BINARY = [name for name in ON_VECTORS if name not in UNARY]
ON_NUMBERS = {name for name in ON_VECTORS if name not in ("fixed", "neg") and not OPERATIONS[name].sign}
RELATIVE = {"float32": {"log": 1.5e-7, "exp": 4e-7, "tanh": 5e-7}, "float64": {}}
ABSOLUTE = {"float32": 2e-7, "float64": 2e-16}  # of the logistic function


def expression(name: str, *arguments: str) -> str:
    """An operation as text of a kernel."""
    sign = OPERATIONS[name].sign
    if sign:
        return f" {sign} ".join(arguments)
    return SIGNS.get(name, f"{name}({', '.join(arguments)})").format(*arguments)


def source() -> str:
    """A function that runs each operation on whole vectors: on x, on x and y, on x and 0.75, on 0.75 and x.

    Behind it the functions of one argument, number by number.
    """
    wide = [expression(name, "a") for name in UNARY]
    wide += [expression(name, *pair) for name in BINARY for pair in (("a", "b"), ("a", "0.75"), ("0.75", "a"))]
    alone = [expression(name, "x[j]") for name in UNARY if name in ON_NUMBERS]
    lines = ["def run(x, y, out, n):", "    for j in range(0, n, lanes(x)):", "        a, b = load(x, j), load(y, j)"]
    lines += [f"        store(out, {k} * n + j, {text})" for k, text in enumerate(wide)]
    lines += ["    for j in range(n):"]
    lines += [f"        out[{len(wide) + k} * n + j] = {text}" for k, text in enumerate(alone)]
    return "\n".join(lines)


def keys() -> list[tuple[str, str]]:
    """Operation and kind of each row that `run` writes."""
    found = [(name, "vector") for name in UNARY]
    found += [(name, kind) for name in BINARY for kind in ("vector", "right", "left")]
    return found + [(name, "number") for name in UNARY if name in ON_NUMBERS]


@cache
def compiled(dtype: str) -> Callable[[np.ndarray, np.ndarray], dict[tuple[str, str], np.ndarray]]:
    """(x, y) -> the results of all operations; the arrays fill whole vectors."""
    space = {**vars(formulas), "lanes": lanes, "load": load, "store": store}
    exec(source(), space)
    pointer = POINTERS[REAL_TYPES[dtype]]
    with compilation(cached=False):
        signature = types.void(pointer, pointer, pointer, types.int64)
        made = numba.cfunc(signature, error_model="numpy")(space["run"])
    real = ctypes.c_float if dtype == "float32" else ctypes.c_double

    def run(x: np.ndarray, y: np.ndarray) -> dict[tuple[str, str], np.ndarray]:
        assert len(x) == len(y)
        assert len(x) * x.itemsize % VECTOR_BYTES == 0
        out = np.full((len(keys()), len(x)), np.nan, dtype)
        made.ctypes(*(a.ctypes.data_as(ctypes.POINTER(real)) for a in (x, y, out)), len(x))
        return dict(zip(keys(), out, strict=True))

    return run


def points(dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of all sizes and signs, and others beside them."""
    rng = np.random.default_rng(0)
    x = np.concatenate([np.linspace(-9.0, 9.0, 8192), np.linspace(0.5, 2.0, 8192), np.logspace(-30, 30, 8192)])
    return x.astype(dtype), rng.permutation(x).astype(dtype)


def exact(name: str, *arguments: np.ndarray) -> np.ndarray:
    """An operation on arrays, in float64."""
    with np.errstate(all="ignore"):
        return OPERATIONS[name].on_arrays(*(a.astype(np.float64) for a in arguments))


@pytest.mark.parametrize("dtype", REAL_TYPES)
@pytest.mark.parametrize("name", ON_VECTORS)
def test_operation_is_that_of_arrays(name: str, dtype: str) -> None:
    """On vectors, beside numbers, and on numbers."""
    x, y = points(dtype)
    constant = np.full_like(x, 0.75)
    arguments = {"vector": (x, y), "right": (x, constant), "left": (constant, x), "number": (x,)}
    found = {kind: values for (one, kind), values in compiled(dtype)(x, y).items() if one == name}
    assert found
    bound = RELATIVE[dtype].get(name, (2 if dtype == "float64" else 1) * np.finfo(dtype).eps)
    least = ABSOLUTE[dtype] if name == "sigmoid" else 0.0
    for kind, values in found.items():
        expected = exact(name, *arguments[kind][: OPERATIONS[name].arity])
        usual = (np.abs(expected) < (np.exp(87.0) if name == "exp" else 1e38)) & (np.abs(expected) > 1e-37)
        np.testing.assert_allclose(values[usual], expected[usual], rtol=bound, atol=least, err_msg=kind)
        assert np.isnan(values[np.isnan(expected)]).all()


@pytest.mark.parametrize("dtype", REAL_TYPES)
@pytest.mark.parametrize("kind", ["vector", "number"])
def test_bounds_of_the_logarithm(kind: str, dtype: str) -> None:
    """At 0 it is infinite, below it is no number, and an infinite argument stays so."""
    limits = np.finfo(dtype)
    x = np.array([0.0, -0.0, -1.0, -limits.tiny, -np.inf, np.inf, np.nan, 1.0, limits.tiny, limits.max] + [1.0] * 6)
    found = compiled(dtype)(x.astype(dtype), x.astype(dtype))["log", kind][:10]
    np.testing.assert_array_equal(found[:8], [-np.inf, -np.inf, *[np.nan] * 3, np.inf, np.nan, 0.0])
    np.testing.assert_allclose(found[8:], np.log(x[8:10]), rtol=1e-7)


@pytest.mark.parametrize("dtype", REAL_TYPES)
def test_bounds_of_root_and_quotient(dtype: str) -> None:
    """They say where they are singular, as arrays do."""
    x = np.array([0.0, -1.0, np.inf, np.nan] * 4).astype(dtype)
    found = compiled(dtype)(x, np.zeros_like(x))
    np.testing.assert_array_equal(found["sqrt", "vector"][:4], [0.0, np.nan, np.inf, np.nan])
    np.testing.assert_array_equal(found["div", "vector"][:4], [np.nan, -np.inf, np.inf, np.nan])


def digest(dtype: str) -> str:
    """Of the bits of all operations on numbers that overflow nowhere."""
    x, y = points(dtype)
    usual = (np.abs(x) < 1e15) & (np.abs(y) < 1e15)
    found = compiled(dtype)(x, y)
    return hashlib.sha256(b"".join(np.nan_to_num(values[usual]).tobytes() for values in found.values())).hexdigest()


@pytest.mark.slow
@pytest.mark.parametrize("width", ["4", "8", "16"])
def test_every_vector_width_has_the_same_bits(width: str, run_script: Callable[..., str]) -> None:
    code = "from test_elementary import digest; print(digest('float32'), digest('float64'))"
    assert run_script(code, FORECASTRNN_LANES=width).split() == [digest("float32"), digest("float64")]
