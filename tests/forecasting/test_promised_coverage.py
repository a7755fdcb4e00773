"""The promise of conformal intervals: on a panel of one process each step is covered as the level says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecastrnn import Conformal
from support.forecaster_cases import quick

N, LENGTH, H = 400, 90, 12


def panel(rng: np.random.Generator) -> np.ndarray:
    """Series (N, LENGTH + H): autoregressive, with a season of 6, each of its own level, size and noise."""
    noise = rng.standard_t(6, (N, LENGTH + H + 50)) * rng.uniform(0.5, 2, (N, 1))
    x = np.zeros_like(noise)
    for t in range(1, x.shape[1]):
        x[:, t] = 0.8 * x[:, t - 1] + noise[:, t]
    season = rng.normal(0, 2, (N, 6))[:, np.arange(x.shape[1]) % 6]
    return np.exp(0.1 * (x + season)[:, 50:] + rng.normal(3, 1, (N, 1)))


@pytest.mark.slow
@pytest.mark.parametrize("held_out", [False, True])
def test_each_step_is_covered(held_out: bool) -> None:
    """Within 4 points of the level, and the mean of all steps within 2.5: the chance error of a step is 2 points."""
    errors = {80: np.zeros((2, H)), 95: np.zeros((2, H))}
    for draw in range(2):
        values = panel(np.random.default_rng(draw))
        index = pd.date_range("2020-01-31", periods=LENGTH + H, freq="ME")
        y = pd.DataFrame(values.T, index)
        options = {"n_members": 2, "max_steps": 300, "hidden_layer_sizes": 16, "season_length": 6}
        model = quick(intervals=Conformal(held_out=held_out), **options).fit(y[:LENGTH])
        bands = model.predict(H, level=[80, 95])
        for level, found in errors.items():
            low, high = (bands.xs(f"RNN-{end}-{level}", axis=1, level=-1).to_numpy() for end in ("lo", "hi"))
            truth = y[LENGTH:].to_numpy()
            found[draw] = ((truth >= low) & (truth <= high)).mean(axis=1)
    for level, found in errors.items():
        by_step = 100 * found.mean(axis=0)
        assert (np.abs(by_step - level) < 4).all(), by_step.round(1)
        assert abs(by_step.mean() - level) < 2.5, by_step.round(1)
