"""Learn a curve and generate its continuation; then forecast two real series and compare with what came.

    python examples/generate_sequence.py

Prints the errors and leaves generate_sequence.png in the current folder.
"""

from __future__ import annotations

import time

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from forecastrnn import Adam, Elman, RNNForecaster, RNNRegressor
from forecastrnn.datasets import load_airline, load_co2, make_sine
from forecastrnn.metrics import mase
from forecastrnn.plotting import ForecastDisplay

STEPS, ITERATIONS, BATCH = 20, 1500, 50


def curve(t: np.ndarray) -> np.ndarray:
    """The series to learn."""
    return t * np.sin(t) / 3 + 2 * np.sin(5 * t)


def learn_curve(seed: int = 0) -> tuple[RNNRegressor, float]:
    """100 relu units, 1,500 mini-batches of 50 windows; the squared error on windows not trained on.

    Then seven times as many go on from there: free-running generation asks for more than one-step errors do.
    """
    X, y = make_sine(ITERATIONS * BATCH, STEPS, random_state=seed)
    model = RNNRegressor(
        cell=Elman("relu"), hidden_layer_sizes=100, solver=Adam(0.001, beta_2=0.99, clip_norm=1.0),
        batch_size=BATCH, max_iter=1, random_state=seed,
    )  # fmt: skip
    model.fit(X, y)
    fresh, target = make_sine(5000, STEPS, random_state=1000 + seed)
    error = float(np.mean((model.predict(fresh) - target) ** 2))
    return model.set_params(warm_start=True, max_iter=7, solver__learning_rate="cosine").fit(X, y), error


def holdout(name: str, y: pd.Series, h: int, season: int, **settings: object) -> tuple[pd.DataFrame, str]:
    """Forecast the last h values from those before: with bands and beside seasonal naive; and a line of figures."""
    train, test = y[:-h], y[-h:]
    begun = time.perf_counter()
    model = RNNForecaster(season_length=season, random_state=0, **settings).fit(train)
    forecast = model.predict(h, level=[80, 95])
    seconds = time.perf_counter() - begun
    last = train.ffill().to_numpy()[-season:]
    forecast["seasonal naive"] = np.resize(last, h)
    errors = (forecast[model] for model in ("RNN", "seasonal naive"))
    ours, theirs = (mase(test, one, train=train, season_length=season) for one in errors)
    return forecast, f"{name:18s} MASE {ours:.2f}   seasonal naive {theirs:.2f}   ({seconds:.1f} s)"


def draw_windows(ax: plt.Axes, model: RNNRegressor) -> None:
    """What the network says of a window it has not seen."""
    t = 12.2 + 0.1 * np.arange(STEPS + 1)
    guess = model.predict(curve(t[:-1]).astype(np.float32)[None, :, None])[0, :, 0]
    ax.plot(
        np.arange(0, 30, 0.1),
        curve(np.arange(0, 30, 0.1)),
        color="0.75",
        lw=1,
        label="t sin(t)/3 + 2 sin(5t)",
    )
    ax.plot(t[1:], curve(t[1:]), "o", ms=4, color="C0", label="a window")
    ax.plot(t[1:], guess, ".", color="C3", label="one step ahead")
    ax.set(title="Learned: one step ahead", xlabel="t", ylabel="value")
    ax.legend(loc="lower left", fontsize=8)


def draw_generated(ax: plt.Axes, model: RNNRegressor) -> None:
    """300 steps generated from zeros, and from a real stretch of the curve."""
    seed = curve(12.2 + 0.1 * np.arange(STEPS)).astype(np.float32)
    for prompt, label, color in (
        (np.zeros(STEPS), "from 20 zeros", "C1"),
        (seed, "from a real stretch", "C0"),
    ):
        path = model.generate(300, prompt=prompt, context_length=STEPS)
        ax.plot(np.arange(STEPS), prompt, color=color, lw=3)
        ax.plot(np.arange(STEPS, STEPS + 300), path, color=color, lw=1, label=label)
    ax.set(title="Generated: 300 steps, fed back (thick: the prompt)", xlabel="step", ylabel="value")
    ax.legend(loc="upper left", fontsize=8)


def draw_forecast(ax: plt.Axes, y: pd.Series, forecast: pd.DataFrame, title: str, unit: str, shown: int) -> None:
    """The end of the series, the forecast with bands of 80 and 95%, seasonal naive, and what came."""
    ForecastDisplay.from_predictions(forecast, history=y, truth=y, n_history=shown - len(forecast), ax=ax)
    ax.set(xlabel=title, ylabel=unit)


def main() -> None:
    """Run everything."""
    model, error = learn_curve()
    print(f"{'curve':18s} squared error {error:.4f} after {ITERATIONS} iterations")
    air, co2 = load_airline(), load_co2()
    air_forecast, line = holdout("air passengers", air, 24, 12)
    print(line)
    co2_forecast, line = holdout("weekly CO2", co2, 104, 52, missing="mask")
    print(line)
    fig, axes = plt.subplots(2, 2, figsize=(12, 7.5), layout="constrained")
    draw_windows(axes[0, 0], model)
    draw_generated(axes[0, 1], model)
    draw_forecast(axes[1, 0], air, air_forecast, "Air passengers, 24 months ahead", "thousands", 84)
    draw_forecast(axes[1, 1], co2, co2_forecast, "CO2 at Mauna Loa, 104 weeks ahead", "ppm", 320)
    fig.savefig("generate_sequence.png", dpi=120)
    print("picture: generate_sequence.png")


if __name__ == "__main__":
    main()
