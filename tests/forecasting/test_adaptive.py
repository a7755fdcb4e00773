"""Conformal(adaptive=True): with every new row levels move and errors go on; and where intervals end moves too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecastrnn import Conformal, RNNForecaster
from forecastrnn.datasets import load_airline
from forecastrnn.engine import memory
from forecastrnn.forecasting.adaptive import RING, TARGETS, Adaptive, check_memory
from support.forecaster_cases import quick

SMALL = {"hidden_layer_sizes": 8, "max_steps": 50, "season_length": 7}


def noisy(n_series: int, length: int, doubled: int) -> pd.DataFrame:
    """Weekly seasons with noise, which doubles at a time."""
    noise = np.random.default_rng(0).normal(size=(length, n_series))
    noise[doubled:] *= 2
    season = 10 * np.sin(np.arange(length) * 2 * np.pi / 7)[:, None]
    return pd.DataFrame(100 + season + noise).rename(columns=str)


def follow(found: Adaptive, stories: list[list[tuple[np.ndarray, float]]], unit: np.ndarray) -> tuple:
    """Levels and rings of each series, value by value and step by step; a story: forecasts, and what came then."""
    alpha, ring = found.alpha.copy(), found.ring.copy()
    for i, story in enumerate(stories):
        for t, (_, value) in enumerate(story):
            for j in range(min(t + 1, alpha.shape[1])):
                score = abs(value - story[t - j][0][j]) / unit[i, j]
                if np.isnan(score):
                    continue
                for g, target in enumerate(TARGETS):
                    place = min(max(int(np.ceil((RING + 1) * (1 - alpha[i, j, g]) - 1e-9)), 1), RING)
                    missed = score > sorted(ring[i, j])[place - 1]
                    alpha[i, j, g] = min(max(alpha[i, j, g] + found.gamma * (target - missed), 0.001), 0.5)
                known = [s for s in range(j, t) if not np.isnan(story[s][1])]
                ring[i, j, len(known) % RING] = score
    return alpha, ring


def test_levels_and_scores_follow_a_plain_loop() -> None:
    """Of series with values at other times, some missing: 130 of them, so that rings come round."""
    rng, n, horizon = np.random.default_rng(0), 3, 4
    table = np.sort(rng.exponential(size=(2 * RING - 1, 1)), axis=0)
    found = begun = Adaptive.begun(0.05, table, n, horizon)
    np.testing.assert_array_equal(begun.ring[2, 3], table[::2, 0])
    unit, stories = rng.uniform(0.5, 2.0, (n, horizon)), [[] for _ in range(n)]
    for _ in range(130):
        rows = np.flatnonzero(rng.random(n) < 0.9)
        forecasts, values = rng.normal(size=(len(rows), horizon)), 3 * rng.normal(size=len(rows))
        values[rng.random(len(rows)) < 0.1] = np.nan
        found = found.behind(rows, forecasts, values, unit[rows])
        for row, forecast, value in zip(rows, forecasts, values, strict=True):
            stories[row].append((forecast, value))
    alpha, ring = follow(begun, stories, unit)
    np.testing.assert_allclose(found.alpha, alpha, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.ring, ring, rtol=1e-12)
    assert (begun.alpha == TARGETS).all() and (found.alpha != TARGETS).any()
    sizes = np.stack([found.sizes(0.5 + level / 2, np.arange(n)) for level in (0.3, 0.5, 0.8, 0.9, 0.93, 0.95, 0.999)])
    assert (np.diff(sizes, axis=0) >= 0).all()
    order = np.sort(ring[1, 2])
    assert sizes[2, 1, 2] == order[int(np.ceil((RING + 1) * (1 - np.maximum.accumulate(alpha[1, 2])[3]))) - 1]


def test_memory_is_asked_for_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """For what every series keeps at every step, before any window is forecast: twice, since an update copies it."""
    n, horizon = 150, 18
    found = Adaptive.begun(0.05, np.ones((2 * RING - 1, 1)), n, horizon)
    held = sum(own.nbytes for own in vars(found).values() if isinstance(own, np.ndarray)) - found.count.nbytes
    monkeypatch.setattr(memory, "free_memory", lambda: 2 * held * 32 // 31 + 1)
    check_memory(n, horizon)
    monkeypatch.setattr(memory, "free_memory", lambda: 2 * held)
    message = r"adaptive=True: the last 100 errors of 150 series at 18 steps need .* GiB, .*Take a shorter horizon, or"
    with pytest.raises(ValueError, match=message):
        quick(**SMALL, intervals=Conformal(horizon=horizon, adaptive=True)).fit(noisy(n, 80, 80))


def test_coverage_comes_back_when_the_noise_doubles() -> None:
    """Within six points of what is asked for; that of intervals that stay as they are falls much further."""
    begin, doubled, end = 200, 200, 440
    y = noisy(12, end, doubled)
    covered: dict[bool, list[list[float]]] = {True: [], False: []}
    for adaptive, found in covered.items():
        intervals = Conformal(horizon=3, adaptive=adaptive)
        model = quick(**SMALL, intervals=intervals).fit(y[:begin])
        for t in range(begin, end - 8, 8):
            forecast, came = model.predict(3, level=[80, 95]), y[t : t + 3]
            ends = [
                [forecast.xs(f"RNN-{side}-{level}", axis=1, level=1) for side in ("lo", "hi")] for level in (80, 95)
            ]
            found.append([((came >= low) & (came <= high)).mean(axis=None) for low, high in ends])
            model.update(y[t : t + 8])
    late = {adaptive: np.mean(found[14:], axis=0) for adaptive, found in covered.items()}
    assert (np.abs(late[True] - [0.8, 0.95]) < 0.06).all()
    assert (late[False] < [0.68, 0.88]).all()


def test_levels_do_not_depend_on_pieces(tmp_path: Path) -> None:
    """Row by row, at once, over a file; and forecasts stay what they are."""
    y = noisy(3, 130, 100)
    model, other, fixed = (
        quick(**SMALL, intervals=Conformal(horizon=3, adaptive=adaptive)).fit(y[:100])
        for adaptive in (True, True, False)
    )
    model.update(y[100:])
    other.update(y[100:101]).save(tmp_path / "model")
    other = RNNForecaster.load(tmp_path / "model").update(y[101:117]).update(y[117:])
    found = model.predict(3, level=[50, 80, 90, 95])
    pd.testing.assert_frame_equal(other.predict(3, level=[50, 80, 90, 95]), found, check_exact=True)
    pd.testing.assert_frame_equal(fixed.update(y[100:]).predict(5), model.predict(5), check_exact=True)
    names = [f"RNN-lo-{k}" for k in (95, 90, 80, 50)] + ["RNN"] + [f"RNN-hi-{k}" for k in (50, 80, 90, 95)]
    assert (np.diff(found["0"][names].to_numpy(), axis=1) >= 0).all()
    assert not np.allclose(found["0"]["RNN-hi-80"], fixed.predict(3, level=80)["0"]["RNN-hi-80"])
    assert model.predict(3, level=80, y=y[:110]).shape == (3, 9)


def test_missing_values_move_no_level() -> None:
    y = noisy(1, 130, 100)["0"]
    model = quick(**SMALL, intervals=Conformal(horizon=3, adaptive=True), missing="mask").fit(y[:100])
    before = model.intervals_.adaptive
    after = model.update(pd.Series([np.nan, np.nan], index=[100, 101])).intervals_.adaptive
    np.testing.assert_array_equal(after.alpha, before.alpha)
    assert after.count.tolist() == [2] and not after.scored.any() and (after.ring == before.ring).all()


def test_ends_of_intervals_move_with_the_series() -> None:
    """A series that grows beyond all that fit has seen keeps intervals on both sides of its forecast."""
    y = load_airline()
    model, other = (
        quick(hidden_layer_sizes=8, max_steps=100, intervals=Conformal(horizon=6)).fit(y[:96]) for _ in "ab"
    )
    spread, excess = model.intervals_.spread, model.intervals_.excess
    low, high = float(spread.low[0]), float(spread.high[0])
    for value in np.log(y[96:]):
        span = (high - low) / (1 + excess.sum())
        low, high = min(low, value - excess[0] * span), max(high, value + excess[1] * span)
    moved = model.update(y[96:]).intervals_.spread
    np.testing.assert_allclose([moved.low[0], moved.high[0]], [low, high], rtol=1e-12)
    assert moved.high[0] > spread.high[0] and moved.scale is spread.scale
    forecast = model.predict(6, level=80)
    assert (forecast["RNN-hi-80"] > 1.02 * forecast["RNN"]).all()
    for month in y.index[96:]:
        other.update(y[month:month])
    pd.testing.assert_frame_equal(other.predict(6, level=80), forecast, check_exact=True)
