"""What is asked of a backtest: which windows, counted from the end of each series, and how often it fits."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral

import numpy as np

from forecastrnn.data.arrays import LARGEST, check_count
from forecastrnn.engine.memory import check_fits

ROW_BYTES = 80  # of a row of the table: id, times, value and forecast, as they are found and put together


@dataclass(frozen=True, kw_only=True)
class Windows:
    """What was asked for.

    h, gap, step_size : rows of a window, before it behind its cutoff, and between two cutoffs; max_length : rows that
    are known at most; refit_every : windows that one fit is for, 0: all; None: there is no fit; updates : new rows of
    later windows go to what is fitted.
    """

    h: int
    n_windows: int
    step_size: int
    gap: int
    max_length: int | None
    refit_every: int | None
    updates: bool = False

    def behind(self, longest: int) -> np.ndarray:
        """Rows behind the cutoff of each window, the earliest first; of those that a series is too short for, one."""
        possible = max(longest - self.gap - self.h, 0) // self.step_size + 2
        return self.gap + self.h + self.step_size * np.arange(min(self.n_windows, possible))[::-1]

    @property
    def most_behind(self) -> int:
        """Rows behind the cutoff of the earliest window."""
        return self.gap + self.h + self.step_size * (self.n_windows - 1)

    @property
    def steps(self) -> list[int]:
        """Steps behind a cutoff that are forecast."""
        return list(range(self.gap + 1, self.gap + self.h + 1))


def windows_of(
    h: int, *, n_windows: int, step_size: int | None, gap: int, max_length: int | None, refit: object
) -> Windows:
    """The options of a backtest, checked."""
    if isinstance(gap, bool) or not isinstance(gap, Integral) or not 0 <= int(gap) < LARGEST:
        raise ValueError(f"gap must be an int >= 0, the steps between a cutoff and the first forecast. Got {gap!r}")
    return Windows(
        h=check_count(h, "h"), n_windows=check_count(n_windows, "n_windows"), gap=int(gap),
        step_size=check_count(h if step_size is None else step_size, "step_size"), refit_every=_every(refit),
        max_length=None if max_length is None else check_count(max_length, "max_length"),
        updates=isinstance(refit, str) and refit == "update",
    )  # fmt: skip


def _every(refit: object) -> int | None:
    """How many windows a fit is for."""
    if isinstance(refit, bool | np.bool_):
        return int(refit)
    if isinstance(refit, str) and refit in ("update", "never"):
        return 0 if refit == "update" else None
    if isinstance(refit, Integral) and int(refit) >= 1:
        return int(refit)
    raise ValueError(
        f"refit must be True, False, an int >= 1 (a fit at every so many windows), 'update' or 'never'. Got {refit!r}"
    )


def check_table(n: int, windows: Windows) -> None:
    """Refuse forecasts of n windows of series whose table would not fit into memory."""
    what = f"n_windows={windows.n_windows}, h={windows.h}: a table of {n * windows.h} rows"
    check_fits(ROW_BYTES * n * windows.h, what, "Take fewer windows, a shorter h, or some of the series at a time.")
