"""The interpreter: walks a tape of records, claiming pieces of work beside other threads.

tape = [rounds, shards, free, list of (round, shard) ...]; a list is [records, record ...], a record is
[address of the kernel, fields, address of `sync` of the call under way, field ...]. Pieces of one round may run in any
order, on any thread; a round begins when the one before is done. Shards and the order of sums are fixed, so the
number of threads does not change a result. With `free` there is one round and its pieces need not meet: each shard runs
all its steps by itself.

Python hears Ctrl-C on its main thread alone, and not inside compiled code. So a call that may take long is left
to other threads, and the main thread waits for them in Python.
"""

import ctypes
import math
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache, partial

import numpy as np
from llvmlite import binding, ir
from numba import int64, types
from numba.extending import intrinsic

from forecastrnn.engine.compiling import compile_njit
from forecastrnn.engine.cpu.build import Kernel, fast
from forecastrnn.engine.cpu.rounding import flush_denormals, restore_rounding
from forecastrnn.engine.cpu.simd import I64

PATIENCE = 500  # turns (a few us) that a thread waits for another one before it does its work
DONE, LINE = 0, 8  # `sync` counts pieces done, then rounds claimed of each shard, a cache line apart
HEADER, RECORD = 3, 3  # words in front of the lists, and of the fields of a record
STOPPED = 1 << 62  # as the number of pieces done: leave, whatever is left to do
LONG = 0.1  # seconds: a longer call is supervised
SLOWEST = 5e-8  # seconds that no step takes for each byte of its buffers
POLL, GRACE = 0.05, 0.1  # seconds between looks at signals, and until a thread is left alone with its last record
Words = types.Array(int64, 1, "C")


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

    return types.void(Words, int64, int64), gen


@intrinsic
def compare_swap(tctx, array, i, old, new):
    """array[i] = new if it is old, in one piece for all threads; returns whether it was."""

    def gen(ctx, b, sig, args):
        both = b.cmpxchg(_word(ctx, b, sig, args, args[1]), args[2], args[3], "seq_cst", "seq_cst")
        return b.extract_value(both, 1)

    return types.boolean(Words, int64, int64, int64), gen


@intrinsic
def atomic_read(tctx, array, i):
    """array[i] as other threads left it."""
    return int64(Words, int64), lambda ctx, b, sig, args: b.load_atomic(
        _word(ctx, b, sig, args, args[1]), "seq_cst", 8, typ=I64
    )


@intrinsic
def call_kernel(tctx, tape, at, step, sync):
    """Call the kernel whose address is tape[at] on the record behind it, which is told where to look for a stop."""

    def gen(ctx, b, sig, args):
        kind = ir.FunctionType(ir.VoidType(), [ir.PointerType(I64), I64])
        address = b.load(_word(ctx, b, sig, args, args[1]), typ=I64)
        record = _word(ctx, b, sig, args, b.add(args[1], I64(RECORD)))
        stop = ctx.make_array(sig.args[3])(ctx, b, args[3]).data
        b.store(b.ptrtoint(stop, I64), b.gep(record, [I64(-1)], source_etype=I64))
        b.call(b.inttoptr(address, kind.as_pointer()), [record, args[2]])
        return ctx.get_dummy_value()

    return types.void(Words, int64, int64, Words), gen


@fast
def run_list(tape, sync, at, step):
    """Run the records of one (round, shard), unless the call is stopped."""
    place = at + 1
    for _ in range(tape[at]):
        if atomic_read(sync, DONE) >= STOPPED:
            return
        call_kernel(tape, place, step, sync)
        place += RECORD + tape[place + 1]


@fast
def claim(sync, me, threads, shards, rounds):
    """The next piece for thread `me`: round * shards + shard; -1 when all rounds are done.

    Each thread has its own shards (their data is in its cache) and takes those of a thread that does not turn
    up: one that the system wakes late does less, but holds nobody up.
    """
    turns = 0
    while True:
        now = atomic_read(sync, DONE) // shards
        if now >= rounds:
            return -1
        for shard in range(shards):
            slot = (1 + shard) * LINE
            if (shard % threads == me or turns > PATIENCE) and atomic_read(sync, slot) == now:
                if compare_swap(sync, slot, now, now + 1):
                    return now * shards + shard
        turns += 1
        if turns > 4 * PATIENCE:
            yield_core()


@fast
def walk(tape, sync, me, threads, first, steps):
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
                run_list(tape, sync, at, k)
        else:
            run_list(tape, sync, at, first + step)
        atomic_add(sync, DONE, 1)


def _interpret(tape, sync, me, threads, first, steps):
    """`walk` with denormals counted as zeros."""
    before = flush_denormals()
    walk(tape, sync, me, threads, first, steps)
    restore_rounding(before)


@cache
def interpreter():
    """The compiled interpreter."""
    signature = types.void(Words, Words, int64, int64, int64, int64)
    return compile_njit(_interpret, signature)


_pool: ThreadPoolExecutor | None = None
_pool_lock = threading.Lock()


def _forget_pool() -> None:
    """Let the threads of the pool end when they are done: the next call begins a new one."""
    global _pool, _pool_lock
    _pool, _pool_lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):  # threads do not survive a fork, and a lock may be held by one of them
    os.register_at_fork(after_in_child=_forget_pool)


def _invite(workers: int, task: Callable[..., None], *args: object) -> Future | None:
    """Have a thread of a pool of `workers` run a task; None where the system gives no more threads."""
    global _pool
    with _pool_lock:
        if _pool is None or _pool._max_workers < workers:
            _pool = ThreadPoolExecutor(workers, thread_name_prefix="forecastrnn")
        try:
            return _pool.submit(task, *args)
        except RuntimeError:
            return None


Written = tuple[Kernel, list[int], dict[int, str]]  # a record: kernel, fields, which of these wait for an argument


class Tape:
    """The words that the interpreter walks, and the seconds that a step takes: a high guess until it is measured."""

    def __init__(self, words: list[int], shards: int, seconds: float, holes: dict[int, str]) -> None:
        self.words, self.shards, self.seconds = np.array(words, np.int64), shards, seconds
        self.names = list(dict.fromkeys(holes.values()))
        self.holes = np.array(list(holes), np.int64)
        self.sources = np.array([self.names.index(name) for name in holes.values()], np.int64)
        self.offsets = self.words[self.holes]

    def fill(self, arguments: dict[str, int]) -> None:
        """Put the values of a call where they belong."""
        if self.names:
            values = np.array([arguments[name] for name in self.names], np.int64)
            self.words[self.holes] = self.offsets + values[self.sources]


def write_list(words: list[int], records: list[Written], dtype: str, holes: dict[int, str]) -> None:
    """Append a list of records to `words`, and the places of arguments to `holes`."""
    words.append(len(records))
    for kernel, fields, waiting in records:
        words += [kernel.address(dtype), len(fields), 0]
        holes |= {len(words) + k: argument for k, argument in waiting.items()}
        words += fields


def assemble(rounds: list[list[list[Written]]], dtype: str, free: bool, nbytes: float = math.inf) -> Tape:
    """rounds[round][shard] = records -> the tape; `nbytes` that a step works on."""
    shards = len(rounds[0])
    head = [len(rounds), shards, int(free)]
    words: list[int] = head + [0] * (len(rounds) * shards)
    holes: dict[int, str] = {}
    for turn, pieces in enumerate(rounds):
        for shard, records in enumerate(pieces):
            words[HEADER + turn * shards + shard] = len(words)
            write_list(words, records, dtype, holes)
    return Tape(words, shards, nbytes * SLOWEST, holes)


def run(tape: Tape, first: int, steps: int, threads: int, owner: object = None) -> None:
    """Run `steps` steps on up to `threads` threads; returns when all is done.

    A worker that starts late finds nothing left to do: `sync` belongs to this call alone. `owner` keeps alive what
    the tape points at; without one, an interrupted call waits until the last thread has left.
    """
    call, words, shards = interpreter(), tape.words, tape.shards
    sync = np.zeros((1 + shards) * LINE, np.int64)
    threads = max(1, min(threads, shards))
    calls = [partial(call, words, sync, me, threads, first, steps) for me in range(threads)]
    seconds = call_all(calls, sync, tape.seconds * steps, owner)
    tape.seconds = seconds / steps if seconds else tape.seconds


def call_all(calls: list[Callable[[], None]], sync: np.ndarray, seconds: float, owner: object) -> float:
    """Make the calls side by side, the first one on this thread; it returns when all work is done.

    If it is expected to take long, this thread only waits for it; then the seconds it took are returned, else 0.
    """
    if seconds > LONG and threading.current_thread() is threading.main_thread():
        begun = time.perf_counter()
        _supervise(sync, owner, calls)
        return time.perf_counter() - begun
    for call in calls[1:]:
        _invite(len(calls), call)
    calls[0]()
    return 0.0


def _supervise(sync: np.ndarray, owner: object, calls: list[Callable[[], None]]) -> None:
    """Leave the calls to other threads; whatever is raised meanwhile, such as KeyboardInterrupt, ends them."""
    done, shares = threading.Event(), []
    try:
        for call in calls:
            shares.append(_invite(len(calls), _take_part, call, done, owner))
        if not any(shares):
            calls[0]()
            return
        while not done.wait(POLL):
            pass
    except BaseException:
        sync[DONE] = STOPPED
        _dismiss([share for share in shares if share], None if owner is None else GRACE)
        raise


def _take_part(call: Callable[[], None], done: threading.Event, owner: object) -> None:
    """One thread's share of a supervised call: the first that finds nothing left to do reports it."""
    call()
    done.set()


def _dismiss(shares: list[Future], patience: float | None) -> None:
    """Wait for threads to leave; those in a long record are left to end it, and a new pool takes their place."""
    running = [share for share in shares if not share.cancel()]
    if wait(running, patience).not_done:
        _forget_pool()
