"""From an encoder and a decoder to one program: both forward, the states and attention between them, both backward."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from forecastrnn.engine.buffers import Buffer
from forecastrnn.engine.program import Program
from forecastrnn.networks.seq2seq_network import Seq2SeqNetwork
from forecastrnn.programs.assembly import Assembly
from forecastrnn.programs.attention import Attention
from forecastrnn.programs.direction import MatrixView
from forecastrnn.programs.inference import layer_outputs
from forecastrnn.programs.shapes import Shape, ShardPass

DECODER_SALT = 30_000  # its dropout is not that of the encoder; of layers there are fewer


class Seq2SeqAssembly:
    """Builds the parts of a program for `network`; parts are emitted in the order of calls.

    Parameters
    ----------
    network : the encoder, the decoder and their attention
    theta : all parameters
    shape : of the decoder: its steps are those of the target
    source_steps : of the encoder, whose rows may differ in length
    """

    def __init__(self, network: Seq2SeqNetwork, theta: np.ndarray | Buffer, shape: Shape, source_steps: int) -> None:
        self.network, self.shape = network, shape
        self.program = program = Program(theta.dtype.name, shape.shards, device=shape.device)
        self.whole_theta = theta if isinstance(theta, Buffer) else program.bind("theta", theta)
        source = replace(shape, steps=source_steps, lengths=True, sampled=0)
        self.encoder = Assembly(network.encoder, self.whole_theta, source, program=program.part("encoder."))
        self.decoder = Assembly(
            network.decoder, self.whole_theta, shape, program=program.part("decoder."), offset=network.writer_offset,
            salt=DECODER_SALT,
        )  # fmt: skip
        self.attention = attention_of(network, program, self.whole_theta, self.decoder, source_steps)

    def pack(self) -> None:
        """Emit the packing of all weights; ends the round."""
        self.encoder.emit_pack()
        self.decoder.emit_pack()
        if self.attention:
            self.attention.pack()
        self.program.next_round()

    # Forward ------------------------------------------------------------------------------------------
    def encode(self, shard: int, x: MatrixView) -> None:
        """Emit the encoder over x (source steps, rows, ld), the decoder's first states and what attention reads."""
        stack, rows = self.encoder.stacks[shard], self.encoder.stacks[shard].batch.rows
        self.encoder.forward(stack, x)
        for number, layer in enumerate(self.network.encoder.layers):
            for name in layer.cell.states:
                for k, final in enumerate(self.encoder.last_states(stack, number, name)):
                    self.encoder.copy(shard, final, self._first_state(shard, number, name, k), rows)
        if self.attention:
            assert stack.top is not None
            self.attention.keep(shard, stack.top, stack.batch.valid)

    def _first_state(self, shard: int, number: int, name: str, k: int) -> MatrixView:
        """Where direction k of the encoder's layer leaves its share of the decoder's first state."""
        direction, units = self.decoder.directions[number][0], self.network.encoder.layers[number].units
        first = direction.state(self.decoder.stacks[shard].batch, name).at(k * units)
        return MatrixView(first, direction.Hp, units)

    def decode(self, shard: int, x: MatrixView) -> ShardPass:
        """Emit the decoder over x (target steps, rows, ld): layers, attention, output projection."""
        return decode(self.decoder, self.attention, shard, x)

    # Backward -----------------------------------------------------------------------------------------
    def backward(self, stack: ShardPass) -> None:
        """Emit the gradients of all parameters for a shard, whose loss is emitted, from a pass of `decode`."""
        shard, decoder = stack.batch.shard, self.decoder
        source = self.encoder.stacks[shard]
        decoder.prepare_backward(stack)
        self.encoder.prepare_backward(source)
        dout, dsource = decoder.head.backward(stack, True), None
        assert dout is not None
        if self.attention:
            dout, dsource = self.attention.backward(stack.batch, layer_outputs(decoder, stack), dout)
        decoder.layers_backward(stack, dout, start=True)
        for number, runs in enumerate(source.runs):
            for name in self.network.encoder.layers[number].cell.states:
                for k, run in enumerate(runs):
                    direction, below = self.encoder.directions[number][k], stack.runs[number][0]
                    first = MatrixView(below.d_states[name].at(k * direction.H), self._width(number), direction.H)
                    final = MatrixView(run.d_states[name].at(0), direction.Hp, direction.H)
                    decoder.copy(shard, first, final, stack.batch.rows)
        self.encoder.layers_backward(source, dsource)

    def _width(self, number: int) -> int:
        """Numbers from row to row of the decoder's states."""
        return self.decoder.directions[number][0].Hp

    def reduce(self, grad: Buffer, sums: Buffer) -> None:
        """Emit the sum of all shards' gradients into `grad`, each piece a part of every parameter's rows."""
        self.encoder.reduce(grad, sums)
        self.decoder.reduce(grad, sums)
        if self.attention:
            for shard in range(self.shape.shards):
                self.attention.unpack(grad, sums, shard)


def attention_of(
    network: Seq2SeqNetwork, program: Program, theta: Buffer, decoder: Assembly, source_steps: int
) -> Attention | None:  # fmt: skip
    """The attention of a network, if it has one."""
    if network.attention is None:
        return None
    return Attention(network, program.part("attention."), theta, decoder, source_steps)


def decode(decoder: Assembly, attention: Attention | None, shard: int, x: MatrixView) -> ShardPass:
    """Emit a pass of the decoder over x (steps, rows, ld), from the states that its buffers hold.

    What it returns is the shard's stack from then on: `out` are the scores or values, `runs` hold the states.
    """
    stack = decoder.stacks[shard] = ShardPass(decoder.stacks[shard].batch)
    decoder.forward(stack, x)
    if attention:
        stack.top = attention.forward(stack.batch, layer_outputs(decoder, stack))
    decoder.head.forward(stack)
    return stack
