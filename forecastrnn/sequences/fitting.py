"""What RNNRegressor and RNNClassifier share: from validated arrays to a trained network, and back."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from forecastrnn.data.arrays import Sequences
from forecastrnn.data.coding import CategoryCoding
from forecastrnn.data.standardize import ArrayScaler
from forecastrnn.engine.memory import check_fits
from forecastrnn.engine.threads import thread_count
from forecastrnn.networks.head import Head
from forecastrnn.networks.network import Network
from forecastrnn.programs.inference import forward
from forecastrnn.programs.shapes import NO_DROPOUT, Dropout
from forecastrnn.sequences.embeddings import embeddings_of, write_given
from forecastrnn.sequences.samples import Samples
from forecastrnn.sequences.scores import valid_steps
from forecastrnn.sequences.settings import SequenceSettings
from forecastrnn.sequences.targets import Targets
from forecastrnn.training.batches import ArrayBatches
from forecastrnn.training.divergence import loss_of_zeros
from forecastrnn.training.network_progress import Progress
from forecastrnn.training.optimizers import OptimizerState
from forecastrnn.training.parameter_memory import check_networks
from forecastrnn.training.sequence_task import TrainingData
from forecastrnn.training.training import Trainer

LOOKED_AT = 100_000  # steps whose median is taken, in one call, which must not hold up Ctrl-C
FAR = 100.0  # spreads of the first data that later ones may be from their mean


@dataclass(kw_only=True)
class Fitted:
    """A trained network with its scalers: all that a fitted estimator holds, set in one assignment."""

    network: Network
    progress: Progress
    x_scaler: ArrayScaler | None
    y_scaler: ArrayScaler | None
    loss: str
    last: int
    target_ndim: int
    seed: int
    dropout: Dropout = NO_DROPOUT  # of the last fit
    coding: CategoryCoding | None = None  # of the channels that are categorical
    repeats: int = 0  # rows of X are vectors, and this the steps of the last fit's sequences


SequenceSamples = Samples[Sequences, Targets]


def scaled_inputs(fitted: Fitted, X: Sequences, dtype: str | np.dtype) -> np.ndarray:
    """Standardised inputs, padding left at zero."""
    rows, steps, channels = X.values.shape
    each = np.dtype(dtype).itemsize + (0 if fitted.x_scaler is None else 8)
    what = f"X: copies of {rows} sequences of {steps} steps and {channels} channels"
    check_fits(X.values.size * each, what, "Take fewer sequences at a time, or X of float32.")
    if fitted.x_scaler is None:
        return np.ascontiguousarray(X.values, dtype)
    scaled = fitted.x_scaler.transform(X.values.reshape(-1, X.values.shape[2])).reshape(X.values.shape)
    if X.lengths is not None and not X.repeats:
        scaled[np.arange(X.values.shape[1]) >= X.lengths[:, None]] = 0
    return cast_inputs(scaled, dtype, "X")


def far_from_first(fitted: Fitted, samples: SequenceSamples) -> dict[str, float]:
    """Which of X and y are far outside of what the scalers of the first fit know: how many of its spreads, usually."""
    X, y = samples.X, samples.y
    x_valid = valid_steps(X.values.shape[:2], None if X.repeats else X.lengths)
    y_valid = valid_steps(y.values.shape[:2], X.lengths if y.last == 0 else None)
    given = {"X": (X.values[x_valid], fitted.x_scaler), "y": (y.values[y_valid], fitted.y_scaler)}
    found = {}
    for name, (rows, scaler) in given.items():
        if scaler is not None:
            with np.errstate(over="ignore"):
                if len(rows) > LOOKED_AT:
                    rows = rows[np.random.default_rng(0).integers(len(rows), size=LOOKED_AT)]
                found[name] = float(np.median(np.abs(scaler.transform(rows)), axis=0).max())
    return {name: times for name, times in found.items() if times > FAR}


def cast_inputs(scaled: np.ndarray, dtype: str | np.dtype, name: str) -> np.ndarray:
    """Standardised inputs in the type to compute in; a ValueError for those that it cannot hold."""
    with np.errstate(over="ignore"):
        found = np.ascontiguousarray(scaled, dtype)
    if not np.isfinite(found).all():
        where = np.argwhere(~np.isfinite(found))[0].tolist()
        raise ValueError(
            f"{name} contains a value too large for {found.dtype} when it is standardised as in fit, first at index "
            f"{where}: it is far outside of what fit has seen."
        )
    return found


def refuse_nonfinite(outputs: np.ndarray, name: str, counted: np.ndarray | None = None) -> np.ndarray:
    """Outputs (n, steps, outputs) themselves, if all are numbers, those that are counted (n, steps) at least."""
    wrong = ~np.isfinite(outputs).all(axis=-1)
    wrong = wrong if counted is None else wrong & counted
    if wrong.any():
        row, step = np.argwhere(wrong)[0].tolist()
        raise ValueError(
            f"the output for row {row} at step {step} is no finite number: {name} is too far outside of what fit has "
            "seen, or the network has no bounds (relu) and blew up. Look at that row, or fit with smaller values."
        )
    return outputs


def fit_scalers(settings: SequenceSettings, samples: SequenceSamples) -> tuple[ArrayScaler | None, ArrayScaler | None]:
    """Mean and spread of inputs by channel and of targets by output; padding does not count."""
    if not settings.scales_x:
        return None, None
    X, y = samples.X, samples.y
    steps, each = X.steps, np.ones(X.n) if samples.weight is None else samples.weight
    used = np.ones((X.n, steps)) if X.lengths is None else (np.arange(steps) < X.lengths[:, None]).astype(float)
    used = used * each[:, None]
    x_scaler = ArrayScaler.fit(X.values.reshape(-1, X.values.shape[2]), each if X.repeats else used.reshape(-1))
    if X.coding is not None:  # codes stay as they are
        x_scaler.mean_[list(X.coding.columns)], x_scaler.scale_[list(X.coding.columns)] = 0.0, 1.0
    if not settings.scales_y:
        return x_scaler, None
    if y.last > 0:  # one row for each step asked for, none of them padding
        used = np.repeat(each[:, None], y.values.shape[1], axis=1)
    return x_scaler, _target_scaler(y.values.reshape(-1, y.values.shape[2]), used.reshape(-1))


def _target_scaler(values: np.ndarray, weight: np.ndarray) -> ArrayScaler:
    """Mean and spread; a constant column's mean is that constant to the last bit, and its scale 1."""
    scaler, counted = ArrayScaler.fit(values, weight), values[weight > 0]
    constant = np.ptp(counted, axis=0) == 0
    return ArrayScaler(np.where(constant, counted[0], scaler.mean_), np.where(constant, 1.0, scaler.scale_))


def start(settings: SequenceSettings, samples: SequenceSamples, head: Head, seed: int) -> Fitted:
    """An untrained model for these data."""
    X, y = samples.X, samples.y
    embeddings = embeddings_of(settings.embedding, X.coding)
    network = Network(X.values.shape[2], settings.layers, head.n_outputs, embeddings=embeddings)
    check_networks(network, X.values.dtype.name, settings.rule)
    theta = network.init_theta(seed, X.values.dtype.name, settings.initializer)
    if X.coding is not None:
        write_given(settings.embedding, network, theta, X.coding)
    x_scaler, y_scaler = fit_scalers(settings, samples)
    if y_scaler is not None:  # a constant is its own forecast: no output, no loss, no gradient
        counted = y.values if samples.weight is None else y.values[samples.weight > 0]
        network.views(theta)["output.kernel"][:, np.ptp(counted, axis=(0, 1)) == 0] = 0
    progress = Progress(theta, OptimizerState.zeros(theta, settings.rule.moments))
    return Fitted(
        network=network, progress=progress, x_scaler=x_scaler, y_scaler=y_scaler,
        loss=settings.loss, last=y.last, target_ndim=y.ndim, seed=seed, dropout=settings.dropout, coding=X.coding,
        repeats=X.repeats,
    )  # fmt: skip


def _aligned_targets(y: Targets, X: Sequences, network: Network) -> np.ndarray:
    """Targets with one row for each step of X, where the engine wants it so; NaN where nothing is asked."""
    n, k, outputs = y.values.shape
    steps = X.steps
    if y.last == 1 or k == steps or (X.lengths is None and not network.layers[-1].bidirectional):
        return y.values
    full = np.full((n, steps, outputs), np.nan)
    ends = np.full(n, steps) if X.lengths is None else X.lengths
    full[np.arange(n)[:, None], ends[:, None] - k + np.arange(k)] = y.values
    return full


def batches_of(settings: SequenceSettings, X: Sequences, target_steps: int, seed: int) -> ArrayBatches:
    """How the rows are cut into mini-batches."""
    return ArrayBatches(
        n=X.n, steps=X.steps, target_steps=target_steps, batch=settings.batch_of(X.n), shuffle=settings.shuffle,
        seed=seed, lengths=X.lengths, window=settings.bptt_steps, buckets=settings.bucket_by_length,
        repeated=X.repeats > 0, device=settings.device,
    )  # fmt: skip


def checkpoint_steps_of(settings: SequenceSettings, steps: int) -> int | None:
    """Steps between two kept states; "auto" is the root of all steps, with which memory is least."""
    return math.isqrt(steps - 1) + 1 if settings.checkpoint_steps == "auto" else settings.checkpoint_steps


def _with_spare_rows(rows: np.ndarray, count: int) -> np.ndarray:
    """Zeros behind the end: the last window of truncated BPTT is read in full, though it may reach past it."""
    return np.concatenate([rows, np.zeros((count, rows.shape[1]), rows.dtype)]) if count else rows


def _cast_targets(values: np.ndarray, dtype: str) -> np.ndarray:
    with np.errstate(over="ignore"):
        cast = np.ascontiguousarray(values, dtype)
    if np.isinf(cast).any():
        raise ValueError(f"Input y contains a value too large for dtype('{dtype}'). Use standardize=True.")
    return cast


def class_order(y: Targets, lengths: np.ndarray | None, n_classes: int) -> np.ndarray:
    """Class numbers, those that y (n, steps, 1) has most often first; padding does not count."""
    codes = y.values[:, :, 0]
    if y.last == 0 and lengths is not None:
        codes = codes[np.arange(codes.shape[1]) < lengths[:, None]]
    counts = np.bincount(codes.ravel().astype(np.int64), minlength=n_classes)
    return np.argsort(-counts, kind="stable")


def trainer_of(settings: SequenceSettings, fitted: Fitted, samples: SequenceSamples) -> Trainer:
    """Trains `fitted` in place; it is a copy of what the estimator holds, so a failure loses nothing."""
    X, y, weight = samples.X, samples.y, samples.weight
    dtype = fitted.progress.theta.dtype.name
    inputs = scaled_inputs(fitted, X, dtype)
    values = _aligned_targets(y, X, fitted.network)
    if fitted.y_scaler is not None:
        values = fitted.y_scaler.transform(values.reshape(-1, values.shape[2])).reshape(values.shape)
    batches = batches_of(settings, X, values.shape[1], fitted.seed)
    n_sampled = settings.sampled_of(fitted.network.n_outputs)
    spare = batches.window_steps if batches.carries and batches.ragged else 0
    source = TrainingData(
        _with_spare_rows(inputs.reshape(-1, inputs.shape[2]), spare),
        _with_spare_rows(_cast_targets(values.reshape(-1, values.shape[2]), dtype), spare),
        weight=None if weight is None else np.ascontiguousarray(weight, dtype),
        y_steps=values.shape[1],
        repeated=X.repeats > 0,
        class_order=class_order(y, X.lengths, fitted.network.n_outputs) if n_sampled else None,
    )
    checkpoints = checkpoint_steps_of(settings, batches.window_steps)
    plan = settings.plan(
        fitted.loss, last=fitted.last, n_sampled=n_sampled, checkpoint_steps=checkpoints,
        of_zeros=_loss_of_zeros(fitted, values, samples),
    )  # fmt: skip
    return Trainer(fitted.network, fitted.progress, source, batches, plan)


def _loss_of_zeros(fitted: Fitted, values: np.ndarray, samples: SequenceSamples) -> float:
    """The loss of outputs that are all 0, by targets (n, steps, outputs) as the network has them."""
    n, steps, outputs = values.shape
    weight = np.repeat(np.ones(n) if samples.weight is None else samples.weight, steps)
    if samples.X.lengths is not None and fitted.last == 0:
        weight = weight * (np.arange(steps) < samples.X.lengths[:, None]).reshape(-1)
    return loss_of_zeros(fitted.loss, values.reshape(-1, outputs), weight, fitted.network.n_outputs)


def run(
    fitted: Fitted, X: Sequences, n_jobs: int | None, theta: np.ndarray | None = None, dropout: Dropout = NO_DROPOUT,
    seed: int = 0, device: str = "cpu",
) -> np.ndarray:  # fmt: skip
    """Outputs (n, steps, outputs) of the network, in the unit of the targets; dropout is off if not asked for."""
    theta = fitted.progress.theta if theta is None else theta
    inputs = scaled_inputs(fitted, X, theta.dtype)
    steps = min(fitted.last, X.steps)
    _check_outputs(fitted, X, theta.itemsize)
    result = forward(
        fitted.network, theta, inputs, last=steps, lengths=X.lengths, n_threads=thread_count(n_jobs), dropout=dropout,
        seed=seed, device=device, repeats=X.repeats, states=False,
    ).outputs  # fmt: skip
    if fitted.last > 1 and result.shape[1] > steps:
        result = _last_steps(result, X.lengths, steps)
    if fitted.y_scaler is None:
        return result
    with np.errstate(over="ignore", invalid="ignore"):  # who asked looks at it
        flat = fitted.y_scaler.inverse(result.reshape(-1, result.shape[2])).reshape(result.shape)
    return _clear_padding(flat, X.lengths) if fitted.last == 0 else flat


def _check_outputs(fitted: Fitted, X: Sequences, itemsize: int) -> None:
    """Refuse outputs that would not fit: those of each chunk of rows, and all of them together."""
    steps, width = min(X.steps, fitted.last or X.steps), fitted.network.n_outputs
    need = 2 * X.n * steps * width * itemsize
    check_fits(need, f"X: {X.n} predictions of {steps} steps and {width} outputs", "Predict fewer rows at a time.")


def _last_steps(outputs: np.ndarray, lengths: np.ndarray | None, k: int) -> np.ndarray:
    """The last k valid outputs of each row."""
    ends = np.full(len(outputs), outputs.shape[1]) if lengths is None else lengths
    return outputs[np.arange(len(outputs))[:, None], np.maximum(ends[:, None] - k + np.arange(k), 0)]


def _clear_padding(outputs: np.ndarray, lengths: np.ndarray | None) -> np.ndarray:
    if lengths is not None:
        outputs[np.arange(outputs.shape[1]) >= lengths[:, None]] = 0
    return outputs
