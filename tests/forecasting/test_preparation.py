"""Level, season and scale against a slow restatement, and back again."""

from __future__ import annotations

import numpy as np
import pytest

from forecastrnn.data.standardize import ArrayScaler
from forecastrnn.engine import memory
from forecastrnn.forecasting.preparation import Prepared, prepare, window_steps
from support.naive_seasonal import SEASONS, naive_figure
from support.panels import put_together, random_panel
from support.slow_forecasts import without_level


def naive_scaled(y: np.ndarray, season: int) -> dict:
    """Level, period, scale, scaled values and figure behind the end of one series that may have gaps."""
    y = y[np.argmax(~np.isnan(y)) :]
    known, t = ~np.isnan(y), np.arange(len(y))
    full = np.interp(t, t[known], y[known])
    mean, change = full.mean(), np.abs(np.diff(full)).mean()
    linear = bool(full.min() <= 0 or full.min() <= 0.01 * mean or mean > 100 * change)
    shift, away = (mean, np.abs(full - mean).mean()) if linear else (0.0, mean)
    level = away or abs(mean) or 1.0
    z = (full - shift) / level if linear else np.log(full / level)
    figure, after, period = naive_figure(z, season)
    z = z - figure
    z = np.interp(t, t[known], z[known])
    lag = period if len(z) > period + 1 else 1
    scale = max(np.sqrt(max(np.abs(z[lag:] - z[:-lag]).mean(), 1e-9) * 0.1), 1e-4)
    return {"z": z / scale, "known": known, "level": level, "shift": shift, "linear": linear, "period": period,
            "scale": scale, "after": after}  # fmt: skip


def naive_padding(z: np.ndarray, known: np.ndarray, period: int, pad: int) -> tuple[np.ndarray, np.ndarray]:
    """The first period repeated to the left; what counts in the loss."""
    n = len(z)
    repeated = z[np.arange(-pad, 0) % min(period, n)]
    counts = known.copy()
    if n > 2 * period:
        counts[: period + period // 2 if n > 3 * period else period] = False
    return np.concatenate([repeated, z]), np.concatenate([np.zeros(pad, bool), counts])


def of_series(prepared: Prepared, values: np.ndarray, i: int, padded: bool = False) -> np.ndarray:
    lo = prepared.starts[i] + (0 if padded else prepared.pads[i])
    return values[lo : prepared.starts[i + 1]]


@pytest.mark.parametrize("gaps", [False, True], ids=["whole", "gaps"])
@pytest.mark.parametrize("season", SEASONS)
def test_prepared_equals_the_slow_one(season: int, gaps: bool) -> None:
    panel = random_panel(season, gaps)
    p = prepare(*put_together(panel), season)
    for i, y in enumerate(panel):
        slow = naive_scaled(y, season)
        assert (p.period_of[i], bool(p.linear[i])) == (slow["period"], slow["linear"])
        assert p.level[i] == pytest.approx(slow["level"], rel=1e-12)
        assert (0.0 if p.shift is None else p.shift[i]) == pytest.approx(slow["shift"], rel=1e-12)
        assert p.scale[i] == pytest.approx(slow["scale"], rel=1e-9)
        z, counts = naive_padding(slow["z"], slow["known"], slow["period"], p.pads[i])
        np.testing.assert_allclose(of_series(p, p.z, i, padded=True), z, atol=5e-7)
        np.testing.assert_array_equal(of_series(p, p.observed, i, padded=True), counts)
        np.testing.assert_allclose(p.after[i, : slow["period"]], slow["after"], atol=1e-9)
    assert p.n_observations == sum(int(np.isfinite(y).sum()) for y in panel)
    assert p.layout.second_lag == min(2 * season, p.period_of.max())


def test_gap_in_a_pure_season_is_bridged_without_the_season() -> None:
    """The figure is removed before the gap is bridged: nothing is left of it."""
    y = np.exp(np.tile([0.0, 1.0, -1.5, 0.5], 15))
    y[[45, 46, 47, 48, 49, 58, 59]] = np.nan
    p = prepare(y, np.array([0, 60]), 4)
    z = of_series(p, p.z, 0) * p.scale[0]
    np.testing.assert_allclose(np.diff(z[44:51]), (z[50] - z[44]) / 6, atol=1e-9)
    np.testing.assert_array_equal(z[58:], z[57])
    assert np.abs(z[44:] - z[44]).max() < 0.6


def test_panel_gives_each_series_what_it_gets_alone() -> None:
    panel = random_panel(7, True)
    together = prepare(*put_together(panel), 7)
    for i, y in enumerate(panel):
        alone = prepare(y, np.array([0, len(y)]), 7)
        np.testing.assert_array_equal(of_series(together, together.z, i), of_series(alone, alone.z, 0))
        np.testing.assert_array_equal(of_series(together, together.observed, i), of_series(alone, alone.observed, 0))
        for name in ("period_of", "scale", "level", "linear"):
            assert getattr(together, name)[i] == getattr(alone, name)[0]
        period = alone.period_of[0]
        np.testing.assert_array_equal(together.after[i, :period], alone.after[0, :period])


@pytest.mark.parametrize("season", SEASONS)
def test_inverse_recovers_the_unit_of_the_future(season: int) -> None:
    """Values behind the end, scaled by hand with the known level, figure and scale, come back."""
    panel, h = random_panel(season, False), 3 * season + 2
    p = prepare(*put_together(panel), season)
    future = np.random.default_rng(0).gamma(5.0, 10.0, size=(len(panel), h))
    scaled = np.empty_like(future)
    for i in range(len(panel)):
        z = without_level(p, future[i], i)
        figure = np.array([p.after[i, j % p.period_of[i]] for j in range(h)])
        scaled[i] = (z - figure) / p.scale[i]
    np.testing.assert_allclose(p.inverse(scaled), future, rtol=1e-10)
    np.testing.assert_allclose(p.inverse(scaled[None])[0], future, rtol=1e-10)


def test_scaled_values_return_to_the_series_without_a_season() -> None:
    y = np.random.default_rng(1).gamma(3.0, 2.0, 40)
    p = prepare(y, np.array([0, 40]), 1)
    np.testing.assert_allclose(np.exp(of_series(p, p.z, 0) * p.scale[0]) * p.level[0], y, rtol=1e-12)


SERIES = {
    "constant": np.full(50, 3.0),
    "constant negative": np.full(50, -3.0),
    "zeros": np.zeros(50),
    "length 4": np.array([1.0, 2.0, 3.0, 5.0]),
    "length 4 of zeros": np.zeros(4),
    "huge": np.random.default_rng(0).gamma(3.0, 1.0, 60) * 1e30,
    "largest": np.random.default_rng(0).uniform(0.5, 1.0, 60) * 1e308,
    "tiny": np.random.default_rng(0).gamma(3.0, 1.0, 60) * 1e-30,
    "smallest": np.random.default_rng(0).uniform(0.5, 1.0, 60) * 1e-300,
    "negative": -np.random.default_rng(0).gamma(3.0, 1.0, 60),
    "mixed signs, huge": np.random.default_rng(0).normal(size=60) * 1e30,
    "mixed signs, tiny": np.random.default_rng(0).normal(size=60) * 1e-30,
    "last values zero": np.r_[np.ones(40), np.zeros(30)],
    "one known value": np.r_[np.full(20, np.nan), 4.0, np.full(20, np.nan)],
}


@pytest.mark.parametrize("season", [1, 4, 12])
@pytest.mark.parametrize("name", SERIES)
def test_extreme_series_stay_finite(name: str, season: int) -> None:
    y = SERIES[name]
    p = prepare(y, np.array([0, len(y)]), season)
    for values in (p.z, p.scale, p.level, p.after, p.static):
        assert np.isfinite(values).all()
    assert (p.scale >= 1e-4).all() and (p.level > 0).all()
    assert np.isfinite(p.inverse(np.full((1, 30), p.z[-1]))).all()


@pytest.mark.parametrize("factor", [1e30, 1e-30, 1e-300])
@pytest.mark.parametrize("shift", [0.0, 4.0], ids=["positive", "mixed signs"])
def test_unit_does_not_matter(factor: float, shift: float) -> None:
    y = np.random.default_rng(2).gamma(5.0, 1.0, 90) - shift
    one, other = (prepare(y * f, np.array([0, 90]), 12) for f in (1.0, factor))
    np.testing.assert_allclose(other.z, one.z, atol=1e-7)
    np.testing.assert_allclose(other.level, one.level * factor, rtol=1e-12)


def test_memory_is_asked_for_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: 2**34)
    many = np.broadcast_to(1.0, 50_000 * 50_000)
    with pytest.raises(ValueError, match=r"50000 series.* need \d+ GiB, but this machine has 15.5 GiB free"):
        prepare(many, np.arange(50_001) * 50_000, 24)


def test_input_is_not_changed() -> None:
    y = np.array([np.nan, 1.0, np.nan, 3.0, 4.0, 5.0])
    y.setflags(write=False)
    prepare(y, np.array([0, 6]), 4)


@pytest.mark.parametrize("season", SEASONS)
@pytest.mark.parametrize("longest", [4, 20, 60, 1000])
def test_window_steps(season: int, longest: int) -> None:
    context, ahead = min(max(2 * season, 24), 72), min(max(2 * season, 18), 48)
    if longest < context + ahead + 2 * season:
        context = max(8, longest - ahead - 2 * season)
    assert window_steps(season, longest) == (context, ahead)


def test_context_can_be_chosen() -> None:
    y = np.arange(1.0, 200.0)
    own, chosen = prepare(y, np.array([0, 199]), 12), prepare(y, np.array([0, 199]), 12, 5)
    assert (own.context, chosen.context) == (24, 5)
    assert own.pads[0] - chosen.pads[0] == 19


# Standardising of arrays ------------------------------------------------------------------------------


def test_scaler_equals_numpy() -> None:
    X = np.random.default_rng(0).normal(3.0, [1.0, 100.0], size=(50, 2))
    scaler = ArrayScaler.fit(X)
    np.testing.assert_allclose(scaler.mean_, X.mean(axis=0))
    np.testing.assert_allclose(scaler.scale_, X.std(axis=0))
    np.testing.assert_allclose(scaler.inverse(scaler.transform(X)), X)


def test_scaler_weights_count_as_repetitions() -> None:
    X = np.random.default_rng(0).normal(size=(6, 3))
    weight = np.array([0, 1, 2, 3, 0, 5])
    one, other = ArrayScaler.fit(X, weight), ArrayScaler.fit(np.repeat(X, weight, axis=0))
    np.testing.assert_allclose(one.mean_, other.mean_)
    np.testing.assert_allclose(one.scale_, other.scale_)


def test_scaler_ignores_values_of_no_weight() -> None:
    X = np.array([[1.0], [3.0], [1e300]])
    np.testing.assert_allclose(ArrayScaler.fit(X, np.array([1.0, 1.0, 0.0])).mean_, [2.0])


@pytest.mark.parametrize("value", [0.0, 1.0, -0.1, 1e30, 1e-30, 1 / 3])
def test_scaler_of_a_constant_column(value: float) -> None:
    scaler = ArrayScaler.fit(np.full((7, 1), value))
    assert scaler.scale_[0] == 1.0
    assert scaler.mean_[0] == pytest.approx(value)


@pytest.mark.parametrize("factor", [1e30, 1e300, 1e-30, 1e-300])
def test_scaler_takes_any_magnitude(factor: float) -> None:
    X = np.random.default_rng(0).normal(size=(30, 2))
    unit = ArrayScaler.fit(X).transform(X)
    np.testing.assert_allclose(ArrayScaler.fit(X * factor).transform(X * factor), unit, rtol=1e-9, atol=1e-9)
