"""One series, one new value at a time: each gives the forecast of the next."""

from __future__ import annotations

import math
from numbers import Real
from typing import NoReturn

import numpy as np

from forecastrnn.engine.buffers import Field
from forecastrnn.engine.cpu.levels import extend_hull
from forecastrnn.engine.program import Program
from forecastrnn.forecasting.bounds import Limits
from forecastrnn.forecasting.ends import REFRESHED, SeriesEnds, histories_of
from forecastrnn.forecasting.hulls import fences_of
from forecastrnn.forecasting.input_layout import InputLayout
from forecastrnn.forecasting.mixture import Mixture
from forecastrnn.forecasting.paths import RAW, Histories, emit_draw, emit_inputs, means_of, sums_of, with_room
from forecastrnn.forecasting.preparation import MOST_LOG, Prepared
from forecastrnn.forecasting.raw_values import as_domain, middle_of, nearest, raw_of
from forecastrnn.forecasting.reach import finite, is_out_of_reach
from forecastrnn.forecasting.settings import Settings
from forecastrnn.forecasting.states import as_state
from forecastrnn.forecasting.stream_plan import StreamPlan
from forecastrnn.networks.likelihood import Likelihood
from forecastrnn.networks.network import AnyNetwork
from forecastrnn.programs.inference import State, forward, write_state
from forecastrnn.programs.step_program import StepProgram

_ONE_VALUE, _FIRST = np.array([0, 1]), np.array([0])
ROOM = REFRESHED + 1  # values taken before the history is moved back to the front, and one forecast


class _Member:
    """One network in the midst of one series, and the values it goes on from."""

    def __init__(
        self, network: AnyNetwork, theta: np.ndarray, histories: Histories, begun: State, layout: InputLayout,
        likelihood: Likelihood | None = None,
    ) -> None:  # fmt: skip
        self.layout, self.likelihood, known = layout, likelihood, histories.z.shape[1]
        self.now, length = known - 1, known + ROOM
        self.z, self.a = with_room(histories.z, length), with_room(histories.means, length)
        self.sums = with_room(sums_of(histories.z) if histories.sums is None else histories.sums, length + 1)
        self.phase, self.first = histories.phase.copy(), histories.first.copy()
        self.fence = histories.fence.copy()
        self.so_far = np.ones(2) if histories.so_far is None else histories.so_far[0].copy()
        self.long_run = self.so_far[:1] / self.so_far[1:]
        self.program = self._step_program(network, theta, histories, begun)

    def _step_program(self, network: AnyNetwork, theta: np.ndarray, histories: Histories, begun: State) -> Program:
        """Inputs of the last value, the network, and the next value behind it."""
        writer = network.writer
        step = StepProgram((writer, network.writer_theta(theta)), 1)
        program, stack = step.build.program, step.build.stacks[0]
        names = ("z", "a", "sums", "phase", "first", "long_run", "fence")
        z, a, sums, phase, first, long_run, fence = (program.bind(name, getattr(self, name)) for name in names)
        self.x = step.x[0].array[0]  # what is not found from the values stays as it is until it is written anew
        self.x[:] = histories.inputs[:, -1]
        operations = program.rounds[0][0]
        own = len(operations)
        emit_inputs(
            program, step.x[0].at(0), self.layout, z=z, a=a, static=program.bind("static", histories.static),
            sums=sums, long_run=long_run, phase=phase, period=program.bind("period", histories.period), first=first,
            B=1, columns=step.x[0].shape[-1], length=z.shape[1], now=self.now,
        )  # fmt: skip
        operations[:] = operations[own:] + operations[:own]
        width, length = self.layout.mean_width, z.shape[1]
        if self.likelihood is None:
            program.emit(
                "append_value", 0, z=z, a=a, out=stack.out.place, noise=None, B=1, ldo=stack.out.ld, width=width,
                length=length, now=self.now, noisy=0,
            )  # fmt: skip
        else:
            self.raw = {name: np.zeros((1, ROOM), z.dtype) for name in RAW}
            raw: dict[str, Field] = {name: program.bind(name, values) for name, values in self.raw.items()}
            emit_draw(
                program, self.likelihood, stack.out, z=z, a=a, B=1, width=width, length=length, now=self.now, h=ROOM,
                drawn=0, shares=None, **({} if self.likelihood.is_scaled else raw),
            )  # fmt: skip
        program.emit("keep_near", 0, z=z, a=a, fence=fence, B=1, width=width, length=length, now=self.now)
        write_state(step.build, begun)
        return program

    def put_raw(self, at: int, p: Prepared, season: float) -> None:
        """What counts and amounts of step `at` are made of."""
        if self.likelihood is None or self.likelihood.is_scaled:
            return
        found = raw_of(p, self.long_run, np.array([[season]]), self.likelihood)
        for name in ("shift", "figure"):
            self.raw[name][0, at] = found[name][0, 0]
        for name in ("unit", "gain"):
            self.raw[name][0, 0] = found[name][0]

    def put(self, row: np.ndarray) -> None:
        """What the network reads beside the values from now on."""
        self.x[:] = row

    def advance(self, at: int) -> float:
        """Run step `at`: the state takes the last known value in; the scaled forecast of the next."""
        self.program.run(at, 1, 1)
        return float(self.z[0, self.now + at + 1])

    def observe(self, at: int, scaled: float) -> None:
        """Put the value that came in the place of its forecast."""
        t = self.now + at + 1
        self.z[0, t] = scaled
        width = self.layout.mean_width
        self.a[0, t] = self.a[0, t - 1] + (self.z[0, t] - self.z[0, t - width]) / width
        self.sums[0, t + 1] = self.sums[0, t] + self.z[0, t]
        self.so_far += self.z[0, t], 1.0
        self.long_run[:] = self.so_far[0] / self.so_far[1]

    def last(self, at: int) -> tuple[float, float]:
        """The trailing mean behind the value observed at step `at`, and that value."""
        t = self.now + at + 1
        return self.a[0, t], self.z[0, t]

    def move_back(self, at: int) -> None:
        """Forget the oldest `at` values: the last known one is at `now` again; means are freed of rounding errors."""
        known = self.now + 1
        self.z[:, :known] = self.z[:, at : at + known].copy()
        self.a[:, :known] = means_of(self.z[:, :known], self.layout.mean_width)
        self.sums[:, : known + 1] = sums_of(self.z[:, :known])
        self.first[:] = np.maximum(self.first - at, 0)
        self.phase[:] = (self.phase + at) % self.layout.season


class ForecastStream:
    """Takes observed values of one series and forecasts one step ahead; the state is kept between calls.

    Level, season and scale are those of the fit, as are the weights of the candidates that networks are mixed with,
    whose states go on value by value. Not for several threads at once: make a stream for each.
    """

    def __init__(
        self, network: AnyNetwork, thetas: list[np.ndarray], tail: SeriesEnds, settings: Settings,
        limits: Limits | None = None, plan: StreamPlan | None = None, mixture: Mixture | None = None,
    ) -> None:  # fmt: skip
        self._p = p = tail.prepared
        self._shift = 0.0 if p.shift is None else float(p.shift[0])
        self._settings = settings
        self._limits = None if limits is None else (float(limits.low[0]), float(limits.high[0]))
        self._is_guess = limits is not None and not limits.given
        histories, carried = histories_of(tail, settings.dtype), tail.carried
        states = _states_of(network, thetas, tail, histories.inputs)
        self._members = [
            _Member(network, theta.copy(), histories, begun, p.layout, settings.likelihood)
            for theta, begun in zip(thetas, states, strict=True)
        ]
        self._hulls = None if tail.hulls is None else tail.hulls.copy()
        self._plan = plan or StreamPlan(tail, None, None)
        self._mixture, self._candidates, self._positive = mixture, tail.candidates, ~p.linear
        self._put(self._plan.begin())
        self._taken = 0  # values since the end of the series
        self._at = 0  # values since the history was moved
        self._since = 0 if carried is None else int(carried.since[0])  # and before that, since means were found anew
        self._forecast = self._advance()

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a stream of a forecaster cannot be copied or pickled. Give the values that it has taken to update(y_new) "
            "of the forecaster and copy or save that: its stream() goes on with the same bits"
        )

    @property
    def forecast(self) -> float:
        """The forecast of the next value."""
        return self._forecast

    def step(self, value: float, X: object = None) -> float:
        """Take the next observed value; the forecast of the one behind it, in the unit of the series.

        Parameters
        ----------
        value : float
            What was observed.
        X : mapping or array, optional
            The covariates known ahead, at the time that is forecast; needed where `fit` had some.

        Raises
        ------
        TypeError
            If the value is not a number.
        ValueError
            If it is not finite, not positive where the series was, 10^13 times its level in `fit`, or no count where
            counts are forecast; if X is missing, or `fit` had none.
        """
        scaled, row = self._scaled(self._checked(value)), self._plan.row(X)
        if self._is_guess and value < 0.0:
            self._limits = None  # the series can be negative, then
        for member in self._members:
            member.observe(self._at, scaled)
        if self._mixture is not None and self._candidates is not None:
            self._candidates = self._mixture.behind(self._candidates, np.array([float(value)]), _ONE_VALUE, _FIRST)
        self._go_further()
        self._taken += 1
        self._at += 1
        if self._since + self._at == REFRESHED:
            self._move_back()
        self._put(row)
        self._forecast = self._advance()
        return self._forecast

    def _put(self, row: np.ndarray | None) -> None:
        if row is not None:
            for member in self._members:
                member.put(row)

    def _checked(self, value: float) -> float:
        if not isinstance(value, Real) or isinstance(value, bool | np.bool_ | np.timedelta64):
            raise TypeError(f"value must be a number. Got {value!r:.80}.")
        try:
            number = float(value)
        except OverflowError:  # an int that no float is as large as
            number = math.inf
        if not np.isfinite(number):
            unknown = " Where it is not known, step(stream.forecast) goes on as if the forecast had come true."
            raise ValueError(
                f"value must be a finite number. Got {value!r:.80}.{unknown if math.isnan(number) else ''}"
            )
        if not self._p.linear[0] and number <= 0.0 and not self._settings.is_raw:
            raise ValueError(f"value must be positive, as the series in fit was. Got {value!r}.")
        if is_out_of_reach(self._p, _FIRST, np.array([number]))[0]:
            raise ValueError(
                f"value is out of reach of the series, whose level in fit was {self._p.level[0]:.3g}: the forecasts "
                f"behind it would be far from all that it was. Correct it, or fit anew with it. Got {value!r}."
            )
        if self._settings.likelihood is not None and not self._settings.likelihood.takes(number):
            what = self._settings.likelihood.what
            raise ValueError(f"value must be {what}, as loss={self._settings.loss!r} needs. Got {value!r}.")
        return number

    def _season(self) -> float:
        return float(self._p.after[0, self._taken % self._p.period_of[0]])

    def _scaled(self, value: float) -> float:
        level = float(self._p.level[0])
        z = (value - self._shift) / level if self._p.linear[0] else np.log(self._nearest(value)) - np.log(level)
        return (z - self._season()) / float(self._p.scale[0])

    def _nearest(self, value: float) -> float:
        return float(nearest(np.array(value), self._p.level[0], self._settings.likelihood))

    def _advance(self) -> float:
        """One step of each member; their median in the unit of the series, mixed with candidates."""
        for member in self._members:
            member.put_raw(self._at, self._p, self._season())
        z = np.array([member.advance(self._at) for member in self._members])
        z = z * float(self._p.scale[0]) + self._season()
        values = (z if self._p.linear[0] else np.exp(np.clip(z, -MOST_LOG, MOST_LOG))) * self._p.level[0] + self._shift
        values = as_domain(values, self._settings.likelihood)
        if self._mixture is not None and self._candidates is not None:
            middle = np.median(values).reshape(1, 1)
            values = self._mixture.mixed(middle, self._candidates, self._positive)[0]
        values = values if self._limits is None else np.clip(values, *self._limits)
        return finite(np.atleast_1d(middle_of(values, is_counted=self._settings.is_counted)), "stream")

    def _go_further(self) -> None:
        """The last value and the mean that it makes belong to where the series has been."""
        if self._hulls is None:
            return
        before, member = self._hulls.copy(), self._members[0]
        extend_hull(self._hulls, 0, *member.last(self._at))
        if (before != self._hulls).any():
            fence = fences_of(self._hulls, self._p, self._settings.dtype)
            for member in self._members:
                member.fence[:] = fence

    def _move_back(self) -> None:
        for member in self._members:
            member.move_back(self._at)
        self._at = self._since = 0


def _states_of(network: AnyNetwork, thetas: list[np.ndarray], tail: SeriesEnds, inputs: np.ndarray) -> list[State]:
    """Those that each member goes on from: carried, or warmed up over the context."""
    if tail.carried is not None and tail.carried.has_states:
        return [as_state(network.writer, states) for states in tail.carried.states]
    return [forward(network.reader, network.reader_theta(theta), inputs, last=1).states for theta in thetas]
