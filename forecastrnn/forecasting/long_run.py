"""When the mean of all values so far is an input: where series come back to it.

A recursive forecast reads differences alone, so that nothing tells it the level, and a bias of its step adds up. The
distance to the long-run mean tells it. On a trend the same column is ruinous, since the mean lies ever further below:
the error of one growing series was four times as large in backtests, that of a cyclic one a fifth smaller, and that of
walks with a drift half as large again. Learned from many series, less of a return is enough.
"""

from __future__ import annotations

import numpy as np

from forecastrnn.engine.cpu.series import returns_to_mean
from forecastrnn.forecasting.preparation import Prepared
from forecastrnn.networks.likelihood import Likelihood
from forecastrnn.networks.losses import AnyLoss

STEADY = 0.5  # median of the set: counts about .98, daily cash 0.62, hourly load .24, walks 0, trends below 0
SHORTEST = 6  # widths of a trailing mean: a shorter series tells nothing
CYCLIC = 0.75  # median of a set of few whose medians are forecast better with it: lynx 1.5; sunspots, .5, were not
MANY = 10  # series from which a network learns what it is worth: less is enough
OF_MANY = 0.25


def is_of_means(loss: AnyLoss) -> bool:
    """Whether its best forecast is a mean: of squared errors, and of counts and amounts."""
    return not loss.is_scaled if isinstance(loss, Likelihood) else loss == "squared_error"


def comes_back(prepared: Prepared) -> bool:
    """Whether most of the series return to the mean of their past."""
    return _return_of(prepared) > STEADY


def tells_level(prepared: Prepared) -> bool:
    """Whether medians of such series are forecast better with it."""
    return _return_of(prepared) > (CYCLIC if prepared.n_series < MANY else OF_MANY)


def _return_of(prepared: Prepared) -> float:
    """How much of its way to the mean of its past the median series goes within a season.

    Of a set and not of each series: a column that is 0 in most of them made backtests of the others worse.
    """
    slopes = np.zeros(prepared.n_series)
    returns_to_mean(prepared.z, prepared.starts, prepared.pads, prepared.layout.mean_width, SHORTEST, slopes)
    return float(np.median(slopes))
