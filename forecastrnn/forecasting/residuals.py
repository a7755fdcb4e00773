"""One-step errors behind each series: what futures are drawn with."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from forecastrnn.engine.devices import CPU
from forecastrnn.forecasting.preparation import Prepared
from forecastrnn.forecasting.settings import Settings
from forecastrnn.networks.network import AnyNetwork, Network
from forecastrnn.programs.inference import forward

CHUNK = 512  # series at once
RECENT = 76  # one-step errors of a series that its residuals come from
ROUNDS = 100  # in which Huber's middle is found
RESIDUALS = 64  # quantiles of them that are kept


def residuals_of(
    prepared: Prepared, settings: Settings, one_step: Callable[[np.ndarray, int], np.ndarray], n_members: int
) -> np.ndarray:
    """Quantiles of each series' last one-step errors (members, n_series, RESIDUALS), scaled, of the loss's middle 0.

    A series with few errors of its own gets those of all, scaled to its mean error. one_step(rows, k): the outputs of
    member k (n_series, steps) for the inputs of rows (n_series, steps).
    """
    if settings.head.at_once or settings.likelihood is not None:  # that says how values are distributed
        return np.zeros((n_members, prepared.n_series, 0))
    steps = min(RECENT + prepared.context, int(np.diff(prepared.starts).min()) - prepared.layout.mean_width - 2)
    rows = prepared.starts[1:, None] + np.arange(-steps - 1, -1)
    change = np.where(prepared.observed[rows + 1], prepared.z[rows + 1] - prepared.z[rows], np.nan)[:, -RECENT:]
    outputs = [one_step(rows, k)[:, -RECENT:] for k in range(n_members)]
    found = np.stack([_quantiles(change[:, -out.shape[1] :] - out) for out in outputs])
    return found - centre_of(found, settings.loss)


def centre_of(errors: np.ndarray, loss: str) -> np.ndarray:
    """What a forecast would be moved by (members, n_series, 1) for the least mean loss of these errors.

    The middle of skewed errors is no error of a mean: fed back, it added up, and futures of counts drifted.
    """
    if loss == "squared_error":
        return errors.mean(axis=2, keepdims=True)
    found = np.median(errors, axis=2, keepdims=True)
    for _ in range(ROUNDS if loss == "huber" else 0):
        found = found + np.clip(errors - found, -1.0, 1.0).mean(axis=2, keepdims=True)
    return found


def one_step_outputs(
    network: Network, theta: np.ndarray, inputs_at: Callable[[np.ndarray], np.ndarray], rows: np.ndarray, *,
    n_threads: int, device: str = CPU,
) -> np.ndarray:  # fmt: skip
    """Outputs (n_series, steps) of one network for the inputs of rows (n_series, steps), which `inputs_at` gives."""
    parts = [
        forward(network, theta, inputs_at(part), n_threads=n_threads, device=device, states=False).outputs[
            :, -RECENT:, 0
        ]
        for part in np.array_split(rows, -(-len(rows) // CHUNK))
    ]
    return np.concatenate(parts)


def _quantiles(errors: np.ndarray) -> np.ndarray:
    """Evenly spaced quantiles of each row's errors."""
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
    return own


def pair_outputs(
    network: AnyNetwork, theta: np.ndarray, inputs: tuple[np.ndarray, np.ndarray], rows: np.ndarray,
    steps: tuple[int, int], *, n_threads: int, device: str = CPU,
) -> np.ndarray:  # fmt: skip
    """Outputs of the decoder for the inputs of the last of rows (n, times), in stretches of at most its steps.

    inputs : those of the encoder and of the decoder.
    Each stretch has the context before it; what is left over at the front is not forecast.
    """
    context, room = steps[0], rows.shape[1] - steps[0]
    length = min(steps[1], room)
    begin = rows.shape[1] - length * np.arange(room // length, 0, -1)  # of each stretch
    known, own = (rows[:, begin[:, None] + np.arange(*span)] for span in ((-context, 0), (0, length)))
    known, own = known.reshape(-1, context), own.reshape(-1, length)
    parts, run = [], partial(forward, n_threads=n_threads, device=device)
    for part in np.array_split(np.arange(len(own)), -(-len(own) // CHUNK)):
        state = run(network.reader, network.reader_theta(theta), inputs[0][known[part]], last=1).states
        found = run(network.writer, network.writer_theta(theta), inputs[1][own[part]], state=state)
        parts.append(found.outputs[:, :, 0])
    return np.concatenate(parts).reshape(len(rows), -1)
