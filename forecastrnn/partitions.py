"""Forecasts of a panel that lies in many files: one partition after the other, or side by side, on any machines."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from joblib import Parallel, delayed

from forecastrnn.persistence.replacing import replace_file, target_of, try_folder

_KEY = b"forecastrnn"  # of what a file of forecasts says of itself


class Forecaster(Protocol):
    """A fitted forecaster that can be saved."""

    def predict(self, h: Any, **given: Any) -> Any:
        """Forecasts."""

    def save(self, path: Any) -> None:
        """All of it."""


@dataclass(frozen=True)
class Job:
    """One partition: its files below `base`, and the file for its forecasts."""

    base: str
    files: tuple[str, ...]
    target: str


def predict_partitions(
    model: Forecaster, source: str | os.PathLike, folder: str | os.PathLike, h: int | str, *, level: Any = None,
    quantiles: Any = None, n_jobs: int | None = None,
) -> list[str]:  # fmt: skip
    """Forecast each partition of a Parquet panel by a model that was trained once, into a file each.

    A partition is a file of `source`, or, where it has folders (hive partitions), all files of one of them. It holds
    whole series, with the rows that `predict(y=...)` needs. Each file of forecasts is put in its place whole or not at
    all; after a kill the same call makes those that are not there, and those whose partition has changed since.

    Parameters
    ----------
    model : RNNForecaster
        Fitted, without covariates; on any machine, on any series.
    source : path
        A folder with Parquet files, or one file, that all workers can read.
    folder : path
        Where forecasts go, which all workers can write to; it is made.
    h, level, quantiles
        As in `RNNForecaster.predict`; h an int or a time as text.
    n_jobs : int or None
        Partitions side by side, in any backend of joblib: `with joblib.parallel_config("dask")` sends them to a Dask
        cluster. The forecasts do not depend on it.

    Returns
    -------
    list of str
        Paths of the files of forecasts, in the order of the partitions' names.

    Raises
    ------
    ValueError
        If a series is in two partitions, or `folder` has forecasts of another model, or others of this one. What
        `predict` raises.
    FileNotFoundError, ImportError
        If there is no Parquet file in `source`; without pyarrow.

    Examples
    --------
    >>> from forecastrnn import RNNForecaster
    >>> model = RNNForecaster(n_members=1, max_steps=5).fit([3.0, 4.0, 5.0, 4.0] * 9)
    >>> predict_partitions(model, "no such folder", "forecasts", 3)
    Traceback (most recent call last):
        ...
    FileNotFoundError: [Errno 2] source: there is no Parquet file: 'no such folder'
    """
    jobs = _jobs(os.fsdecode(source), os.fsdecode(folder))
    buffer = io.BytesIO()
    model.save(buffer)
    asked = {"h": h, "level": level, "quantiles": quantiles}
    said = {"model": hashlib.sha256(buffer.getvalue()).hexdigest(), "asked": json.loads(json.dumps(asked))}
    os.makedirs(folder, exist_ok=True)
    try_folder(os.fsdecode(folder))
    found = Parallel(n_jobs=n_jobs)(delayed(_forecast)(model, job, said, asked) for job in jobs)
    _check_once(dict(zip([job.files[0] for job in jobs], found, strict=True)))
    return [job.target for job in jobs]


def _jobs(source: str, folder: str) -> list[Job]:
    """The partitions, by name; hidden files are none."""
    if os.path.isfile(source):
        base = os.path.dirname(source)
        files = [os.path.relpath(source, base or ".")]
    else:
        base = source
        files = sorted(
            os.path.relpath(os.path.join(place, name), base)
            for place, _, names in os.walk(base)
            for name in names
            if name.endswith((".parquet", ".pq")) and not name.startswith((".", "_"))
        )
    if not files:
        raise FileNotFoundError(2, "source: there is no Parquet file", source)
    groups: dict[str, list[str]] = {}
    for name in files:
        groups.setdefault(os.path.dirname(name) or name, []).append(name)
    return [
        Job(base or ".", tuple(own), os.path.join(folder, f"{_plain(name)}.parquet")) for name, own in groups.items()
    ]


def _plain(name: str) -> str:
    """The name of a partition as that of a file."""
    return name.removesuffix(".parquet").removesuffix(".pq").replace("%", "%25").replace(os.sep, "%2F")


def _forecast(model: Forecaster, job: Job, said: Mapping[str, object], asked: Mapping[str, Any]) -> list[Hashable]:
    """Make the file of a partition, if it is not there; the names of its series."""
    from forecastrnn.data.parquet_files import dataset_of, ids_in, note_in, written

    paths = [os.path.join(job.base, name) for name in job.files]
    state = [[name, os.stat(path).st_size, os.stat(path).st_mtime_ns] for name, path in zip(job.files, paths)]
    note = dict(said) | {"source": state}
    there = note_in(job.target, _KEY) if os.path.exists(job.target) else None
    if there is not None and any(there.get(key) != said[key] for key in said):
        raise ValueError(
            f"folder: {job.target} holds forecasts of another model, or of another h or other levels: name another "
            "folder, or remove them"
        )
    if there != note:
        forecast = model.predict(y=dataset_of(paths, job.base), **asked)
        replace_file(target_of(job.target), [written(forecast, _KEY, note)])
    return ids_in(job.target)


def _check_once(found: Mapping[str, list[Hashable]]) -> None:
    """Refuse series that were forecast from a part of their rows."""
    seen: dict[Hashable, str] = {}
    for name, ids in found.items():
        for one in ids:
            if seen.setdefault(one, name) != name:
                raise ValueError(
                    f"source: series {one!r} is in two partitions, those of {seen[one]} and {name}: each was forecast "
                    "from a part of its rows. Write the panel so that a series is in one, and remove these forecasts"
                )
