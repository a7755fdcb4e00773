"""One time step for several sequences, the states carried inside: what generation and streams run."""

from __future__ import annotations

from forecastrnn.programs.assembly import Assembly
from forecastrnn.programs.direction import MatrixView
from forecastrnn.programs.inference import emit_states, forward_pass
from forecastrnn.programs.shapes import Shape, shards_of


class StepProgram:
    """One time step for `rows` sequences, the states carried inside."""

    def __init__(self, fitted_network: tuple, rows: int, shards: int | None = None, device: str = "cpu") -> None:
        network, theta = fitted_network
        self.network = network
        shape = Shape(1, rows, 1, shards=shards or shards_of(rows, device), device=device)
        self.build = build = Assembly(network, theta, shape, free=True)
        build.pack_once()
        width = network.n_inputs + network.n_skip
        self.x = [build.program.buffer(f"x[{s}]", (1, b.batch.rows, width)) for s, b in enumerate(build.stacks)]
        for stack, x in zip(build.stacks, self.x, strict=True):
            forward_pass(build, stack, MatrixView(x.at(0), width, width))
            build.carry(stack)
        self.finals = emit_states(build)

    def rows_of(self, shard: int) -> slice:
        """MatrixView of the whole batch that a shard holds."""
        lo = self.build.first_row(shard)
        return slice(lo, lo + self.build.stacks[shard].batch.rows)
