"""Forecasts beside covariates, restated slowly: each row by itself, the whole past through the network at each step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from forecastrnn.data.covariate_values import Covariates
from forecastrnn.forecasting.ends import SeriesEnds, take
from forecastrnn.forecasting.model import Model
from forecastrnn.programs.inference import forward
from support.naive_covariates import known_first, naive_numbers
from support.slow_forecasts import slow_row


def framed(own: np.ndarray, numbers: Any, codes: Any) -> np.ndarray:
    """A row: raw numbers, the inputs of the series, asinh of the numbers, codes."""
    return np.concatenate([numbers, own, np.arcsinh(numbers), codes])


def slow_beside(model: Model, ahead: Covariates, h: int, member: int = 0) -> np.ndarray:
    """Forecasts (n_series, h) of one member; what is known until now is that of the last row, or nothing."""
    found = []
    for i in range(model.tail.n_series):
        tail, theta = take(model.tail, np.array([i])), model.trained.thetas[member, i if model.trained.is_local else 0]
        p, z = tail.prepared, tail.z[0]
        plan = [beside_row(model, tail, ahead.take(np.array([i * h + j]))) for j in range(h)]
        rows = np.empty((0, tail.inputs.shape[2]))
        for j, (numbers, codes) in enumerate(plan):
            own = slow_row(p, z, len(z) - 1, tail.phase[0] + j)
            static = tail.inputs[0, -1, 2 * p.layout.n_columns + len(codes) :]
            rows = np.concatenate([rows, framed(own, numbers, [*codes, *static])[None]])
            if model.network.writer.ahead:
                z = np.append(z, z[-1] + _outputs_at_once(model, theta, tail.inputs[0], rows, plan))
                break
            z = np.append(z, z[-1] + _last_output(model, theta, tail.inputs[0], rows))
        found.append(p.inverse(z[None, -h:])[0])
    return np.array(found)


def beside_row(model: Model, tail: SeriesEnds, given: Covariates) -> tuple[list[float], list[float]]:
    """Numbers and codes of one step, in the order of a row."""
    own = tail.prepared.covariates
    scales, decodes = own.scales, model.network.hands_over
    roles = [c.role for c in scales.columns if c.kind != "category"]
    roles += [role for role, gap in zip(roles, scales.gaps, strict=True) if gap]
    order = known_first(roles)
    new = naive_numbers(given.numbers[0], own.centre[0], scales.spread.tolist(), scales.gaps.tolist())
    numbers = [
        new[k] if roles[k] == "known" else 0.0 if roles[k] == "past" and decodes else own.numbers[0, place]
        for place, k in enumerate(order)
    ]
    roles, codes = [c.role for c in scales.columns if c.kind == "category"], []
    for place, k in enumerate(known_first(roles)):
        seen, code = scales.seen[place].tolist(), given.codes[0, k]
        unknown = len(seen) if decodes else own.codes[0, place]
        codes.append(unknown if roles[k] == "past" else seen.index(code) if code in seen else len(seen))
    return numbers, codes


def _outputs_at_once(
    model: Model, theta: np.ndarray, context: np.ndarray, rows: np.ndarray, plan: list[tuple[list[float], list[float]]]
) -> np.ndarray:
    """Those of the network, and what each step's own inputs add."""
    network = model.network.writer
    plain, weights, ahead = replace(network, ahead=None), network.views(theta), network.ahead
    found = forward(plain, theta[: plain.size], np.concatenate([context, rows])[None]).outputs[0, -1, : len(plan)]
    for j, (numbers, codes) in enumerate(plan):
        found[j] += sum(weights["ahead.kernel"][k, 0] * numbers[k] for k in range(ahead.numbers))
        found[j] += sum(weights[f"ahead.{k}.scalars"][int(codes[k]), 0] for k in range(ahead.categories))
    return found


def _last_output(model: Model, theta: np.ndarray, context: np.ndarray, rows: np.ndarray) -> float:
    network = model.network
    if not network.hands_over:
        return float(forward(network, theta, np.concatenate([context, rows])[None]).outputs[0, -1, 0])
    state = forward(network.reader, network.reader_theta(theta), context[None], last=1).states
    return float(forward(network.writer, network.writer_theta(theta), rows[None], state=state).outputs[0, -1, 0])
