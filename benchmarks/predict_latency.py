"""What a user waits for: predictions of few and many rows or series, and steps of streams, beside PyTorch.

Ours are the public methods, with checks, scaling and pandas; PyTorch's are bare networks of the same sizes.

python -m benchmarks.predict_latency [--seconds 2]
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
import torch

from benchmarks.generation import WINDOW, TorchStep, draw, fitted, result, table_row
from benchmarks.racing import Variant, best, describe, publish, race
from benchmarks.series_sets import seasonal_panel
from forecastrnn import RNNForecaster

COUNTS = (1, 10, 1000)  # rows or series
UNITS, MEMBERS = 64, (1, 5)
FORECAST, STREAM, ROW = 1000.0, 3.0, 80.0  # us: targets for one series, for one value, and for one row
BESIDE, COLUMNS = 1500.0, ("price", "offer", "weather")  # us: of one series with these covariates
THREADS = (1, 2)
HEADER = ("what", "forecastrnn us, fastest / median", "PyTorch us, fastest / median", "ratio at median",
          "target us")  # fmt: skip


def compare(
    what: str, ours: Callable[[int], Callable[[], object]], theirs: Callable[[], object], seconds: float,
    target: float | None = None, threads: tuple[int, ...] = (1,),
) -> dict[str, object]:  # fmt: skip
    """Race both sides with each number of threads; `ours` makes the call for a number of threads."""
    variants = {}
    for count in threads:
        variants[f"ours {count}"] = Variant(ours(count))
        variants[f"torch {count}"] = Variant(theirs, prepare=partial(torch.set_num_threads, count))
    timings = race(variants, seconds)
    row = result(what, {side: best(timings, side)[0] for side in ("ours", "torch")}, target)
    print(f"{what}: {row['us']['ours'][1]:.4g} us", flush=True)
    return row


def threaded(model: object, count: int) -> object:
    """The same fitted model on so many threads."""
    return copy.copy(model).set_params(n_jobs=count)


def regressor_rows(cell: str, seconds: float) -> list[dict[str, object]]:
    """predict of some rows at once, and a stream."""
    model, peer, name = fitted(cell, UNITS), TorchStep(cell, UNITS), f"{cell.upper()} {UNITS}"
    rows = []
    for n in COUNTS:
        x = np.sin(0.3 * (np.arange(n)[:, None] + np.arange(WINDOW))).astype(np.float32)
        rows.append(
            compare(
                f"RNNRegressor.predict, {n} x {WINDOW}, {name}",
                lambda count, x=x: partial(threaded(model, count).predict, x),
                lambda x=x: peer.predict(x[..., None]), seconds, ROW if n == 1 else None, THREADS,
            )
        )  # fmt: skip
    stream = model.stream()
    what = f"RNNRegressor.stream().step, {name}"
    rows.append(compare(what, lambda count: lambda: stream.step(0.5), peer.step, seconds, STREAM))
    return rows


class TorchForecaster:
    """What the networks of a forecaster have to do: read a context, then feed forecasts back, a median of members."""

    def __init__(self, n_series: int, n_members: int, n_inputs: int, context: int) -> None:
        self.members = [TorchStep("gru", UNITS, n_inputs) for _ in range(n_members)]
        self.context = torch.zeros(n_series, context, n_inputs)

    @torch.inference_mode()
    def predict(self, h: int) -> np.ndarray:
        """Forecasts (n_series, h) of all members, as their median."""
        found = []
        for member in self.members:
            member.state = member.layer(self.context)[1][0]
            x = self.context[:, -1]
            steps = []
            for _ in range(h):
                out = member.dense(member.state)
                steps.append(out)
                member.state = member.cell(x, member.state)
                x = out.expand(-1, member.inputs)
            found.append(torch.cat(steps, 1).numpy())
        return np.median(found, axis=0)

    def step(self) -> float:
        """The median of all members' next values."""
        return float(np.median([member.step() for member in self.members]))


def forecaster_rows(n_series: int, n_members: int, seconds: float) -> list[dict[str, object]]:
    """predict of all series, and a stream of the only one."""
    model = RNNForecaster(season_length=12, n_members=n_members, max_steps=20, random_state=0, n_jobs=1)
    model.fit(seasonal_panel(n_series))
    peer = TorchForecaster(n_series, n_members, model._model.network.n_inputs, model.context_length_)
    about = f"{n_series} series, {n_members} member{'s' * (n_members > 1)}"
    alone = n_series == 1
    rows = [
        compare(
            f"RNNForecaster.predict({WINDOW}), {about}", lambda count: partial(threaded(model, count).predict, WINDOW),
            lambda: peer.predict(WINDOW), seconds, FORECAST if alone else None, THREADS,
        )
    ]  # fmt: skip
    if alone:
        stream = model.stream()
        what = f"RNNForecaster.stream().step, {about.partition(', ')[2]}"
        rows.append(compare(what, lambda count: lambda: stream.step(50.0), peer.step, seconds))
        rows.append(row_beside(n_members, seconds))
    return rows


def row_beside(n_members: int, seconds: float) -> dict[str, object]:
    """predict of one series with covariates: rows of X are found among those of all its times."""
    known = 120
    beside = pd.DataFrame(np.random.default_rng(0).normal(size=(known + WINDOW, len(COLUMNS))), columns=list(COLUMNS))
    model = RNNForecaster(season_length=12, n_members=n_members, max_steps=20, random_state=0, n_jobs=1)
    model.fit(seasonal_panel(1, known).drop(columns="unique_id").set_index("ds")["y"], beside)
    peer = TorchForecaster(1, n_members, model._model.network.n_inputs, model.context_length_)
    about = f"1 series with {len(COLUMNS)} covariates, {n_members} member{'s' * (n_members > 1)}"
    return compare(
        f"RNNForecaster.predict({WINDOW}), {about}",
        lambda count: partial(threaded(model, count).predict, WINDOW, X=beside), lambda: peer.predict(WINDOW), seconds,
        BESIDE, THREADS,
    )  # fmt: skip


def main() -> None:
    """Measure, print, draw and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="of each race")
    options = parser.parse_args()
    print(describe("torch"))
    rows = [row for cell in ("lstm", "gru") for row in regressor_rows(cell, options.seconds)]
    rows += [row for m in MEMBERS for n in COUNTS for row in forecaster_rows(n, m, options.seconds)]
    xlabel = "us a call, median of the better of 1 and 2 threads"
    picture_of = partial(draw, "predict_latency", xlabel=xlabel, height=6.0)
    publish("predict_latency", rows, HEADER, table_row, "torch", draw=picture_of)


if __name__ == "__main__":
    main()
