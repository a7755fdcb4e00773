"""Attention of a decoder to what is kept of the source: its buffers, its operations, its gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from forecastrnn.engine.buffers import Buffer, Place
from forecastrnn.engine.program import Program
from forecastrnn.networks.seq2seq_network import Seq2SeqNetwork
from forecastrnn.programs.assembly import Assembly
from forecastrnn.programs.dense import Dense
from forecastrnn.programs.direction import Batch, MatrixView, padded


@dataclass(frozen=True)
class SourceMemory:
    """What one shard's rows look back at: values (rows, source steps, ld), their keys, how many steps are valid."""

    values: Buffer
    keys: Buffer | None
    valid: Buffer


class Attention:
    """Emits attention for the decoder `build`, over `source_steps` steps of the source at most."""

    def __init__(
        self, network: Seq2SeqNetwork, program: Program, theta: Buffer, build: Assembly, source_steps: int
    ) -> None:  # fmt: skip
        self.network, self.program, self.build, self.J = network, program, build, source_steps
        self.F, self.ld = network.units, padded(network.units, build.dtype)
        self.Jp = padded(source_steps, build.dtype)
        self.near = build.directions[0][0]
        names = [name for name in network.layout if name.startswith("attention.")]
        self.theta = {name.removeprefix("attention."): theta.at(network.layout[name].offset) for name in names}
        self.parts = {
            name: Dense(program, name, self.near, shape[0] if len(shape) > 1 else 1, self.F)
            for name, shape in network.attention_shapes.items()
        }
        self.kept = [self._keep_buffers(stack.batch) for stack in build.stacks]

    def _keep_buffers(self, batch: Batch) -> SourceMemory:
        buffer, shape = self.program.buffer, (batch.rows, self.J, self.ld)
        return SourceMemory(
            buffer(f"values[{batch.shard}]", shape),
            buffer(f"keys[{batch.shard}]", shape) if self.additive else None,
            buffer(f"valid[{batch.shard}]", (batch.rows,), "int64", fill=self.J),
        )

    @property
    def additive(self) -> bool:
        """Whether scores are those of Bahdanau et al."""
        return self.network.attention == "additive"

    def _room(self, name: str, shard: int, *shape: int) -> Buffer:
        return self.program.scratch(f"{name}[{shard}]", shape)

    def _sizes(self, batch: Batch) -> dict[str, int]:
        return {"T": batch.steps, "J": self.J, "B": batch.rows, "F": self.F, "Jp": self.Jp}

    def weights(self, shard: int) -> Buffer:
        """Where the weights (rows, steps, padded source steps) of a shard lie."""
        batch = self.build.stacks[shard].batch
        return self._room("weights", shard, batch.rows, batch.steps, self.Jp)

    def pack(self) -> None:
        """Emit the packing of all parameters, dealt to the shards in turn."""
        training, shapes = self.build.shape.training, self.network.attention_shapes
        for turn, (name, part) in enumerate(self.parts.items()):
            part.pack(self.theta[name], turn % self.build.shape.shards, training and len(shapes[name]) > 1)

    # Forward ------------------------------------------------------------------------------------------
    def keep(self, shard: int, top: MatrixView, valid: Buffer) -> None:
        """Emit: the encoder's outputs (source steps, rows, ld) of the valid steps are kept, row by row."""
        kept, rows = self.kept[shard], self.build.stacks[shard].batch.rows
        self.program.emit("take_lengths", shard, lengths=valid, valid=kept.valid, B=rows, stride=0)
        self.program.emit(
            "turn_rows", shard, source=top.place, out=kept.values, valid=kept.valid, B=rows, T=self.J, F=self.F,
            source_row=top.ld, source_time=rows * top.ld, out_row=self.J * self.ld, out_time=self.ld,
        )  # fmt: skip
        self.make_keys(shard)

    def make_keys(self, shard: int) -> None:
        """Emit: the keys of the values that are kept, where the score has keys."""
        kept, rows = self.kept[shard], self.build.stacks[shard].batch.rows
        if kept.keys is not None:
            values = MatrixView(kept.values, self.ld, self.F)
            self.parts["key_kernel"].forward(shard, rows * self.J, values, kept.keys.at(0))

    def forward(self, batch: Batch, top: MatrixView) -> MatrixView:
        """Emit what the output projection reads, for the outputs `top` (steps, rows, ld) of the decoder's layers."""
        shard, rows, kept = batch.shard, batch.steps * batch.rows, self.kept[batch.shard]
        weights = self.weights(shard)
        self._scores(batch, top, weights)
        context = self._room("context", shard, rows, self.ld)
        self.program.emit(
            "attend", shard, values=kept.values, zero=self.near.zero, weights=weights, context=context,
            valid=kept.valid, ldv=self.ld, ldc=self.ld, **self._sizes(batch),
        )  # fmt: skip
        out, bias = self._room("out", shard, rows, self.ld), self.parts["bias"].packed
        self.parts["context_kernel"].forward(shard, rows, MatrixView(context, self.ld, self.F), out.at(0), bias)
        self.parts["state_kernel"].forward(shard, rows, top, out.at(0), add=True)
        self.program.emit("squash", shard, x=out, rows=rows, F=self.F, ld=self.ld)
        return MatrixView(out.at(0), self.ld, self.F)

    def _scores(self, batch: Batch, top: MatrixView, scores: Buffer) -> None:
        shard, kept, sizes = batch.shard, self.kept[batch.shard], self._sizes(batch)
        if kept.keys is None:
            self.program.emit(
                "dot_scores", shard, query=top.place, values=kept.values, zero=self.near.zero,
                turned=self._room("turned", shard, self.F, self.Jp), scores=scores, valid=kept.valid, ldq=top.ld,
                ldv=self.ld, **sizes,
            )  # fmt: skip
            return
        query = self._room("query", shard, batch.steps * batch.rows, self.ld)
        self.parts["query_kernel"].forward(shard, batch.steps * batch.rows, top, query.at(0))
        self.program.emit(
            "additive_scores", shard, query=query, keys=kept.keys, direction=self.parts["score_kernel"].packed,
            scores=scores, valid=kept.valid, ldq=self.ld, ldk=self.ld, **sizes,
        )  # fmt: skip

    # Backward -----------------------------------------------------------------------------------------
    def backward(self, batch: Batch, top: MatrixView, dout: MatrixView) -> tuple[MatrixView, MatrixView]:
        """Emit all gradients, from those by what `forward` returned.

        Returns those by the decoder's outputs (steps, rows, ld) and by the encoder's (source steps, rows, ld).
        """
        shard, rows, kept = batch.shard, batch.steps * batch.rows, self.kept[batch.shard]
        out, context = self._room("out", shard, rows, self.ld), self._room("context", shard, rows, self.ld)
        dz, parts = dout.place.at(0), self.parts
        self.program.emit("squash_back", shard, y=out, dy=dz, rows=rows, F=self.F, ld=self.ld)
        for name, a in (
            ("context_kernel", MatrixView(context, self.ld, self.F)),
            ("state_kernel", top),
            ("bias", None),
        ):
            parts[name].weight_gradient(shard, rows, a, dz)
        dcontext, dtop = self._room("dcontext", shard, rows, self.ld), self._room("dtop", shard, rows, self.ld)
        parts["context_kernel"].input_gradient(shard, rows, dz, dcontext.at(0))
        parts["state_kernel"].input_gradient(shard, rows, dz, dtop.at(0))
        dvalues = self._room("dvalues", shard, batch.rows, self.J, self.ld)
        dscores = self._room("dscores", shard, batch.rows, batch.steps, self.Jp)
        self.program.emit(
            "attend_back", shard, dcontext=dcontext, values=kept.values, weights=self.weights(shard),
            zero=self.near.zero, turned=self._room("turned", shard, self.F, self.Jp), dscores=dscores, dvalues=dvalues,
            valid=kept.valid, ldv=self.ld, ldc=self.ld, **self._sizes(batch),
        )  # fmt: skip
        self._scores_back(batch, top, dscores, dtop.at(0), dvalues.at(0))
        return MatrixView(dtop.at(0), self.ld, self.F), self._by_time(batch, dvalues)

    def _scores_back(self, batch: Batch, top: MatrixView, dscores: Buffer, dtop: Place, dvalues: Place) -> None:
        """Emit: gradients by the scores go on to those by the outputs of both sides, which are added to."""
        shard, rows, kept, ld = batch.shard, batch.steps * batch.rows, self.kept[batch.shard], self.ld
        shared: dict[str, Any] = {"dscores": dscores, "valid": kept.valid, **self._sizes(batch)}
        if kept.keys is None:
            self.program.emit(
                "dot_scores_back", shard, query=top.place, values=kept.values, dquery=dtop, dvalues=dvalues,
                zero=self.near.zero, ldq=ld, ldv=ld, **shared,
            )  # fmt: skip
            return
        dquery, dkeys = self._room("dquery", shard, rows, ld), self._room("dkeys", shard, batch.rows, self.J, ld)
        self.program.emit(
            "additive_scores_back", shard, query=self._room("query", shard, rows, ld), keys=kept.keys,
            direction=self.parts["score_kernel"].packed, dquery=dquery, dkeys=dkeys,
            ddirection=self.parts["score_kernel"].gradient(shard), ldq=ld, ldk=ld, **shared,
        )  # fmt: skip
        values = MatrixView(kept.values, ld, self.F)
        self.parts["query_kernel"].weight_gradient(shard, rows, top, dquery.at(0))
        self.parts["key_kernel"].weight_gradient(shard, batch.rows * self.J, values, dkeys.at(0))
        self.parts["query_kernel"].input_gradient(shard, rows, dquery.at(0), dtop, add=True)
        self.parts["key_kernel"].input_gradient(shard, batch.rows * self.J, dkeys.at(0), dvalues, add=True)

    def _by_time(self, batch: Batch, dvalues: Buffer) -> MatrixView:
        """Emit: derivatives by the values, time first as the encoder's layers read them."""
        dsource = self._room("dsource", batch.shard, self.J, batch.rows, self.ld)
        self.program.emit(
            "turn_rows", batch.shard, source=dvalues, out=dsource, valid=self.kept[batch.shard].valid, B=batch.rows,
            T=self.J, F=self.F, source_row=self.J * self.ld, source_time=self.ld, out_row=self.ld,
            out_time=batch.rows * self.ld,
        )  # fmt: skip
        return MatrixView(dsource.at(0), self.ld, self.F)

    def unpack(self, grad: Buffer, sums: Buffer, shard: int) -> None:
        """Emit the sums over shards of this piece's part of each parameter's rows."""
        for name, part in self.parts.items():
            part.unpack(grad.at(self.theta[name].offset), sums, shard)
