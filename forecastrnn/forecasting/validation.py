"""The score of a member on the ends of the series, which are held out from training."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from forecastrnn.forecasting.inputs import SeriesInputs
from forecastrnn.forecasting.preparation import Prepared
from forecastrnn.forecasting.settings import Settings
from forecastrnn.forecasting.windows import held_out, source_of
from forecastrnn.networks.network import AnyNetwork
from forecastrnn.training.stepping import TrainingProgram
from forecastrnn.training.window_batches import window_index

CHUNK = 512  # windows at once


def validator(
    network: AnyNetwork, series: SeriesInputs, settings: Settings, device: str
) -> Callable[[np.ndarray], float]:
    """Score of parameters: minus the loss on the held-out ends of the series."""
    prepared, series = series.prepared, series.with_room(settings.horizon - 1)
    held = held_out(prepared.known, settings.validation_fraction, settings.horizon)
    counts = prepared.observed & held_mask(prepared, held)
    source = source_of(network, series, counts, settings, beyond=settings.horizon)
    starts, steps = held_windows(network, prepared, int(held.max()))
    theta, rows = np.zeros(network.size, settings.dtype), min(len(starts), CHUNK)
    probe = TrainingProgram(network, theta, None, source, steps=steps, rows=rows, loss=settings.any_loss, device=device)
    chunks = np.resize(starts, (-(-len(starts) // rows), 1, rows))
    parts = [window_index(chunk, steps) for chunk in chunks]

    def score(candidate: np.ndarray) -> float:
        theta[:] = candidate
        losses, weights = np.array([(probe.run(p, 1, settings.n_threads)[0], probe.weights[0]) for p in parts]).T
        return -float(losses @ weights / weights.sum() if network.hands_over else np.mean(losses))

    return score


def held_mask(prepared: Prepared, held: np.ndarray) -> np.ndarray:
    """Which of all padded values (total,) are among the last `held` of their series."""
    mask = np.zeros(len(prepared.z), bool)
    for shift in range(1, int(held.max()) + 1):
        ends = prepared.starts[1:] - shift
        mask[ends[held >= shift]] = True
    return mask


def held_windows(network: AnyNetwork, prepared: Prepared, held: int) -> tuple[np.ndarray, int | tuple[int, int]]:
    """Starts of windows that cover the last `held` values, and their steps, of a pair those of both sides."""
    if network.hands_over:
        return last_windows(prepared, held).reshape(-1), (prepared.context, prepared.ahead)
    steps = min(prepared.context + held, int(np.diff(prepared.starts).min()) - 2)
    return prepared.starts[1:] - steps - 1, steps


def last_windows(prepared: Prepared, held: int) -> np.ndarray:
    """Starts (windows, n_series) of the windows whose decoder steps are the last `held`, or as many as all series have.

    Counted from the end, each right before the one behind it.
    """
    steps, shortest = prepared.context + prepared.ahead, int(np.diff(prepared.starts).min())
    count = min(-(-held // prepared.ahead), 1 + (shortest - 2 - steps) // prepared.ahead)
    return prepared.starts[1:] - steps - 1 - prepared.ahead * np.arange(count)[:, None]
