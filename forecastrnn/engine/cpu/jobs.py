"""Many jobs in one call: networks or chunks of rows that need not meet, each with its own arguments.

A job is a program of one shard. Every thread has one of its own, a lane, and runs on it one job after another: round
k of the program so many times as `repeats[k]` says. Before a job its arguments are put into the lane's records, so
that jobs share the lane's work space and nothing is copied.

tape = [rounds, lane ...]; lane = [holes, first hole, list of round ...], all places counted from the tape's begin; a
hole = [word, argument, offset]. table[job, argument].
"""

from __future__ import annotations

from functools import cache, partial

import numpy as np
from numba import int64, types

from forecastrnn.engine.compiling import compile_njit
from forecastrnn.engine.cpu.build import fast
from forecastrnn.engine.cpu.rounding import flush_denormals, restore_rounding
from forecastrnn.engine.cpu.tape import (  # fmt: skip
    DONE,
    LINE,
    STOPPED,
    Words,
    Written,
    atomic_add,
    atomic_read,
    call_all,
    compare_swap,
    run_list,
    write_list,
    yield_core,
)

HEADER, HOLE = 1, 3


@fast
def claim_job(sync, jobs):
    """The next job that no thread has begun; -1 if there is none."""
    while True:
        now = atomic_read(sync, LINE)
        if now >= jobs or atomic_read(sync, DONE) >= STOPPED:
            return -1
        if compare_swap(sync, LINE, now, now + 1):
            return now


@fast
def run_job(tape, table, repeats, sync, lane, first):
    """Put the arguments table[first:] into a lane, and run its rounds."""
    rounds = tape[0]
    head = HEADER + lane * (rounds + 2)
    for k in range(tape[head]):
        hole = tape[head + 1] + k * HOLE
        tape[tape[hole]] = table[first + tape[hole + 1]] + tape[hole + 2]
    for turn in range(rounds):
        for step in range(repeats[turn]):
            run_list(tape, sync, tape[head + 2 + turn], step)


def _interpret_jobs(tape, table, repeats, sync, me, jobs, arguments):
    """Run jobs on lane `me` until all are done."""
    before = flush_denormals()
    while True:
        job = claim_job(sync, jobs)
        if job < 0:
            break
        run_job(tape, table, repeats, sync, me, job * arguments)
        atomic_add(sync, DONE, 1)
    while atomic_read(sync, DONE) < jobs:
        yield_core()
    restore_rounding(before)


@cache
def interpreter():
    """The compiled interpreter of jobs."""
    return compile_njit(_interpret_jobs, types.void(Words, Words, Words, Words, int64, int64, int64))


class JobTape:
    """The tape of some lanes, each a list of rounds."""

    def __init__(self, lanes: list[list[list[Written]]], dtype: str) -> None:
        rounds = len(lanes[0])
        words = [rounds] + [0] * (len(lanes) * (rounds + 2))
        found = []
        for number, lane in enumerate(lanes):
            holes: dict[int, str] = {}
            for turn, records in enumerate(lane):
                words[HEADER + number * (rounds + 2) + 2 + turn] = len(words)
                write_list(words, records, dtype, holes)
            found.append(holes)
        self.names = list(dict.fromkeys(name for holes in found for name in holes.values()))
        for number, holes in enumerate(found):
            head = HEADER + number * (rounds + 2)
            words[head : head + 2] = len(holes), len(words)
            for word, name in holes.items():
                words += [word, self.names.index(name), words[word]]
        self.words, self.lanes = np.array(words, np.int64), len(lanes)

    def run(self, table: np.ndarray, repeats: tuple[int, ...], threads: int, seconds: float, owner: object) -> None:
        """Run a job for each row of `table` (jobs, arguments); `seconds` is a guess of how long that takes."""
        sync = np.zeros(2 * LINE, np.int64)
        args = self.words, table.reshape(-1), np.array(repeats, np.int64), sync
        threads = max(1, min(threads, self.lanes, len(table)))
        calls = [partial(interpreter(), *args, me, *table.shape) for me in range(threads)]
        call_all(calls, sync, seconds, owner)
