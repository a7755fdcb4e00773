"""The pre-trained network on published sets: forecasts without a fit, alone and mixed, their bands, and its curve.

FORECASTRNN_DATA=folder python -m benchmarks.pretraining [--validation] [--weights file] [--updates 100] [--only ...]
python -m benchmarks.pretraining --latency
FORECASTRNN_DATA=folder python -m benchmarks.pretraining --curve states ... : of files of a training, on validation
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.accuracy import by_series
from benchmarks.accuracy_gates import TUNING
from benchmarks.pictures import picture
from benchmarks.racing import describe, save, show
from benchmarks.scoring import scores, seasonal_naive
from benchmarks.series_sets import DRAWN, SeriesSet, any_set
from forecastrnn import RNNForecaster
from forecastrnn.datasets import load_airline
from forecastrnn.forecasting.start import read_start, write_start
from forecastrnn.pretraining.learning import read_network

LEVELS = (80, 95)
HEADER = ("set", "series", "alone, sMAPE / MASE", "mixed, sMAPE / MASE", "seasonal naive", "alone over it",
          "mixed over it", "cover 80", "cover 95", "fit s")  # fmt: skip
KINDS = {"alone": "network", "mixed": "auto"}


@dataclass(frozen=True)
class Found:
    """Scores of forecasts, shares that bands cover, and processor seconds of all."""

    scores: dict[str, float]
    cover: list[float]
    seconds: float


def shortened(data: SeriesSet, *, is_validation: bool) -> SeriesSet:
    """The set, or the task one horizon earlier of the series that are long enough for it."""
    data = replace(data, naive2=None)
    if not is_validation:
        return data
    least = {name: len(data.test[name]) + max(8, min(2 * data.season, 24)) for name in data.train}
    long = [name for name, y in data.train.items() if len(y) > least[name]]
    own = replace(data, train={name: data.train[name] for name in long}, test={name: data.test[name] for name in long})
    return own.validation()


def zero_shot(
    data: SeriesSet, start: str, candidates: str, levels: Sequence[int] | None, updates: int = 0
) -> Found:  # fmt: skip
    """Forecasts of a forecaster that learns nothing from the set, or makes so many updates."""
    units = RNNForecaster.pretrained().hidden_layer_sizes if start == "pretrained" else read_start(start).units
    model = RNNForecaster(
        start=start, hidden_layer_sizes=units, n_members=1, max_steps=updates, season_length=data.season,
        missing="mask", candidates=candidates, intervals="conformal" if levels else None, random_state=0, n_jobs=1,
    )  # fmt: skip
    begun = time.process_time()
    model.fit(data.frame(), id_col="unique_id", time_col="t", target_col="y")
    table = model.predict(data.horizon, level=levels and list(levels))
    seconds = time.process_time() - begun
    return Found(scores(data, by_series(table, data)), [covered(table, data, level) for level in levels or ()], seconds)


def covered(table: Any, data: SeriesSet, level: int) -> float:
    """Percent of the values between the ends of a level."""
    inside = []
    for name, part in table.sort_values(["unique_id", "t"]).groupby("unique_id", sort=False):
        y = data.test[name]
        low, high = (part[f"RNN-{side}-{level}"].to_numpy(float)[: len(y)] for side in ("lo", "hi"))
        inside.append(((low <= y) & (y <= high))[np.isfinite(y)])
    return float(100.0 * np.concatenate(inside).mean())


def measure(
    data: SeriesSet, start: str, kinds: Mapping[str, str] = KINDS, *, with_bands: bool = True, updates: int = 0
) -> dict:  # fmt: skip
    """All of one set; updates : of what is mixed."""
    found = {
        kind: zero_shot(
            data, start, names, LEVELS if with_bands and kind == "alone" else None, updates if kind == "mixed" else 0
        )
        for kind, names in kinds.items()
    }
    return {
        "set": data.name, "series": len(data.train), "naive": scores(data, seasonal_naive(data)),
        "cover": found["alone"].cover if with_bands else [], "seconds": found["alone"].seconds,
        **{kind: one.scores for kind, one in found.items()},
    }  # fmt: skip


def over_naive(rows: Sequence[Mapping[str, Any]], kind: str) -> dict[str, float]:
    """Geometric means of scores over those of seasonal naive, of the sets that are no part of anything drawn."""
    own = [row for row in rows if row["set"] in TUNING]
    return {
        key: float(np.exp(np.mean([np.log(row[kind][key] / row["naive"][key]) for row in own])))
        for key in ("sMAPE", "MASE")
    }


def curve_of(states: Sequence[Path], weights: Path) -> list[dict[str, float]]:
    """Geometric means over seasonal naive on validation, for each file of a training (`*.state`)."""
    sets, points = [shortened(any_set(name), is_validation=True) for name in TUNING], []
    for state in states:
        start, seconds = read_network(state)
        write_start(weights, start)
        rows = [measure(data, str(weights), {"alone": "network"}, with_bands=False) for data in sets]
        points.append(
            {"hours": seconds / 3600.0, "updates": start.updates, "loss": start.loss, **over_naive(rows, "alone")}
        )
        print(points[-1], flush=True)
    return points


def draw(points: Sequence[Mapping[str, float]]) -> None:
    """Errors over those of seasonal naive against minutes of the processor."""
    with picture("pretraining_curve", width=6.0, height=3.5) as (axes,):
        minutes = [60.0 * point["hours"] for point in points]
        for key, mark in (("sMAPE", "o"), ("MASE", "s")):
            axes.plot(minutes, [point[key] for point in points], marker=mark, label=key)
        axes.set_xscale("log")
        axes.set_xticks(minutes, [f"{each:.0f}" for each in minutes])
        axes.minorticks_off()
        axes.set_xlabel("minutes of one core")
        axes.set_ylabel("error over seasonal naive")
        axes.set_title("Without a fit, geometric mean of 11 sets, validation", fontsize=10)
        axes.grid(alpha=0.3)
        axes.legend()


def latency() -> list[dict[str, float | str]]:
    """Milliseconds of `predict(24, y=...)` of the air passengers, without and with bands, and of 10,000 series."""
    model, y, rows = RNNForecaster.pretrained(), load_airline(), []
    many = pd.concat([y.rename(f"s{k}") * (1.0 + k / 1000.0) for k in range(10_000)], axis=1)
    for what, series, level, count in (
        ("one series", y, None, 200), ("one series, bands of 80%", y, 80, 50), ("10,000 series", many, None, 1),
    ):  # fmt: skip
        model.predict(24, y=y, level=level)
        seconds = []
        for _ in range(count):
            begun = time.perf_counter()
            model.predict(24, y=series, level=level)
            seconds.append(time.perf_counter() - begun)
        rows.append({"what": what, "fastest_ms": 1e3 * min(seconds), "median_ms": 1e3 * float(np.median(seconds))})
    return rows


def _show(rows: Sequence[Mapping[str, Any]]) -> None:
    both = [
        (
            row["set"], row["series"], *(f"{row[k]['sMAPE']:.3g} / {row[k]['MASE']:.3f}" for k in (*KINDS, "naive")),
            *(f"{row[k]['MASE'] / row['naive']['MASE']:.3f}" for k in KINDS), *row["cover"], row["seconds"],
        )
        for row in rows
    ]  # fmt: skip
    show(HEADER, both)


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=(*TUNING, *DRAWN), default=(*TUNING, *DRAWN))
    parser.add_argument("--validation", action="store_true", help="the task one horizon before the test part")
    parser.add_argument("--weights", default="pretrained", help="a file of weights; default those of the package")
    parser.add_argument("--updates", type=int, default=0, help="of what is mixed; results are then not written")
    parser.add_argument("--curve", nargs="+", type=Path, help="states of a training, of which to find the curve")
    parser.add_argument("--latency", action="store_true", help="how long a forecast takes")
    asked = parser.parse_args()
    if asked.latency:
        rows = latency()
        show(("predict(24, y=...) of", "fastest ms", "median ms"), [tuple(row.values()) for row in rows])
        save("pretraining_latency", rows)
        return
    if asked.curve:
        with TemporaryDirectory() as folder:
            points = curve_of(asked.curve, Path(folder) / "weights.rnn")
        save("pretraining_curve", points)
        draw(points)
        return
    sets = [shortened(any_set(name), is_validation=asked.validation) for name in asked.only]
    rows = [measure(data, asked.weights, updates=asked.updates) for data in sets]
    print(describe())
    _show(rows)
    for kind in KINDS:
        print(kind, {key: round(mean, 3) for key, mean in over_naive(rows, kind).items()})
    if not asked.validation and not asked.updates and set(asked.only) >= set(TUNING):
        save("pretraining", rows)


if __name__ == "__main__":
    main()
