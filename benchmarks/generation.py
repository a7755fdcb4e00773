"""Free-running generation, one sequence at a time, beside PyTorch's fastest plain way.

python -m benchmarks.generation [--seconds 3]
"""

from __future__ import annotations

import argparse
from functools import partial

import numpy as np
import torch
from numba import njit

from benchmarks.pictures import bars, picture
from benchmarks.racing import Timing, Variant, describe, publish, race, text
from forecastrnn import RNNRegressor

CELLS, UNITS = ("lstm", "gru"), (32, 64, 128)
HORIZON, TORCH_HORIZON = 20_000, 200  # steps of one call
WINDOW = 24  # steps of a row to predict from
TARGET = 1.0  # us a step
READS = 200  # of all weights in one call
MATRICES = {"lstm": 4, "gru": 3}  # recurrent ones, of units x units
HEADER = ("a step of", "forecastrnn us, fastest / median", "PyTorch us, fastest / median", "ratio at median",
          "target us", "reading the weights us, fastest / median")  # fmt: skip


class TorchStep:
    """A cell and a dense layer in inference mode: the fastest of PyTorch's at batch 1 that needs no export."""

    def __init__(self, cell: str, units: int, inputs: int = 1) -> None:
        layer, one = {"lstm": (torch.nn.LSTM, torch.nn.LSTMCell), "gru": (torch.nn.GRU, torch.nn.GRUCell)}[cell]
        self.layer, self.cell = layer(inputs, units, batch_first=True), one(inputs, units)
        self.dense, self.inputs = torch.nn.Linear(units, 1), inputs
        self.state: torch.Tensor | tuple | None = None

    def _advance(self, x: torch.Tensor) -> torch.Tensor:
        self.state = self.cell(x, self.state)
        return self.dense(self.state[0] if isinstance(self.state, tuple) else self.state)

    @torch.inference_mode()
    def generate(self) -> None:
        """Feed outputs back, to all inputs."""
        x = torch.zeros(1, self.inputs)
        for _ in range(TORCH_HORIZON):
            x = self._advance(x).expand(-1, self.inputs)

    @torch.inference_mode()
    def step(self, value: float = 0.5) -> float:
        """One value in, one out."""
        return self._advance(torch.full((1, self.inputs), value)).item()

    @torch.inference_mode()
    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Whole rows (n, steps, inputs) in, one value each out."""
        return self.dense(self.layer(torch.from_numpy(rows))[0][:, -1]).numpy()


@njit(fastmath=True)
def read_all(weights: np.ndarray, times: int) -> float:
    """Add up all numbers, so many times: as fast as the cache that holds them gives them out."""
    found = np.float32(0)
    for k in range(times):
        for weight in weights:
            found += weight
        weights[k % weights.size] += 1  # else once is enough for the compiler
    return found


def fitted(cell: str, units: int, n_jobs: int = 1) -> RNNRegressor:
    """A regressor that predicts the next value of a sine; how well does not matter here."""
    t = np.arange(64)[:, None] + np.arange(WINDOW + 1)
    values = np.sin(0.3 * t).astype(np.float32)
    model = RNNRegressor(
        cell=cell, hidden_layer_sizes=units, max_iter=2, random_state=0, dtype="float32", n_jobs=n_jobs
    )
    return model.fit(values[:, :-1], values[:, -1])


def measure(cell: str, units: int, seconds: float) -> dict[str, object]:
    """Generation from one cell, both with one thread."""
    model, peer = fitted(cell, units), TorchStep(cell, units)
    weights = np.zeros(MATRICES[cell] * units * units, np.float32)
    torch.set_num_threads(1)
    timings = race(
        {
            "ours": Variant(lambda: model.generate(HORIZON), HORIZON),
            "torch": Variant(peer.generate, TORCH_HORIZON, lambda: setattr(peer, "state", None)),
            "read": Variant(lambda: read_all(weights, READS), READS),
        },
        seconds,
    )
    return result(f"{cell.upper()} {units}", timings, TARGET)


def result(what: str, timings: dict[str, Timing], target: float | None) -> dict[str, object]:
    """One row, in us."""
    us = {name: [1e6 * timing.fastest, 1e6 * timing.median] for name, timing in timings.items()}
    return {"what": what, "us": us, "ratio": us["torch"][1] / us["ours"][1], "target_us": target}


def table_row(row: dict) -> list[object]:
    """The columns of HEADER; a missed target is bold."""
    pair = {name: " / ".join(map(text, both)) for name, both in row["us"].items()}
    missed = row["target_us"] is not None and row["us"]["ours"][1] > row["target_us"]
    return [row["what"], f"**{pair['ours']}**" if missed else pair["ours"], pair["torch"], row["ratio"],
            row["target_us"], *([pair["read"]] if "read" in pair else [])]  # fmt: skip


def draw(name: str, rows: list[dict], xlabel: str, height: float) -> None:
    """The medians of both sides and the targets, on a logarithmic axis."""
    with picture(name, height=height) as (axes,):
        values = {"forecastrnn": "ours", "PyTorch": "torch"}
        found = {label: [row["us"][key][1] for row in rows] for label, key in values.items()}
        bars(axes, [row["what"] for row in rows], found, [row["target_us"] for row in rows], logarithmic=True)
        axes.set(xlabel=xlabel)


def main() -> None:
    """Measure, print, draw and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3.0, help="of each race")
    options = parser.parse_args()
    print(describe("torch"))
    rows = [measure(cell, units, options.seconds) for cell in CELLS for units in UNITS]
    picture_of = partial(draw, "generation", xlabel="us a generated step, median, one thread", height=4.0)
    publish("generation", rows, HEADER, table_row, "torch", draw=picture_of)


if __name__ == "__main__":
    main()
