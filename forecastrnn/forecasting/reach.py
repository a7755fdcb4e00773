"""What a series can do: values that its scale does not hold are refused, and so are forecasts that are no numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forecastrnn.forecasting.naive_series import Chosen
from forecastrnn.forecasting.preparation import MOST_LOG, Prepared


def is_out_of_reach(p: Prepared, series: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Which values (n,) of series (n,) are so far from all of fit that no forecast could ever be there.

    They are 10^13 times as large as the level. What a network would go on with has lost the series, for good: the next
    values would not bring it back. However small a value is where logarithms are forecast, it is read as a hundredth of
    the level.
    """
    level, shift = p.level[series], 0.0 if p.shift is None else p.shift[series]
    with np.errstate(over="ignore"):
        return np.abs(values - shift) > level * np.exp(MOST_LOG)


def checked(chosen: Chosen, forecasts: np.ndarray, what: str) -> np.ndarray:
    """Forecasts (..., n_series, h) themselves, if they are numbers; a series of fit without any value has none.

    Raises ValueError, with the name of the first series whose forecast is none.
    """
    wrong = ~np.isfinite(forecasts)
    if chosen.naive is not None:
        wrong[..., chosen.naive.places[np.isnan(chosen.naive.figure).any(axis=1)], :] = False
    if wrong.any():
        *_, row, step = np.argwhere(wrong)[0]
        raise ValueError(_no_number(f"{what}: series {chosen.axis.ids[row]!r}", f"step {step + 1}"))
    return forecasts


def finite(values: Sequence[float] | np.ndarray, name: str) -> float:
    """The one value that a stream forecasts, if it is a number."""
    if not np.isfinite(values[0]):
        raise ValueError(_no_number(name, "the next step"))
    return float(values[0])


def _no_number(who: str, where: str) -> str:
    return (
        f"{who}: the forecast of {where} is no finite number: values, or covariates, are too large to compute with. "
        "Correct them, or give them in another unit, such as millions"
    )
