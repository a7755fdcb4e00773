"""The decoder over known inputs, a call of one or of all steps, and what it has found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from forecastrnn.engine.jobs import borrowed
from forecastrnn.networks.seq2seq_network import Seq2SeqNetwork
from forecastrnn.programs.inference import State, emit_states, read_outputs, read_states
from forecastrnn.programs.seq2seq_inference import Decoding, encode, rows_at_once


class KnownInputs(Decoding):
    """A decoder that is given what it reads."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._finals = emit_states(self.decoder)

    def step(self, x: np.ndarray, n_threads: int = 1) -> np.ndarray:
        """Outputs (rows, steps, outputs), before any link, for x (rows, steps, columns) or one step (rows, columns)."""
        given = x.reshape(len(x), -1, x.shape[-1])
        for shard, own in enumerate(self.x):
            own.array[:] = given[self.rows_of(shard)].transpose(1, 0, 2)
        self.program.run(0, 1, n_threads, theta=self._theta)
        return read_outputs(self.decoder, None, None)

    def end(self) -> None:
        """Let go of the parameters; `start` comes next."""
        self._theta = np.zeros(0)

    def state(self) -> State:
        """A copy of the states now: layer, direction, name -> (rows, units)."""
        return read_states(self.decoder, self._finals)

    def attention_weights(self) -> np.ndarray:
        """Weights (rows, steps, source_steps) of the last call."""
        if self.attention is None:
            raise ValueError("the network has no attention")
        parts = [self.attention.weights(shard).array for shard in range(self.program.shards)]
        return np.concatenate(parts)[:, :, : self.attention.J]


@dataclass(frozen=True)
class PairForward:
    """Outputs (n, steps, outputs) before any link; weights of attention (n, steps, source steps), if there is one."""

    outputs: np.ndarray
    attention: np.ndarray | None


def forward_pairs(
    network: Seq2SeqNetwork, theta: np.ndarray, X: np.ndarray, X_out: np.ndarray, lengths: np.ndarray | None = None,
    n_threads: int = 1, device: str = "cpu",
) -> PairForward:  # fmt: skip
    """Outputs for sources X (n, steps, columns) where the decoder's inputs X_out (n, target steps, columns) are known.

    What lies behind the end of a target does not change what comes before.
    """
    n, steps, dtype = len(X), X_out.shape[1], theta.dtype.name
    encoded, outputs, weights = encode(network, theta, X, lengths, n_threads, device), [], []
    chunk = rows_at_once(network, X.shape[1], steps, dtype)
    for lo in range(0, n, chunk):
        part = slice(lo, min(lo + chunk, n))
        sizes = (network, dtype, part.stop - lo, X.shape[1], steps)
        with borrowed(("decoding", *sizes, device), lambda: KnownInputs(*sizes, device=device)) as decoding:  # noqa: B023
            decoding.start(theta, encoded.take(part), n_threads)
            outputs.append(decoding.step(X_out[part], n_threads))
            if network.attention:
                weights.append(decoding.attention_weights())
            decoding.end()
    return PairForward(np.concatenate(outputs), np.concatenate(weights) if weights else None)
