"""Forecasts beside covariates, restated slowly: each row by itself, the whole past through the network at each step."""

from __future__ import annotations

from typing import Any

import numpy as np

from forecastrnn.data.covariate_values import Covariates
from forecastrnn.forecasting.ends import take
from forecastrnn.forecasting.model import Model
from forecastrnn.programs.inference import forward
from support.naive_covariates import naive_numbers
from support.slow_forecasts import slow_row


def framed(own: np.ndarray, numbers: Any, codes: Any) -> np.ndarray:
    """A row: raw numbers, the inputs of the series, asinh of the numbers, codes."""
    return np.concatenate([numbers, own, np.arcsinh(numbers), codes])


def slow_beside(model: Model, ahead: Covariates, h: int, member: int = 0) -> np.ndarray:
    """Forecasts (n_series, h) of one member; past covariates are unknown, static ones as in the context."""
    scales, found = model.tail.prepared.covariates.scales, []
    roles = [c.role for c in scales.columns if c.kind != "category"]
    for i in range(model.tail.n_series):
        tail = take(model.tail, np.array([i]))
        p, z = tail.prepared, tail.z[0]
        rows = np.empty((0, tail.inputs.shape[2]))
        theta = model.trained.thetas[member, i if model.trained.is_local else 0]
        for j in range(h):
            given = ahead.numbers[i * h + j]
            numbers = naive_numbers(given, p.covariates.centre[0], scales.spread.tolist(), scales.gaps.tolist())
            names = roles + [role for role, gap in zip(roles, scales.gaps, strict=True) if gap]
            numbers = [
                0.0 if role == "past" else p.covariates.numbers[0, k] if role == "static" else numbers[k]
                for k, role in enumerate(names)
            ]
            codes = []
            for c, column in enumerate(c for c in scales.columns if c.kind == "category"):
                seen, code = scales.seen[c].tolist(), ahead.codes[i * h + j, c]
                codes.append(seen.index(code) if code in seen and column.role != "past" else len(seen))
            static = tail.inputs[0, -1, 2 * p.layout.n_columns + len(codes) :]
            own = slow_row(p, z, len(z) - 1, tail.phase[0] + j)
            rows = np.concatenate([rows, framed(own, numbers, [*codes, *static])[None]])
            z = np.append(z, z[-1] + _last_output(model, theta, tail.inputs[0], rows))
        found.append(p.inverse(z[None, -h:])[0])
    return np.array(found)


def _last_output(model: Model, theta: np.ndarray, context: np.ndarray, rows: np.ndarray) -> float:
    network = model.network
    if not network.hands_over:
        return float(forward(network, theta, np.concatenate([context, rows])[None]).outputs[0, -1, 0])
    state = forward(network.reader, network.reader_theta(theta), context[None], last=1).states
    return float(forward(network.writer, network.writer_theta(theta), rows[None], state=state).outputs[0, -1, 0])
