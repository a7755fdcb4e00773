"""What `accuracy.py` holds the forecaster against: a bar for each set, and one for all that it was tuned on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.series_sets import DRAWN

MEASURES = ("sMAPE", "MASE")
TOGETHER = {"sMAPE": 0.555, "MASE": 0.575}  # geometric mean over seasonal naive, sets of TUNING
SLACK = 1.03  # a set that is more than this many times what it was is named


@dataclass(frozen=True)
class Bar:
    """The largest score of each measure, and the simple forecasts that both sMAPE and MASE are to be below."""

    gates: Mapping[str, float] = field(default_factory=dict)
    below: str | None = None


BARS = {
    "m4_hourly": Bar({"OWA": 0.415}),
    "tourism_monthly": Bar({"sMAPE": 17.8, "MASE": 1.38}),
    "m3_monthly": Bar({"sMAPE": 13.3, "MASE": 0.827}),
    "nn5_daily_imputed": Bar({"sMAPE": 20.7, "MASE": 0.842}),
    "nn5_daily": Bar(),
    "cif2016": Bar({"sMAPE": 10.2, "MASE": 0.82}),
    "airline": Bar({"MASE": 0.9}),
    "co2_weekly": Bar({"MASE": 0.5}),
    "sunspots_yearly": Bar(below="seasonal naive"),
    "lynx": Bar(),
    "vic_elec_halfhourly": Bar(),
} | {name: Bar(below="recent median") for name in DRAWN}
TUNING = tuple(name for name in BARS if name not in DRAWN)
Row = Mapping[str, Any]


def gate(row: Row) -> str:
    """Each gate of a set and whether it is met."""
    bar = BARS[row["set"]]
    tops = [(f"{key} {top:g}", row["scores"][key] <= top) for key, top in bar.gates.items()]
    if bar.below is not None:
        simple = row["references"][bar.below]
        tops.append((f"below {bar.below}", all(row["scores"][key] < simple[key] for key in MEASURES)))
    return ", ".join(_verdict(text, met) for text, met in tops)


def over_seasonal_naive(rows: Sequence[Row], validation: bool) -> str:
    """The geometric mean of the scores over those of seasonal naive, where all sets of TUNING are there."""
    own = [row for row in rows if row["set"] in TUNING]
    found = {key: [row["scores"][key] / row["references"]["seasonal naive"][key] for row in own] for key in MEASURES}
    if len(own) < len(TUNING):
        return f"no geometric mean: {len(own)} of {len(TUNING)} sets"
    means = {key: float(np.exp(np.log(ratios).mean())) for key, ratios in found.items()}
    parts = [f"{key} {mean:.3f}" + ("" if validation else f" ({_verdict(f'{TOGETHER[key]:g}', mean <= TOGETHER[key])})")
             for key, mean in means.items()]  # fmt: skip
    return f"geometric mean over seasonal naive on the {len(TUNING)} tuning sets: {', '.join(parts)}"


def worse(rows: Sequence[Row], before: Sequence[Row]) -> str:
    """The sets whose scores were at least 3% better in the results of before."""
    past = {row["set"]: row["scores"] for row in before}
    found = [
        f"{row['set']} {key} {past[row['set']][key]:.4g} to {row['scores'][key]:.4g}"
        for row in rows if row["set"] in past
        for key in MEASURES if row["scores"][key] > SLACK * past[row["set"]][key]
    ]  # fmt: skip
    return f"worse by more than 3% than in the results of before: {', '.join(found) or 'none'}"


def _verdict(text: str, met: bool) -> str:
    return f"{text} {'met' if met else '**missed**'}"
