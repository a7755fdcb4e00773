"""One sequence at a time: free-running generation, streams and predictions, beside PyTorch's fastest plain way.

python -m benchmarks.generation [--seconds 3]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import torch

from benchmarks.racing import Timing, Variant, describe, race, save, show, text
from forecastrnn import RNNForecaster, RNNRegressor
from forecastrnn.datasets import load_airline

UNITS = (32, 64, 128)
HORIZON, TORCH_HORIZON = 20_000, 200  # steps of one call
WINDOW = 24  # steps of a row to predict from, and of a forecast
TARGETS = {"generate": 1.0, "stream": 3.0, "forecast": 1000.0}  # us
HEADER = (
    "what",
    "forecastrnn us, fastest / median",
    "PyTorch us, fastest / median",
    "ratio at median",
    "target us",
)


class TorchStep:
    """LSTMCell and Linear, in inference mode and with one thread: the fastest at batch 1 that needs no export."""

    def __init__(self, units: int) -> None:
        self.cell, self.dense = torch.nn.LSTMCell(1, units), torch.nn.Linear(units, 1)
        self.layer = torch.nn.LSTM(1, units, batch_first=True)
        self.state: tuple | None = None

    @torch.inference_mode()
    def generate(self) -> None:
        """Feed outputs back."""
        x, state = torch.zeros(1, 1), None
        for _ in range(TORCH_HORIZON):
            state = self.cell(x, state)
            x = self.dense(state[0])

    @torch.inference_mode()
    def step(self, value: float = 0.5) -> float:
        """One value in, one out."""
        self.state = self.cell(torch.tensor([[value]]), self.state)
        return self.dense(self.state[0]).item()

    @torch.inference_mode()
    def predict(self, row: np.ndarray) -> np.ndarray:
        """A whole row in, one value out."""
        return self.dense(self.layer(torch.from_numpy(row))[0][:, -1]).numpy()


def fitted(units: int) -> RNNRegressor:
    """A regressor that predicts the next value of a sine; how well does not matter here."""
    t = np.arange(64)[:, None] + np.arange(WINDOW + 1)
    values = np.sin(0.3 * t).astype(np.float32)
    model = RNNRegressor(hidden_layer_sizes=units, max_iter=2, random_state=0, dtype="float32", n_jobs=1)
    return model.fit(values[:, :-1], values[:, -1])


def compare(ours: Variant, theirs: Variant, seconds: float) -> dict[str, Timing]:
    """Race one of ours and one of PyTorch's."""
    torch.set_num_threads(1)
    return race({"ours": ours, "torch": theirs}, seconds)


def network_rows(units: int, seconds: float) -> list[dict[str, object]]:
    """Generation, stream and prediction of one LSTM."""
    model, peer = fitted(units), TorchStep(units)
    stream, row = model.stream(), np.sin(0.3 * np.arange(WINDOW, dtype=np.float32))[None]
    found = {
        "generate": compare(
            Variant(lambda: model.generate(HORIZON), HORIZON), Variant(peer.generate, TORCH_HORIZON), seconds
        ),
        "stream": compare(Variant(lambda: stream.step(0.5)), Variant(peer.step), seconds),
        "predict": compare(Variant(lambda: model.predict(row)), Variant(lambda: peer.predict(row[..., None])), seconds),
    }
    what = {
        "generate": f"generation, a step, LSTM {units}",
        "stream": f"stream().step, LSTM {units}",
        "predict": f"predict of one row of {WINDOW}, LSTM {units}",
    }
    return [result(what[key], timings, TARGETS.get(key)) for key, timings in found.items()]


def forecaster_rows(seconds: float) -> list[dict[str, object]]:
    """What a user of the forecaster waits for: pandas in and out, all members."""
    model = RNNForecaster(max_steps=20, random_state=0, n_jobs=1).fit(load_airline())
    stream, value = model.stream(), float(load_airline().iloc[-1])
    calls: dict[str, tuple[Callable[[], object], float | None]] = {
        f"RNNForecaster.predict({WINDOW}), one series, {model.n_members} members": (
            lambda: model.predict(WINDOW),
            TARGETS["forecast"],
        ),
        f"RNNForecaster.stream().step, {model.n_members} members": (lambda: stream.step(value), None),
    }
    return [result(what, race({"ours": Variant(call)}, seconds), target) for what, (call, target) in calls.items()]


def result(what: str, timings: dict[str, Timing], target: float | None) -> dict[str, object]:
    """One row, in us."""
    us = {name: [1e6 * timing.fastest, 1e6 * timing.median] for name, timing in timings.items()}
    ratio = us["torch"][1] / us["ours"][1] if "torch" in us else None
    return {"what": what, "us": us, "ratio": ratio, "target_us": target}


def table_row(row: dict) -> list[object]:
    """The columns of HEADER."""
    pair = {name: " / ".join(map(text, both)) for name, both in row["us"].items()}
    return [row["what"], pair["ours"], pair.get("torch"), row["ratio"], row["target_us"]]


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3.0, help="of each race")
    options = parser.parse_args()
    print(describe("torch"))
    rows = [row for units in UNITS for row in network_rows(units, options.seconds)]
    rows += forecaster_rows(options.seconds)
    show(HEADER, [table_row(row) for row in rows])
    print(f"written: results/{save('generation', rows, 'torch').name}")


if __name__ == "__main__":
    main()
