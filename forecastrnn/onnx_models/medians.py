"""The median of what the outputs of a network say of a value, by the formulas of its likelihood, in a graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from forecastrnn.engine.cpu.heads import NEAR
from forecastrnn.networks.likelihood import Likelihood
from forecastrnn.networks.tracing.graph import CONSTANT, INPUT
from forecastrnn.onnx_models.pasts import Past, Reading
from forecastrnn.onnx_models.quantiles import negative_binomial_quantile, poisson_quantile
from forecastrnn.onnx_models.scans import OPERATIONS
from forecastrnn.onnx_models.tweedie import tweedie_quantile
from forecastrnn.onnx_models.values import Scope, Value


class Raw(NamedTuple):
    """What counts and amounts of the steps ahead are made of: shift, figure (m, h), unit, gain (m, 1).

    As `forecastrnn.forecasting.raw_values` has it: unit 0 is a series of logarithms, whose last value is added.
    """

    shift: Value
    figure: Value
    unit: Value
    gain: Value

    def at(self, step: Value) -> Raw:
        """That of one step."""
        return self._replace(shift=self.shift.take(step, 1).lifted(1), figure=self.figure.take(step, 1).lifted(1))


def raw_of(scope: Scope, reading: Reading, past: Past) -> Raw:
    """Those of series."""
    linear, scale = past.linear.lifted(1), past.scale.lifted(1)
    unit = (past.level * 0.0 + 1.0 if reading.DOMAIN == "amounts" else 1.0 / past.level).lifted(1)
    means = ((past.long_run.lifted(1) * scale + past.season).most(reading.LEAST_MEAN) / unit).of("Log")
    return Raw(
        shift=scope.where(linear, means, past.season - unit.of("Log")), figure=past.season / scale,
        unit=scope.where(linear, unit / scale, 0.0), gain=scope.where(linear, 1.0, scale),
    )  # fmt: skip


def next_values(
    scope: Scope, likelihood: Likelihood | None, outputs: Sequence[Value], last: Value, raw: Raw | None
) -> Value:
    """Scaled values (m, k) of all outputs (m, k) of each; last (m, 1): those before them."""
    if likelihood is None:
        return last + outputs[0]
    if raw is None:
        return last + _median(scope, likelihood, outputs)
    is_linear = raw.unit > 0.0
    first = outputs[0] * raw.gain + raw.shift + scope.where(is_linear, 0.0, raw.gain * last)
    value = _median(scope, likelihood, [first, *outputs[1:]])
    return scope.where(is_linear, value * raw.unit - raw.figure, (value.most(NEAR).of("Log") - raw.shift) / raw.gain)


def _median(scope: Scope, likelihood: Likelihood, outputs: Sequence[Value]) -> Value:
    graph, wanted = likelihood.median
    found: dict[int, Value] = {}
    for number in sorted(graph.ancestors(wanted)):
        operation, arguments, content = graph.nodes[number]
        if operation == INPUT:
            found[number] = outputs[int(str(content)[1:])]
        elif operation == CONSTANT:
            found[number] = outputs[0] * 0.0 + float(content)
        else:
            constants = [graph.number_of(one) for one in arguments]
            found[number] = _applied(scope, likelihood, operation, [found[one] for one in arguments], constants)
    return found[wanted]


def _applied(
    scope: Scope, likelihood: Likelihood, operation: str, values: Sequence[Value], constants: Sequence[float | None]
) -> Value:
    """An operation of a formula; constants: what the arguments are, where it is known."""
    if operation == "positive":
        return (values[0] > 0.0).to(np.float64)
    if operation == "student_quantile" and constants[0] == 0.5:
        return values[1] * 0.0
    if operation in _COUNTS:
        return _COUNTS[operation](scope, *values, is_half=constants[0] == 0.5)
    if operation == "tweedie_quantile" and constants[3] is not None:
        u, mean, dispersion = values[:3]
        return tweedie_quantile(scope, u, mean, dispersion, constants[3], is_half=constants[0] == 0.5)
    if operation not in OPERATIONS:
        raise ValueError(
            f"to_onnx: the median of {type(likelihood).__name__} needs {operation}, which a file has no nodes for. "
            'Fit with loss="absolute_error", "gaussian" or "negative_binomial", or use export_numpy, whose module has '
            "all of it."
        )
    return values[0].of(OPERATIONS[operation], *values[1:])


_COUNTS: dict[str, Callable[..., Value]] = {
    "poisson_quantile": poisson_quantile, "negative_binomial_quantile": negative_binomial_quantile,
}  # fmt: skip
