"""Make the pictures of the documentation anew: `python docs/make_pictures.py`."""

from __future__ import annotations

from math import isqrt
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from forecastrnn import GRU, LSTM, Adam, Elman, RNNForecaster, RNNSeq2Seq
from forecastrnn.datasets import load_airline, make_dates, make_series
from forecastrnn.functional import dynamic_rnn
from forecastrnn.networks.network import Layer, Network
from forecastrnn.plotting import (
    BacktestDisplay,
    CoverageDisplay,
    LossCurveDisplay,
    ResidualDisplay,
    StateDisplay,
)
from forecastrnn.training.optimizers import OptimizerState
from forecastrnn.training.sequence_task import TrainingData
from forecastrnn.training.stepping import TrainingProgram

FOLDER = Path(__file__).parent / "img"
BLUE, ORANGE, GREEN, GREY = "#0072b2", "#d55e00", "#009e73", "#555555"
STEPS, STEP = 60, 1e-4  # back in time; of the differences


def forecast() -> None:
    """Air passengers: two years held out, their forecast with bands, and what came."""
    y = load_airline()
    display = RNNForecaster(random_state=0).fit(y[:-24]).plot(24, truth=y[-24:])
    display.ax_.set_ylabel("thousands of passengers a month")
    save(display.figure_, "forecast.png")


def panel() -> None:
    """Shops with a season each; the last year held out."""
    rng, months = (
        np.random.default_rng(0),
        pd.date_range("2012-01-01", periods=108, freq="MS"),
    )
    size = 100.0 * np.arange(1, 9)
    season = np.sin(np.arange(108)[:, None] * np.pi / 6 + np.arange(8))
    walk = rng.normal(0, 0.03, (108, 8)).cumsum(axis=0)
    names = [f"shop {k}" for k in range(1, 9)]
    sold = pd.DataFrame(size * (1 + 0.2 * season + walk), months, names)
    model = RNNForecaster(random_state=0).fit(sold[:-12])
    display = model.plot(12, truth=sold[-12:], max_series=6)
    save(display.figure_, "panel.png")


def synthetic() -> None:
    """What the pre-trained network learned from: with a season of 12, and without one."""
    figure, grid = plt.subplots(6, 4, figsize=(9.0, 7.2), layout="constrained")
    for rows, season, color in ((grid[:3], 12, BLUE), (grid[3:], 1, ORANGE)):
        drawn = make_series(12, 120, season, random_state=4)
        for axes, name in zip(rows.flat, drawn):
            axes.plot(drawn[name], color=color, linewidth=0.9)
            axes.tick_params(labelsize=7)
            axes.set_xticks([0, 60, 120])
    grid[0, 0].set_title("season_length=12", fontsize=9, loc="left")
    grid[3, 0].set_title("season_length=1", fontsize=9, loc="left")
    save(figure, "synthetic.png")


def futures() -> None:
    """Possible futures inside the bands."""
    model = RNNForecaster(random_state=0).fit(load_airline())
    display = model.plot(24, n_paths=8, random_state=0)
    display.ax_.set_ylabel("thousands of passengers a month")
    save(display.figure_, "futures.png")


def covariates() -> None:
    """Sales that follow offers and prices."""
    rng, days = np.random.default_rng(0), pd.date_range("2023-01-01", periods=400)
    plan = pd.DataFrame({"offer": rng.random(400) < 0.2}, index=days)
    plan["price"] = np.where(np.arange(400) // 16 % 2, 9.99, 11.5)
    week = 5 * np.sin(np.arange(400) * 2 * np.pi / 7)
    sold = 60 + week + 12 * plan["offer"] - 2 * plan["price"] + rng.normal(0, 3, 400)
    model = RNNForecaster(random_state=0).fit(sold[:-21].rename("sold"), X=plan[:-21])
    display = model.plot(21, X=plan, truth=sold, covariates=["offer", "price"])
    save(display.figure_, "covariates.png")


def errors() -> None:
    """A backtest of the air passengers, coverage of their intervals, errors, training."""
    y, options = load_airline(), {"n_windows": 4, "refit": False}
    model = RNNForecaster(n_members=3, random_state=0)
    kept = {"level": [80], "baselines": "seasonal_naive"}
    display = BacktestDisplay.from_estimator(model, y, 12, **options, **kept)
    save(display.figure_, "backtest.png")
    coverage = CoverageDisplay.from_estimator(
        model, y, 12, refit=False, n_windows=24, step_size=2
    )
    save(coverage.figure_, "coverage.png")
    save(ResidualDisplay.from_estimator(model, y).figure_, "residuals.png")
    save(LossCurveDisplay.from_estimator(model.fit(y)).figure_, "loss.png")


def states() -> None:
    """What an LSTM holds while it reads two years of air passengers."""
    options = {"hidden_layer_sizes": 32, "n_members": 1, "intervals": None}
    model = RNNForecaster(cell="lstm", random_state=0, **options).fit(load_airline())
    save(StateDisplay.from_estimator(model).figure_, "states.png")


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


def memory() -> None:
    """What a training step holds as sequences grow, with every state kept and with few."""
    lengths = np.array([100, 300, 1000, 3000, 10_000, 30_000, 100_000])
    figure, axes = plt.subplots(figsize=(7.2, 3.2), layout="constrained")
    curves = {"every state kept": (None, ORANGE), 'checkpoint="auto"': (isqrt, BLUE)}
    for label, (every, color) in curves.items():
        values = np.array([stated(T, every and every(T)) for T in lengths]) / 1e6
        axes.loglog(lengths, values, "o-", ms=4, color=color, label=label)
        place = {"xytext": (-6, 8), "textcoords": "offset points", "ha": "right"}
        axes.annotate(
            f"{values[-1]:.3g} MB", (lengths[-1], values[-1]), color=color, **place
        )
    axes.set_xlabel("time steps; 4 sequences, LSTM of 32 units, float32")
    axes.set_ylabel("MB of a training step")
    axes.set_ylim(0.1, 1500)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, loc="upper left")
    save(figure, "memory.png")


def stated(T: int, every: int | None) -> int:
    """Bytes that a training step states before it allocates them."""
    network = Network(1, (Layer(LSTM(), 32),), 1)
    theta, column = network.init_theta(0, "float32"), np.zeros((4 * T, 1), np.float32)
    source, moments = TrainingData(column, column), OptimizerState.zeros(theta)
    sizes = {"steps": T, "rows": 4, "loss": "squared_error", "checkpoint_steps": every}
    return TrainingProgram(network, theta, moments, source, **sizes).program.nbytes


def shapes() -> None:
    """The four shapes of inputs and outputs, each a network unrolled over its steps."""
    figure, grid = plt.subplots(2, 2, figsize=(7.2, 4.3), layout="constrained")
    every, last = range(4), range(3, 4)
    draw_shape(grid[0, 0], "sequence to sequence", every, every)
    draw_shape(grid[0, 1], "sequence to vector", every, last)
    draw_shape(grid[1, 0], "vector to sequence", every, every, one_vector=True)
    draw_shape(
        grid[1, 1], "encoder-decoder", range(3), range(3, 6), steps=6, feeds_back=True
    )
    save(figure, "shapes.png")


def draw_shape(
    axes: plt.Axes,
    title: str,
    reads: range,
    writes: range,
    steps: int = 4,
    one_vector: bool = False,
    feeds_back: bool = False,
) -> None:
    """Steps of a network from left to right: inputs below, outputs above."""
    axes.set(xlim=(-0.8, steps - 0.2), ylim=(-0.65, 2.65), title=title)
    axes.axis("off")
    for t in range(steps):
        draw_box(axes, t, 1.0, "h", GREY)
        if t:
            draw_arrow(axes, (t - 0.72, 1.0), (t - 0.28, 1.0))
        if t in writes:
            draw_box(
                axes,
                t,
                2.2,
                f"$y_{t - writes.start + 1}$" if len(writes) > 1 else "$y$",
                ORANGE,
            )
            draw_arrow(axes, (t, 1.28), (t, 1.92))
        if t in reads and not one_vector:
            draw_box(axes, t, -0.2, f"$x_{t + 1}$", BLUE)
            draw_arrow(axes, (t, 0.08), (t, 0.72))
        if feeds_back and t in writes and t > writes.start:
            draw_arrow(axes, (t - 0.75, 2.0), (t - 0.25, 1.25))
    if one_vector:
        draw_box(axes, (steps - 1) / 2, -0.2, "$x$", BLUE)
        for t in reads:
            draw_arrow(axes, ((steps - 1) / 2 + 0.12 * (t - 1.5), 0.1), (t, 0.72))


def draw_box(axes: plt.Axes, x: float, y: float, text: str, color: str) -> None:
    """A box around (x, y)."""
    style = {
        "boxstyle": "round,pad=0.35",
        "facecolor": color,
        "alpha": 0.25,
        "linewidth": 0,
    }
    axes.text(x, y, text, ha="center", va="center", bbox=style | {"edgecolor": color})


def draw_arrow(
    axes: plt.Axes, begin: tuple[float, float], end: tuple[float, float]
) -> None:
    """An arrow between two points."""
    style = {
        "arrowstyle": "->",
        "color": GREY,
        "linewidth": 1.0,
        "shrinkA": 0,
        "shrinkB": 0,
    }
    axes.annotate("", end, begin, arrowprops=style)


def attention() -> None:
    """Dates, and what is read of them for each character of their ISO form."""
    dates = ["Wed 3rd of March 2021", "12/31/68", "31.12.70"]
    options = {"attention": "additive", "solver": Adam("cosine"), "max_iter": 10}
    model = RNNSeq2Seq(**options, random_state=0).fit(*make_dates(20_000, 0))
    found, font = model.decode(dates, return_attention=True), "DejaVu Sans Mono"
    widths = [len(date) for date in dates]
    figure, grid = plt.subplots(
        1, 3, figsize=(7.2, 2.5), layout="constrained", width_ratios=widths
    )
    for k, axes in enumerate(grid):
        weights = found.attention[k, : len(found.sequences[k]), : widths[k]]
        axes.imshow(weights, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        axes.set_xticks(range(widths[k]), [*dates[k].replace(" ", "␣")], family=font)
        axes.set_yticks(range(weights.shape[0]), [*found.sequences[k]], family=font)
        axes.xaxis.tick_top()
        axes.tick_params(length=0, labelsize=8)
        axes.spines[:].set_color("0.8")
    save(figure, "attention.png")


def save(figure: plt.Figure, name: str) -> None:
    """Write a small file."""
    FOLDER.mkdir(exist_ok=True)
    figure.savefig(FOLDER / name, dpi=100, metadata={"Software": None})
    plt.close(figure)


if __name__ == "__main__":
    plt.switch_backend("Agg")
    forecast()
    panel()
    synthetic()
    futures()
    covariates()
    errors()
    states()
    reach()
    memory()
    shapes()
    attention()
