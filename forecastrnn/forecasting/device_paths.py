"""Forecasts on a GPU: all series and paths of a member are the rows of one program, one member after the other.

The rounds are those of `paths`. What the CPU has as arguments of many small jobs are buffers of one large one here,
whose histories are copied to the GPU once for all members; only the new values come back.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from forecastrnn.engine.fence_formula import FENCE
from forecastrnn.engine.input_formulas import STATIC
from forecastrnn.engine.jobs import borrowed
from forecastrnn.engine.program import Program
from forecastrnn.forecasting.paths import RAW, Histories, PathsShape, emit_rounds, with_room
from forecastrnn.forecasting.states import states_width

ROWS_BYTES = 2**28  # of the histories, inputs and new values of all rows at once


def run_on_device(
    kind: PathsShape, thetas: np.ndarray, which: np.ndarray, histories: Histories, h: int,
    given: dict[str, np.ndarray],
) -> np.ndarray:  # fmt: skip
    """Scaled values (paths, n, h) behind the end of n series, as `run_paths` gives them; on `kind.device`.

    thetas (k, size); which (paths,): the network of each path. `kind.rows` are the most that it takes at once.
    """
    n, own = len(histories.z), [np.flatnonzero(which == member) for member in np.unique(which)]
    total = n * max(len(paths) for paths in own)  # rows: the paths of a member, one after the other, each n series
    fit = max(1, ROWS_BYTES // _row_bytes(kind, histories, h))
    rows = -(-total // -(-total // min(kind.rows, fit)))
    kind = replace(kind, rows=rows)
    out = np.empty((len(which), n, h), kind.dtype)
    key = kind, min(n, rows), histories.z.shape[1], h
    with borrowed(key, lambda: DevicePaths(*key)) as program:
        for lo in range(0, total, rows):
            path, series = np.divmod(np.minimum(np.arange(lo, lo + rows), total - 1), n)  # the last part is filled up
            program.begin(histories, series)
            for paths in (p for p in own if path[0] < len(p)):
                mine = paths[np.minimum(path, len(paths) - 1)]
                of_rows = {name: values[mine, series] for name, values in given.items()}
                found = program.run(thetas[which[paths[0]]], of_rows)
                wanted = path < len(paths)
                out[mine[wanted], series[wanted]] = found[wanted]
    return out


def _row_bytes(kind: PathsShape, histories: Histories, h: int) -> int:
    """Memory of a row."""
    inputs, known = histories.inputs[0].nbytes, histories.z.shape[1]
    inputs += 0 if histories.ahead is None else histories.ahead[0].nbytes + 8 * h
    return inputs + 8 * kind.context + (known + h) * (2 * histories.z.itemsize + 8) + 2 * h * histories.z.itemsize


class DevicePaths:
    """The program of `kind.rows` rows that read the inputs of `n_inputs` series; h values behind `known` ones."""

    def __init__(self, kind: PathsShape, n_inputs: int, known: int, h: int) -> None:
        self.kind, self.known, self.h, self.length = kind, known, h, known + h
        self.n_inputs = n_inputs
        self.program = program = Program(kind.dtype, 1, device=kind.device)
        self.fields = self._buffers()
        emit_rounds(kind, program, self.fields)
        if not kind.head.at_once:
            program.next_round()
            program.emit(
                "copy_columns", 0, source=self.fields["z"].at(known), out=self.fields["result"], rows=kind.rows, F=h,
                lds=self.length, ldo=h,
            )  # fmt: skip
        self.nbytes = program.nbytes

    def _buffers(self) -> dict[str, Any]:
        """What `emit_rounds` reads, and the numbers of the program."""
        kind, buffer, rows = self.kind, self.program.buffer, self.kind.rows
        found: dict[str, Any] = {
            "now": self.known - 1,
            "length": self.length,
            "noisy": self.h,
            "sums": None,
            "long_run": None,
        }
        found |= {name: buffer(name, (rows, self.length)) for name in ("z", "a")}
        found |= {name: buffer(name, (rows,), np.int64) for name in ("phase", "period", "first")}
        found["static"] = buffer("static", (rows, STATIC))
        found["fence"] = buffer("fence", (rows, FENCE))
        found["inputs"] = buffer("inputs", (self.n_inputs, kind.context, kind.network.reader.columns))
        found["starts"] = buffer("starts", (kind.context, rows), np.int64)
        found["result"] = buffer("result", (rows, kind.head.steps if kind.head.at_once else self.h))
        if kind.layout.older_means:
            found["sums"] = buffer("sums", (rows, self.length + 1), np.float64)
        if kind.layout.with_long_run:
            found["long_run"] = buffer("long_run", (rows,), np.float64)
        if kind.likelihood is not None and not kind.likelihood.is_scaled:
            found |= {name: buffer(name, (rows,) if name in ("unit", "gain") else (rows, self.h)) for name in RAW}
        if kind.noisy:
            found["noise"] = buffer("noise", (rows, self.h))
        if kind.layout.has_covariates:
            steps = max(self.h, kind.rows_at_once)
            found["ahead"] = buffer("ahead", (self.n_inputs, steps, kind.network.writer.columns))
            found["ahead_starts"] = buffer("ahead_starts", (steps, rows), np.int64)
        if kind.goes_on:
            found["states"] = buffer("states", (rows, states_width(kind.network.reader)))
        return found

    def begin(self, histories: Histories, series: np.ndarray) -> None:
        """Take the histories of the rows' series; all members go on from them."""
        fields, z = self.fields, np.zeros((self.kind.rows, self.length), self.kind.dtype)
        z[:, : self.known] = histories.z[series]
        fields["z"].put(z)
        self.last = z[:, self.known - 1 : self.known]
        fields["a"].put(with_room(histories.means[series], self.length))
        for name in ("static", "fence", "phase", "period", "first"):
            fields[name].put(getattr(histories, name)[series])
        if histories.sums is not None:
            fields["sums"].put(with_room(histories.sums[series], self.length + 1))
        for name in ("long_run", *RAW):
            values = getattr(histories, name)
            if values is not None:
                fields[name].put(values[series])
        own = len(histories.z) > self.n_inputs  # not all series are here: each row has inputs of its own
        row = np.arange(self.kind.rows) if own else series
        given = {"inputs": ("starts", histories.inputs), "ahead": ("ahead_starts", histories.ahead)}
        for name, (starts, values) in given.items():
            if values is not None:
                fields[name].put(values[series] if own else values)
                fields[starts].put(row * values.shape[1] + np.arange(values.shape[1])[:, None])

    def run(self, theta: np.ndarray, given: dict[str, np.ndarray]) -> np.ndarray:
        """Scaled values (rows, h) by one network; `given`: what each row has of its own, by name."""
        kind, fields, result = self.kind, self.fields, self.fields["result"]
        for name, values in given.items():
            fields[name].put(values)
        repeats = (*kind.repeats(self.h), *(() if kind.head.at_once else (1,)))
        for turn, steps in enumerate(repeats):
            self.program.run(0, steps, kind.lanes, rounds=(turn, turn + 1), theta=theta)
        values = result.part(0, kind.rows * result.shape[1]).reshape(result.shape)
        return self.last + values[:, : self.h] if kind.head.at_once else values
