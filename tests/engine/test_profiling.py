"""Profiles: that measuring changes nothing, that every kernel has a cost, and that costs are counted right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from forecastrnn.engine.buffers import Argument, Buffer, Operation, Place
from forecastrnn.engine.cpu.build import KERNELS
from forecastrnn.engine.cpu.costs import COSTS, cost_of
from forecastrnn.engine.profiling import LINES, profile
from forecastrnn.engine.program import Program
from forecastrnn.programs.direction import padded
from forecastrnn.training.optimizers import Rule
from forecastrnn.training.stepping import TrainingProgram
from support.cases import CELLS, NORMED, draw, index_of, layer, program_of

LAYERS = (layer("peephole_lstm", 9, True), layer("gru", 5))
T, B, I, H = 4, 7, 3, 20


def trainer(layers: tuple = LAYERS, dtype: str = "float32", **options: object) -> tuple[TrainingProgram, object]:
    """A program that has made two updates, and an index of one more."""
    problem = draw(layers, n=B, T=T, inputs=I, weighted=True, **options)
    program = program_of(problem, dtype, rule=Rule("adam", 0.01, alpha=0.01, clip_norm=0.1))
    index = index_of(problem, program, np.arange(B)[None])
    for _ in range(2):
        program.run(index, 1, 1)
    return program, index


def test_every_kernel_has_a_cost() -> None:
    """No entry is missing, none is left over, and each reads fields that the kernel has."""
    assert COSTS.keys() == KERNELS.keys()
    for kernel in KERNELS.values():
        cost = cost_of(kernel, dict.fromkeys(kernel.fields, 2), 4)
        assert cost.flops >= 0
        assert cost.bytes >= 0


def test_profile_changes_no_bit() -> None:
    """All buffers are as they were, and training goes on as if nothing had been measured."""
    (measured, index), (plain, _) = trainer(ragged=True), trainer(ragged=True)
    before = {name: buffer.array.tobytes() for name, buffer in measured.program.buffers.items()}
    profile(measured.program, repeats=2)
    assert {name: buffer.array.tobytes() for name, buffer in measured.program.buffers.items()} == before
    for _ in range(3):
        np.testing.assert_array_equal(measured.run(index, 1, 2), plain.run(index, 1, 2))
    np.testing.assert_array_equal(measured.theta, plain.theta)


def test_buffers_are_restored_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile that is broken off leaves the buffers as they were, too."""
    measured, _ = trainer()
    before = {name: buffer.array.tobytes() for name, buffer in measured.program.buffers.items()}
    monkeypatch.delitem(COSTS, "adam")
    with pytest.raises(KeyError, match="adam"):
        profile(measured.program, repeats=1)
    assert {name: buffer.array.tobytes() for name, buffer in measured.program.buffers.items()} == before


def test_read_only_data() -> None:
    """The data of a fit may be an array that cannot be written."""
    problem = draw(LAYERS, n=B, T=T, inputs=I)
    program = program_of(problem, "float32")
    program.source.X.flags.writeable = False
    assert profile(program.program, repeats=1).rows


def test_rows_are_the_operations_in_order() -> None:
    """One row an operation; totals and the sum add them up."""
    program = trainer()[0].program
    found = profile(program, repeats=1)
    listed = [(r, s, o.kernel) for r, turn in enumerate(program.rounds) for s, ops in enumerate(turn) for o in ops]
    assert [(row.round, row.shard, row.kernel) for row in found.rows] == listed
    assert min(row.us for row in found.rows) >= 0.0 < max(row.us for row in found.rows)
    assert found.step_us > 0.0
    assert {total.kernel for total in found.totals} == {kernel for _, _, kernel in listed}
    assert [total.us for total in found.totals] == sorted((t.us for t in found.totals), reverse=True)
    for field in ("us", "bytes", "flops"):
        parts, wholes = (sum(getattr(one, field) for one in many) for many in (found.rows, found.totals))
        assert parts == pytest.approx(wholes, rel=1e-12)
    assert found.sum_us == pytest.approx(sum(row.us for row in found.rows))


def test_a_row_says_what_it_took() -> None:
    """GFLOP/s are operations over time; where no time was measured they are 0."""
    row = profile(trainer()[0].program, repeats=1).rows[0]
    assert replace(row, us=2.0, flops=6000).gflops == pytest.approx(3.0)
    assert replace(row, us=0.0, flops=6000).gflops == 0.0


def test_print() -> None:
    """Kernels and operations, largest first, then the sum beside a whole step."""
    found = profile(trainer()[0].program, repeats=1)
    lines = str(found).splitlines()
    assert lines[0] == "each kernel:"
    first = 2
    assert [line.split()[0] for line in lines[first : first + len(found.totals)]] == [t.kernel for t in found.totals]
    assert f"and {len(found.rows) - LINES} more operations of " in lines[-3]
    shares = [float(line.split()[2].rstrip("%")) for line in lines[first : first + len(found.totals)]]
    assert sum(shares) == pytest.approx(100.0, abs=0.05 * len(shares))
    assert lines[-1] == f"sum {found.sum_us:.2f} us, a whole step on one thread {found.step_us:.2f} us"


def scaling() -> Program:
    """A program of one operation, with two arguments: an array and a number."""
    program = Program("float32", 1)
    program.bind("ones", np.ones(8))
    program.emit(
        "scale_in", 0, given=Argument("given", np.float64).at(0), shift=program.buffers["ones"],
        scale=program.buffers["ones"], x=program.buffer("x", (8,)), F=Argument("count"),
    )  # fmt: skip
    return program


def test_arguments() -> None:
    """A program may wait for arrays and sizes, which count as any other."""
    program, given = scaling(), np.arange(8.0)
    (row,) = profile(program, given=given, count=6).rows
    assert row.flops == 12
    np.testing.assert_array_equal(program.buffers["x"].array, 0.0)
    np.testing.assert_array_equal(given, np.arange(8.0))


def test_missing_arguments_are_refused() -> None:
    """Without them a record would point nowhere."""
    with pytest.raises(ValueError, match=r"needs the arguments \['count', 'given'\]; \['count'\] are given"):
        profile(scaling(), count=6)


def test_repeats_must_be_positive() -> None:
    with pytest.raises(ValueError, match="repeats=0 must be at least 1"):
        profile(trainer()[0].program, repeats=0)


def products(name: str, dtype: str) -> tuple[int, int]:
    """Multiply-adds of one cell's forward and backward pass, by hand: each product's rows, depth and columns."""
    Hp, rows = padded(H, dtype), B // 2  # of the first of two shards
    name = name.removesuffix("+norm")
    gates = {"lstm": 4, "gru": 3}.get(name.removeprefix("peephole_").removesuffix("_before"), 1)
    forward = sum(rows * (I + H) * gates * Hp for _ in range(T))
    backward = sum(rows * gates * Hp * Hp for _ in range(1, T))
    if name == "gru_before":  # its first step still needs the derivative by the reset state
        backward += rows * Hp * Hp
    return forward, backward


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [*CELLS, *NORMED])
def test_products_are_counted_as_padded(name: str, dtype: str) -> None:
    """Two operations for each multiply-add of the recurrent kernels."""
    rounds = trainer((layer(name, H),), dtype)[0].program.rounds
    itemsize = np.dtype(dtype).itemsize
    own = [o for turn in rounds for o in turn[0] if o.code.cell is not None]
    assert tuple(cost_of(o.code, o.fields, itemsize).flops // 2 for o in own) == products(name, dtype)


def named(operation: Operation) -> int:
    """Bytes of all buffers that an operation names."""
    places = [value.buffer if isinstance(value, Place) else value for value in operation.fields.values()]
    return sum({b.name: b.array.nbytes for b in places if isinstance(b, Buffer)}.values())


@pytest.mark.parametrize("name", [*CELLS, *NORMED])
def test_bytes_fit_the_buffers(name: str) -> None:
    """No more is read and written than twice what an operation names, and at least its results are written."""
    program = trainer((layer(name, H, True),), ragged=True)[0].program
    for operation in (o for turn in program.rounds for operations in turn for o in operations):
        cost = cost_of(operation.code, operation.fields, 4)
        assert cost.bytes <= 2 * named(operation), operation
        if operation.fields.get("lo", 0) < operation.fields.get("hi", 1):
            assert cost.bytes > 0, operation
