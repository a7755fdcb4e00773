"""Intervals of statsforecast, in an environment of its own (it needs pandas < 3): the file that intervals.py compares.

python -m venv peers && peers/bin/pip install "statsforecast==2.1.1" "pandas<3"
FORECASTRNN_DATA=folder peers/bin/python benchmarks/interval_peers.py SET [--series 100]  > SET.csv

SeasonalNaive and AutoETS, both with ConformalIntervals(n_windows=2), its default; gaps are filled in line.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import warnings
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd

LEVELS = [20, 40, 60, 80, 95]  # deciles, and 95%


def read(name: str, most: int | None) -> tuple[pd.DataFrame, dict[int, list[str]], int]:
    """Known values as a long frame, the series of each horizon, and the season; `most`: so many series, evenly."""
    folder = Path(os.environ["FORECASTRNN_DATA"])
    season = int(json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))["m"])
    train = pd.read_csv(folder / f"{name}_train.csv.gz", dtype={"unique_id": str}).sort_values(["unique_id", "t"])
    horizons = pd.read_csv(folder / f"{name}_test.csv.gz", dtype={"unique_id": str}).groupby("unique_id").size()
    ids = sorted(horizons.index)
    if most is not None and most < len(ids):
        ids = [ids[at] for at in np.linspace(0, len(ids) - 1, most).round().astype(int)]
    train = train.rename(columns={"t": "ds"})[train["unique_id"].isin(ids).to_numpy()]
    train["y"] = train.groupby("unique_id")["y"].transform(lambda y: y.interpolate(limit_direction="both"))
    return train, {h: [i for i in ids if horizons[i] == h] for h in sorted(set(horizons[ids]))}, season


def forecast(train: pd.DataFrame, h: int, season: int) -> pd.DataFrame:
    """Medians and the ends of LEVELS, `h` steps behind each series."""
    models, core = import_module("statsforecast.models"), import_module("statsforecast")
    intervals = import_module("statsforecast.utils").ConformalIntervals(n_windows=2, h=h)
    named = [
        models.SeasonalNaive(season_length=season, prediction_intervals=intervals),
        models.AutoETS(season_length=season if season <= 24 else 1, prediction_intervals=intervals),
    ]
    return core.StatsForecast(named, freq=1, n_jobs=1).forecast(df=train, h=h, level=LEVELS)


def main() -> None:
    """Forecast and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("--series", type=int)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    train, horizons, season = read(options.name, options.series)
    begun, parts = time.perf_counter(), []
    for h, ids in horizons.items():
        part = forecast(train[train["unique_id"].isin(ids)], h, season).reset_index(drop=True)
        part["step"] = part.groupby("unique_id").cumcount() + 1
        parts.append(part)
    pd.concat(parts).drop(columns="ds").to_csv(sys.stdout, index=False, float_format="%.8g")
    print(f"{options.name}: {time.perf_counter() - begun:.1f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
