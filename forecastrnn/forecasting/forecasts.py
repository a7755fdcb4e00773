"""Forecasts of all series by some networks: on the CPU in jobs, on a GPU in rows of one program."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from forecastrnn.engine.devices import CPU
from forecastrnn.forecasting.device_paths import run_on_device
from forecastrnn.forecasting.ends import SeriesEnds, histories_of
from forecastrnn.forecasting.paths import PathsShape, job_rows, run_paths
from forecastrnn.forecasting.raw_values import raw_ahead
from forecastrnn.forecasting.settings import Settings
from forecastrnn.networks.network import AnyNetwork

CHUNK_VALUES = 2**25  # values of paths in memory at once
DEVICE_ROWS = 2**16  # paths of series that a GPU takes at once


def forecast(
    network: AnyNetwork, thetas: np.ndarray, tail: SeriesEnds, settings: Settings, h: int, which: np.ndarray, *,
    noise: np.ndarray | None = None, states: np.ndarray | None = None, ahead: np.ndarray | None = None,
    device: str = CPU,
) -> np.ndarray:  # fmt: skip
    """Scaled values (paths, n_series, h) behind the end of each series, in one call.

    thetas (k, size); which (paths,): the network of each path, or (paths, n_series): of each of its series. `noise`
    (paths, n_series, h) is added as it goes, or with a likelihood says the share of each draw; None: medians. states
    (paths, n_series, width): from which networks go on. ahead (n_series, h, columns): rows of inputs in which
    covariates stand.
    """
    p, n, paths = tail.prepared, tail.n_series, len(which)
    rows = job_rows(n, paths, settings.n_threads) if which.ndim == 1 else 1
    kind = PathsShape(
        network=network, head=settings.head, dtype=settings.dtype, rows=rows if device == CPU else DEVICE_ROWS,
        context=p.context, layout=p.layout, noisy=noise is not None, goes_on=states is not None, device=device,
        lanes=min(settings.n_threads, -(-n // rows) * paths), likelihood=settings.likelihood,
    )  # fmt: skip
    raw = raw_ahead(tail, h, settings.likelihood) if settings.likelihood and settings.is_raw else {}
    raw = {name: values.astype(settings.dtype) for name, values in raw.items()}
    histories = replace(histories_of(tail, settings.dtype), ahead=ahead, **raw)
    given = {name: values for name, values in {"noise": noise, "states": states}.items() if values is not None}
    if device != CPU:
        return run_on_device(kind, thetas, which, histories, h, given)
    chosen = np.repeat(which[:, None], -(-n // rows), axis=1) if which.ndim == 1 else which
    at_once = max(1, CHUNK_VALUES // (n * (tail.z.shape[1] + h) * (2 if p.layout.older_means else 1)))
    parts = [slice(lo, lo + at_once) for lo in range(0, paths, at_once)]
    found = [
        run_paths(kind, thetas, chosen[part], histories, h, {name: values[part] for name, values in given.items()})
        for part in parts
    ]
    return np.concatenate(found)
