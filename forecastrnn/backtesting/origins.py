"""Which series are forecast from which cutoffs: those that are long enough there."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from forecastrnn.backtesting.windows import Windows
from forecastrnn.data.series_input import SeriesSet
from forecastrnn.engine.memory import check_fits

PLACE_BYTES = 40  # of a window of a series: its length, where it begins and ends, and what of it is known


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What a series must have at a cutoff.

    fit, forecast : rows to learn from, and to be forecast by what others have taught; known : values among them.
    from_known : rows count from the first known value to the last. naive : a series that has less is forecast without
    learning, from one value. fitted_only : only series that a fit has learned from are forecast later.
    """

    fit: int
    forecast: int
    known: int = 1
    from_known: bool = False
    naive: bool = False
    fitted_only: bool = False


@dataclass(frozen=True, eq=False)
class Origins:
    """Series at cutoffs: their places (n,), their windows, and which rows are known there, `begin` to before `end`."""

    series: np.ndarray
    window: np.ndarray
    begin: np.ndarray
    end: np.ndarray

    def of(self, windows: Sequence[int]) -> Origins:
        """Those of some windows, window by window."""
        chosen = np.flatnonzero(np.isin(self.window, windows))
        return Origins(self.series[chosen], self.window[chosen], self.begin[chosen], self.end[chosen])


def origins_of(read: SeriesSet, windows: Windows, needs: Needs) -> tuple[Origins, list[list[int]]]:
    """Which series have which windows, and the windows of each fit; windows that teach nothing are left out.

    Raises a ValueError if there is none at all, and warns of series that have not all.
    """
    if windows.max_length is not None and windows.max_length < needs.fit:
        raise ValueError(
            f"max_length={windows.max_length} is less than the {needs.fit} values that a fit needs; take more"
        )
    held = np.diff(read.offsets)
    behind = windows.behind(int(held.max()))
    what = f"n_windows={windows.n_windows}: the places of windows in {read.n_series} series"
    check_fits(PLACE_BYTES * len(behind) * read.n_series, what, "Take fewer windows.")
    length = held - behind[:, None]  # (windows, n_series)
    end = read.offsets[:-1] + length
    begin = read.offsets[:-1] + (np.maximum(length - windows.max_length, 0) if windows.max_length else 0 * length)
    rows, known = _held(read, begin, end, needs.from_known)
    learned, enough = ((rows >= least) & (known >= needs.known) for least in (needs.fit, needs.forecast))
    used = np.flatnonzero(learned.any(axis=1))
    if not len(used):
        _refuse(read, windows, needs)
    groups, there = _groups(used, windows), np.zeros_like(learned)
    for first, *later in groups:
        taught = learned[first] | ~enough[later] | (not needs.fitted_only)
        there[first] = known[first] > 0 if needs.naive else learned[first]
        there[later] = (known[later] > 0 if needs.naive else enough[later]) & taught
        if windows.updates:
            there[later] = there[first]
    _warn(read, there, windows, needs)
    window, series = np.nonzero(there)
    return Origins(series, window, begin[there], end[there]), groups


def _held(read: SeriesSet, begin: np.ndarray, end: np.ndarray, from_known: bool) -> tuple[np.ndarray, np.ndarray]:
    """Rows of each series from each `begin` to before `end`, and known values among them."""
    finite = np.isfinite(read.values)
    before = np.concatenate([[0], np.cumsum(finite)])
    known = before[np.maximum(begin, end)] - before[begin]
    if not from_known:
        return end - begin, known
    places = np.append(np.flatnonzero(finite), len(finite))
    first, last = places[before[begin]], places[before[np.maximum(begin, end)] - 1]
    return np.where(known > 0, last + 1 - np.maximum(begin, first), 0), known


def _groups(used: np.ndarray, windows: Windows) -> list[list[int]]:
    """The windows of each fit, of which the first is that of the fit."""
    every = windows.refit_every or len(used)
    return [used[first : first + every].tolist() for first in range(0, len(used), every)]


def _refuse(read: SeriesSet, windows: Windows, needs: Needs) -> NoReturn:
    held = np.diff(read.offsets)
    longest = int(np.argmax(held))
    behind = windows.h + windows.gap
    parts = f"{needs.fit} to learn from and {behind} behind the cutoff (h={windows.h}, gap={windows.gap})"
    raise ValueError(
        f"cross_validation: no series is long enough for a window: the longest, {read.ids[longest]!r}, has "
        f"{held[longest]} values, but a window needs {needs.fit + behind}: {parts}"
    )


def _warn(read: SeriesSet, there: np.ndarray, windows: Windows, needs: Needs) -> None:
    """Say how many series are not in all windows."""
    short = np.flatnonzero(~there.all(axis=0))
    if len(short):
        none = int((~there.any(axis=0)).sum())
        warnings.warn(
            f"cross_validation: {len(short)} of {read.n_series} series {'is' if len(short) == 1 else 'are'} too short "
            f"for all {windows.n_windows} windows, which need {needs.fit + windows.most_behind} values, where "
            f"{read.ids[short[0]]!r} has {read.offsets[short[0] + 1] - read.offsets[short[0]]}: windows that begin too "
            f"early are left out{f', for {none} of them all windows' if none else ''}",
            UserWarning,
            stacklevel=4,
        )
