"""Accuracy of the default forecaster on published sets, the season its only setting, beside statsforecast and LightGBM.

FORECASTRNN_DATA=folder python -m benchmarks.accuracy [--only airline ...] [--seeds 3] [--validation] [--strategy ...]
    [--candidates network] [--peers folder]
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.accuracy_gates import BARS, gate, over_seasonal_naive, worse
from benchmarks.racing import describe, load, save, show
from benchmarks.scoring import Forecasts, recent_median, scores, seasonal_naive
from benchmarks.series_sets import DRAWN, SeriesSet, any_set
from forecastrnn import RNNForecaster
from forecastrnn.datasets import load_airline

NAME = "RNNForecaster"
PEERS = "accuracy_peers"  # the results that hold their scores and seconds
HEADER = ("set", "forecaster", "sMAPE", "MASE", "OWA", "mean sMAPE / MASE", "MASE by seed", "fit s", "predict s",
          "processor s", "gate")  # fmt: skip


@dataclass(frozen=True)
class Run:
    """One fit and its forecasts: scores, and seconds of the clock and of the processor."""

    forecasts: Forecasts
    scores: dict[str, float]
    fit: float
    predict: float
    processor: float


def run_once(data: SeriesSet, seed: int, **options: str) -> Run:
    """Fit, forecast and score."""
    frame = data.frame()
    model = RNNForecaster(season_length=data.season, missing="mask", random_state=seed, **options)
    begun, worked = time.perf_counter(), time.process_time()
    model.fit(frame, id_col="unique_id", time_col="t", target_col="y")
    fitted = time.perf_counter()
    table = model.predict(data.horizon)
    done, processor = time.perf_counter(), time.process_time() - worked
    forecasts = by_series(table, data)
    return Run(forecasts, scores(data, forecasts), fitted - begun, done - fitted, processor)


def by_series(table: pd.DataFrame, data: SeriesSet) -> dict[str, np.ndarray]:
    """The forecasts of each series in the order of time, checked to begin right behind its end."""
    ordered = table.sort_values(["unique_id", "t"], kind="stable")
    found = {}
    for name, part in ordered.groupby("unique_id", sort=False):
        known = len(data.train[name])
        if part["t"].tolist() != list(range(known + 1, known + 1 + data.horizon)):
            raise AssertionError(f"{data.name}, series {name}: forecasts are not those of the next steps.")
        found[name] = part["RNN"].to_numpy(float)
    return found


def measure(data: SeriesSet, seeds: int, **options: str) -> dict[str, object]:
    """Median and mean of the seeds' scores, seconds of the fastest fit, and the simple forecasts beside them."""
    runs = [run_once(data, seed, **options) for seed in range(seeds)]
    every = {key: [run.scores[key] for run in runs] for key in runs[0].scores}
    together = {name: np.median([run.forecasts[name] for run in runs], axis=0) for name in data.test}
    references = {"seasonal naive": scores(data, seasonal_naive(data))}
    if data.name in DRAWN:
        references["recent median"] = scores(data, recent_median(data))
    return {
        "set": data.name, "series": len(data.train), "season": data.season, "horizon": data.horizon,
        "scores": {key: float(np.median(found)) for key, found in every.items()},
        "mean": {key: float(np.mean(found)) for key, found in every.items()},
        "by_seed": [run.scores for run in runs], "median_forecast": scores(data, together),
        "fit_s": min(run.fit for run in runs), "predict_s": min(run.predict for run in runs),
        "processor_s": min(run.processor for run in runs), "references": references,
    }  # fmt: skip


def peers_of(path: Path, data: SeriesSet) -> dict[str, object]:
    """The scores of the forecasts in a file of `accuracy_peers.py`, and the seconds they took."""
    table = pd.read_csv(path, dtype={"unique_id": str}).sort_values(["model", "unique_id", "step"], kind="stable")
    found = {}
    for model, own in table.groupby("model", sort=False):
        forecasts = {str(name): part["yhat"].to_numpy(float) for name, part in own.groupby("unique_id", sort=False)}
        found[str(model)] = scores(data, forecasts) | {"processor_s": float(own["seconds"].iloc[0])}
    return {"set": data.name, "peers": found}


def keep_peers(folder: Path) -> None:
    """Score the files that are there; sets without one keep the results they have."""
    rows = {row["set"]: row for row in load(PEERS)}
    for name in BARS:
        if (path := folder / f"{name}.csv").exists():
            rows[name] = peers_of(path, any_set(name))
    save(PEERS, [rows[name] for name in BARS if name in rows])


def table_rows(row: dict, peers: dict[str, dict], validation: bool) -> list[list[object]]:
    """The columns of HEADER: a line of ours, one of each simple forecast, and one of each peer."""
    ours, mean = row["scores"], row["mean"]
    spread = " ".join(f"{own['MASE']:.3f}" for own in row["by_seed"])
    first: list[object] = [
        row["set"], NAME, ours["sMAPE"], ours["MASE"], ours.get("OWA"), f"{mean['sMAPE']:.4g} / {mean['MASE']:.3f}",
        spread, row["fit_s"], row["predict_s"], row["processor_s"], "" if validation else gate(row),
    ]  # fmt: skip
    others = row["references"] | peers
    return [first] + [
        [row["set"], name, own["sMAPE"], own["MASE"], own.get("OWA"), "", "", "", "", own.get("processor_s"), ""]
        for name, own in others.items()
    ]


def parsed() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=list(BARS), help="sets; results are then not written")
    parser.add_argument("--seeds", type=int, default=1, choices=range(1, 11), help="fits with random_state 0, 1, ...")
    parser.add_argument(
        "--validation", action="store_true",
        help="score on the end of the training part, held out, so that choices never see the test part",
    )  # fmt: skip
    parser.add_argument("--strategy", choices=("recursive", "seq2seq"), help="if given, results are not written")
    parser.add_argument("--candidates", choices=("auto", "network"), help="if given, results are not written")
    parser.add_argument(
        "--peers", type=Path, help=f"folder with what accuracy_peers.py wrote, SET.csv; default: results/{PEERS}.json"
    )
    return parser.parse_args()


def main() -> None:
    """Measure, print and write."""
    options = parsed()
    if options.peers is not None:
        keep_peers(options.peers)
    peers = {} if options.validation else {row["set"]: row["peers"] for row in load(PEERS)}
    print(describe())
    RNNForecaster(n_members=1, max_steps=1, random_state=0).fit(load_airline()).predict(1)  # compiles
    rows, chosen = [], {key: value for key in ("strategy", "candidates") if (value := getattr(options, key))}
    for name in options.only or BARS:
        data = any_set(name)
        rows.append(measure(data.validation() if options.validation else data, options.seeds, **chosen))
        print(f"{name}: {rows[-1]['scores']}, {rows[-1]['fit_s']:.1f} s", flush=True)
    show(HEADER, [line for row in rows for line in table_rows(row, peers.get(row["set"], {}), options.validation)])
    where = "accuracy_validation" if options.validation else "accuracy"
    print(f"\n{over_seasonal_naive(rows, options.validation)}\n{worse(rows, load(where))}")
    if not options.only and not chosen:
        print(f"written: results/{save(where, rows).name}")


if __name__ == "__main__":
    main()
