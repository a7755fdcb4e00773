"""The fits and forecasts of a backtest, one after the other or side by side, each handed what it may see."""

from __future__ import annotations

import math
import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Protocol, Self

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.utils.parallel import Parallel, delayed

from forecastrnn.backtesting.known_then import Known, KnownThen
from forecastrnn.backtesting.origins import Origins
from forecastrnn.data.series_input import SeriesSet
from forecastrnn.data.slices import cut
from forecastrnn.engine.threads import worker_count
from forecastrnn.keeping import Keeper, Part, Records
from forecastrnn.progress import stage

AT_ONCE = 2**20  # values that are prepared for one call of `predict`, unless one window has more


class Forecaster(Protocol):
    """What a backtest asks of an estimator; its methods take a `SeriesSet` for series."""

    def fit(self, y: SeriesSet, **options: Any) -> Self:
        """Learn from series."""

    def predict(self, h: list[int], **options: Any) -> pd.DataFrame:
        """Forecast these steps, in long form: of the series of fit, or of `y`."""

    def update(self, y_new: SeriesSet) -> Self:
        """Take in the rows behind the end."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What is handed on: to `fit`, to each `predict`, and to one with `y`, which with `updates` is `update` instead."""

    fit: dict[str, Any] = field(default_factory=dict)
    predict: dict[str, Any] = field(default_factory=dict)
    others: dict[str, Any] = field(default_factory=dict)
    updates: bool = False

    def kept_in(self, part: Part) -> Options:
        """The same for a fit whose trainings are kept."""
        return replace(self, fit=self.fit | {"checkpoint": part})


def backtest(
    estimator: Forecaster, then: KnownThen, origins: Origins, groups: list[list[int]], *, steps: list[int],
    options: Options, n_jobs: int | None, keeper: Keeper | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Forecasts from all origins, in their order, with a fit for each group of windows.

    keeper : what keeps the trainings of all fits; of those side by side, as they come in.
    """
    rows_of, workers = new_rows if options.updates else later, worker_count(n_jobs, len(groups))
    tasks = (
        (
            clone(estimator), known_at(then, origins.of(group[:1])), rows_of(then, origins, group), steps, options,
            (number, len(groups)),
        )
        for number, group in enumerate(groups, 1)
    )  # fmt: skip
    if keeper is None:
        return joined(Parallel(n_jobs=workers)(delayed(_fit_and_forecast)(*task) for task in tasks))
    if workers == 1:
        return joined([_kept_in(keeper, *task) for task in tasks])
    apart = (delayed(_kept_apart)(_records_of(keeper, task[-1][0]), *task) for task in tasks)
    with _closing(Parallel(n_jobs=workers, return_as="generator")(apart)) as found:
        return joined([_come_in(keeper, *one) for one in found])


@contextmanager
def _closing(found: Generator) -> Iterator[Generator]:
    """Behind it no worker goes on, also where an error has ended it."""
    try:
        yield found
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # joblib's, of tasks that nobody waits for any longer
            found.close()


def _kept_in(keeper: Keeper, *task: Any) -> pd.DataFrame:
    """A fit whose trainings are kept, and forecasts."""
    estimator, known, parts, steps, options, window = task
    options = options.kept_in(Part(keeper, _words(window[0])))
    return _fit_and_forecast(estimator, known, parts, steps, options, window)


def _words(window: int) -> str:
    """How the slots of a window begin."""
    return f"window {window}, "


def _records_of(keeper: Keeper, window: int) -> Records:
    """Those of a window, from a run that was killed."""
    return {name: one for name, one in keeper.records.items() if name.startswith(_words(window))}


def _kept_apart(records: Records, *task: Any) -> tuple[pd.DataFrame, Records]:
    """In a worker: the forecasts, and all that was trained for them, which is written by who has the file."""
    keeper = Keeper(math.inf, _nowhere, records)
    return _kept_in(keeper, *task), keeper.records


def _nowhere(records: Records) -> None:
    """A worker has no file."""


def _come_in(keeper: Keeper, forecasts: pd.DataFrame, records: Records) -> pd.DataFrame:
    """Keep what a worker has trained, and write it if it is time to."""
    keeper.records |= records
    if keeper.is_due():
        keeper.write()
    return forecasts


def transfer(fitted: Forecaster, then: KnownThen, origins: Origins, steps: list[int], options: Options) -> pd.DataFrame:
    """Forecasts from all origins, in their order, without a fit."""
    windows = np.unique(origins.window).tolist()
    return joined(_forecasts(fitted, together(then, origins, windows), steps, options))


def _fit_and_forecast(
    estimator: Forecaster, known: Known, parts: list[Known], steps: list[int], options: Options,
    window: tuple[int, int],
) -> pd.DataFrame:  # fmt: skip
    """A fit, and forecasts from where it ends and from later cutoffs; `window`: which of how many it is."""
    with stage("window {} of {}".format(*window), share=1 / window[1]):
        estimator.fit(known.series, **options.fit)
    found = [estimator.predict(steps, **options.predict, **_ahead(known))]
    if options.updates:
        found += [estimator.update(new.series).predict(steps, **options.predict, **_ahead(new)) for new in parts]
    else:
        found += _forecasts(estimator, parts, steps, options)
    return joined(found)


def _forecasts(fitted: Forecaster, parts: list[Known], steps: list[int], options: Options) -> list[pd.DataFrame]:
    """Forecasts of series that do not end where those of fit do."""
    return [
        fitted.predict(steps, y=known.series, **options.predict, **options.others, **_ahead(known)) for known in parts
    ]


def _ahead(known: Known) -> dict[str, Any]:
    """What a forecast is told of its own steps."""
    return {} if known.ahead is None else {"X": known.ahead}


def known_at(then: KnownThen, origins: Origins) -> Known:
    """What is known of each series at its cutoff."""
    return then.beside(cut(then.read, origins.series, origins.begin, origins.end), origins)


def later(then: KnownThen, origins: Origins, group: list[int]) -> list[Known]:
    """What is known in the windows behind the first."""
    return together(then, origins, group[1:]) if group[1:] else []


def together(then: KnownThen, origins: Origins, windows: list[int]) -> list[Known]:
    """What is known in these windows, as many together as fit into one call."""
    chosen = origins.of(windows)
    sizes = np.bincount(chosen.window, weights=chosen.end - chosen.begin)[windows]
    call = np.cumsum(sizes) // AT_ONCE
    return [known_at(then, origins.of(np.array(windows)[call == number].tolist())) for number in np.unique(call)]


def new_rows(then: KnownThen, origins: Origins, group: list[int]) -> list[Known]:
    """What is new in each window behind the first; all have the same series."""
    pairs = pairwise(origins.of([window]) for window in group)
    return [known_at(then, replace(now, begin=before.end)) for before, now in pairs]


def joined(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Frames one behind the other, with the attributes of the first."""
    whole = pd.concat(frames, ignore_index=True)
    whole.attrs = dict(frames[0].attrs)
    return whole
