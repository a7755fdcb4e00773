"""What all networks of a forecaster say: their median, of a mean that stays over paths, of each series its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from forecastrnn.networks.exported import ExportedForecasts
from forecastrnn.onnx_models.ahead import as_domain, in_unit, median_of, scaled_ahead
from forecastrnn.onnx_models.covariates import Beside, Rows
from forecastrnn.onnx_models.pasts import Past
from forecastrnn.onnx_models.tables import by_table
from forecastrnn.onnx_models.values import LAST, Scope, Value


class Task(NamedTuple):
    """What is forecast: h steps behind series (m,), their places among those of fit, and what is known beside them.

    steps : h, where it is known in the file.
    """

    exported: ExportedForecasts
    past: Past
    beside: Beside
    places: Value | None
    h: Value
    steps: int | None

    def each(self, change: Callable[[Value], Value]) -> Task:
        """The same of other rows: those that `change` makes of those of any value."""
        codes, context, ahead = self.beside
        rows = (Rows(*(one and change(one) for one in part)) for part in (context, ahead))
        return self._replace(
            past=Past(*map(change, self.past)), beside=Beside(codes and change(codes), *rows),
            places=self.places and change(self.places),
        )  # fmt: skip


def network_median(scope: Scope, task: Task) -> Value:
    """Forecasts (m, h)."""
    own = task.exported
    if not own.settings["IS_LOCAL"]:
        return _median(scope, task, own.thetas)
    assert task.places is not None
    thetas = np.stack(own.thetas).reshape(own.settings["MEMBERS"], -1, len(own.thetas[0])).transpose(1, 0, 2)

    def step(k: Value, states: list[Value]) -> tuple[None, list[Value], list[Value]]:
        one = task.each(lambda values: values.take(k, 0).lifted(0))
        assert one.places is not None
        return None, states, [by_table(scope, partial(_median, scope, one), thetas, one.places.flat(0))]

    found = scope.loop(task.past.z.size(0), [scope.constant(0, np.int64)], step)
    return found[1].flat(1)


def _median(scope: Scope, task: Task, thetas: Sequence[np.ndarray]) -> Value:
    """The median of what networks forecast."""
    own = task.exported
    if own.settings["IS_STEADY"] and task.steps != 1:
        return _steady(scope, task, thetas)
    domain = own.settings["DOMAIN"]
    each = [as_domain(_path(scope, task, theta), domain) for theta in thetas]
    return median_of(scope, each, is_counted=domain == "counts")


def _path(scope: Scope, task: Task, theta: np.ndarray, noise: Value | None = None) -> Value:
    """Values in the unit of the series, by one network."""
    scaled = scaled_ahead(scope, task.exported, theta, task.past, task.h, task.beside, noise=noise)
    return in_unit(scope, task.past, scaled)


def _steady(scope: Scope, task: Task, thetas: Sequence[np.ndarray]) -> Value:
    """Of a steady mean: over paths to which noise is fed; of the first step, to which none is, without."""
    arrays, steps, m, many = task.exported.arrays, task.steps, task.past.z.size(0), task.exported.settings["PATHS"]
    assert steps is not None
    one = task._replace(h=scope.constant(1, np.int64), past=task.past._replace(season=task.past.season.cut(1, 0, 1)))
    first = median_of(scope, [_path(scope, one, theta) for theta in thetas])
    count = len(arrays["residuals"][0])
    own = scope.constant([0], np.int64).spread(scope.shape(m)) if task.places is None else task.places % count
    ratio = (task.past.scale / scope.constant(arrays["ends.scale"]).take(own, 0)).lifted(1)
    unit, means = (task.past.scale * task.past.level).lifted(1), []
    pick, repeated = _picked(many, steps, arrays["residuals"].shape), partial(_repeated, scope, many)
    for theta, residuals, places in zip(thetas, arrays["residuals"], pick, strict=True):
        noise = scope.constant(residuals).take(own, 0).take(scope.constant(places.reshape(-1), np.int64), 1) * ratio
        noise = noise.shaped(scope.constant([-1, steps], np.int64))  # (m * paths, h)
        paths = _path(scope, task.each(repeated), theta, noise) - noise * repeated(unit)
        means.append(paths.shaped(scope.constant([-1, many, steps], np.int64)).over("Mean", 1))
    return scope.stack(first, median_of(scope, means).cut(1, 1, steps), axis=1)


def _repeated(scope: Scope, times: int, values: Value) -> Value:
    """Rows (m, ..), each so many times in turn."""
    shape = values.of("Shape", dtype=np.int64)
    behind = shape.cut(0, 1, LAST)
    ones = scope.stack(shape.cut(0, 0, 1), scope.constant([times], np.int64), behind, axis=0)
    return values.lifted(1).spread(ones).shaped(scope.stack(scope.constant([-1], np.int64), behind, axis=0))


def _picked(paths: int, steps: int, shape: Sequence[int]) -> np.ndarray:
    """Which residual (members, paths, steps) of an array (members, n, residuals) each path has.

    As `forecastrnn.forecasting.steady` draws them.
    """
    rng, width, members = np.random.default_rng(0), shape[2] // paths, shape[0]
    order = rng.permuted(np.tile(np.arange(paths), (members, steps, 1)), axis=2).transpose(0, 2, 1)
    return order * width + rng.integers(width, size=(members, 1, steps))
