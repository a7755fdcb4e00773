"""Forecasts behind the ends of series, by each network of a forecaster, in a graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from forecastrnn.networks.exported import ExportedForecasts
from forecastrnn.networks.network import AHEAD, Network, scalars_of, vectors_of
from forecastrnn.onnx_models.covariates import Beside, Rows
from forecastrnn.onnx_models.layers import Steps, run_layers, step_layers
from forecastrnn.onnx_models.medians import Raw, next_values, raw_of
from forecastrnn.onnx_models.pasts import Past, Reading, inputs_at
from forecastrnn.onnx_models.values import LAST, Scope, Value

MOST_LOG = 30.0  # a logarithm is forecast no further


class Part(NamedTuple):
    """What reads a series, or what writes its forecast: a network and its parameters."""

    network: Network
    theta: np.ndarray

    def read(self, scope: Scope, rows: Value, codes: Sequence[Value], columns: int) -> Value:
        """What layers are given of rows (.., 2 columns) and codes (..)."""
        parts = [rows.cut(-1, columns, 2 * columns)]
        for number, code in enumerate(codes[: len(self.network.embeddings)]):
            parts.append(scope.constant(self.network.views(self.theta)[vectors_of(number)], np.float32).take(code, 0))
        return scope.stack(*parts, axis=-1) if len(parts) > 1 else parts[0]

    def put_out(self, scope: Scope, state: Value, row: Value, columns: int) -> Value:
        """The head of the last state (m, units), which reads the raw columns of the row (m, 2 columns), too."""
        views = self.network.views(self.theta)
        kernel, bias, skip = (
            scope.constant(views[f"output.{name}"], np.float32) for name in ("kernel", "bias", "skip")
        )
        return state.of("MatMul", kernel) + bias + row.cut(1, 0, columns).of("MatMul", skip)

    def ahead(self, scope: Scope, rows: Rows) -> Value | None:
        """What outputs of several steps at once get of the inputs of their own (m, h), where they read these."""
        own, views = self.network.ahead, self.network.views(self.theta)
        if own is None:
            return None
        parts = []
        if rows.numbers is not None and own.numbers:
            kernel = scope.constant(views[AHEAD], np.float32)
            parts.append(rows.numbers.cut(2, 0, own.numbers).of("MatMul", kernel).flat(2))
        for number in range(own.categories):
            assert rows.codes is not None
            scalars = scope.constant(views[scalars_of(number)][:, 0], np.float32)
            parts.append(scalars.take(rows.codes.take(scope.constant(number, np.int64), 2), 0))
        return sum(parts[1:], parts[0])


class Forecaster(NamedTuple):
    """A network that forecasts: what is exported, which of its parameters, and what is known of series and ahead."""

    exported: ExportedForecasts
    theta: np.ndarray
    past: Past
    beside: Beside
    raw: Raw | None = None

    @property
    def reading(self) -> Reading:
        """What it reads of series."""
        return Reading(self.exported.settings)

    def part(self, *, writes: bool) -> Part:
        """What reads, or what writes."""
        network = self.exported.network
        if writes:
            return Part(network.writer, network.writer_theta(self.theta))
        return Part(network.reader, network.reader_theta(self.theta))

    def codes(self, scope: Scope, categories: Value | None, shape: Value) -> list[Value]:
        """Each code in a shape (.., m): of categories (.., m, c), then of series."""
        found, series = list[Value](), self.beside.codes
        if categories is not None and self.exported.covariates is not None:
            count = len(self.exported.covariates.categories)
            found += [categories.take(scope.constant(number, np.int64), -1) for number in range(count)]
        if series is not None:
            count = self.exported.arrays["codes"].shape[1]
            found += [series.take(scope.constant(number, np.int64), 1).spread(shape) for number in range(count)]
        return found

    def values(self, scope: Scope, outputs: Value, last: Value, raw: Raw | None) -> Value:
        """Scaled values (m, k) of outputs (m, k, numbers) behind last ones (m, 1)."""
        own = self.exported.likelihood
        count = 1 if own is None else own.n_numbers
        each = [outputs.take(scope.constant(number, np.int64), 2) for number in range(count)]
        return next_values(scope, own, each, last, raw)


def scaled_ahead(
    scope: Scope, exported: ExportedForecasts, theta: np.ndarray, past: Past, h: Value, beside: Beside, *,
    noise: Value | None = None,
) -> Value:  # fmt: skip
    """Scaled values (m, h) behind series, by one network; noise (m, h) is added as it goes."""
    raw = raw_of(scope, Reading(exported.settings), past) if exported.settings["DOMAIN"] else None
    own = Forecaster(exported, theta, past, beside, raw)
    states = _read(scope, own)
    if not own.reading.AT_ONCE:
        return _fed_back(scope, own, states, h, noise)
    writer, first = own.part(writes=True), scope.constant(0, np.int64)
    row = _row(scope, own, past, first)
    out, _ = _write(scope, own, row, first, states)
    numbers = 1 if exported.likelihood is None else exported.likelihood.n_numbers
    outputs = out.to(np.float64).shaped(scope.constant([0, -1, numbers], np.int64)).cut(1, 0, h)
    more = writer.ahead(scope, beside.ahead)
    if more is not None:
        own_step = more.to(np.float64).lifted(2)
        outputs = scope.stack(outputs.cut(2, 0, 1) + own_step, outputs.cut(2, 1, LAST), axis=2)
    return own.values(scope, outputs, past.z.cut(1, -1, LAST), raw)


def as_domain(values: Value, domain: str) -> Value:
    """Values as they are possible: whole ones where they are counts, none below 0."""
    return (values.of("Round") if domain == "counts" else values).most(0.0) if domain else values


def in_unit(scope: Scope, past: Past, paths: Value) -> Value:
    """Scaled values (m, h) in the unit of their series, with the seasonal figure."""
    linear = past.linear.lifted(1)
    z = paths * past.scale.lifted(1) + past.season
    curved = scope.where(linear, 0.0, z).most(-MOST_LOG).least(MOST_LOG).of("Exp")
    return scope.where(linear, z, curved) * past.level.lifted(1) + past.shift.lifted(1)


def median_of(scope: Scope, each: Sequence[Value], *, is_counted: bool = False) -> Value:
    """The median of forecasts (m, h); of counts one that is a count."""
    if len(each) == 1:
        return each[0]
    stacked = scope.stack(*(one.lifted(0) for one in each), axis=0)
    count = scope.constant([len(each)], np.int64)
    names = scope.graph.many("TopK", [stacked.name, count.name], 2, axis=0, largest=0)
    ordered = Value(scope, names[0], each[0].dtype)
    low, high = (len(each) - 1) // 2, len(each) // 2
    high = low if is_counted else high
    return (ordered.cut(0, low, low + 1) + ordered.cut(0, high, high + 1)).flat(0) * 0.5


def _framed(scope: Scope, rows: Value, numbers: Value | None) -> Value:
    """Rows (.., 2 columns) with numbers (.., k) in front, and asinh of these behind."""
    return rows if numbers is None else scope.stack(numbers, rows, numbers.of("Asinh"), axis=-1)


def _read(scope: Scope, own: Forecaster) -> list[list[Value]]:
    """The states of all layers behind what a network has read."""
    past, steps, context, graph = own.past, own.reading.CONTEXT, own.beside.context, scope.graph
    rows = _framed(scope, past.inputs, context.numbers).turned(1, 0, 2)
    m, reader = past.z.size(0), own.part(writes=False)
    codes = own.codes(scope, context.codes and context.codes.turned(1, 0, 2), scope.shape(steps, m))
    x = reader.read(scope, rows, codes, own.reading.COLUMNS)
    valid = scope.constant(True, np.bool_).spread(scope.shape(steps, m, 1))
    ends = scope.constant(steps, np.int32).spread(scope.shape(m))
    every = Steps(valid.name, ends.name, scope.shape(m).name)
    _, states = run_layers(graph, reader.network, reader.theta, x.name, every)
    return [[Value(scope, name, np.float32) for name in layer] for layer in states]


def _row(scope: Scope, own: Forecaster, past: Past, step: Value) -> Value:
    """What a network reads at the last place of the window, so many steps behind the end of the series."""
    reading, numbers = own.reading, own.beside.ahead.numbers
    place = np.array([reading.past - 1])
    phase = ((past.phase + step) % reading.SEASON).lifted(1)
    rows = inputs_at(scope, reading, past, place, phase, past.long_run.lifted(1)).flat(1)
    return _framed(scope, rows, numbers and numbers.take(step, 1))


def _write(
    scope: Scope, own: Forecaster, row: Value, step: Value, states: Sequence[Sequence[Value]]
) -> tuple[Value, list[list[Value]]]:  # fmt: skip
    """Outputs (m, outputs) of a step, and the new states."""
    writer, ahead = own.part(writes=True), own.beside.ahead
    codes = own.codes(scope, ahead.codes and ahead.codes.take(step, 1), scope.shape(row.size(0)))
    x, old = writer.read(scope, row, codes, own.reading.COLUMNS), [[one.name for one in layer] for layer in states]
    names = step_layers(scope.graph, writer.network, writer.theta, x.name, old)
    new = [[Value(scope, name, np.float32) for name in layer] for layer in names]
    return writer.put_out(scope, new[-1][-1], row, own.reading.COLUMNS), new


def _fed_back(scope: Scope, own: Forecaster, states: list[list[Value]], h: Value, noise: Value | None) -> Value:
    """Step by step: each value is read in the next step."""
    reading, past = own.reading, own.past
    widths = np.cumsum([0, *(len(layer) for layer in states)]).tolist()
    width = reading.MEAN_WIDTH

    def step(k: Value, held: list[Value]) -> tuple[Value | None, Sequence[Value], Sequence[Value]]:
        z, means, *flat = held
        old = [flat[begin:end] for begin, end in zip(widths, widths[1:])]
        here = past._replace(z=z, means=means, known=past.known + k)
        out, new = _write(scope, own, _row(scope, own, here, k), k, old)
        raw = own.raw and own.raw.at(k)
        value = own.values(scope, out.to(np.float64).lifted(1), z.cut(1, -1, LAST), raw)
        value = value if noise is None else value + noise.take(k, 1).lifted(1)
        leaves = z[[reading.past - width]]
        last = means.cut(1, -1, LAST)
        value = _kept_near(scope, value, leaves, last, past.fence)
        mean = last + (value - leaves) / float(width)
        longer = [scope.stack(one.cut(1, 1, LAST), more, axis=1) for one, more in ((z, value), (means, mean))]
        return None, [*longer, *(one for layer in new for one in layer)], [value]

    found = scope.loop(h, [past.z, past.means, *(one for layer in states for one in layer)], step)
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
