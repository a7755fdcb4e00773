"""Fitting on several devices at once: one process each, all with the same data and the same random numbers.

Each process runs its part of every mini-batch, and the gradients are added up before each update (data parallelism).
So a mini-batch should have many rows for each process.
"""

from __future__ import annotations

import logging
import pickle
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from multiprocessing import current_process, get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.shared_memory import SharedMemory
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils import check_random_state

from forecastrnn.engine.communicators import NcclCommunicator, SharedMemoryCommunicator, joined
from forecastrnn.engine.devices import CPU, is_name, log_once, resolve

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier

ROOM = 2**28  # bytes of shared memory for each process; the system gives those that are used
PATIENCE = 10.0  # seconds that a process has to end when it is told to


@dataclass(frozen=True, kw_only=True)
class Link:
    """What joins a process to the others; `seed` is that of NumPy's global random numbers."""

    rank: int
    size: int
    device: str
    barrier: Barrier
    memory: str
    identity: bytes | None  # of NCCL
    seed: int

    def communicator(self) -> SharedMemoryCommunicator | NcclCommunicator:
        """NCCL between GPUs, else the memory of the machine."""
        if self.identity is None:
            return SharedMemoryCommunicator(self.rank, self.size, self.barrier, self.memory)
        return NcclCommunicator(self.rank, self.size, self.identity, int(self.device.partition(":")[2]))


def fit_parallel(estimator: Any, *data: Any, devices: Sequence[str], **params: Any) -> Any:
    """Fit an estimator on several devices, and return it fitted.

    Processes are started anew, so a script that calls this needs ``if __name__ == "__main__":``.

    Parameters
    ----------
    estimator : RNNRegressor, RNNClassifier, RNNSeq2Seq or RNNForecaster
        What to fit, which stays as it is: a copy of it is trained. It must be picklable, as must the data.
        The many small networks of ``RNNForecaster(global_model=False)`` are not shared: every process trains all.
    data : arrays, lists or series
        What `fit` takes: X and y, or the series.
    devices : sequence of str
        A device for each process: ``["cuda:0", "cuda:1"]``; ``["cpu", "cpu"]`` shows that it works. GPUs are joined by
        NCCL where CuPy and it are installed (``pip install "forecastrnn[cuda,nccl]"``): gradients then never leave
        them. Else they go through the memory of the machine, which a warning in the log says.
    params
        Other parameters of `fit`.

    Returns
    -------
    The copy, fitted; its `device` is the first of `devices`. With as many processes as one process has shards (2 below
    128 rows of a mini-batch, 4 below 512, else 8) a fit on CPUs in float64 gives the same bits as
    ``estimator.fit(*data)``, except with sampled softmax, whose sums are then added up in another order.

    Raises
    ------
    ValueError
        If devices is not a list of devices with numbers, if a GPU is named twice, or if there are more devices than
        rows in a mini-batch.
    TypeError
        If the estimator, the data or a parameter cannot be sent to a process.
    RuntimeError
        If a GPU is not there, a process ends without a result, or this one may start none.
    Exception
        That of the first process that failed; the others are ended.
    """
    names = _resolved(devices)
    if isinstance(estimator, type) or "device" not in getattr(estimator, "get_params", dict)():
        raise TypeError(f"fit_parallel fits estimators of forecastrnn, such as RNNRegressor(). Got {estimator!r:.80}.")
    if len(names) == 1:
        return copy(estimator).set_params(device=names[0]).fit(*data, **params)
    _check_children()
    job, seed = _pickled(estimator, data, params), 0
    if getattr(estimator, "random_state", None) is None:
        seed = int(check_random_state(None).randint(2**31 - 1))
    context, workers, ends = get_context("spawn"), [], []
    barrier, identity = context.Barrier(len(names)), _nccl_identity(names)
    memory = SharedMemory(create=True, size=ROOM * len(names))
    try:
        for rank, name in enumerate(names):
            ours, theirs = context.Pipe(duplex=False)
            link = Link(
                rank=rank, size=len(names), device=name, barrier=barrier, memory=memory.name, identity=identity,
                seed=seed,
            )  # fmt: skip
            worker = context.Process(target=_work, args=(job, link, theirs), daemon=True)
            worker.start()
            workers.append(worker)
            theirs.close()
            ends.append(ours)
        return _collect(ends, workers, names)
    finally:
        _end(workers)
        memory.close()
        memory.unlink()


def _resolved(devices: Sequence[str]) -> list[str]:
    """The devices by their numbers."""
    names = [] if isinstance(devices, str) or not np.iterable(devices) else list(devices)
    if not names or not all(is_name(name) and name != "auto" for name in names):
        raise ValueError(f'devices must be a list such as ["cuda:0", "cuda:1"]. Got {devices!r}.')
    return [resolve(name) for name in names]


def _check_children() -> None:
    """Refuse to start processes where Python does not allow it, as in those of a pool."""
    if current_process().daemon:
        raise RuntimeError(
            "fit_parallel starts processes. This one is daemonic, as workers of pools and of Dask are, and may not. "
            'For Dask: dask.config.set({"distributed.worker.daemon": False}) before the workers are started.'
        )


def _pickled(estimator: Any, data: tuple, params: dict[str, Any]) -> bytes:
    """What a process fits."""
    parts = {"the estimator": estimator, "the data": data, **{f"{name}={v!r}": v for name, v in params.items()}}
    for what, value in parts.items():
        try:
            pickle.dumps(value)
        except Exception as error:  # whatever an object of the user's raises
            raise TypeError(
                f"fit_parallel sends the estimator, the data and the parameters of fit to other processes, but {what} "
                f"cannot be pickled: {error}. A function must be one of a module, not a lambda or a closure."
            ) from None
    return pickle.dumps((estimator, data, params))


def _collect(ends: list[Connection], workers: Sequence[BaseProcess], names: list[str]) -> Any:
    """The estimator of the first process, when all have ended well."""
    found, open_ends = None, list(ends)
    while open_ends:
        for end in wait(open_ends):
            assert isinstance(end, Connection)
            rank = ends.index(end)
            try:
                kind, value = end.recv()
            except EOFError:
                raise _lost(workers[rank], rank, names) from None
            if kind == "error":
                raise value
            found = value if value is not None else found
            open_ends.remove(end)
    return found


def _lost(worker: BaseProcess, rank: int, names: list[str]) -> RuntimeError:
    """The error for a process that has ended without a word."""
    worker.join(PATIENCE)
    code = worker.exitcode
    how = f"was killed by signal {-code}" if code is not None and code < 0 else f"ended with exit code {code}"
    return RuntimeError(
        f'process {rank + 1} of {len(names)}, on device "{names[rank]}", {how} and without a result. The system kills '
        'what needs more memory than there is. If it said above that it was not started under "if __name__ == '
        "'__main__':\", put the call there."
    )


def _end(workers: Sequence[BaseProcess]) -> None:
    """End all processes that still run."""
    for worker in workers:
        worker.terminate()
    for worker in workers:
        worker.join(PATIENCE)
        if worker.is_alive():  # it waits for a driver
            worker.kill()
            worker.join()


def _nccl_identity(names: list[str]) -> bytes | None:
    """What joins processes by NCCL; None where they are not all on GPUs, or it is not installed."""
    if CPU in names:
        return None
    try:
        from cupy.cuda import nccl

        identity = nccl.get_unique_id()
    except (ImportError, AttributeError):  # without NCCL itself, the module is empty
        log_once(
            "NCCL cannot be used, so gradients go through the memory of the machine: pip install "
            '"forecastrnn[cuda,nccl]"',
            logging.WARNING,
        )
        return None
    if len(set(names)) < len(names):
        raise ValueError(f"devices must name each GPU once, NCCL joins different ones only. Got {names!r}.")
    return identity


def _work(job: bytes, link: Link, end: Connection) -> None:
    """What each process does."""
    try:
        estimator, data, params = pickle.loads(job)
        check_random_state(None).seed(link.seed)  # so that random_state=None is the same in all processes
        communicator = link.communicator()
        with joined(communicator):
            estimator.set_params(device=link.device).fit(*data, **params)
        end.send(("done", estimator if link.rank == 0 else None))
        communicator.close()
    except BaseException as error:
        end.send(("error", _sendable(error)))


def _sendable(error: BaseException) -> BaseException:
    """The error, or one that says the same where it cannot be pickled."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
