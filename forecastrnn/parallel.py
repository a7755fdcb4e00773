"""Fitting on several devices at once: one process each, all with the same data and the same random numbers.

Each process runs its part of every mini-batch, and the gradients are added up before each update (data parallelism).
So a mini-batch should have many rows for each process.
"""

from __future__ import annotations

from collections.abc import Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.shared_memory import SharedMemory
from typing import Any

from forecastrnn.communicators import NcclCommunicator, SharedMemoryCommunicator, joined
from forecastrnn.devices import CPU, is_name

ROOM = 2**28  # bytes of shared memory for each process; the system gives those that are used


def fit_parallel(estimator: Any, *data: Any, devices: Sequence[str], **params: Any) -> Any:
    """Fit an estimator on several devices, and return it fitted.

    Processes are started anew, so a script that calls this needs ``if __name__ == "__main__":``.

    Parameters
    ----------
    estimator : RNNRegressor, RNNClassifier or RNNForecaster
        What to fit; its `device` becomes the first of `devices`. It must be picklable, as must the data.
    data : arrays
        What `fit` takes: X and y, or the series.
    devices : sequence of str
        A device for each process: ``["cuda:0", "cuda:1"]``; ``["cpu", "cpu"]`` shows that it works. GPUs are joined by
        NCCL where CuPy is installed, else through the memory of the machine.
    params
        Other parameters of `fit`.

    Returns
    -------
    The estimator, fitted. With as many processes as one process has shards (2 below 128 rows of a mini-batch, 4 below
    512, else 8) a fit on CPUs in float64 gives the same bits as ``estimator.fit(*data)``.

    Raises
    ------
    ValueError
        If devices is not a list of devices with numbers.
    Exception
        That of the first process that failed; the others are ended.
    """
    names = list(devices)
    if not names or not all(is_name(name) and name != "auto" for name in names):
        raise ValueError(f'devices must be a list such as ["cuda:0", "cuda:1"]. Got {devices!r}.')
    if len(names) == 1:
        return estimator.set_params(device=names[0]).fit(*data, **params)
    context = get_context("spawn")
    barrier, identity = context.Barrier(len(names)), _nccl_identity(names)
    memory = SharedMemory(create=True, size=ROOM * len(names))
    workers, ends = [], []
    try:
        for rank, name in enumerate(names):
            ours, theirs = context.Pipe(duplex=False)
            job = estimator.set_params(device=name), data, params
            link = rank, len(names), barrier, memory.name, identity
            workers.append(context.Process(target=_work, args=(job, link, theirs), daemon=True))
            workers[-1].start()
            theirs.close()
            ends.append(ours)
        return _collect(ends)
    finally:
        for worker in workers:
            worker.terminate()
            worker.join()
        memory.close()
        memory.unlink()


def _collect(ends: list[Connection]) -> Any:
    """The estimator of the first process, when all have ended well."""
    found, open_ends = None, list(ends)
    while open_ends:
        for end in wait(open_ends):
            assert isinstance(end, Connection)
            try:
                kind, value = end.recv()
            except EOFError:
                raise RuntimeError("a process of fit_parallel ended without a result") from None
            if kind == "error":
                raise value
            found = value if value is not None else found
            open_ends.remove(end)
    return found


def _nccl_identity(names: list[str]) -> bytes | None:
    """What joins processes by NCCL; None where they are not all on GPUs, or CuPy is not installed."""
    if CPU in names:
        return None
    try:
        from cupy.cuda import nccl

        return nccl.get_unique_id()
    except (ImportError, AttributeError):  # without NCCL itself, the module is empty
        return None


def _work(job: tuple, link: tuple, end: Connection) -> None:
    """What each process does."""
    (estimator, data, params), (rank, size, barrier, name, identity) = job, link
    try:
        if identity is None:
            communicator: Any = SharedMemoryCommunicator(rank, size, barrier, name)
        else:
            communicator = NcclCommunicator(rank, size, identity, int(estimator.device.partition(":")[2] or 0))
        with joined(communicator):
            estimator.fit(*data, **params)
        end.send(("done", estimator if rank == 0 else None))
        communicator.close()
    except BaseException as error:
        end.send(("error", error))
