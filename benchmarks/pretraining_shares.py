"""How much of the default forecast the pre-trained network could take at best: shares chosen in hindsight.

FORECASTRNN_DATA=folder python -m benchmarks.pretraining_shares [--origins 2] [--only ...]

Of each set, at horizons before its test part: the default fit and the network without a fit, and means of both with all
shares. No share that is the same for all series of a set gains more than the best one, known afterwards.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from benchmarks.accuracy import by_series, run_once
from benchmarks.accuracy_gates import TUNING
from benchmarks.pretraining import shortened
from benchmarks.racing import describe, save, show
from benchmarks.scoring import scores
from benchmarks.series_sets import SeriesSet, any_set
from forecastrnn import RNNForecaster

SHARES = np.linspace(0.0, 1.0, 11)  # of the network
KEYS = "sMAPE", "MASE"
HEADER = ("set", "best share at each", "MASE with it over the default's", "best share of all", "MASE with it")


def errors(data: SeriesSet) -> list[list[float]]:
    """Errors (shares, metrics) of means of the default's forecasts and the network's."""
    network = RNNForecaster.pretrained(max_steps=0, season_length=data.season, missing="mask", candidates="network")
    network.fit(data.frame(), id_col="unique_id", time_col="t", target_col="y")
    default, alone = run_once(data, seed=0).forecasts, by_series(network.predict(data.horizon), data)
    means = ({key: (1.0 - share) * default[key] + share * alone[key] for key in default} for share in SHARES)
    found = [scores(data, forecasts) for forecasts in means]
    return [[each[key] for key in KEYS] for each in found]


def earlier(name: str, count: int) -> list[list[list[float]]]:
    """The errors (origins, shares, metrics) at so many horizons before the test part."""
    data, found = any_set(name), []
    for _ in range(count):
        data = shortened(data, is_validation=True)
        found.append(errors(data))
    return found


def table_row(name: str, ratios: np.ndarray) -> list[object]:
    """The columns of HEADER of ratios (origins, shares, metrics) to the default."""
    mase = ratios[:, :, 1]
    means = np.exp(np.log(mase).mean(axis=0))
    each = " ".join(f"{share:.1f}" for share in SHARES[mase.argmin(axis=1)])
    least = " ".join(f"{ratio:.3f}" for ratio in mase.min(axis=1))
    return [name, each, least, f"{SHARES[means.argmin()]:.1f}", f"{means.min():.3f}"]


def summary(ratios: np.ndarray) -> list[list[object]]:
    """Geometric means over sets and origins of ratios (sets, origins, shares, metrics), for each metric.

    With one share for all sets; with the best one of each set, known afterwards; with the one of the other origins.
    """
    logs = np.log(ratios)
    rows: list[list[object]] = []
    for k, key in enumerate(KEYS):
        mean = logs[..., k].mean(axis=1)
        others = [np.delete(logs[..., k], own, axis=1).mean(axis=1).argmin(axis=1) for own in range(logs.shape[1])]
        chosen = [logs[np.arange(len(logs)), own, share, k] for own, share in enumerate(others)]
        found = mean.mean(axis=0).min(), mean.min(axis=1).mean(), np.mean(chosen)
        rows.append([key, *(f"{np.exp(value):.3f}" for value in found)])
    return rows


def main(names: Sequence[str] | None = None) -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--origins", type=int, default=2, help="so many horizons before the test part, 2 at least")
    parser.add_argument("--only", nargs="+", choices=TUNING, default=TUNING, help="sets; results are then not written")
    asked = parser.parse_args(names)
    found = {name: earlier(name, asked.origins) for name in asked.only}
    whole = np.array(list(found.values()))
    ratios = whole / whole[:, :, :1]
    print(describe())
    show(HEADER, [table_row(name, each) for name, each in zip(found, ratios, strict=True)])
    show(("geometric mean over the default's", "one share for all", "each set's, known afterwards",
          "each set's at the other horizons"), summary(ratios))  # fmt: skip
    if len(found) == len(TUNING):
        save("pretraining_shares", [{"set": name, "errors": each} for name, each in found.items()])


if __name__ == "__main__":
    main()
