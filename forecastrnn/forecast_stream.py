"""One series, one new value at a time: each gives the forecast of the next."""

from __future__ import annotations

from numbers import Real

import numpy as np

from forecastrnn.forecasting import Settings, Tail, Warmed
from forecastrnn.network import Network

ROOM = 1024  # values taken before the history is moved back to the front


class ForecastStream:
    """Takes observed values of one series and forecasts one step ahead; the state is kept between calls.

    Level, season and scale are those of the fit. Not for several threads at once: make a stream for each.
    """

    def __init__(self, network: Network, thetas: list[np.ndarray], tail: Tail, settings: Settings) -> None:
        self._p = tail.prepared
        self._members = [Warmed((network, theta.copy()), tail, settings, ROOM) for theta in thetas]
        self._taken = 0  # values since the end of the series in fit
        self._at = 0  # values since the history was moved
        self._forecast = self._advance()

    @property
    def forecast(self) -> float:
        """The forecast of the next value."""
        return self._forecast

    def step(self, value: float) -> float:
        """Take the next observed value; the forecast of the one behind it, in the unit of the series.

        Raises
        ------
        TypeError
            If the value is not a number.
        ValueError
            If it is not finite, or not positive where the series was.
        """
        scaled = self._scaled(self._checked(value))
        for member in self._members:
            member.observe(self._at, scaled)
        self._taken += 1
        self._at += 1
        if self._at == ROOM - 1:
            self._move_back()
        self._forecast = self._advance()
        return self._forecast

    def _checked(self, value: float) -> float:
        if not isinstance(value, Real) or isinstance(value, bool | np.bool_):
            raise TypeError(f"value must be a number. Got {value!r}.")
        number = float(value)
        if not np.isfinite(number):
            raise ValueError(f"value must be a finite number. Got {value!r}.")
        if not self._p.linear[0] and number <= 0.0:
            raise ValueError(f"value must be positive, as the series in fit was. Got {value!r}.")
        return number

    def _season(self) -> float:
        return float(self._p.after[0, self._taken % self._p.periods[0]])

    def _scaled(self, value: float) -> float:
        level = float(self._p.level[0])
        z = value / level if self._p.linear[0] else np.log(value) - np.log(level)
        return (z - self._season()) / float(self._p.scale[0])

    def _advance(self) -> float:
        """One step of each member; the median in the unit of the series."""
        z = np.array([member.advance(self._at) for member in self._members])
        z = z * float(self._p.scale[0]) + self._season()
        values = z if self._p.linear[0] else np.exp(np.clip(z, -30.0, 30.0))
        return float(np.median(values * self._p.level[0]))

    def _move_back(self) -> None:
        for member in self._members:
            member.move_back(self._at)
        self._at = 0
