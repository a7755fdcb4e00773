"""Forecasts behind the ends of series, by each network of a forecaster, in a graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from forecastrnn.networks.network import AnyNetwork, Network, vectors_of
from forecastrnn.onnx_models.layers import Steps, run_layers, step_layers
from forecastrnn.onnx_models.pasts import Past, Reading, inputs_at
from forecastrnn.onnx_models.values import LAST, Scope, Value

MOST_LOG = 30.0  # a logarithm is forecast no further


class Part(NamedTuple):
    """What reads a series, or what writes its forecast: a network and its parameters."""

    network: Network
    theta: np.ndarray

    def read(self, scope: Scope, rows: Value, codes: Value | None, columns: int) -> Value:
        """What layers are given of rows (.., 2 columns) and codes (m, k), which stand at all times."""
        parts = [rows.cut(-1, columns, 2 * columns)]
        for number in range(len(self.network.embeddings) if codes is not None else 0):
            assert codes is not None
            vectors = scope.constant(self.network.views(self.theta)[vectors_of(number)], np.float32)
            own = vectors.take(codes.take(scope.constant(number, np.int64), 1), 0)
            sizes, width = rows.of("Shape", dtype=np.int64), own.of("Shape", dtype=np.int64).cut(0, 1, 2)
            parts.append(own.spread(scope.stack(sizes.cut(0, 0, -1), width, axis=0)))
        return scope.stack(*parts, axis=-1) if len(parts) > 1 else parts[0]

    def put_out(self, scope: Scope, state: Value, row: Value, columns: int) -> Value:
        """The head of the last state (m, units), which reads the raw columns of the row (m, 2 columns), too."""
        views = self.network.views(self.theta)
        kernel, bias, skip = (
            scope.constant(views[f"output.{name}"], np.float32) for name in ("kernel", "bias", "skip")
        )
        return state.of("MatMul", kernel) + bias + row.cut(1, 0, columns).of("MatMul", skip)


def scaled_ahead(
    scope: Scope, reading: Reading, network: AnyNetwork, theta: np.ndarray, past: Past, *, codes: Value | None, h: Value
) -> Value:  # fmt: skip
    """Scaled values (m, h) behind series, by one network."""
    reader = Part(network.reader, network.reader_theta(theta))
    writer = Part(network.writer, network.writer_theta(theta))
    states = _read(scope, reading, reader, past, codes)
    if reading.AT_ONCE:
        row = _row(scope, reading, past, scope.constant(0, np.int64))
        out, _ = _write(scope, reading, writer, row, states, codes)
        return past.z.cut(1, -1, LAST) + out.cut(1, 0, h).to(np.float64)
    return _fed_back(scope, reading, writer, past, states, codes=codes, h=h)


def in_unit(scope: Scope, past: Past, paths: Value) -> Value:
    """Scaled values (m, h) in the unit of their series, with the seasonal figure."""
    linear = past.linear.lifted(1)
    z = paths * past.scale.lifted(1) + past.season
    curved = scope.where(linear, 0.0, z).most(-MOST_LOG).least(MOST_LOG).of("Exp")
    return scope.where(linear, z, curved) * past.level.lifted(1) + past.shift.lifted(1)


def median_of(scope: Scope, each: Sequence[Value]) -> Value:
    """The median of forecasts (m, h)."""
    if len(each) == 1:
        return each[0]
    stacked = scope.stack(*(one.lifted(0) for one in each), axis=0)
    count = scope.constant([len(each)], np.int64)
    names = scope.graph.many("TopK", [stacked.name, count.name], 2, axis=0, largest=0)
    ordered = Value(scope, names[0], each[0].dtype)
    low, high = (len(each) - 1) // 2, len(each) // 2
    return (ordered.cut(0, low, low + 1) + ordered.cut(0, high, high + 1)).flat(0) * 0.5


def _read(scope: Scope, reading: Reading, reader: Part, past: Past, codes: Value | None) -> list[list[Value]]:
    """The states of all layers behind what a network has read."""
    rows, graph = past.inputs.turned(1, 0, 2), scope.graph
    x = reader.read(scope, rows, codes, reading.COLUMNS)
    m, steps = past.z.size(0), reading.CONTEXT
    valid = scope.constant(True, np.bool_).spread(scope.shape(steps, m, 1))
    ends = scope.constant(steps, np.int32).spread(scope.shape(m))
    every = Steps(valid.name, ends.name, scope.shape(m).name)
    _, states = run_layers(graph, reader.network, reader.theta, x.name, every)
    return [[Value(scope, name, np.float32) for name in own] for own in states]


def _row(scope: Scope, reading: Reading, past: Past, step: Value) -> Value:
    """What a network reads at the last place of the window, so many steps behind the end of the series."""
    place = np.array([reading.past - 1])
    phase = ((past.phase + step) % reading.SEASON).lifted(1)
    return inputs_at(scope, reading, past, place, phase, past.long_run.lifted(1)).flat(1)


def _write(
    scope: Scope, reading: Reading, writer: Part, row: Value, states: Sequence[Sequence[Value]], codes: Value | None
) -> tuple[Value, list[list[Value]]]:  # fmt: skip
    """Outputs (m, outputs) of a step, and the new states."""
    x, old = writer.read(scope, row, codes, reading.COLUMNS), [[one.name for one in own] for own in states]
    names = step_layers(scope.graph, writer.network, writer.theta, x.name, old)
    new = [[Value(scope, name, np.float32) for name in own] for own in names]
    return writer.put_out(scope, new[-1][-1], row, reading.COLUMNS), new


def _fed_back(
    scope: Scope, reading: Reading, writer: Part, past: Past, states: list[list[Value]], *, codes: Value | None,
    h: Value,
) -> Value:  # fmt: skip
    """Step by step: each value is read in the next step."""
    widths = np.cumsum([0, *(len(own) for own in states)]).tolist()
    width = reading.MEAN_WIDTH

    def step(k: Value, held: list[Value]) -> tuple[Value | None, Sequence[Value], Sequence[Value]]:
        z, means, *flat = held
        own = [flat[begin:end] for begin, end in zip(widths, widths[1:])]
        here = past._replace(z=z, means=means, known=past.known + k)
        out, new = _write(scope, reading, writer, _row(scope, reading, here, k), own, codes)
        value = z.cut(1, -1, LAST) + out.cut(1, 0, 1).to(np.float64)
        leaves = z[[reading.past - width]]
        last = means.cut(1, -1, LAST)
        value = _kept_near(scope, value, leaves, last, past.fence)
        mean = last + (value - leaves) / float(width)
        longer = [scope.stack(one.cut(1, 1, LAST), more, axis=1) for one, more in ((z, value), (means, mean))]
        return None, [*longer, *(one for layer in new for one in layer)], [value]

    found = scope.loop(h, [past.z, past.means, *(one for own in states for one in own)], step)
    return found[-1].flat(2).turned(1, 0)


def _kept_near(scope: Scope, value: Value, old: Value, mean: Value, fence: Value) -> Value:
    """Values (m, 1) no further from where each series was than its fence says; `mean`: the trailing one before them."""
    stop_low, free_low, free_high, stop_high, least, most = (fence.cut(1, k, k + 1) for k in range(6))
    up = scope.where(mean < stop_high, (stop_high - mean) / (stop_high - free_high), 0.0)
    down = scope.where(mean > stop_low, (stop_low - mean) / (stop_low - free_low), 0.0)
    up = scope.where((value > old) & (mean > free_high), up, 1.0)
    both = up * scope.where((value < old) & (mean < free_low), down, 1.0)
    value = scope.where(both.equals(1.0), value, old + (value - old) * both)
    return value.least(most).most(least)
