"""Forecasts of counts whose expectation is known: their sums, distance to it, and coverage; AutoETS beside them.

python -m venv peers && peers/bin/pip install "statsforecast==2.1.1" "pandas<3"
peers/bin/python benchmarks/counts.py --write peers.csv
python -m benchmarks.counts --peers peers.csv

30 daily series of 104 weeks, each with a level and a weekly cycle of its own, Poisson and negative binomial, of means
.3 to 30; four weeks are forecast. statsforecast has an environment of its own, since it needs pandas < 3.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd

MEANS = (0.3, 0.8, 3.0, 30.0)
KINDS = ("poisson", "negative binomial")
SERIES, LENGTH, H, SEASON = 30, 730, 28, 7
SIZE = 2.0  # of the negative binomial: variance = mean + mean^2 / 2
WEEKS = {"week 1": slice(0, 7), "week 2": slice(7, 14), "week 4": slice(21, 28)}
HEADER = ("counts", "mean", "forecast", *WEEKS, "RMSE", "of AutoETS's", "least", "cover 80")
Bands = tuple[np.ndarray, np.ndarray, np.ndarray]  # forecast, lower and upper end, each (SERIES, H)


def counts(kind: str, mean: float, seed: int = 1) -> tuple[pd.DataFrame, np.ndarray]:
    """Counts (LENGTH + H, SERIES), and their expectation (SERIES, LENGTH + H)."""
    rng, t = np.random.default_rng(seed), np.arange(LENGTH + H)
    level = mean * rng.lognormal(-0.18, 0.6, (SERIES, 1))
    expected = level * (1 + 0.6 * np.sin(2 * np.pi * (t + rng.integers(0, SEASON, (SERIES, 1))) / SEASON))
    drawn = rng.poisson(expected) if kind == "poisson" else rng.negative_binomial(SIZE, SIZE / (SIZE + expected))
    dates = pd.date_range("2022-01-01", periods=LENGTH + H, freq="D")
    return pd.DataFrame(drawn.T.astype(float), index=dates).rename(columns=str), expected


def figures(bands: Bands, counted: np.ndarray, expected: np.ndarray) -> dict[str, float]:
    """What a forecast and its band of 80% are worth: counts and expectations (SERIES, H) of the same weeks.

    Of each week the sum over that of the expectation; the root of the mean squared distance to the expectation, over
    its mean; the lowest forecast; the share of counts in the band.
    """
    point, low, high = bands
    found = {week: point[:, days].sum() / expected[:, days].sum() for week, days in WEEKS.items()}
    rmse = float(np.sqrt(np.mean((point - expected) ** 2)) / expected.mean())
    inside = float(np.mean((low <= counted) & (counted <= high)))
    return found | {"RMSE": rmse, "least": float(point.min()), "cover 80": 100 * inside}


def bands_of(forecast: pd.DataFrame, name: str) -> Bands:
    """Those of a wide frame of forecasts with level=80."""
    columns = forecast.columns.get_level_values(0).unique()
    point, low, high = (
        np.stack([forecast[one, f"{name}{end}"] for one in columns]) for end in ("", "-lo-80", "-hi-80")
    )
    return point, low, high


def measure(kind: str, mean: float, **options: object) -> dict[str, float]:
    """The figures of a forecaster with these options, by default of means."""
    from forecastrnn import RNNForecaster

    y, expected = counts(kind, mean)
    model = RNNForecaster(**{"loss": "squared_error", "random_state": 0} | options).fit(y[:LENGTH])
    return figures(bands_of(model.predict(H, level=80), "RNN"), y[LENGTH:].to_numpy().T, expected[:, LENGTH:])


def write_peers(path: Path) -> None:
    """AutoETS on all sets, as a long file."""
    core, models = import_module("statsforecast"), import_module("statsforecast.models")
    parts = []
    for kind in KINDS:
        for mean in MEANS:
            y = counts(kind, mean)[0][:LENGTH].rename_axis("ds").reset_index()
            peers = core.StatsForecast([models.AutoETS(season_length=SEASON)], freq="D", n_jobs=1)
            found = peers.forecast(df=y.melt("ds", var_name="unique_id", value_name="y"), h=H, level=[80])
            parts.append(found.reset_index(drop=True).assign(kind=kind, mean=mean))
    pd.concat(parts).to_csv(path, index=False, float_format="%.8g")


def read_peers(path: Path) -> dict[tuple[str, float], dict[str, float]]:
    """The figures of AutoETS on each set."""
    found = {}
    for (kind, mean), own in pd.read_csv(path, dtype={"unique_id": str}).groupby(["kind", "mean"]):
        y, expected = counts(kind, mean)
        wide = own.drop(columns=["kind", "mean"]).pivot(index="ds", columns="unique_id")
        wide = wide.swaplevel(axis=1)[list(y.columns)]
        found[kind, mean] = figures(bands_of(wide, "AutoETS"), y[LENGTH:].to_numpy().T, expected[:, LENGTH:])
    return found


def row_of(kind: str, mean: float, name: str, found: Mapping[str, float], rmse: float) -> list[object]:
    """A row of the table."""
    figure = [found[week] for week in WEEKS] + [found["RMSE"], found["RMSE"] / rmse]
    return [kind, mean, name, *figure, found["least"], found["cover 80"]]


def main() -> None:
    """Write the peers' forecasts, or measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", type=Path, help="write the forecasts of AutoETS to this file, and stop")
    parser.add_argument("--peers", type=Path, help="file of these forecasts")
    options = parser.parse_args()
    if options.write:
        warnings.simplefilter("ignore")
        return write_peers(options.write)
    racing, peers, rows = import_module("benchmarks.racing"), read_peers(options.peers), []
    print(racing.describe())
    for kind in KINDS:
        for mean in MEANS:
            beside = peers[kind, mean]
            rows.append(row_of(kind, mean, "AutoETS", beside, beside["RMSE"]))
            rows.append(row_of(kind, mean, "squared_error", measure(kind, mean), beside["RMSE"]))
    racing.show(HEADER, rows)
    return None


if __name__ == "__main__":
    main()
