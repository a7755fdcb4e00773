"""Three ways to hand over series: one Series, a wide frame, a long panel. Leaves forecast_pandas.png.

python examples/forecast_pandas.py
"""

from __future__ import annotations

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from forecastrnn import RNNForecaster
from forecastrnn.datasets import load_airline


def make_panel(n_series: int = 60, n_steps: int = 60, seed: int = 0) -> pd.DataFrame:
    """Monthly sales of many shops in long form: own level, own trend, a season that they share."""
    rng = np.random.default_rng(seed)
    t = np.arange(n_steps)
    level = rng.lognormal(4.0, 1.0, (n_series, 1))
    season = 1.0 + 0.3 * np.sin(2 * np.pi * (t + 3) / 12)
    values = (
        level * (1.0 + rng.normal(0.0, 0.004, (n_series, 1)) * t) * season * rng.lognormal(0, 0.05, (n_series, n_steps))
    )
    ids = [f"shop {i:02d}" for i in range(n_series)]
    dates = pd.date_range("2020-01-01", periods=n_steps, freq="MS")
    frame = pd.DataFrame(values.T, index=dates.rename("ds"), columns=pd.Index(ids, name="unique_id"))
    return frame.stack().rename("y").reset_index()


def main() -> None:
    """Run everything."""
    y = load_airline()
    model = RNNForecaster(random_state=0).fit(y)
    print("a Series gives a Series:", model.predict(3).round(1).to_dict(), sep="\n  ")
    futures = model.sample_paths(24, 50, random_state=0)

    wide = pd.DataFrame({"air": y, "air, doubled": 2 * y})
    print(
        "a wide frame gives a wide frame:",
        RNNForecaster(random_state=0).fit(wide).predict(2).round(1),
        sep="\n",
    )

    panel = make_panel()
    last = panel["ds"] > panel["ds"].max() - pd.DateOffset(months=12)
    shops = RNNForecaster(random_state=0).fit(panel[~last])
    forecast = shops.predict(12)
    print("a long panel gives a long panel:", forecast.head(3), sep="\n")
    both = forecast.merge(panel, on=["unique_id", "ds"])
    print(f"60 shops, 12 months held out: mean error {(both.RNN - both.y).abs().mean() / both.y.mean():.1%}")

    fig, (left, right) = plt.subplots(1, 2, figsize=(12, 4.2), layout="constrained")
    left.plot(y[-60:], color="0.4", lw=1, label="observed")
    left.plot(futures, color="C0", lw=0.4, alpha=0.5)
    left.plot([], [], color="C0", lw=1, label="50 possible futures")
    left.plot(model.predict(24), color="C3", lw=2, label="forecast")
    left.set(title="Air passengers", xlabel="date", ylabel="thousands")
    left.legend(loc="upper left", fontsize=8)
    for name in ("shop 00", "shop 01", "shop 02"):
        own = panel[panel.unique_id == name].set_index("ds").y
        (line,) = right.plot(own, lw=1, alpha=0.6, label=name)
        right.plot(forecast[forecast.unique_id == name].set_index("ds").RNN, lw=2, color=line.get_color())
    right.set(title="Three of 60 shops (thick: forecast)", xlabel="date", ylabel="sales", yscale="log")
    right.legend(fontsize=8)
    fig.savefig("forecast_pandas.png", dpi=120)
    print("picture: forecast_pandas.png")


if __name__ == "__main__":
    main()
