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

from forecastrnn.engine.threads import check_jobs
from forecastrnn.persistence.replacing import folder_of, path_of, replace_file, target_of, try_folder

_KEY = b"forecastrnn"  # of what a file of forecasts says of itself


class Forecaster(Protocol):
    """A fitted forecaster that can be saved."""

    def predict(self, h: Any, **given: Any) -> Any:
        """Forecasts."""

    def save(self, path: Any) -> None:
        """All of it."""


@dataclass(frozen=True)
class Files:
    """Parquet files below a folder, which may be a partition of it."""

    base: str
    names: tuple[str, ...]

    @property
    def paths(self) -> list[str]:
        """Where they are."""
        return [os.path.join(self.base, name) for name in self.names]

    def state(self) -> list[list[object]]:
        """What changes when one of them does."""
        return [[name, os.stat(path).st_size, os.stat(path).st_mtime_ns] for name, path in zip(self.names, self.paths)]


@dataclass(frozen=True)
class Job:
    """One partition: its files, those of what is known beside it, and the file for its forecasts."""

    name: str
    source: Files
    beside: Mapping[str, Files]
    target: str


def predict_partitions(
    model: Forecaster, source: str | os.PathLike, folder: str | os.PathLike, h: int | str, *,
    X: str | os.PathLike | None = None, past: str | os.PathLike | list[str] | None = None,
    static: str | os.PathLike | None = None, level: Any = None, quantiles: Any = None, n_jobs: int | None = None,
) -> list[str]:  # fmt: skip
    """Forecast each partition of a Parquet panel by a model that was trained once, into a file each.

    A partition is a file of `source`, or, where it has folders (hive partitions), all files of one of them. It holds
    whole series, with the rows that `predict(y=...)` needs. Each file of forecasts is put in its place whole or not at
    all; after a kill the same call makes those that are not there, and those whose partition has changed since.

    Parameters
    ----------
    model : RNNForecaster
        Fitted, on any machine, on any series.
    source : path
        A folder with Parquet files, or one file, that all workers can read.
    folder : path
        Where forecasts go, which all workers can write to; it is made.
    h, level, quantiles
        As in `RNNForecaster.predict`.
    X, past, static
        Covariates, where the model was fitted with them: Parquet files, or folders of them. One with the partitions of
        `source`, by their names, is read partition by partition, all else is one panel of all series. X has rows for
        the times of the series and for the steps ahead. `past` may also be a list of columns of `source`.
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
        If a series is in two partitions, or `folder` has forecasts of another model, or others of this one; if X, past
        or static have some partitions of `source`, but not all. What `predict` raises.
    TypeError
        If model is no forecaster, X or static no path, or past neither a path nor a list.
    FileNotFoundError, ImportError
        If there is no Parquet file in `source`, X, past or static; without pyarrow.

    Examples
    --------
    >>> from forecastrnn import RNNForecaster
    >>> model = RNNForecaster(n_members=1, max_steps=5).fit([3.0, 4.0, 5.0, 4.0] * 9)
    >>> predict_partitions(model, "no such folder", "forecasts", 3)
    Traceback (most recent call last):
        ...
    FileNotFoundError: [Errno 2] source: there is no Parquet file: 'no such folder'
    """
    written_to = path_of(folder, "folder")
    _check(model, source, written_to, n_jobs)
    columns = {"past": past} if isinstance(past, list) else {}
    beside = {"X": X, "past": None if columns else past, "static": static}
    jobs = _jobs(source, written_to, {name: value for name, value in beside.items() if value is not None})
    buffer = io.BytesIO()
    model.save(buffer)
    asked = {"h": h, "level": level, "quantiles": quantiles} | columns
    said = {
        "model": hashlib.sha256(buffer.getvalue()).hexdigest(),
        "asked": json.loads(json.dumps(asked, default=_plain)),
    }
    try_folder(str(folder_of(folder)))
    found = Parallel(n_jobs=n_jobs)(delayed(_forecast)(model, job, said, asked) for job in jobs)
    _check_once(dict(zip([job.name for job in jobs], found, strict=True)))
    return [job.target for job in jobs]


def _check(model: object, source: object, folder: str, n_jobs: object) -> None:
    """Refuse what no forecast can be made with, before anything is written."""
    if isinstance(model, type) or not all(hasattr(model, name) for name in ("predict", "update", "save")):
        raise TypeError(f"model must be a fitted RNNForecaster. Got {model!r:.80}: RNNForecaster.load reads a file.")
    check_jobs(n_jobs)
    if not isinstance(source, str | os.PathLike):
        return
    series, forecasts = os.path.realpath(path_of(source, "source")), os.path.realpath(folder)
    series = os.path.dirname(series) if os.path.isfile(series) else os.path.join(series, "")
    if os.path.join(forecasts, "").startswith(series) and (series.endswith(os.sep) or series == forecasts):
        raise ValueError(
            f"folder must lie outside of source, not be it or lie in it: forecasts would lie among the series. Got "
            f"{folder!r}"
        )


def _plain(value: Any) -> Any:
    """Numbers of NumPy and times as those that a note can hold."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


def _jobs(source: str | os.PathLike, folder: str, beside: Mapping[str, object]) -> list[Job]:
    """The partitions, by name, each with what is known beside it."""
    own = _partitions(source, "source")
    parts = {name: _beside(_partitions(value, name), list(own), name) for name, value in beside.items()}
    return [
        Job(files.names[0], files, {name: found[key] for name, found in parts.items()}, _target(folder, key))
        for key, files in own.items()
    ]


def _beside(found: Mapping[str, Files], keys: list[str], argument: str) -> Mapping[str, Files]:
    """The files for each partition of the series: its own, or all where they are not divided as the series."""
    lacking = [key for key in keys if key not in found]
    if len(lacking) == len(keys):
        base = next(iter(found.values())).base
        return dict.fromkeys(keys, Files(base, tuple(name for one in found.values() for name in one.names)))
    if lacking:
        raise ValueError(
            f"{argument} has some partitions of source, but not {lacking[0]!r}: write it with all of them, by the same "
            "names, or as one panel"
        )
    return found


def _partitions(given: object, argument: str) -> dict[str, Files]:
    """Files of each partition, by its name; hidden ones are none."""
    if not isinstance(given, str | os.PathLike):
        raise TypeError(
            f"{argument} must be the path of a Parquet file or of a folder of them, which all workers read. Got "
            f"{type(given).__name__}: write it with to_parquet."
        )
    path = path_of(given, argument)
    if os.path.isfile(path):
        base = os.path.dirname(path)
        return {os.path.basename(path): Files(base or ".", (os.path.basename(path),))}
    files = sorted(
        os.path.relpath(os.path.join(place, name), path)
        for place, _, names in os.walk(path)
        for name in names
        if name.endswith((".parquet", ".pq")) and not name.startswith((".", "_"))
    )
    if not files:
        raise FileNotFoundError(2, f"{argument}: there is no Parquet file", path)
    groups: dict[str, list[str]] = {}
    for name in files:
        groups.setdefault(os.path.dirname(name) or name, []).append(name)
    return {key: Files(path, tuple(own)) for key, own in groups.items()}


def _target(folder: str, key: str) -> str:
    """The file for the forecasts of a partition."""
    name = key.removesuffix(".parquet").removesuffix(".pq").replace("%", "%25").replace(os.sep, "%2F")
    return os.path.join(folder, f"{name}.parquet")


def _forecast(model: Forecaster, job: Job, said: Mapping[str, object], asked: Mapping[str, Any]) -> list[Hashable]:
    """Make the file of a partition, if it is not there; the names of its series."""
    from forecastrnn.data.parquet_files import dataset_of, ids_in, note_in, written

    note = dict(said) | {"source": job.source.state()} | {name: files.state() for name, files in job.beside.items()}
    there = note_in(job.target, _KEY) if os.path.exists(job.target) else None
    if there is not None and any(there.get(key) != said[key] for key in said):
        raise ValueError(
            f"folder: {job.target} holds forecasts of another model, or of another h or other levels: name another "
            "folder, or remove them"
        )
    if there != note:
        beside = {name: dataset_of(files.paths, files.base) for name, files in job.beside.items()}
        forecast = _predicted(model, job, {**beside, **asked, "y": dataset_of(job.source.paths, job.source.base)})
        replace_file(target_of(job.target), [written(forecast, _KEY, note)])
    return ids_in(job.target)


def _predicted(model: Forecaster, job: Job, asked: Mapping[str, Any]) -> Any:
    """The forecasts of a partition, whose errors name it."""
    try:
        return model.predict(**asked)
    except ValueError as error:
        raise ValueError(f"source, {job.name}: {error}") from error
    except TypeError as error:
        raise TypeError(f"source, {job.name}: {error}") from error


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
