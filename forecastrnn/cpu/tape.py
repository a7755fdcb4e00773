"""The interpreter: walks a tape of records, claiming pieces of work beside other threads.

tape = [rounds, shards, free, list of (round, shard) ...]; a list is [records, record ...], a record is
[address of the kernel, fields, field ...]. Pieces of one round may run in any order, on any thread;
a round begins when the one before is done. Shards and the order of sums are fixed, so the number of threads
does not change a result. With `free` there is one round and its pieces need not meet: each shard runs all
its steps by itself.
"""

import ctypes
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
from llvmlite import binding, ir
from numba import int64, types
from numba.extending import intrinsic

from forecastrnn.compiling import compile_njit
from forecastrnn.cpu.build import KERNELS, fast
from forecastrnn.cpu.simd import I64

PATIENCE = 500  # turns (a few us) that a thread waits for another one before it does its work
DONE, LINE = 0, 8  # `sync` counts pieces done, then rounds claimed of each shard, a cache line apart
HEADER = 3
_Words = types.Array(int64, 1, "C")


def _add_yield_symbol() -> None:
    """Make the system's "give up the rest of the time slice" known by name."""
    call = ctypes.WinDLL("kernel32").SwitchToThread if os.name == "nt" else ctypes.CDLL(None).sched_yield
    binding.add_symbol("forecastrnn_yield", ctypes.cast(call, ctypes.c_void_p).value)


_add_yield_symbol()
yield_core = types.ExternalFunction("forecastrnn_yield", types.int32())


def _word(context, b, sig, args, index):
    return b.gep(context.make_array(sig.args[0])(context, b, args[0]).data, [index], source_etype=I64)


@intrinsic
def atomic_add(tctx, array, i, n):
    """array[i] += n, in one piece for all threads."""

    def gen(ctx, b, sig, args):
        b.atomic_rmw("add", _word(ctx, b, sig, args, args[1]), args[2], "seq_cst")
        return ctx.get_dummy_value()

    return types.void(_Words, int64, int64), gen


@intrinsic
def compare_swap(tctx, array, i, old, new):
    """array[i] = new if it is old, in one piece for all threads; returns whether it was."""

    def gen(ctx, b, sig, args):
        both = b.cmpxchg(_word(ctx, b, sig, args, args[1]), args[2], args[3], "seq_cst", "seq_cst")
        return b.extract_value(both, 1)

    return types.boolean(_Words, int64, int64, int64), gen


@intrinsic
def atomic_read(tctx, array, i):
    """array[i] as other threads left it."""
    return int64(_Words, int64), lambda ctx, b, sig, args: b.load_atomic(
        _word(ctx, b, sig, args, args[1]), "seq_cst", 8, typ=I64
    )


@intrinsic
def call_kernel(tctx, tape, at, step):
    """Call the kernel whose address is tape[at] on the record behind it."""

    def gen(ctx, b, sig, args):
        kind = ir.FunctionType(ir.VoidType(), [ir.PointerType(I64), I64])
        address = b.load(_word(ctx, b, sig, args, args[1]), typ=I64)
        record = _word(ctx, b, sig, args, b.add(args[1], I64(2)))
        b.call(b.inttoptr(address, kind.as_pointer()), [record, args[2]])
        return ctx.get_dummy_value()

    return types.void(_Words, int64, int64), gen


@fast
def run_list(tape, at, step):
    """Run the records of one (round, shard)."""
    place = at + 1
    for _ in range(tape[at]):
        call_kernel(tape, place, step)
        place += 2 + tape[place + 1]


@fast
def claim(sync, me, threads, shards, rounds):
    """The next piece for thread `me`: round * shards + shard; -1 when all rounds are done.

    Each thread has its own shards (their data is in its cache) and takes those of a thread that does not turn
    up: one that the system wakes late does less, but holds nobody up.
    """
    turns = 0
    while True:
        now = atomic_read(sync, DONE) // shards
        if now == rounds:
            return -1
        for shard in range(shards):
            slot = (1 + shard) * LINE
            if (shard % threads == me or turns > PATIENCE) and atomic_read(sync, slot) == now:
                if compare_swap(sync, slot, now, now + 1):
                    return now * shards + shard
        turns += 1
        if turns > 4 * PATIENCE:
            yield_core()


def _interpret(tape, sync, me, threads, first, steps):
    """Steps first .. first + steps of the tape, or what other threads leave of them."""
    rounds, shards, free = tape[0], tape[1], tape[2]
    total = rounds if free else rounds * steps
    while True:
        piece = claim(sync, me, threads, shards, total)
        if piece < 0:
            return
        step, turn, shard = piece // (rounds * shards), piece // shards % rounds, piece % shards
        at = tape[HEADER + turn * shards + shard]
        if free:
            for k in range(first, first + steps):
                run_list(tape, at, k)
        else:
            run_list(tape, at, first + step)
        atomic_add(sync, DONE, 1)


@cache
def interpreter():
    """The compiled interpreter."""
    signature = types.void(_Words, _Words, int64, int64, int64, int64)
    return compile_njit(_interpret, signature)


_pools: dict[int, ThreadPoolExecutor] = {}  # by process, since threads do not survive a fork
_pools_lock = threading.Lock()


def _pool(workers: int) -> ThreadPoolExecutor:
    with _pools_lock:
        pool = _pools.get(os.getpid())
        if pool is None or pool._max_workers < workers:
            _pools.clear()
            pool = _pools[os.getpid()] = ThreadPoolExecutor(workers, thread_name_prefix="forecastrnn")
        return pool


def assemble(rounds: list[list[list[tuple[str, list[int]]]]], dtype: str, free: bool) -> np.ndarray:
    """rounds[round][shard] = [(kernel, fields) ...] -> the tape."""
    shards = len(rounds[0])
    head = [len(rounds), shards, int(free)]
    words: list[int] = head + [0] * (len(rounds) * shards)
    for turn, pieces in enumerate(rounds):
        for shard, records in enumerate(pieces):
            words[HEADER + turn * shards + shard] = len(words)
            words.append(len(records))
            for name, fields in records:
                words += [KERNELS[name].address(dtype), len(fields), *fields]
    return np.array(words, np.int64)


def run(tape: np.ndarray, first: int, steps: int, threads: int) -> None:
    """Run `steps` steps on up to `threads` threads; returns when all is done.

    A worker that starts late finds nothing left to do: `sync` belongs to this call alone.
    """
    shards = int(tape[1])
    sync = np.zeros((1 + shards) * LINE, np.int64)
    threads = max(1, min(threads, shards))
    call = interpreter()
    for other in range(1, threads):
        _pool(threads - 1).submit(call, tape, sync, other, threads, first, steps)
    call(tape, sync, 0, threads, first, steps)
