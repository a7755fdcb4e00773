"""The default forecaster on arrays: one network over all series, trained on windows, fed back to forecast."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from forecastrnn.batches import WindowBatches
from forecastrnn.generation import CALL_STEPS, StepProgram
from forecastrnn.inference import forward, write_state
from forecastrnn.inputs import STATIC, build_inputs, n_columns
from forecastrnn.network import Layer, Network
from forecastrnn.optimizers import OptimizerState, Rule
from forecastrnn.preparation import Prepared
from forecastrnn.program import Buffer, Program
from forecastrnn.stepping import Index, Source, TrainingProgram
from forecastrnn.training import Plan, Progress, train

MANY = 20_000  # observations from which on the values one season ago are inputs too
HEAD = 0.05  # first weights of the dense layer are drawn from U(-HEAD, HEAD): a forecast starts as the last value
EPOCH = 50  # updates between two looks at the loss
CHUNK = 512  # series forecast at once
RECENT = 76  # one-step errors of a series that its residuals come from
RESIDUALS = 64  # quantiles of them that are kept


@dataclass(frozen=True)
class Settings:
    """How members are trained."""

    layers: tuple[Layer, ...]
    initializer: str
    loss: str
    rule: Rule
    batch_size: int
    max_steps: int | None
    horizon: int
    n_iter_no_change: int
    validation_fraction: float | None
    n_threads: int
    verbose: bool
    dtype: str
    with_lags: bool


@dataclass(frozen=True)
class Tail:
    """The end of each series: all that a forecast needs. z, a (n_series, length), oldest first."""

    prepared: Prepared
    z: np.ndarray
    inputs: np.ndarray
    phase: np.ndarray

    @property
    def n_series(self) -> int:
        """Number of series."""
        return len(self.z)


def use_lags(prepared: Prepared) -> bool:
    """Whether there are data enough for the inputs of one season ago."""
    return int(prepared.n_observations) >= MANY


def update_count(prepared: Prepared, max_steps: int | None) -> int:
    """Updates of one member: 2 sqrt(observations that count), between 300 and 1200."""
    return max_steps or int(np.clip(2.0 * np.sqrt(prepared.observed.sum()), 300, 1200))


def network_of(prepared: Prepared, settings: Settings) -> Network:
    """The layers read the squashed columns, the linear skip the raw ones."""
    columns = n_columns(prepared.season, settings.with_lags)
    return Network(columns, settings.layers, settings.horizon, columns)


def start_member(network: Network, settings: Settings, seed: int) -> Progress:
    """First parameters of a member."""
    theta = network.init_theta(seed, settings.dtype, settings.initializer)
    rng = np.random.default_rng([seed, 3])
    kernel = network.views(theta)["output.kernel"]
    kernel[...] = rng.uniform(-HEAD, HEAD, kernel.shape)
    return Progress(theta, OptimizerState.zeros(theta))


def window_starts(prepared: Prepared, horizon: int, held: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and last start of a training window in each series; the last `held` values are left for validation."""
    steps = prepared.context + prepared.ahead
    begin, end = prepared.starts[:-1] + prepared.pads, prepared.starts[1:] - held - (horizon - 1)
    lo = np.minimum(begin + prepared.periods + prepared.ahead + 1, end)
    return lo - steps - 1, end - steps - 1


def held_out(lengths: np.ndarray, fraction: float | None, horizon: int) -> np.ndarray:
    """Last values of each series that are left for validation; a window to learn from always remains."""
    if not fraction:
        return np.zeros(len(lengths), np.int64)
    return np.minimum(np.maximum(1, (lengths * fraction).astype(np.int64)), lengths - horizon + 1)


def train_member(prepared: Prepared, inputs: np.ndarray, settings: Settings, progress: Progress, seed: int) -> Progress:
    """Train one member in place."""
    dtype, fraction = settings.dtype, settings.validation_fraction
    lengths = np.diff(prepared.starts) - prepared.pads
    held = held_out(lengths, fraction, settings.horizon)
    lo, hi = window_starts(prepared, settings.horizon, held)
    chance = np.sqrt(np.maximum(hi - lo + 1, 1).astype(float))
    updates = update_count(prepared, settings.max_steps)
    steps = prepared.context + prepared.ahead
    batches = WindowBatches(
        lo, hi, chance / chance.sum(), settings.batch_size, seed, min(EPOCH, updates), steps, updates,
        len(progress.loss_curve),
    )  # fmt: skip
    source = Source(inputs, np.where(prepared.observed, prepared.z, np.nan).astype(dtype), prepared.z.astype(dtype))
    network = network_of(prepared, settings)
    plan = Plan(
        settings.loss, 0, settings.rule, -(-updates // batches.steps_an_epoch), 0.0, settings.n_iter_no_change,
        settings.n_threads, settings.verbose, stop_early=bool(fraction), total_updates=updates,
    )  # fmt: skip
    validate = _validator(prepared, inputs, network, settings, held) if fraction else None
    return train(network, progress, source, batches, plan, validate)


def _validator(
    prepared: Prepared, inputs: np.ndarray, network: Network, settings: Settings, held: np.ndarray
) -> Callable[[np.ndarray], float]:
    """Score of parameters: minus the loss on the held-out ends of the series."""
    seen = np.zeros(len(prepared.z), bool)
    for shift in range(1, int(held.max()) + 1):
        ends = prepared.starts[1:] - shift
        seen[ends[held >= shift]] = True
    dtype = settings.dtype
    y = np.where(prepared.observed & seen, prepared.z, np.nan).astype(dtype)
    y = np.concatenate([y, np.full(settings.horizon, np.nan, dtype)])
    source = Source(inputs, y, np.concatenate([prepared.z, np.zeros(settings.horizon)]).astype(dtype))
    steps = min(prepared.context + int(held.max()), int(np.diff(prepared.starts).min()) - 2)
    starts = prepared.starts[1:] - steps - 1
    theta = np.zeros(network.size, dtype)
    rows = min(len(starts), CHUNK)
    probe = TrainingProgram(network, theta, None, source, steps=steps, rows=rows, loss=settings.loss)
    index = np.resize(starts, (-(-len(starts) // rows), rows))

    def score(candidate: np.ndarray) -> float:
        theta[:] = candidate
        losses = [probe.run(Index(row[None], row[None], row[None]), 1, settings.n_threads)[0] for row in index]
        return -float(np.mean(losses))

    return score


def tail_of(prepared: Prepared, inputs: np.ndarray) -> Tail:
    """Cut what a forecast needs from the end of each series, so that the rest need not be kept."""
    past = int(max(prepared.periods.max(), 2 * prepared.season)) + prepared.width + 2
    ends = prepared.starts[1:]
    back = np.arange(-past, 0)
    at = ends[:, None] + back
    z = np.where(at >= prepared.starts[:-1, None], prepared.z[np.maximum(at, 0)], 0.0)
    rows = ends[:, None] + np.arange(-prepared.context - 1, -1)
    phase = (ends - prepared.starts[:-1] - prepared.pads) % prepared.season
    light = replace(prepared, z=np.empty(0), observed=np.empty(0, bool))
    return Tail(light, z, inputs[rows], phase)


def take(tail: Tail, rows: np.ndarray) -> Tail:
    """The tails of some series, in the order of `rows`; a series may come several times."""
    p = tail.prepared
    each = {name: getattr(p, name)[rows] for name in ("pads", "periods", "scale", "level", "linear", "after")}
    return Tail(replace(p, **each), tail.z[rows], tail.inputs[rows], tail.phase[rows])


def last_inputs(tail: Tail, settings: Settings) -> np.ndarray:
    """Input rows (n_series, 2 columns) of the last known time."""
    return Warmed(None, tail, settings, 1).first_inputs()


def forecast(
    network: Network, theta: np.ndarray, tail: Tail, settings: Settings, h: int, noise: np.ndarray | None = None
) -> np.ndarray:
    """Scaled values (n_series, h) behind the end of each series; `noise` (n_series, h) is added as it goes."""
    parts = []
    for lo in range(0, tail.n_series, CHUNK):
        rows = np.arange(lo, min(lo + CHUNK, tail.n_series))
        own = None if noise is None else noise[rows]
        if settings.horizon > 1:
            parts.append(_direct(network, theta, take(tail, rows), settings, h))
        else:
            parts.append(Warmed((network, theta), take(tail, rows), settings, h, own).run())
    return np.concatenate(parts)


def _direct(network: Network, theta: np.ndarray, tail: Tail, settings: Settings, h: int) -> np.ndarray:
    """All steps at once, from the state at the last known time."""
    rows = np.concatenate([tail.inputs, last_inputs(tail, settings)[:, None]], axis=1)
    outputs = forward(network, theta, rows, last=1, n_threads=settings.n_threads).outputs[:, 0, :h]
    return tail.z[:, -1:] + outputs


class Warmed:
    """Warm-up over the context, then h steps in one call."""

    def __init__(
        self, model: tuple | None, tail: Tail, settings: Settings, h: int, noise: np.ndarray | None = None
    ) -> None:
        self.tail, self.settings, self.h, self.noise = tail, settings, h, noise
        self.model, p = model, tail.prepared
        n, known = tail.z.shape
        self.now, self.length = known - 1, known + h
        dtype = settings.dtype
        self.z, self.a = np.zeros((n, self.length), dtype), np.zeros((n, self.length), dtype)
        self.z[:, :known] = tail.z
        self._set_means(tail.z)
        self.static = np.ascontiguousarray(p.static, dtype)
        self.phase, self.period = np.ascontiguousarray(tail.phase), np.ascontiguousarray(p.periods)

    def _set_means(self, z: np.ndarray) -> None:
        """Trailing means of the known values z (rows, known)."""
        width = self.tail.prepared.width
        sums = np.cumsum(np.pad(z, ((0, 0), (1, 0))), axis=1, dtype=np.float64)
        self.a[:, width - 1 : z.shape[1]] = (sums[:, width:] - sums[:, :-width]) / width

    def _bind(self, program: Program) -> dict[str, Buffer]:
        arrays = {"z": self.z, "a": self.a, "static": self.static, "phase": self.phase, "period": self.period}
        return {name: program.bind(name, array) for name, array in arrays.items()}

    def _emit_inputs(
        self, program: Program, bound: dict[str, Buffer], shard: int, lo: int, rows: int, x: Buffer
    ) -> None:
        """Write the inputs of rows lo .. lo + rows to x (..., rows, 2 columns)."""
        p = self.tail.prepared
        program.emit(
            "forecast_inputs", shard, z=bound["z"].at(lo * self.length), a=bound["a"].at(lo * self.length),
            static=bound["static"].at(lo * STATIC), x=x, phase=bound["phase"].at(lo), period=bound["period"].at(lo),
            B=rows, season=p.season, two=p.two, with_lags=int(self.settings.with_lags), columns=x.array.shape[-1],
            length=self.length, now=self.now,
        )  # fmt: skip

    def _emit(self, step: StepProgram) -> None:
        """Put the inputs before, and the new value behind, the network's step."""
        program, p = step.build.program, self.tail.prepared
        bound = self._bind(program)
        if self.noise is not None:
            bound["noise"] = program.bind("noise", np.ascontiguousarray(self.noise, self.settings.dtype))
        for stack, x in zip(step.build.stacks, step.x, strict=True):
            shard, B, lo = stack.batch.shard, stack.batch.rows, step.build.first_row(stack.batch.shard)
            operations = program.rounds[0][shard]
            own = len(operations)
            z, a = bound["z"].at(lo * self.length), bound["a"].at(lo * self.length)
            self._emit_inputs(program, bound, shard, lo, B, x)
            operations[:] = operations[own:] + operations[:own]
            noise = bound["noise"].at(lo * self.h) if self.noise is not None else None
            program.emit(
                "append_value", shard, z=z, a=a, out=stack.out.place, noise=noise, B=B, ldo=stack.out.ld,
                width=p.width, length=self.length, now=self.now, noisy=0 if noise is None else self.h,
            )  # fmt: skip

    def first_inputs(self) -> np.ndarray:
        """Inputs of the last known time, by the kernel that the steps use."""
        p, n = self.tail.prepared, self.tail.n_series
        columns = 2 * n_columns(p.season, self.settings.with_lags)
        program = Program(self.settings.dtype, 1)
        x = program.buffer("x", (n, columns))
        self._emit_inputs(program, self._bind(program), 0, 0, n, x)
        program.run(0, 1, 1)
        return x.array

    def warm_up(self) -> StepProgram:
        """The program of a step, with the state that the context leaves."""
        assert self.model is not None
        network, theta = self.model
        warm = forward(network, theta, self.tail.inputs, last=1, n_threads=self.settings.n_threads)
        step = StepProgram((network, theta), self.tail.n_series)
        self._emit(step)
        write_state(step.build, warm.states)
        return step

    def run(self) -> np.ndarray:
        """Scaled forecasts (rows, h)."""
        program = self.warm_up().build.program
        for at in range(0, self.h, CALL_STEPS):
            program.run(at, min(CALL_STEPS, self.h - at), self.settings.n_threads)
        return self.z[:, self.now + 1 :]

    # One step at a time, for streams of one series ------------------------------------------------------
    def advance(self, at: int) -> float:
        """Run step `at`: the state takes the last known value in; the scaled forecast of the next."""
        if not hasattr(self, "step"):
            self.step = self.warm_up()
        self.step.build.program.run(at, 1, 1)
        return float(self.z[0, self.now + at + 1])

    def observe(self, at: int, scaled: float) -> None:
        """Put the value that came in the place of its forecast."""
        t, width = self.now + at + 1, self.tail.prepared.width
        self.z[0, t] = scaled
        self.a[0, t] = self.a[0, t - 1] + (self.z[0, t] - self.z[0, t - width]) / width

    def move_back(self, at: int) -> None:
        """Forget the oldest `at` values: the last known one is at `now` again; means are freed of rounding errors."""
        known, season = self.now + 1, self.tail.prepared.season
        self.z[:, :known] = self.z[:, at : at + known].copy()
        self._set_means(self.z[:, :known])
        self.phase[:] = (self.phase + at) % season


def residuals_of(
    network: Network, members: list[Progress], prepared: Prepared, inputs: np.ndarray, settings: Settings
) -> np.ndarray:
    """Quantiles of each series' last one-step errors (members, n_series, RESIDUALS), scaled, median 0.

    A series with few errors of its own gets those of all, scaled to its mean error.
    """
    if settings.horizon > 1:
        return np.zeros((len(members), prepared.n_series, 0))
    steps = min(RECENT + prepared.context, int(np.diff(prepared.starts).min()) - prepared.width - 2)
    rows = prepared.starts[1:, None] + np.arange(-steps - 1, -1)
    change = np.where(prepared.observed[rows + 1], prepared.z[rows + 1] - prepared.z[rows], np.nan)
    found = []
    for member in members:
        parts = [
            forward(network, member.theta, inputs[part], n_threads=settings.n_threads).outputs[:, -RECENT:, 0]
            for part in np.array_split(rows, -(-len(rows) // CHUNK))
        ]
        found.append(_quantiles(change[:, -RECENT:] - np.concatenate(parts)))
    return np.stack(found)


def _quantiles(errors: np.ndarray) -> np.ndarray:
    """Evenly spaced quantiles of each row's errors, shifted to median 0."""
    sure = np.isfinite(errors)
    count = sure.sum(axis=1)
    size = np.where(sure, np.abs(errors), 0.0).sum(axis=1) / np.maximum(count, 1)
    usual = float(np.median(size[count > 0])) if (count > 0).any() else 0.0
    size = np.where(count >= 8, np.maximum(size, 1e-9), max(usual, 1e-9))
    pooled = (errors / size[:, None])[sure & (count >= 8)[:, None]]
    levels = (np.arange(RESIDUALS) + 0.5) / RESIDUALS
    shared = np.quantile(pooled, levels) if len(pooled) else np.zeros(RESIDUALS)
    own = size[:, None] * shared
    rich = count >= 24
    if rich.any():
        own[rich] = np.nanquantile(errors[rich], levels, axis=1).T
    return own - np.median(own, axis=1, keepdims=True)


def fit_members(
    prepared: Prepared, settings: Settings, seeds: list[int], members: list[Progress] | None = None
) -> tuple[list[Progress], np.ndarray]:
    """Train one network a seed on the same windows; those given go on from where they are. Also the inputs."""
    inputs = build_inputs(prepared, settings.with_lags, settings.dtype)
    network = network_of(prepared, settings)
    begun = [m.copy() for m in members] if members else [start_member(network, settings, s) for s in seeds]
    return [train_member(prepared, inputs, settings, m, s) for m, s in zip(begun, seeds, strict=True)], inputs
