"""Panels of forecasts for the tests of the metrics: several cutoffs, series of any length, values that are missing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

MODELS = ("RNN", "Naive2")
QUANTILES = (0.1, 0.5, 0.9)
SEASON = 4


@dataclass(frozen=True)
class Panel:
    """What came and forecasts of it, as `cross_validation` gives them, and the whole series."""

    forecasts: pd.DataFrame
    series: pd.DataFrame


def days(n: int, first: int = 0) -> pd.DatetimeIndex:
    return pd.date_range("2024-01-01", periods=first + n, freq="D")[first:]


def predicted(rng: np.random.Generator, y: np.ndarray) -> dict[str, np.ndarray]:
    """Columns of two models, one with intervals and quantiles."""
    about = np.nan_to_num(y, nan=5.0)
    found = {name: about + rng.normal(0, 3, len(y)) for name in MODELS}
    for level, half in ((80, 2.0), (97.5, 4.0)):
        found |= {f"RNN-{side}-{level}": found["RNN"] + sign * half for side, sign in (("lo", -1), ("hi", 1))}
    return found | {f"RNN_ql{q}": found["RNN"] + 4 * (q - 0.5) for q in QUANTILES}


def panel(
    lengths: tuple[int, ...] = (30, 17, 24), cutoffs: tuple[int, ...] = (12, 8), h: int = 5, missing: bool = False
) -> Panel:
    """Series "s10", "s9", ... of these lengths, forecast from `cutoffs` values before their end."""
    rng = np.random.default_rng(3)
    series, forecasts = [], []
    for place, length in enumerate(lengths):
        name, times = f"s{10 - place}", days(length)
        y = rng.normal(10, 4, length) * 10.0 ** (3 * place)
        if missing:
            y[rng.random(length) < 0.2] = np.nan
        series.append(pd.DataFrame({"unique_id": name, "ds": times, "y": y}))
        for back in cutoffs:
            rows = slice(length - back, length - back + h)
            keys = {"unique_id": name, "ds": times[rows], "cutoff": times[length - back - 1], "y": y[rows]}
            forecasts.append(pd.DataFrame(keys | predicted(rng, y[rows])))
    return Panel(pd.concat(forecasts, ignore_index=True), pd.concat(series, ignore_index=True))


def one_origin(found: Panel) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Forecasts of the first cutoff alone, without it, and what was known before."""
    first = found.forecasts.groupby("unique_id")["cutoff"].transform("min")
    forecasts = found.forecasts[found.forecasts["cutoff"] == first]
    ends = forecasts.groupby("unique_id")["cutoff"].first()
    known = found.series[found.series["ds"] <= found.series["unique_id"].map(ends)]
    return forecasts.drop(columns="cutoff").reset_index(drop=True), known.reset_index(drop=True)
