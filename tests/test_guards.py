"""The guard words that `pytest --guards` puts around all that kernels are handed see what they are for."""

from __future__ import annotations

import numpy as np
import pytest

from forecastrnn.engine.program import Program
from support.guard_words import BrokenGuard, guards


def scaled(rows: int, told: int, bound: bool = False) -> np.ndarray:
    """Numbers times 2, plus 1, in a buffer with room for `rows`, by a kernel that is told of `told`."""
    program = Program("float64", 1)
    result = program.bind("result", np.zeros(rows)) if bound else program.buffer("result", (rows,), np.float64)
    given = program.bind("given", np.arange(float(rows)), constant=True)
    shift, scale = program.buffer("shift", (told,), fill=1), program.buffer("scale", (told,), fill=2)
    program.emit("scale_out", 0, out=given, shift=shift, scale=scale, result=result, F=told)
    program.run(0, 1, 1)
    return result.array


@pytest.mark.parametrize(("bound", "far"), [(False, 9), (True, 1)])
def test_a_kernel_that_writes_too_far_is_found(bound: bool, far: int) -> None:
    """Behind a buffer of a program there is a vector's width to spare."""
    with guards(), pytest.raises(BrokenGuard, match=r"behind buffer 'result', float64 \(3,\), byte .*scale_out"):
        scaled(3, 3 + far, bound)


@pytest.mark.parametrize("bound", [False, True])
def test_numbers_are_as_without(bound: bool) -> None:
    with guards() as found:
        np.testing.assert_array_equal(scaled(4, 4, bound), scaled(3, 3, bound).tolist() + [7.0])
    np.testing.assert_array_equal(scaled(4, 4, bound), [1.0, 3.0, 5.0, 7.0])
    assert found.runs == 2 and found.looked == 8
