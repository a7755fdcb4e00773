"""A trained forecaster: what it keeps, and how it forecasts, draws futures and takes other series."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from forecastrnn.forecast_stream import ForecastStream
from forecastrnn.forecasting import Settings, Tail, forecast, tail_of, take
from forecastrnn.inputs import build_inputs
from forecastrnn.network import Network
from forecastrnn.preparation import prepare
from forecastrnn.training import Progress

if TYPE_CHECKING:
    from forecastrnn.series import SeriesSet, TimeAxis

MOST_VALUES = 2**30  # drawn by one call of generate: 8 GiB


@dataclass(frozen=True)
class Reading:
    """How series are read at the door: columns of a long frame, missing values, and the length that is needed."""

    columns: dict[str, Any]
    missing: str
    least: int
    needs: str

    def read(self, y: Any, argument: str = "y") -> SeriesSet:
        """Checked series, end to end."""
        from forecastrnn.series import read_series

        return read_series(
            y, missing=self.missing, min_length=self.least, needs=self.needs, argument=argument, **self.columns
        )


@dataclass(frozen=True)
class Model:
    """All that a fitted forecaster holds: replaced in one assignment when a fit has succeeded."""

    network: Network
    members: list[Progress]
    settings: Settings
    tail: Tail
    residuals: np.ndarray  # (members, n_series, RESIDUALS), scaled
    axis: TimeAxis
    reading: Reading
    strategy: str

    @property
    def thetas(self) -> np.ndarray:
        """Parameters (members, size)."""
        return np.stack([member.theta for member in self.members])

    def check_recursive(self, method: str, why: str) -> None:
        """Refuse a method that the direct strategy does not have."""
        if self.strategy == "direct":
            raise ValueError(f'{method} needs strategy="recursive": {why}.')

    def check_horizon(self, last: int) -> None:
        """Refuse a step that the direct strategy has not learned."""
        horizon = self.settings.horizon
        if self.strategy == "direct" and last > horizon:
            raise ValueError(
                f'h={last} is more than horizon={horizon}, which strategy="direct" was trained for. Fit with a larger '
                'horizon, or use strategy="recursive".'
            )

    def choose(self, y: Any) -> tuple[TimeAxis, Tail]:
        """Axis and tail of the series of fit, or of others, prepared as those were."""
        if y is None:
            return self.axis, self.tail
        own = self.tail.prepared
        read = self.reading.read(y, "y of predict")
        prepared = replace(prepare(read.values, read.offsets, own.season, own.context), two=own.two)
        inputs = build_inputs(prepared, self.settings.with_lags, self.settings.dtype)
        return read.axis, tail_of(prepared, inputs)

    def median(self, tail: Tail, h: int) -> np.ndarray:
        """The members' median forecast (n_series, h), in the unit of the series."""
        paths = forecast(self.network, self.thetas, tail, self.settings, h, np.arange(len(self.members)))
        return np.median(tail.prepared.inverse(paths), axis=0)

    def draw(self, tail: Tail, h: int, count: int, rng: np.random.RandomState, known: bool) -> np.ndarray:
        """Paths (count, n_series, h), each with residuals fed back, from one member in turn.

        `known`: the series are those of fit, so each has residuals of its own.
        """
        check_size(h, count, tail.n_series)
        n, which = tail.n_series, np.arange(count) % len(self.members)
        source = np.tile(np.arange(n), (count, 1)) if known else rng.randint(len(self.residuals[0]), size=(count, n))
        pick = rng.randint(self.residuals.shape[2], size=(count, n, h))
        noise = np.take_along_axis(self.residuals[which[:, None], source], pick, axis=2)
        return tail.prepared.inverse(forecast(self.network, self.thetas, tail, self.settings, h, which, noise))

    def stream(self, series: Any) -> ForecastStream:
        """A stream that goes on from the end of one series of fit."""
        if series is None and self.tail.n_series > 1:
            raise ValueError(
                f"series must name one of the {self.tail.n_series} series of fit, for example {self.axis.ids[0]!r}."
            )
        row = self.axis.position([series]) if series is not None else np.array([0])
        return ForecastStream(self.network, [m.theta for m in self.members], take(self.tail, row), self.settings)


def check_size(h: int, n_sequences: int, n_series: int) -> None:
    """Refuse more values than `generate` can hold."""
    if h * n_sequences * n_series > MOST_VALUES:
        size = 8.0 * h * n_sequences * n_series / 2**30
        raise ValueError(
            f"n_sequences={n_sequences} is too large: {h} steps of {n_series} series would need {size:.3g} GiB."
        )
