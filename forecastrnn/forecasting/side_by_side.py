"""Networks trained side by side, by the workers of joblib that the user asks for with `joblib.parallel_config`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from sklearn.utils.parallel import Parallel, delayed

from forecastrnn.engine.communicators import current
from forecastrnn.engine.threads import thread_count, threads_each, worker_count
from forecastrnn.forecasting.settings import Settings
from forecastrnn.keeping import is_kept
from forecastrnn.networks.likelihood import Likelihood
from forecastrnn.networks.likelihoods import LIKELIHOODS

Found = TypeVar("Found")


def workers_for(tasks: int, watched: bool = False) -> int:
    """Workers for so many trainings; 1: these follow one another, in this process.

    So they do where nobody has asked for workers, and where what a training comes to is `watched` by a callback, kept
    as it goes, or added up with that of other processes.
    """
    if watched or is_kept() or current() is not None:
        return 1
    return worker_count(None, tasks)


def side_by_side(
    train: Callable[..., Found], settings: Settings, jobs: Sequence[tuple], workers: int
) -> list[Found]:  # fmt: skip
    """`train(settings, *job)` of each job, in their order; the threads of all share the cores of a machine."""
    own, loss = replace(settings, n_threads=threads_each(settings.n_threads, workers)), settings.any_loss
    kind = type(loss) if isinstance(loss, Likelihood) else None
    return Parallel(n_jobs=workers)(delayed(_train)(train, own, kind, job) for job in jobs)


def _train(train: Callable[..., Found], settings: Settings, kind: type[Likelihood] | None, job: tuple) -> Found:
    """In a worker, which may be a process that knows no likelihoods of the user's, on a machine of other cores."""
    if kind is not None:
        LIKELIHOODS.setdefault(settings.loss, kind)
    return train(replace(settings, n_threads=min(settings.n_threads, thread_count(None))), *job)
