"""Series fitted alone, of which a fit learns little: the default, and what the pre-trained network knows beside it.

FORECASTRNN_DATA=folder python -m benchmarks.few_values [--validation] [--series 30] [--only m3_monthly ...]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.accuracy import by_series
from benchmarks.pretraining import shortened
from benchmarks.racing import describe, save, show
from benchmarks.scoring import scores, seasonal_naive
from benchmarks.series_sets import SeriesSet, any_set
from forecastrnn import RNNForecaster

SETS = ("m3_monthly", "tourism_monthly", "cif2016")
KINDS: dict[str, tuple[Any, dict[str, Any]]] = {
    "default": (RNNForecaster, {}),
    'candidates=["auto", "pretrained"]': (RNNForecaster, {"candidates": ["auto", "pretrained"]}),
    'pretrained(candidates="auto", max_steps=0)': (RNNForecaster.pretrained, {"candidates": "auto", "max_steps": 0}),
    'pretrained(candidates="auto", max_steps=60)': (RNNForecaster.pretrained, {"candidates": "auto", "max_steps": 60}),
}  # fmt: skip


def some_of(data: SeriesSet, count: int) -> SeriesSet:
    """So many series with a whole horizon to forecast, drawn once and for all."""
    names = [name for name in sorted(data.train) if len(data.test[name]) == data.horizon]
    chosen = np.random.default_rng(1).choice(names, min(count, len(names)), replace=False)
    return replace(
        data, train={name: data.train[name] for name in chosen}, test={name: data.test[name] for name in chosen},
        naive2=None,
    )  # fmt: skip


def alone(data: SeriesSet, make: Any, options: Mapping[str, Any]) -> tuple[dict[str, float], float]:
    """Scores of forecasters that each know one series, and the mean processor seconds of one."""
    found, begun = {}, time.process_time()
    for name in data.train:
        one = replace(data, train={name: data.train[name]}, test={name: data.test[name]})
        model = make(**options, season_length=data.season, missing="mask", random_state=0, n_jobs=1)
        model.fit(one.frame(), id_col="unique_id", time_col="t", target_col="y")
        found |= by_series(model.predict(data.horizon), one)
    return scores(data, found), (time.process_time() - begun) / len(data.train)


def measure(data: SeriesSet) -> dict[str, Any]:
    """All kinds of one set."""
    naive = scores(data, seasonal_naive(data))
    kinds = {kind: alone(data, *how) for kind, how in KINDS.items()}
    return {
        "set": data.name, "series": len(data.train),
        "over naive": {k: {key: own[key] / naive[key] for key in ("sMAPE", "MASE")} for k, (own, _) in kinds.items()},
        "seconds": {kind: seconds for kind, (_, seconds) in kinds.items()},
    }  # fmt: skip


def rows_of(found: list[dict[str, Any]]) -> list[list[object]]:
    """A row for each kind: errors over seasonal naive by set, their geometric mean, seconds of one series."""
    rows: list[list[object]] = []
    for kind in KINDS:
        each = [one["over naive"][kind] for one in found]
        mean = {key: np.exp(np.mean([np.log(one[key]) for one in each])) for key in ("sMAPE", "MASE")}
        shown = [f"{one['sMAPE']:.3f} / {one['MASE']:.3f}" for one in (*each, mean)]
        rows.append([kind, *shown, float(np.mean([one["seconds"][kind] for one in found]))])
    return rows


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--series", type=int, default=30, help="of each set")
    parser.add_argument("--validation", action="store_true", help="the task one horizon before the test part")
    asked = parser.parse_args()
    print(describe())
    sets = [some_of(shortened(any_set(name), is_validation=asked.validation), asked.series) for name in asked.only]
    found = [measure(data) for data in sets]
    show(("series alone", *asked.only, "geometric mean", "processor s"), rows_of(found))
    if tuple(asked.only) == SETS and not asked.validation:
        save("few_values", found)


if __name__ == "__main__":
    main()
