"""Encoder and decoder forward: sources encoded, and the decoder run a step at a time.

To decode n sources in one call of compiled code::

    encoded = encode(network, theta, X, lengths)                 # final states and outputs of the encoder
    decoding = Decoding(network, dtype, rows=n, source_steps=X.shape[1])
    decoding.start(theta, encoded)                               # packs the weights, sets states, values and keys

Then emit what makes the next input behind the operations that are there: for shard s of `decoding.program`,
`decoding.stacks[s].out` are the outputs and `decoding.x[s]` (1, rows, columns) is what the next step reads (as
`generation.Generator` does); and `decoding.program.run(first, steps, n_threads, theta=theta)`: the states go on by
themselves. A row's state lies in `run.states[name]` (2, rows, padded units) of `decoding.stacks[s].runs[layer][0]`,
both steps of it, its source in `decoding.attention.kept[s]`: a search that gives a row the past of another copies only
the state, as long as both belong to the same source.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecastrnn.engine.buffers import Argument, Buffer
from forecastrnn.engine.program import Program
from forecastrnn.networks.seq2seq_network import Seq2SeqNetwork
from forecastrnn.programs.assembly import Assembly, split_off
from forecastrnn.programs.direction import MatrixView, padded
from forecastrnn.programs.inference import CHUNK_BYTES, State, forward, write_state
from forecastrnn.programs.seq2seq_assembly import attention_of, decode
from forecastrnn.programs.shapes import Shape, ShardPass, shards_of


@dataclass(frozen=True)
class Encoded:
    """Sources as the decoder begins with them.

    state : the decoder's before its first step, layer, direction (one), name -> (n, units). outputs (n, steps, units)
    of the encoder's last layer, zero past a row's end. lengths (n,): valid steps of each.
    """

    state: State
    outputs: np.ndarray
    lengths: np.ndarray

    def take(self, rows: np.ndarray | slice) -> Encoded:
        """Those of some rows, or of some several times: one for each hypothesis of a search."""
        state = [[{name: values[rows] for name, values in part.items()} for part in layer] for layer in self.state]
        return Encoded(state, self.outputs[rows], self.lengths[rows])


def encode(
    network: Seq2SeqNetwork, theta: np.ndarray, X: np.ndarray, lengths: np.ndarray | None = None, n_threads: int = 1,
    device: str = "cpu",
) -> Encoded:  # fmt: skip
    """Run the encoder over X (n, steps, columns), of which lengths (n,) are valid."""
    found = forward(
        network.encoder, network.reader_theta(theta), X, lengths=lengths, n_threads=n_threads, device=device
    )
    state = [
        [{name: np.concatenate([part[name] for part in layer], axis=1) for name in layer[0]}] for layer in found.states
    ]
    whole = np.full(len(X), X.shape[1]) if lengths is None else np.asarray(lengths, np.int64)
    return Encoded(state, found.outputs, whole)


class Decoding:
    """The decoder over `steps` steps of `rows` sequences in a call, the states carried from call to call.

    Parameters
    ----------
    network : encoder and decoder
    dtype : {"float32", "float64"}
    rows : sequences at once
    source_steps : those of the longest source
    steps : of one call; 1 to decode, more to run over inputs that are known
    shards : parts that run side by side; by the number of rows if not given
    device : where it runs
    """

    def __init__(
        self, network: Seq2SeqNetwork, dtype: str, rows: int, source_steps: int, steps: int = 1,
        shards: int | None = None, device: str = "cpu",
    ) -> None:  # fmt: skip
        self.network, shape = network, Shape(steps, rows, shards=shards or shards_of(rows, device), device=device)
        self.program = program = Program(dtype, shape.shards, free=True, device=device)
        theta = Argument("theta", dtype)
        self.decoder = Assembly(
            network.decoder, theta, shape, program=program.part("decoder."), offset=network.writer_offset
        )
        self.attention = attention_of(network, program, theta, self.decoder, source_steps)
        self._begin = self._emit_begin()
        width = network.decoder.n_skip + network.decoder.n_inputs
        self.x: list[Buffer] = []
        for shard, stack in enumerate(list(self.stacks)):
            self.x.append(program.buffer(f"x[{shard}]", (steps, stack.batch.rows, width)))
            self.decoder.carry(decode(self.decoder, self.attention, shard, MatrixView(self.x[-1].at(0), width, width)))

    def _emit_begin(self) -> Program:
        """A program that packs the weights and makes the keys of what is kept."""
        self.decoder.emit_pack()
        if self.attention:
            self.attention.pack()
            self.program.next_round()
            for shard in range(self.program.shards):
                self.attention.make_keys(shard)
        return split_off(self.program)

    @property
    def stacks(self) -> list[ShardPass]:
        """The passes of each shard."""
        return self.decoder.stacks

    @property
    def nbytes(self) -> int:
        """Memory of the program's buffers, in bytes."""
        return self.program.nbytes

    def rows_of(self, shard: int) -> slice:
        """MatrixView of the whole batch that a shard holds."""
        lo = self.decoder.first_row(shard)
        return slice(lo, lo + self.stacks[shard].batch.rows)

    def start(self, theta: np.ndarray, encoded: Encoded, n_threads: int = 1) -> None:
        """Begin anew: with these parameters, before the first step, over these sources."""
        write_state(self.decoder, encoded.state)
        if self.attention:
            steps, width = encoded.outputs.shape[1:]
            for shard, kept in enumerate(self.attention.kept):
                rows = self.rows_of(shard)
                kept.values.array[:, :steps, :width] = encoded.outputs[rows]
                kept.valid.array[:] = encoded.lengths[rows]
        self._theta = np.ascontiguousarray(theta)
        self._begin.run(0, 1, n_threads, theta=self._theta)


def rows_at_once(network: Seq2SeqNetwork, source_steps: int, steps: int, dtype: str) -> int:
    """MatrixView of a chunk whose work space stays under `CHUNK_BYTES`."""
    lengths = 3 * padded(network.units, dtype) + network.decoder.width + padded(network.decoder.n_outputs, dtype)
    width = steps * (lengths + padded(source_steps, dtype)) + 2 * source_steps * padded(network.units, dtype)
    width += sum((2 * padded(layer.units, dtype) + 8 * layer.units) * (steps + 1) for layer in network.decoder.layers)
    return max(8, min(1024, CHUNK_BYTES // (width * np.dtype(dtype).itemsize)))
