"""Where the windows of a backtest lie: so many rows behind a cutoff, counted from the end of each series."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np

from forecastrnn.data.arrays import check_count

if TYPE_CHECKING:
    from forecastrnn.data.series import SeriesSet


@dataclass(frozen=True, kw_only=True)
class Windows:
    """What was asked for.

    h, gap, step_size : rows of a window, before it behind its cutoff, and between two cutoffs; max_length : rows that
    are known at most; refit_every : windows that one fit is for, 0: all; None: there is no fit.
    """

    h: int
    n_windows: int
    step_size: int
    gap: int
    max_length: int | None
    refit_every: int | None

    @property
    def behind(self) -> np.ndarray:
        """Rows behind the cutoff of each window (n_windows,), the earliest window first."""
        return self.gap + self.h + self.step_size * np.arange(self.n_windows)[::-1]

    @property
    def steps(self) -> list[int]:
        """Steps behind a cutoff that are forecast."""
        return list(range(self.gap + 1, self.gap + self.h + 1))


def windows_of(
    h: int, *, n_windows: int, step_size: int | None, gap: int, max_length: int | None, refit: object
) -> Windows:
    """The options of a backtest, checked."""
    if isinstance(gap, bool) or not isinstance(gap, Integral) or int(gap) < 0:
        raise ValueError(f"gap must be an int >= 0, the steps between a cutoff and the first forecast. Got {gap!r}")
    return Windows(
        h=check_count(h, "h"), n_windows=check_count(n_windows, "n_windows"), gap=int(gap),
        step_size=check_count(h if step_size is None else step_size, "step_size"), refit_every=_every(refit),
        max_length=None if max_length is None else check_count(max_length, "max_length"),
    )  # fmt: skip


def _every(refit: object) -> int | None:
    """How many windows a fit is for."""
    if isinstance(refit, bool | np.bool_):
        return int(refit)
    if isinstance(refit, str) and refit == "never":
        return None
    if isinstance(refit, Integral) and int(refit) >= 1:
        return int(refit)
    raise ValueError(
        f"refit must be True, False, an int >= 1 (a fit at every so many windows) or 'never'. Got {refit!r}"
    )


@dataclass(frozen=True)
class Lengths:
    """Rows that a fit and a forecast need of a series; `fitted_only`: forecasts are of series that the fit has seen."""

    fit: int
    forecast: int
    fitted_only: bool = False


@dataclass(frozen=True, eq=False)
class Origins:
    """Series at cutoffs: their places (n,), their windows, and which rows are known there, `begin` to before `end`."""

    series: np.ndarray
    window: np.ndarray
    begin: np.ndarray
    end: np.ndarray

    def take(self, chosen: np.ndarray) -> Origins:
        """Some of them."""
        return Origins(self.series[chosen], self.window[chosen], self.begin[chosen], self.end[chosen])

    def of(self, windows: Sequence[int]) -> Origins:
        """Those of some windows, window by window."""
        return self.take(np.flatnonzero(np.isin(self.window, windows)))


def _groups(used: np.ndarray, windows: Windows) -> list[list[int]]:
    """The windows of each fit, of which the first is that of the fit."""
    every = windows.refit_every or len(used)
    return [used[first : first + every].tolist() for first in range(0, len(used), every)]


def origins_of(read: SeriesSet, windows: Windows, lengths: Lengths) -> tuple[Origins, list[list[int]]]:
    """Which series have which windows, and the windows of each fit; windows that no series has are left out.

    Raises a ValueError if there is none at all, and warns of series that have not all.
    """
    if windows.max_length is not None and windows.max_length < lengths.fit:
        raise ValueError(
            f"max_length={windows.max_length} is less than the {lengths.fit} values that a fit needs; take more"
        )
    offsets, behind = read.offsets, windows.behind
    known = np.diff(offsets) - behind[:, None]  # (n_windows, n_series)
    end = offsets[:-1] + known
    begin = offsets[:-1] + (np.maximum(known - windows.max_length, 0) if windows.max_length else 0 * known)
    has_values = _counts(read, begin, end) > 0
    to_fit, to_forecast = ((known >= least) & has_values for least in (lengths.fit, lengths.forecast))
    used = np.flatnonzero(to_fit.any(axis=1))
    if not len(used):
        _refuse(read, windows, lengths)
    groups = _groups(used, windows)
    there = np.zeros_like(to_fit)
    for first, *later in groups:
        there[first] = to_fit[first]
        there[later] = to_forecast[later] & (to_fit[first] | (not lengths.fitted_only))
    _warn(read, there, windows, lengths)
    window, series = np.nonzero(there)
    return Origins(series, window, begin[there], end[there]), groups


def _counts(read: SeriesSet, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Known values from each `begin` to before `end`."""
    before = np.concatenate([[0], np.cumsum(np.isfinite(read.values))])
    return before[np.maximum(begin, end)] - before[begin]


def _refuse(read: SeriesSet, windows: Windows, lengths: Lengths) -> None:
    held = np.diff(read.offsets)
    longest = int(np.argmax(held))
    behind = int(windows.behind[-1])
    parts = f"{lengths.fit} to learn from and {behind} behind the cutoff (h={windows.h}, gap={windows.gap})"
    raise ValueError(
        f"cross_validation: no series is long enough for a window: the longest, {read.ids[longest]!r}, has "
        f"{held[longest]} values, but a window needs {lengths.fit + behind}: {parts}"
    )


def _warn(read: SeriesSet, there: np.ndarray, windows: Windows, lengths: Lengths) -> None:
    """Say how many series are not in all windows."""
    short = np.flatnonzero(~there.all(axis=0))
    if len(short):
        none = int((~there.any(axis=0)).sum())
        warnings.warn(
            f"cross_validation: {len(short)} of {read.n_series} series are too short for all {windows.n_windows} "
            f"windows, which need {lengths.fit + int(windows.behind[0])} values, and are left out of those that begin "
            f"too early, {none} of them out of all; the first is {read.ids[short[0]]!r} with "
            f"{read.offsets[short[0] + 1] - read.offsets[short[0]]}",
            UserWarning,
            stacklevel=5,
        )
