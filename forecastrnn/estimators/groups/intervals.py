"""Conformal intervals as a parameter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sklearn.utils._param_validation import StrOptions

from forecastrnn.estimators.groups.group import AUTO, COUNT, WITHIN, Group, option


@dataclass(frozen=True, repr=False)
class Conformal(Group):
    """Conformal prediction intervals: as wide as forecasts of the last windows of the series were wrong.

    `RNNForecaster(intervals=Conformal(...))`, or "conformal" for the defaults. The last values of each series are
    forecast from windows before them. The errors, of the logarithm where a forecast is multiplicative, are divided by
    their mean growth over the steps and by a scale of each series, which windows that share no value with theirs tell
    (shrunk to the seasonal error), and put together: an interval is the forecast +- scale times growth times a quantile
    of these scores. It ends where values never were, nor ever went within a horizon. What that promises, and what not,
    is in "Intervals: what they promise" of the documentation.

    Parameters
    ----------
    n_windows : int or "auto"
        Windows that are forecast in each series. "auto": 40 of a single series, 7 to 40 of several, evenly over the
        last third of a series, the last ones with fewer steps than `horizon`; a number: so many whole ones.
    horizon : int or None
        Steps that are forecast in a window. None: as many as training windows have behind their context (twice the
        season, within 18 .. 48), or a twelfth of the median length if that is longer, at most two ninths of it. Later
        steps widen as the square root of the step.
    step_size : int or None
        Steps between two windows. None: as is needed for their number; of a given number `horizon`, if there is room.
    held_out : bool or "auto"
        Whether windows are forecast by networks of their own, trained on what lies before all windows, or by those
        of the fit, which have seen them. "auto": of their own, unless one network has learned 50 series or more, where
        measurements found no difference.
    members : int
        Networks that are trained for that. They take at most a third of the updates of the fit.
    pool : {"auto", "series"}
        Which errors are put together: those of all series, or those of a series alone, which needs long ones.
    symmetric : bool
        True: errors of either sign count for both sides, which needs half as many. False: each side has its own.
    adaptive : bool
        With each new row that `update` takes in, the levels of its series move: a step whose interval has missed the
        value gets a wider one, by `gamma` times 1 - alpha of its level alpha, else a narrower one, by `gamma` times
        alpha (Gibbs and Candès, 2021), within 0.001 .. 0.5; and its error takes the place of the oldest of 100 that a
        series has at each step. For series that change; forecasts then depend on how the rows came, and each row
        costs a forecast. Needs symmetric=True.
    gamma : float
        Step of these levels.

    Examples
    --------
    >>> from forecastrnn import Conformal
    >>> Conformal(n_windows=6, horizon=12).held_out
    'auto'
    """

    n_windows: int | str = option("auto", AUTO, COUNT)
    horizon: int | None = option(None, COUNT, None)
    step_size: int | None = option(None, COUNT, None)
    held_out: bool | str = option("auto", AUTO, "boolean")
    members: int = option(1, COUNT)
    pool: str = option("auto", StrOptions({"auto", "series"}))
    symmetric: bool = option(True, "boolean")
    adaptive: bool = option(False, "boolean")
    gamma: float = option(0.005, WITHIN)


def opened_intervals(value: Any) -> object:
    """The object that a short form stands for; paths and None are none."""
    return Conformal() if isinstance(value, str) and value == "conformal" else value
