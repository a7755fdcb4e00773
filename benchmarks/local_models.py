"""One network a series: RNNForecaster(global_model=False) beside loops over the series, ours and PyTorch's.

python -m benchmarks.local_models [--seconds 10] [--series 10 100 1000]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import pandas as pd
import torch

from benchmarks.pictures import lines, picture
from benchmarks.racing import Timing, Variant, describe, publish, race
from benchmarks.series_sets import seasonal_panel
from forecastrnn import RNNForecaster

COUNTS = (10, 100, 1000)
UNITS, STEPS, BATCH, SEASON, HORIZON = 16, 100, 64, 12, 12
LOOPED, TORCH_LOOPED = 10, 2  # series that the loops are timed on; their time is proportional to the number
LEAST_FITS = 2  # timed fits of each variant, and as many before them
NAMES = {
    "one call": "forecastrnn, one call", "loop": "forecastrnn, a loop of fits", "torch": "PyTorch, a loop of fits",
}  # fmt: skip
HEADER = ("series", "how", "ms a series, fastest / median", "s in all", "times one call", "mean absolute error",
          "timed on")  # fmt: skip


def forecaster(**options: object) -> RNNForecaster:
    """One small network, few steps."""
    return RNNForecaster(
        cell="gru", hidden_layer_sizes=UNITS, n_members=1, max_steps=STEPS, batch_size=BATCH, season_length=SEASON,
        random_state=0, candidates="network", **options,
    )  # fmt: skip


def fit_loop(parts: list[pd.DataFrame]) -> list[RNNForecaster]:
    """A fit for each series."""
    return [forecaster().fit(part) for part in parts]


class TorchLoop:
    """A GRU and a dense layer a series, with the steps, mini-batch, window and inputs of ours; no preparation."""

    def __init__(self, inputs: int, steps: int) -> None:
        self.x, self.y = torch.randn(BATCH, steps, inputs), torch.randn(BATCH, steps, 1)

    def fit(self, n: int) -> None:
        """Train n networks, one after the other."""
        for _ in range(n):
            layer, dense = torch.nn.GRU(self.x.shape[2], UNITS, batch_first=True), torch.nn.Linear(UNITS, 1)
            parameters = [*layer.parameters(), *dense.parameters()]
            optimizer = torch.optim.AdamW(parameters, lr=0.004, fused=True)
            for _ in range(STEPS):
                optimizer.zero_grad()
                torch.nn.functional.l1_loss(dense(layer(self.x)[0]), self.y).backward()
                torch.nn.utils.clip_grad_norm_(parameters, 1.0)
                optimizer.step()


def split(n: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """n series without their last year, and that year."""
    whole = seasonal_panel(n)
    last = whole["ds"] > whole["ds"].max() - HORIZON
    return whole[~last], whole[last]


def error(forecasts: pd.DataFrame, test: pd.DataFrame) -> float:
    """Mean absolute error over the series that were forecast."""
    both = forecasts.merge(test, on=["unique_id", "ds"])
    if len(both) != len(forecasts):
        raise AssertionError("forecasts are not those of the last year.")
    return float((both["RNN"] - both["y"]).abs().mean())


def measure(n: int, seconds: float) -> list[dict[str, object]]:
    """Race all ways to fit n series; errors of the forecasts show that they learned alike."""
    train, test = split(n)
    parts = [part for _, part in train.groupby("unique_id")][:LOOPED]
    own = forecaster(global_model=False).fit(train)
    tail = own._model.tail.prepared
    peer = TorchLoop(own._model.network.n_inputs, tail.context + tail.ahead)
    calls: dict[str, tuple[Callable[[], object], int]] = {
        "one call": (lambda: forecaster(global_model=False).fit(train), n),
        "loop": (lambda: fit_loop(parts), len(parts)),
        "torch": (lambda: peer.fit(TORCH_LOOPED), TORCH_LOOPED),
    }
    torch.set_num_threads(1)  # faster than two on so small a network
    timings = race({name: Variant(*call) for name, call in calls.items()}, seconds, LEAST_FITS)
    looped = pd.concat([model.predict(HORIZON) for model in fit_loop(parts)])
    same = own.predict(HORIZON).query("unique_id < @LOOPED")
    errors = {"one call": error(same, test), "loop": error(looped, test)}
    return [result(n, name, timings, calls[name][1], errors.get(name)) for name in calls]


def result(n: int, name: str, timings: dict[str, Timing], fitted: int, mae: float | None) -> dict[str, object]:
    """One row; times a series in ms."""
    own = timings[name]
    return {
        "series": n, "how": NAMES[name], "ms_a_series": [1e3 * own.fastest, 1e3 * own.median],
        "seconds": own.median * n, "ratio": own.median / timings["one call"].median, "mae": mae, "timed_on": fitted,
    }  # fmt: skip


def table_row(row: dict) -> list[object]:
    """The columns of HEADER."""
    ms = " / ".join(f"{value:.3g}" for value in row["ms_a_series"])
    return [row["series"], row["how"], ms, row["seconds"], row["ratio"], row["mae"], row["timed_on"]]


def draw(rows: list[dict]) -> None:
    """Seconds in all over the number of series."""
    with picture("local_models", width=6.0) as (axes,):
        found = {}
        for how in NAMES.values():
            own = [row for row in rows if row["how"] == how]
            found[how] = ([row["series"] for row in own], [row["seconds"] for row in own])
        lines(axes, found)
        axes.set(xlabel="series", ylabel="s to fit all")
        axes.set_title(f"a network of {STEPS} steps for each series (loops extrapolated)", fontsize=9)


def main() -> None:
    """Measure, print, draw and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="of each race, at least")
    parser.add_argument("--series", type=int, nargs="+", default=COUNTS, help="how many; others are not written")
    options = parser.parse_args()
    print(describe("torch"))
    rows = []
    for n in options.series:
        rows += measure(n, options.seconds)
        print(f"{n} series: {rows[-3]['seconds']:.3g} s in one call", flush=True)
    publish("local_models", rows, HEADER, table_row, "torch", draw=draw if tuple(options.series) == COUNTS else None)


if __name__ == "__main__":
    main()
