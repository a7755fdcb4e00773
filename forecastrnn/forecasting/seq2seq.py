"""The forecaster's encoder and decoder: each window is a pair of its context and what comes behind."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from forecastrnn.forecasting.preparation import Prepared
from forecastrnn.networks.network import AnyNetwork
from forecastrnn.networks.seq2seq_network import Seq2SeqNetwork
from forecastrnn.programs.inference import forward
from forecastrnn.training.pair_task import PairData
from forecastrnn.training.seq2seq_batches import pair_index
from forecastrnn.training.stepping import TrainingProgram

CHUNK = 512  # windows at once


def pair_source(inputs: np.ndarray, z: np.ndarray, counts: np.ndarray, dtype: str) -> PairData:
    """Both sides read the inputs of their times; the targets are the changes to the next value, where that counts."""
    change = np.full((len(z), 1), np.nan)
    change[:-1, 0] = np.where(counts[1:], np.diff(z), np.nan)
    return PairData(inputs, inputs, change.astype(dtype))


def last_windows(prepared: Prepared, held: int) -> np.ndarray:
    """Starts (windows, n_series) of the windows whose decoder steps are the last `held`, or as many as all series have.

    Counted from the end, each right before the one behind it.
    """
    steps, shortest = prepared.context + prepared.ahead, int(np.diff(prepared.starts).min())
    count = min(-(-held // prepared.ahead), 1 + (shortest - 2 - steps) // prepared.ahead)
    return prepared.starts[1:] - steps - 1 - prepared.ahead * np.arange(count)[:, None]


def pair_validator(
    network: Seq2SeqNetwork, source: PairData, loss: str, starts: np.ndarray, steps: tuple[int, int], n_threads: int,
    device: str = "cpu",
) -> Callable[[np.ndarray], float]:  # fmt: skip
    """Score of parameters: minus the mean loss over the windows."""
    theta, flat = np.zeros(network.size, source.X_in.dtype), starts.reshape(-1)
    rows = min(len(flat), CHUNK)
    probe = TrainingProgram(network, theta, None, source, steps=steps, rows=rows, loss=loss, device=device)
    parts = [pair_index(part[None], steps) for part in np.resize(flat, (-(-len(flat) // rows), rows))]

    def score(candidate: np.ndarray) -> float:
        theta[:] = candidate
        found = np.array([(probe.run(part, 1, n_threads)[0], probe.weights[0]) for part in parts])
        return -float(found[:, 0] @ found[:, 1] / found[:, 1].sum())

    return score


def pair_outputs(
    network: AnyNetwork, theta: np.ndarray, inputs: np.ndarray, rows: np.ndarray, steps: tuple[int, int],
    n_threads: int, device: str = "cpu",
) -> np.ndarray:  # fmt: skip
    """Outputs of the decoder for the inputs of the last of rows (n, times), in stretches of at most its steps.

    Each stretch has the context before it; what is left over at the front is not forecast.
    """
    context, room = steps[0], rows.shape[1] - steps[0]
    length = min(steps[1], room)
    begin = rows.shape[1] - length * np.arange(room // length, 0, -1)  # of each stretch
    known, own = (rows[:, begin[:, None] + np.arange(*span)] for span in ((-context, 0), (0, length)))
    known, own = known.reshape(-1, context), own.reshape(-1, length)
    parts, run = [], partial(forward, n_threads=n_threads, device=device)
    for part in np.array_split(np.arange(len(own)), -(-len(own) // CHUNK)):
        state = run(network.reader, network.reader_theta(theta), inputs[known[part]], last=1).states
        found = run(network.writer, network.writer_theta(theta), inputs[own[part]], state=state)
        parts.append(found.outputs[:, :, 0])
    return np.concatenate(parts).reshape(len(rows), -1)
