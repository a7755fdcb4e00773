"""A trained forecaster: what it keeps, and how it forecasts, draws futures and takes other series."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from forecastrnn.callbacks import MemberUpdate
from forecastrnn.data.static_input import StaticCoding, read_static
from forecastrnn.engine.memory import check_fits
from forecastrnn.forecasting.input_layout import InputLayout
from forecastrnn.forecasting.inputs import build_inputs
from forecastrnn.forecasting.local_models import fit_local, local_outputs
from forecastrnn.forecasting.members import (
    EPOCH,
    SeriesEnds,
    Settings,
    ends_of,
    fit_members,
    forecast,
    one_step_outputs,
    take,
)
from forecastrnn.forecasting.preparation import Prepared, prepare
from forecastrnn.forecasting.seq2seq import pair_outputs
from forecastrnn.forecasting.stream import ForecastStream
from forecastrnn.networks.network import AnyNetwork
from forecastrnn.training.training import Progress

if TYPE_CHECKING:
    from forecastrnn.data.series import SeriesSet, TimeAxis

VALUE_BYTES = 40  # of a drawn value: its residual, itself, and what is between


@dataclass(frozen=True)
class SeriesReader:
    """How series are read at the door: columns of a long frame, missing values, and the length that is needed."""

    columns: dict[str, Any]
    missing: str
    least: int
    needs: str

    def read(self, y: Any, argument: str = "y") -> SeriesSet:
        """Checked series, end to end."""
        from forecastrnn.data.series import read_series

        return read_series(
            y, missing=self.missing, min_length=self.least, needs=self.needs, argument=argument, **self.columns
        )


@dataclass(frozen=True)
class Trained:
    """Networks of each member: thetas (members, 1, size), one for all series, or (members, n_series, size).

    curves : the loss of each member every 50 updates; members : their progress, where one network is for all.
    """

    thetas: np.ndarray
    curves: list[list[float]]
    updates: int
    members: list[Progress]

    @property
    def is_local(self) -> bool:
        """Whether each series has a network of its own."""
        return not self.members

    def outputs(
        self, network: AnyNetwork, prepared: Prepared, inputs: np.ndarray, n_threads: int,
        device: str = "cpu",
    ) -> Callable[[np.ndarray, int], np.ndarray]:  # fmt: skip
        """The outputs of a member for the inputs of some rows, or of the last of them."""

        def one_step(rows: np.ndarray, k: int) -> np.ndarray:
            if network.hands_over:
                steps = prepared.context, prepared.ahead
                return pair_outputs(network, self.thetas[k, 0], inputs, rows, steps, n_threads, device)
            if self.is_local:
                return local_outputs(network.writer, self.thetas[k], inputs, rows, n_threads)
            return one_step_outputs(network.writer, self.thetas[k, 0], inputs, rows, n_threads, device)

        return one_step


def train_all(
    prepared: Prepared, inputs: np.ndarray, settings: Settings, seeds: list[int], ids: tuple, old: Trained | None,
    device: str, callback: Callable[[MemberUpdate], object] | None = None,
) -> Trained:  # fmt: skip
    """Train all networks; those of an earlier fit go on from where they are."""
    if settings.is_local:
        fit = fit_local(prepared, inputs, settings, seeds, ids, old.thetas if old else None)
        curves = [[float(part.mean()) for part in _parts(member)] for member in fit.losses]
        return Trained(fit.thetas, curves, fit.losses.shape[2], [])
    members = fit_members(prepared, inputs, settings, seeds, old.members if old else [], device, callback)
    thetas = np.stack([member.theta for member in members])[:, None]
    return Trained(thetas, [m.loss_curve for m in members], members[0].optimizer.count, members)


def _parts(losses: np.ndarray) -> list[np.ndarray]:
    """Losses (n_series, updates), 50 updates at a time."""
    return np.split(losses, np.arange(EPOCH, losses.shape[1], EPOCH), axis=1)


@dataclass(frozen=True)
class Model:
    """All that a fitted forecaster holds: replaced in one assignment when a fit has succeeded."""

    network: AnyNetwork
    trained: Trained
    settings: Settings
    tail: SeriesEnds
    residuals: np.ndarray  # (members, n_series, RESIDUALS), scaled
    axis: TimeAxis
    reading: SeriesReader
    strategy: str
    static: StaticCoding | None = None

    @property
    def layout(self) -> InputLayout:
        """What the networks read."""
        return self.tail.prepared.layout

    @property
    def n_members(self) -> int:
        """Networks that forecast each series."""
        return len(self.trained.thetas)

    def _forecast(
        self, tail: SeriesEnds, own: np.ndarray, h: int, member: np.ndarray, device: str, noise: Any = None
    ) -> np.ndarray:
        """Paths (len(member), n_series, h) in the unit of the series; `own`: the row of each series in fit."""
        thetas, count = self.trained.thetas, self.trained.thetas.shape[1]
        which = member[:, None] * count + own if self.trained.is_local else member
        flat = thetas.reshape(-1, thetas.shape[2])
        return tail.prepared.inverse(forecast(self.network, flat, tail, self.settings, h, which, noise, device))

    def check_recursive(self, method: str, why: str) -> None:
        """Refuse a method that the direct strategy does not have."""
        if self.strategy == "direct":
            raise ValueError(f'{method} needs strategy="recursive" or "seq2seq": {why}.')

    def check_horizon(self, last: int) -> None:
        """Refuse a step that the direct strategy has not learned."""
        horizon = self.settings.horizon
        if self.strategy == "direct" and last > horizon:
            raise ValueError(
                f'h={last} is more than horizon={horizon}, which strategy="direct" was trained for. Fit with a larger '
                "horizon, or use another strategy."
            )

    def choose(self, y: Any, static: Any = None) -> tuple[TimeAxis, SeriesEnds, np.ndarray]:
        """Axis and tail of the series of fit, or of others, prepared as those were; the row of each in fit."""
        if static is not None and (y is None or self.static is None):
            why = "the series of fit have theirs" if y is None else "the model was fitted without static"
            raise ValueError(f"static must not be given here: {why}.")
        if y is None:
            return self.axis, self.tail, np.arange(self.tail.n_series)
        own = self.tail.prepared
        read = self.reading.read(y, "y of predict")
        rows = self._rows(read) if self.trained.is_local else np.zeros(read.n_series, np.int64)
        prepared = prepare(read.values, read.offsets, own.layout.season, own.context, own.ahead)
        prepared = replace(prepared, layout=own.layout)
        inputs = build_inputs(prepared, self.settings.dtype, self._codes(read, static))
        return read.axis, ends_of(prepared, inputs), rows

    def _codes(self, read: SeriesSet, static: Any) -> np.ndarray | None:
        """Codes (n_series, embeddings) of other series: their own where fit knew them."""
        if not self.settings.embeddings:
            return None
        known = {name: row for row, name in enumerate(self.axis.ids)}
        rows = np.array([known.get(name, len(known)) for name in read.ids])
        columns, parts = 0 if self.static is None else len(self.static.names), []
        if len(self.settings.embeddings) > columns:
            parts.append(rows[:, None].astype(float))
        if self.static is not None and static is not None:
            parts.append(read_static(static, read.ids, self.reading.columns["id_col"], self.static)[1])
        elif self.static is not None:
            new = next((name for name in read.ids if name not in known), None)
            if new is not None:
                raise ValueError(
                    f"static is needed: the model was fitted with it, and series {new!r} was not in fit. Give a frame "
                    f"with a row for each series of y and the columns {list(self.static.names)}."
                )
            parts.append(self.tail.inputs[rows, -1, -columns:])
        return np.concatenate(parts, axis=1)

    def _rows(self, read: SeriesSet) -> np.ndarray:
        """Rows in fit of these series, which must have been there."""
        known = {name: row for row, name in enumerate(self.axis.ids)}
        missing = next((name for name in read.ids if name not in known), None)
        if missing is not None:
            raise ValueError(
                f"y of predict: series {missing!r} was not in fit, and with global_model=False each series has a "
                "network of its own. Fit with it, or use global_model=True."
            )
        return np.array([known[name] for name in read.ids])

    def median(self, tail: SeriesEnds, own: np.ndarray, h: int, device: str) -> np.ndarray:
        """The members' median forecast (n_series, h), in the unit of the series."""
        return np.median(self._forecast(tail, own, h, np.arange(self.n_members), device), axis=0)

    def draw(
        self, tail: SeriesEnds, own: np.ndarray, h: int, count: int, rng: np.random.RandomState, known: bool,
        device: str,
    ) -> np.ndarray:  # fmt: skip
        """Paths (count, n_series, h), each with residuals fed back, from one member in turn.

        `known`: the series are those of fit, so each has residuals of its own.
        """
        check_size(h, count, tail.n_series)
        n, member = tail.n_series, np.arange(count) % self.n_members
        known = known or self.trained.is_local
        source = np.tile(own, (count, 1)) if known else rng.randint(len(self.residuals[0]), size=(count, n))
        pick = rng.randint(self.residuals.shape[2], size=(count, n, h))
        noise = np.take_along_axis(self.residuals[member[:, None], source], pick, axis=2)
        return self._forecast(tail, own, h, member, device, noise)

    def stream(self, series: Any) -> ForecastStream:
        """A stream that goes on from the end of one series of fit."""
        if series is None and self.tail.n_series > 1:
            raise ValueError(
                f"series must name one of the {self.tail.n_series} series of fit, for example {self.axis.ids[0]!r}."
            )
        row = self.axis.position([series]) if series is not None else np.array([0])
        column = row[0] if self.trained.is_local else 0
        thetas = list(self.trained.thetas[:, column])
        return ForecastStream(self.network, thetas, take(self.tail, row), self.settings)


def check_size(h: int, n_sequences: int, n_series: int) -> None:
    """Refuse more values than `generate` can hold."""
    what = f"n_sequences={n_sequences} is too large: {h} steps of {n_series} series"
    check_fits(VALUE_BYTES * h * n_sequences * n_series, what, "Draw fewer sequences at once.")
