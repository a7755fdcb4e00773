"""What is asked of conformal intervals."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Conformal:
    """Conformal prediction intervals: as wide as forecasts of the last windows of the series were wrong.

    `RNNForecaster(intervals=Conformal(...))`, or "conformal" for the defaults. The last values of each series are
    forecast from windows before them. The errors, of the logarithm where a forecast is multiplicative, are divided by
    a scale of each series, which the other windows tell (shrunk to the seasonal error), and pooled over series by step:
    an interval is the forecast +- the scale times a quantile of these scores. What it promises, and what not, is in
    "Intervals: what they promise" of the documentation.

    Parameters
    ----------
    n_windows : int or "auto"
        Windows that are forecast in each series. "auto": 3; of fewer than 20 series 12.
    horizon : int or None
        Steps that are forecast in a window. None: as many as training windows have behind their context (twice the
        season, within 18 .. 48), at most a sixth of the median length. Later steps widen as the square root of the
        step.
    step_size : int or None
        Steps between two windows. None: `horizon`, so that they do not overlap; 1 with fewer than 20 series.
    held_out : bool or "auto"
        Whether windows are forecast by networks of their own, trained on what lies before all windows, or by those
        of the fit, which have seen them. "auto": of their own, unless one network has learned 50 series or more, where
        measurements found no difference.
    members : int
        Networks that are trained for that. They take at most a third of the updates of the fit.
    pool : {"auto", "panel", "series"}
        Which errors are put together: those of all series at a step ("panel"), or those of a series alone ("series",
        with 30 windows or more). "auto": those of all series, and with fewer than 20 series those of all steps too,
        each divided by the mean growth of errors.
    symmetric : bool
        True: errors of either sign count for both sides, which needs half as many. False: each side has its own.
    adaptive : bool
        Reserved for levels that follow the misses of each `update`.
    gamma : float
        Step of these levels.

    Examples
    --------
    >>> from forecastrnn import Conformal
    >>> Conformal(n_windows=6, horizon=12).held_out
    'auto'
    """

    n_windows: int | str = "auto"
    horizon: int | None = None
    step_size: int | None = None
    held_out: bool | str = "auto"
    members: int = 1
    pool: str = "auto"
    symmetric: bool = True
    adaptive: bool = False
    gamma: float = 0.005
