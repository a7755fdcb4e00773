"""RNNRegressor in a Pipeline, tuned by GridSearchCV over TimeSeriesSplit. Leaves sklearn_pipeline.png.

python examples/sklearn_pipeline.py
"""

from __future__ import annotations

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import mean_absolute_error
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from forecastrnn import EarlyStopping, RNNRegressor
from forecastrnn.datasets import load_sunspots

CONTEXT, HELD = 24, 60


def main() -> None:
    """Run everything."""
    spots = load_sunspots()
    windows = np.lib.stride_tricks.sliding_window_view(spots.to_numpy(), CONTEXT + 1)
    X, y = windows[:, :-1], windows[:, -1]
    pipeline = make_pipeline(
        FunctionTransformer(np.sqrt),  # counts: the square root steadies their variance
        RNNRegressor(max_iter=150, early_stopping=EarlyStopping(None, tol=0.0), random_state=0, dtype="float32"),
    )
    grid = {"rnnregressor__cell": ["gru", "lstm"], "rnnregressor__hidden_layer_sizes": [8, 24]}
    search = GridSearchCV(pipeline, grid, cv=TimeSeriesSplit(3), scoring="neg_mean_absolute_error")
    search.fit(X[:-HELD], y[:-HELD])
    for parameters, score in zip(search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True):
        print(
            {name.split("__")[1]: value for name, value in parameters.items()},
            f"mean absolute error {-score:.1f}",
        )
    guess = search.predict(X[-HELD:])
    ours, naive = mean_absolute_error(y[-HELD:], guess), mean_absolute_error(y[-HELD:], X[-HELD:, -1])
    print(f"last {HELD} years, one year ahead: mean absolute error {ours:.1f}, last value {naive:.1f}")
    fig, ax = plt.subplots(figsize=(10, 4), layout="constrained")
    ax.plot(spots.index[-120:], spots[-120:], color="0.4", lw=1, label="sunspots a year")
    ax.plot(spots.index[-HELD:], guess, color="C3", lw=1.5, label="one year ahead")
    ax.set(title="Yearly sunspots, RNNRegressor chosen by GridSearchCV", xlabel="year", ylabel="number")
    ax.legend(fontsize=8)
    fig.savefig("sklearn_pipeline.png", dpi=120)
    print("picture: sklearn_pipeline.png")


if __name__ == "__main__":
    main()
