"""Whole series, put together at random."""

from __future__ import annotations

import numpy as np

from forecastrnn.datasets.synthetic.draws import happens, log_uniform
from forecastrnn.datasets.synthetic.seasons import longer, seasons
from forecastrnn.datasets.synthetic.trends import cycles, levels, line
from forecastrnn.datasets.synthetic.values import measured, shocks, with_gaps

DAYS = (24, 48, 96)  # seasons of a day, on which a week often lies
HIDDEN = (4, 7, 10, 12, 24, 52)  # seasons that series without a known one may have all the same


def draw_panel(rng: np.random.Generator, n: int, length: int, season: int) -> np.ndarray:
    """Series (n, length) that may have this season; NaN where a value is missing."""
    level, is_clean = levels(rng, n, length), happens(rng, 0.1, n)
    clean = line(rng, n, length) * 1.5 + 0.1 * (level - level[:, :1])
    level = np.where(is_clean, clean, level)
    is_cyclic = happens(rng, 0.3 if season == 1 else 0.04, n)
    rows = np.flatnonzero(is_cyclic)
    level[rows] = 0.2 * level[rows] + cycles(rng, len(rows), length) * log_uniform(rng, 0.5, 3.0, len(rows))
    repeats = seasonal_part(rng, n, length, season) * ~is_cyclic
    shock = shocks(rng, n, length)
    shock = np.where(is_clean, 0.3 * shock, shock)
    return with_gaps(rng, measured(rng, level, repeats, shock))


def seasonal_part(rng: np.random.Generator, n: int, length: int, season: int) -> np.ndarray:
    """What repeats in each series (n, length), if anything does."""
    if season == 1:
        hidden, share = int(rng.choice(HIDDEN)), 0.15
    else:
        hidden, share = season, 0.88
    rows = np.flatnonzero(rng.random(n) < share)
    found = np.zeros((n, length))
    found[rows] = seasons(rng, len(rows), length, hidden) * log_uniform(rng, 0.1, 3.0, len(rows))
    both = rows[rng.random(len(rows)) < (0.6 if season in DAYS else 0.12)]
    found[both] += longer(rng, found[both], length, hidden)
    return found
