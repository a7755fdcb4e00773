"""Which loss forecasts quantiles best: the weighted quantile loss of each beside that of the default, on real series.

FORECASTRNN_DATA=folder python -m benchmarks.heads [--series 30] [--seeds 1] [--only tourism_monthly ...]

Counts are those series of a set whose values are whole; the ends of all series are forecast, at the deciles and the
ends of the intervals of 80% and 95%, of a set of one series from three origins, a third of a horizon apart.
"""

from __future__ import annotations

import argparse
import time
import warnings
from dataclasses import replace

import numpy as np

from benchmarks.intervals import moved, shares, some_of
from benchmarks.racing import save, show, text
from benchmarks.series_sets import SeriesSet, data_folder, read_set
from forecastrnn import RNNForecaster

REAL = ("absolute_error", "quantile", "gaussian", "laplace", "student_t")
COUNTS = (*REAL, "poisson", "negative_binomial", "tweedie")
SETS = {"illness": COUNTS, "lynx": REAL, "tourism_monthly": COUNTS, "nn5_daily_imputed": REAL, "sunspots_yearly": REAL}
ORIGINS = 3  # of a set of one series
OPTIONS = {"hidden_layer_sizes": 24, "n_members": 3}
HEADER = ("set", "loss", "intervals", "WQL", "of the default", "cover 80", "cover 95", "ND", "fit s", "predict s")


def counts_of(data: SeriesSet) -> SeriesSet:
    """The series of a set that are counts."""
    whole = [name for name, y in data.train.items() if (y >= 0).all() and (y == np.floor(y)).all()]
    return replace(data, train={i: data.train[i] for i in whole}, test={i: data.test[i] for i in whole})


def forecast(data: SeriesSet, loss: str, intervals: str, seed: int) -> tuple[np.ndarray, np.ndarray, list[float]]:
    """Truth (values,), its quantiles (shares, values), and the seconds of fit and forecast."""
    model = RNNForecaster(season_length=data.season, loss=loss, intervals=intervals, random_state=seed, **OPTIONS)
    times = [time.perf_counter()]
    model.fit(data.frame(), id_col="unique_id", time_col="t", target_col="y")
    times.append(time.perf_counter())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of horizons beyond those of the windows
        table = model.predict(data.horizon, quantiles=[share for share in shares() if share != 0.5])
    times.append(time.perf_counter())
    columns = ["RNN" if share == 0.5 else f"RNN_ql{share:g}" for share in shares()]
    parts = {str(name): part for name, part in table.sort_values(["unique_id", "t"]).groupby("unique_id")}
    found = [parts[name][columns].to_numpy(float)[: len(y)] for name, y in data.test.items()]
    return np.concatenate(list(data.test.values())), np.concatenate(found).T, np.diff(times).tolist()


def measures(y: np.ndarray, found: np.ndarray) -> list[float]:
    """Weighted quantile loss of the deciles, coverage of both levels, and the absolute error over the values."""
    at = {share: found[k] for k, share in enumerate(shares())}
    deciles = [share for share in shares() if round(10 * share, 6) == round(10 * share)]
    losses = [np.maximum(share * (y - at[share]), (share - 1.0) * (y - at[share])).sum() for share in deciles]
    covered = [((y >= at[low]) & (y <= at[high])).mean() for low, high in ((0.1, 0.9), (0.025, 0.975))]
    return [2.0 * float(np.mean(losses)) / np.abs(y).sum(), *covered, np.abs(y - at[0.5]).sum() / np.abs(y).sum()]


def measured(data: SeriesSet, loss: str, intervals: str, seed: int) -> list[float]:
    """Measures of all values that are forecast, and the mean seconds; of one series from some origins."""
    count, step = ORIGINS if len(data.train) == 1 else 1, max(1, data.horizon // 3)
    runs = [forecast(moved(data, k * step), loss, intervals, seed) for k in range(count)]
    y, found = (np.concatenate([run[part] for run in runs], axis=-1) for part in (0, 1))
    return [*measures(y, found), *np.mean([run[2] for run in runs], axis=0).tolist()]


def main() -> None:
    """Print and save the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=SETS, default=list(SETS))
    parser.add_argument("--series", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=1)
    args = parser.parse_args()
    rows: list[tuple] = []
    for name in args.only:
        data = read_set(data_folder(), name)
        data = some_of(counts_of(data) if SETS[name] is COUNTS else data, args.series)
        usual = float("nan")
        for loss in SETS[name]:
            for intervals in ("conformal", "paths"):
                means = np.mean([measured(data, loss, intervals, seed) for seed in range(args.seeds)], axis=0)
                wql, *others = means.tolist()
                usual = wql if not rows or rows[-1][0] != name else usual
                kept = (wql, wql / usual - 1.0, *others)
                rows.append((name, loss, intervals, *kept))
                print(*map(text, rows[-1]), sep=" | ", flush=True)
    show(HEADER, rows)
    if args.only == list(SETS):
        save("heads", [dict(zip(HEADER, row, strict=True)) for row in rows])


if __name__ == "__main__":
    main()
