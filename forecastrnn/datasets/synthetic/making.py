"""Synthetic series as a frame."""

from __future__ import annotations

import numpy as np
import pandas as pd

from forecastrnn.datasets.synthetic.panels import draw_panel
from forecastrnn.datasets.whole_numbers import check_whole
from forecastrnn.seeds import check_draws


def make_series(
    n_series: int = 100, length: int = 144, season_length: int = 12,
    random_state: int | np.random.RandomState | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Synthetic series of all kinds: those that the pre-trained network has learned from.

    Levels go in lines that bend and break, in walks, autoregressions, smooth paths and jumps; figures of a season stay,
    drift or swell, some with a longer season on top; noise has thin or heavy tails, now louder, now less. Of these come
    growth in proportion, sums, seasonal shares of a level, counts with many zeros or few, and shares between 0 and 1;
    some have values that are far off, and gaps. Not every series has the season, and some have none at all.

    Parameters
    ----------
    n_series : int, default=100
    length : int, default=144
        Values of each series, 2 at least.
    season_length : int, default=12
        Steps of the season that most of them have; 1: none has a known one, some a hidden one, some cycles that are no
        season.
    random_state : int, RandomState instance or None, default=None
        Seed; the same seed draws the same series.

    Returns
    -------
    DataFrame of shape (length, n_series), float64
        A column for each series; NaN where a value is missing.

    Raises
    ------
    ValueError
        If a number is not an integer within its range.

    Examples
    --------
    >>> panel = make_series(3, 48, season_length=12, random_state=0)
    >>> panel.shape, panel.columns.tolist()
    ((48, 3), ['s0', 's1', 's2'])
    """
    check_whole("n_series", n_series, most=1_000_000)
    check_whole("length", length, least=2, most=100_000)
    check_whole("season_length", season_length, most=10_000)
    rng = np.random.default_rng(check_draws(random_state).randint(2**31 - 1))
    values = draw_panel(rng, n_series, length, season_length)
    return pd.DataFrame(values.T, columns=[f"s{k}" for k in range(n_series)])
