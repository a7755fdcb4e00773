"""Do intervals cover what they say, and what do they cost: ours, our sample paths, and statsforecast's conformal ones.

FORECASTRNN_DATA=folder python -m benchmarks.intervals --peers folder [--only airline ...] [--series 100] [--origins 5]
FORECASTRNN_DATA=folder python -m benchmarks.intervals --earlier 4    ours alone, at the last four horizons
FORECASTRNN_DATA=folder python -m benchmarks.intervals --alone 20      so many series of panels, each fitted by itself
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.racing import describe, save, show
from benchmarks.series_sets import SeriesSet, data_folder, read_set
from forecastrnn import RNNForecaster
from forecastrnn.datasets import load_airline

SETS = ("airline", "lynx", "sunspots_yearly", "co2_weekly", "cif2016", "tourism_monthly", "m3_monthly",
        "nn5_daily_imputed", "nn5_daily", "m4_hourly", "vic_elec_halfhourly")  # fmt: skip
ALONE = ("cif2016", "tourism_monthly", "m3_monthly", "nn5_daily_imputed")  # panels of series that can stand alone
LEVELS = (80, 95)
DECILES = np.arange(1, 10) / 10
METHODS = {"conformal": "ours", "paths": "our paths", "SeasonalNaive": "seasonal naive", "AutoETS": "AutoETS"}
HEADER = ("set", "intervals", "cover 80", "cover 95", "score 80", "score 95", "WQL", "fit s", "of them calibration s")
Bands = Mapping[str, Mapping[float, np.ndarray]]  # of each series the quantile of each share


def some_of(data: SeriesSet, most: int | None) -> SeriesSet:
    """So many series of a set, evenly, as `interval_peers.py` takes them."""
    ids = sorted(data.test)
    if most is not None and most < len(ids):
        ids = [ids[at] for at in np.linspace(0, len(ids) - 1, most).round().astype(int)]
    return replace(data, train={i: data.train[i] for i in ids}, test={i: data.test[i] for i in ids})


def moved(data: SeriesSet, back: int) -> SeriesSet:
    """The same task so many steps earlier."""
    whole = {name: np.concatenate([y, data.test[name]]) for name, y in data.train.items()}
    parts = {name: (y[: len(y) - back], len(data.test[name])) for name, y in whole.items()}
    train = {name: y[:-h] for name, (y, h) in parts.items()}
    return replace(data, train=train, test={name: y[-h:] for name, (y, h) in parts.items()})


def shares() -> list[float]:
    """Deciles and the ends of the levels."""
    ends = [round(0.5 + side * level / 200, 6) for level in LEVELS for side in (-1, 1)]
    return sorted({*DECILES.round(6).tolist(), *ends})


def ours(data: SeriesSet, intervals: str | None, seed: int = 0) -> tuple[Bands, float]:
    """Quantiles of the default forecaster, and the processor seconds of its fit on one thread."""
    model = RNNForecaster(season_length=data.season, missing="mask", random_state=seed, intervals=intervals, n_jobs=1)
    begun = time.process_time()
    model.fit(data.frame(), id_col="unique_id", time_col="t", target_col="y")
    seconds = time.process_time() - begun
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a horizon beyond the windows' is part of what is measured
        table = model.predict(data.horizon, quantiles=[share for share in shares() if share != 0.5])
    columns = {share: "RNN" if share == 0.5 else f"RNN_ql{share:g}" for share in shares()}
    found = {
        str(name): {share: part[column].to_numpy(float) for share, column in columns.items()}
        for name, part in table.sort_values(["unique_id", "t"], kind="stable").groupby("unique_id", sort=False)
    }
    return found, seconds


def peers(path: Path, model: str) -> Bands:
    """Quantiles of a model in a file that `interval_peers.py` wrote."""
    table, found = pd.read_csv(path, dtype={"unique_id": str}), {}
    for name, part in table.sort_values(["unique_id", "step"]).groupby("unique_id", sort=False):
        own = {0.5: part[model].to_numpy(float)}
        for share in shares():
            if share != 0.5:
                column = f"{model}-{'lo' if share < 0.5 else 'hi'}-{round(abs(200 * share - 100))}"
                own[share] = part[column].to_numpy(float)
        found[str(name)] = own
    return found


def scores(data: SeriesSet, bands: Bands) -> dict[str, float]:
    """Coverage, interval score over the seasonal error as MSIS of M4 (a mean over series), weighted quantile loss."""
    rows, loss, size = [], 0.0, 0.0
    for name, own in bands.items():
        y = data.test[name]
        rows.append(_of_series(y, own, _seasonal_error(data.train[name], data.season)))
        for q in DECILES.round(6).tolist():
            away = y - own[q][: len(y)]
            loss += 2 * np.nansum(np.maximum(q * away, (q - 1) * away)) / len(DECILES)
        size += np.nansum(np.abs(y))
    known = sum(row["n"] for row in rows)
    found = {f"cover {p}": sum(row[f"cover {p}"] for row in rows) / known for p in LEVELS}
    found |= {f"score {p}": float(np.nanmean([row[f"score {p}"] for row in rows])) for p in LEVELS}
    return {key: float(value) for key, value in found.items()} | {"WQL": float(loss / size)}


def _of_series(y: np.ndarray, own: Mapping[float, np.ndarray], scale: float) -> dict[str, float]:
    row, known = {"n": float(np.isfinite(y).sum())}, np.isfinite(y)
    for level in LEVELS:
        low, high = (own[round(0.5 + side * level / 200, 6)][: len(y)] for side in (-1, 1))
        row[f"cover {level}"] = float(((y >= low) & (y <= high))[known].sum())
        missed = np.maximum(low - y, 0) + np.maximum(y - high, 0)
        row[f"score {level}"] = float(np.nanmean(high - low + 2 / (1 - level / 100) * missed)) / scale
    return row


def _seasonal_error(y: np.ndarray, season: int) -> float:
    lag = season if len(y) > season else 1
    error = float(np.nanmean(np.abs(y[lag:] - y[:-lag])))
    return error if error > 0 else np.nan


def measure(data: SeriesSet, folder: Path | None) -> list[dict[str, object]]:
    """A row for each kind of intervals."""
    paths, plain = ours(data, "paths")
    bands, fitted = ours(data, "conformal")
    rows = [_row(data, "conformal", bands, fitted, fitted - plain), _row(data, "paths", paths, plain)]
    if folder is not None:
        rows += [_row(data, model, peers(folder / f"{data.name}.csv", model)) for model in ("SeasonalNaive", "AutoETS")]
    return rows


def _row(data: SeriesSet, method: str, bands: Bands, fit: float | None = None, more: float | None = None) -> dict:
    return {"set": data.name, "method": method, "series": len(bands), "horizon": data.horizon,
            **scores(data, bands), "fit_s": fit, "calibration_s": more}  # fmt: skip


def at_origins(data: SeriesSet, count: int) -> dict[str, object]:
    """Means of our intervals over origins that lie a third of a horizon apart."""
    step = max(1, data.horizon // 3)
    rows = [_row(part, "conformal", *ours(part, "conformal")) for part in (moved(data, k * step) for k in range(count))]
    mean = {key: float(np.mean([row[key] for row in rows])) for key in (*_keys(), "fit_s")}
    return rows[0] | mean | {"method": f"conformal, {count} origins", "calibration_s": None}


def earlier(data: SeriesSet, count: int) -> list[dict[str, object]]:
    """Rows of our intervals at origins that lie a horizon apart, the last one first, and their mean."""
    rows = []
    for back in range(count):
        part = long_enough(moved(data, back * data.horizon))
        if not part.train:
            break
        rows.append(_row(part, f"conformal, {back} horizons earlier", *ours(part, "conformal")))
    mean = {key: float(np.mean([row[key] for row in rows])) for key in _keys()}
    return [*rows, rows[0] | mean | {"method": f"conformal, {len(rows)} origins", "fit_s": None}]


def alone(data: SeriesSet, count: int) -> dict[str, object]:
    """A row of our intervals of series that are each fitted alone, at their last two horizons."""
    rows = []
    for back in range(2):
        part = long_enough(moved(some_of(data, count), back * data.horizon))
        bands: dict[str, Mapping[float, np.ndarray]] = {}
        for name in part.train:
            one = replace(part, train={name: part.train[name]}, test={name: part.test[name]})
            bands |= ours(one, "conformal")[0]
        rows.append(_row(part, "conformal, each alone", bands))
    return rows[0] | {key: float(np.mean([row[key] for row in rows])) for key in _keys()}


def long_enough(data: SeriesSet) -> SeriesSet:
    """The series of which two seasons and a horizon are left to learn from."""
    least = 2 * data.season + data.horizon
    ids = [name for name, y in data.train.items() if np.isfinite(y).sum() >= least]
    return replace(data, train={i: data.train[i] for i in ids}, test={i: data.test[i] for i in ids})


def _keys() -> list[str]:
    return [f"{what} {level}" for what in ("cover", "score") for level in LEVELS] + ["WQL"]


def table_row(row: dict) -> list[object]:
    """The columns of HEADER."""
    name = METHODS.get(row["method"], str(row["method"]).replace("conformal", "ours"))
    covers = [f"{100 * row[f'cover {level}']:.1f}" for level in LEVELS]
    return [row["set"], name, *covers, *(row[key] for key in _keys()[2:]), row["fit_s"], row["calibration_s"]]


def each_alone(folder: Path, names: Sequence[str], count: int) -> None:
    """Print and write what our intervals of single series are worth."""
    rows = [alone(read_set(folder, name), count) for name in names]
    show(HEADER, [table_row(row) for row in rows])
    if len(names) == len(ALONE):
        print(f"written: results/{save('interval_alone', rows).name}")


def at_earlier(folder: Path, names: Sequence[str], most: int | None, count: int) -> None:
    """Print and write what our intervals are worth at several origins."""
    rows: list[dict] = []
    for name in names:
        data = some_of(read_set(folder, name), 60 if name == "m4_hourly" and most is None else most)
        found = earlier(data, count)
        show(HEADER, [table_row(row) for row in found])
        rows += found
    if len(names) == len(SETS) and most is None:
        print(f"written: results/{save('interval_origins', rows).name}")


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=SETS, help="sets; results are then not written")
    parser.add_argument("--peers", type=Path, help="folder with SET.csv of interval_peers.py")
    parser.add_argument("--series", type=int, help="so many of a set, evenly; results are then not written")
    parser.add_argument("--origins", type=int, default=1, help="rolling origins of sets of one series")
    parser.add_argument("--earlier", type=int, help="ours alone, at so many origins a horizon apart")
    parser.add_argument("--alone", type=int, help="ours alone, of so many series of panels, each fitted by itself")
    options = parser.parse_args()
    folder = data_folder()
    print(describe())
    RNNForecaster(n_members=1, max_steps=2, random_state=0).fit(load_airline()).predict(2, level=80)  # compiles
    rows: list[dict] = []
    if options.alone:
        each_alone(folder, options.only or ALONE, options.alone)
        return
    if options.earlier:
        at_earlier(folder, options.only or SETS, options.series, options.earlier)
        return
    for name in options.only or SETS:
        data = some_of(read_set(folder, name), options.series)
        rows += measure(data, options.peers)
        if options.origins > 1 and len(data.train) == 1:
            rows.append(at_origins(data, options.origins))
        for row in rows[-5:]:
            if row["set"] == name:
                print(" | ".join(map(str, table_row(row))), flush=True)
    show(HEADER, [table_row(row) for row in rows])
    if not options.only and options.series is None:
        print(f"written: results/{save('intervals', rows).name}")


if __name__ == "__main__":
    main()
