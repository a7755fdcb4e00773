"""The pre-trained network without a fit at the last four horizons of each set: one date says little.

FORECASTRNN_DATA=folder python -m benchmarks.pretraining_origins [--origins 4] [--only ...]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.accuracy_gates import TUNING
from benchmarks.pretraining import LEVELS, shortened, zero_shot
from benchmarks.racing import describe, save, show
from benchmarks.scoring import scores, seasonal_naive
from benchmarks.series_sets import any_set

KEYS = "sMAPE", "MASE"
HEADER = ("set", "series", "MASE over naive at each, the last first", "sMAPE over naive", "MASE over naive",
          "cover 80 at each", "cover 80", "cover 95")  # fmt: skip


def origins(name: str, count: int) -> dict[str, Any]:
    """Scores over those of seasonal naive, and coverage, at origins that lie a horizon apart, where series are left."""
    data, over, cover, series = any_set(name), [], [], []
    for _ in range(count):
        found, naive = zero_shot(data, "pretrained", "network", LEVELS), scores(data, seasonal_naive(data))
        over.append([found.scores[key] / naive[key] for key in KEYS])
        cover.append(found.cover)
        series.append(len(data.train))
        data = shortened(data, is_validation=True)
        if not data.train:
            break
    return {"set": name, "series": series, "over": over, "cover": cover}


def table_row(row: dict[str, Any]) -> list[object]:
    """The columns of HEADER: geometric means of scores, means of coverage by series."""
    over, cover = np.array(row["over"]), np.array(row["cover"])
    means = np.exp(np.log(over).mean(axis=0))
    covered = np.average(cover, axis=0, weights=row["series"])
    each = " ".join(f"{ratio:.3f}" for ratio in over[:, 1]), " ".join(f"{share:.1f}" for share in cover[:, 0])
    return [
        row["set"],
        row["series"][0],
        each[0],
        *(f"{m:.3f}" for m in means),
        each[1],
        *(f"{c:.1f}" for c in covered),
    ]


def main(names: Sequence[str] | None = None) -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--origins", type=int, default=4, help="so many, a horizon apart")
    parser.add_argument("--only", nargs="+", choices=TUNING, default=TUNING, help="sets; results are then not written")
    asked = parser.parse_args(names)
    rows = [origins(name, asked.origins) for name in asked.only]
    print(describe())
    show(HEADER, [table_row(row) for row in rows])
    if len(rows) == len(TUNING):
        save("pretraining_origins", rows)


if __name__ == "__main__":
    main()
