"""The default forecaster on arrays: one network over all series, trained on windows, fed back to forecast."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from forecastrnn.callbacks import MemberUpdate
from forecastrnn.engine.devices import CPU
from forecastrnn.forecasting.device_paths import run_on_device
from forecastrnn.forecasting.input_layout import InputLayout
from forecastrnn.forecasting.paths import Histories, PathsShape, job_rows, run_paths
from forecastrnn.forecasting.preparation import Prepared
from forecastrnn.forecasting.seq2seq import last_windows, pair_source, pair_validator
from forecastrnn.networks.network import AnyNetwork, Embedding, Layer, Network
from forecastrnn.networks.seq2seq_network import Seq2SeqNetwork
from forecastrnn.programs.inference import forward
from forecastrnn.programs.shapes import NO_DROPOUT, Dropout
from forecastrnn.training.batches import WindowBatches
from forecastrnn.training.optimizers import OptimizerState, Rule
from forecastrnn.training.seq2seq_batches import PairWindows
from forecastrnn.training.sequence_task import TrainingData
from forecastrnn.training.stepping import BatchIndex, TrainingProgram
from forecastrnn.training.training import Progress, ShouldStop, TrainingPlan, train

MANY = 20_000  # observations from which on the values one season ago are inputs too
HEAD = 0.05  # first weights of the dense layer are drawn from U(-HEAD, HEAD): a forecast starts as the last value
EPOCH = 50  # updates between two looks at the loss
CHUNK = 512  # series at once
CHUNK_VALUES = 2**25  # values of paths in memory at once
DEVICE_ROWS = 2**16  # paths of series that a GPU takes at once
RECENT = 76  # one-step errors of a series that its residuals come from
RESIDUALS = 64  # quantiles of them that are kept


@dataclass(frozen=True, kw_only=True)
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
    is_local: bool = False  # a network for each series, not one for all
    dropout: Dropout = NO_DROPOUT
    embeddings: tuple[Embedding, ...] = ()  # of the series' codes, which are the last columns of the inputs
    has_decoder: bool = False  # forecasts are made with weights of their own


@dataclass(frozen=True)
class SeriesEnds:
    """The end of each series: all that a forecast needs. z (n_series, length), oldest first.

    first (n_series,): where in z the series begins; before lie repetitions of its first season.
    """

    prepared: Prepared
    z: np.ndarray
    inputs: np.ndarray
    phase: np.ndarray
    first: np.ndarray

    @property
    def n_series(self) -> int:
        """Number of series."""
        return len(self.z)


def use_lags(prepared: Prepared, is_local: bool) -> bool:
    """Whether a network has data enough for the inputs of one season ago."""
    return prepared.n_observations >= MANY * (prepared.n_series if is_local else 1)


def update_count(prepared: Prepared, max_steps: int | None) -> int:
    """Updates of one member: 2 sqrt(observations that count), between 300 and 1200."""
    return max_steps or int(np.clip(2.0 * np.sqrt(prepared.observed.sum()), 300, 1200))


def network_of(inputs: InputLayout, settings: Settings) -> AnyNetwork:
    """The layers read the squashed columns and the vectors of the series, the linear skip the raw columns."""
    columns = inputs.n_columns
    embeddings = tuple(replace(e, column=columns + e.column) for e in settings.embeddings)
    network = Network(columns + len(embeddings), settings.layers, settings.horizon, columns, embeddings)
    return Seq2SeqNetwork(replace(network, n_outputs=0), network) if settings.has_decoder else network


def start_member(network: AnyNetwork, settings: Settings, seed: int) -> Progress:
    """First parameters of a member."""
    theta = network.init_theta(seed, settings.dtype, settings.initializer)
    rng = np.random.default_rng([seed, 3])
    kernel = network.writer.views(network.writer_theta(theta))["output.kernel"]
    kernel[...] = rng.uniform(-HEAD, HEAD, kernel.shape)
    return Progress(theta, OptimizerState.zeros(theta, settings.rule.moments))


def window_starts(prepared: Prepared, horizon: int, held: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and last start of a training window in each series; the last `held` values are left for validation."""
    steps = prepared.context + prepared.ahead
    begin, end = prepared.starts[:-1] + prepared.pads, prepared.starts[1:] - held - (horizon - 1)
    lo = np.minimum(begin + prepared.period_of + prepared.ahead + 1, end)
    return lo - steps - 1, end - steps - 1


def held_out(lengths: np.ndarray, fraction: float | None, horizon: int) -> np.ndarray:
    """Last values of each series that are left for validation; a window to learn from always remains."""
    if not fraction:
        return np.zeros(len(lengths), np.int64)
    return np.minimum(np.maximum(1, (lengths * fraction).astype(np.int64)), lengths - horizon + 1)


def train_member(
    prepared: Prepared, inputs: np.ndarray, settings: Settings, progress: Progress, seed: int, device: str = "cpu",
    watch: ShouldStop | None = None,
) -> Progress:  # fmt: skip
    """Train one member in place."""
    dtype, fraction = settings.dtype, settings.validation_fraction
    lengths = prepared.known
    held = held_out(lengths, fraction, settings.horizon)
    lo, hi = window_starts(prepared, settings.horizon, held)
    chance = np.sqrt(np.maximum(hi - lo + 1, 1).astype(float))
    updates = update_count(prepared, settings.max_steps)
    steps = prepared.context + prepared.ahead
    batches = WindowBatches(
        lo=lo, hi=hi, chance=chance / chance.sum(), batch=settings.batch_size, seed=seed,
        steps_an_epoch=min(EPOCH, updates), window_steps=steps, total=updates, before=len(progress.loss_curve),
    )  # fmt: skip
    network = network_of(prepared.layout, settings)
    plan = TrainingPlan(
        loss=settings.loss, rule=settings.rule, max_iter=-(-updates // batches.steps_an_epoch), tol=0.0,
        n_iter_no_change=settings.n_iter_no_change, n_threads=settings.n_threads, verbose=settings.verbose,
        stop_early=bool(fraction), total_updates=updates, dropout=settings.dropout, device=device,
    )  # fmt: skip
    validate = _validator(prepared, inputs, network, settings, held, device) if fraction else None
    if isinstance(network, Seq2SeqNetwork):
        pairs = pair_source(inputs, prepared.z, prepared.observed, dtype)
        windows = PairWindows(**vars(batches), source=prepared.context)
        return train(network, progress, pairs, windows, plan, validate=validate, watch=watch)
    y = np.where(prepared.observed, prepared.z, np.nan).astype(dtype)
    source = TrainingData(inputs, y, base=prepared.z.astype(dtype))
    return train(network.writer, progress, source, batches, plan, validate=validate, watch=watch)


def _validator(
    prepared: Prepared,
    inputs: np.ndarray,
    network: AnyNetwork,
    settings: Settings,
    held: np.ndarray,
    device: str,
) -> Callable[[np.ndarray], float]:
    """Score of parameters: minus the loss on the held-out ends of the series."""
    seen = np.zeros(len(prepared.z), bool)
    for shift in range(1, int(held.max()) + 1):
        ends = prepared.starts[1:] - shift
        seen[ends[held >= shift]] = True
    dtype = settings.dtype
    if isinstance(network, Seq2SeqNetwork):
        pairs = pair_source(inputs, prepared.z, prepared.observed & seen, dtype)
        return pair_validator(
            network, pairs, settings.loss, last_windows(prepared, int(held.max())),
            (prepared.context, prepared.ahead), settings.n_threads, device,
        )  # fmt: skip
    y = np.where(prepared.observed & seen, prepared.z, np.nan).astype(dtype)
    y = np.concatenate([y, np.full(settings.horizon, np.nan, dtype)])
    source = TrainingData(inputs, y, base=np.concatenate([prepared.z, np.zeros(settings.horizon)]).astype(dtype))
    steps = min(prepared.context + int(held.max()), int(np.diff(prepared.starts).min()) - 2)
    starts = prepared.starts[1:] - steps - 1
    theta = np.zeros(network.size, dtype)
    rows = min(len(starts), CHUNK)
    plain = network.writer
    probe = TrainingProgram(plain, theta, None, source, steps=steps, rows=rows, loss=settings.loss, device=device)
    index = np.resize(starts, (-(-len(starts) // rows), rows))

    def score(candidate: np.ndarray) -> float:
        theta[:] = candidate
        losses = [probe.run(BatchIndex(row[None], row[None], row[None]), 1, settings.n_threads)[0] for row in index]
        return -float(np.mean(losses))

    return score


def past_of(prepared: Prepared) -> int:
    """Values of each series that a forecast needs."""
    return prepared.layout.past(int(prepared.period_of.max()))


def first_of(prepared: Prepared, past: int) -> np.ndarray:
    """Where in its last `past` values each series begins; before lies padding."""
    return np.maximum(past - prepared.known, 0)


def ends_of(prepared: Prepared, inputs: np.ndarray) -> SeriesEnds:
    """Cut what a forecast needs from the end of each series, so that the rest need not be kept."""
    past = past_of(prepared)
    ends = prepared.starts[1:]
    back = np.arange(-past, 0)
    at = ends[:, None] + back
    z = np.where(at >= prepared.starts[:-1, None], prepared.z[np.maximum(at, 0)], 0.0)
    rows = ends[:, None] + np.arange(-prepared.context - 1, -1)
    phase = (ends - prepared.starts[:-1] - prepared.pads) % prepared.layout.season
    light = replace(prepared, z=np.empty(0), observed=np.empty(0, bool))
    return SeriesEnds(light, z, inputs[rows], phase, first_of(prepared, past))


def take(tail: SeriesEnds, rows: np.ndarray) -> SeriesEnds:
    """The tails of some series, in the order of `rows`; a series may come several times."""
    p = tail.prepared
    each = {name: getattr(p, name)[rows] for name in ("pads", "period_of", "scale", "level", "linear", "after")}
    return SeriesEnds(replace(p, **each), tail.z[rows], tail.inputs[rows], tail.phase[rows], tail.first[rows])


def histories_of(tail: SeriesEnds, dtype: str) -> Histories:
    """What paths begin with."""
    p, as_real = tail.prepared, partial(np.ascontiguousarray, dtype=dtype)
    return Histories(as_real(tail.z), as_real(p.static), tail.phase, p.period_of, as_real(tail.inputs), tail.first)


def forecast(
    network: AnyNetwork, thetas: np.ndarray, tail: SeriesEnds, settings: Settings, h: int,
    which: np.ndarray,
    noise: np.ndarray | None = None, device: str = CPU,
) -> np.ndarray:  # fmt: skip
    """Scaled values (paths, n_series, h) behind the end of each series, in one call.

    thetas (k, size); which (paths,): the network of each path, or (paths, n_series): of each of its series. `noise`
    (paths, n_series, h) is added as it goes.
    """
    p, n, paths = tail.prepared, tail.n_series, len(which)
    rows = job_rows(n, paths, settings.n_threads) if which.ndim == 1 else 1
    rows = rows if device == CPU else DEVICE_ROWS
    chosen = np.repeat(which[:, None], -(-n // rows), axis=1) if which.ndim == 1 else which
    kind = PathsShape(
        network=network, dtype=settings.dtype, rows=rows, context=p.context, layout=p.layout, noisy=noise is not None,
        lanes=settings.n_threads, device=device,
    )  # fmt: skip
    histories = histories_of(tail, settings.dtype)
    if device != CPU:
        return run_on_device(kind, thetas, which, histories, h, noise)
    at_once = max(1, CHUNK_VALUES // (n * (tail.z.shape[1] + h) * (2 if p.layout.older_means else 1)))
    parts = [
        run_paths(
            kind, thetas, chosen[lo : lo + at_once], histories, h, settings.n_threads,
            None if noise is None else noise[lo : lo + at_once],
        )
        for lo in range(0, paths, at_once)
    ]  # fmt: skip
    return np.concatenate(parts)


def residuals_of(
    prepared: Prepared, settings: Settings, one_step: Callable[[np.ndarray, int], np.ndarray], n_members: int
) -> np.ndarray:
    """Quantiles of each series' last one-step errors (members, n_series, RESIDUALS), scaled, median 0.

    A series with few errors of its own gets those of all, scaled to its mean error. one_step(rows, k): the outputs of
    member k (n_series, steps) for the inputs of rows (n_series, steps).
    """
    if settings.horizon > 1:
        return np.zeros((n_members, prepared.n_series, 0))
    steps = min(RECENT + prepared.context, int(np.diff(prepared.starts).min()) - prepared.layout.mean_width - 2)
    rows = prepared.starts[1:, None] + np.arange(-steps - 1, -1)
    change = np.where(prepared.observed[rows + 1], prepared.z[rows + 1] - prepared.z[rows], np.nan)[:, -RECENT:]
    outputs = [one_step(rows, k)[:, -RECENT:] for k in range(n_members)]
    return np.stack([_quantiles(change[:, -out.shape[1] :] - out) for out in outputs])


def one_step_outputs(
    network: Network, theta: np.ndarray, inputs: np.ndarray, rows: np.ndarray, n_threads: int, device: str = CPU
) -> np.ndarray:
    """Outputs (n_series, steps) of one network for the inputs of rows (n_series, steps)."""
    parts = [
        forward(network, theta, inputs[part], n_threads=n_threads, device=device).outputs[:, -RECENT:, 0]
        for part in np.array_split(rows, -(-len(rows) // CHUNK))
    ]
    return np.concatenate(parts)


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
    prepared: Prepared, inputs: np.ndarray, settings: Settings, seeds: list[int], members: list[Progress],
    device: str = "cpu", callback: Callable[[MemberUpdate], object] | None = None,
) -> list[Progress]:  # fmt: skip
    """Train one network a seed on the same windows; `members`, if any, go on from where they are."""
    network = network_of(prepared.layout, settings)
    begun = [m.copy() for m in members] or [start_member(network, settings, s) for s in seeds]
    return [
        train_member(prepared, inputs, settings, progress, seed, device, _watch(progress, member, callback))
        for member, (progress, seed) in enumerate(zip(begun, seeds, strict=True))
    ]


def _watch(progress: Progress, member: int, callback: Callable[[MemberUpdate], object] | None) -> ShouldStop | None:
    """What calls the user's callback at each look at the loss."""
    if callback is None:
        return None
    return lambda loss, score: bool(callback(MemberUpdate(member, progress.optimizer.count, loss, score)))
