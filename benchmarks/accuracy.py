"""Accuracy of the default forecaster on published sets, the season its only setting.

FORECASTRNN_DATA=folder python -m benchmarks.accuracy [--only airline ...] [--seeds 3] [--validation] [--strategy ...]
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.racing import describe, save, show
from benchmarks.scoring import scores, seasonal_naive
from benchmarks.series_sets import SeriesSet, data_folder, read_set
from forecastrnn import RNNForecaster
from forecastrnn.datasets import load_airline


@dataclass(frozen=True)
class Bar:
    """What a set is held against: the largest score of each measure, and the seconds of a PyTorch program.

    That program trains three networks of the same architecture with one thread, on AMD Zen 4.
    """

    gates: dict[str, float]
    torch_seconds: float | None = None


SETS = {
    "m4_hourly": Bar({"OWA": 0.45}, 93),
    "tourism_monthly": Bar({"sMAPE": 18.5, "MASE": 1.43}, 26),
    "m3_monthly": Bar({"sMAPE": 13.7, "MASE": 0.85}, 29),
    "nn5_daily_imputed": Bar({"sMAPE": 21.4, "MASE": 0.87}, 22),
    "cif2016": Bar({"sMAPE": 10.7}, 14),
    "airline": Bar({"MASE": 0.9}, 11),
    "co2_weekly": Bar({"MASE": 0.5}, 29),
    "sunspots_yearly": Bar({}),
    "lynx": Bar({}),
}
HEADER = ("set", "sMAPE", "MASE", "OWA", "MASE by seed", "fit s", "predict s", "seasonal naive sMAPE / MASE", "gate",
          "PyTorch s")  # fmt: skip


@dataclass(frozen=True)
class Run:
    """One fit and its forecasts: scores and seconds."""

    scores: dict[str, float]
    fit: float
    predict: float


def run_once(data: SeriesSet, seed: int, strategy: str) -> Run:
    """Fit, forecast and score."""
    frame = data.frame()
    model = RNNForecaster(season_length=data.season, missing="mask", strategy=strategy, random_state=seed)
    begun = time.perf_counter()
    model.fit(frame, id_col="unique_id", time_col="t", target_col="y")
    fitted = time.perf_counter()
    table = model.predict(data.horizon)
    done = time.perf_counter()
    return Run(scores(data, by_series(table, data)), fitted - begun, done - fitted)


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


def measure(data: SeriesSet, seeds: int, strategy: str = "recursive") -> dict[str, object]:
    """Mean scores over the seeds, seconds of the fastest fit, and the naive scores beside them."""
    runs = [run_once(data, seed, strategy) for seed in range(seeds)]
    mean = {key: float(np.mean([run.scores[key] for run in runs])) for key in runs[0].scores}
    bar = SETS[data.name]
    return {
        "set": data.name, "series": len(data.train), "season": data.season, "horizon": data.horizon,
        "scores": mean, "by_seed": [run.scores for run in runs], "fit_s": min(run.fit for run in runs),
        "predict_s": min(run.predict for run in runs), "seasonal_naive": scores(data, seasonal_naive(data)),
        "gates": bar.gates, "torch_s": bar.torch_seconds,
    }  # fmt: skip


def gate(row: dict, validation: bool) -> str:
    """Each gate and whether it is met; gates are for the test part."""
    if validation or not row["gates"]:
        return ""
    verdicts = ((f"{key} {top:g}", row["scores"][key] <= top) for key, top in row["gates"].items())
    return ", ".join(f"{text} {'met' if met else '**missed**'}" for text, met in verdicts)


def table_row(row: dict, validation: bool) -> list[object]:
    """The columns of HEADER."""
    found, naive = row["scores"], row["seasonal_naive"]
    spread = " ".join(f"{own['MASE']:.3f}" for own in row["by_seed"])
    return [
        row["set"], found["sMAPE"], found["MASE"], found.get("OWA"), spread, row["fit_s"], row["predict_s"],
        f"{naive['sMAPE']:.2f} / {naive['MASE']:.3f}", gate(row, validation), row["torch_s"],
    ]  # fmt: skip


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=list(SETS), help="sets; results are then not written")
    parser.add_argument(
        "--seeds", type=int, default=1, choices=range(1, 11), help="fits with random_state 0, 1, ...; means"
    )
    parser.add_argument(
        "--validation", action="store_true",
        help="score on the end of the training part, held out, so that choices never see the test part",
    )  # fmt: skip
    parser.add_argument(
        "--strategy", choices=("recursive", "seq2seq"), default="recursive",
        help="other than recursive: results are not written",
    )  # fmt: skip
    options = parser.parse_args()
    folder = data_folder()
    print(describe())
    RNNForecaster(n_members=1, max_steps=1, random_state=0).fit(load_airline()).predict(1)  # compiles
    rows = []
    for name in options.only or SETS:
        data = read_set(folder, name)
        rows.append(measure(data.validation() if options.validation else data, options.seeds, options.strategy))
        print(f"{name}: {rows[-1]['scores']}, {rows[-1]['fit_s']:.1f} s", flush=True)
    show(HEADER, [table_row(row, options.validation) for row in rows])
    if not options.only and options.strategy == "recursive":
        name = "accuracy_validation" if options.validation else "accuracy"
        print(f"written: results/{save(name, rows).name}")


if __name__ == "__main__":
    main()
