"""The mean of all values so far as an input: what it is, where it is read, and that forecasts then keep their level."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecastrnn import Direct, Poisson, RNNForecaster, Seq2Seq
from forecastrnn.engine.cpu.series import returns_to_mean
from forecastrnn.forecasting.inputs import build_inputs
from forecastrnn.forecasting.preparation import prepare
from forecastrnn.forecasting.residuals import centre_of
from forecastrnn.forecasting.steady import PATHS, NoisyPaths
from support.forecaster_cases import long_of, monthly, quick
from support.panels import put_together, random_panel
from support.slow_forecasts import slow_forecasts, slow_path


@pytest.mark.parametrize("season", [1, 4])
def test_inputs_equal_the_slow_ones_at_all_times(season: int) -> None:
    """Behind the first value of each series, and 0 in its padding; all other columns as without it."""
    p = prepare(*put_together(random_panel(season, True)), season).read_with(lags=True, older_means=(3, 2))
    more = p.read_with(lags=True, older_means=(3, 2), long_run=True)
    plain, rows = build_inputs(p, "float64"), build_inputs(more, "float64")
    raw, squashed = np.split(rows, 2, axis=1)
    at = 3 + 3 + 2
    np.testing.assert_array_equal(np.delete(raw, at, axis=1), np.split(plain, 2, axis=1)[0])
    np.testing.assert_allclose(squashed, np.arcsinh(raw), rtol=1e-14)
    width = p.layout.mean_width
    for i in range(p.n_series):
        z, first = p.z[p.starts[i] : p.starts[i + 1]], p.pads[i]
        for t in range(width + max(p.period_of[i], p.layout.second_lag), len(z) - 1):
            expected = z[first : t + 1].mean() - z[t + 1 - width : t + 1].mean() if t >= first else 0.0
            np.testing.assert_allclose(raw[p.starts[i] + t, at], expected, atol=1e-9)


def so_far(model: RNNForecaster) -> Callable:
    """The column of the first series at time t of z, which begins with the end of the series of fit."""
    held = model._model.tail
    (total, count), known = held.so_far[0], held.z.shape[1]

    def column(z: np.ndarray, t: int) -> list[float]:
        width, new = held.prepared.layout.mean_width, z[known : t + 1]
        return [(total + new.sum()) / (count + len(new)) - z[t + 1 - width : t + 1].mean()]

    return column


@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-9), ("float32", 2e-4)])
def test_streams_read_the_mean_of_all(dtype: str, tolerance: float) -> None:
    """1,100 values: the history is moved back to the front once."""
    y = 50.0 + np.random.default_rng(1).normal(size=1200).cumsum() * 0.1
    model = quick(season_length=4, dtype=dtype, long_run_mean=True, context_length=6).fit(y[:100])
    assert model._model.tail.so_far[0, 1] == 100
    expected = slow_forecasts(model, y[100:], so_far(model))
    stream = model.stream()
    given = [stream.forecast] + [stream.step(value) for value in y[100:]]
    np.testing.assert_allclose(given, expected, atol=tolerance * np.abs(y).max())


@pytest.mark.parametrize("loss", ["absolute_error", "squared_error"])
@pytest.mark.parametrize("strategy", ["recursive", Direct(4), Seq2Seq(4)], ids=str)
def test_given_again_they_are_the_same(strategy: object, loss: str) -> None:
    """The series of fit as y: their means are found again, of series that are longer than what is kept of them."""
    frame = long_of({"b": monthly(40, 1), "a": monthly(25, 2), "c": monthly(140, 3)})
    model = quick(strategy=strategy, loss=loss, long_run_mean=True, n_members=2).fit(frame)
    pd.testing.assert_frame_equal(model.predict(4, y=frame), model.predict(4))
    pd.testing.assert_frame_equal(
        model.predict(4, y=frame[frame["unique_id"] == "c"].replace("c", "new"))["RNN"].to_frame(),
        model.predict(4, ids=["c"])["RNN"].to_frame(),
        rtol=0.2,
    )
    shorter = model.predict(4, y=frame.groupby("unique_id").tail(24))
    assert not np.allclose(shorter["RNN"], model.predict(4)["RNN"], rtol=1e-4)


def test_it_stands_still_while_forecasts_are_fed_back() -> None:
    """At the mean of all values that were known, also of those that are not kept."""
    y = monthly(90, 1).to_numpy()
    model = quick(season_length=3, dtype="float64", long_run_mean=True, context_length=6).fit(y)
    tail = model._model.tail
    (total, count), width = tail.so_far[0], tail.prepared.layout.mean_width
    assert count == 90 > tail.z.shape[1]
    expected = slow_path(model._model, tail, 12, lambda z, t: [total / count - z[t + 1 - width : t + 1].mean()])
    np.testing.assert_allclose(model.predict(12), expected, rtol=1e-9)


# Where it is read -------------------------------------------------------------------------------------------------
def noise(n: int = 200) -> np.ndarray:
    return np.random.default_rng(0).poisson(4.0, (n, 3)).astype(float)


def reads(y: np.ndarray, **options: object) -> bool:
    """Whether a forecaster of means reads it."""
    given = {"loss": "squared_error", "season_length": 7, "max_steps": 1, "hidden_layer_sizes": 2} | options
    return quick(**given).fit(pd.DataFrame(y))._model.layout.with_long_run


def test_auto_of_medians() -> None:
    """Where few series come back, or many by less; older means, where they are, tell it too."""
    rng, own = np.random.default_rng(0), {"loss": "absolute_error", "season_length": 4}
    slow = np.zeros((200, 12))
    for t in range(1, 200):
        slow[t] = 0.8 * slow[t - 1] + rng.normal(size=12)  # a season goes half of the way back
    assert reads(noise(), loss="absolute_error")
    assert not reads(slow[:, :9], **own) and reads(slow[:, :10], **own) and not reads(slow, global_model=False, **own)
    assert not reads(rng.normal(size=(200, 12)).cumsum(axis=0), **own)
    assert not reads(noise(), loss="absolute_error", global_model=False)
    long = np.tile(slow, (9, 1))
    assert not reads(long, **own) and reads(long, older_means=None, **own)


def test_auto_is_for_means_of_series_that_return() -> None:
    walks = np.random.default_rng(0).normal(size=(200, 3)).cumsum(axis=0) + 100.0
    trends = np.arange(200.0)[:, None] * [1.0, 2.0, 5.0] + noise()
    assert reads(noise()) and not reads(noise(), long_run_mean=False)
    assert not reads(walks) and not reads(trends) and reads(trends, long_run_mean=True)
    assert not reads(noise(41)) and reads(noise(42))  # six seasons
    assert reads(np.column_stack([noise(), walks[:, 0]])) and not reads(np.column_stack([noise()[:, :1], walks]))


@pytest.mark.parametrize("width", [4, 7])
def test_slopes_equal_the_slow_ones(width: int) -> None:
    rng = np.random.default_rng(width)
    lengths = [6 * width - 1, 6 * width, 90, 250]
    z = [rng.normal(size=n).cumsum() * 0.3 + rng.normal(size=n) for n in lengths]
    found, starts = np.full(4, np.nan), np.cumsum([0, *(n + 5 for n in lengths)])
    padded = np.concatenate([np.concatenate([np.full(5, 99.0), one]) for one in z])
    returns_to_mean(padded, starts, np.full(4, 5), width, 6, found)
    assert found[0] == 0.0
    for one, slope in zip(z[1:], found[1:], strict=True):
        n = len(one)
        times = np.arange(width + max(2 * width, n // 4), n - width)
        now, later = (np.array([one[t + k - width + 1 : t + k + 1].mean() for t in times]) for k in (0, width))
        way = np.array([one[: t + 1].mean() for t in times]) - now
        assert slope == pytest.approx(way @ (later - now) / (way @ way), rel=1e-9)


def test_counts_of_a_likelihood_have_the_figure_of_their_mean() -> None:
    """Where they return to it; their draws are fed back as they are."""
    walks = np.random.default_rng(0).poisson(np.exp(np.random.default_rng(1).normal(size=(200, 3)).cumsum(axis=0) / 9))
    for y, returns in ((noise(), True), (walks, False)):
        model = quick(loss=Poisson(), season_length=7, max_steps=1, hidden_layer_sizes=2).fit(pd.DataFrame(y))
        assert model._model.layout.steady == returns and np.isfinite(model.predict(9)).all(axis=None)


def test_warm_start_reads_what_it_read() -> None:
    y = pd.DataFrame(noise())
    model = quick(loss="squared_error", season_length=7, max_steps=1, warm_start=True).fit(y)
    assert model.fit(pd.DataFrame(noise().cumsum(axis=0)))._model.layout.with_long_run
    with pytest.raises(ValueError, match="warm_start=True: .*long_run_mean.* must be as in the first fit"):
        model.set_params(long_run_mean=False).fit(y)


# Means that stay ---------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def steady() -> RNNForecaster:
    """Of two members."""
    model = quick(loss="squared_error", season_length=7, n_members=2, hidden_layer_sizes=8, dtype="float64")
    return model.fit(pd.DataFrame(noise()))


def test_series_are_prepared_for_the_mean(steady: RNNForecaster) -> None:
    """No logarithm, as the default has of positive series; residuals of mean 0, as those of the default of median 0."""
    held = steady._model
    assert held.layout.steady and held.tail.prepared.linear.all()
    np.testing.assert_allclose(held.residuals.mean(axis=2), 0.0, atol=1e-12)
    other = quick(season_length=7, long_run_mean=True).fit(pd.DataFrame(noise() + 1.0))._model
    assert not other.layout.steady and not other.tail.prepared.linear.any()
    np.testing.assert_allclose(np.median(other.residuals, axis=2), 0.0, atol=1e-12)


def test_a_forecast_is_the_mean_over_paths_before_their_residuals(steady: RNNForecaster) -> None:
    """Restated path by path, each from a stream; the first step is that of a stream to the bit."""
    held, h = steady._model, 3
    p, found = held.tail.prepared, np.empty((2, PATHS, h))
    noises = NoisyPaths(held.paths, held.residuals, p.scale).noise(np.array([1]), p.scale[[1]], h)[:, 0]
    assert sorted(noises[:PATHS, 0]) != sorted(noises[:PATHS, 1])  # drawn anew at each step, evenly from all
    for number, noise in enumerate(noises):
        stream = steady.set_params(bounds=None).stream(1)
        stream._members = [stream._members[number // PATHS]]
        at = stream._advance()
        for step in range(h):
            found[number // PATHS, number % PATHS, step] = at
            at = stream.step(at + noise[step] * p.scale[1] * p.level[1])
    expected = np.median(found.mean(axis=1), axis=0)
    np.testing.assert_allclose(steady.predict(h)[1], expected, rtol=2e-3)  # a stream moves the long-run mean, a little
    streams = [steady.stream(name).forecast for name in range(3)]
    assert steady.predict(5).iloc[0].tolist() == streams == steady.predict(1).iloc[0].tolist()


def test_residuals_lie_around_the_middle_of_their_loss() -> None:
    """Where the slopes of the loss add up to 0."""
    errors = np.random.default_rng(0).exponential(3.0, (2, 3, 64))
    slopes = {"squared_error": lambda e: e, "huber": lambda e: np.clip(e, -1, 1), "absolute_error": np.sign}
    for loss, slope in slopes.items():
        np.testing.assert_allclose(slope(errors - centre_of(errors, loss)).mean(axis=2), 0.0, atol=1e-6)


def test_in_parts_they_are_the_same(steady: RNNForecaster, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = steady.predict(5)
    monkeypatch.setattr("forecastrnn.forecasting.steady.MOST_VALUES", 500)
    pd.testing.assert_frame_equal(steady.predict(5), expected)
    pd.testing.assert_frame_equal(steady.predict(5, ids=[2, 0]), expected[[2, 0]])


def test_without_noise_it_is_one_path(steady: RNNForecaster, monkeypatch: pytest.MonkeyPatch) -> None:
    held = steady._model
    own = np.arange(3)
    plain = np.median(held.paths(held.tail, own, 6, np.arange(2), "cpu", ahead=None), axis=0)
    assert not np.allclose(steady.predict(6).to_numpy().T, plain, rtol=1e-6)
    monkeypatch.setattr(steady, "_model", replace(held, residuals=0.0 * held.residuals))
    np.testing.assert_allclose(steady.predict(6).to_numpy().T, plain, rtol=1e-9)


def test_counts_do_not_drift() -> None:
    """Two seasons behind the end a forecast has the level that it began with; without the mean it has not."""
    rng, t = np.random.default_rng(3), np.arange(392)
    expected = 0.8 * rng.lognormal(0, 0.5, (8, 1)) * (1 + 0.6 * np.sin(2 * np.pi * t / 7))
    y, options = pd.DataFrame(rng.poisson(expected).T.astype(float)), {"hidden_layer_sizes": 16, "max_steps": 150}
    drift = {}
    for long_run in ("auto", False):
        model = quick(loss="squared_error", season_length=7, long_run_mean=long_run, **options).fit(y[:364])
        drift[long_run] = model.predict(28)[21:].to_numpy().sum() / expected[:, -7:].sum() - 1
    assert abs(drift["auto"]) < 0.1 < abs(drift[False])
