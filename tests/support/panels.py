"""Panels of random series, with and without gaps."""

from __future__ import annotations

import numpy as np

from support.naive_seasonal import seasonal_series


def put_together(series: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate(series), np.cumsum([0] + [len(y) for y in series])


def random_panel(season: int, gaps: bool) -> list[np.ndarray]:
    rng = np.random.default_rng([season, gaps])
    lengths = [5, 2 * season + 3, 3 * season + 1, 9 * season + 5, 16 * season + 11]
    panel = []
    for number, n in enumerate(lengths):
        y = seasonal_series(rng, n, season, 2 if number == 4 else 1)
        y = np.exp(0.3 * y) * 50.0 if number % 2 == 0 else y * 7.0
        if gaps:
            y[rng.random(n) < 0.2] = np.nan
            y[[0, -1]] = np.nan
            y[n // 2] = 3.0
        panel.append(y)
    return panel
