"""Make the pictures of the documentation anew: `python docs/make_pictures.py`."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from forecastrnn import GRU, LSTM, Elman, RNNForecaster
from forecastrnn.datasets import load_airline
from forecastrnn.functional import dynamic_rnn

FOLDER = Path(__file__).parent / "img"
BLUE, ORANGE, GREEN, GREY = "#0072b2", "#d55e00", "#009e73", "#555555"
STEPS, STEP = 60, 1e-4  # back in time; of the differences


def forecast() -> None:
    """Air passengers: two years held out, their forecast, possible futures."""
    y = load_airline()
    model = RNNForecaster(random_state=0).fit(y[:-24])
    futures = model.generate(24, n_sequences=20, random_state=0)
    figure, axes = plt.subplots(figsize=(7.2, 3.0), layout="constrained")
    axes.plot(futures.index, futures.to_numpy(), color=ORANGE, alpha=0.15, linewidth=0.8)
    axes.plot(y[-84:], color=GREY, label="observed")
    axes.plot(model.predict(24), color=ORANGE, label="forecast")
    axes.plot([], [], color=ORANGE, alpha=0.3, label="possible futures")
    axes.axvline(y.index[-24], color=GREY, linewidth=0.8, linestyle=":")
    axes.set_ylabel("thousands of passengers a month")
    axes.legend(frameon=False, loc="upper left")
    save(figure, "forecast.png")


def influence(cell: object, units: int = 32, rows: int = 20) -> np.ndarray:
    """Mean size of the last state's derivative by the input k steps before it: (STEPS,)."""
    rng, found = np.random.default_rng(0), np.zeros(STEPS)
    weights = cell.init_weights(1, units, random_state=0)
    x = rng.standard_normal((rows, STEPS, 1))
    for k in range(STEPS):
        moved = np.repeat(x[None], 2, axis=0)
        moved[0, :, -1 - k] += STEP
        moved[1, :, -1 - k] -= STEP
        above, below = (dynamic_rnn(cell, one, weights)[0][:, -1] for one in moved)
        found[k] = np.linalg.norm((above - below) / (2 * STEP), axis=1).mean()
    return found


def reach() -> None:
    """How far the influence of an input reaches in untrained networks."""
    figure, axes = plt.subplots(figsize=(7.2, 3.0), layout="constrained")
    cells = {
        "LSTM, forget bias 1": (LSTM(), BLUE, "-"),
        "LSTM, forget bias 0": (LSTM(forget_bias=0.0), BLUE, "--"),
        "GRU": (GRU(), GREEN, "-"),
        "Elman, tanh": (Elman(), ORANGE, "-"),
    }
    for label, (cell, color, style) in cells.items():
        values = influence(cell)
        axes.semilogy(values / values[0], style, color=color, label=label)
    axes.set_xlabel("steps between the input and the last output")
    axes.set_ylabel("influence, relative")
    axes.set_ylim(1e-12, 3)
    axes.legend(frameon=False)
    save(figure, "reach.png")


def save(figure: plt.Figure, name: str) -> None:
    """Write a small file."""
    FOLDER.mkdir(exist_ok=True)
    figure.savefig(FOLDER / name, dpi=100, metadata={"Software": None})
    plt.close(figure)


if __name__ == "__main__":
    plt.switch_backend("Agg")
    forecast()
    reach()
