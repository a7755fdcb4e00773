"""Many jobs in one call, arguments of programs, and programs that are kept for the next call."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from forecastrnn.engine import jobs as module
from forecastrnn.engine.buffers import Argument
from forecastrnn.engine.jobs import Jobs, addresses, borrowed
from forecastrnn.engine.program import Program


def lane() -> Program:
    """Round 0 clears the lane's number, round 1 adds the job's row to it step by step; round 2 writes it."""
    program = Program("float64", 1)
    total = program.buffer("total", (1,))
    clear = {"source": None, "rows": 1, "F": 1, "lds": 0, "ldo": 1}
    program.emit("clear_columns", 0, out=total, **clear)
    program.next_round()
    program.emit(
        "append_value", 0, z=Argument("z", np.float64), a=Argument("a", np.float64), out=total, noise=None, B=1, ldo=1,
        width=2, length=Argument("length"), now=Argument("now"), noisy=0,
    )  # fmt: skip
    program.next_round()
    copy = {"rows": 1, "F": 1, "lds": 1, "ldo": 1}
    program.emit("copy_columns", 0, source=Argument("z", np.float64).at(3), out=Argument("result", np.float64), **copy)
    return program


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("lanes", [1, 2, 4])
def test_each_job_has_its_own_arguments(lanes: int, threads: int) -> None:
    """More jobs than lanes, in whichever order: each works on its own rows, as often as the rounds say."""
    z = np.zeros((50, 8))
    z[:, 1] = np.arange(50)
    a, result = np.zeros_like(z), np.full((50, 1), -1.0)
    made = Jobs([lane() for _ in range(lanes)])
    made.run(
        50, (1, 4, 1), threads, 0.0, z=addresses(z), a=addresses(a), length=8, now=1, result=addresses(result)
    )  # fmt: skip
    np.testing.assert_array_equal(z[:, 1:6], np.arange(50.0)[:, None] * np.ones(5))
    assert not z[:, 6:].any()
    np.testing.assert_array_equal(result[:, 0], np.arange(50))


def test_a_long_call_is_left_to_other_threads() -> None:
    """The result is the same."""
    z = np.ones((6, 8))
    result, made = np.empty((6, 1)), Jobs([lane(), lane()])
    made.run(
        6, (1, 4, 1), 2, 1e9, z=addresses(z), a=addresses(z.copy()), length=8, now=1, result=addresses(result)
    )  # fmt: skip
    assert (result == 1).all()


def test_arguments_of_a_program() -> None:
    """A program that is run again with other arrays works on those."""
    program = Program("float32", 1)
    fields = {"source": None, "rows": Argument("rows"), "F": 2, "lds": 0, "ldo": 3}
    program.emit("clear_columns", 0, out=Argument("out", np.float32).at(1), **fields)
    for rows in (1, 3):
        out = np.ones((4, 3), np.float32)
        program.run(0, 1, 1, out=out, rows=rows)
        np.testing.assert_array_equal(out, [[1, 0, 0]] * rows + [[1, 1, 1]] * (4 - rows))
    with pytest.raises(TypeError, match="out is an argument"):
        Argument("out", np.float32).array  # noqa: B018


class Thing:
    """Something to keep."""

    def __init__(self, nbytes: int = 8) -> None:
        self.nbytes = nbytes


def test_what_is_borrowed_belongs_to_one_at_a_time() -> None:
    """Inside one use a second one gets another program; later both are used again."""
    with borrowed("a", Thing) as first, borrowed("a", Thing) as second:
        assert first is not second
    with borrowed("a", Thing) as third, borrowed("a", Thing) as fourth:
        assert {third, fourth} == {first, second}


def test_what_is_not_kept() -> None:
    """Large programs, those in whose use something went wrong, and the oldest kind where there are many."""
    with borrowed("large", lambda: Thing(2**40)) as large:
        pass
    with borrowed("large", Thing) as other:
        assert other is not large
    with pytest.raises(ZeroDivisionError), borrowed("broken", Thing) as broken:
        1 / 0  # noqa: B018
    with borrowed("broken", Thing) as other:
        assert other is not broken
    for k in range(2 * module.KEPT):
        with borrowed(("many", k), Thing):
            pass
    assert len(module._idle) <= module.KEPT


def test_threads_borrow_side_by_side() -> None:
    """No program is ever used by two threads."""
    used, wrong = set(), []

    def use(_: int) -> None:
        with borrowed("shared", Thing) as thing:
            if thing in used:
                wrong.append(thing)
            used.add(thing)
            threading.Event().wait(0.001)
            used.discard(thing)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(use, range(200)))
    assert not wrong


def test_addresses() -> None:
    """Those of the rows, whatever their stride."""
    array = np.arange(24.0).reshape(4, 6)[::2]
    assert addresses(array).tolist() == [array.ctypes.data, array[1].ctypes.data]
